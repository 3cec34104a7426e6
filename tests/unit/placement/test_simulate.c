#include "fixture.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

TestSuite(simulate, .fini = st_test_no_leaks);

static struct rt_trace *parse(const char *text) {
        struct rt_trace *trace = NULL;
        struct st_error err = {0};

        cr_assert_eq(rt_trace_parse("trace", text, strlen(text), &trace, &err), 0, "%s", err.msg);
        return trace;
}

static struct rt_simulation run(const struct fixture *f, const char *policy, const char *text) {
        st_cleanup(rt_trace_freep) struct rt_trace *trace = parse(text);
        struct rt_simulation sim = {0};
        struct st_error err = {0};

        cr_assert_eq(rt_simulate(f->topology, trace, policy, &sim, &err), 0, "%s", err.msg);
        return sim;
}

#define START(id, cpus) "{\"event\":\"start\",\"id\":\"" id "\",\"cpus\":" #cpus "}\n"
#define START_FOR(id, cpus, tenant)                                                                \
        "{\"event\":\"start\",\"id\":\"" id "\",\"cpus\":" #cpus ",\"tenant\":\"" tenant "\"}\n"
#define END(id) "{\"event\":\"end\",\"id\":\"" id "\"}\n"

Test(simulate, figures_are_those_counted_by_hand) {
        FIXTURE(f, "guest-no-l3"); /* two dies of eight CPUs, each a node */
        /* first-n: a 0-4, b 5-9 over both, c 10-11; then 4 are free in the second die */
        struct rt_simulation s =
                run(&f, "nomad-first-n", START("a", 5) START("b", 5) START("c", 2) START("d", 5));

        cr_expect_eq(s.n_starts, 4);
        cr_expect_eq(s.n_refused, 1);
        cr_expect_eq(s.n_aligned, 2);
        cr_expect_eq(s.n_domains, 4);
        cr_expect_eq(s.n_min_domains, 3);
        cr_expect_eq(s.n_nodes, 4);
        cr_expect_eq(s.n_min_nodes, 3);
        cr_expect_eq(s.n_stranded, 3 + 0 + 4, "at b: the 3 of the first die; at d: 4");
}

Test(simulate, stint_aligns_what_first_n_does_not) {
        FIXTURE(f, "guest-no-l3");
        struct rt_simulation s =
                run(&f, "stint", START("a", 5) START("b", 5) START("c", 2) START("d", 5));

        cr_expect_eq(s.n_aligned, 3);
        cr_expect_eq(s.n_refused, 1);
        cr_expect_eq(s.n_domains, 3);
        cr_expect_gt(s.nsec, 0);
}

Test(simulate, what_ended_is_free_again) {
        FIXTURE(f, "guest-no-l3");

        for (const char *const *policy = rt_policies(); *policy; policy++) {
                struct rt_simulation s = run(&f, *policy,
                                             START("a", 16) END("a") START("a", 16) START("b", 1)
                                                     END("b") END("a") START("c", 1));

                cr_expect_eq(s.n_starts, 4, "%s", *policy);
                cr_expect_eq(s.n_refused, 1, "%s", *policy);
                cr_expect_eq(s.n_aligned, 3, "%s: %u", *policy, s.n_aligned);
        }
}

Test(simulate, only_the_peers_mix_tenants_on_a_core) {
        FIXTURE(f, "epyc-7702p");
        static const char text[] = START_FOR("a", 65, "x") START_FOR("b", 1, "y");

        cr_expect_eq(run(&f, "nomad-first-n", text).n_mixed, 1);
        cr_expect_eq(run(&f, "stint", text).n_mixed, 0);
}

Test(simulate, lower_tiers_that_give_way_are_moves) {
        FIXTURE(f, "guest-flat");
        struct rt_simulation s = run(&f, "stint",
                                     "{\"event\":\"start\",\"id\":\"b\",\"cpus\":8,\"tier\":\"best-"
                                     "effort\",\"time\":1.5}\n" START("a", 4) START("c", 4));

        cr_expect_eq(s.n_refused, 0);
        cr_expect_eq(s.n_moves, 2);
}

/* Each knows its trick on a machine of four domains of four. */
Test(simulate, peers_choose_as_they_are_known_to) {
        FIXTURE(f, "guest-no-l3-clusters");
        static const char holes[] =
                START("a", 3) START("b", 4) START("c", 4) END("b") START("d", 4);

        cr_expect_eq(run(&f, "nomad-first-n", holes).n_domains, 1 + 2 + 2 + 2);
        cr_expect_eq(run(&f, "kubelet-packed", holes).n_domains, 1 + 2 + 2 + 2,
                     "it knows no caches");
        cr_expect_eq(run(&f, "kubelet-uncore", holes).n_domains, 4);
        cr_expect_eq(run(&f, "stint", holes).n_domains, 4);
}

/* First fit puts c into the first domain, best fit into the second: only then d finds three. */
Test(simulate, first_fit_is_not_best_fit) {
        FIXTURE(f, "guest-no-l3-clusters");
        static const char text[] =
                START("a", 1) START("b", 3) START("x", 4) START("y", 4) START("c", 1) START("d", 3);

        cr_expect_eq(run(&f, "optimum", text).n_aligned, 6);
        cr_expect_eq(run(&f, "stint", text).n_aligned, 6);
}

Test(simulate, no_policy_beats_the_optimum) {
        static const char *const machines[] = {"guest-no-l3", "strix-point",
                                               "guest-no-l3-clusters"};
        char text[4096];

        for (unsigned seed = 1; seed <= 12; seed++) {
                FIXTURE(f, machines[seed % 3]);
                uint64_t state = seed;
                size_t used = 0;
                unsigned best;

                for (unsigned i = 0; i < 12; i++) {
                        state = state * 6364136223846793005u + 1442695040888963407u;
                        used += (size_t)snprintf(
                                text + used, sizeof text - used,
                                "{\"event\":\"start\",\"id\":\"%u\",\"cpus\":%u}\n", i,
                                1 + (unsigned)(state >> 33) % 6);
                        if (i >= 3)
                                used += (size_t)snprintf(text + used, sizeof text - used,
                                                         "{\"event\":\"end\",\"id\":\"%u\"}\n",
                                                         i - 3);
                }
                best = run(&f, "optimum", text).n_aligned;
                for (const char *const *policy = rt_policies(); *policy; policy++) {
                        struct rt_simulation s = run(&f, *policy, text);

                        cr_expect_leq(s.n_aligned, best, "seed %u: %s %u, optimum %u", seed,
                                      *policy, s.n_aligned, best);
                        cr_expect_leq(s.n_aligned, s.n_starts - s.n_refused);
                }
        }
}

Test(simulate, the_optimum_of_a_large_machine_is_not_tried) {
        FIXTURE(f, "epyc-7702p");
        st_cleanup(rt_trace_freep) struct rt_trace *trace = parse(START("a", 1));
        struct rt_simulation sim;
        struct st_error err = {0};

        cr_expect_eq(rt_simulate(f.topology, trace, "optimum", &sim, &err), -E2BIG);
        cr_expect_eq(rt_simulate(f.topology, trace, "best", &sim, &err), -EINVAL);
        cr_expect(strstr(err.msg, "\"best\""), "%s", err.msg);
}

Test(simulate, a_bad_line_is_named) {
        static const char *const lines[][2] = {
                {"{", "trace line 2"},
                {"[]", "wants an \"event\""},
                {"{\"event\":\"stop\",\"id\":\"a\"}", "start or end"},
                {"{\"event\":\"start\"}", "an \"id\""},
                {"{\"event\":\"start\",\"id\":\"b\"}", "\"cpus\""},
                {"{\"event\":\"start\",\"id\":\"b\",\"cpus\":0}", "\"cpus\""},
                {"{\"event\":\"start\",\"id\":\"b\",\"cpus\":2049}", "2048"},
                {"{\"event\":\"start\",\"id\":\"b\",\"cpus\":\"1\"}", "\"cpus\""},
                {"{\"event\":\"start\",\"id\":\"b\",\"cpus\":1,\"tier\":\"gold\"}",
                 "no tier \"gold\""},
                {"{\"event\":\"start\",\"id\":\"b\",\"cpus\":1,\"smt\":\"no\"}", "smt is"},
                {"{\"event\":\"start\",\"id\":\"b\",\"cpus\":1,\"strict\":1}", "\"strict\""},
                {"{\"event\":\"start\",\"id\":\"b\",\"cpus\":1,\"tenant\":7}",
                 "\"tenant\" is no string"},
                {"{\"event\":\"start\",\"id\":\"b\",\"cpus\":1,\"memory\":7}", "no key \"memory\""},
                {"{\"event\":\"start\",\"id\":\"a\",\"cpus\":1}", "\"a\" runs already"},
                {"{\"event\":\"end\",\"id\":\"b\"}", "\"b\" does not run"},
        };

        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                struct rt_trace *trace = NULL;
                struct st_error err = {0};
                char text[256];

                (void)snprintf(text, sizeof text, START("a", 1) "%s", lines[i][0]);
                cr_expect_eq(rt_trace_parse("trace", text, strlen(text), &trace, &err), -EINVAL,
                             "%s", text);
                cr_expect(strstr(err.msg, lines[i][1]), "wanted %s: %s", lines[i][1], err.msg);
                cr_expect(strstr(err.msg, "trace line 2"), "%s", err.msg);
                cr_expect_null(trace);
        }
}
