/* /dev in the container (spec, "Default Devices" and "Devices"). In the child, with umask 0. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <stint/cleanup.h>
#include <stint/mounts.h>
#include <stint/rootpath.h>
#include <stint/syscall.h>

static const struct st_device default_devices[] = {
        {.path = "/dev/null", .type = ST_DEVICE_CHAR, .major = 1, .minor = 3},
        {.path = "/dev/zero", .type = ST_DEVICE_CHAR, .major = 1, .minor = 5},
        {.path = "/dev/full", .type = ST_DEVICE_CHAR, .major = 1, .minor = 7},
        {.path = "/dev/random", .type = ST_DEVICE_CHAR, .major = 1, .minor = 8},
        {.path = "/dev/urandom", .type = ST_DEVICE_CHAR, .major = 1, .minor = 9},
        {.path = "/dev/tty", .type = ST_DEVICE_CHAR, .major = 5, .minor = 0},
};

static const struct {
        const char *name, *target;
} links[] = {
        {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
        {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
};

static mode_t node_type(const struct st_device *device) {
        switch (device->type) {
        case ST_DEVICE_BLOCK:
                return S_IFBLK;
        case ST_DEVICE_FIFO:
                return S_IFIFO;
        case ST_DEVICE_CHAR:
        case ST_DEVICE_ALL:
                break;
        }
        return S_IFCHR;
}

static int bind_tree(const struct st_device *device, int tree_fd, int root_fd,
                     struct st_error *err) {
        st_autoclose int target_fd = rt_root_create_file(root_fd, device->path, 0644);

        if (target_fd < 0)
                return st_error_code(err, target_fd, "make the file to bind it to");
        if (st_move_mount(tree_fd, "", target_fd, "",
                          MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return st_error_sys(err, "bind the node");
        return 0;
}

/* Without the right to make nodes (user namespace), or over something else of that name: the host's
 * node is bound. The name below the host's /dev is the one in the config. */
static int bind_host_node(const struct st_device *device, int root_fd, struct st_error *err) {
        st_autoclose int tree_fd =
                st_open_tree(AT_FDCWD, device->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        struct stat st;

        if (tree_fd < 0 || fstat(tree_fd, &st) < 0)
                return st_error_sys(err, "the host's node");
        if ((st.st_mode & S_IFMT) != node_type(device) ||
            (device->type != ST_DEVICE_FIFO &&
             st.st_rdev != makedev((unsigned)device->major, (unsigned)device->minor)))
                return st_error_set(err, -ENODEV, "the host's node is another device (%u:%u)",
                                    major(st.st_rdev), minor(st.st_rdev));
        return bind_tree(device, tree_fd, root_fd, err);
}

static bool is_same_node(int dir_fd, const char *name, mode_t type, dev_t number) {
        struct stat st;

        return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               (st.st_mode & S_IFMT) == type && (type == S_IFIFO || st.st_rdev == number);
}

static int make_node(const struct st_device *device, int dir_fd, const char *name, int root_fd,
                     struct st_error *err) {
        mode_t mode = device->has_file_mode ? device->file_mode & 07777 : 0666;
        dev_t number = makedev((unsigned)device->major, (unsigned)device->minor);
        mode_t type = node_type(device);

        if (mknodat(dir_fd, name, type | mode, number) < 0) {
                if (errno == EPERM ||
                    (errno == EEXIST && !is_same_node(dir_fd, name, type, number)))
                        return bind_host_node(device, root_fd, err);
                if (errno != EEXIST)
                        return st_error_sys(err, "make the node");
        }
        if ((device->has_uid || device->has_gid) &&
            fchownat(dir_fd, name, device->has_uid ? device->uid : 0,
                     device->has_gid ? device->gid : 0, AT_SYMLINK_NOFOLLOW) < 0)
                return st_error_sys(err, "set the owner");
        return 0;
}

static int make_device(const struct st_device *device, int root_fd, bool bind, int tree_fd,
                       struct st_error *err) {
        st_autoclose int dir_fd = -1;
        char name[NAME_MAX + 1];

        if (tree_fd >= 0)
                return bind_tree(device, tree_fd, root_fd, err);
        if (bind)
                return bind_host_node(device, root_fd, err);
        dir_fd = rt_root_open_parent(root_fd, device->path, 0755, name);
        if (dir_fd < 0)
                return st_error_code(err, dir_fd, "make its directory");
        return make_node(device, dir_fd, name, root_fd, err);
}

static bool is_listed(const struct st_device *devices, size_t n, const char *path) {
        for (size_t i = 0; i < n; i++)
                if (!strcmp(devices[i].path, path))
                        return true;
        return false;
}

static int make_defaults(const struct st_device *devices, size_t n, int dev_fd, int root_fd,
                         bool bind, struct st_error *err) {
        for (size_t i = 0; i < sizeof default_devices / sizeof *default_devices; i++) {
                const struct st_device *device = &default_devices[i];
                int r;

                if (is_listed(devices, n, device->path))
                        continue; /* the config's own wins */
                r = bind ? bind_host_node(device, root_fd, err)
                         : make_node(device, dev_fd, device->path + strlen("/dev/"), root_fd, err);
                if (r < 0)
                        return st_error_prefix(err, r, "default device %s", device->path);
        }
        for (size_t i = 0; i < sizeof links / sizeof *links; i++)
                if (symlinkat(links[i].target, dev_fd, links[i].name) < 0 && errno != EEXIST)
                        return st_error_sys(err, "link /dev/%s", links[i].name);
        return 0;
}

int rt_devices_make(const struct st_device *devices, size_t n, int root_fd, bool bind,
                    const int *tree_fds, struct st_error *err) {
        st_autoclose int dev_fd = rt_root_mkdir_p(root_fd, "dev", 0755);
        int r;

        if (dev_fd < 0)
                return st_error_code(err, dev_fd, "make /dev");
        r = make_defaults(devices, n, dev_fd, root_fd, bind, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = make_device(&devices[i], root_fd, bind, tree_fds ? tree_fds[i] : -1, err);
                if (r < 0)
                        return st_error_prefix(err, r, "linux.devices %s", devices[i].path);
        }
        return 0;
}

int rt_devices_seal(int root_fd, struct st_error *err) {
        struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
        st_autoclose int dev_fd = rt_root_open(root_fd, "/dev", O_PATH | O_DIRECTORY);

        if (dev_fd < 0)
                return st_error_code(err, dev_fd, "open /dev");
        if (st_mount_setattr(dev_fd, "", AT_EMPTY_PATH, &readonly) < 0 && errno != EINVAL)
                return st_error_sys(err, "make /dev read-only"); /* EINVAL: no mount of its own */
        return 0;
}
