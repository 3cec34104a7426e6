/* receive console SOCKET | receive notify SOCKET ERRNO: the other end of the sockets over which a
 * runtime hands out descriptors, as a container engine would be.
 *
 * It listens, prints {"listening": true}, takes one connection and prints what came over it:
 * the payload as text, how many descriptors, in which message they came, and whether the sender
 * then closed the connection. Then, with a console, it copies the terminal's output to standard
 * output and its own standard input to the terminal until the other side is gone; with a seccomp
 * listener, it answers every notification with ERRNO (0: let the call continue) until no one can
 * send more. */
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_FDS = 8 };

struct received {
        char text[65536];
        size_t length;
        int fds[MAX_FDS];
        int n_fds, n_messages, fds_in_message; /* the message, from 1, that carried descriptors */
        bool closed;
};

static void fail(const char *what) {
        perror(what);
        exit(2);
}

static int listen_on(const char *path) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (strlen(path) >= sizeof address.sun_path) {
                errno = ENAMETOOLONG;
                fail(path);
        }
        strcpy(address.sun_path, path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            listen(fd, 8) < 0)
                fail(path);
        printf("{\"listening\":true}\n");
        fflush(stdout);
        return fd;
}

static void keep_fds(struct received *r, struct msghdr *message) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                int n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
                    r->n_fds + n > MAX_FDS)
                        continue;
                memcpy(r->fds + r->n_fds, CMSG_DATA(c), (size_t)n * sizeof(int));
                r->n_fds += n;
                r->fds_in_message = r->n_messages;
        }
}

/* Read one connection to its end; a console's sender may keep it open, so one second of silence
 * ends it. */
static void receive_all(int fd, struct received *r) {
        char control[CMSG_SPACE(MAX_FDS * sizeof(int))];
        struct pollfd wait = {.fd = fd, .events = POLLIN};

        while (poll(&wait, 1, r->n_messages ? 1000 : -1) > 0 && r->length < sizeof r->text) {
                struct iovec part = {r->text + r->length, sizeof r->text - r->length};
                struct msghdr message = {.msg_iov = &part,
                                         .msg_iovlen = 1,
                                         .msg_control = control,
                                         .msg_controllen = sizeof control};
                ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

                if (n < 0)
                        fail("recvmsg");
                r->n_messages += n > 0;
                keep_fds(r, &message);
                r->length += (size_t)n;
                if (n == 0) {
                        r->closed = true;
                        return;
                }
        }
}

static void print_received(const struct received *r) {
        struct winsize size = {0};

        json_open(NULL, '{');
        json_bytes("payload", r->text, r->length);
        json_number("fds", r->n_fds);
        json_number("fds_in_message", r->fds_in_message);
        json_bool("closed", r->closed);
        if (r->n_fds && ioctl(r->fds[0], TIOCGWINSZ, &size) == 0) {
                json_number("rows", size.ws_row);
                json_number("columns", size.ws_col);
        }
        json_close('}');
        fflush(stdout);
}

static bool copy(int from_fd, int to_fd) {
        char bytes[4096];
        ssize_t n = read(from_fd, bytes, sizeof bytes);

        return n > 0 && write(to_fd, bytes, (size_t)n) == n;
}

static void relay_console(int master_fd) {
        struct pollfd wait[2] = {{.fd = master_fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};

        while (poll(wait, 2, -1) > 0) {
                if (wait[0].revents && !copy(master_fd, 1))
                        return; /* EIO: the last slave is closed */
                if (wait[1].revents && !copy(0, master_fd))
                        wait[1].fd = -1;
        }
}

static void answer_notifications(int notify_fd, int error) {
        struct pollfd wait = {.fd = notify_fd, .events = POLLIN};

        while (poll(&wait, 1, -1) > 0 && wait.revents & POLLIN) {
                struct seccomp_notif request = {0};
                struct seccomp_notif_resp response = {0};

                if (ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
                        continue; /* ENOENT: the caller was killed meanwhile */
                json_open(NULL, '{');
                json_number("notified", request.data.nr);
                json_close('}');
                fflush(stdout);
                response.id = request.id;
                response.error = -error;
                response.flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
                ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
        }
}

int main(int argc, char **argv) {
        static struct received r;
        bool console = argc == 3 && strcmp(argv[1], "console") == 0;
        int listener, connection;

        if (!console && !(argc == 4 && strcmp(argv[1], "notify") == 0)) {
                fprintf(stderr, "usage: receive console SOCKET | receive notify SOCKET ERRNO\n");
                return 2;
        }
        listener = listen_on(argv[2]);
        connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0)
                fail("accept");
        receive_all(connection, &r);
        print_received(&r);
        if (r.n_fds == 0)
                return 1;
        if (console)
                relay_console(r.fds[0]);
        else
                answer_notifications(r.fds[0], atoi(argv[3]));
        fcntl(listener, F_SETFL, O_NONBLOCK);
        json_open(NULL, '{');
        json_bool("second_connection", accept4(listener, NULL, NULL, SOCK_CLOEXEC) >= 0);
        json_close('}');
        return 0;
}
