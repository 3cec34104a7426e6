/* maskedPaths and readonlyPaths, in the child, before the pivot: clones can be made only from
 * mounts that are attached in this namespace, and the host's /dev/null is one of them. */
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <stint/cleanup.h>
#include <stint/mounts.h>
#include <stint/rootpath.h>
#include <stint/syscall.h>

struct masks {
        int root_fd, null_fd;
        int proc_fd;  /* the root of a procfs at /proc; -1: there is something else */
        int file_fd;  /* a clone of /dev/null that waits for its place; -1: none */
        int empty_fd; /* the first empty directory; -1: not made yet */
};

int rt_null_open(struct st_error *err) {
        st_autoclose int fd = open("/dev/null", O_PATH | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return st_error_sys(err, "open /dev/null");
        if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
                return st_error_set(err, -ENODEV, "/dev/null is not the null device");
        return st_take_fd(fd);
}

/* An empty read-only tmpfs: made for the first directory, cloned for the others. */
static int empty_dir_tree(int first_fd, struct st_error *err) {
        st_autoclose int fs_fd = -1;
        int fd;

        if (first_fd >= 0) {
                fd = st_open_tree(first_fd, "",
                                  AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
                return fd < 0 ? st_error_sys(err, "clone the empty directory") : fd;
        }
        fs_fd = st_fsopen("tmpfs", FSOPEN_CLOEXEC);
        if (fs_fd < 0 || st_fsconfig(fs_fd, FSCONFIG_SET_STRING, "nr_blocks", "1", 0) < 0 ||
            st_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return st_error_sys(err, "make an empty directory");
        fd = st_fsmount(fs_fd, FSMOUNT_CLOEXEC,
                        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                MOUNT_ATTR_NOEXEC);
        return fd < 0 ? st_error_sys(err, "make an empty directory") : fd;
}

static int cover(int tree_fd, int target_fd, struct st_error *err) {
        if (st_move_mount(tree_fd, "", target_fd, "",
                          MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return st_error_sys(err, "attach");
        return 0;
}

/* ---- entries of procfs itself

 * Most paths are names in its root, where the kernel alone makes entries: no link of the image's
 leads away, so
 * they need no resolving, which is a third of the work. Whatever does not go so is done the general
 way. */

/* NULL: not a name in the root of procfs. */
static const char *name_in_proc(const struct masks *m, const char *path) {
        if (m->proc_fd < 0 || strncmp(path, "/proc/", 6) || !path[6] || strchr(path + 6, '/') ||
            path[6] == '.')
                return NULL;
        return path + 6;
}

/* 0: hidden, or not there. */
static int mask_in_proc(struct masks *m, const char *name) {
        if (m->file_fd < 0)
                m->file_fd = st_open_tree(m->null_fd, "",
                                          AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (m->file_fd < 0)
                return -errno;
        if (st_move_mount(m->file_fd, "", m->proc_fd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return errno == ENOENT ? 0 : -errno;
        m->file_fd = st_close(m->file_fd);
        return 0;
}

static int protect_in_proc(struct masks *m, const char *name) {
        struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
        st_autoclose int tree_fd = st_open_tree(m->proc_fd, name,
                                                AT_SYMLINK_NOFOLLOW | AT_RECURSIVE |
                                                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

        if (tree_fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (st_mount_setattr(tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &readonly) < 0 ||
            st_move_mount(tree_fd, "", m->proc_fd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return -errno;
        return 0;
}

/* ---- the general way */

/* What is on /proc may be found without asking for that name: whoever shares the root could move it
 * away meanwhile, and a mask that leads to nothing is none. */
static int open_path(const struct masks *m, const char *path) {
        if (m->proc_fd >= 0 && !strncmp(path, "/proc/", 6))
                return rt_root_open(m->proc_fd, path + 6, O_PATH);
        return rt_root_open(m->root_fd, path, O_PATH);
}

static int mask_path(struct masks *m, const char *path, struct st_error *err) {
        st_autoclose int target_fd = open_path(m, path);
        st_autoclose int tree_fd = -1;
        struct stat st;
        int r;

        if (target_fd == -ENOENT || target_fd == -ENOTDIR)
                return 0; /* nothing there to hide */
        if (target_fd < 0)
                return st_error_code(err, target_fd, "open");
        if (fstat(target_fd, &st) < 0)
                return st_error_sys(err, "stat");
        if (!S_ISDIR(st.st_mode)) {
                tree_fd = st_open_tree(m->null_fd, "",
                                       AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
                if (tree_fd < 0)
                        return st_error_sys(err, "clone /dev/null");
                return cover(tree_fd, target_fd, err);
        }
        tree_fd = empty_dir_tree(m->empty_fd, err);
        if (tree_fd < 0)
                return tree_fd;
        r = cover(tree_fd, target_fd, err);
        if (r >= 0 && m->empty_fd < 0)
                m->empty_fd = st_take_fd(tree_fd);
        return r;
}

static int protect_path(const struct masks *m, const char *path, struct st_error *err) {
        struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
        st_autoclose int target_fd = open_path(m, path);
        st_autoclose int tree_fd = -1;

        if (target_fd == -ENOENT || target_fd == -ENOTDIR)
                return 0;
        if (target_fd < 0)
                return st_error_code(err, target_fd, "open");
        tree_fd = st_open_tree(target_fd, "",
                               AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree_fd < 0)
                return st_error_sys(err, "clone");
        if (st_mount_setattr(tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &readonly) < 0)
                return st_error_sys(err, "make it read-only");
        return cover(tree_fd, target_fd, err);
}

/* ---- all */

static int apply(struct masks *m, char *const *masked, char *const *readonly,
                 struct st_error *err) {
        for (; *readonly; readonly++) {
                const char *name = name_in_proc(m, *readonly);
                int r = name && protect_in_proc(m, name) == 0 ? 0 : protect_path(m, *readonly, err);
                if (r < 0)
                        return st_error_prefix(err, r, "readonlyPaths %s", *readonly);
        }
        for (; *masked; masked++) {
                const char *name = name_in_proc(m, *masked);
                int r = name && mask_in_proc(m, name) == 0 ? 0 : mask_path(m, *masked, err);
                if (r < 0)
                        return st_error_prefix(err, r, "maskedPaths %s", *masked);
        }
        return 0;
}

int rt_masks_apply(char *const *masked, char *const *readonly, int root_fd, int proc_fd,
                   int null_fd, struct st_error *err) {
        struct masks m = {.root_fd = root_fd,
                          .null_fd = null_fd,
                          .proc_fd = proc_fd,
                          .file_fd = -1,
                          .empty_fd = -1};
        int r;

        if (!*masked && !*readonly)
                return 0;
        r = apply(&m, masked, readonly, err);
        (void)st_close(m.file_fd);
        (void)st_close(m.empty_fd);
        return r < 0 ? st_error_kind(err, r, ST_CODE_MOUNT) : 0;
}
