#include "../../../runtime/linux/netlink.h"
#include "child.h"
#include "leaks.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/net_devices.h>

static void need_root(void) {
        if (geteuid() != 0)
                cr_skip_test("needs root");
}

TestSuite(net_devices, .init = need_root, .fini = st_test_no_leaks, .timeout = 60);

/* ---- a host and a container, both network namespaces of a child's own */

static int own_netns(void) {
        return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Be in a new one as the "host"; give that of the "container". */
static int make_world(int *ret_host_fd) {
        int container_fd;

        if (unshare(CLONE_NEWNET) < 0)
                return -1;
        container_fd = own_netns();
        if (unshare(CLONE_NEWNET) < 0)
                return -1;
        *ret_host_fd = own_netns();
        return container_fd;
}

static int talk(struct rt_netlink_message *message) {
        struct rt_netlink netlink;
        int r = rt_netlink_open(&netlink);

        if (r < 0)
                return r;
        r = rt_netlink_call(&netlink, message, NULL, NULL);
        rt_netlink_close(&netlink);
        return r;
}

/* One end of a pair, whose other end the kernel names. */
static int make_device(const char *name) {
        struct {
                struct rtattr header;
                char kind[8];
        } info = {{.rta_len = RTA_LENGTH(5), .rta_type = IFLA_INFO_KIND}, "veth"};
        struct rt_netlink_message message;

        (void)rt_netlink_begin(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
                               sizeof(struct ifinfomsg));
        rt_netlink_put(&message, IFLA_IFNAME, name, strlen(name) + 1);
        rt_netlink_put(&message, IFLA_LINKINFO, &info, sizeof info);
        return talk(&message);
}

static int add_address(const char *name, int family, const char *text, unsigned char prefix,
                       unsigned char scope, uint32_t valid) {
        const struct ifa_cacheinfo lifetime = {.ifa_prefered = valid, .ifa_valid = valid};
        uint32_t flags = family == AF_INET6 ? IFA_F_NODAD : 0;
        size_t size = family == AF_INET6 ? 16 : 4;
        struct rt_netlink_message message;
        unsigned char address[16];
        struct ifaddrmsg *header =
                rt_netlink_begin(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof *header);

        *header = (struct ifaddrmsg) {.ifa_family = (unsigned char)family,
                                      .ifa_prefixlen = prefix,
                                      .ifa_scope = scope,
                                      .ifa_index = if_nametoindex(name)};
        if (inet_pton(family, text, address) != 1)
                return -EINVAL;
        rt_netlink_put(&message, IFA_LOCAL, address, size);
        rt_netlink_put(&message, IFA_ADDRESS, address, size);
        rt_netlink_put(&message, IFA_FLAGS, &flags, sizeof flags);
        if (valid > 0)
                rt_netlink_put(&message, IFA_CACHEINFO, &lifetime, sizeof lifetime);
        return talk(&message);
}

/* "192.0.2.1/24 2001:db8::1/64 " of a device here, sorted as the kernel lists them; flags in
 * *ret_flags. */
static void describe(const char *name, char *text, size_t room, unsigned *ret_flags) {
        struct ifaddrs *list, *entry;

        *text = 0;
        *ret_flags = 0;
        if (getifaddrs(&list) < 0)
                return;
        for (entry = list; entry; entry = entry->ifa_next) {
                const struct sockaddr_in *in = (const void *)entry->ifa_addr;
                const struct sockaddr_in6 *in6 = (const void *)entry->ifa_addr;
                char address[INET6_ADDRSTRLEN];
                size_t used = strlen(text);

                if (strcmp(entry->ifa_name, name))
                        continue;
                *ret_flags = entry->ifa_flags;
                if (!entry->ifa_addr || entry->ifa_addr->sa_family == AF_PACKET)
                        continue;
                if (entry->ifa_addr->sa_family == AF_INET)
                        inet_ntop(AF_INET, &in->sin_addr, address, sizeof address);
                else if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
                        continue; /* the kernel made it when the device went up */
                else
                        inet_ntop(AF_INET6, &in6->sin6_addr, address, sizeof address);
                (void)snprintf(text + used, room - used, "%s ", address);
        }
        freeifaddrs(list);
}

static int same_file(int a, int b) {
        struct stat st_a, st_b;

        return fstat(a, &st_a) == 0 && fstat(b, &st_b) == 0 && st_a.st_ino == st_b.st_ino &&
               st_a.st_dev == st_b.st_dev;
}

/* ---- moves */

static int move_and_rename(const void *data) {
        const struct st_net_device devices[] = {{"first", "eth0"}, {"second", NULL}};
        int host_fd, container_fd = make_world(&host_fd);
        struct st_error err = {0};
        unsigned flags;
        char text[256];

        (void)data;
        CHILD_CHECK(container_fd >= 0);
        CHILD_CHECK(make_device("first") == 0 && make_device("second") == 0);
        CHILD_CHECK(add_address("first", AF_INET, "192.0.2.1", 24, RT_SCOPE_UNIVERSE, 0) == 0);
        CHILD_CHECK(add_address("first", AF_INET, "192.0.2.9", 32, RT_SCOPE_UNIVERSE, 0) == 0);
        CHILD_CHECK(add_address("first", AF_INET, "198.51.100.1", 24, RT_SCOPE_LINK, 0) == 0);
        CHILD_CHECK(add_address("first", AF_INET, "203.0.113.1", 24, RT_SCOPE_UNIVERSE, 1000) == 0);
        CHILD_CHECK(add_address("first", AF_INET6, "2001:db8::1", 64, RT_SCOPE_UNIVERSE, 0) == 0);
        CHILD_CHECK(add_address("second", AF_INET, "192.0.2.77", 24, RT_SCOPE_UNIVERSE, 0) == 0);
        CHILD_OK(rt_net_devices_move(devices, 2, container_fd, &err), err);
        CHILD_CHECK(same_file(own_netns(), host_fd));
        CHILD_CHECK(if_nametoindex("first") == 0 && if_nametoindex("second") == 0);
        CHILD_CHECK(setns(container_fd, CLONE_NEWNET) == 0);
        describe("eth0", text, sizeof text, &flags);
        CHILD_CHECK(flags & IFF_UP);
        CHILD_CHECK(!strcmp(text, "192.0.2.1 192.0.2.9 2001:db8::1 "));
        describe("second", text, sizeof text, &flags);
        CHILD_CHECK(flags & IFF_UP);
        CHILD_CHECK(!strcmp(text, "192.0.2.77 "));
        return 0;
}

Test(net_devices, move_with_their_permanent_global_addresses) {
        cr_expect_eq(in_child(move_and_rename, NULL), 0);
}

static int clash_of_names(const void *data) {
        const struct st_net_device taken = {"dev0", "dev1"}, free_name = {"dev0", "dev2"},
                                   same = {"dev1", NULL};
        int host_fd, container_fd = make_world(&host_fd);
        struct st_error err = {0};

        (void)data;
        CHILD_CHECK(setns(container_fd, CLONE_NEWNET) == 0);
        CHILD_CHECK(make_device("dev0") == 0 && make_device("dev1") == 0);
        CHILD_CHECK(setns(host_fd, CLONE_NEWNET) == 0);
        CHILD_CHECK(make_device("dev0") == 0 && make_device("dev1") == 0);
        CHILD_CHECK(rt_net_devices_move(&taken, 1, container_fd, &err) == -EEXIST);
        CHILD_CHECK(
                strstr(err.msg, "linux.netDevices[dev0]: the container has a device named dev1"));
        CHILD_CHECK(if_nametoindex("dev0") > 0);
        CHILD_CHECK(rt_net_devices_move(&same, 1, container_fd, &err) == -EEXIST);
        CHILD_CHECK(if_nametoindex("dev1") > 0);
        CHILD_OK(rt_net_devices_move(&free_name, 1, container_fd, &err),
                 err); /* though "dev0" is taken as well */
        CHILD_CHECK(if_nametoindex("dev0") == 0);
        CHILD_CHECK(setns(container_fd, CLONE_NEWNET) == 0);
        CHILD_CHECK(if_nametoindex("dev2") > 0);
        return 0;
}

Test(net_devices, stay_where_they_are_when_the_name_is_taken) {
        cr_expect_eq(in_child(clash_of_names, NULL), 0);
}

static int use_a_template(const void *data) {
        const struct st_net_device devices[] = {{"one", "eth%d"}, {"two", "eth%d"}};
        int host_fd, container_fd = make_world(&host_fd);
        struct st_error err = {0};
        unsigned flags;
        char text[256];

        (void)data;
        CHILD_CHECK(setns(container_fd, CLONE_NEWNET) == 0);
        CHILD_CHECK(make_device("eth0") == 0);
        CHILD_CHECK(setns(host_fd, CLONE_NEWNET) == 0);
        CHILD_CHECK(make_device("one") == 0 && make_device("two") == 0);
        CHILD_CHECK(add_address("one", AF_INET, "192.0.2.1", 24, RT_SCOPE_UNIVERSE, 0) == 0);
        CHILD_OK(rt_net_devices_move(devices, 2, container_fd, &err), err);
        CHILD_CHECK(setns(container_fd, CLONE_NEWNET) == 0);
        describe("eth1", text, sizeof text, &flags);
        CHILD_CHECK(flags & IFF_UP && !strcmp(text, "192.0.2.1 "));
        describe("eth2", text, sizeof text, &flags);
        CHILD_CHECK(flags & IFF_UP && !*text);
        return 0;
}

Test(net_devices, take_the_name_that_the_kernel_makes_of_a_template) {
        cr_expect_eq(in_child(use_a_template, NULL), 0);
}

static int move_what_is_not_there(const void *data) {
        const struct st_net_device device = {"nosuch0", NULL}, immovable = {"lo", "lo1"};
        int host_fd, container_fd = make_world(&host_fd);
        struct st_error err = {0};

        (void)data;
        CHILD_CHECK(rt_net_devices_move(&device, 1, container_fd, &err) == -ENODEV);
        CHILD_CHECK(strstr(err.msg, "linux.netDevices[nosuch0]: look for it: no such device"));
        CHILD_CHECK(rt_net_devices_move(&immovable, 1, container_fd, &err) < 0);
        CHILD_CHECK(strstr(err.msg, "linux.netDevices[lo]: move to the container"));
        CHILD_CHECK(rt_net_devices_move(&device, 1, -1, &err) == -EBADF);
        CHILD_CHECK(rt_net_devices_move(NULL, 0, -1, &err) == 0);
        CHILD_CHECK(same_file(own_netns(), host_fd));
        return 0;
}

Test(net_devices, are_named_when_they_cannot_move) {
        cr_expect_eq(in_child(move_what_is_not_there, NULL), 0);
}

/* ---- loopback */

static int bring_loopback_up(const void *data) {
        struct st_error err = {0};
        unsigned flags;
        char text[256];

        (void)data;
        CHILD_CHECK(unshare(CLONE_NEWNET) == 0);
        describe("lo", text, sizeof text, &flags);
        CHILD_CHECK(!(flags & IFF_UP));
        CHILD_OK(rt_loopback_up(&err), err);
        describe("lo", text, sizeof text, &flags);
        CHILD_CHECK(flags & IFF_UP && flags & IFF_LOOPBACK);
        CHILD_CHECK(!strncmp(text, "127.0.0.1 ", 10));
        return 0;
}

Test(net_devices, include_a_loopback_that_is_up) {
        cr_expect_eq(in_child(bring_loopback_up, NULL), 0);
}

/* ---- messages */

Test(net_devices, refuse_a_message_that_does_not_fit) {
        struct rt_netlink netlink;
        struct rt_netlink_message message;
        char large[1200] = "";

        cr_assert_eq(rt_netlink_open(&netlink), 0);
        (void)rt_netlink_begin(&message, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
        rt_netlink_put(&message, IFLA_IFNAME, large, sizeof large);
        rt_netlink_put(&message, IFLA_IFNAME, "lo", 3);
        cr_expect_eq(rt_netlink_call(&netlink, &message, NULL, NULL), -EMSGSIZE);
        rt_netlink_close(&netlink);
}
