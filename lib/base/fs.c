#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

int st_read_fd(int fd, size_t max, char **ret_text, size_t *ret_length) {
        st_autofree char *text = NULL;
        size_t used = 0, room = 0;
        struct stat st;

        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
            (size_t)st.st_size <= max)
                room = (size_t)st.st_size + 2; /* one to see the end, one for the NUL */
        else
                room = 4096;
        text = malloc(room);
        if (!text)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(fd, text + used, room - used - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                used += (size_t)n;
                if (used > max)
                        return -EFBIG;
                if (room - used < 2) {
                        char *bigger = realloc(text, room * 2);
                        if (!bigger)
                                return -ENOMEM;
                        text = bigger;
                        room *= 2;
                }
        }
        text[used] = 0;
        *ret_text = st_take(text);
        if (ret_length)
                *ret_length = used;
        return 0;
}

int st_read_file_at(int dir_fd, const char *path, size_t max, char **ret_text, size_t *ret_length,
                    struct st_error *err) {
        st_autoclose int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
        int r;

        if (fd < 0)
                return st_error_sys(err, "open %s", path);
        r = st_read_fd(fd, max, ret_text, ret_length);
        if (r == -EFBIG)
                return st_error_set(err, r, "read %s: more than %zu bytes", path, max);
        if (r < 0)
                return st_error_code(err, r, "read %s", path);
        return 0;
}

int st_write_knob_at(int dir_fd, const char *path, const char *text) {
        st_autoclose int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        for (;;) {
                if (write(fd, text, strlen(text)) >= 0)
                        return 0;
                if (errno != EINTR)
                        return -errno;
        }
}

int st_write_all(int fd, const void *data, size_t length) {
        const char *p = data;

        while (length > 0) {
                ssize_t n = write(fd, p, length);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                length -= (size_t)n;
        }
        return 0;
}

int st_replace_file_at(int dir_fd, const char *name, const void *data, size_t length, mode_t mode,
                       struct st_error *err) {
        char temporary[NAME_MAX + 1];
        st_autoclose int fd = -1;
        int r;

        if ((size_t)snprintf(temporary, sizeof temporary, ".%s.%d", name, (int)getpid()) >=
            sizeof temporary)
                return st_error_code(err, -ENAMETOOLONG, "write %s", name);
        fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return st_error_sys(err, "create %s", temporary);
        r = st_write_all(fd, data, length);
        if (r < 0) {
                (void)unlinkat(dir_fd, temporary, 0); /* the write's error is the one to tell */
                return st_error_code(err, r, "write %s", name);
        }
        if (renameat(dir_fd, temporary, dir_fd, name) < 0) {
                r = st_error_sys(err, "rename %s to %s", temporary, name);
                (void)unlinkat(dir_fd, temporary, 0); /* likewise */
                return r;
        }
        return 0;
}

int st_mkdir_p_at(int dir_fd, const char *path, mode_t mode) {
        char partial[PATH_MAX];
        size_t length = strlen(path);

        if (mkdirat(dir_fd, path, mode) == 0 || errno == EEXIST)
                return 0;
        if (errno != ENOENT)
                return -errno;
        if (length >= sizeof partial)
                return -ENAMETOOLONG;
        for (size_t i = 1; i <= length; i++) {
                if (path[i] != '/' && path[i] != 0)
                        continue;
                memcpy(partial, path, i);
                partial[i] = 0;
                if (mkdirat(dir_fd, partial, mode) < 0 && errno != EEXIST)
                        return -errno;
        }
        return 0;
}

static int remove_children(int dir_fd) {
        st_autoclosedir DIR *dir = fdopendir(dir_fd);
        const struct dirent *entry;

        if (!dir) {
                int r = -errno;
                (void)st_close(dir_fd);
                return r;
        }
        while ((entry = readdir(dir))) {
                int r;
                if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
                        continue;
                r = st_remove_tree_at(dirfd(dir), entry->d_name);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}

int st_remove_tree_at(int dir_fd, const char *name) {
        int fd, r;

        if (unlinkat(dir_fd, name, 0) == 0)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = remove_children(fd);
        if (r < 0)
                return r;
        return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}
