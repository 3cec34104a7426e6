/* runtime/cgroup/cpuset.c: a new v1 cpuset has no CPUs and no memory nodes and takes no task: it
 * gets its parent's. */
#include "manager.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

enum { LIST_MAX = 4096 };

static bool is_planned(const struct rt_cgroup *cgroup, const char *file) {
        for (size_t i = 0; i < cgroup->writes.n_items; i++)
                if (!strcmp(cgroup->writes.items[i].file, file))
                        return true;
        return false;
}

static int knob_of(struct rt_cgroup *cgroup, const char *dir, const char *file, int flags) {
        char path[PATH_MAX];

        if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
                return -ENAMETOOLONG;
        return rt_path_open(cgroup, path, flags);
}

/* @parent has PATH_MAX bytes, and @dir is shorter. */
static void parent_of(const char *dir, char *parent) {
        size_t length = (size_t)(strrchr(dir, '/') - dir);

        memcpy(parent, dir, length);
        parent[length] = 0;
}

/* The list in @dir; a parent that another runtime has just made may still be empty, and then its
 * parent's counts. */
static int read_list(struct rt_cgroup *cgroup, const struct rt_leaf *leaf, const char *dir,
                     const char *file, char *buf) {
        char parent[PATH_MAX];
        st_autoclose int fd = knob_of(cgroup, dir, file, O_RDONLY);
        ssize_t n;

        if (fd < 0)
                return fd;
        n = read(fd, buf, LIST_MAX - 1);
        if (n < 0)
                return -errno;
        buf[n] = 0;
        if (n > 1)
                return 0;
        if (strlen(dir) <= leaf->mount_length)
                return -ENOSPC; /* what attaching a task would say */
        parent_of(dir, parent);
        return read_list(cgroup, leaf, parent, file, buf);
}

static int inherit(struct rt_cgroup *cgroup, const struct rt_leaf *leaf, const char *dir,
                   const char *file, struct st_error *err) {
        char list[LIST_MAX], parent[PATH_MAX];
        st_autoclose int fd = -1;
        int r;

        parent_of(dir, parent);
        r = read_list(cgroup, leaf, parent, file, list);
        if (r < 0)
                return st_error_code(err, r, "read %s/%s", parent, file);
        fd = knob_of(cgroup, dir, file, O_WRONLY);
        if (fd < 0)
                return st_error_code(err, fd, "open %s/%s", dir, file);
        r = st_write_all(fd, list, strlen(list));
        if (r < 0)
                return st_error_code(err, r, "write %s/%s", dir, file);
        return 0;
}

static bool has_list(struct rt_cgroup *cgroup, const char *dir, const char *file) {
        st_autoclose int fd = knob_of(cgroup, dir, file, O_RDONLY);
        char buf[4];

        return fd >= 0 && read(fd, buf, sizeof buf) > 1;
}

int rt_cpuset_inherit(struct rt_cgroup *cgroup, struct rt_leaf *leaf, const char *dir,
                      struct st_error *err) {
        static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
        bool is_leaf = !strcmp(dir, leaf->path);

        if (strlen(dir) >= PATH_MAX)
                return st_error_code(err, -ENAMETOOLONG, "make %s", dir);
        for (size_t i = 0; i < 2; i++) {
                int r;
                if (is_leaf && (is_planned(cgroup, files[i]) ||
                                (!leaf->made && has_list(cgroup, dir, files[i]))))
                        continue;
                r = inherit(cgroup, leaf, dir, files[i], err);
                if (r < 0)
                        return r;
        }
        return 0;
}
