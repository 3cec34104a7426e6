#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <stint/handshake.h>

int rt_handshake_pair(int *ret_parent_fd, int *ret_child_fd, struct st_error *err) {
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
                return st_error_sys(err, "make the handshake socket");
        *ret_parent_fd = fds[0];
        *ret_child_fd = fds[1];
        return 0;
}

int rt_handshake_send(int fd, enum rt_message_type type, const struct st_error *error) {
        struct rt_message message = {.type = type};

        if (error)
                message.error = *error;
        return send(fd, &message, sizeof message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int rt_handshake_receive(int fd, struct rt_message *ret_message) {
        ssize_t n;

        /* ECONNRESET: the other end was closed before it read what we sent. It is said once, and
         * what it had sent comes after */
        do
                n = recv(fd, ret_message, sizeof *ret_message, 0);
        while (n < 0 && (errno == EINTR || errno == ECONNRESET));
        if (n < 0)
                return -errno;
        if (n == 0)
                return 0;
        if ((size_t)n != sizeof *ret_message)
                return -EPROTO;
        ret_message->error.msg[sizeof ret_message->error.msg - 1] =
                0; /* it may come from inside a container */
        return 1;
}
