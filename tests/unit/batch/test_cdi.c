#include "cdi.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include <stint/cleanup.h>

TestSuite(batch_cdi, .fini = st_test_no_leaks);

#define SPEC                                                                                       \
        "{\"cdiVersion\":\"0.6.0\",\"kind\":\"vendor.com/gpu\",\"devices\":[{\"name\":\"0\","      \
        "\"containerEdits\":{\"deviceNodes\":[{\"path\":\"/dev/null\"},{\"path\":\"/dev/g0\","     \
        "\"type\":\"c\",\"major\":195,\"minor\":0,\"permissions\":\"rw\",\"uid\":5}],"             \
        "\"mounts\":[{\"hostPath\":\"/l\",\"containerPath\":\"/c\",\"options\":[\"ro\"]}]}},"      \
        "{\"name\":\"1\"}],\"containerEdits\":{\"env\":[\"V=1\"],\"additionalGids\":[44],"         \
        "\"hooks\":[{\"hookName\":\"createContainer\",\"path\":\"/h\",\"args\":[\"h\"]}]}}"
#define HEAD "{\"cdiVersion\":\"0.6.0\",\"kind\":\"k/c\""
#define ONE(edits) HEAD ",\"devices\":[{\"name\":\"d\",\"containerEdits\":{" edits "}}]}"

static int parse(struct st_arena *arena, const char *text, const char *kind, const char *device,
                 struct rt_cdi_edits *edits, struct st_error *err) {
        return rt_cdi_parse(arena, "s.json", text, strlen(text), kind, device, edits, err);
}

Test(batch_cdi, a_device_has_its_own_edits_and_those_of_all) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        struct rt_cdi_edits edits = {0};
        struct st_error err = {0};

        cr_assert_eq(parse(arena, SPEC, "vendor.com/gpu", "0", &edits, &err), 1, "%s", err.msg);
        cr_assert_eq(edits.n_nodes, 2);
        cr_expect_str_eq(edits.nodes[1].path, "/dev/g0");
        cr_expect_eq(edits.nodes[1].major, 195);
        cr_expect_str_eq(edits.nodes[1].permissions, "rw");
        cr_expect(edits.nodes[1].has_uid && edits.nodes[1].uid == 5);
        cr_expect_str_eq(edits.mounts[0].container_path, "/c");
        cr_expect_str_eq(edits.env[0], "V=1");
        cr_expect_eq(edits.gids[0], 44);
        cr_expect_eq(edits.hooks[0].kind, ST_HOOK_CREATE_CONTAINER);
        cr_assert_eq(parse(arena, SPEC, "vendor.com/gpu", "1", &edits, &err), 1, "%s", err.msg);
        cr_expect_eq(edits.n_nodes, 2);
        cr_expect_eq(edits.n_env, 2);
}

Test(batch_cdi, other_kinds_and_devices_are_not_there) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        struct rt_cdi_edits edits = {0};

        cr_expect_eq(parse(arena, SPEC, "vendor.com/net", "0", &edits, NULL), 0);
        cr_expect_eq(parse(arena, SPEC, "vendor.com/gpu", "9", &edits, NULL), 0);
        cr_expect_eq(edits.n_env, 0);
}

Test(batch_cdi, a_malformed_spec_is_an_error_and_changes_nothing) {
        static const char *const specs[] = {
                "{}",
                HEAD "}",
                HEAD ",\"devices\":[{}]}",
                "{\"cdiVersion\":1,\"kind\":\"k/c\",\"devices\":[]}",
                ONE("\"env\":[\"A=1\",\"B\"]"),
                ONE("\"deviceNodes\":[{\"path\":\"x\"}]"),
                ONE("\"deviceNodes\":[{\"path\":\"/x\",\"type\":\"q\"}]"),
                ONE("\"deviceNodes\":[{\"path\":\"/x\",\"permissions\":\"rx\"}]"),
                ONE("\"hooks\":[{\"hookName\":\"later\",\"path\":\"/h\"}]"),
                ONE("\"intelRdt\":{}"),
        };

        for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
                st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
                struct rt_cdi_edits edits = {0};
                struct st_error err = {0};

                cr_expect_eq(parse(arena, specs[i], "k/c", "d", &edits, &err), -EINVAL, "%s",
                             specs[i]);
                cr_expect(strstr(err.msg, "s.json"), "%s", err.msg);
                cr_expect_eq(edits.n_env, 0);
        }
}

Test(batch_cdi, a_device_that_no_directory_has_is_an_error_with_its_name) {
        static const char *const dirs[] = {"/nonexistent/cdi", NULL};
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        struct rt_cdi_edits edits = {0};
        struct st_error err = {0};

        cr_expect_eq(rt_cdi_find(arena, dirs, "v/c=d", &edits, &err), -ENOENT);
        cr_expect(strstr(err.msg, "v/c=d"), "%s", err.msg);
        cr_expect_eq(rt_cdi_find(arena, dirs, "nonsense", &edits, &err), -EINVAL);
}
