/* A process for ever: its pid and its start time. After a pidfd was opened and the start time read
 * again, the number cannot have been reused in between. */
#include <stdio.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/process_id.h>
#include <stint/syscall.h>

enum { FLAGS_FIELD = 9, STARTTIME_FIELD = 22 }; /* proc(5), /proc/pid/stat, counted from 1 */
enum { FORKED_NOT_EXECUTED = 0x40 };            /* the kernel's PF_FORKNOEXEC */

static int read_stat(pid_t pid, int wanted, uint64_t *ret_value) {
        char path[40], text[1024];
        st_autoclose int fd = -1;
        const char *p;
        ssize_t n;

        (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof text - 1);
        if (n <= 0)
                return n < 0 ? -errno : -ESRCH;
        text[n] = 0;
        p = strrchr(text, ')'); /* the name in field 2 may hold anything */
        if (!p || p[1] != ' ')
                return -EPROTO;
        p += 2; /* field 3 */
        for (int field = 3; field < wanted; field++) {
                p = strchr(p, ' ');
                if (!p)
                        return -EPROTO;
                p++;
        }
        *ret_value = strtoull(p, NULL, 10);
        return 0;
}

uint64_t rt_start_time(pid_t pid) {
        uint64_t value;

        int r = read_stat(pid, STARTTIME_FIELD, &value);

        if (r < 0)
                errno = -r;
        return r < 0 ? 0 : value;
}

bool rt_never_executed(pid_t pid) {
        uint64_t flags;

        return read_stat(pid, FLAGS_FIELD, &flags) == 0 && flags & FORKED_NOT_EXECUTED;
}

pid_t rt_pid_inside(pid_t pid) {
        st_autofree char *text = NULL;
        char path[40], *p, *last;

        (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
        if (st_read_file_at(AT_FDCWD, path, 1 << 16, &text, NULL, NULL) < 0)
                return 0;
        p = strstr(text, "\nNSpid:");
        if (!p)
                return pid;
        p[1 + strcspn(p + 1, "\n")] = 0;
        last = strrchr(p, '\t');
        return last ? (pid_t)strtol(last + 1, NULL, 10) : pid;
}

int rt_pidfd_of(pid_t pid, uint64_t start_time) {
        st_autoclose int fd = -1;

        if (pid <= 0)
                return -ESRCH;
        fd = st_pidfd_open(pid, 0);
        if (fd < 0)
                return -errno;
        if (rt_start_time(pid) != start_time)
                return -ESRCH;
        return st_take_fd(fd);
}
