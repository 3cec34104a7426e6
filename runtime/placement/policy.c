/* policy.c: what is free for whom, and in which order of sacrifice it is looked at. */
#include "policy.h"

#include <errno.h>
#include <string.h>

/* All that the holdings say, in one sweep: there may be hundreds. */
struct census {
        struct rt_cpus exclusive;             /* of whomever */
        struct rt_cpus of_others[RT_N_TIERS]; /* whole cores of other tenants */
        struct rt_cpus of_tenant[RT_N_TIERS]; /* of the tenant itself */
        struct rt_cpus kept; /* cores that a shared task must not lose: it would have none */
};

/* Who may lose CPUs: nobody, best-effort tasks, shared tasks as well. */
enum sacrifice { NOBODY, BEST_EFFORT, SHARED, N_SACRIFICES };

static bool same(const char *a, const char *b) {
        return a == b || (a && b && !strcmp(a, b));
}

static void merge(struct rt_cpus *to, const struct rt_cpus *from, unsigned n_words) {
        for (unsigned i = 0; i < n_words; i++)
                to->words[i] |= from->words[i];
}

static void cut(struct rt_cpus *to, const struct rt_cpus *from, unsigned n_words) {
        for (unsigned i = 0; i < n_words; i++)
                to->words[i] &= ~from->words[i];
}

/* The cores of @set, whole. */
static void whole_cores(const struct rt_topology *t, struct rt_cpus *set, unsigned n_words) {
        const struct rt_groups *cores = &t->levels[RT_LEVEL_CORE];
        struct rt_cpus parts = *set;

        for (unsigned cpu = rt_cpus_next(&parts, 0); cpu < RT_MAX_CPUS;
             cpu = rt_cpus_next(&parts, cpu + 1)) {
                if (cores->of[cpu] != RT_NO_GROUP)
                        merge(set, &cores->sets[cores->of[cpu]], n_words);
        }
}

static void take_census(const struct choice *c, const struct rt_holding *holdings, size_t n,
                        struct census *census, struct rt_cpus *job) {
        *census = (struct census) {0};
        for (size_t i = 0; i < n; i++) {
                const struct rt_holding *h = &holdings[i];
                bool ours = same(h->tenant, c->request->tenant);

                merge(ours ? &census->of_tenant[h->tier] : &census->of_others[h->tier], &h->cpus,
                      c->n_words);
                if (h->tier == RT_TIER_EXCLUSIVE)
                        merge(&census->exclusive, &h->cpus, c->n_words);
                if (ours && c->request->job && same(h->job, c->request->job))
                        merge(job, &h->cpus, c->n_words);
        }
        for (unsigned tier = 0; tier < RT_N_TIERS; tier++)
                whole_cores(c->t, &census->of_others[tier], c->n_words);
}

/* Tasks on each CPU, as far as they weigh for this request: best-effort ones do not for a shared.
 */
static void count_load(struct choice *c, const struct rt_holding *holdings, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (holdings[i].tier == RT_TIER_EXCLUSIVE || holdings[i].tier > c->request->tier)
                        continue;
                RT_FOREACH_CPU(cpu, &holdings[i].cpus)
                c->load[cpu]++;
        }
}

/* Does a holding of @tier stand in the way of the request? Other tenants' always do within a tier.
 */
static bool stands(const struct rt_request *request, enum rt_tier tier, enum sacrifice sacrifice,
                   bool ours) {
        if (tier <= request->tier)
                return !ours || tier == RT_TIER_EXCLUSIVE || request->tier == RT_TIER_EXCLUSIVE;
        /* a shared task and a best-effort one of the same tenant get along */
        if (ours && request->tier == RT_TIER_SHARED)
                return false;
        return tier == RT_TIER_SHARED ? sacrifice < SHARED : sacrifice < BEST_EFFORT;
}

static void find_free(struct choice *c, const struct census *census, enum sacrifice sacrifice) {
        const struct rt_groups *cores = &c->t->levels[RT_LEVEL_CORE];

        c->free = c->t->cpus;
        if (c->request->within)
                rt_cpus_and(&c->free, c->request->within);
        cut(&c->free, &census->exclusive, c->n_words);
        cut(&c->free, &census->kept, c->n_words);
        for (enum rt_tier tier = 0; tier < RT_N_TIERS; tier++) {
                if (stands(c->request, tier, sacrifice, false))
                        cut(&c->free, &census->of_others[tier], c->n_words);
                if (stands(c->request, tier, sacrifice, true))
                        cut(&c->free, &census->of_tenant[tier], c->n_words);
        }
        if (!c->request->whole_cores)
                return;
        for (unsigned i = 0; i < cores->n; i++) {
                if (!rt_cpus_contain(&c->free, &cores->sets[i]))
                        cut(&c->free, &cores->sets[i], c->n_words);
        }
}

struct rt_cpus rt_placement_left(const struct rt_topology *topology,
                                 const struct rt_request *request, const struct rt_cpus *cpus,
                                 const struct rt_holding *holding) {
        struct rt_cpus left = holding->cpus, lost = *cpus;
        bool ours = same(holding->tenant, request->tenant);

        if (holding->tier <= request->tier || (ours && request->tier != RT_TIER_EXCLUSIVE))
                return left;
        if (!ours)
                whole_cores(topology, &lost, RT_CPUS_WORDS);
        rt_cpus_minus(&left, &lost);
        return left;
}

/* Who loses CPUs to the choice. False: a shared task would lose all; its first core is kept now. */
static bool spares_shared(const struct choice *c, const struct rt_holding *holdings, size_t n,
                          struct census *census, struct rt_decision *decision) {
        for (size_t i = 0; i < n; i++) {
                struct rt_cpus left =
                        rt_placement_left(c->t, c->request, &decision->cpus, &holdings[i]);
                struct rt_cpus core = {0};

                if (rt_cpus_equal(&left, &holdings[i].cpus))
                        continue;
                decision->n_displaced++;
                if (holdings[i].tier != RT_TIER_SHARED || !rt_cpus_is_empty(&left))
                        continue;
                rt_cpus_add(&core, rt_cpus_next(&holdings[i].cpus, 0));
                whole_cores(c->t, &core, c->n_words);
                rt_cpus_or(&census->kept, &core);
                return false;
        }
        return true;
}

/* Aligned at the smallest sacrifice; or, when that cannot be, in the fewest domains. */
static bool try(struct choice *c, const struct rt_holding *holdings, size_t n,
                struct census *census, enum sacrifice sacrifice, bool aligned,
                struct rt_decision *decision) {
        for (;;) {
                unsigned wanted;

                find_free(c, census, sacrifice);
                count_free(c);
                wanted = aligned ? decision->min_domains : fewest_domains(c);
                if (wanted == 0 || !choose_domains(c, wanted))
                        return false;
                decision->cpus = (struct rt_cpus) {0};
                decision->n_displaced = 0;
                pick_cpus(c, &decision->cpus);
                if (sacrifice == NOBODY || spares_shared(c, holdings, n, census, decision))
                        return true;
        }
}

static bool try_all(struct choice *c, const struct rt_holding *holdings, size_t n,
                    struct census *census, struct rt_decision *decision) {
        for (unsigned spread = 0; spread < (c->request->strict ? 1 : 2); spread++) {
                for (enum sacrifice s = NOBODY; s < N_SACRIFICES; s++) {
                        if ((s == BEST_EFFORT && c->request->tier == RT_TIER_BEST_EFFORT) ||
                            (s == SHARED && c->request->tier != RT_TIER_EXCLUSIVE))
                                break;
                        if (try(c, holdings, n, census, s, spread == 0, decision))
                                return true;
                }
        }
        return false;
}

/* A node without memory is served by the nearest one that has some. */
static unsigned memory_of(const struct rt_topology *t, unsigned node) {
        unsigned best = node;

        for (unsigned i = 0; i < t->levels[RT_LEVEL_NODE].n && !t->node_has_memory[node]; i++) {
                if (t->node_has_memory[i] &&
                    (best == node ||
                     rt_topology_distance(t, node, i) < rt_topology_distance(t, node, best)))
                        best = i;
        }
        return best;
}

static void count_nodes(const struct choice *c, struct rt_decision *decision) {
        const struct rt_groups *nodes = &c->t->levels[RT_LEVEL_NODE];

        for (unsigned i = 0; i < nodes->n; i++) {
                if (!rt_cpus_intersect(&nodes->sets[i], &decision->cpus))
                        continue;
                decision->n_nodes++;
                rt_cpus_add(&decision->memory_nodes, c->t->node_ids[memory_of(c->t, i)]);
        }
}

static int refuse(const struct choice *c, const struct rt_decision *decision,
                  struct st_error *err) {
        unsigned n_free = rt_cpus_count(&c->free); /* of the last try, which sacrificed most */
        const char *level = rt_level_name(c->t->domain_level);

        if (n_free >= c->request->n_cpus)
                return st_error_set(err, -EBUSY, "%u CPUs are free, but not %u of them in %u %s%s",
                                    n_free, c->request->n_cpus, decision->min_domains, level,
                                    decision->min_domains == 1 ? "" : " groups");
        return st_error_set(err, -EBUSY, "%u CPUs are asked for and %u are free for this tenant%s",
                            c->request->n_cpus, n_free,
                            c->request->whole_cores ? " in whole cores" : "");
}

static int refuse_for_ever(const struct choice *c, struct st_error *err) {
        const struct rt_cpus *within = c->request->within;

        if (within && rt_cpus_count(&c->t->cpus) >= c->request->n_cpus)
                return st_error_set(err, -ENOSPC,
                                    "%u CPUs are asked for and %u of those allowed are online",
                                    c->request->n_cpus, rt_cpus_count_and(&c->t->cpus, within));
        return st_error_set(err, -ENOSPC, "%u CPUs are asked for and there are %u",
                            c->request->n_cpus, rt_cpus_count(&c->t->cpus));
}

static int decide(struct choice *c, const struct rt_holding *holdings, size_t n,
                  struct rt_decision *ret_decision, struct st_error *err) {
        struct rt_decision decision = {0};
        struct census census;

        decision.min_domains = measure_domains(c);
        if (decision.min_domains == 0)
                return refuse_for_ever(c, err);
        for (unsigned i = 0; i < RT_CPUS_WORDS; i++)
                c->n_words = c->t->cpus.words[i] ? i + 1 : c->n_words;
        take_census(c, holdings, n, &census, &c->job);
        if (c->request->tier != RT_TIER_EXCLUSIVE)
                count_load(c, holdings, n);
        if (!try_all(c, holdings, n, &census, &decision))
                return refuse(c, &decision, err);
        decision.n_domains = c->n_domains;
        count_nodes(c, &decision);
        explain_choice(c, &decision);
        *ret_decision = decision;
        return 0;
}

int rt_placement_decide(const struct rt_topology *topology, const struct rt_holding *holdings,
                        size_t n_holdings, const struct rt_request *request,
                        struct rt_decision *ret_decision, struct st_error *err) {
        struct choice c = {.t = topology, .request = request};

        if (request->n_cpus == 0)
                return st_error_set(err, -EINVAL, "no CPUs are asked for");
        return decide(&c, holdings, n_holdings, ret_decision, err);
}

const char *rt_tier_name(enum rt_tier tier) {
        static const char *const names[RT_N_TIERS] = {
                [RT_TIER_EXCLUSIVE] = "exclusive",
                [RT_TIER_SHARED] = "shared",
                [RT_TIER_BEST_EFFORT] = "best-effort",
        };

        return names[tier];
}

int rt_tier_parse(const char *text, enum rt_tier *ret_tier) {
        for (enum rt_tier tier = 0; tier < RT_N_TIERS; tier++) {
                if (!strcmp(text, rt_tier_name(tier))) {
                        *ret_tier = tier;
                        return 0;
                }
        }
        return -EINVAL;
}
