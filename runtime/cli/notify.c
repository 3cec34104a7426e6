#include "notify.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <stint/cleanup.h>

enum { MESSAGE_MAX = 4096, BARRIER_MSEC = 5000 };

bool cli_notify_wanted(void) {
        const char *path = getenv("NOTIFY_SOCKET");

        return path && *path;
}

/* "@name" is in the abstract namespace. */
static int connect_manager(int *ret_fd, struct st_error *err) {
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        st_autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        size_t length = strlen(path);

        if (fd < 0)
                return st_error_sys(err, "make a socket");
        if (length >= sizeof address.sun_path)
                return st_error_code(err, -ENAMETOOLONG, "NOTIFY_SOCKET %s", path);
        memcpy(address.sun_path, path, length);
        if (*path == '@')
                address.sun_path[0] = 0;
        if (connect(fd, (struct sockaddr *)&address,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
                return st_error_sys(err, "connect to NOTIFY_SOCKET %s", path);
        *ret_fd = st_take_fd(fd);
        return 0;
}

static bool says_ready(char *message) {
        char *save;

        for (char *line = strtok_r(message, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                if (!strcmp(line, "READY=1"))
                        return true;
        return false;
}

/* Nothing else: a container's STATUS, FDSTORE or MAINPID are not the service's. */
static int tell_manager(pid_t main_pid, struct st_error *err) {
        st_autoclose int fd = -1;
        char text[64];
        int n = snprintf(text, sizeof text, "READY=1\nMAINPID=%d\n", (int)main_pid);
        int r = connect_manager(&fd, err);

        if (r < 0)
                return r;
        if (send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
                return st_error_sys(err, "tell NOTIFY_SOCKET");
        return 0;
}

int cli_notify_forward(int fd, pid_t main_pid, struct st_error *err) {
        char message[MESSAGE_MAX + 1];
        ssize_t n;

        while ((n = recv(fd, message, MESSAGE_MAX, 0)) >= 0) {
                int r;
                message[n] = 0;
                if (!says_ready(message))
                        continue;
                r = tell_manager(main_pid, err);
                return r < 0 ? r : 1;
        }
        return errno == EAGAIN || errno == EINTR ? 0 : st_error_sys(err, "read the notify socket");
}

/* The manager closes the descriptor that comes with BARRIER=1 when it has got that far. One that
 * does not know it costs the time. */
static int wait_for_manager(struct st_error *err) {
        static char barrier[] = "BARRIER=1";
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct iovec text = {.iov_base = barrier, .iov_len = sizeof barrier - 1};
        struct msghdr message = {.msg_iov = &text,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
        st_autoclose int fd = -1, read_fd = -1, write_fd = -1;
        struct pollfd heard;
        int fds[2], r = connect_manager(&fd, err);

        if (r < 0)
                return r;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return st_error_sys(err, "make a pipe");
        read_fd = fds[0];
        write_fd = fds[1];
        control.header = (struct cmsghdr) {.cmsg_level = SOL_SOCKET,
                                           .cmsg_type = SCM_RIGHTS,
                                           .cmsg_len = CMSG_LEN(sizeof write_fd)};
        memcpy(CMSG_DATA(&control.header), &write_fd, sizeof write_fd);
        if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
                return st_error_sys(err, "tell NOTIFY_SOCKET");
        write_fd = st_close(write_fd);
        heard = (struct pollfd) {.fd = read_fd, .events = POLLIN};
        (void)poll(&heard, 1, BARRIER_MSEC); /* either way it was told */
        return 0;
}

int cli_notify_wait(int fd, int pidfd, pid_t main_pid, struct st_error *err) {
        for (;;) {
                struct pollfd pollfds[] = {{.fd = fd, .events = POLLIN},
                                           {.fd = pidfd, .events = POLLIN}};
                int r;

                if (poll(pollfds, 2, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return st_error_sys(err, "poll");
                }
                r = cli_notify_forward(fd, main_pid,
                                       err); /* first: it may have said so and ended */
                if (r != 0)
                        return r < 0 ? r : wait_for_manager(err);
                if (pollfds[1].revents)
                        return 0;
        }
}
