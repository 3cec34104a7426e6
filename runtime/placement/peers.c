/* peers.c: how others choose CPUs, after their documentation and behaviour, for comparison. None of
 * them knows tenants, and none but the uncore policy knows caches. */
#include "simulate.h"

#include <errno.h>
#include <stdlib.h>

/* What is left to take, and what is taken. */
struct taking {
        const struct rt_topology *t;
        struct rt_cpus free;
        unsigned wanted;
        struct rt_cpus *to;
};

static struct taking begin(const struct node *node, const struct rt_request *request,
                           struct rt_decision *ret) {
        struct taking taking = {.t = node->t, .free = node->t->cpus, .wanted = request->n_cpus};

        for (size_t i = 0; i < node->n_holdings; i++)
                rt_cpus_minus(&taking.free, &node->holdings[i].cpus);
        *ret = (struct rt_decision) {0};
        taking.to = &ret->cpus;
        return taking;
}

static int end(const struct taking *taking) {
        return taking->wanted ? -EBUSY : 0;
}

static void take_cpu(struct taking *taking, unsigned cpu) {
        rt_cpus_remove(&taking->free, cpu);
        rt_cpus_add(taking->to, cpu);
        taking->wanted--;
}

static void take_set(struct taking *taking, const struct rt_cpus *set) {
        RT_FOREACH_CPU(cpu, set) {
                if (taking->wanted > 0 && rt_cpus_has(&taking->free, cpu))
                        take_cpu(taking, cpu);
        }
}

/* The open build: free cores by number. */
int peer_nomad(struct node *node, const struct rt_request *request, struct rt_decision *ret) {
        struct taking taking = begin(node, request, ret);

        take_set(&taking, &node->t->cpus);
        return end(&taking);
}

int peer_random(struct node *node, const struct rt_request *request, struct rt_decision *ret) {
        struct taking taking = begin(node, request, ret);
        unsigned n_free = rt_cpus_count(&taking.free);

        while (taking.wanted > 0 && n_free > 0) {
                unsigned cpu = rt_cpus_next(&taking.free, 0), skip;

                node->seed = node->seed * 6364136223846793005u + 1442695040888963407u;
                for (skip = (unsigned)(node->seed >> 33) % n_free; skip > 0; skip--)
                        cpu = rt_cpus_next(&taking.free, cpu + 1);
                take_cpu(&taking, cpu);
                n_free--;
        }
        return end(&taking);
}

/* ---- kubelet's static CPU manager ---- */

/* Groups that are free as a whole and not too large. */
static void take_full(struct taking *taking, const struct rt_groups *groups) {
        for (unsigned i = 0; i < groups->n; i++) {
                unsigned size = rt_cpus_count(&groups->sets[i]);

                if (size > 0 && size <= taking->wanted &&
                    rt_cpus_contain(&taking->free, &groups->sets[i]))
                        take_set(taking, &groups->sets[i]);
        }
}

/* Of these CPUs: whole cores, then single threads, those of cores in use first. */
static void take_packed(struct taking *taking, const struct rt_cpus *of) {
        const struct rt_groups *cores = &taking->t->levels[RT_LEVEL_CORE];

        for (unsigned i = 0; i < cores->n; i++) {
                if (rt_cpus_contain(of, &cores->sets[i]) &&
                    rt_cpus_contain(&taking->free, &cores->sets[i]) &&
                    rt_cpus_count(&cores->sets[i]) <= taking->wanted)
                        take_set(taking, &cores->sets[i]);
        }
        for (unsigned i = 0; i < cores->n; i++) {
                if (rt_cpus_contain(of, &cores->sets[i]) &&
                    !rt_cpus_contain(&taking->free, &cores->sets[i]))
                        take_set(taking, &cores->sets[i]);
        }
        take_set(taking, of);
}

struct rank {
        unsigned n_free, group;
};

static int by_free(const void *a, const void *b) {
        const struct rank *x = a, *y = b;

        return x->n_free != y->n_free ? (int)x->n_free - (int)y->n_free
                                      : (int)x->group - (int)y->group;
}

/* Nodes with the fewest free CPUs first: that is what "packed" means. Whole cores on any of them go
 * before a thread alone. */
static void take_by_node(struct taking *taking) {
        const struct rt_groups *nodes = &taking->t->levels[RT_LEVEL_NODE];
        const struct rt_groups *cores = &taking->t->levels[RT_LEVEL_CORE];
        struct rank ranks[256];
        unsigned n = nodes->n < 256 ? nodes->n : 256;

        for (unsigned i = 0; i < n; i++)
                ranks[i] = (struct rank) {rt_cpus_count_and(&nodes->sets[i], &taking->free), i};
        qsort(ranks, n, sizeof *ranks, by_free);
        for (unsigned i = 0; i < n; i++) {
                for (unsigned k = 0; k < cores->n; k++) {
                        const struct rt_cpus *core = &cores->sets[k];

                        if (rt_cpus_intersect(core, &nodes->sets[ranks[i].group]) &&
                            rt_cpus_count(core) <= taking->wanted &&
                            rt_cpus_contain(&taking->free, core))
                                take_set(taking, core);
                }
        }
        for (unsigned i = 0; i < n; i++)
                take_packed(taking, &nodes->sets[ranks[i].group]);
}

int peer_kubelet_packed(struct node *node, const struct rt_request *request,
                        struct rt_decision *ret) {
        struct taking taking = begin(node, request, ret);

        if (rt_cpus_count(&taking.free) < taking.wanted)
                return -EBUSY;
        take_full(&taking, &node->t->levels[RT_LEVEL_PACKAGE]);
        take_full(&taking, &node->t->levels[RT_LEVEL_NODE]);
        take_by_node(&taking);
        return end(&taking);
}

/* The first cache that holds all that is still wanted. */
static void take_partial(struct taking *taking, const struct rt_groups *caches) {
        for (unsigned i = 0; i < caches->n && taking->wanted > 0; i++) {
                if (rt_cpus_count_and(&caches->sets[i], &taking->free) >= taking->wanted)
                        take_packed(taking, &caches->sets[i]);
        }
}

/* prefer-align-cpus-by-uncorecache. The domains stand in where a machine has no L3. */
int peer_kubelet_uncore(struct node *node, const struct rt_request *request,
                        struct rt_decision *ret) {
        struct taking taking = begin(node, request, ret);

        if (rt_cpus_count(&taking.free) < taking.wanted)
                return -EBUSY;
        take_full(&taking, &node->t->levels[RT_LEVEL_PACKAGE]);
        take_full(&taking, &node->t->levels[RT_LEVEL_NODE]);
        take_full(&taking, &node->t->domains);
        take_partial(&taking, &node->t->domains);
        take_by_node(&taking);
        return end(&taking);
}
