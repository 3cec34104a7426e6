#include "config.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/personality.h>

#include <stint/spec.h>

TestSuite(linux_section, .fini = st_test_no_leaks);

static void expect_refused(const struct st_test_refusal *rows, size_t n) {
        st_test_refused("'linux': {", "}", rows, n);
}

/* ---- namespaces, mappings, clocks ---- */

#define USER "'namespaces': [{'type': 'user'}], "
#define MAP "[{'containerID': 0, 'hostID': 1000, 'size': 1}]"

Test(linux_section, reads_namespaces_new_and_joined) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                st_test_config("'linux': {'namespaces': [{'type': 'pid'}, {'type': 'network', "
                               "'path': '/run/netns/a'}, {'type': 'mount', 'path': ''},"
                               " {'type': 'ipc'}, {'type': 'uts'}, {'type': 'user'}, {'type': "
                               "'cgroup', 'path': null}, {'type': 'time'}],"
                               " 'uidMappings': [{'containerID': 0, 'hostID': 1000, 'size': "
                               "32000}], 'gidMappings': " MAP ","
                               " 'timeOffsets': {'monotonic': {'secs': -5, 'nanosecs': 999999999}, "
                               "'boottime': {}}}");
        const struct st_linux *l = &spec->linux_;

        for (int kind = 0; kind < _ST_NS_MAX; kind++) {
                cr_expect(l->namespaces[kind].wanted, "%s", st_namespace_name(kind));
                if (kind != ST_NS_NETWORK)
                        cr_expect_null(l->namespaces[kind].path, "%s", st_namespace_name(kind));
        }
        cr_expect_str_eq(l->namespaces[ST_NS_NETWORK].path, "/run/netns/a");
        cr_assert_eq(l->uid_mappings.n_items, 1);
        cr_expect_eq(l->uid_mappings.items[0].size, 32000);
        cr_expect_eq(l->gid_mappings.items[0].host_id, 1000);
        cr_expect(l->monotonic.present && l->boottime.present);
        cr_expect_eq(l->monotonic.secs, -5);
        cr_expect_eq(l->monotonic.nanosecs, 999999999);
        cr_expect_eq(l->boottime.secs, 0);
}

static const struct st_test_refusal namespaces[] = {
        {"'namespaces': {}", "linux.namespaces: an object is not an array"},
        {"'namespaces': ['pid']", "linux.namespaces[0]: \"pid\" is not an object"},
        {"'namespaces': [{}]",
         "linux.namespaces[0].type: is missing: a namespace type such as \"pid\" is required"},
        {"'namespaces': [{'type': 'net'}]", "linux.namespaces[0].type: \"net\" is not one of user, "
                                            "pid, network, mount, ipc, uts, cgroup, time"},
        {"'namespaces': [{'type': ''}]", "linux.namespaces[0].type: \"\" is not one of user, pid, "
                                         "network, mount, ipc, uts, cgroup, time"},
        {"'namespaces': [{'type': 3}]", "linux.namespaces[0].type: 3 is not a string"},
        {"'namespaces': [{'type': 'pid'}, {'type': 'ipc'}, {'type': 'pid'}]",
         "linux.namespaces[2].type: \"pid\" is listed twice"},
        {"'namespaces': [{'type': 'pid', 'path': 'ns/pid'}]",
         "linux.namespaces[0].path: \"ns/pid\" is not an absolute path"},
        {"'namespaces': [{'type': 'pid', 'path': 1}]",
         "linux.namespaces[0].path: 1 is not a string"},
        {"'namespaces': []", NULL},
        {"'namespaces': [{'type': 'user'}]",
         "linux.uidMappings: is missing: a mapping for the new user namespace is required"},
        {USER "'uidMappings': " MAP,
         "linux.gidMappings: is missing: a mapping for the new user namespace is required"},
        {"'namespaces': [{'type': 'user', 'path': '/proc/1/ns/user'}]", NULL},
        {"'namespaces': [{'type': 'user', 'path': '/proc/1/ns/user'}], 'uidMappings': " MAP
         ", 'gidMappings': " MAP,
         NULL},
        {"'uidMappings': " MAP,
         "linux.uidMappings: an array needs a namespace of type \"user\" in linux.namespaces"},
        {"'gidMappings': " MAP,
         "linux.gidMappings: an array needs a namespace of type \"user\" in linux.namespaces"},
        {"'uidMappings': []", NULL},
        {"'uidMappings': {}", "linux.uidMappings: an object is not an array"},
        {"'uidMappings': [5]", "linux.uidMappings[0]: 5 is not an object"},
        {"'uidMappings': [{'hostID': 0, 'size': 1}]",
         "linux.uidMappings[0].containerID: is missing: an integer is required"},
        {"'uidMappings': [{'containerID': 0, 'size': 1}]",
         "linux.uidMappings[0].hostID: is missing: an integer is required"},
        {"'uidMappings': [{'containerID': 0, 'hostID': 0}]",
         "linux.uidMappings[0].size: is missing: an integer is required"},
        {"'uidMappings': [{'containerID': 0, 'hostID': 0, 'size': 0}]",
         "linux.uidMappings[0].size: 0 is not in 1..4294967295"},
        {"'uidMappings': [{'containerID': 4294967295, 'hostID': 0, 'size': 1}]",
         "linux.uidMappings[0].containerID: 4294967295 is not in 0..4294967294"},
        {"'uidMappings': [{'containerID': 0, 'hostID': -1, 'size': 1}]",
         "linux.uidMappings[0].hostID: -1 is not in 0..4294967294"},
        {"'uidMappings': [{'containerID': 0, 'hostID': 0, 'size': 4294967296}]",
         "linux.uidMappings[0].size: 4294967296 is not in 0..4294967295"},
        {"'uidMappings': [{'containerID': 2, 'hostID': 0, 'size': 4294967294}]",
         "linux.uidMappings[0].size: 4294967294 reaches past the last id, 4294967294"},
        {"'uidMappings': [{'containerID': 0, 'hostID': 4294967294, 'size': 2}]",
         "linux.uidMappings[0].size: 2 reaches past the last id, 4294967294"},
        {USER "'uidMappings': [{'containerID': 0, 'hostID': 0, 'size': 4294967295}], "
              "'gidMappings': " MAP,
         NULL},
        {"'gidMappings': [{'containerID': 0, 'hostID': 0, 'size': 10}, {'containerID': 9, "
         "'hostID': 100, 'size': 1}]",
         "linux.gidMappings[1]: an object overlaps the mapping [0]"},
        {"'gidMappings': [{'containerID': 0, 'hostID': 100, 'size': 10}, {'containerID': 10, "
         "'hostID': 91, 'size': 10}]",
         "linux.gidMappings[1]: an object overlaps the mapping [0]"},
        {USER "'uidMappings': " MAP ", 'gidMappings': [{'containerID': 0, 'hostID': 100, 'size': "
              "10}, {'containerID': 10, 'hostID': 90, 'size': 10}]",
         NULL},
        {"'timeOffsets': []", "linux.timeOffsets: an array is not an object"},
        {"'timeOffsets': {}", NULL},
        {"'timeOffsets': {'realtime': {}}",
         "linux.timeOffsets.realtime: the key is not one of monotonic, boottime"},
        {"'timeOffsets': {'monotonic': 5}", "linux.timeOffsets.monotonic: 5 is not an object"},
        {"'timeOffsets': {'monotonic': {'nanosecs': 1000000000}}",
         "linux.timeOffsets.monotonic.nanosecs: 1000000000 is not in 0..999999999"},
        {"'timeOffsets': {'boottime': {'nanosecs': -1}}",
         "linux.timeOffsets.boottime.nanosecs: -1 is not in 0..999999999"},
        {"'timeOffsets': {'boottime': {'secs': 9223372036854775808}}",
         "linux.timeOffsets.boottime.secs: 9223372036854775808 is not in "
         "-9223372036854775808..9223372036854775807"},
        {"'timeOffsets': {'boottime': {'secs': 1}}",
         "linux.timeOffsets: an object needs a namespace of type \"time\" in linux.namespaces"},
        {"'namespaces': [{'type': 'time', 'path': '/t'}], 'timeOffsets': {'boottime': {'secs': 1}}",
         "linux.timeOffsets: an object needs a new time namespace, not one that is joined"},
};

Test(linux_section, refuses_bad_namespaces) {
        expect_refused(namespaces, ST_TEST_N(namespaces));
}

Test(linux_section, limits_the_number_of_mappings) {
        st_autofree char *text = malloc(400 * 60);
        struct st_test_refusal row = {
                text, "linux.uidMappings: an array of 341 mappings is longer than 340"};
        size_t used;

        cr_assert(text);
        used = (size_t)sprintf(text, "'uidMappings': [");
        for (int i = 0; i < 341; i++)
                used += (size_t)sprintf(text + used,
                                        "%s{'containerID': %d, 'hostID': %d, 'size': 1}",
                                        i ? "," : "", i, i);
        (void)sprintf(text + used, "]");
        expect_refused(&row, 1);
}

/* ---- devices and interfaces ---- */

Test(linux_section, reads_devices) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                st_test_config("'linux': {'devices': [{'path': '/dev/fuse', 'type': 'c', 'major': "
                               "10, 'minor': 229, 'fileMode': 438, 'uid': 1, 'gid': 2},"
                               " {'path': '/dev/sda', 'type': 'b', 'major': 8, 'minor': 0}, "
                               "{'path': '/run/pipe', 'type': 'p', 'major': -5},"
                               " {'path': '/dev/u', 'type': 'u', 'major': 4095, 'minor': 1048575, "
                               "'fileMode': 8630}]}");
        const struct st_device *d = spec->linux_.devices;

        cr_assert_eq(spec->linux_.n_devices, 4);
        cr_expect_str_eq(d[0].path, "/dev/fuse");
        cr_expect_eq(d[0].type, ST_DEVICE_CHAR);
        cr_expect_eq(d[0].major, 10);
        cr_expect_eq(d[0].minor, 229);
        cr_expect(d[0].has_file_mode && d[0].has_uid && d[0].has_gid);
        cr_expect_eq(d[0].file_mode, 0666);
        cr_expect_eq(d[0].uid, 1);
        cr_expect_eq(d[0].gid, 2);
        cr_expect_eq(d[1].type, ST_DEVICE_BLOCK);
        cr_expect_not(d[1].has_file_mode || d[1].has_uid || d[1].has_gid);
        cr_expect_eq(d[2].type, ST_DEVICE_FIFO);
        cr_expect_eq(d[2].major, 0);
        cr_expect_eq(d[3].type, ST_DEVICE_CHAR);
        cr_expect_eq(d[3].file_mode, 0666, "the type bits of st_mode are no mode");
}

static const struct st_test_refusal devices[] = {
        {"'devices': {}", "linux.devices: an object is not an array"},
        {"'devices': ['/dev/x']", "linux.devices[0]: \"/dev/x\" is not an object"},
        {"'devices': [{'type': 'c'}]",
         "linux.devices[0].path: is missing: an absolute path is required"},
        {"'devices': [{'path': 'dev/x', 'type': 'p'}]",
         "linux.devices[0].path: \"dev/x\" is not an absolute path"},
        {"'devices': [{'path': '/x'}]",
         "linux.devices[0].type: is missing: \"c\", \"b\", \"u\" or \"p\" is required"},
        {"'devices': [{'path': '/x', 'type': 'd'}]",
         "linux.devices[0].type: \"d\" is not one of c, u, b, p"},
        {"'devices': [{'path': '/x', 'type': 'c', 'minor': 1}]",
         "linux.devices[0].major: is missing: an integer is required"},
        {"'devices': [{'path': '/x', 'type': 'b', 'major': 1}]",
         "linux.devices[0].minor: is missing: an integer is required"},
        {"'devices': [{'path': '/x', 'type': 'c', 'major': 4096, 'minor': 0}]",
         "linux.devices[0].major: 4096 is not in 0..4095"},
        {"'devices': [{'path': '/x', 'type': 'c', 'major': 0, 'minor': -1}]",
         "linux.devices[0].minor: -1 is not in 0..1048575"},
        {"'devices': [{'path': '/x', 'type': 'p', 'fileMode': -1}]",
         "linux.devices[0].fileMode: -1 is not in 0..4294967295"},
        {"'devices': [{'path': '/x', 'type': 'p', 'fileMode': '0666'}]",
         "linux.devices[0].fileMode: \"0666\" is not an integer"},
        {"'devices': [{'path': '/x', 'type': 'p', 'uid': 4294967295}]",
         "linux.devices[0].uid: 4294967295 is not in 0..4294967294"},
        {"'devices': [{'path': '/x', 'type': 'p', 'gid': -1}]",
         "linux.devices[0].gid: -1 is not in 0..4294967294"},
};

Test(linux_section, refuses_bad_devices) {
        expect_refused(devices, ST_TEST_N(devices));
}

#define NET "'namespaces': [{'type': 'network'}], 'netDevices': "

Test(linux_section, reads_net_devices) {
        st_cleanup(st_spec_freep) struct st_spec *spec = st_test_config(
                "'linux': {" NET "{'eth0': {'name': 'ctr_eth0'}, 'ens4': {}, 'a': null, 'b': "
                "{'name': 'eth%d'}, '123456789012345': {'name': ''}}}");
        const struct st_net_device *d = spec->linux_.net_devices;

        cr_assert_eq(spec->linux_.n_net_devices, 5);
        cr_expect_str_eq(d[0].host_name, "eth0");
        cr_expect_str_eq(d[0].container_name, "ctr_eth0");
        cr_expect_str_eq(d[1].host_name, "ens4");
        cr_expect_null(d[1].container_name);
        cr_expect_null(d[2].container_name);
        cr_expect_str_eq(d[3].container_name, "eth%d");
        cr_expect_null(d[4].container_name);
}

static const struct st_test_refusal net_devices[] = {
        {"'netDevices': {'eth0': {}}",
         "linux.netDevices: an object needs a namespace of type \"network\" in linux.namespaces"},
        {NET "[]", "linux.netDevices: an array is not an object"},
        {NET "{'eth0': 'eth1'}", "linux.netDevices.eth0: \"eth1\" is not an object"},
        {NET "{'eth0': {'name': 23}}", "linux.netDevices.eth0.name: 23 is not a string"},
        {NET "{'': {}}",
         "linux.netDevices[\"\"]: the key is not an interface name of 1 to 15 bytes"},
        {NET "{'.': {}}", "linux.netDevices[\".\"]: the key is not an interface name"},
        {NET "{'1234567890123456': {}}",
         "linux.netDevices.1234567890123456: the key is not an interface name of 1 to 15 bytes"},
        {NET "{'a/b': {}}", "linux.netDevices[\"a/b\"]: the key is not an interface name: no '/', "
                            "':' or blank may be in it"},
        {NET "{'a': {'name': '1234567890123456'}}",
         "linux.netDevices.a.name: \"1234567890123456\" is not an interface name of 1 to 15 bytes"},
        {NET "{'a': {'name': '..'}}", "linux.netDevices.a.name: \"..\" is not an interface name"},
        {NET "{'a': {'name': 'x y'}}", "linux.netDevices.a.name: \"x y\" is not an interface name: "
                                       "no '/', ':' or blank may be in it"},
        {NET "{'a': {'name': 'x:0'}}", "linux.netDevices.a.name: \"x:0\" is not an interface name: "
                                       "no '/', ':' or blank may be in it"},
        {NET "{'a': {'name': 'x\\n'}}", "linux.netDevices.a.name: \"x?\" is not an interface name: "
                                        "no '/', ':' or blank may be in it"},
        {NET "{'a': {'name': 'eth%s'}}",
         "linux.netDevices.a.name: \"eth%s\" is not a name: a template has one %d and no other %"},
        {NET "{'a': {'name': '%d%d'}}",
         "linux.netDevices.a.name: \"%d%d\" is not a name: a template has one %d and no other %"},
};

Test(linux_section, refuses_bad_net_devices) {
        st_test_refused("'linux': {", "}", net_devices, ST_TEST_N(net_devices));
}

/* ---- paths ---- */

Test(linux_section, reads_paths_and_labels) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                st_test_config("'linux': {'namespaces': [{'type': 'mount'}], 'maskedPaths': "
                               "['/proc/kcore', '/proc/keys'], 'readonlyPaths': ['/proc/sys'],"
                               " 'cgroupsPath': '/a/..b/c..', 'mountLabel': 'label', "
                               "'rootfsPropagation': 'rslave'}");
        const struct st_linux *l = &spec->linux_;

        cr_expect_str_eq(l->masked_paths[0], "/proc/kcore");
        cr_expect_str_eq(l->masked_paths[1], "/proc/keys");
        cr_expect_null(l->masked_paths[2]);
        cr_expect_str_eq(l->readonly_paths[0], "/proc/sys");
        cr_expect_null(l->readonly_paths[1]);
        cr_expect_str_eq(l->cgroups_path, "/a/..b/c..");
        cr_expect_str_eq(l->mount_label, "label");
        cr_expect_str_eq(l->rootfs_propagation, "rslave");
}

static const struct st_test_refusal paths[] = {
        {"'maskedPaths': '/proc'", "linux.maskedPaths: \"/proc\" is not an array"},
        {"'maskedPaths': ['/proc/kcore', 'proc']",
         "linux.maskedPaths[1]: \"proc\" is not an absolute path"},
        {"'maskedPaths': ['']", "linux.maskedPaths[0]: \"\" is not an absolute path"},
        {"'maskedPaths': [1]", "linux.maskedPaths[0]: 1 is not a string"},
        {"'maskedPaths': ['/x']",
         "linux.maskedPaths: an array needs a namespace of type \"mount\" in linux.namespaces"},
        {"'maskedPaths': []", NULL},
        {"'readonlyPaths': ['sys']", "linux.readonlyPaths[0]: \"sys\" is not an absolute path"},
        {"'readonlyPaths': ['/x']",
         "linux.readonlyPaths: an array needs a namespace of type \"mount\" in linux.namespaces"},
        {"'cgroupsPath': 5", "linux.cgroupsPath: 5 is not a string"},
        {"'cgroupsPath': '/a/../b'",
         "linux.cgroupsPath: \"/a/../b\" is not a cgroup path: it has a \"..\""},
        {"'cgroupsPath': '..'", "linux.cgroupsPath: \"..\" is not a cgroup path: it has a \"..\""},
        {"'cgroupsPath': 'a//..'",
         "linux.cgroupsPath: \"a//..\" is not a cgroup path: it has a \"..\""},
        {"'cgroupsPath': '/a\\nb'",
         "linux.cgroupsPath: \"/a?b\" is not a cgroup path: it has a newline"},
        {"'cgroupsPath': 'system.slice:stint:x'", NULL},
        {"'cgroupsPath': ''", NULL},
        {"'rootfsPropagation': 'bind'",
         "linux.rootfsPropagation: \"bind\" is not one of shared, slave, private, unbindable, "
         "rshared, rslave, rprivate, runbindable"},
        {"'rootfsPropagation': ''", NULL},
        {"'rootfsPropagation': 'unbindable'", NULL},
        {"'mountLabel': 1", "linux.mountLabel: 1 is not a string"},
};

Test(linux_section, refuses_bad_paths) {
        expect_refused(paths, ST_TEST_N(paths));
}

Test(linux_section, limits_the_length_of_the_cgroup_path) {
        char text[4300];
        struct st_test_refusal row = {text, NULL};

        (void)sprintf(text, "'cgroupsPath': '%04095d'", 0);
        expect_refused(&row, 1);
        (void)sprintf(text, "'cgroupsPath': '%04096d'", 0);
        row.message = "linux.cgroupsPath: \"000000000000000000000000000000000000000000000...\" is "
                      "longer than 4095 bytes";
        expect_refused(&row, 1);
}

/* ---- sysctl ---- */

#define ALL                                                                                        \
        "'namespaces': [{'type': 'ipc'}, {'type': 'network'}, {'type': 'uts'}, {'type': 'user', "  \
        "'path': '/u'}], "
static const struct st_test_refusal sysctls[] = {
        {ALL "'sysctl': {'net.ipv4.ip_forward': '1', 'kernel.shmmax': '1', "
             "'kernel.shm_rmid_forced': '', 'fs.mqueue.msg_max': '9',"
             " 'kernel.domainname': 'x', 'user.max_net_namespaces': '3', "
             "'net/ipv4/conf/eth0.100/rp_filter': '1',"
             " 'net.ipv4.conf.eth0/100.rp_filter': '1'}",
         NULL},
        {ALL "'sysctl': {'net.ipv4.conf./odd.rp_filter': '1'}", NULL}, /* an interface ".odd" */
        {ALL "'sysctl': []", "linux.sysctl: an array is not an object"},
        {ALL "'sysctl': {'net.x': 1}", "linux.sysctl[\"net.x\"]: 1 is not a string"},
        {ALL "'sysctl': {'vm.swappiness': '1'}",
         "linux.sysctl[\"vm.swappiness\"]: the key is a sysctl that no namespace has of its own"},
        {ALL "'sysctl': {'kernel.core_pattern': '|/x'}",
         "linux.sysctl[\"kernel.core_pattern\"]: the key is a sysctl that no namespace has of its "
         "own"},
        {ALL "'sysctl': {'kernel/core_pattern': '|/x'}",
         "linux.sysctl[\"kernel/core_pattern\"]: the key is a sysctl that no namespace has of its "
         "own"},
        {ALL "'sysctl': {'kernel.hostname': 'x'}",
         "linux.sysctl[\"kernel.hostname\"]: the key belongs to the member \"hostname\" of "
         "config.json"},
        {ALL "'sysctl': {'': 'x'}", "linux.sysctl[\"\"]: the key is not the name of a sysctl, such "
                                    "as \"net.ipv4.ip_forward\""},
        {ALL "'sysctl': {'net': 'x'}",
         "linux.sysctl.net: the key is not the name of a sysctl, such as \"net.ipv4.ip_forward\""},
        {ALL "'sysctl': {'net.': 'x'}", "linux.sysctl[\"net.\"]: the key is not the name of a "
                                        "sysctl, such as \"net.ipv4.ip_forward\""},
        {ALL "'sysctl': {'net..x': 'x'}", "linux.sysctl[\"net..x\"]: the key is not the name of a "
                                          "sysctl, such as \"net.ipv4.ip_forward\""},
        {ALL "'sysctl': {'net/../kernel/core_pattern': 'x'}",
         "linux.sysctl[\"net/../kernel/core_pattern\"]: the key is not the name of a sysctl, such "
         "as \"net.ipv4.ip_forward\""},
        {ALL "'sysctl': {'net.//.kernel.core_pattern': 'x'}",
         "linux.sysctl[\"net.//.kernel.core_pattern\"]: the key is not the name of a sysctl, such "
         "as \"net.ipv4.ip_forward\""},
        {ALL "'sysctl': {'/net/x': 'x'}", "linux.sysctl[\"/net/x\"]: the key is not the name of a "
                                          "sysctl, such as \"net.ipv4.ip_forward\""},
        {ALL "'sysctl': {'net.a b': 'x'}", "linux.sysctl[\"net.a b\"]: the key is not the name of "
                                           "a sysctl, such as \"net.ipv4.ip_forward\""},
        {ALL "'sysctl': {'net.a\\nb': 'x'}", "linux.sysctl[\"net.a?b\"]: the key is not the name "
                                             "of a sysctl, such as \"net.ipv4.ip_forward\""},
        {"'sysctl': {'net.ipv4.ip_forward': '1'}",
         "linux.sysctl[\"net.ipv4.ip_forward\"]: the key needs a namespace of type \"network\" in "
         "linux.namespaces"},
        {"'sysctl': {'kernel.sem': '1'}", "linux.sysctl[\"kernel.sem\"]: the key needs a namespace "
                                          "of type \"ipc\" in linux.namespaces"},
        {"'sysctl': {'fs.mqueue.x': '1'}", "linux.sysctl[\"fs.mqueue.x\"]: the key needs a "
                                           "namespace of type \"ipc\" in linux.namespaces"},
        {"'sysctl': {'kernel.domainname': '1'}",
         "linux.sysctl[\"kernel.domainname\"]: the key needs a namespace of type \"uts\" in "
         "linux.namespaces"},
        {"'sysctl': {'user.max_uts_namespaces': '1'}",
         "linux.sysctl[\"user.max_uts_namespaces\"]: the key needs a namespace of type \"user\" in "
         "linux.namespaces"},
};

Test(linux_section, takes_only_sysctls_of_the_container_s_namespaces) {
        expect_refused(sysctls, ST_TEST_N(sysctls));
}

Test(linux_section, reads_sysctls) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                st_test_config("'linux': {" ALL "'sysctl': {'net.b': '1', 'net.a': '2 3'}}");

        cr_assert_eq(spec->linux_.n_sysctl, 2);
        cr_expect_str_eq(spec->linux_.sysctl[0].key, "net.b");
        cr_expect_str_eq(spec->linux_.sysctl[1].value, "2 3");
}

/* ---- intelRdt, memoryPolicy, personality ---- */

Test(linux_section, reads_rdt_policy_and_personality) {
        st_cleanup(st_spec_freep) struct st_spec *spec = st_test_config(
                "'linux': {'intelRdt': {'closID': 'gold', 'l3CacheSchema': 'L3:0=ff', "
                "'memBwSchema': 'MB:0=20', 'schemata': ['L2:0=f', 'MB:0=10'],"
                " 'enableMonitoring': true}, 'memoryPolicy': {'mode': 'MPOL_WEIGHTED_INTERLEAVE', "
                "'nodes': '2-3',"
                " 'flags': ['MPOL_F_STATIC_NODES', 'MPOL_F_NUMA_BALANCING']}, 'personality': "
                "{'domain': 'LINUX32', 'flags': []}}");
        const struct st_linux *l = &spec->linux_;

        cr_assert(l->intel_rdt && l->memory_policy && l->personality);
        cr_expect_str_eq(l->intel_rdt->clos_id, "gold");
        cr_expect_str_eq(l->intel_rdt->l3_cache_schema, "L3:0=ff");
        cr_expect_str_eq(l->intel_rdt->mem_bw_schema, "MB:0=20");
        cr_expect_str_eq(l->intel_rdt->schemata[1], "MB:0=10");
        cr_expect_null(l->intel_rdt->schemata[2]);
        cr_expect(l->intel_rdt->enable_monitoring);
        cr_expect_eq(l->memory_policy->mode, 6);
        cr_expect_eq(l->memory_policy->flags, MPOL_F_STATIC_NODES | MPOL_F_NUMA_BALANCING);
        cr_expect_str_eq(l->memory_policy->nodes, "2-3");
        cr_expect_eq(l->personality->domain, PER_LINUX32);
}

static const struct st_test_refusal rdt[] = {
        {"[]", "linux.intelRdt: an array is not an object"},
        {"{}", NULL},
        {"{'closID': '/'}", NULL},
        {"{'closID': 1}", "linux.intelRdt.closID: 1 is not a string"},
        {"{'closID': '.'}", "linux.intelRdt.closID: \".\" is not a name of a directory, nor \"/\""},
        {"{'closID': '..'}",
         "linux.intelRdt.closID: \"..\" is not a name of a directory, nor \"/\""},
        {"{'closID': 'a/b'}",
         "linux.intelRdt.closID: \"a/b\" is not a name of a directory, nor \"/\""},
        {"{'closID': '//'}",
         "linux.intelRdt.closID: \"//\" is not a name of a directory, nor \"/\""},
        {"{'closID': 'a\\nb'}",
         "linux.intelRdt.closID: \"a?b\" is not a name of a directory, nor \"/\""},
        {"{'l3CacheSchema': 'L3:0=f\\nMB:0=10'}",
         "linux.intelRdt.l3CacheSchema: \"L3:0=f?MB:0=10\" is not one line"},
        {"{'l3CacheSchema': 5}", "linux.intelRdt.l3CacheSchema: 5 is not a string"},
        {"{'memBwSchema': 'MB:0=20\\n'}",
         "linux.intelRdt.memBwSchema: \"MB:0=20?\" is not one line"},
        {"{'memBwSchema': 'L3:0=f'}",
         "linux.intelRdt.memBwSchema: \"L3:0=f\" does not begin with \"MB:\""},
        {"{'schemata': 'L3:0=f'}", "linux.intelRdt.schemata: \"L3:0=f\" is not an array"},
        {"{'schemata': ['L3:0=f\\nX']}",
         "linux.intelRdt.schemata[0]: \"L3:0=f?X\" is not one line"},
        {"{'schemata': ['L3:0=f', '']}",
         "linux.intelRdt.schemata[1]: \"\" is not a schema such as \"L3:0=ff\""},
        {"{'schemata': [1]}", "linux.intelRdt.schemata[0]: 1 is not a string"},
        {"{'enableMonitoring': 1}", "linux.intelRdt.enableMonitoring: 1 is not true or false"},
};

Test(linux_section, refuses_bad_rdt) {
        st_test_refused("'linux': {'intelRdt': ", "}", rdt, ST_TEST_N(rdt));
}

static const struct st_test_refusal policies[] = {
        {"'MPOL_BIND'", "linux.memoryPolicy: \"MPOL_BIND\" is not an object"},
        {"{}", "linux.memoryPolicy.mode: is missing: a mode such as MPOL_BIND is required"},
        {"{'mode': 'bind'}", "linux.memoryPolicy.mode: \"bind\" is not one of MPOL_DEFAULT, "
                             "MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL,"
                             " MPOL_PREFERRED_MANY, MPOL_WEIGHTED_INTERLEAVE"},
        {"{'mode': 'MPOL_BIND'}",
         "linux.memoryPolicy.nodes: is missing: a list of nodes with this mode is required"},
        {"{'mode': 'MPOL_BIND', 'nodes': ''}",
         "linux.memoryPolicy.nodes: is missing: a list of nodes with this mode is required"},
        {"{'mode': 'MPOL_DEFAULT', 'nodes': '0'}",
         "linux.memoryPolicy.nodes: \"0\" must be absent with MPOL_DEFAULT and MPOL_LOCAL"},
        {"{'mode': 'MPOL_LOCAL', 'nodes': '0'}",
         "linux.memoryPolicy.nodes: \"0\" must be absent with MPOL_DEFAULT and MPOL_LOCAL"},
        {"{'mode': 'MPOL_LOCAL'}", NULL},
        {"{'mode': 'MPOL_PREFERRED'}", NULL},
        {"{'mode': 'MPOL_PREFERRED', 'nodes': '0'}", NULL},
        {"{'mode': 'MPOL_PREFERRED_MANY', 'nodes': '0-1'}", NULL},
        {"{'mode': 'MPOL_BIND', 'nodes': '1024'}",
         "linux.memoryPolicy.nodes: \"1024\" is not a list such as \"0-3,7\" below 1024"},
        {"{'mode': 'MPOL_BIND', 'nodes': 'all'}",
         "linux.memoryPolicy.nodes: \"all\" is not a list such as \"0-3,7\" below 1024"},
        {"{'mode': 'MPOL_BIND', 'nodes': 0}", "linux.memoryPolicy.nodes: 0 is not a string"},
        {"{'mode': 'MPOL_BIND', 'nodes': '0', 'flags': ['STATIC']}",
         "linux.memoryPolicy.flags[0]: \"STATIC\" is not one of MPOL_F_STATIC_NODES, "
         "MPOL_F_RELATIVE_NODES, MPOL_F_NUMA_BALANCING"},
        {"{'mode': 'MPOL_BIND', 'nodes': '0', 'flags': ['MPOL_F_STATIC_NODES', "
         "'MPOL_F_RELATIVE_NODES']}",
         "linux.memoryPolicy.flags: an array has both MPOL_F_STATIC_NODES and "
         "MPOL_F_RELATIVE_NODES"},
};

Test(linux_section, refuses_bad_memory_policies) {
        st_test_refused("'linux': {'memoryPolicy': ", "}", policies, ST_TEST_N(policies));
}

static const struct st_test_refusal personalities[] = {
        {"'LINUX'", "linux.personality: \"LINUX\" is not an object"},
        {"{}", "linux.personality.domain: is missing: LINUX or LINUX32 is required"},
        {"{'domain': 'BSD'}", "linux.personality.domain: \"BSD\" is not one of LINUX, LINUX32"},
        {"{'domain': 'LINUX', 'flags': ['ADDR_NO_RANDOMIZE']}",
         "linux.personality.flags: an array is not empty: the spec has no flags yet"},
        {"{'domain': 'LINUX', 'flags': null}", NULL},
};

Test(linux_section, refuses_bad_personalities) {
        st_test_refused("'linux': {'personality': ", "}", personalities, ST_TEST_N(personalities));
}
