#include "proc.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <stint/cleanup.h>
#include <stint/process.h>
#include <stint/syscall.h>

enum { PROC_ROOT_INO = 1 }; /* part of the kernel's ABI since 2.6 */

/* ---- opening a procfs */

static int mount_own(bool only_processes) {
        st_autoclose int fs_fd = st_fsopen("proc", FSOPEN_CLOEXEC);
        int mount_fd;

        if (fs_fd < 0)
                return -errno;
        /* subset=pid: Linux 5.8 */
        if (only_processes && st_fsconfig(fs_fd, FSCONFIG_SET_STRING, "subset", "pid", 0) < 0)
                return -errno;
        if (st_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        mount_fd = st_fsmount(fs_fd, FSMOUNT_CLOEXEC,
                              MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        return mount_fd < 0 ? -errno : mount_fd;
}

static int open_of_host(void) {
        st_autoclose int fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct statfs fs;
        struct stat st;

        if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INO)
                return -EXDEV; /* something else, or a directory of a procfs, is mounted on /proc */
        return st_take_fd(fd);
}

int rt_proc_open(void) {
        int fd = mount_own(true);

        return fd >= 0 ? fd : open_of_host();
}

int rt_proc_open_whole(void) {
        int fd = mount_own(false);

        return fd >= 0 ? fd : open_of_host();
}

/* ---- opening a file in it */

static int is_procfs(int fd) {
        struct statfs fs;

        if (fstatfs(fd, &fs) < 0)
                return -errno;
        return fs.f_type == PROC_SUPER_MAGIC ? 0 : -EXDEV;
}

static int on_same_mount(int fd, int other_fd) {
        struct statx a, b;

        if (st_statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &a) < 0 ||
            st_statx(other_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &b) < 0)
                return -errno;
        if (!(a.stx_mask & b.stx_mask & STATX_MNT_ID))
                return -EOPNOTSUPP; /* Linux 5.8 */
        return a.stx_mnt_id == b.stx_mnt_id ? 0 : -EXDEV;
}

/* "thread-self" and "self" are procfs's own symlinks and hold "PID/task/TID" and "PID". */
static int expand_self(int proc_fd, const char *path, char *buf, size_t size) {
        size_t head = strcspn(path, "/");
        char name[16], target[64];
        ssize_t n;

        if ((head != 4 || memcmp(path, "self", 4) != 0) &&
            (head != 11 || memcmp(path, "thread-self", 11) != 0))
                return (size_t)snprintf(buf, size, "%s", path) < size ? 0 : -ENAMETOOLONG;
        memcpy(name, path, head);
        name[head] = 0;
        n = readlinkat(proc_fd, name, target, sizeof target - 1);
        if (n < 0)
                return -errno;
        target[n] = 0;
        return (size_t)snprintf(buf, size, "%s%s", target, path + head) < size ? 0 : -ENAMETOOLONG;
}

/* Follow @path by directory descriptors, no symlinks: where a filter blocks openat2(2). */
static int open_by_component(int proc_fd, const char *path, int flags) {
        char expanded[PATH_MAX];
        st_autoclose int dir_fd = -1;
        char *name = expanded;
        int r = expand_self(proc_fd, path, expanded, sizeof expanded);

        if (r < 0)
                return r;
        for (;;) {
                char *slash = strchr(name, '/');
                st_autoclose int fd = -1;

                if (slash)
                        *slash = 0;
                if (!strcmp(name, "..") || !strcmp(name, ".") || !*name)
                        return -EINVAL;
                fd = openat(dir_fd < 0 ? proc_fd : dir_fd, name,
                            (slash ? O_PATH | O_DIRECTORY : flags) | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        return -errno;
                r = on_same_mount(fd, proc_fd);
                if (r < 0)
                        return r;
                if (!slash)
                        return st_take_fd(fd);
                dir_fd = st_close(dir_fd);
                dir_fd = st_take_fd(fd);
                name = slash + 1;
        }
}

int rt_proc_open_file(int proc_fd, const char *path, int flags) {
        struct open_how how = {
                .flags = (uint64_t)flags | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
        };
        st_autoclose int fd = st_openat2(proc_fd, path, &how);
        int r;

        if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
                int by_component_fd = open_by_component(proc_fd, path, flags);
                if (by_component_fd < 0)
                        return by_component_fd;
                fd = by_component_fd;
        }
        if (fd < 0)
                return -errno;
        r = is_procfs(fd);
        return r < 0 ? r : st_take_fd(fd);
}

int rt_proc_write(int proc_fd, const char *path, const char *text, size_t length) {
        st_autoclose int fd = rt_proc_open_file(proc_fd, path, O_WRONLY);
        ssize_t n;

        if (fd < 0)
                return fd;
        do
                n = write(fd, text, length);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return (size_t)n == length ? 0 : -EIO;
}

int rt_oom_score_adj_apply(int proc_fd, int value, struct st_error *err) {
        char text[16];
        int r = snprintf(text, sizeof text, "%d", value);

        r = rt_proc_write(proc_fd, "self/oom_score_adj", text, (size_t)r);
        if (r < 0)
                return st_error_code(
                        err, r, "process.oomScoreAdj: write %d to /proc/self/oom_score_adj", value);
        return 0;
}
