#include "config.h"
#include "leaks.h"

#include <criterion/criterion.h>

#include <stint/spec.h>

TestSuite(mounts, .fini = st_test_no_leaks);

Test(mounts, are_read_in_order) {
        st_cleanup(st_spec_freep) struct st_spec *spec = st_test_config(
                "'mounts': [{'destination': '/proc', 'type': 'proc', 'source': 'proc'},"
                " {'destination': 'relative', 'type': 'none', 'source': '/data', 'options': "
                "['rbind', 'ro', 'x=y']}]");

        cr_assert_eq(spec->n_mounts, 2);
        cr_expect_str_eq(spec->mounts[0].destination, "/proc");
        cr_expect_str_eq(spec->mounts[0].type, "proc");
        cr_expect_eq(spec->mounts[0].n_options, 0);
        cr_assert(spec->mounts[0].options);
        cr_expect_null(spec->mounts[0].options[0]);
        cr_expect_str_eq(spec->mounts[1].destination, "relative");
        cr_expect_str_eq(spec->mounts[1].source, "/data");
        cr_assert_eq(spec->mounts[1].n_options, 3);
        cr_expect_str_eq(spec->mounts[1].options[2], "x=y");
        cr_expect_null(spec->mounts[1].options[3]);
}

Test(mounts, drop_empty_options) {
        st_cleanup(st_spec_freep) struct st_spec *spec = st_test_config(
                "'mounts': [{'destination': '/a', 'options': ['', 'ro', '', 'nosuid', '']}]");

        cr_assert_eq(spec->mounts[0].n_options, 2);
        cr_expect_str_eq(spec->mounts[0].options[0], "ro");
        cr_expect_str_eq(spec->mounts[0].options[1], "nosuid");
        cr_expect_null(spec->mounts[0].options[2]);
        cr_expect_null(spec->mounts[0].type);
        cr_expect_null(spec->mounts[0].source);
}

Test(mounts, read_their_own_id_mappings) {
        st_cleanup(st_spec_freep) struct st_spec *spec = st_test_config(
                "'mounts': [{'destination': '/a', 'source': '/s', 'options': ['bind', 'idmap'],"
                " 'uidMappings': [{'containerID': 0, 'hostID': 1000, 'size': 1}, {'containerID': "
                "1, 'hostID': 5000, 'size': 65535}],"
                " 'gidMappings': [{'containerID': 0, 'hostID': 2000, 'size': 65536}]}]");
        const struct st_mount *mount = spec->mounts;

        cr_assert_eq(mount->uid_mappings.n_items, 2);
        cr_expect_eq(mount->uid_mappings.items[1].container_id, 1);
        cr_expect_eq(mount->uid_mappings.items[1].host_id, 5000);
        cr_expect_eq(mount->uid_mappings.items[1].size, 65535);
        cr_assert_eq(mount->gid_mappings.n_items, 1);
        cr_expect_eq(mount->gid_mappings.items[0].host_id, 2000);
}

#define MAP "[{'containerID': 0, 'hostID': 0, 'size': 1}]"
static const struct st_test_refusal refusals[] = {
        {"{}", "mounts: an object is not an array"},
        {"['/proc']", "mounts[0]: \"/proc\" is not an object"},
        {"[{'type': 'proc'}]", "mounts[0].destination: is missing: a string is required"},
        {"[{'destination': ''}]", "mounts[0].destination: is missing: a string is required"},
        {"[{'destination': 5}]", "mounts[0].destination: 5 is not a string"},
        {"[{'destination': '/a', 'type': 5}]", "mounts[0].type: 5 is not a string"},
        {"[{'destination': '/a', 'source': []}]", "mounts[0].source: an array is not a string"},
        {"[{'destination': '/a', 'options': 'ro'}]", "mounts[0].options: \"ro\" is not an array"},
        {"[{'destination': '/a', 'options': ['ro', 1]}]",
         "mounts[0].options[1]: 1 is not a string"},
        {"[{'destination': '/a'}, {'destination': '/b', 'options': ['bind']}]",
         "mounts[1].source: is missing: what to bind is required"},
        {"[{'destination': '/b', 'options': ['ro', 'rbind']}]",
         "mounts[0].source: is missing: what to bind is required"},
        {"[{'destination': '/b', 'options': ['bind', 'remount', 'ro']}]", NULL},
        {"[{'destination': '/a', 'uidMappings': 1}]", "mounts[0].uidMappings: 1 is not an array"},
        {"[{'destination': '/a', 'uidMappings': " MAP "}]",
         "mounts[0].gidMappings: is missing: a mapping beside uidMappings is required"},
        {"[{'destination': '/a', 'gidMappings': " MAP "}]",
         "mounts[0].uidMappings: is missing: a mapping beside gidMappings is required"},
        {"[{'destination': '/a', 'source': '/s', 'options': ['bind', 'ridmap']}]",
         "mounts[0].options: an array with ridmap needs uidMappings and gidMappings, or a user "
         "namespace"},
        {"[{'destination': '/x'}, {'destination': '/a', 'source': '/s', 'options': ['bind', "
         "'idmap']}]",
         "mounts[1].options: an array with idmap needs uidMappings and gidMappings, or a user "
         "namespace"},
        {"[{'destination': '/a', 'source': '/s', 'options': ['bind', 'idmap']}],"
         " 'linux': {'namespaces': [{'type': 'user', 'path': '/proc/1/ns/user'}]}",
         NULL},
        {"[{'destination': '/a', 'source': '/s', 'options': ['idmap', 'bind'], 'uidMappings': " MAP
         ", 'gidMappings': " MAP "}]",
         NULL},
        {"[]", NULL},
};

Test(mounts, refuses_bad_members) {
        st_test_refused("'mounts': ", "", refusals, ST_TEST_N(refusals));
}
