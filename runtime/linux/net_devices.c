#include "netlink.h"

#include <linux/if_addr.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <stint/cleanup.h>
#include <stint/net_devices.h>
#include <stint/syscall.h>

enum { DUMP_TRIES = 8 };

/* ---- loopback */

int rt_loopback_up(struct st_error *err) {
        /* Any socket will do, and this kind is there in every kernel. A fresh "lo" has no other
         * flag to keep. */
        st_autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};

        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                return st_error_sys(err, "bring lo up in the new network namespace");
        return 0;
}

/* ---- links */

static int keep_index(const struct nlmsghdr *reply, void *data) {
        if (reply->nlmsg_type != RTM_NEWLINK ||
            reply->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
                return -EBADMSG;
        *(int *)data = ((const struct ifinfomsg *)NLMSG_DATA(reply))->ifi_index;
        return 0;
}

static int find_link(struct rt_netlink *netlink, const char *name, int *ret_index) {
        struct rt_netlink_message message;

        (void)rt_netlink_begin(&message, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
        rt_netlink_put(&message, IFLA_IFNAME, name, strlen(name) + 1);
        return rt_netlink_call(netlink, &message, keep_index, ret_index);
}

static struct ifinfomsg *begin_link(struct rt_netlink_message *message, int index) {
        struct ifinfomsg *link = rt_netlink_begin(message, RTM_NEWLINK, 0, sizeof *link);

        link->ifi_family = AF_UNSPEC;
        link->ifi_index = index;
        return link;
}

/* With a name in the same message the kernel renames after the move, and resolves a clash of the
 * old name. */
static int move_link(struct rt_netlink *netlink, int index, int netns_fd, const char *name) {
        struct rt_netlink_message message;
        uint32_t fd = (uint32_t)netns_fd;

        (void)begin_link(&message, index);
        rt_netlink_put(&message, IFLA_NET_NS_FD, &fd, sizeof fd);
        rt_netlink_put(&message, IFLA_IFNAME, name, strlen(name) + 1);
        return rt_netlink_call(netlink, &message, NULL, NULL);
}

static int rename_link(struct rt_netlink *netlink, int index, const char *name) {
        struct rt_netlink_message message;

        (void)begin_link(&message, index);
        rt_netlink_put(&message, IFLA_IFNAME, name, strlen(name) + 1);
        return rt_netlink_call(netlink, &message, NULL, NULL);
}

static int set_link_up(struct rt_netlink *netlink, int index) {
        struct rt_netlink_message message;
        struct ifinfomsg *link = begin_link(&message, index);

        link->ifi_flags = IFF_UP;
        link->ifi_change = IFF_UP;
        return rt_netlink_call(netlink, &message, NULL, NULL);
}

/* ---- addresses */

struct address {
        struct ifaddrmsg header;
        uint32_t flags;
        uint32_t route_priority;
        unsigned char local[16], address[16], broadcast[4];
        size_t local_size, address_size, broadcast_size;
};

struct addresses {
        int index;
        struct address *items;
        size_t n;
};

static size_t copy_attribute(const struct rtattr *attribute, void *to, size_t room) {
        size_t size = attribute ? RTA_PAYLOAD(attribute) : 0;

        if (size > room)
                return 0;
        if (size > 0)
                memcpy(to, RTA_DATA(attribute), size);
        return size;
}

static void read_address(const struct nlmsghdr *reply, struct address *address) {
        const struct rtattr *attributes[IFA_MAX + 1] = {0};

        rt_netlink_attributes(reply, sizeof address->header, attributes, IFA_MAX);
        address->header = *(const struct ifaddrmsg *)NLMSG_DATA(reply);
        address->flags = address->header.ifa_flags;
        (void)copy_attribute(attributes[IFA_FLAGS], &address->flags, sizeof address->flags);
        (void)copy_attribute(attributes[IFA_RT_PRIORITY], &address->route_priority,
                             sizeof address->route_priority);
        address->local_size =
                copy_attribute(attributes[IFA_LOCAL], address->local, sizeof address->local);
        address->address_size =
                copy_attribute(attributes[IFA_ADDRESS], address->address, sizeof address->address);
        address->broadcast_size = copy_attribute(attributes[IFA_BROADCAST], address->broadcast,
                                                 sizeof address->broadcast);
}

/* runtime-spec 1.3, "Network Devices": permanent and of global scope. */
static int keep_address(const struct nlmsghdr *reply, void *data) {
        struct addresses *addresses = data;
        struct address address = {0}, *items;

        if (reply->nlmsg_type != RTM_NEWADDR ||
            reply->nlmsg_len < NLMSG_LENGTH(sizeof address.header))
                return -EBADMSG;
        read_address(reply, &address);
        if ((int)address.header.ifa_index != addresses->index ||
            address.header.ifa_scope != RT_SCOPE_UNIVERSE || !(address.flags & IFA_F_PERMANENT))
                return 0;
        items = reallocarray(addresses->items, addresses->n + 1, sizeof *items);
        if (!items)
                return -ENOMEM;
        addresses->items = items;
        addresses->items[addresses->n++] = address;
        return 0;
}

static int list_addresses(struct rt_netlink *netlink, int index, struct addresses *ret_addresses) {
        struct rt_netlink_message message;
        int r = -EAGAIN;

        for (int i = 0; i < DUMP_TRIES && r == -EAGAIN; i++) {
                struct addresses addresses = {.index = index};

                (void)rt_netlink_begin(&message, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
                r = rt_netlink_call(netlink, &message, keep_address, &addresses);
                if (r == 0)
                        *ret_addresses = addresses;
                else
                        free(addresses.items);
        }
        return r;
}

static int add_address(struct rt_netlink *netlink, int index, const struct address *address) {
        uint32_t flags = address->flags & (IFA_F_NODAD | IFA_F_MANAGETEMPADDR |
                                           IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN);
        struct rt_netlink_message message;
        struct ifaddrmsg *header =
                rt_netlink_begin(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof *header);

        header->ifa_family = address->header.ifa_family;
        header->ifa_prefixlen = address->header.ifa_prefixlen;
        header->ifa_scope = address->header.ifa_scope;
        header->ifa_index = (uint32_t)index;
        rt_netlink_put(&message, IFA_FLAGS, &flags, sizeof flags);
        if (address->local_size > 0)
                rt_netlink_put(&message, IFA_LOCAL, address->local, address->local_size);
        if (address->address_size > 0)
                rt_netlink_put(&message, IFA_ADDRESS, address->address, address->address_size);
        if (address->broadcast_size > 0)
                rt_netlink_put(&message, IFA_BROADCAST, address->broadcast,
                               address->broadcast_size);
        if (address->route_priority > 0)
                rt_netlink_put(&message, IFA_RT_PRIORITY, &address->route_priority,
                               sizeof address->route_priority);
        return rt_netlink_call(netlink, &message, NULL, NULL);
}

static int add_addresses(struct rt_netlink *netlink, int index, const struct addresses *addresses) {
        for (size_t i = 0; i < addresses->n; i++) {
                int r = add_address(netlink, index, &addresses->items[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- the move */

struct sockets {
        struct rt_netlink here, there;
        int netns_fd;
};

/* A socket in another namespace needs a moment's stay there; it is the calling thread's alone. */
static int open_there(struct sockets *sockets, struct st_error *err) {
        st_autoclose int own_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        int r;

        if (own_fd < 0)
                return st_error_sys(err, "open /proc/thread-self/ns/net");
        if (setns(sockets->netns_fd, CLONE_NEWNET) < 0)
                return st_error_sys(err, "enter the container's network namespace");
        r = rt_netlink_open(&sockets->there);
        if (setns(own_fd, CLONE_NEWNET) < 0)
                return st_error_kind(
                        err, st_error_sys(err, "return from the container's network namespace"),
                        ST_CODE_INTERNAL);
        return r < 0 ? st_error_code(err, r,
                                     "open a netlink socket in the container's network namespace")
                     : 0;
}

static int check_name(struct sockets *sockets, const char *name, struct st_error *err) {
        int index, r = find_link(&sockets->there, name, &index);

        if (r == -ENODEV)
                return 0;
        if (r < 0)
                return st_error_code(err, r, "look for %s in the container", name);
        return st_error_set(err, -EEXIST, "the container has a device named %s", name);
}

/* The kernel makes a name of a template ("eth%d") only when renaming; a name nobody has leads back
 * to the device until then. */
static int arrive(struct sockets *sockets, int index, const char *name, int *ret_index,
                  struct st_error *err) {
        bool template = strchr(name, '%');
        char first_name[IFNAMSIZ];
        int r;

        (void)snprintf(first_name, sizeof first_name, "%s", name);
        if (template)
                (void)snprintf(first_name, sizeof first_name, "st%x.%x",
                               (unsigned)getpid() & 0xffffff, (unsigned)index & 0xffff);
        else {
                r = check_name(sockets, name, err);
                if (r < 0)
                        return r;
        }
        r = move_link(&sockets->here, index, sockets->netns_fd, first_name);
        if (r < 0)
                return st_error_code(err, r, "move to the container as %s", first_name);
        r = find_link(&sockets->there, first_name, ret_index);
        if (r < 0)
                return st_error_code(err, r, "find %s in the container", first_name);
        if (template)
                r = rename_link(&sockets->there, *ret_index, name);
        return r < 0 ? st_error_code(err, r, "rename to %s", name) : 0;
}

static int settle(struct sockets *sockets, int index, const struct addresses *addresses,
                  struct st_error *err) {
        int r = add_addresses(&sockets->there, index, addresses);

        if (r < 0)
                return st_error_code(err, r, "add its addresses in the container");
        r = set_link_up(&sockets->there, index);
        return r < 0 ? st_error_code(err, r, "set it up in the container") : 0;
}

static int move_device(struct sockets *sockets, const struct st_net_device *device,
                       struct st_error *err) {
        const char *name = device->container_name ? device->container_name : device->host_name;
        struct addresses addresses = {0};
        int index, new_index, r;

        r = find_link(&sockets->here, device->host_name, &index);
        if (r < 0)
                return st_error_code(err, r, "look for it");
        r = list_addresses(&sockets->here, index, &addresses);
        if (r < 0)
                return st_error_code(err, r, "list its addresses");
        r = arrive(sockets, index, name, &new_index, err);
        if (r == 0)
                r = settle(sockets, new_index, &addresses, err);
        free(addresses.items);
        return r;
}

static int move_all(struct sockets *sockets, const struct st_net_device *devices, size_t n,
                    struct st_error *err) {
        for (size_t i = 0; i < n; i++) {
                int r = move_device(sockets, &devices[i], err);
                if (r < 0)
                        return st_error_prefix(err, r, "linux.netDevices[%s]",
                                               devices[i].host_name);
        }
        return 0;
}

int rt_net_devices_move(const struct st_net_device *devices, size_t n, int netns_fd,
                        struct st_error *err) {
        struct sockets sockets = {.here.fd = -1, .there.fd = -1, .netns_fd = netns_fd};
        int r;

        if (n == 0)
                return 0;
        r = rt_netlink_open(&sockets.here);
        if (r < 0)
                r = st_error_code(err, r, "linux.netDevices: open a netlink socket");
        else
                r = open_there(&sockets, err);
        if (r == 0)
                r = move_all(&sockets, devices, n, err);
        rt_netlink_close(&sockets.here);
        rt_netlink_close(&sockets.there);
        return r < 0 ? st_error_kind(err, r, ST_CODE_NAMESPACE) : 0;
}
