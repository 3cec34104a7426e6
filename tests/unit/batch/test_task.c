#include "leaks.h"
#include "task.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(batch_task, .fini = st_test_no_leaks);

static struct rt_batch_task *parse(const char *line, const struct rt_template *command) {
        struct rt_task_defaults defaults = {.command = command, .retries = 2, .cpu_milli = 500};
        struct rt_batch_task *task = NULL;
        struct st_error err = {0};

        cr_assert_eq(rt_batch_task_parse(&defaults, "f:1", line, strlen(line), 7, &task, &err), 0,
                     "%s", err.msg);
        return task;
}

Test(batch_task, a_line_is_a_command_for_the_shell) {
        st_cleanup(rt_batch_task_freep) struct rt_batch_task *task = parse("a b | c", NULL);

        cr_expect_str_eq(task->id, "7");
        cr_expect_str_eq(task->args[0], "/bin/sh");
        cr_expect_str_eq(task->args[1], "-c");
        cr_expect_str_eq(task->args[2], "a b | c");
        cr_expect_null(task->args[3]);
        cr_expect_eq(task->retries, 2);
        cr_expect_eq(task->cpu_milli, 500);
}

Test(batch_task, all_members_are_read) {
        st_cleanup(rt_batch_task_freep) struct rt_batch_task *task =
                parse("{\"id\":12,\"args\":[\"a\",\"b\"],\"env\":{\"K\":\"v\"},\"cwd\":\"/w\","
                      "\"cpus\":1.5,\"memory\":\"1G\",\"timeout\":\"1m30s\",\"tier\":\"exclusive\","
                      "\"stdin\":\"in\",\"after\":[\"y\"],\"retry\":0,\"devices\":[\"v/c=n\"],"
                      "\"labels\":{\"l\":\"m\"},\"resources\":{\"gpu\":2}}",
                      NULL);

        cr_expect_str_eq(task->id, "12");
        cr_expect_str_eq(task->args[1], "b");
        cr_expect_str_eq(task->env[0], "K=v");
        cr_expect_str_eq(task->cwd, "/w");
        cr_expect_eq(task->cpu_milli, 1500);
        cr_expect_eq(task->memory_bytes, 1 << 30);
        cr_expect_eq(task->timeout_nsec, UINT64_C(90000000000));
        cr_expect_eq(task->tier, RT_TIER_EXCLUSIVE);
        cr_expect_str_eq(task->stdin_path, "in");
        cr_expect_str_eq(task->after[0], "y");
        cr_expect_eq(task->retries, 0);
        cr_expect_str_eq(task->devices[0], "v/c=n");
        cr_expect_str_eq(task->labels[0].value, "m");
        cr_expect_str_eq(task->needs[0].name, "gpu");
        cr_expect_eq(task->needs[0].count, 2);
}

Test(batch_task, errors_name_the_line_the_path_and_the_value) {
        static const struct {
                const char *line, *text;
        } cases[] = {
                {"{", "f:9"},
                {"{\"args\":[]}", "args: at least one"},
                {"{\"args\":[\"a\"],\"cpus\":0}", "cpus: a number of CPUs"},
                {"{\"args\":[\"a\"],\"cpus\":\"many\"}", "not many"},
                {"{\"args\":[\"a\"],\"memory\":\"-1\"}", "memory: a size"},
                {"{\"args\":[\"a\"],\"timeout\":0}", "timeout: seconds"},
                {"{\"args\":[\"a\"],\"tier\":\"high\"}", "tier: exclusive, shared or best-effort"},
                {"{\"args\":[\"a\"],\"cwd\":\"x\"}", "cwd: an absolute path"},
                {"{\"args\":[\"a\"],\"env\":{\"A=\":\"x\"}}", "the name of a variable"},
                {"{\"args\":[\"a\"],\"env\":[\"A\"]}", "env[0]: NAME=VALUE"},
                {"{\"args\":[\"a\"],\"resources\":{\"gpu\":-1}}", "resources.gpu: a number"},
                {"{\"args\":[\"a\"],\"id\":\".x\"}", "id: up to 128"},
                {"{\"args\":[\"a\"],\"id\":\"\"}", "id: up to 128"},
                {"{\"args\":[\"a\"],\"id\":\"a/b\"}", "id: up to 128"},
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct rt_task_defaults defaults = {0};
                struct rt_batch_task *task = NULL;
                struct st_error err = {0};

                cr_expect_eq(rt_batch_task_parse(&defaults, "f:9", cases[i].line,
                                                 strlen(cases[i].line), 1, &task, &err),
                             -EINVAL, "%s", cases[i].line);
                cr_expect_null(task);
                cr_expect(strstr(err.msg, "f:9") && strstr(err.msg, cases[i].text), "%s", err.msg);
        }
}

Test(batch_task, cpus_are_read_in_thousandths) {
        static const struct {
                const char *text;
                uint64_t milli;
        } good[] = {{"1", 1000}, {"0.5", 500}, {"2.25", 2250}, {"0.01", 10}, {"16.", 16000}};
        static const char *const bad[] = {"",      ".", ".5",   "-1",     "1e3",
                                          "0.001", "0", "1.5x", "9999999"};
        uint64_t milli;

        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                cr_expect_eq(rt_batch_parse_cpus(good[i].text, &milli), 0, "%s", good[i].text);
                cr_expect_eq(milli, good[i].milli, "%s", good[i].text);
        }
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                cr_expect_lt(rt_batch_parse_cpus(bad[i], &milli), 0, "%s", bad[i]);
}

Test(batch_task, templates_put_the_line_where_they_say) {
        static const struct {
                const char *mark, *line, *wanted;
        } cases[] = {
                {"{}", "a/b.c", "a/b.c"}, {"{.}", "a/b.c", "a/b"},   {"{/}", "a/b.c", "b.c"},
                {"{//}", "a/b.c", "a"},   {"{/.}", "a/b.c", "b"},    {"{//}", "b", "."},
                {"{//}", "/b", "/"},      {"{.}", "a.d/b", "a.d/b"}, {"{.}", ".x", ".x"},
                {"{/.}", "a/.x", ".x"},   {"x{}y{}z", "-", "x-y-z"}, {"{{}}", "a", "{a}"},
                {"{#}-{}", "a", "7-a"},   {"{x}{}", "a", "{x}a"},    {"{}{", "a", "a{"},
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                const char *const args[] = {"cmd", cases[i].mark, NULL};
                st_cleanup(rt_template_freep) struct rt_template *template = NULL;
                st_cleanup(rt_batch_task_freep) struct rt_batch_task *task = NULL;

                cr_assert_eq(rt_template_new(args, &template, NULL), 0);
                task = parse(cases[i].line, template);
                cr_expect_str_eq(task->args[1], cases[i].wanted, "%s of %s: %s", cases[i].mark,
                                 cases[i].line, task->args[1]);
                cr_expect_null(task->args[2]);
        }
}

Test(batch_task, a_template_without_a_place_takes_the_line_at_its_end) {
        const char *const args[] = {"cmd", "{#}", NULL};
        st_cleanup(rt_template_freep) struct rt_template *template = NULL;
        st_cleanup(rt_batch_task_freep) struct rt_batch_task *task = NULL;

        cr_assert_eq(rt_template_new(args, &template, NULL), 0);
        task = parse("the line", template);
        cr_expect_str_eq(task->args[1], "7");
        cr_expect_str_eq(task->args[2], "the line");
}
