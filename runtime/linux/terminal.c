#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>

#include <stint/cleanup.h>
#include <stint/rootpath.h>
#include <stint/syscall.h>
#include <stint/terminal.h>

/* /dev/pts/ptmx of a real devpts, whatever the image has at that name. */
static int open_master(int root_fd, struct st_error *err) {
        st_autoclose int fd = rt_root_open(root_fd, "dev/pts/ptmx", O_RDWR | O_NOCTTY);
        struct statfs fs;
        struct stat st;

        if (fd < 0)
                return st_error_code(err, fd,
                                     "open /dev/pts/ptmx (process.terminal needs a devpts mount)");
        if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
                return st_error_sys(err, "look at /dev/pts/ptmx");
        if (fs.f_type != DEVPTS_SUPER_MAGIC || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
                return st_error_set(err, -ENODEV, "/dev/pts/ptmx is not a pty master");
        return st_take_fd(fd);
}

static int bind_to_console(int root_fd, int slave_fd, struct st_error *err) {
        st_autoclose int tree_fd =
                st_open_tree(slave_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        st_autoclose int target_fd = -1;

        if (tree_fd < 0)
                return st_error_sys(err, "clone the pty");
        target_fd = rt_root_create_file(root_fd, "dev/console", 0666);
        if (target_fd < 0)
                return st_error_code(err, target_fd, "make /dev/console");
        if (st_move_mount(tree_fd, "", target_fd, "",
                          MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return st_error_sys(err, "bind the pty to /dev/console");
        return 0;
}

int rt_terminal_make(int root_fd, const struct st_process *process, bool bind_console,
                     int *ret_master_fd, int *ret_slave_fd, struct st_error *err) {
        struct winsize size = {.ws_row = process->console_height, .ws_col = process->console_width};
        st_autoclose int master_fd = open_master(root_fd, err), slave_fd = -1;
        int unlocked = 0;

        if (master_fd < 0)
                return master_fd;
        if (ioctl(master_fd, TIOCSPTLCK, &unlocked) < 0)
                return st_error_sys(err, "unlock the pty");
        slave_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave_fd < 0)
                return st_error_sys(err, "open the pty's other end");
        if ((size.ws_row || size.ws_col) && ioctl(master_fd, TIOCSWINSZ, &size) < 0)
                return st_error_sys(err, "set process.consoleSize");
        if (fchown(slave_fd, process->user.uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
                return st_error_sys(err, "give the pty to uid %u", process->user.uid);
        if (bind_console) {
                int r = bind_to_console(root_fd, slave_fd, err);
                if (r < 0)
                        return r;
        }
        *ret_master_fd = st_take_fd(master_fd);
        *ret_slave_fd = st_take_fd(slave_fd);
        return 0;
}

int rt_send_fd(int socket_fd, int fd, const char *name) {
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct iovec text = {.iov_base = (char *)name, .iov_len = strlen(name)};
        struct msghdr message = {.msg_iov = &text,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control.space};
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
        return sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int rt_receive_fd(int socket_fd) {
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {0};
        char text[256];
        struct iovec iov = {.iov_base = text, .iov_len = sizeof text};
        struct msghdr message = {.msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control.space};
        struct cmsghdr *c;
        int fd;

        if (recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC) < 0)
                return -errno;
        c = CMSG_FIRSTHDR(&message);
        if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
            c->cmsg_len != CMSG_LEN(sizeof fd))
                return -ENODATA;
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
        return fd;
}

int rt_terminal_send(int socket_fd, int master_fd, struct st_error *err) {
        int r = rt_send_fd(socket_fd, master_fd, "/dev/ptmx");

        return r < 0 ? st_error_code(err, r, "send the pty to the console socket") : 0;
}

int rt_terminal_adopt(int slave_fd, struct st_error *err) {
        if (ioctl(slave_fd, TIOCSCTTY, 0) < 0)
                return st_error_sys(err, "make the pty the controlling terminal");
        for (int fd = 0; fd <= 2; fd++)
                if (dup2(slave_fd, fd) < 0)
                        return st_error_sys(err, "put the pty on descriptor %d", fd);
        return 0;
}
