/* The container's root: attach it, enter it, seal it. All in the child. */
#include <string.h>
#include <sys/mount.h>

#include <stint/cleanup.h>
#include <stint/mounts.h>
#include <stint/syscall.h>

void rt_rootfs_propagation(const char *text, uint64_t *ret_flags, bool *ret_rec) {
        static const struct {
                const char *name;
                uint64_t flags;
        } names[] = {
                {"shared", MS_SHARED},
                {"slave", MS_SLAVE},
                {"private", MS_PRIVATE},
                {"unbindable", MS_UNBINDABLE},
        };

        *ret_flags = 0;
        *ret_rec = false;
        if (!text)
                return;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                bool rec = text[0] == 'r' && !strcmp(text + 1, names[i].name);
                if (!rec && strcmp(text, names[i].name))
                        continue;
                *ret_flags = names[i].flags;
                *ret_rec = rec;
        }
}

static int set_propagation(int dir_fd, const char *path, bool recursive, uint64_t flags) {
        struct mount_attr attr = {.propagation = flags};
        unsigned at = (*path ? 0 : AT_EMPTY_PATH) | (recursive ? AT_RECURSIVE : 0);

        if (st_mount_setattr(dir_fd, path, at, &attr) == 0)
                return 0;
        if (errno == ENOSYS && *path) /* until Linux 5.12 is the oldest */
                return mount(NULL, path, NULL, flags | (recursive ? MS_REC : 0), NULL) < 0 ? -errno
                                                                                           : 0;
        return -errno;
}

/* What happens in the container's namespace must not reach the host's mounts; the other direction
 * stays open unless the config says private, so that a host's later mounts below a bind source
 * appear (spec: rootfsPropagation). */
static int isolate(const struct rt_rootfs *rootfs, struct st_error *err) {
        uint64_t flags = rootfs->propagation & (MS_PRIVATE | MS_UNBINDABLE) ? MS_PRIVATE : MS_SLAVE;
        int r;

        if (rootfs->propagation & MS_SHARED) {
                if (!rootfs->parent_mount)
                        return 0; /* the host's mount is private already */
                r = set_propagation(AT_FDCWD, rootfs->parent_mount, false, MS_PRIVATE);
                return r < 0 ? st_error_code(err, r, "make %s private", rootfs->parent_mount) : 0;
        }
        r = set_propagation(AT_FDCWD, "/", true, flags);
        return r < 0 ? st_error_code(err, r, "set the propagation of /") : 0;
}

int rt_rootfs_attach(const struct rt_rootfs *rootfs, struct st_error *err) {
        st_autoclose int dir_fd = -1, tree_fd = -1;
        int r = isolate(rootfs, err);

        if (r < 0)
                return r;
        dir_fd = openat(AT_FDCWD, rootfs->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return st_error_sys(err, "open root.path %s", rootfs->path);
        if (rootfs->tree_fd >= 0)
                tree_fd = fcntl(rootfs->tree_fd, F_DUPFD_CLOEXEC, 3);
        else
                tree_fd = st_open_tree(dir_fd, "",
                                       AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE |
                                               OPEN_TREE_CLOEXEC);
        if (tree_fd < 0)
                return st_error_sys(err, "clone root.path %s", rootfs->path);
        if (st_move_mount(tree_fd, "", dir_fd, "",
                          MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return st_error_sys(err, "attach root.path %s", rootfs->path);
        if (!rootfs->upper_bytes)
                return st_take_fd(tree_fd);
        r = rt_overlay_attach(tree_fd, rootfs->upper_bytes, err);
        return r < 0 ? st_error_prefix(err, r, "root.path %s", rootfs->path) : r;
}

/* For a root on the initial ramfs, which pivot_root(2) refuses. */
static int enter_by_move(int root_fd, struct st_error *err) {
        if (fchdir(root_fd) < 0)
                return st_error_sys(err, "enter the root");
        if (st_move_mount(root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return st_error_sys(err, "move the root to /");
        if (chroot(".") < 0)
                return st_error_sys(err, "chroot");
        return chdir("/") < 0 ? st_error_sys(err, "chdir /") : 0;
}

int rt_rootfs_enter(const struct rt_rootfs *rootfs, int root_fd, struct st_error *err) {
        st_autoclose int old_fd = -1;

        if (rootfs->no_pivot)
                return enter_by_move(root_fd, err);
        old_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (old_fd < 0)
                return st_error_sys(err, "open the old root");
        if (fchdir(root_fd) < 0)
                return st_error_sys(err, "enter the root");
        /* new and old root on the same place: the old one lies below and needs no directory
         * (pivot_root(2), NOTES) */
        if (st_pivot_root(".", ".") < 0)
                return st_error_sys(err, "pivot_root");
        /* by descriptor: "." is the new root still, and the container's own mounts stay shared */
        if ((rootfs->propagation & MS_SHARED) && set_propagation(old_fd, "", true, MS_SLAVE) < 0)
                return st_error_sys(
                        err, "make the old root a slave"); /* or the detach would reach the host */
        if (umount2(".", MNT_DETACH) < 0)
                return st_error_sys(err, "detach the old root");
        return chdir("/") < 0 ? st_error_sys(err, "chdir /") : 0;
}

int rt_rootfs_seal(const struct rt_rootfs *rootfs, int root_fd, struct st_error *err) {
        struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
        int r;

        if (rootfs->propagation) {
                r = set_propagation(root_fd, "", rootfs->propagation_rec, rootfs->propagation);
                if (r < 0)
                        return st_error_code(err, r, "set linux.rootfsPropagation");
        }
        if (!rootfs->readonly)
                return 0;
        if (st_mount_setattr(root_fd, "", AT_EMPTY_PATH, &readonly) == 0)
                return 0;
        if (errno == ENOSYS && mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0)
                return 0;
        return st_error_sys(err, "make the root read-only");
}
