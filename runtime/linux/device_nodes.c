/* Devices for a container in a user namespace, where nobody may make nodes: the parent makes those
 * that the host's /dev has not by that name, and hands them on as mounts of single files.
 *
 * They are made on a tmpfs of their own, since a mount that came from a nodev one (/run) stays
 * nodev. A process in a mount namespace of its own does it: nothing shows on the host, and nothing
 * is left when the runtime is killed. Only a mount that is attached in the caller's namespace can
 * be cloned (until Linux 6.15), so the tmpfs is put on that namespace's root. */
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <stint/cleanup.h>
#include <stint/idmap.h>
#include <stint/mounts.h>
#include <stint/syscall.h>

struct result {
        struct st_error error;
        int fds[]; /* one a device, in the parent's table too: CLONE_FILES */
};

static mode_t type_of(const struct st_device *device) {
        return device->type == ST_DEVICE_BLOCK  ? S_IFBLK
               : device->type == ST_DEVICE_FIFO ? S_IFIFO
                                                : S_IFCHR;
}

static dev_t number_of(const struct st_device *device) {
        return device->type == ST_DEVICE_FIFO
                       ? 0
                       : makedev((unsigned)device->major, (unsigned)device->minor);
}

/* The host's own node can be bound as it is. */
static bool host_has(const struct st_device *device) {
        struct stat st;

        return lstat(device->path, &st) == 0 && (st.st_mode & S_IFMT) == type_of(device) &&
               (device->type == ST_DEVICE_FIFO || st.st_rdev == number_of(device));
}

static int attach_tmpfs(struct st_error *err) {
        st_autoclose int fs_fd = -1, mount_fd = -1;

        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return st_error_sys(err, "make the mounts private");
        fs_fd = st_fsopen("tmpfs", FSOPEN_CLOEXEC);
        if (fs_fd < 0 || st_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return st_error_sys(err, "make a tmpfs");
        mount_fd = st_fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        if (mount_fd < 0 || st_move_mount(mount_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return st_error_sys(err, "mount a tmpfs");
        return st_take_fd(mount_fd);
}

static int make_node(int dir_fd, const char *name, const struct st_device *device,
                     const struct st_linux *lin, int *ret_fd, struct st_error *err) {
        mode_t mode = device->has_file_mode ? device->file_mode & 07777 : 0666;
        int64_t uid = rt_idmap_to_host(&lin->uid_mappings, device->has_uid ? device->uid : 0);
        int64_t gid = rt_idmap_to_host(&lin->gid_mappings, device->has_gid ? device->gid : 0);

        if (mknodat(dir_fd, name, type_of(device) | mode, number_of(device)) < 0)
                return st_error_sys(err, "make the node");
        if (uid >= 0 && gid >= 0 &&
            fchownat(dir_fd, name, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) < 0)
                return st_error_sys(err, "set the owner");
        *ret_fd = st_open_tree(dir_fd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        return *ret_fd < 0 ? st_error_sys(err, "clone the node") : 0;
}

static int make_nodes(const struct st_linux *lin, struct result *result) {
        st_autoclose int dir_fd = attach_tmpfs(&result->error);
        char name[24];
        int r = dir_fd;

        (void)umask(0);
        for (size_t i = 0; i < lin->n_devices && r >= 0; i++) {
                if (host_has(&lin->devices[i]))
                        continue;
                (void)snprintf(name, sizeof name, "%zu", i);
                r = make_node(dir_fd, name, &lin->devices[i], lin, &result->fds[i], &result->error);
                if (r < 0)
                        r = st_error_prefix(&result->error, r, "linux.devices %s",
                                            lin->devices[i].path);
        }
        return r;
}

static int run_maker(const struct st_linux *lin, struct result *result, struct st_error *err) {
        struct clone_args args = {.flags = CLONE_FILES | CLONE_NEWNS | CLONE_CLEAR_SIGHAND};
        pid_t pid = st_clone3(&args);

        if (pid == 0) {
                (void)make_nodes(lin, result); /* the page tells */
                syscall(SYS_exit_group, 0);
                __builtin_unreachable();
        }
        if (pid < 0)
                return st_error_sys(err, "clone the maker of device nodes");
        while (waitpid(pid, NULL, __WALL) < 0)
                if (errno != EINTR)
                        return st_error_sys(err, "wait for the maker of device nodes");
        if (err && result->error.code < 0)
                *err = result->error;
        return result->error.code;
}

static bool all_on_host(const struct st_linux *lin) {
        for (size_t i = 0; i < lin->n_devices; i++)
                if (!host_has(&lin->devices[i]))
                        return false;
        return true;
}

int rt_device_nodes_make(const struct st_linux *lin, int *fds, struct st_error *err) {
        size_t size = sizeof(struct result) + lin->n_devices * sizeof *fds;
        struct result *result;
        int r;

        for (size_t i = 0; i < lin->n_devices; i++)
                fds[i] = -1;
        if (all_on_host(lin))
                return 0;
        result = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (result == MAP_FAILED)
                return st_error_sys(err, "allocate a page");
        for (size_t i = 0; i < lin->n_devices; i++)
                result->fds[i] = -1;
        r = run_maker(lin, result, err);
        for (size_t i = 0; i < lin->n_devices; i++)
                fds[i] = result->fds[i]; /* also after an error: the caller closes them */
        (void)munmap(result, size);
        return r;
}
