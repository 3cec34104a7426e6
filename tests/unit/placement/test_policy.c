#include "fixture.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(policy, .fini = st_test_no_leaks);

static struct rt_holding holding(const char *list, enum rt_tier tier, const char *tenant,
                                 const char *job) {
        return (struct rt_holding) {.cpus = cpus(list), .tier = tier, .tenant = tenant, .job = job};
}

static struct rt_request request(unsigned n_cpus) {
        return (struct rt_request) {.n_cpus = n_cpus, .tenant = "a"};
}

static struct rt_decision decide(const struct fixture *f, const struct rt_holding *holdings,
                                 size_t n, struct rt_request request) {
        struct rt_decision decision = {0};
        struct st_error err = {0};

        cr_assert_eq(rt_placement_decide(f->topology, holdings, n, &request, &decision, &err), 0,
                     "%s", err.msg);
        return decision;
}

static void expect_refusal(const struct fixture *f, const struct rt_holding *holdings, size_t n,
                           struct rt_request request, int code, const char *says) {
        struct rt_decision decision = {.n_domains = 99};
        struct st_error err = {0};

        cr_expect_eq(rt_placement_decide(f->topology, holdings, n, &request, &decision, &err),
                     code);
        cr_expect(strstr(err.msg, says), "wanted \"%s\": %s", says, err.msg);
        cr_expect_eq(decision.n_domains, 99, "the output is left alone");
}

#define N(array) (sizeof(array) / sizeof *(array))

Test(policy, an_empty_machine_gives_whole_cores_of_one_domain) {
        FIXTURE(f, "epyc-9654-2s");
        struct rt_decision d = decide(&f, NULL, 0, request(8));

        cr_expect_str_eq(show(&d.cpus), "0-3,192-195");
        cr_expect_str_eq(show(&d.memory_nodes), "0");
        cr_expect_eq(d.n_domains, 1);
        cr_expect(strstr(d.reason, "L3 0 of 24: 16 of its 16 CPUs are free; an empty one"), "%s",
                  d.reason);
}

Test(policy, the_fullest_domain_that_holds_it_is_taken) {
        FIXTURE(f, "epyc-7763-2s");
        struct rt_holding held[] = {holding("0-3", RT_TIER_EXCLUSIVE, "a", NULL),
                                    holding("8-13", RT_TIER_EXCLUSIVE, "a", NULL)};
        struct rt_decision d = decide(&f, held, N(held), request(3));

        cr_expect_str_eq(show(&d.cpus), "4-6", "the second has only two left");
        d = decide(&f, held, N(held), request(2));
        cr_expect_str_eq(show(&d.cpus), "14-15");
        cr_expect(strstr(d.reason, "filled to the last CPU"), "%s", d.reason);
        d = decide(&f, held, N(held), request(8));
        cr_expect_str_eq(show(&d.cpus), "16-23", "the empty ones are for whole domains");
}

Test(policy, an_empty_small_domain_is_kept_although_it_would_fit_better) {
        FIXTURE(f, "strix-point");
        struct rt_holding held[] = {holding("4-5,16-17", RT_TIER_EXCLUSIVE, "a", NULL)};
        struct rt_decision d = decide(&f, held, N(held), request(4));

        cr_expect_str_eq(show(&d.cpus), "6-7,18-19");
        d = decide(&f, held, N(held), request(8));
        cr_expect_str_eq(show(&d.cpus), "0-3,12-15", "which it fills");
}

Test(policy, a_job_stays_together) {
        FIXTURE(f, "epyc-7763-2s");
        struct rt_holding held[] = {holding("0-3", RT_TIER_EXCLUSIVE, "a", "other"),
                                    holding("8-11", RT_TIER_EXCLUSIVE, "a", "mine")};
        struct rt_request r = request(2);
        struct rt_decision d;

        r.job = "mine";
        d = decide(&f, held, N(held), r);
        cr_expect_str_eq(show(&d.cpus), "12-13");
        cr_expect(strstr(d.reason, "the job is there"), "%s", d.reason);
        r.tenant = "b"; /* whose job of that name is another */
        d = decide(&f, held, N(held), r);
        cr_expect_str_eq(show(&d.cpus), "4-5");
}

Test(policy, a_large_request_takes_the_fewest_domains_of_the_nearest_nodes) {
        FIXTURE(f,
                "epyc-7451-2s"); /* six CPUs in an L3, two L3s in a node, four nodes in a socket */
        struct rt_holding held[] = {holding("0-2,48-50", RT_TIER_EXCLUSIVE, "a", NULL)};
        struct rt_decision d = decide(&f, NULL, 0, request(12));

        cr_expect_eq(d.n_domains, 2);
        cr_expect_eq(d.n_nodes, 1);
        cr_expect_str_eq(show(&d.cpus), "0-5,48-53");
        d = decide(&f, held, N(held), request(12));
        cr_expect_str_eq(show(&d.cpus), "6-11,54-59", "node 0 has only one left");
        cr_expect_str_eq(show(&d.memory_nodes), "1");
        d = decide(&f, held, N(held), request(42));
        cr_expect_eq(d.n_domains, 7);
        cr_expect_eq(d.n_nodes, 4, "%s", d.reason);
        cr_expect(rt_cpus_contain(&f.topology->levels[RT_LEVEL_PACKAGE].sets[0], &d.cpus) ||
                          rt_cpus_contain(&f.topology->levels[RT_LEVEL_PACKAGE].sets[1], &d.cpus),
                  "%s", d.reason);
}

Test(policy, pieces_that_fit_are_used_up_before_empty_domains) {
        FIXTURE(f, "epyc-7763-2s");
        struct rt_holding held[] = {holding("0-1,8-9", RT_TIER_EXCLUSIVE, "a", NULL)};
        struct rt_decision d = decide(&f, held, N(held), request(12));

        cr_expect_str_eq(show(&d.cpus), "2-7,10-15");
}

Test(policy, without_a_domain_that_fits_it_spreads_or_is_refused) {
        FIXTURE(f, "guest-no-l3"); /* two dies of eight */
        struct rt_holding held[] = {holding("0-4,8-12", RT_TIER_EXCLUSIVE, "a", NULL)};
        struct rt_request r = request(5);
        struct rt_decision d = decide(&f, held, N(held), r);

        cr_expect_eq(d.n_domains, 2);
        cr_expect_eq(d.min_domains, 1);
        cr_expect(strstr(d.reason, "1 would do, but their CPUs are taken"), "%s", d.reason);
        r.strict = true;
        expect_refusal(&f, held, N(held), r, -EBUSY, "6 CPUs are free, but not 5 of them in 1 die");
        expect_refusal(&f, held, N(held), request(7), -EBUSY,
                       "7 CPUs are asked for and 6 are free");
        expect_refusal(&f, held, N(held), request(17), -ENOSPC,
                       "17 CPUs are asked for and there are 16");
        expect_refusal(&f, held, N(held), request(0), -EINVAL, "no CPUs");
}

Test(policy, a_core_belongs_to_one_tenant) {
        FIXTURE(f, "epyc-7702p"); /* four cores of two threads in an L3 */
        struct rt_holding held[] = {holding("0", RT_TIER_EXCLUSIVE, "b", NULL)};
        struct rt_request r = request(1);
        struct rt_decision d = decide(&f, held, N(held), r);

        cr_expect_str_eq(show(&d.cpus), "1", "64 is on the core of the other tenant");
        r.tenant = "b";
        d = decide(&f, held, N(held), r);
        cr_expect_str_eq(show(&d.cpus), "64", "its own tenant fills the core");
        expect_refusal(&f, held, N(held), request(127), -EBUSY, "126 are free for this tenant");
}

Test(policy, cpus_of_somebody_else_take_the_cpu_but_no_tenant) {
        FIXTURE(f, "epyc-7702p");
        struct rt_holding held[] = {holding("0", RT_TIER_EXCLUSIVE, NULL, NULL)};
        struct rt_decision d = decide(&f, held, N(held), request(1));

        cr_expect_str_eq(show(&d.cpus), "1", "strangers are another tenant");
}

Test(policy, whole_cores_are_rounded_up) {
        FIXTURE(f, "epyc-7702p");
        struct rt_holding held[] = {holding("0", RT_TIER_EXCLUSIVE, "a", NULL)};
        struct rt_request r = request(3);
        struct rt_decision d;

        r.whole_cores = true;
        d = decide(&f, held, N(held), r);
        cr_expect_str_eq(show(&d.cpus), "1-2,65-66");
        r.n_cpus = 127;
        expect_refusal(&f, held, N(held), r, -EBUSY, "126 are free for this tenant in whole cores");
}

Test(policy, cores_of_one_kind_are_not_mixed_when_one_kind_has_enough) {
        FIXTURE(f, "i7-12850hx"); /* 0-15: eight strong cores; 16-23: eight weak ones */
        struct rt_holding held[] = {holding("0-11", RT_TIER_EXCLUSIVE, "a", NULL)};
        struct rt_request r = request(8);
        struct rt_decision d = decide(&f, NULL, 0, r);

        cr_expect_str_eq(show(&d.cpus), "0-7");
        d = decide(&f, held, N(held), r);
        cr_expect_str_eq(show(&d.cpus), "16-23");
        r.n_cpus = 10;
        d = decide(&f, held, N(held), r);
        cr_expect_str_eq(show(&d.cpus), "12-21", "strong ones first");
        r.n_cpus = 2;
        r.tier = RT_TIER_BEST_EFFORT;
        d = decide(&f, NULL, 0, r);
        cr_expect_str_eq(show(&d.cpus), "16-17", "weak ones do for best effort");
}

Test(policy, shared_tasks_stay_in_one_domain_and_balance) {
        FIXTURE(f, "guest-no-l3");
        struct rt_holding held[] = {holding("0-3", RT_TIER_SHARED, "a", NULL),
                                    holding("8-15", RT_TIER_EXCLUSIVE, "a", NULL),
                                    holding("4-7", RT_TIER_SHARED, "a", NULL),
                                    holding("0-1", RT_TIER_SHARED, "a", NULL)};
        struct rt_request r = request(4);
        struct rt_decision d;

        r.tier = RT_TIER_SHARED;
        d = decide(&f, held, 1, r);
        cr_expect_str_eq(show(&d.cpus), "4-7", "nobody is there; the other die is empty");
        d = decide(&f, held, N(held), r);
        cr_expect_str_eq(show(&d.cpus), "2-5", "the least loaded");
        r.tenant = "b";
        expect_refusal(&f, held, N(held), r, -EBUSY, "0 are free for this tenant");
}

Test(policy, an_exclusive_grant_displaces_lower_tiers_when_it_must) {
        FIXTURE(f, "guest-flat"); /* eight CPUs */
        struct rt_holding held[] = {holding("0-3", RT_TIER_BEST_EFFORT, "b", NULL),
                                    holding("4-5", RT_TIER_SHARED, "b", NULL)};
        struct rt_request r = request(2);
        struct rt_decision d = decide(&f, held, N(held), r);
        struct rt_cpus left;

        cr_expect_str_eq(show(&d.cpus), "6-7");
        cr_expect_eq(d.n_displaced, 0);
        r.n_cpus = 6;
        d = decide(&f, held, N(held), r);
        cr_expect_str_eq(show(&d.cpus), "0-3,6-7", "best effort first");
        cr_expect_eq(d.n_displaced, 1);
        left = rt_placement_left(f.topology, &r, &d.cpus, &held[0]);
        cr_expect(rt_cpus_is_empty(&left));
        r.n_cpus = 7;
        d = decide(&f, held, N(held), r);
        cr_expect_eq(d.n_displaced, 2, "%s", d.reason);
        left = rt_placement_left(f.topology, &r, &d.cpus, &held[1]);
        cr_expect_str_eq(show(&left), "4", "a shared task keeps one");
        cr_expect(strstr(d.reason, "2 tasks of lower tiers give way"), "%s", d.reason);
        r.n_cpus = 8;
        expect_refusal(&f, held, N(held), r, -EBUSY, "7 are free");
}

Test(policy, another_tenant_loses_the_whole_core) {
        FIXTURE(f, "strix-point");
        struct rt_holding held[] = {holding("0-11,12-23", RT_TIER_SHARED, "b", NULL),
                                    holding("0-11,12-23", RT_TIER_SHARED, "a", NULL)};
        struct rt_request r = request(1);
        struct rt_decision d = decide(&f, held, 1, r);
        struct rt_cpus left = rt_placement_left(f.topology, &r, &d.cpus, &held[0]);

        cr_expect_eq(rt_cpus_count(&left), 22);
        left = rt_placement_left(f.topology, &r, &d.cpus, &held[1]);
        cr_expect_eq(rt_cpus_count(&left), 23, "its own tenant only the CPU");
}

Test(policy, memory_comes_from_the_nearest_node_that_has_some) {
        FIXTURE(f, "epyc-7451-2s");
        struct rt_decision d;

        f.topology->node_has_memory[0] = false;
        f.topology->distances[0 * 8 + 3] = 12;
        d = decide(&f, NULL, 0, request(6));
        cr_expect_str_eq(show(&d.cpus), "0-2,48-50");
        cr_expect_str_eq(show(&d.memory_nodes), "3");
}

/* ---- the rules, over thousands of random steps ---- */

enum { MAX_HELD = 200 };

struct world {
        const struct rt_topology *t;
        struct rt_holding held[MAX_HELD];
        size_t n_held;
        uint64_t seed;
};

static unsigned dice(struct world *w, unsigned sides) {
        w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
        return (unsigned)(w->seed >> 33) % sides;
}

static void check_rules(const struct world *w) {
        const struct rt_groups *cores = &w->t->levels[RT_LEVEL_CORE];

        for (size_t i = 0; i < w->n_held; i++) {
                for (size_t k = 0; k < i; k++) {
                        const struct rt_holding *a = &w->held[i], *b = &w->held[k];

                        if (a->tier == RT_TIER_EXCLUSIVE || b->tier == RT_TIER_EXCLUSIVE)
                                cr_assert_not(rt_cpus_intersect(&a->cpus, &b->cpus), "%s and %s",
                                              show(&a->cpus), show(&b->cpus));
                        if (!strcmp(a->tenant, b->tenant))
                                continue;
                        RT_FOREACH_CPU(cpu, &a->cpus)
                        cr_assert_not(rt_cpus_intersect(&cores->sets[cores->of[cpu]], &b->cpus),
                                      "CPU %u shares its core with another tenant", cpu);
                }
        }
}

static void check_decision(const struct world *w, const struct rt_request *r,
                           const struct rt_decision *d) {
        unsigned n_domains = 0;

        for (unsigned i = 0; i < w->t->domains.n; i++)
                n_domains += rt_cpus_intersect(&w->t->domains.sets[i], &d->cpus);
        cr_assert_eq(d->n_domains, n_domains, "%s", d->reason);
        cr_assert_geq(d->n_domains, d->min_domains);
        cr_assert(rt_cpus_contain(&w->t->cpus, &d->cpus));
        if (r->whole_cores)
                cr_assert_geq(rt_cpus_count(&d->cpus), r->n_cpus);
        else
                cr_assert_eq(rt_cpus_count(&d->cpus), r->n_cpus, "%s", d->reason);
        if (r->strict)
                cr_assert_eq(d->n_domains, d->min_domains);
}

static void apply(struct world *w, const struct rt_request *r, const struct rt_decision *d) {
        unsigned n_displaced = 0;
        size_t kept = 0;

        for (size_t i = 0; i < w->n_held; i++) {
                struct rt_cpus left = rt_placement_left(w->t, r, &d->cpus, &w->held[i]);

                n_displaced += !rt_cpus_equal(&left, &w->held[i].cpus);
                w->held[i].cpus = left;
                if (rt_cpus_is_empty(&left)) {
                        cr_assert_eq(w->held[i].tier, RT_TIER_BEST_EFFORT);
                        continue;
                }
                w->held[kept++] = w->held[i];
        }
        cr_assert_eq(d->n_displaced, n_displaced);
        w->n_held = kept;
        w->held[w->n_held++] = (struct rt_holding) {d->cpus, r->tier, r->tenant, r->job};
}

static void step(struct world *w) {
        static const char *const tenants[] = {"a", "b", "c"}, *const jobs[] = {"x", "y", NULL};
        static const unsigned sizes[] = {1, 1, 2, 3, 4, 8, 16, 24};
        struct rt_request r = {
                .n_cpus = sizes[dice(w, N(sizes))],
                .tier = (enum rt_tier)dice(w, RT_N_TIERS),
                .tenant = tenants[dice(w, N(tenants))],
                .job = jobs[dice(w, N(jobs))],
                .whole_cores = dice(w, 4) == 0,
                .strict = dice(w, 4) == 0,
        };
        struct rt_decision d;
        int code;

        if (w->n_held == MAX_HELD || (w->n_held > 0 && dice(w, 5) < 2)) {
                w->held[dice(w, (unsigned)w->n_held)] = w->held[w->n_held - 1];
                w->n_held--;
                return;
        }
        code = rt_placement_decide(w->t, w->held, w->n_held, &r, &d, NULL);
        if (code < 0) {
                cr_assert(code == -EBUSY || code == -ENOSPC, "%d", code);
                return;
        }
        check_decision(w, &r, &d);
        apply(w, &r, &d);
        check_rules(w);
}

static void walk(const char *machine, unsigned n_steps) {
        FIXTURE(f, machine);
        struct world w = {.t = f.topology, .seed = 1};

        for (unsigned i = 0; i < n_steps; i++)
                step(&w);
}

Test(policy, no_order_of_events_breaks_the_rules) {
        walk("i7-12850hx", 2000);
        walk("strix-point", 2000);
        walk("xeon-8490h-snc4", 1000);
        walk("guest-giant-l3", 1000);
        walk("epyc-7451-2s", 1000);
}
