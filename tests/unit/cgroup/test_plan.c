#include "fake.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include <stint/cleanup.h>

static struct fake fake;

static void tear_down(void) {
        fake_deinit(&fake);
        st_test_no_leaks();
}

TestSuite(plan, .fini = tear_down);

static struct rt_cgroup *plan(const char *id, const char *path, struct st_error *err) {
        struct rt_cgroup_request request = {.id = id, .path = path};
        struct rt_cgroup *cgroup = NULL;

        return rt_cgroup_plan_on(&fake.host, &request, &cgroup, err) < 0 ? NULL : cgroup;
}

static void expect_path(const char *path, const char *controller, const char *expected) {
        struct st_error err = {0};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = plan("id", path, &err);

        cr_assert_not_null(cgroup, "%s", err.msg);
        cr_expect_str_eq(rt_cgroup_path(cgroup, controller),
                         st_arena_printf(fake.arena, "%s%s", fake.root, expected));
}

Test(plan, cleans_paths) {
        static const char *const pairs[][2] = {
                {"/a/b", "/a/b"},  {"a", "/a"},          {"", "/"},
                {"/", "/"},        {"//a///b/", "/a/b"}, {"/a/./b/.", "/a/b"},
                {"/a/../b", "/b"}, {"../../x", "/x"},    {"/..", "/"},
                {"/a/b/..", "/a"}, {"/...", "/..."},     {"/a/..b/.c", "/a/..b/.c"},
        };

        fake_init(&fake, RT_CGROUP_V1);
        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
                cr_expect_str_eq(rt_path_clean(fake.arena, pairs[i][0]), pairs[i][1], "of %s",
                                 pairs[i][0]);
}

Test(plan, an_absolute_path_is_below_each_mount) {
        fake_init(&fake, RT_CGROUP_V1);
        fake_machine(&fake, "/our/own");
        expect_path("/a/b", "memory", "/memory/a/b");
        expect_path("/a/b", "cpuacct", "/cpu,cpuacct/a/b");
}

Test(plan, a_relative_path_is_below_our_own_on_v1) {
        fake_init(&fake, RT_CGROUP_V1);
        fake_machine(&fake, "/our/own");
        expect_path("a/b", "memory", "/memory/our/own/a/b");
        expect_path(NULL, "memory", "/memory/our/own/id");
        expect_path("", "pids", "/pids/our/own/id");
}

Test(plan, a_relative_path_is_beside_our_own_on_v2) {
        fake_init(&fake, RT_CGROUP_V2);
        fake_machine(&fake, "/our/own");
        expect_path("a/b", NULL, "/our/a/b");
        expect_path(NULL, NULL, "/our/id");
        expect_path("/a", NULL, "/a");
}

Test(plan, in_the_root_of_v2_a_relative_path_is_below_the_root) {
        fake_init(&fake, RT_CGROUP_V2);
        fake_machine(&fake, "/");
        expect_path("a", NULL, "/a");
}

Test(plan, dots_never_lead_out_of_the_mount) {
        fake_init(&fake, RT_CGROUP_HYBRID);
        fake_machine(&fake, "/our/own");
        expect_path("/../../etc/x", "memory", "/memory/etc/x");
        expect_path("../../../../../tmp/x", "memory", "/memory/tmp/x");
        expect_path("../../../../../tmp/x", NULL, "/unified/tmp/x");
}

Test(plan, the_root_cgroup_is_refused) {
        static const char *const paths[] = {"/", "/..", "/a/..", "..", "../.."};

        fake_init(&fake, RT_CGROUP_V1);
        fake_machine(&fake, "/our");
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                struct st_error err = {0};
                cr_expect_null(plan("id", paths[i], &err), "%s", paths[i]);
                cr_expect_eq(err.kind, ST_CODE_CONFIG_INVALID);
                cr_expect(strstr(err.msg, "linux.cgroupsPath"), "%s", err.msg);
        }
}

Test(plan, hybrid_has_a_leaf_in_every_hierarchy) {
        struct st_error err = {0};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = NULL;

        fake_init(&fake, RT_CGROUP_HYBRID);
        fake_machine(&fake, "/");
        cgroup = plan("id", "/a", &err);
        cr_assert_not_null(cgroup);
        cr_expect_eq(cgroup->n_leaves, 14);
        cr_expect_eq(rt_cgroup_mode_of(cgroup), RT_CGROUP_HYBRID);
        cr_expect_eq(rt_leaf_v2(cgroup)->controllers, RT_CTL_MISC, "v1 has all others");
}

Test(plan, without_any_hierarchy_there_is_no_cgroup) {
        struct st_error err = {0};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = NULL;

        fake_init(&fake, RT_CGROUP_V1);
        fake_write(&fake, "proc/cgroup", "3:memory:/\n");
        fake_write(&fake, "proc/mountinfo", "");
        cgroup = plan("id", "/a", &err);
        cr_assert_not_null(cgroup, "%s", err.msg);
        cr_expect_eq(rt_cgroup_mode_of(cgroup), RT_CGROUP_NONE);
        cr_expect_eq(rt_cgroup_create(cgroup, &err), 0);
        cr_expect_eq(rt_cgroup_clone_fd(cgroup), -1);
        cr_expect_eq(rt_cgroup_apply_limits(cgroup, &err), 0);
        cr_expect_eq(rt_cgroup_oom_kills(cgroup), -1);
        cr_expect_eq(rt_cgroup_destroy(cgroup, 0, &err), 0);
}

Test(plan, without_a_controller_its_limit_is_refused_by_name) {
        struct st_error err = {0};

        fake_init(&fake, RT_CGROUP_V1);
        fake_write(&fake, "proc/cgroup", "3:pids:/\n");
        fake_write(&fake, "proc/mountinfo", "");
        fake_mkdir(&fake, "root/pids");
        cr_expect_null(fake_plan(&fake, "{'memory': {'limit': 1048576}}", &err));
        cr_expect_eq(err.kind, ST_CODE_UNSUPPORTED);
        cr_expect_str_eq(err.msg,
                         "linux.resources.memory: this machine has no memory cgroup controller");
}
