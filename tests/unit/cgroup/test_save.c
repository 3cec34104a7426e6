#include "allocations.h"
#include "fake.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <string.h>

#include <stint/cleanup.h>

static struct fake fake;

static void tear_down(void) {
        fake_deinit(&fake);
        st_test_no_leaks();
}

TestSuite(save, .fini = tear_down);

static const char *save(const struct rt_cgroup *cgroup) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        struct st_error err = {0};
        const char *text;
        size_t length;

        rt_cgroup_save(cgroup, w, NULL);
        cr_assert_eq(st_json_writer_finish(w, &text, &length, &err), 0, "%s", err.msg);
        return st_arena_strndup(fake.arena, text, length);
}

static struct rt_cgroup *load(const char *text, struct st_error *err) {
        const struct st_json *root;
        struct rt_cgroup *cgroup = NULL;

        cr_assert_eq(st_json_parse(fake.arena, "saved", text, strlen(text), &root, err), 0, "%s",
                     err->msg);
        return rt_cgroup_load_on(fake.root, root, &cgroup, err) < 0 ? NULL : cgroup;
}

static void expect_round_trip(enum rt_cgroup_mode mode) {
        struct st_error err = {0};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = NULL, *again = NULL;
        const char *text;

        fake_init(&fake, mode);
        fake_machine(&fake, "/");
        cgroup = fake_plan(&fake, NULL, &err);
        cr_assert_not_null(cgroup, "%s", err.msg);
        text = save(cgroup);
        again = load(text, &err);
        cr_assert_not_null(again, "%s", err.msg);
        cr_expect_str_eq(save(again), text);
        cr_assert_eq(again->n_leaves, cgroup->n_leaves);
        for (size_t i = 0; i < again->n_leaves; i++) {
                cr_expect_eq(again->leaves[i].controllers, cgroup->leaves[i].controllers);
                cr_expect_eq(again->leaves[i].mount_length, cgroup->leaves[i].mount_length);
                cr_expect_eq(again->leaves[i].v2, cgroup->leaves[i].v2);
        }
}

Test(save, and_load_give_the_same_on_v1) {
        expect_round_trip(RT_CGROUP_V1);
}

Test(save, and_load_give_the_same_on_hybrid) {
        expect_round_trip(RT_CGROUP_HYBRID);
}

Test(save, and_load_give_the_same_on_v2) {
        expect_round_trip(RT_CGROUP_V2);
}

Test(save, keeps_an_unusual_mount) {
        struct st_error err = {0};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = NULL, *again = NULL;

        fake_init(&fake, RT_CGROUP_V1);
        fake_write(&fake, "proc/cgroup", "3:memory:/\n");
        fake_write(&fake, "proc/mountinfo", "32 1 0:3 / /cg/mem rw - cgroup none rw,memory\n");
        cgroup = fake_plan(&fake, NULL, &err);
        cr_assert_not_null(cgroup, "%s", err.msg);
        cr_expect(strstr(save(cgroup), "\"mounts\":{\"memory\":7}"), "%s", save(cgroup));
        again = load(save(cgroup), &err);
        cr_assert_not_null(again, "%s", err.msg);
        cr_expect_eq(again->leaves[0].mount_length, strlen("/cg/mem"));
        cr_expect_str_eq(rt_cgroup_path(again, "memory"), "/cg/mem/x/leaf");
}

Test(save, what_is_not_ours_is_refused) {
        static const char *const bad[] = {
                "{}",
                "[]",
                "{\"mode\":\"v3\",\"driver\":\"cgroupfs\",\"paths\":{}}",
                "{\"mode\":1,\"driver\":\"cgroupfs\",\"paths\":{}}",
                "{\"mode\":\"v1\",\"paths\":{}}",
                "{\"mode\":\"v1\",\"driver\":\"cgroupfs\"}",
                "{\"mode\":\"v1\",\"driver\":\"cgroupfs\",\"paths\":{\"memory\":1}}",
                "{\"mode\":\"v1\",\"driver\":\"cgroupfs\",\"paths\":{\"memory\":\"relative\"}}",
                "{\"mode\":\"v1\",\"driver\":\"cgroupfs\",\"paths\":{\"memory\":\"/elsewhere/x\"}}",
                "{\"mode\":\"v1\",\"driver\":\"cgroupfs\",\"paths\":{\"memory\":\"/elsewhere/x\"},"
                "\"mounts\":{\"memory\":99}}",
                "{\"mode\":\"v1\",\"driver\":\"cgroupfs\",\"paths\":{\"memory\":\"/elsewhere/x\"},"
                "\"mounts\":{\"memory\":\"x\"}}",
                "{\"mode\":\"v2\",\"driver\":\"systemd\",\"paths\":{}}",
        };

        fake_init(&fake, RT_CGROUP_V1);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                struct st_error err = {0};
                cr_expect_null(load(bad[i], &err), "%s", bad[i]);
                cr_expect_neq(err.code, 0, "%s", bad[i]);
        }
}

Test(save, a_plan_reports_each_allocation_that_fails) {
        const struct st_resources *resources;
        size_t n;

        fake_init(&fake, RT_CGROUP_HYBRID);
        fake_machine(&fake, "/");
        resources = fake_resources(
                &fake, "{'memory': {'limit': 100, 'swap': 200}, 'cpu': {'shares': 5, 'quota': 6},"
                       " 'pids': {'limit': 7}, 'unified': {'misc.max': 'a 1'},"
                       " 'blockIO': {'weight': 500}, 'hugepageLimits': [{'pageSize': '2MB', "
                       "'limit': 1}]}");
        for (n = 0;; n++) {
                struct rt_cgroup_request request = {
                        .id = "x", .path = "/x", .resources = resources};
                struct rt_cgroup *cgroup = NULL;
                struct st_error err = {0};
                int r;

                st_test_fail_allocation(n);
                r = rt_cgroup_plan_on(&fake.host, &request, &cgroup, &err);
                if (!st_test_allocation_failed()) {
                        cr_expect_eq(r, 0, "%s", err.msg);
                        (void)rt_cgroup_free(cgroup);
                        break;
                }
                cr_expect_eq(r, -ENOMEM, "allocation %zu gave %d: %s", n, r, err.msg);
                cr_expect_neq(err.code, 0);
                cr_expect_null(cgroup);
        }
        cr_expect_geq(n, 3, "only %zu allocations: is malloc wrapped?", n);
}
