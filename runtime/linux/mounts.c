/* Carrying out the mount plan, in the child. Theory of operation: every mount is made detached,
 * gets its attributes there, and is moved onto a target that was resolved below the root's
 * descriptor; no path is looked up twice. */
#include "copyup.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/mounts.h>
#include <stint/rootpath.h>
#include <stint/syscall.h>

enum { FSCONFIG_STRING_MAX = 255 }; /* fs/fsopen.c copies values with strndup_user(.., 256) */

/* ---- attributes ---- */

/* until Linux 5.12 is the oldest: the same through mount(2) on the attached mount */
static int remount_by_path(int mount_fd, const struct mount_attr *attr) {
        static const struct {
                uint64_t attr;
                unsigned long flag;
        } map[] = {
                {MOUNT_ATTR_RDONLY, MS_RDONLY},         {MOUNT_ATTR_NOSUID, MS_NOSUID},
                {MOUNT_ATTR_NODEV, MS_NODEV},           {MOUNT_ATTR_NOEXEC, MS_NOEXEC},
                {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},
        };
        unsigned long flags = MS_REMOUNT | MS_BIND;
        char path[40];

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", mount_fd);
        for (size_t i = 0; i < sizeof map / sizeof *map; i++)
                if (attr->attr_set & map[i].attr)
                        flags |= map[i].flag;
        if ((attr->attr_set & MOUNT_ATTR__ATIME) == MOUNT_ATTR_NOATIME)
                flags |= MS_NOATIME;
        if (attr->attr_set && mount(NULL, path, NULL, flags, NULL) < 0)
                return -errno;
        if (attr->propagation && mount(NULL, path, NULL, attr->propagation, NULL) < 0)
                return -errno;
        return 0;
}

static int set_attributes(int mount_fd, bool recursive, struct mount_attr *attr) {
        unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

        if (!attr->attr_set && !attr->attr_clr && !attr->propagation)
                return 0;
        if (st_mount_setattr(mount_fd, "", flags, attr) == 0)
                return 0;
        if (errno == ENOSYS && !recursive)
                return remount_by_path(mount_fd, attr);
        return -errno;
}

static int set_bind_attributes(int tree_fd, const struct rt_mount_options *options) {
        struct mount_attr top = {.attr_set = options->attr_set, .attr_clr = options->attr_clear};
        struct mount_attr all = {.attr_set = options->attr_set_rec,
                                 .attr_clr = options->attr_clear_rec};
        int r = set_attributes(tree_fd, false, &top);

        return r < 0 ? r : set_attributes(tree_fd, true, &all);
}

static int set_propagation(int tree_fd, const struct rt_mount_options *options) {
        struct mount_attr attr = {.propagation = options->propagation};

        return set_attributes(tree_fd, options->propagation_rec, &attr);
}

static int attach(int tree_fd, int target_fd, const struct rt_mount_options *options,
                  struct st_error *err) {
        int r;

        if (st_move_mount(tree_fd, "", target_fd, "",
                          MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return st_error_sys(err, "attach");
        r = set_propagation(tree_fd, options);
        if (r < 0)
                return st_error_code(err, r, "set propagation");
        return 0;
}

/* ---- file systems ---- */

/* The file system's own words ("e tmpfs: Bad value for 'size'"), when it has said any. */
static int fs_error(struct st_error *err, int fs_fd, const char *what, const char *detail) {
        int code = -errno;
        char said[200];
        ssize_t n = read(fs_fd, said, sizeof said - 1);

        if (n <= 2)
                return st_error_code(err, code, "%s %s", what, detail);
        said[n] = 0;
        said[strcspn(said, "\n")] = 0;
        return st_error_code(err, code, "%s %s: %s", what, detail, said + 2);
}

static int configure_one(int fs_fd, const char *option, struct st_error *err) {
        const char *equals = strchr(option, '=');
        char key[64];

        if (!equals) {
                if (st_fsconfig(fs_fd, FSCONFIG_SET_FLAG, option, NULL, 0) < 0)
                        return fs_error(err, fs_fd, "option", option);
                return 0;
        }
        if ((size_t)(equals - option) >= sizeof key)
                return st_error_set(err, -EINVAL, "option %s: name is too long", option);
        memcpy(key, option, (size_t)(equals - option));
        key[equals - option] = 0;
        if (st_fsconfig(fs_fd, FSCONFIG_SET_STRING, key, equals + 1, 0) < 0)
                return fs_error(err, fs_fd, "option", option);
        return 0;
}

/* File systems on a device or with a backing of their own: "ro" has to reach the superblock too. */
static bool has_backing(const char *fs) {
        static const char *const pseudo[] = {"proc",   "sysfs",  "tmpfs",   "devpts",
                                             "mqueue", "cgroup", "cgroup2", "ramfs"};

        for (size_t i = 0; i < sizeof pseudo / sizeof *pseudo; i++)
                if (!strcmp(fs, pseudo[i]))
                        return false;
        return true;
}

static int configure(int fs_fd, const struct rt_mount_step *step, const char *label,
                     struct st_error *err) {
        const struct rt_mount_options *options = &step->options;
        const char *source = step->spec->source ? step->spec->source : step->fs;

        if (st_fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", source, 0) < 0 && errno != EINVAL)
                return fs_error(err, fs_fd, "source", source);
        for (size_t i = 0; i < options->n_data; i++) {
                int r = configure_one(fs_fd, options->data[i], err);
                if (r < 0)
                        return r;
        }
        if (label && st_fsconfig(fs_fd, FSCONFIG_SET_STRING, "context", label, 0) < 0)
                return fs_error(err, fs_fd, "linux.mountLabel", label);
        if ((options->attr_set & MOUNT_ATTR_RDONLY) && has_backing(step->fs) &&
            st_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
                return fs_error(err, fs_fd, "option", "ro");
        if (st_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return fs_error(err, fs_fd, "create", step->fs);
        return 0;
}

static int make_fs(const struct rt_mount_step *step, const char *label, struct st_error *err) {
        uint64_t late = step->options.tmpcopyup ? MOUNT_ATTR_RDONLY : 0; /* the copy comes first */
        st_autoclose int fs_fd = st_fsopen(step->fs, FSOPEN_CLOEXEC);
        int fd, r;

        if (fs_fd < 0)
                return st_error_sys(err, "file system %s", step->fs);
        r = configure(fs_fd, step, label, err);
        if (r < 0)
                return r;
        fd = st_fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned)(step->options.attr_set & ~late));
        if (fd < 0)
                return st_error_sys(err, "mount %s", step->fs);
        return fd;
}

/* procfs and sysfs go onto a plain directory only: a symlink planted at /proc would put the
 * kernel's files, and what masks them, somewhere else (CVE-2019-19921, CVE-2023-28642). */
static int open_fs_target(int root_fd, const struct rt_mount_step *step, struct st_error *err) {
        const char *destination = step->spec->destination;
        char name[256];
        st_autoclose int parent_fd = -1;
        int fd;

        if (strcmp(step->fs, "proc") && strcmp(step->fs, "sysfs"))
                fd = rt_root_mkdir_p(root_fd, destination, 0755);
        else {
                parent_fd = rt_root_open_parent(root_fd, destination, 0755, name);
                if (parent_fd < 0)
                        return st_error_code(err, parent_fd, "make the mount point");
                if (mkdirat(parent_fd, name, 0755) < 0 && errno != EEXIST)
                        return st_error_sys(err, "make the mount point");
                fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
                fd = fd < 0 ? -errno : fd;
                if (fd == -ENOTDIR || fd == -ELOOP)
                        return st_error_set(
                                err, -ENOTDIR,
                                "filesystem \"%s\" must be mounted on ordinary directory",
                                step->fs);
        }
        if (fd < 0)
                return st_error_code(err, fd, "make the mount point");
        return fd;
}

/* A value that fsconfig(2) cannot carry, such as a long lowerdir: mount(2) takes up to a page. */
static bool needs_old_mount(const struct rt_mount_options *options) {
        for (size_t i = 0; i < options->n_data; i++)
                if (strlen(options->data[i]) > FSCONFIG_STRING_MAX)
                        return true;
        return false;
}

static int mount_fs_old(const struct rt_mount_step *step, int target_fd, struct st_error *err) {
        const struct rt_mount_options *options = &step->options;
        struct mount_attr attr = {.attr_set = options->attr_set, .attr_clr = options->attr_clear};
        char path[40], data[4096];
        size_t used = 0;

        data[0] = 0;
        for (size_t i = 0; i < options->n_data; i++) {
                int n = snprintf(data + used, sizeof data - used, "%s%s", used ? "," : "",
                                 options->data[i]);
                if (n < 0 || (size_t)n >= sizeof data - used)
                        return st_error_set(err, -E2BIG,
                                            "options are longer than a page (%zu bytes)",
                                            sizeof data);
                used += (size_t)n;
        }
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", target_fd);
        if (mount(step->spec->source ? step->spec->source : step->fs, path, step->fs,
                  options->attr_set & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0, data) < 0)
                return st_error_sys(err, "file system %s", step->fs);
        /* "<fd>/." looks the mount up that now covers the target */
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d/.", target_fd);
        {
                st_autoclose int fd = open(path, O_PATH | O_CLOEXEC);
                int r = fd < 0 ? -errno : set_attributes(fd, false, &attr);
                if (r < 0)
                        return st_error_code(err, r, "set attributes");
        }
        return 0;
}

static int mount_fs(struct rt_mount_plan *plan, const struct rt_mount_step *step, int root_fd,
                    struct st_error *err) {
        const struct rt_mount_options *options = &step->options;
        struct mount_attr readonly = {.attr_set = options->attr_set & MOUNT_ATTR_RDONLY};
        st_autoclose int target_fd = open_fs_target(root_fd, step, err);
        st_autoclose int tree_fd = -1;
        int r;

        if (target_fd < 0)
                return target_fd;
        if (needs_old_mount(options))
                return mount_fs_old(step, target_fd, err);
        tree_fd = make_fs(step, plan->mount_label, err);
        if (tree_fd < 0)
                return tree_fd;
        if (options->tmpcopyup) {
                r = rt_copy_up(target_fd, tree_fd, err);
                if (r < 0)
                        return st_error_prefix(err, r, "tmpcopyup");
                r = set_attributes(tree_fd, false, &readonly);
                if (r < 0)
                        return st_error_code(err, r, "make it read-only");
        }
        r = attach(tree_fd, target_fd, options, err);
        if (r >= 0 && !strcmp(step->fs, "proc") && !strcmp(step->spec->destination, "/proc"))
                plan->proc_fd =
                        st_take_fd(tree_fd); /* the masks find it by this, not by its name */
        return r;
}

/* ---- binds ---- */

static int open_source(const struct rt_mount_step *step, struct st_error *err) {
        unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
        int fd;

        if (step->options.rbind)
                flags |= AT_RECURSIVE;
        if (step->options.source_nofollow)
                flags |= AT_SYMLINK_NOFOLLOW;
        fd = st_open_tree(AT_FDCWD, step->source, flags);
        if (fd < 0)
                return st_error_sys(err, "source %s", step->source);
        return fd;
}

static int open_bind_target(int root_fd, const char *destination, int tree_fd,
                            struct st_error *err) {
        struct stat st;
        int fd;

        if (fstat(tree_fd, &st) < 0)
                return st_error_sys(err, "look at the source");
        fd = S_ISDIR(st.st_mode) ? rt_root_mkdir_p(root_fd, destination, 0755)
                                 : rt_root_create_file(root_fd, destination, 0644);
        if (fd < 0)
                return st_error_code(err, fd, "make the mount point");
        return fd;
}

static int mount_bind(const struct rt_mount_step *step, int root_fd, struct st_error *err) {
        st_autoclose int own_fd = step->source_fd < 0 ? open_source(step, err) : -1;
        st_autoclose int target_fd = -1;
        int tree_fd = step->source_fd < 0 ? own_fd : step->source_fd;
        int r;

        if (tree_fd < 0)
                return tree_fd;
        target_fd = open_bind_target(root_fd, step->spec->destination, tree_fd, err);
        if (target_fd < 0)
                return target_fd;
        r = set_bind_attributes(tree_fd, &step->options);
        if (r == -ENOSYS || r == -EINVAL) { /* before 5.12 a detached mount cannot be changed */
                r = attach(tree_fd, target_fd, &step->options, err);
                if (r < 0)
                        return r;
                r = set_bind_attributes(tree_fd, &step->options);
                return r < 0 ? st_error_code(err, r, "set attributes") : 0;
        }
        if (r < 0)
                return st_error_code(err, r, "set attributes");
        return attach(tree_fd, target_fd, &step->options, err);
}

/* "remount": change what is mounted at the destination already. */
static int mount_again(const struct rt_mount_step *step, int root_fd, struct st_error *err) {
        st_autoclose int fd = rt_root_open(root_fd, step->spec->destination, O_PATH);
        st_autoclose int fs_fd = -1;
        int r;

        if (fd < 0)
                return st_error_code(err, fd, "remount");
        r = set_bind_attributes(fd, &step->options);
        if (r < 0)
                return st_error_code(err, r, "remount");
        if (!step->options.n_data)
                return 0;
        fs_fd = st_fspick(fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
        if (fs_fd < 0)
                return st_error_sys(err, "remount");
        for (size_t i = 0; i < step->options.n_data; i++) {
                r = configure_one(fs_fd, step->options.data[i], err);
                if (r < 0)
                        return r;
        }
        if (st_fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
                return fs_error(err, fs_fd, "remount", step->spec->destination);
        return 0;
}

/* ---- cgroup ---- */

static int bind_leaf(const char *leaf, int dir_fd, const char *name,
                     const struct rt_mount_options *options, struct st_error *err) {
        st_autoclose int tree_fd =
                st_open_tree(AT_FDCWD, leaf, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        int r;

        if (tree_fd < 0)
                return st_error_sys(err, "open %s", leaf);
        r = set_bind_attributes(tree_fd, options);
        if (r < 0)
                return st_error_code(err, r, "set attributes of %s", leaf);
        if (st_move_mount(tree_fd, "", dir_fd, name,
                          MOVE_MOUNT_F_EMPTY_PATH | (*name ? 0 : MOVE_MOUNT_T_EMPTY_PATH)) < 0)
                return st_error_sys(err, "attach %s", leaf);
        return 0;
}

/* "cpu,cpuacct": programs also look for each name alone. */
static int link_controllers(int dir_fd, const char *name, struct st_error *err) {
        if (!strchr(name, ','))
                return 0;
        for (const char *p = name; *p;) {
                char one[64];
                size_t n = strcspn(p, ",");
                if (n < sizeof one) {
                        memcpy(one, p, n);
                        one[n] = 0;
                        if (symlinkat(name, dir_fd, one) < 0 && errno != EEXIST)
                                return st_error_sys(err, "link %s", one);
                }
                p += n + (p[n] == ',');
        }
        return 0;
}

/* v1 and hybrid: a small tmpfs with a directory for each hierarchy, showing the container's leaf
 * only. */
static int mount_cgroup_views(struct rt_mount_plan *plan, const struct rt_mount_step *step,
                              int target_fd, struct st_error *err) {
        static const struct st_mount tmpfs = {.source = "cgroup"};
        static const char *mode = "mode=755";
        struct rt_mount_step holder = {.spec = &tmpfs, .fs = "tmpfs", .source_fd = -1};
        struct mount_attr readonly = {.attr_set = step->options.attr_set & MOUNT_ATTR_RDONLY};
        st_autoclose int tree_fd = -1;
        int r;

        holder.options.attr_set = step->options.attr_set & ~(uint64_t)MOUNT_ATTR_RDONLY;
        holder.options.data = &mode;
        holder.options.n_data = 1;
        tree_fd = make_fs(&holder, plan->mount_label, err);
        if (tree_fd < 0)
                return tree_fd;
        r = attach(tree_fd, target_fd, &step->options, err);
        for (size_t i = 0; r >= 0 && i < plan->n_cgroup_views; i++) {
                const struct rt_cgroup_view *view = &plan->cgroup_views[i];
                if (mkdirat(tree_fd, view->name, 0755) < 0)
                        return st_error_sys(err, "make %s", view->name);
                r = bind_leaf(view->leaf, tree_fd, view->name, &step->options, err);
                if (r >= 0)
                        r = link_controllers(tree_fd, view->name, err);
        }
        if (r < 0)
                return r;
        r = set_attributes(tree_fd, false, &readonly);
        return r < 0 ? st_error_code(err, r, "make it read-only") : 0;
}

static int mount_cgroup(struct rt_mount_plan *plan, const struct rt_mount_step *step, int root_fd,
                        struct st_error *err) {
        st_autoclose int target_fd = rt_root_mkdir_p(root_fd, step->spec->destination, 0755);

        if (target_fd < 0)
                return st_error_code(err, target_fd, "make the mount point");
        if (plan->n_cgroup_views)
                return mount_cgroup_views(plan, step, target_fd, err);
        if (!plan->cgroup2_leaf) {
                /* from a cgroup namespace other than the first this mount waits for nothing */
                st_autoclose int tree_fd = make_fs(step, NULL, err);
                if (tree_fd < 0)
                        return tree_fd;
                return attach(tree_fd, target_fd, &step->options, err);
        }
        return bind_leaf(plan->cgroup2_leaf, target_fd, "", &step->options, err);
}

/* ---- all ---- */

static int apply_step(struct rt_mount_plan *plan, const struct rt_mount_step *step, int root_fd,
                      struct st_error *err) {
        if (step->options.remount)
                return mount_again(step, root_fd, err);
        switch (step->kind) {
        case RT_MOUNT_FS:
                return mount_fs(plan, step, root_fd, err);
        case RT_MOUNT_BIND:
                return mount_bind(step, root_fd, err);
        case RT_MOUNT_CGROUP:
                return mount_cgroup(plan, step, root_fd, err);
        }
        return 0;
}

int rt_mounts_apply(struct rt_mount_plan *plan, size_t first, size_t end, int root_fd,
                    struct st_error *err) {
        for (size_t i = first; i < end && i < plan->n_steps; i++) {
                const struct rt_mount_step *step = &plan->steps[i];
                int r;

                if (!strcmp(step->spec->destination, "/proc"))
                        plan->proc_fd = st_close(plan->proc_fd); /* covered, if there was one */
                r = apply_step(plan, step, root_fd, err);
                if (r < 0)
                        return st_error_kind(
                                err,
                                st_error_prefix(err, r, "mount %s to %s",
                                                step->spec->source ? step->spec->source : step->fs,
                                                step->spec->destination),
                                ST_CODE_MOUNT);
        }
        return 0;
}
