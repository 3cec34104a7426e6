/* runtime/cgroup/leaf.c: the directory of one hierarchy: opened safely, made, read. */
#include "manager.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/parse.h>
#include <stint/syscall.h>

struct rt_leaf *rt_leaf_of(const struct rt_cgroup *cgroup, unsigned bits) {
        RT_FOREACH_LEAF (leaf, cgroup)
                if (leaf->controllers & bits)
                        return leaf;
        return NULL;
}

struct rt_leaf *rt_leaf_v2(const struct rt_cgroup *cgroup) {
        RT_FOREACH_LEAF (leaf, cgroup)
                if (leaf->v2)
                        return leaf;
        return NULL;
}

int rt_cgroup_root_open(struct rt_cgroup *cgroup) {
        if (cgroup->root_fd >= 0)
                return 0;
        cgroup->root_fd = open(cgroup->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return cgroup->root_fd < 0 ? -errno : 0;
}

/* Component by component, for when a filter of an outer container refuses openat2 (until Linux 5.6
 * is everywhere and such filters are gone). */
static int walk(int dir_fd, const char *path, int flags) {
        st_autoclose int at_fd =
                openat(dir_fd, *path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

        for (;;) {
                char name[NAME_MAX + 1];
                size_t length;
                bool last;
                int fd;

                if (at_fd < 0)
                        return -errno;
                path += strspn(path, "/");
                length = strcspn(path, "/");
                if (length >= sizeof name)
                        return -ENAMETOOLONG;
                memcpy(name, path, length);
                name[length] = 0;
                path += length;
                last = !path[strspn(path, "/")];
                fd = openat(at_fd, length ? name : ".",
                            (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
                if (last)
                        return fd < 0 ? -errno : fd;
                (void)st_close(at_fd);
                at_fd = fd;
        }
}

static int open_plain(int dir_fd, const char *path, int flags) {
        struct open_how how = {
                .flags = (unsigned)(flags | O_CLOEXEC),
                .resolve = RESOLVE_NO_SYMLINKS | (dir_fd >= 0 ? RESOLVE_BENEATH : 0),
        };
        int fd = st_openat2(dir_fd, path, &how);

        if (fd >= 0)
                return fd;
        if (errno == ENOSYS || errno == EPERM)
                return walk(dir_fd, path, flags);
        return -errno;
}

/* @path from the root's descriptor, or from "/" when it is elsewhere. */
static const char *below_root(const struct rt_cgroup *cgroup, const char *path, int *ret_dir_fd) {
        size_t length = strlen(cgroup->root);

        if (!strncmp(path, cgroup->root, length) && (path[length] == '/' || !path[length])) {
                *ret_dir_fd = cgroup->root_fd;
                return path[length] ? path + length + 1 : ".";
        }
        *ret_dir_fd = AT_FDCWD;
        return path;
}

int rt_path_open(struct rt_cgroup *cgroup, const char *path, int flags) {
        int dir_fd, r = rt_cgroup_root_open(cgroup);

        if (r < 0)
                return r;
        path = below_root(cgroup, path, &dir_fd);
        return open_plain(dir_fd, path, flags);
}

int rt_leaf_dir(struct rt_cgroup *cgroup, struct rt_leaf *leaf) {
        if (leaf->dir_fd < 0) {
                int fd = rt_path_open(cgroup, leaf->path, O_PATH | O_DIRECTORY);
                if (fd < 0)
                        return fd;
                leaf->dir_fd = fd;
        }
        return leaf->dir_fd;
}

int rt_leaf_open_file(struct rt_cgroup *cgroup, const struct rt_leaf *leaf, const char *file,
                      int flags) {
        char path[PATH_MAX];

        if (leaf->dir_fd >= 0) {
                int fd = openat(leaf->dir_fd, file, flags | O_NOFOLLOW | O_CLOEXEC);
                return fd < 0 ? -errno : fd;
        }
        if (snprintf(path, sizeof path, "%s/%s", leaf->path, file) >= (int)sizeof path)
                return -ENAMETOOLONG;
        return rt_path_open(cgroup, path, flags);
}

int rt_knob_read(int dir_fd, const char *file, char *buf, size_t size) {
        st_autoclose int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = read(fd, buf, size - 1);
        if (n < 0)
                return -errno;
        if (n > 0 && buf[n - 1] == '\n')
                n--;
        buf[n] = 0;
        return 0;
}

int rt_knob_read_u64(int dir_fd, const char *file, uint64_t *ret) {
        char text[32];
        int r = rt_knob_read(dir_fd, file, text, sizeof text);

        if (r < 0)
                return r;
        if (strcmp(text, "max") != 0)
                return st_parse_u64(text, ret);
        *ret = UINT64_MAX;
        return 0;
}

/* 1: made; 0: was there. The path holds no symlink to follow: it is clean and below a cgroup file
 * system, which has none. */
static int make_dir(struct rt_cgroup *cgroup, const char *path) {
        int dir_fd;

        path = below_root(cgroup, path, &dir_fd);
        if (mkdirat(dir_fd, path, 0755) == 0)
                return 1;
        return errno == EEXIST ? 0 : -errno;
}

/* Make what is missing between the mount and the leaf. */
static int make_parents(struct rt_cgroup *cgroup, struct rt_leaf *leaf, struct st_error *err) {
        char path[PATH_MAX];
        size_t length = strlen(leaf->path);

        if (length >= sizeof path)
                return st_error_code(err, -ENAMETOOLONG, "make %s", leaf->path);
        for (size_t i = leaf->mount_length + 1; i < length; i++) {
                int r;
                if (leaf->path[i] != '/')
                        continue;
                memcpy(path, leaf->path, i);
                path[i] = 0;
                r = make_dir(cgroup, path);
                if (r < 0)
                        return st_error_code(err, r, "make %s", path);
                if (r > 0 && !leaf->v2 && (leaf->controllers & RT_CTL_CPUSET)) {
                        r = rt_cpuset_inherit(cgroup, leaf, path, err);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* A leaf that was there may be for us (the caller made it), but not when somebody lives in it. */
static int check_unused(struct rt_cgroup *cgroup, struct rt_leaf *leaf, struct st_error *err) {
        st_autofree pid_t *pids = NULL;
        size_t n = 0;
        int r = rt_leaf_processes(cgroup, leaf, &pids, &n);

        if (r < 0)
                return st_error_code(err, r, "list the processes of %s", leaf->path);
        if (n > 0)
                return st_error_set(err, -EBUSY, "cgroup %s is in use: it holds process %d",
                                    leaf->path, (int)pids[0]);
        if (rt_leaf_frozen(cgroup, leaf) > 0)
                return st_error_set(err, -EBUSY, "cgroup %s is in use: it is frozen", leaf->path);
        return 0;
}

int rt_leaf_make(struct rt_cgroup *cgroup, struct rt_leaf *leaf, enum rt_leaf_use use,
                 struct st_error *err) {
        int r = make_dir(cgroup, leaf->path);

        if (r == -ENOENT) {
                r = make_parents(cgroup, leaf, err);
                if (r < 0)
                        return r;
                r = make_dir(cgroup, leaf->path);
        }
        if (r < 0)
                return st_error_code(err, r, "make %s", leaf->path);
        leaf->made = r > 0;
        if (!leaf->made && use == RT_LEAF_NEW) {
                r = check_unused(cgroup, leaf, err);
                if (r < 0)
                        return r;
        }
        if (!leaf->v2 && (leaf->controllers & RT_CTL_CPUSET))
                return rt_cpuset_inherit(cgroup, leaf, leaf->path, err);
        return 0;
}
