/* runtime/linux/netlink.h: as much of rtnetlink(7) as moving a device takes. */
#pragma once
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rt_netlink {
        int fd;
        uint32_t sequence;
};

struct rt_netlink_message {
        struct nlmsghdr header;
        char body[1024] __attribute__((aligned(NLMSG_ALIGNTO)));
        bool too_long; /* an attribute did not fit */
};

/* A socket in the calling thread's network namespace. Negative errno. */
int rt_netlink_open(struct rt_netlink *ret_netlink);
void rt_netlink_close(struct rt_netlink *netlink);

/* Start a request (NLM_F_REQUEST is added): its family's header, zeroed. */
void *rt_netlink_begin(struct rt_netlink_message *message, uint16_t type, uint16_t flags,
                       size_t header_size);
/* Add an attribute; one that does not fit is an -EMSGSIZE of rt_netlink_call(). */
void rt_netlink_put(struct rt_netlink_message *message, uint16_t type, const void *data,
                    size_t size);

/* Send, and take all of the answer. @on_reply (may be NULL) sees each message of it; a negative
 * return ends with it. Negative errno, the kernel's included. -EAGAIN: a dump was not consistent,
 * ask again. */
int rt_netlink_call(struct rt_netlink *netlink, struct rt_netlink_message *message,
                    int (*on_reply)(const struct nlmsghdr *reply, void *data), void *data);

/* The attributes behind a message's family header, by type; those over @max are left out. */
void rt_netlink_attributes(const struct nlmsghdr *reply, size_t header_size,
                           const struct rtattr **ret_by_type, size_t max);
