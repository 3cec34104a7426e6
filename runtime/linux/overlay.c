/* A root that can be written and leaves nothing behind. */
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/mounts.h>
#include <stint/syscall.h>

static int make_upper(uint64_t bytes, struct st_error *err) {
        st_autoclose int fs_fd = st_fsopen("tmpfs", FSOPEN_CLOEXEC);
        char size[24];
        int fd;

        (void)snprintf(size, sizeof size, "%llu", (unsigned long long)bytes);
        if (fs_fd < 0 || st_fsconfig(fs_fd, FSCONFIG_SET_STRING, "size", size, 0) < 0 ||
            st_fsconfig(fs_fd, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
            st_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return st_error_sys(err, "make a tmpfs of %s bytes", size);
        fd = st_fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
        return fd < 0 ? st_error_sys(err, "mount a tmpfs") : fd;
}

static int attach(int tree_fd, int on_fd) {
        return st_move_mount(tree_fd, "", on_fd, "",
                             MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int set_layer(int fs_fd, const char *key, int dir_fd, const char *below) {
        char path[48];

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d%s", dir_fd, below);
        return st_fsconfig(fs_fd, FSCONFIG_SET_STRING, key, path, 0);
}

static int make_overlay(int lower_fd, int upper_fd, struct st_error *err) {
        st_autoclose int fs_fd = st_fsopen("overlay", FSOPEN_CLOEXEC);
        int fd;

        if (fs_fd < 0)
                return st_error_kind(err, st_error_sys(err, "file system overlay"),
                                     ST_CODE_UNSUPPORTED);
        if (set_layer(fs_fd, "lowerdir", lower_fd, "") < 0 ||
            set_layer(fs_fd, "upperdir", upper_fd, "/upper") < 0 ||
            set_layer(fs_fd, "workdir", upper_fd, "/work") < 0 ||
            st_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return st_error_sys(err, "make an overlay");
        fd = st_fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
        return fd < 0 ? st_error_sys(err, "mount an overlay") : fd;
}

int rt_overlay_attach(int lower_fd, uint64_t upper_bytes, struct st_error *err) {
        st_autoclose int upper_fd = make_upper(upper_bytes, err);
        st_autoclose int overlay_fd = -1;
        struct stat lower;

        if (upper_fd < 0)
                return upper_fd;
        /* until Linux 6.15 is the oldest: layers have to be attached. Nobody sees it there, and it
         * goes with the old root. */
        if (attach(upper_fd, lower_fd) < 0)
                return st_error_sys(err, "attach the upper");
        if (fstat(lower_fd, &lower) < 0)
                return st_error_sys(err, "look at the lower");
        if (mkdirat(upper_fd, "upper", 0755) < 0 || mkdirat(upper_fd, "work", 0700) < 0 ||
            fchownat(upper_fd, "upper", lower.st_uid, lower.st_gid, 0) < 0 ||
            fchmodat(upper_fd, "upper", lower.st_mode & 07777, 0) < 0)
                return st_error_sys(err, "make the upper");
        overlay_fd = make_overlay(lower_fd, upper_fd, err);
        if (overlay_fd < 0)
                return overlay_fd;
        if (attach(overlay_fd, upper_fd) < 0)
                return st_error_sys(err, "attach the overlay");
        return st_take_fd(overlay_fd);
}
