#include "graph.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(batch_graph, .fini = st_test_no_leaks);

static enum rt_graph_answer add(struct rt_graph *graph, const char *members) {
        struct rt_task_defaults defaults = {0};
        struct rt_batch_task *task = NULL;
        enum rt_graph_answer answer;
        struct st_error err = {0};
        char line[200];
        int n = snprintf(line, sizeof line, "{\"args\":[\"x\"],%s}", members);

        cr_assert_eq(rt_batch_task_parse(&defaults, "l", line, (size_t)n, 1, &task, &err), 0, "%s",
                     err.msg);
        cr_assert_eq(rt_graph_add(graph, task, &answer, &err), 0, "%s", err.msg);
        return answer;
}

static void take(struct rt_graph *graph, const char *id, enum rt_outcome_kind kind) {
        struct rt_batch_task *task = rt_graph_take(graph);

        cr_assert(task, "nothing is ready where %s should be", id);
        cr_expect_str_eq(task->id, id);
        rt_graph_finish(graph, task, kind);
}

static struct rt_graph_counts counts(const struct rt_graph *graph) {
        struct rt_graph_counts c;

        rt_graph_counts(graph, &c);
        return c;
}

Test(batch_graph, higher_tiers_are_first_then_the_order_of_the_input) {
        st_cleanup(rt_graph_freep) struct rt_graph *graph = rt_graph_new();

        add(graph, "\"id\":\"low\",\"tier\":\"best-effort\"");
        add(graph, "\"id\":\"a\"");
        add(graph, "\"id\":\"b\"");
        add(graph, "\"id\":\"high\",\"tier\":\"exclusive\"");
        take(graph, "high", RT_TASK_SUCCEEDED);
        take(graph, "a", RT_TASK_SUCCEEDED);
        take(graph, "b", RT_TASK_FAILED);
        take(graph, "low", RT_TASK_SUCCEEDED);
        cr_expect_null(rt_graph_take(graph));
        cr_expect_eq(counts(graph).succeeded, 3);
        cr_expect_eq(counts(graph).failed, 1);
}

Test(batch_graph, who_comes_after_waits_for_all_wherever_they_stand) {
        st_cleanup(rt_graph_freep) struct rt_graph *graph = rt_graph_new();

        add(graph, "\"id\":\"c\",\"after\":[\"a\",\"b\",\"a\"]");
        add(graph, "\"id\":\"a\"");
        add(graph, "\"id\":\"b\"");
        cr_expect_eq(counts(graph).waiting, 1);
        take(graph, "a", RT_TASK_SUCCEEDED);
        take(graph, "b", RT_TASK_SUCCEEDED);
        take(graph, "c", RT_TASK_SUCCEEDED);
        cr_expect_eq(rt_graph_explain_stuck(graph, NULL), 0);
}

Test(batch_graph, a_failure_skips_all_that_come_after_near_and_far) {
        st_cleanup(rt_graph_freep) struct rt_graph *graph = rt_graph_new();

        add(graph, "\"id\":\"a\"");
        add(graph, "\"id\":\"b\",\"after\":[\"a\"]");
        add(graph, "\"id\":\"c\",\"after\":[\"b\"]");
        take(graph, "a", RT_TASK_FAILED);
        cr_expect_null(rt_graph_take(graph));
        cr_expect_eq(counts(graph).skipped, 2);
        cr_expect_eq(add(graph, "\"id\":\"d\",\"after\":[\"c\"]"), RT_GRAPH_SKIPPED);
        cr_expect_eq(rt_graph_explain_stuck(graph, NULL), 0);
}

/* A recursion would not survive it. */
Test(batch_graph, a_chain_may_be_longer_than_the_stack) {
        enum { LENGTH = 300000 };
        st_cleanup(rt_graph_freep) struct rt_graph *graph = rt_graph_new();
        char members[80];

        add(graph, "\"id\":\"n0\"");
        for (unsigned i = 1; i < LENGTH; i++) {
                (void)snprintf(members, sizeof members, "\"id\":\"n%u\",\"after\":[\"n%u\"]", i,
                               i - 1);
                add(graph, members);
        }
        take(graph, "n0", RT_TASK_FAILED);
        cr_expect_eq(counts(graph).skipped, LENGTH - 1);
}

Test(batch_graph, an_id_is_taken_once) {
        st_cleanup(rt_graph_freep) struct rt_graph *graph = rt_graph_new();
        const char *line = "{\"id\":\"a\",\"args\":[\"y\"]}";
        struct rt_task_defaults defaults = {0};
        struct rt_batch_task *task = NULL;
        enum rt_graph_answer answer;
        struct st_error err = {0};

        add(graph, "\"id\":\"a\"");
        cr_assert_eq(rt_batch_task_parse(&defaults, "l", line, strlen(line), 1, &task, &err), 0);
        cr_expect_eq(rt_graph_add(graph, task, &answer, &err), -EEXIST);
        cr_expect(strstr(err.msg, "id a"), "%s", err.msg);
        (void)rt_batch_task_free(task);
}

Test(batch_graph, a_task_that_comes_back_is_the_first_and_its_attempts_count) {
        st_cleanup(rt_graph_freep) struct rt_graph *graph = rt_graph_new();
        struct rt_batch_task *task;

        cr_assert_eq(rt_graph_remember_attempts(graph, "a", 3, NULL), 0);
        add(graph, "\"id\":\"a\"");
        add(graph, "\"id\":\"b\"");
        task = rt_graph_take(graph);
        cr_expect_eq(rt_graph_attempts(graph, task), 3);
        rt_graph_count_attempt(graph, task);
        rt_graph_requeue(graph, task);
        cr_expect_eq(rt_graph_peek(graph), task);
        cr_expect_eq(rt_graph_attempts(graph, task), 4);
}

Test(batch_graph, what_earlier_runs_ended_is_not_run_and_counts) {
        st_cleanup(rt_graph_freep) struct rt_graph *graph = rt_graph_new();

        cr_assert_eq(rt_graph_remember_end(graph, "a", RT_TASK_SUCCEEDED, NULL), 0);
        cr_assert_eq(rt_graph_remember_end(graph, "b", RT_TASK_FAILED, NULL), 0);
        cr_expect_eq(add(graph, "\"id\":\"a\""), RT_GRAPH_DONE);
        cr_expect_eq(add(graph, "\"id\":\"b\""), RT_GRAPH_DONE);
        cr_expect_eq(add(graph, "\"id\":\"c\",\"after\":[\"a\"]"), RT_GRAPH_ADDED);
        cr_expect_eq(add(graph, "\"id\":\"d\",\"after\":[\"b\"]"), RT_GRAPH_SKIPPED);
        cr_expect_eq(counts(graph).ready, 1);
        cr_expect_eq(counts(graph).failed, 1);
}

Test(batch_graph, who_waits_for_ever_is_named) {
        st_cleanup(rt_graph_freep) struct rt_graph *a = rt_graph_new(), *b = rt_graph_new();
        struct st_error err = {0};

        add(a, "\"id\":\"x\",\"after\":[\"nobody\"]");
        cr_expect_eq(rt_graph_explain_stuck(a, &err), -ENOENT);
        cr_expect(strstr(err.msg, "nobody"), "%s", err.msg);
        add(b, "\"id\":\"x\",\"after\":[\"x\"]");
        cr_expect_eq(rt_graph_explain_stuck(b, &err), -ELOOP);
        cr_expect(strstr(err.msg, "task x"), "%s", err.msg);
}
