#include "../../../runtime/linux/netlink.h"
#include "child.h"
#include "filters.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include <stint/fs.h>
#include <stint/process.h>
#include <stint/syscall.h>

TestSuite(sysctl, .fini = st_test_no_leaks);

/* ---- which are allowed */

static struct st_spec spec_with(struct st_string_pair *pair) {
        return (struct st_spec) {.linux_ = {.sysctl = pair, .n_sysctl = 1}};
}

static void expect_check(const char *key, enum st_namespace_kind kind,
                         struct st_namespace namespace, int want) {
        struct st_string_pair pair = {key, "1"};
        struct st_spec spec = spec_with(&pair);
        struct st_error err = {0};

        spec.linux_.namespaces[kind] = namespace;
        cr_expect_eq(rt_sysctl_check(&spec, &err), want, "%s: %s", key, err.msg);
        if (want == -EINVAL)
                cr_expect(strstr(err.msg, "linux.sysctl: ") && strstr(err.msg, key) &&
                                  strstr(err.msg, "host's"),
                          "%s", err.msg);
}

Test(sysctl, wants_a_namespace_that_is_not_the_hosts) {
        const struct {
                const char *key, *own;
                enum st_namespace_kind kind;
        } cases[] = {
                {"net.ipv4.ip_forward", "/proc/self/ns/net", ST_NS_NETWORK},
                {"net/ipv4/conf/eth0.1/arp_accept", "/proc/self/ns/net", ST_NS_NETWORK},
                {"kernel.shmmax", "/proc/self/ns/ipc", ST_NS_IPC},
                {"fs/mqueue/msg_max", "/proc/self/ns/ipc", ST_NS_IPC},
                {"kernel.domainname", "/proc/self/ns/uts", ST_NS_UTS},
                {"user.max_user_namespaces", "/proc/self/ns/user", ST_NS_USER},
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                expect_check(cases[i].key, cases[i].kind, (struct st_namespace) {.wanted = true},
                             0);
                expect_check(cases[i].key, cases[i].kind, (struct st_namespace) {.wanted = false},
                             -EINVAL);
                expect_check(cases[i].key, cases[i].kind,
                             (struct st_namespace) {.wanted = true, .path = cases[i].own}, -EINVAL);
                expect_check(cases[i].key, cases[i].kind,
                             (struct st_namespace) {.wanted = true, .path = "/dev/null"}, 0);
                expect_check(cases[i].key, cases[i].kind,
                             (struct st_namespace) {.wanted = true, .path = "/no/such"}, -ENOENT);
        }
}

/* ---- writing */

static const struct st_string_pair settings[] = {
        {"kernel.shmmni", "1234"},
        {"kernel/msgmax", "9000"},
        {"net.ipv4.conf.lo.forwarding", "1"},
        {"net/ipv4/conf/all/arp_accept", "1"},
        {"kernel.domainname", "example.test"},
        {"net.ipv4.ip_local_port_range", "20000 30000"},
};

static bool reads(const char *path, const char *want) {
        st_autofree char *text = NULL;

        if (st_read_file_at(AT_FDCWD, path, 256, &text, NULL, NULL) < 0)
                return false;
        return !strncmp(text, want, strlen(want));
}

static int own_namespaces(void) {
        return unshare(CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWNS);
}

static int write_settings(const void *data) {
        struct st_error err = {0};
        int proc_fd;

        CHILD_CHECK(own_namespaces() == 0);
        CHILD_CHECK(!data || block_call("openat2", ENOSYS) == 0);
        proc_fd = rt_proc_open_whole();
        CHILD_CHECK(proc_fd >= 0);
        CHILD_OK(rt_sysctl_apply(proc_fd, settings, sizeof settings / sizeof *settings, &err), err);
        CHILD_CHECK(reads("/proc/sys/kernel/shmmni", "1234\n"));
        CHILD_CHECK(reads("/proc/sys/kernel/msgmax", "9000\n"));
        CHILD_CHECK(reads("/proc/sys/net/ipv4/conf/lo/forwarding", "1\n"));
        CHILD_CHECK(reads("/proc/sys/net/ipv4/conf/all/arp_accept", "1\n"));
        CHILD_CHECK(reads("/proc/sys/kernel/domainname", "example.test\n"));
        CHILD_CHECK(reads("/proc/sys/net/ipv4/ip_local_port_range", "20000\t30000\n"));
        return 0;
}

static void need_root(void) {
        if (geteuid() != 0)
                cr_skip_test("needs root");
}

Test(sysctl, writes_both_spellings, .init = need_root) {
        cr_expect_eq(in_child(write_settings, NULL), 0);
        cr_expect_eq(in_child(write_settings, "blocked"), 0, "without openat2");
}

/* "lo" by a name with a dot. */
static int rename_loopback(void) {
        struct rt_netlink_message message;
        struct rt_netlink netlink;
        struct ifinfomsg *link =
                rt_netlink_begin(&message, RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
        int r = rt_netlink_open(&netlink);

        if (r < 0)
                return r;
        link->ifi_index = 1;
        rt_netlink_put(&message, IFLA_IFNAME, "lo.1", 5);
        r = rt_netlink_call(&netlink, &message, NULL, NULL);
        rt_netlink_close(&netlink);
        return r;
}

static int write_a_dotted_name(const void *data) {
        const struct st_string_pair both[] = {{"net.ipv4.conf.lo/1.forwarding", "1"},
                                              {"net/ipv4/conf/lo.1/arp_accept", "1"}};
        struct st_error err = {0};
        int proc_fd;

        (void)data;
        CHILD_CHECK(own_namespaces() == 0);
        CHILD_CHECK(rename_loopback() == 0);
        proc_fd = rt_proc_open_whole();
        CHILD_OK(rt_sysctl_apply(proc_fd, both, 2, &err), err);
        CHILD_CHECK(reads("/proc/sys/net/ipv4/conf/lo.1/forwarding", "1\n"));
        CHILD_CHECK(reads("/proc/sys/net/ipv4/conf/lo.1/arp_accept", "1\n"));
        return 0;
}

Test(sysctl, reaches_an_interface_with_a_dot_in_its_name, .init = need_root) {
        cr_expect_eq(in_child(write_a_dotted_name, NULL), 0);
}

static int refuse_settings(const void *data) {
        const struct st_string_pair missing = {"net.ipv4.no_such", "1"},
                                    wrong = {"kernel.shmmni", "x"};
        const struct st_string_pair out = {"kernel/../../../etc/passwd", "x"},
                                    absolute = {"/etc/passwd", "x"};
        struct st_error err = {0};
        int proc_fd;

        (void)data;
        CHILD_CHECK(own_namespaces() == 0);
        proc_fd = rt_proc_open_whole();
        CHILD_CHECK(rt_sysctl_apply(proc_fd, &missing, 1, &err) == -ENOENT);
        CHILD_CHECK(strstr(err.msg, "linux.sysctl: write 1 to net.ipv4.no_such: no such file"));
        CHILD_CHECK(rt_sysctl_apply(proc_fd, &wrong, 1, &err) == -EINVAL);
        CHILD_CHECK(rt_sysctl_apply(proc_fd, &out, 1, &err) < 0);
        CHILD_CHECK(rt_sysctl_apply(proc_fd, &absolute, 1, &err) < 0);
        return 0;
}

Test(sysctl, names_the_one_that_fails, .init = need_root) {
        cr_expect_eq(in_child(refuse_settings, NULL), 0);
}

static int write_a_covered_file(const void *data) {
        const struct st_string_pair setting = {"kernel.shmmni", "77"};
        struct st_error err = {0};
        int proc_fd;

        (void)data;
        CHILD_CHECK(own_namespaces() == 0);
        CHILD_CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        CHILD_CHECK(mount("/proc/sys/kernel/shmmax", "/proc/sys/kernel/shmmni", NULL, MS_BIND,
                          NULL) == 0);
        proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        CHILD_CHECK(rt_sysctl_apply(proc_fd, &setting, 1, &err) == -EXDEV);
        return 0;
}

Test(sysctl, leaves_what_is_mounted_over_one_alone, .init = need_root) {
        cr_expect_eq(in_child(write_a_covered_file, NULL), 0);
}
