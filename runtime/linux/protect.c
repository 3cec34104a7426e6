#include <stdbool.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <stint/cleanup.h>
#include <stint/protect.h>
#include <stint/syscall.h>

static bool is_sealed(int fd) {
        int seals = fcntl(fd, F_GET_SEALS);

        return seals >= 0 && (seals & F_SEAL_WRITE);
}

static int execute(int fd, char *const argv[]) {
        (void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
        return -errno;
}

static int run_readonly_clone(int exe_fd, char *const argv[]) {
        struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
        st_autoclose int tree_fd =
                st_open_tree(exe_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

        if (tree_fd < 0 || st_mount_setattr(tree_fd, "", AT_EMPTY_PATH, &readonly) < 0)
                return -errno;
        return execute(tree_fd, argv);
}

static int run_sealed_copy(char *const argv[]) {
        st_autoclose int from_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        st_autoclose int copy_fd = memfd_create("stint", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        ssize_t n;

        if (from_fd < 0 || copy_fd < 0)
                return -errno;
        while ((n = sendfile(copy_fd, from_fd, NULL, 1 << 30)) > 0)
                ;
        if (n < 0 || fcntl(copy_fd, F_ADD_SEALS,
                           F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -errno;
        return execute(copy_fd, argv);
}

int rt_protect_self(char *const argv[], struct st_error *err) {
        st_autoclose int exe_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        struct statvfs fs;
        int r;

        if (exe_fd < 0 || fstatvfs(exe_fd, &fs) < 0)
                return st_error_sys(err, "look at /proc/self/exe");
        if ((fs.f_flag & ST_RDONLY) || is_sealed(exe_fd))
                return 0;
        if (faccessat(AT_FDCWD, "/proc/self/exe", W_OK, AT_EACCESS) < 0 && errno == EACCES)
                return 0; /* and no root of a user namespace of ours may do more */
        r = run_readonly_clone(exe_fd, argv);
        if (r < 0)
                r = run_sealed_copy(argv);
        return st_error_code(err, r, "execute itself from a read-only copy");
}
