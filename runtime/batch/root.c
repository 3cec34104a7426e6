#include "root.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <stint/cgroup.h>
#include <stint/fs.h>
#include <stint/syscall.h>

struct rt_root {
        char *dir;  /* "<dir>/<name>": a tmpfs, or a plain directory */
        char *path; /* "<dir>/<name>/root": the overlay */
        char *scratch;
        bool mounted;
};

static int set_text(int fs_fd, const char *key, const char *value, struct st_error *err) {
        if (st_fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0) < 0)
                return st_error_sys(err, "mount option %s=%s", key, value);
        return 0;
}

static int attach(int fs_fd, const char *path, unsigned attributes, struct st_error *err) {
        st_autoclose int mount_fd = -1;

        if (st_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return st_error_sys(err, "make the file system for %s", path);
        mount_fd = st_fsmount(fs_fd, FSMOUNT_CLOEXEC, attributes);
        if (mount_fd < 0 ||
            st_move_mount(mount_fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return st_error_sys(err, "mount %s", path);
        return 0;
}

static int mount_tmpfs(const char *path, uint64_t bytes, struct st_error *err) {
        st_autoclose int fs_fd = st_fsopen("tmpfs", FSOPEN_CLOEXEC);
        char size[24];
        int r;

        if (fs_fd < 0)
                return st_error_sys(err, "open tmpfs");
        (void)snprintf(size, sizeof size, "%llu", (unsigned long long)bytes);
        r = bytes ? set_text(fs_fd, "size", size, err) : 0;
        if (r >= 0)
                r = set_text(fs_fd, "mode", "0755", err);
        return r < 0 ? r : attach(fs_fd, path, 0, err);
}

/* Directories are told by descriptor: their paths may hold what separates options. */
struct layers {
        int lower_fd, upper_fd, work_fd;
};

static int set_layer(int fs_fd, const char *key, int dir_fd, struct st_error *err) {
        char path[40];

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", dir_fd);
        return set_text(fs_fd, key, path, err);
}

static int mount_overlay(const char *path, const struct layers *layers, struct st_error *err) {
        st_autoclose int fs_fd = st_fsopen("overlay", FSOPEN_CLOEXEC);
        int r;

        if (fs_fd < 0)
                return st_error_sys(err, "open overlay");
        r = set_layer(fs_fd, "lowerdir", layers->lower_fd, err);
        if (r >= 0)
                r = set_layer(fs_fd, "upperdir", layers->upper_fd, err);
        if (r >= 0)
                r = set_layer(fs_fd, "workdir", layers->work_fd, err);
        /* whiteouts and marks as user.*: a user namespace may not write trusted.* (Linux 5.11) */
        if (r >= 0 && rt_in_user_namespace() &&
            st_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
                r = st_error_sys(err, "mount option userxattr");
        /* nothing in it is to survive a crash (Linux 5.10) */
        if (r >= 0)
                (void)st_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "volatile", NULL, 0);
        return r < 0 ? r : attach(fs_fd, path, 0, err);
}

static int make_dir(int dir_fd, const char *name, mode_t mode, struct st_error *err) {
        int fd;

        if (mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST)
                return st_error_sys(err, "make directory %s", name);
        fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? st_error_sys(err, "open directory %s", name) : fd;
}

/* The root directory of the overlay has the upper's owner and mode: the lower's. */
static int imitate(int upper_fd, int lower_fd, struct st_error *err) {
        struct stat st;
        char path[40];

        if (fstat(lower_fd, &st) < 0)
                return st_error_sys(err, "stat the bundle's root");
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", upper_fd);
        if (chmod(path, st.st_mode & 07777) < 0)
                return st_error_sys(err, "set the mode of the root");
        (void)!chown(path, st.st_uid, st.st_gid); /* an owner that is not mapped stays ours */
        return 0;
}

static int stack(struct rt_root *root, const struct rt_root_options *options,
                 struct st_error *err) {
        st_autoclose int lower_fd = open(options->lower, O_PATH | O_DIRECTORY | O_CLOEXEC);
        const char *base = root->scratch ? root->scratch : root->dir;
        st_autoclose int base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
        st_autoclose int upper_fd = -1, work_fd = -1;
        int r;

        if (lower_fd < 0)
                return st_error_sys(err, "open root.path %s", options->lower);
        if (base_fd < 0)
                return st_error_sys(err, "open %s", base);
        upper_fd = make_dir(base_fd, "upper", 0755, err);
        if (upper_fd < 0)
                return upper_fd;
        work_fd = make_dir(base_fd, "work", 0700, err);
        if (work_fd < 0)
                return work_fd;
        r = imitate(upper_fd, lower_fd, err);
        if (r >= 0 && mkdir(root->path, 0755) < 0)
                r = st_error_sys(err, "make directory %s", root->path);
        if (r >= 0)
                r = mount_overlay(root->path, &(struct layers) {lower_fd, upper_fd, work_fd}, err);
        return r;
}

static int make_places(struct rt_root *root, const struct rt_root_options *options,
                       struct st_error *err) {
        if (asprintf(&root->dir, "%s/%s", options->dir, options->name) < 0)
                root->dir = NULL;
        if (root->dir && asprintf(&root->path, "%s/root", root->dir) < 0)
                root->path = NULL;
        if (options->scratch_dir &&
            asprintf(&root->scratch, "%s/%s", options->scratch_dir, options->name) < 0)
                root->scratch = NULL;
        if (!root->dir || !root->path || (options->scratch_dir && !root->scratch))
                return st_error_set(err, -ENOMEM, "make a root");
        if (mkdir(root->dir, 0755) < 0)
                return st_error_sys(err, "make directory %s", root->dir);
        if (root->scratch && mkdir(root->scratch, 0700) < 0)
                return st_error_sys(err, "make directory %s", root->scratch);
        return 0;
}

int rt_root_mount(const struct rt_root_options *options, struct rt_root **ret_root,
                  struct st_error *err) {
        st_cleanup(rt_root_freep) struct rt_root *root = calloc(1, sizeof *root);
        int r;

        if (!root)
                return st_error_set(err, -ENOMEM, "make a root");
        r = make_places(root, options, err);
        if (r >= 0)
                r = mount_tmpfs(root->dir, options->scratch_dir ? 0 : options->bytes, err);
        root->mounted = r >= 0;
        if (r >= 0)
                r = stack(root, options, err);
        if (r < 0)
                return st_error_kind(err, st_error_prefix(err, r, "root of %s", options->name),
                                     ST_CODE_MOUNT);
        *ret_root = st_take(root);
        return 0;
}

const char *rt_root_path(const struct rt_root *root) {
        return root->path;
}

struct rt_root *rt_root_free(struct rt_root *root) {
        if (!root)
                return NULL;
        if (root->mounted)
                (void)umount2(root->dir, MNT_DETACH); /* with the overlay in it */
        if (root->dir)
                (void)rmdir(root->dir);
        if (root->scratch)
                st_ignore(st_remove_tree_at(AT_FDCWD, root->scratch));
        free(root->dir);
        free(root->path);
        free(root->scratch);
        free(root);
        return NULL;
}
