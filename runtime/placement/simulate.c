/* simulate.c: run a trace through a policy and count. */
#include "simulate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int (*decide_fn)(struct node *node, const struct rt_request *request,
                         struct rt_decision *ret);

static int own(struct node *node, const struct rt_request *request, struct rt_decision *ret) {
        return rt_placement_decide(node->t, node->holdings, node->n_holdings, request, ret, NULL);
}

static const struct {
        const char *name;
        decide_fn decide; /* NULL: the optimum, which is no policy but a bound */
} policies[] = {
        {"stint", own},
        {"nomad-first-n", peer_nomad},
        {"kubelet-packed", peer_kubelet_packed},
        {"kubelet-uncore", peer_kubelet_uncore},
        {"random", peer_random},
        {"optimum", NULL},
};

enum { N_POLICIES = sizeof policies / sizeof *policies };

const char *const *rt_policies(void) {
        static const char *names[N_POLICIES + 1];

        for (unsigned i = 0; i < N_POLICIES; i++)
                names[i] = policies[i].name;
        return names;
}

static uint64_t now(void) {
        struct timespec time;

        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time); /* own time: others run meanwhile */
        return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static unsigned groups_touched(const struct rt_groups *groups, const struct rt_cpus *cpus) {
        unsigned n = 0;

        for (unsigned i = 0; i < groups->n; i++)
                n += rt_cpus_intersect(&groups->sets[i], cpus);
        return n;
}

/* Fewest nodes that hold so many CPUs: the largest are taken first. */
static unsigned min_nodes(const struct rt_topology *t, unsigned n_cpus) {
        const struct rt_groups *nodes = &t->levels[RT_LEVEL_NODE];
        unsigned taken = 0, last = UINT32_MAX, n = 0;

        while (taken < n_cpus) {
                unsigned largest = 0, n_alike = 0;

                for (unsigned i = 0; i < nodes->n; i++) {
                        unsigned size = rt_cpus_count(&nodes->sets[i]);

                        if (size < last && size > largest) {
                                largest = size;
                                n_alike = 0;
                        }
                        n_alike += size == largest;
                }
                if (largest == 0)
                        break;
                for (; n_alike > 0 && taken < n_cpus; n_alike--, n++)
                        taken += largest;
                last = largest;
        }
        return n;
}

/* Free where the task does not fit, or, when it is larger than any domain, in domains not whole. */
static unsigned stranded(const struct node *node, unsigned n_cpus) {
        struct rt_cpus held = {0};
        unsigned sum = 0;

        for (size_t i = 0; i < node->n_holdings; i++)
                rt_cpus_or(&held, &node->holdings[i].cpus);
        for (unsigned i = 0; i < node->t->domains.n; i++) {
                unsigned size = rt_cpus_count(&node->t->domains.sets[i]);
                unsigned n_free = size - rt_cpus_count_and(&node->t->domains.sets[i], &held);

                sum += n_free < (n_cpus < size ? n_cpus : size) ? n_free : 0;
        }
        return sum;
}

/* Whether the CPUs share a core with another tenant's. */
static bool mixes(const struct node *node, const struct rt_request *request,
                  const struct rt_cpus *cpus) {
        const struct rt_groups *cores = &node->t->levels[RT_LEVEL_CORE];
        struct rt_cpus whole = {0};

        RT_FOREACH_CPU(cpu, cpus)
        rt_cpus_or(&whole, &cores->sets[cores->of[cpu]]);
        for (size_t i = 0; i < node->n_holdings; i++) {
                if (strcmp(node->holdings[i].tenant, request->tenant) &&
                    rt_cpus_intersect(&node->holdings[i].cpus, &whole))
                        return true;
        }
        return false;
}

static void count(const struct node *node, const struct rt_request *request,
                  const struct rt_cpus *cpus, struct rt_simulation *sim) {
        unsigned n_domains = groups_touched(&node->t->domains, cpus);
        unsigned min_domains = rt_placement_min_domains(node->t, request->n_cpus);

        sim->n_aligned += n_domains <= min_domains;
        sim->n_domains += n_domains;
        sim->n_min_domains += min_domains;
        sim->n_nodes += groups_touched(&node->t->levels[RT_LEVEL_NODE], cpus);
        sim->n_min_nodes += min_nodes(node->t, request->n_cpus);
        sim->n_mixed += mixes(node, request, cpus);
}

/* Lower tiers give way. Who is left without CPUs stands still, and holds none. */
static void displace(struct node *node, const struct rt_request *request,
                     const struct rt_cpus *cpus, struct rt_simulation *sim) {
        for (size_t i = 0; i < node->n_holdings; i++) {
                struct rt_cpus left = rt_placement_left(node->t, request, cpus, &node->holdings[i]);

                sim->n_moves += !rt_cpus_equal(&left, &node->holdings[i].cpus);
                node->holdings[i].cpus = left;
        }
}

static void start(struct node *node, decide_fn decide, const struct rt_request *request,
                  unsigned task, struct rt_simulation *sim) {
        struct rt_decision decision;
        uint64_t begin, nsec;
        int r;

        sim->n_starts++;
        sim->n_stranded += stranded(node, request->n_cpus);
        begin = now();
        r = decide(node, request, &decision);
        nsec = now() - begin;
        sim->nsec += nsec;
        sim->max_nsec = nsec > sim->max_nsec ? nsec : sim->max_nsec;
        if (r < 0) {
                sim->n_refused++;
                return;
        }
        if (decide == own)
                displace(node, request, &decision.cpus, sim);
        count(node, request, &decision.cpus, sim);
        node->owners[node->n_holdings] = task;
        node->holdings[node->n_holdings++] = (struct rt_holding) {.cpus = decision.cpus,
                                                                  .tier = request->tier,
                                                                  .tenant = request->tenant,
                                                                  .job = request->job};
}

static void finish(struct node *node, unsigned task) {
        for (size_t i = 0; i < node->n_holdings; i++) {
                if (node->owners[i] != task)
                        continue;
                node->n_holdings--;
                node->holdings[i] = node->holdings[node->n_holdings];
                node->owners[i] = node->owners[node->n_holdings];
                return;
        }
}

static int simulate(const struct rt_topology *topology, const struct rt_trace *trace,
                    decide_fn decide, struct rt_simulation *ret) {
        struct node node = {.t = topology, .seed = 1};
        struct rt_simulation sim = {0};
        int r = -ENOMEM;

        node.holdings = calloc(trace->n_tasks + 1, sizeof *node.holdings);
        node.owners = calloc(trace->n_tasks + 1, sizeof *node.owners);
        if (node.holdings && node.owners) {
                for (size_t i = 0; i < trace->n_events; i++) {
                        const struct trace_event *e = &trace->events[i];

                        if (e->starts)
                                start(&node, decide, &trace->tasks[e->task], e->task, &sim);
                        else
                                finish(&node, e->task);
                }
                *ret = sim;
                r = 0;
        }
        free(node.holdings);
        free(node.owners);
        return r;
}

int rt_simulate(const struct rt_topology *topology, const struct rt_trace *trace,
                const char *policy, struct rt_simulation *ret_simulation, struct st_error *err) {
        for (unsigned i = 0; i < N_POLICIES; i++) {
                int r;

                if (strcmp(policies[i].name, policy))
                        continue;
                r = policies[i].decide
                            ? simulate(topology, trace, policies[i].decide, ret_simulation)
                            : optimum_find(topology, trace, ret_simulation);
                if (r == -E2BIG)
                        return st_error_set(err, r,
                                            "the optimum takes too long to find: a trace of a "
                                            "dozen tasks on up to 8 domains can be tried");
                return r < 0 ? st_error_code(err, r, "simulate") : 0;
        }
        return st_error_set(err, -EINVAL, "no policy \"%.40s\"", policy);
}
