/* runtime/cgroup/memory_max.c: set v2's memory.max without an OOM kill for it.
 *
 * A write to memory.max below what is in use makes the kernel reclaim and then kill until it fits,
 * so a limit that is too small for the task would end the task instead of being reported. Lowering
 * memory.high does the same reclaim and never kills. Its use is short: while it is low every
 * allocation of the leaf is slowed down, so all files are open before and it is raised again before
 * anything else is done. */
#include "manager.h"

#include <fcntl.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/parse.h>

static int read_u64(int fd, uint64_t *ret) {
        char buf[32];
        ssize_t n = pread(fd, buf, sizeof buf - 1, 0);

        if (n < 0)
                return -errno;
        buf[n] = 0;
        buf[strcspn(buf, "\n")] = 0;
        return st_parse_u64(buf, ret);
}

static int write_text(int fd, const char *text) {
        while (write(fd, text, strlen(text)) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

static int reclaim_to(int dir_fd, int current_fd, const char *value, uint64_t *ret_usage) {
        st_autoclose int high_fd = openat(dir_fd, "memory.high", O_RDWR | O_CLOEXEC);
        char before[32];
        ssize_t n;
        int r, restored;

        if (high_fd < 0)
                return -errno;
        n = read(high_fd, before, sizeof before - 1);
        if (n < 0)
                return -errno;
        before[n] = 0;
        r = write_text(high_fd, value);
        restored = write_text(high_fd, before);
        if (r < 0 || restored < 0)
                return r < 0 ? r : restored;
        return read_u64(current_fd, ret_usage);
}

int rt_memory_max_write(int dir_fd, const char *value, const char *field, struct st_error *err) {
        st_autoclose int max_fd = openat(dir_fd, "memory.max", O_WRONLY | O_CLOEXEC);
        st_autoclose int current_fd = openat(dir_fd, "memory.current", O_RDONLY | O_CLOEXEC);
        uint64_t limit, usage = 0;
        int r;

        if (max_fd < 0 || current_fd < 0)
                return -errno;
        if (st_parse_u64(value, &limit) < 0) /* "max" */
                return write_text(max_fd, value);
        r = read_u64(current_fd, &usage);
        if (r == 0 && usage > limit)
                r = reclaim_to(dir_fd, current_fd, value, &usage);
        if (r < 0)
                return r;
        if (usage > limit)
                return rt_fail(err, ST_CODE_LIMIT, -EBUSY,
                               "%s: %s bytes are too few: %llu are in use already", field, value,
                               (unsigned long long)usage);
        return write_text(max_fd, value);
}
