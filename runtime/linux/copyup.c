#include "copyup.h"

#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/syscall.h>

enum { MAX_DEPTH = 64 };

struct linux_dirent64 {
        uint64_t d_ino;
        int64_t d_off;
        unsigned short d_reclen;
        unsigned char d_type;
        char d_name[];
};

static int copy_tree(int from_fd, int to_fd, unsigned depth, struct st_error *err);

static int copy_metadata(int dir_fd, const char *name, const struct stat *st) {
        struct timespec times[2] = {st->st_atim, st->st_mtim};

        if (fchownat(dir_fd, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISLNK(st->st_mode) && fchmodat(dir_fd, name, st->st_mode & 07777, 0) < 0)
                return -errno;
        return utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_file(int from_dir, int to_dir, const char *name) {
        st_autoclose int in =
                openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        st_autoclose int out = -1;
        ssize_t n;

        if (in < 0)
                return -errno;
        out = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (out < 0)
                return -errno;
        while ((n = sendfile(out, in, NULL, 1 << 30)) > 0)
                ;
        return n < 0 ? -errno : 0;
}

static int copy_link(int from_dir, int to_dir, const char *name) {
        char target[PATH_MAX];
        ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);

        if (n < 0)
                return -errno;
        target[n] = 0;
        return symlinkat(target, to_dir, name) < 0 ? -errno : 0;
}

static int copy_dir(int from_dir, int to_dir, const char *name, unsigned depth,
                    struct st_error *err) {
        st_autoclose int from =
                openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        st_autoclose int to = -1;

        if (from < 0)
                return st_error_sys(err, "open %s", name);
        if (mkdirat(to_dir, name, 0700) < 0)
                return st_error_sys(err, "make %s", name);
        to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (to < 0)
                return st_error_sys(err, "open the copy of %s", name);
        return copy_tree(from, to, depth + 1, err);
}

static int copy_entry(int from_dir, int to_dir, const char *name, unsigned depth,
                      struct st_error *err) {
        struct stat st;
        int r;

        if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return st_error_sys(err, "stat %s", name);
        if (S_ISDIR(st.st_mode)) {
                r = copy_dir(from_dir, to_dir, name, depth, err);
                if (r < 0)
                        return r;
        } else {
                if (S_ISREG(st.st_mode))
                        r = copy_file(from_dir, to_dir, name);
                else if (S_ISLNK(st.st_mode))
                        r = copy_link(from_dir, to_dir, name);
                else
                        r = mknodat(to_dir, name, st.st_mode, st.st_rdev) < 0 ? -errno : 0;
                if (r < 0)
                        return st_error_code(err, r, "copy %s", name);
        }
        r = copy_metadata(to_dir, name, &st);
        return r < 0 ? st_error_code(err, r, "copy the mode and owner of %s", name) : 0;
}

static int copy_tree(int from_fd, int to_fd, unsigned depth, struct st_error *err) {
        char buffer[4096] __attribute__((aligned(8)));

        if (depth > MAX_DEPTH)
                return st_error_set(err, -ELOOP, "more than %d levels of directories", MAX_DEPTH);
        for (;;) {
                long n = syscall(SYS_getdents64, from_fd, buffer,
                                 sizeof buffer); /* readdir(3) allocates */
                if (n < 0)
                        return st_error_sys(err, "read a directory");
                if (n == 0)
                        return 0;
                for (long at = 0; at < n;) {
                        const struct linux_dirent64 *entry = (const void *)(buffer + at);
                        int r = 0;
                        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
                                r = copy_entry(from_fd, to_fd, entry->d_name, depth, err);
                        if (r < 0)
                                return r;
                        at += entry->d_reclen;
                }
        }
}

int rt_copy_up(int from_fd, int to_fd, struct st_error *err) {
        st_autoclose int from = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;
        int r;

        if (from < 0 || fstat(from, &st) < 0)
                return st_error_sys(err, "open the directory below");
        r = copy_tree(from, to_fd, 0, err);
        if (r < 0)
                return r;
        if (fchmodat(to_fd, ".", st.st_mode & 07777, 0) < 0 ||
            fchownat(to_fd, ".", st.st_uid, st.st_gid, 0) < 0)
                return st_error_sys(err, "copy the mode and owner");
        return 0;
}
