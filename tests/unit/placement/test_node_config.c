#include "fixture.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <string.h>

#include <stint/node_config.h>

TestSuite(node_config, .fini = st_test_no_leaks);

static int parse(const char *text, struct rt_node_config *config, struct st_error *err) {
        return rt_node_config_parse("node.conf", text, strlen(text), config, err);
}

Test(node_config, every_key_is_understood) {
        struct rt_node_config c;
        struct st_error err = {0};

        cr_assert_eq(parse("# the node\n"
                           "ledger = /run/x/cpus\n"
                           "cpus=2-63\n"
                           "  ignore = /a\n"
                           "ignore = /b\n"
                           "placement = strict\n"
                           "tier = shared\n"
                           "smt = exclusive\n"
                           "cpus-from-quota = yes\n"
                           "wait = 30\n"
                           "memory = prefer\n"
                           "class-best-effort = be L3:0=3 MB:0=20\n",
                           &c, &err),
                     0, "%s", err.msg);
        cr_expect_str_eq(c.ledger, "/run/x/cpus");
        cr_expect_str_eq(show(&c.cpus), "2-63");
        cr_expect_str_eq(c.ignored[0], "/a");
        cr_expect_str_eq(c.ignored[1], "/b");
        cr_expect_null(c.ignored[2]);
        cr_expect_eq(c.placement, RT_PLACEMENT_STRICT);
        cr_expect_eq(c.tier, RT_TIER_SHARED);
        cr_expect(c.whole_cores && c.cpus_from_quota);
        cr_expect_eq(c.wait_msec, 30000);
        cr_expect_eq(c.memory, RT_MEMORY_PREFER);
        cr_expect_str_eq(c.classes[RT_TIER_BEST_EFFORT].name, "be");
        cr_expect_str_eq(c.classes[RT_TIER_BEST_EFFORT].schemata[1], "MB:0=20");
        cr_expect_null(c.classes[RT_TIER_SHARED].name);
        rt_node_config_deinit(&c);
}

Test(node_config, an_empty_file_and_none_are_the_defaults) {
        struct rt_node_config c;
        struct st_error err = {0};

        cr_assert_eq(parse("", &c, &err), 0);
        cr_expect_eq(c.placement, RT_PLACEMENT_PREFER);
        rt_node_config_deinit(&c);
        cr_assert_eq(rt_node_config_read("/nonexistent/placement.conf", &c, &err), 0);
        cr_expect_eq(c.placement, RT_PLACEMENT_PREFER);
        cr_expect_eq(c.tier, RT_TIER_EXCLUSIVE);
        rt_node_config_deinit(&c);
}

struct bad {
        char text[64], says[64];
};

ParameterizedTestParameters(node_config, what_is_wrong_is_named_with_its_line) {
        static struct bad all[] = {
                {"tier = exclusive\ntier = shared\n", "node.conf:2: tier is given again"},
                {"\nsomething\n", "node.conf:2: no \"key = value\": something"},
                {"placment = off", "node.conf:1: there is no key \"placment\""},
                {"placement = yes", "node.conf:1: placement is \"yes\", and not off"},
                {"cpus =", "node.conf:1: cpus has no value"},
                {"cpus = 3-", "and not a list of CPUs"},
                {"ledger = cpus", "and not an absolute path"},
                {"wait = 1s", "and not a number of seconds"},
                {"memory = local", "and not bind, prefer or off"},
                {"smt = on", "and not shared or exclusive"},
                {"cpus-from-quota = true", "and not yes or no"},
                {"class-shared = a/b", "and not the name of a resctrl class"},
        };

        return cr_make_param_array(struct bad, all, sizeof all / sizeof *all);
}

ParameterizedTest(struct bad *bad, node_config, what_is_wrong_is_named_with_its_line) {
        struct rt_node_config c;
        struct st_error err = {0};

        cr_expect_eq(parse(bad->text, &c, &err), -EINVAL);
        cr_expect(strstr(err.msg, bad->says), "%s", err.msg);
}
