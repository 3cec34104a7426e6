/* Names of slices and scopes, and limits in systemd's words. */
#include "../../../runtime/cgroup/unit.h"
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

TestSuite(unit, .fini = tear_down);

Test(unit, slices_nest_by_their_dashes) {
        static const char *const pairs[][2] = {
                {"system.slice", "/system.slice"},
                {"a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"},
                {"-.slice", ""},
        };
        static const char *const bad[] = {"",          ".slice",   "a",
                                          "-a.slice",  "a-.slice", "a--b.slice",
                                          "a/b.slice", "--.slice", "a.scope"};

        fake_init(&fake, RT_CGROUP_V2);
        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
                cr_expect_str_eq(rt_slice_path(fake.arena, pairs[i][0]), pairs[i][1]);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                cr_expect_null(rt_slice_path(fake.arena, bad[i]), "%s", bad[i]);
}

Test(unit, names_come_from_the_path) {
        static const struct {
                const char *path, *slice, *unit;
                bool user;
        } good[] = {
                {NULL, "system.slice", "stint-id.scope", false},
                {NULL, "user.slice", "stint-id.scope", true},
                {"machine.slice:libpod:abc", "machine.slice", "libpod-abc.scope", false},
                {"a-b.slice::abc", "a-b.slice", "abc.scope", false},
                {"::abc", "system.slice", "abc.scope", false},
                {":docker:", "system.slice", "docker-id.scope", false},
        };
        static const char *const bad[] = {"a",
                                          "a:b",
                                          "a:b:c:d",
                                          "a:b:c",
                                          "x.slice:a/b:c",
                                          "x.slice:p:../../c",
                                          "../x.slice:p:c",
                                          "x.slice:p:y.slice"};

        fake_init(&fake, RT_CGROUP_V2);
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                struct rt_unit_name name;
                struct st_error err = {0};
                cr_assert_eq(rt_unit_name_parse(fake.arena, good[i].path, "id", good[i].user, &name,
                                                &err),
                             0, "%s", err.msg);
                cr_expect_str_eq(name.slice, good[i].slice);
                cr_expect_str_eq(name.unit, good[i].unit);
        }
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                struct rt_unit_name name;
                struct st_error err = {0};
                cr_expect_eq(rt_unit_name_parse(fake.arena, bad[i], "id", false, &name, &err),
                             -EINVAL, "%s", bad[i]);
                cr_expect_eq(err.kind, ST_CODE_CONFIG_INVALID);
                cr_expect(strstr(err.msg, bad[i]), "%s", err.msg);
        }
}

static const char *properties(const char *json, enum rt_memory_part part) {
        struct st_error err = {0};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = fake_plan(&fake, json, &err);
        struct rt_properties list = {.arena = fake.arena};
        char *all = st_arena_strdup(fake.arena, "");

        cr_assert_not_null(cgroup, "%s", err.msg);
        cr_assert_eq(rt_properties_of_limits(&list, &cgroup->writes, NULL, part), 0);
        for (size_t i = 0; i < list.n_items; i++)
                all = st_arena_printf(fake.arena, "%s%s%s", all, i ? "; " : "", list.items[i]);
        return all;
}

Test(unit, limits_of_v2_in_systemds_words) {
        fake_init(&fake, RT_CGROUP_V2);
        fake_machine(&fake, "/");
        cr_expect_str_eq(properties("{'memory': {'limit': 100, 'swap': 150, 'reservation': 7}}",
                                    RT_WITH_MEMORY),
                         "MemorySwapMax=t:50; MemoryMax=t:100; MemoryLow=t:7");
        cr_expect_str_eq(properties("{'memory': {'limit': -1}}", RT_WITH_MEMORY),
                         "MemorySwapMax=t:18446744073709551615; MemoryMax=t:18446744073709551615");
        cr_expect_str_eq(
                properties("{'memory': {'limit': 100}, 'pids': {'limit': 5}}", RT_WITHOUT_MEMORY),
                "TasksMax=t:5");
        cr_expect_str_eq(
                properties("{'cpu': {'shares': 1024, 'quota': 12345, 'period': 50000}}",
                           RT_WITH_MEMORY),
                "CPUWeight=t:100; CPUQuotaPerSecUSec=t:250000; CPUQuotaPeriodUSec=t:50000");
        cr_expect_str_eq(properties("{'cpu': {'quota': -1}}", RT_WITH_MEMORY),
                         "CPUQuotaPerSecUSec=t:18446744073709551615; CPUQuotaPeriodUSec=t:100000");
        cr_expect_str_eq(properties("{'cpu': {'idle': 1, 'cpus': '0-1'}}", RT_WITH_MEMORY),
                         "AllowedCPUs=list:0-1; 252+CPUWeight=t:0");
        cr_expect_str_eq(properties("{'unified': {'memory.high': '5', 'pids.max': 'max',"
                                    " 'misc.max': 'a 1', 'cpu.max': 'max 50000'}}",
                                    RT_WITH_MEMORY),
                         "MemoryHigh=t:5; TasksMax=t:18446744073709551615; "
                         "CPUQuotaPerSecUSec=t:18446744073709551615; CPUQuotaPeriodUSec=t:50000");
}

Test(unit, limits_of_v1_in_systemds_words) {
        fake_init(&fake, RT_CGROUP_V1);
        fake_machine(&fake, "/");
        cr_expect_str_eq(properties("{'memory': {'limit': 100, 'swap': 150}, 'cpu': {'shares': 5, "
                                    "'quota': 10000, 'period': 50000}}",
                                    RT_WITH_MEMORY),
                         "MemoryLimit=t:100; CPUShares=t:5; CPUQuotaPerSecUSec=t:200000");
}

Test(unit, device_rules_are_never_narrower_than_our_program) {
        static const struct {
                const char *rules, *expected;
        } table[] = {
                {"{'allow': true, 'access': 'rwm'}", "DevicePolicy=s:auto"},
                {"{'allow': true, 'access': 'rwm'}, {'allow': false, 'type': 'b', 'access': 'w'}",
                 "DevicePolicy=s:auto"},
                {"{'allow': true, 'type': 'c', 'minor': 3, 'access': 'r'}", "DevicePolicy=s:auto"},
                {"{'allow': true, 'type': 'b', 'major': 8, 'minor': 1, 'access': 'r'}",
                 "DevicePolicy=s:strict"},
        };

        fake_init(&fake, RT_CGROUP_V2);
        fake_machine(&fake, "/");
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct st_error err = {0};
                st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = fake_plan(
                        &fake, st_arena_printf(fake.arena, "{'devices': [%s]}", table[i].rules),
                        &err);
                struct rt_properties list = {.arena = fake.arena};

                cr_assert_not_null(cgroup, "%s", err.msg);
                cr_assert_eq(rt_properties_of_limits(&list, &cgroup->writes, cgroup->devices,
                                                     RT_WITH_MEMORY),
                             0);
                cr_expect_str_eq(list.items[0], table[i].expected, "of %s", table[i].rules);
                cr_expect_str_eq(list.items[1], "DeviceAllow=a(ss):");
                if (i == 3)
                        cr_expect(strstr(list.items[2], "/dev/block/8:1 r;char-* m;block-* m;"
                                                        "/dev/char/1:3 rwm;"),
                                  "%s", list.items[2]);
        }
}

Test(unit, the_scope_is_in_its_slice) {
        struct rt_cgroup_request request = {
                .id = "id", .path = "a-b.slice:p:n", .driver = RT_CGROUP_SYSTEMD};
        struct rt_cgroup *cgroup = NULL;
        struct st_error err = {0};

        fake_init(&fake, RT_CGROUP_V2);
        fake_machine(&fake, "/user.slice/user-7.slice/user@7.service/app.slice/x");
        if (rt_cgroup_plan_on(&fake.host, &request, &cgroup, &err) < 0)
                cr_skip_test("this build has no systemd driver");
        cr_expect_str_eq(rt_cgroup_path(cgroup, NULL),
                         st_arena_printf(fake.arena, "%s/a.slice/a-b.slice/p-n.scope", fake.root));
        (void)rt_cgroup_free(cgroup);
        request.rootless = true;
        cr_assert_eq(rt_cgroup_plan_on(&fake.host, &request, &cgroup, &err), 0, "%s", err.msg);
        cr_expect_str_eq(rt_cgroup_path(cgroup, NULL),
                         st_arena_printf(fake.arena,
                                         "%s/user.slice/user-7.slice/user@7.service/a.slice/"
                                         "a-b.slice/p-n.scope",
                                         fake.root));
        (void)rt_cgroup_free(cgroup);
}
