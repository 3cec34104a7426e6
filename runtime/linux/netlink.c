#include "netlink.h"

#include <string.h>
#include <sys/socket.h>

#include <stint/cleanup.h>

enum { RECEIVE_ROOM = 32 << 10 }; /* the kernel fills at most this much of a dump at once */

int rt_netlink_open(struct rt_netlink *ret_netlink) {
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

        if (fd < 0)
                return -errno;
        *ret_netlink = (struct rt_netlink) {.fd = fd};
        return 0;
}

void rt_netlink_close(struct rt_netlink *netlink) {
        netlink->fd = st_close(netlink->fd);
}

void *rt_netlink_begin(struct rt_netlink_message *message, uint16_t type, uint16_t flags,
                       size_t header_size) {
        memset(message, 0, sizeof *message);
        message->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(header_size);
        message->header.nlmsg_type = type;
        message->header.nlmsg_flags = NLM_F_REQUEST | flags;
        return message->body;
}

void rt_netlink_put(struct rt_netlink_message *message, uint16_t type, const void *data,
                    size_t size) {
        size_t at = NLMSG_ALIGN(message->header.nlmsg_len);
        struct rtattr *attribute = (struct rtattr *)((char *)message + at);

        if (RTA_SPACE(size) > NLMSG_HDRLEN + sizeof message->body - at) {
                message->too_long = true;
                return;
        }
        attribute->rta_type = type;
        attribute->rta_len = (unsigned short)RTA_LENGTH(size);
        memcpy(RTA_DATA(attribute), data, size);
        message->header.nlmsg_len = (uint32_t)(at + RTA_LENGTH(size));
}

static int send_request(struct rt_netlink *netlink, struct rt_netlink_message *message) {
        const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
        ssize_t n;

        if (message->too_long)
                return -EMSGSIZE;
        message->header.nlmsg_seq = ++netlink->sequence;
        do
                n = sendto(netlink->fd, message, message->header.nlmsg_len, 0,
                           (const struct sockaddr *)&kernel, sizeof kernel);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

struct exchange {
        uint32_t sequence;
        int (*on_reply)(const struct nlmsghdr *reply, void *data);
        void *data;
        bool done, interrupted;
};

static int take_reply(struct exchange *exchange, const struct nlmsghdr *reply) {
        const struct nlmsgerr *error = NLMSG_DATA(reply);

        if (reply->nlmsg_seq != exchange->sequence)
                return 0; /* the rest of an answer that was given up */
        if (reply->nlmsg_flags & NLM_F_DUMP_INTR)
                exchange->interrupted = true;
        switch (reply->nlmsg_type) {
        case NLMSG_NOOP:
                return 0;
        case NLMSG_ERROR: /* with error 0 it is the acknowledgement */
                exchange->done = true;
                return reply->nlmsg_len < NLMSG_LENGTH(sizeof *error) ? -EBADMSG : error->error;
        case NLMSG_DONE:
                exchange->done = true;
                return 0;
        default:
                return exchange->on_reply ? exchange->on_reply(reply, exchange->data) : 0;
        }
}

static int take_datagram(struct exchange *exchange, const char *buf, size_t length) {
        const struct nlmsghdr *reply = (const struct nlmsghdr *)buf;

        for (; NLMSG_OK(reply, length) && !exchange->done; reply = NLMSG_NEXT(reply, length)) {
                int r = take_reply(exchange, reply);
                if (r < 0)
                        return r;
        }
        return 0;
}

int rt_netlink_call(struct rt_netlink *netlink, struct rt_netlink_message *message,
                    int (*on_reply)(const struct nlmsghdr *reply, void *data), void *data) {
        struct exchange exchange = {.on_reply = on_reply, .data = data};
        st_autofree char *buf = malloc(RECEIVE_ROOM);
        int r;

        if (!buf)
                return -ENOMEM;
        if ((message->header.nlmsg_flags & NLM_F_DUMP) !=
            NLM_F_DUMP) /* whose bits mean other things alone */
                message->header.nlmsg_flags |= NLM_F_ACK;
        r = send_request(netlink, message);
        if (r < 0)
                return r;
        exchange.sequence = netlink->sequence;
        while (!exchange.done) {
                ssize_t n = recv(netlink->fd, buf, RECEIVE_ROOM, MSG_TRUNC);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n > RECEIVE_ROOM)
                        return -EMSGSIZE;
                r = take_datagram(&exchange, buf, (size_t)n);
                if (r < 0)
                        return r;
        }
        return exchange.interrupted ? -EAGAIN : 0;
}

void rt_netlink_attributes(const struct nlmsghdr *reply, size_t header_size,
                           const struct rtattr **ret_by_type, size_t max) {
        const struct rtattr *attribute =
                (const struct rtattr *)((const char *)NLMSG_DATA(reply) + NLMSG_ALIGN(header_size));
        size_t length = reply->nlmsg_len < NLMSG_SPACE(header_size)
                                ? 0
                                : reply->nlmsg_len - NLMSG_SPACE(header_size);

        for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length))
                if (attribute->rta_type <= max)
                        ret_by_type[attribute->rta_type] = attribute;
}
