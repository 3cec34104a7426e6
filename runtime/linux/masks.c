/* maskedPaths and readonlyPaths, in the child, before the pivot: clones can be made only from mounts that are attached
 * in this namespace, and the host's /dev/null is one of them. */
#include <stint/mounts.h>

#include <stint/cleanup.h>
#include <stint/rootpath.h>
#include <stint/syscall.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

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
                fd = st_open_tree(first_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
                return fd < 0 ? st_error_sys(err, "clone the empty directory") : fd;
        }
        fs_fd = st_fsopen("tmpfs", FSOPEN_CLOEXEC);
        if (fs_fd < 0 || st_fsconfig(fs_fd, FSCONFIG_SET_STRING, "nr_blocks", "1", 0) < 0 ||
            st_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return st_error_sys(err, "make an empty directory");
        fd = st_fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        return fd < 0 ? st_error_sys(err, "make an empty directory") : fd;
}

static int cover(int tree_fd, int target_fd, struct st_error *err) {
        if (st_move_mount(tree_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return st_error_sys(err, "attach");
        return 0;
}

static int mask_one(const char *path, int root_fd, int null_fd, int *empty_fd, struct st_error *err) {
        st_autoclose int target_fd = rt_root_open(root_fd, path, O_PATH);
        st_autoclose int tree_fd = -1;
        struct stat st;
        int r;

        if (target_fd == -ENOENT || target_fd == -ENOTDIR)
                return 0;             /* nothing there to hide */
        if (target_fd < 0)
                return st_error_code(err, target_fd, "open");
        if (fstat(target_fd, &st) < 0)
                return st_error_sys(err, "stat");
        if (!S_ISDIR(st.st_mode)) {
                tree_fd = st_open_tree(null_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
                if (tree_fd < 0)
                        return st_error_sys(err, "clone /dev/null");
                return cover(tree_fd, target_fd, err);
        }
        tree_fd = empty_dir_tree(*empty_fd, err);
        if (tree_fd < 0)
                return tree_fd;
        r = cover(tree_fd, target_fd, err);
        if (r >= 0 && *empty_fd < 0)
                *empty_fd = st_take_fd(tree_fd);
        return r;
}

static int protect_one(const char *path, int root_fd, struct st_error *err) {
        struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };
        st_autoclose int target_fd = rt_root_open(root_fd, path, O_PATH);
        st_autoclose int tree_fd = -1;

        if (target_fd == -ENOENT || target_fd == -ENOTDIR)
                return 0;
        if (target_fd < 0)
                return st_error_code(err, target_fd, "open");
        tree_fd = st_open_tree(target_fd, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree_fd < 0)
                return st_error_sys(err, "clone");
        if (st_mount_setattr(tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &readonly) < 0)
                return st_error_sys(err, "make it read-only");
        return cover(tree_fd, target_fd, err);
}

int rt_masks_apply(char *const *masked, char *const *readonly, int root_fd, int null_fd, struct st_error *err) {
        st_autoclose int empty_fd = -1;
        int r;

        for (; *readonly; readonly++) {
                r = protect_one(*readonly, root_fd, err);
                if (r < 0)
                        return st_error_kind(err, st_error_prefix(err, r, "readonlyPaths %s", *readonly), ST_CODE_MOUNT);
        }
        for (; *masked; masked++) {
                r = mask_one(*masked, root_fd, null_fd, &empty_fd, err);
                if (r < 0)
                        return st_error_kind(err, st_error_prefix(err, r, "maskedPaths %s", *masked), ST_CODE_MOUNT);
        }
        return 0;
}
