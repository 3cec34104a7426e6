/* choose.c: which domains, which of their CPUs, and the sentence that says why. */
#include "policy.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void count_free(struct choice *c) {
        const struct rt_groups *domains = &c->t->domains;

        for (unsigned i = 0; i < domains->n; i++) {
                unsigned n = 0;

                for (unsigned k = 0; k < c->n_words; k++) {
                        if (domains->sets[i].words[k] & c->free.words[k])
                                n += (unsigned)__builtin_popcountll(domains->sets[i].words[k] &
                                                                    c->free.words[k]);
                }
                c->n_free[i] = (uint16_t)n;
        }
}

static int descending(const void *a, const void *b) {
        return (int)*(const uint16_t *)b - (int)*(const uint16_t *)a;
}

/* How many of @sizes, largest first, make @wanted; 0: all do not. Sorts them. */
static unsigned fewest(uint16_t *sizes, unsigned n, unsigned wanted) {
        unsigned sum = 0, largest = 0;

        for (unsigned i = 0; i < n; i++)
                largest = sizes[i] > largest ? sizes[i] : largest;
        if (largest >= wanted) /* most requests: no need to sort */
                return 1;
        qsort(sizes, n, sizeof *sizes, descending);
        for (unsigned i = 0; i < n; i++) {
                sum += sizes[i];
                if (sum >= wanted)
                        return i + 1;
        }
        return 0;
}

unsigned fewest_domains(const struct choice *c) {
        uint16_t sizes[RT_MAX_CPUS];

        memcpy(sizes, c->n_free, c->t->domains.n * sizeof *sizes);
        return fewest(sizes, c->t->domains.n, c->request->n_cpus);
}

unsigned measure_domains(struct choice *c) {
        const struct rt_cpus *within = c->request->within;
        uint16_t sizes[RT_MAX_CPUS];

        for (unsigned i = 0; i < c->t->domains.n; i++) {
                const struct rt_cpus *set = &c->t->domains.sets[i];

                c->size[i] = sizes[i] =
                        (uint16_t)(within ? rt_cpus_count_and(set, within) : rt_cpus_count(set));
        }
        return fewest(sizes, c->t->domains.n, c->request->n_cpus);
}

unsigned rt_placement_min_domains(const struct rt_topology *topology, unsigned n_cpus) {
        uint16_t sizes[RT_MAX_CPUS];

        for (unsigned i = 0; i < topology->domains.n; i++)
                sizes[i] = (uint16_t)rt_cpus_count(&topology->domains.sets[i]);
        return fewest(sizes, topology->domains.n, n_cpus);
}

/* ---- one domain ---- */

static bool is_empty(const struct choice *c, unsigned domain) {
        return c->n_free[domain] == c->size[domain];
}

/* What the @n least loaded CPUs of a domain carry together. */
static unsigned load_of(const struct choice *c, unsigned domain, unsigned n) {
        unsigned sum = 0, level = 0, highest = 0;

        for (; n > 0 && level <= highest; level++) {
                RT_FOREACH_CPU(cpu, &c->t->domains.sets[domain]) {
                        if (!rt_cpus_has(&c->free, cpu))
                                continue;
                        highest = c->load[cpu] > highest ? c->load[cpu] : highest;
                        if (c->load[cpu] == level && n > 0) {
                                sum += level;
                                n--;
                        }
                }
        }
        return sum;
}

/* Smaller is better. An empty domain is broken last, since only it can serve who wants a whole one;
 * one that is filled to the last CPU is never a waste. The job's own is preferred among equals
 * only: before best fit it costs up to 3 % of aligned tasks on a busy machine. */
static uint64_t price(const struct choice *c, unsigned domain) {
        unsigned n = c->request->n_cpus, left = c->n_free[domain] - n;
        uint64_t load = c->request->tier == RT_TIER_EXCLUSIVE ? 0 : load_of(c, domain, n);
        bool breaks = left > 0 && is_empty(c, domain);
        bool foreign = left > 0 && !rt_cpus_intersect(&c->job, &c->t->domains.sets[domain]);

        return load << 32 | (uint64_t)breaks << 31 | (uint64_t)left << 1 | foreign;
}

static bool choose_one(struct choice *c) {
        uint64_t best = UINT64_MAX;

        for (unsigned i = 0; i < c->t->domains.n; i++) {
                uint64_t p = c->n_free[i] < c->request->n_cpus ? UINT64_MAX : price(c, i);

                if (p < best) {
                        best = p;
                        c->domains[0] = i;
                }
        }
        c->n_domains = 1;
        return best != UINT64_MAX;
}

/* ---- several ---- */

static unsigned node_of(const struct choice *c, unsigned domain) {
        return c->t->levels[RT_LEVEL_NODE].of[rt_cpus_next(&c->t->domains.sets[domain], 0)];
}

struct candidate {
        uint16_t n_free, domain;
};

static int by_free(const void *a, const void *b) {
        const struct candidate *x = a, *y = b;

        return x->n_free != y->n_free ? (int)x->n_free - (int)y->n_free
                                      : (int)x->domain - (int)y->domain;
}

/* Of @candidates, which are sorted: @n that hold @wanted with the least left over. The smallest is
 * taken from which the largest others can still reach the goal. Returns what is left over, or
 * UINT_MAX when they cannot. */
static unsigned tightest(const struct candidate *candidates, unsigned n_candidates, unsigned n,
                         unsigned wanted, unsigned *ret_domains) {
        unsigned first = 0, sum = 0;

        for (unsigned taken = 0; taken < n; taken++) {
                unsigned largest = 0, others = n - taken - 1;

                for (unsigned i = 0; i < others && i < n_candidates; i++)
                        largest += candidates[n_candidates - 1 - i].n_free;
                while (first + others < n_candidates &&
                       sum + candidates[first].n_free + largest < wanted)
                        first++;
                if (first + others >= n_candidates)
                        return UINT_MAX;
                sum += candidates[first].n_free;
                ret_domains[taken] = candidates[first++].domain;
        }
        return sum - wanted;
}

/* The nodes spanned, and the distances between their domains: what the task pays for long ways. */
static uint64_t span(const struct choice *c, const unsigned *domains, unsigned n) {
        uint64_t distance = 0;
        struct rt_cpus nodes = {0};

        for (unsigned i = 0; i < n; i++) {
                rt_cpus_add(&nodes, node_of(c, domains[i]));
                for (unsigned k = 0; k < i; k++)
                        distance += rt_topology_distance(c->t, node_of(c, domains[i]),
                                                         node_of(c, domains[k]));
        }
        return (uint64_t)rt_cpus_count(&nodes) << 24 | distance;
}

/* Domains whose node is within @radius of @centre. */
static unsigned within(const struct choice *c, const struct candidate *all, unsigned n_all,
                       unsigned centre, unsigned radius, struct candidate *ret) {
        unsigned n = 0;

        for (unsigned i = 0; i < n_all; i++) {
                if (rt_topology_distance(c->t, centre, node_of(c, all[i].domain)) <= radius)
                        ret[n++] = all[i];
        }
        return n;
}

/* The next longer distance from @centre; 0 when there is none. */
static unsigned next_radius(const struct choice *c, unsigned centre, unsigned radius) {
        unsigned next = 0;

        for (unsigned i = 0; i < c->t->levels[RT_LEVEL_NODE].n; i++) {
                unsigned d = rt_topology_distance(c->t, centre, i);

                if (d > radius && (next == 0 || d < next))
                        next = d;
        }
        return next;
}

struct best {
        uint64_t span;
        unsigned left;
};

/* The nearest that suffices around @centre: further out is never nearer. */
static void try_centre(struct choice *c, const struct candidate *all, unsigned n_all,
                       unsigned centre, unsigned n_domains, struct best *best) {
        struct candidate near[RT_MAX_CPUS];
        unsigned found[RT_MAX_CPUS];

        for (unsigned radius = 10; radius; radius = next_radius(c, centre, radius)) {
                unsigned n_near = within(c, all, n_all, centre, radius, near);
                unsigned left = n_near < n_domains ? UINT_MAX
                                                   : tightest(near, n_near, n_domains,
                                                              c->request->n_cpus, found);
                uint64_t s;

                if (left == UINT_MAX)
                        continue;
                s = span(c, found, n_domains);
                if (s < best->span || (s == best->span && left < best->left)) {
                        *best = (struct best) {s, left};
                        memcpy(c->domains, found, n_domains * sizeof *found);
                }
                return;
        }
}

static bool choose_several(struct choice *c, unsigned n_domains) {
        struct candidate all[RT_MAX_CPUS];
        struct best best = {.span = UINT64_MAX};
        unsigned n_all = 0;

        for (unsigned i = 0; i < c->t->domains.n; i++) {
                if (c->n_free[i] > 0)
                        all[n_all++] = (struct candidate) {c->n_free[i], (uint16_t)i};
        }
        qsort(all, n_all, sizeof *all, by_free);
        for (unsigned i = 0; i < c->t->levels[RT_LEVEL_NODE].n; i++)
                try_centre(c, all, n_all, i, n_domains, &best);
        c->n_domains = n_domains;
        return best.span != UINT64_MAX;
}

bool choose_domains(struct choice *c, unsigned n_domains) {
        return n_domains == 1 ? choose_one(c) : choose_several(c, n_domains);
}

/* ---- CPUs of a domain ---- */

static unsigned take(struct rt_cpus *from, const struct rt_cpus *what, unsigned n,
                     struct rt_cpus *to) {
        unsigned taken = 0;

        RT_FOREACH_CPU(cpu, what) {
                if (taken == n)
                        break;
                if (!rt_cpus_has(from, cpu))
                        continue;
                rt_cpus_remove(from, cpu);
                rt_cpus_add(to, cpu);
                taken++;
        }
        return taken;
}

/* Whole cores as far as they go, the rest from cores that are in use already, then from a new one:
 * so few cores are left half. */
static unsigned pick_cores(const struct choice *c, struct rt_cpus from, unsigned n,
                           struct rt_cpus *to) {
        const struct rt_groups *cores = &c->t->levels[RT_LEVEL_CORE];
        struct rt_cpus start = from;
        unsigned taken = 0;

        RT_FOREACH_CPU(cpu, &start) {
                const struct rt_cpus *core = &cores->sets[cores->of[cpu]];
                unsigned size;

                if (taken >= n || !rt_cpus_has(&from, cpu) || rt_cpus_next(core, 0) != cpu)
                        continue;
                size = rt_cpus_count(core);
                if ((size <= n - taken || c->request->whole_cores) && rt_cpus_contain(&from, core))
                        taken += take(&from, core, size, to);
        }
        RT_FOREACH_CPU(cpu, &start) {
                if (taken < n && rt_cpus_has(&from, cpu) &&
                    !rt_cpus_contain(&c->free, &cores->sets[cores->of[cpu]]))
                        taken += take(&from, &cores->sets[cores->of[cpu]], n - taken, to);
        }
        if (taken < n)
                taken += take(&from, &start, n - taken, to);
        return taken;
}

static unsigned pick_least_loaded(const struct choice *c, const struct rt_cpus *from, unsigned n,
                                  struct rt_cpus *to) {
        unsigned taken = 0;

        for (unsigned level = 0; taken < n && level <= UINT16_MAX; level++) {
                struct rt_cpus same_load = {0};

                RT_FOREACH_CPU(cpu, from) {
                        if (c->load[cpu] == level)
                                rt_cpus_add(&same_load, cpu);
                }
                if (!rt_cpus_is_empty(&same_load))
                        taken += pick_cores(c, same_load, n - taken, to);
        }
        return taken;
}

/* The CPUs of one capacity. */
static struct rt_cpus of_capacity(const struct choice *c, const struct rt_cpus *from,
                                  unsigned capacity) {
        struct rt_cpus set = {0};

        RT_FOREACH_CPU(cpu, from) {
                if (c->t->capacity[cpu] == capacity)
                        rt_cpus_add(&set, cpu);
        }
        return set;
}

/* The next capacity after @last in the order that the tier likes: strong cores first, for
 * best-effort weak ones. 0: there is none. */
static unsigned next_capacity(const struct choice *c, const struct rt_cpus *from, unsigned last) {
        bool weak_first = c->request->tier == RT_TIER_BEST_EFFORT;
        unsigned best = 0;

        RT_FOREACH_CPU(cpu, from) {
                unsigned capacity = c->t->capacity[cpu];

                if (last && (weak_first ? capacity <= last : capacity >= last))
                        continue;
                if (!best || (weak_first ? capacity < best : capacity > best))
                        best = capacity;
        }
        return best;
}

static unsigned pick_some(const struct choice *c, const struct rt_cpus *from, unsigned n,
                          struct rt_cpus *to) {
        return c->request->tier == RT_TIER_EXCLUSIVE ? pick_cores(c, *from, n, to)
                                                     : pick_least_loaded(c, from, n, to);
}

/* Cores of one kind when one kind has enough: a task is as slow as its slowest thread. */
static unsigned pick_in(const struct choice *c, unsigned domain, unsigned n, struct rt_cpus *to) {
        struct rt_cpus from = c->t->domains.sets[domain];
        unsigned taken = 0;

        rt_cpus_and(&from, &c->free);
        if (!c->t->asymmetric)
                return pick_some(c, &from, n, to);
        for (unsigned k = next_capacity(c, &from, 0); k; k = next_capacity(c, &from, k)) {
                struct rt_cpus kind = of_capacity(c, &from, k);

                if (rt_cpus_count(&kind) >= n)
                        return pick_some(c, &kind, n, to);
        }
        for (unsigned k = next_capacity(c, &from, 0); k && taken < n;
             k = next_capacity(c, &from, k)) {
                struct rt_cpus kind = of_capacity(c, &from, k);

                taken += pick_some(c, &kind, n - taken, to);
        }
        return taken;
}

void pick_cpus(const struct choice *c, struct rt_cpus *ret_cpus) {
        unsigned wanted = c->request->n_cpus;

        /* fullest first: what is left over stays together in the emptiest */
        for (unsigned i = 0; i < c->n_domains && wanted > 0; i++) {
                unsigned n = c->n_free[c->domains[i]] < wanted ? c->n_free[c->domains[i]] : wanted;
                unsigned taken = pick_in(c, c->domains[i], n, ret_cpus);

                wanted -= taken < wanted ? taken : wanted; /* whole cores may be more */
        }
}

/* ---- why ---- */

static void explain_one(const struct choice *c, char *text, size_t size) {
        unsigned domain = c->domains[0], left = c->n_free[domain] - c->request->n_cpus;
        const char *why = "the fullest that holds them";

        if (c->request->tier != RT_TIER_EXCLUSIVE)
                why = "the least loaded";
        else if (left == 0)
                why = "filled to the last CPU";
        else if (is_empty(c, domain))
                why = "an empty one, since no other holds them";
        else if (rt_cpus_intersect(&c->job, &c->t->domains.sets[domain]))
                why = "the job is there already";
        (void)snprintf(text, size,
                       "%s %u of %u: %u of its %u CPUs are free; %s", /* cut: for people */
                       rt_level_name(c->t->domain_level), domain, c->t->domains.n,
                       c->n_free[domain], c->size[domain], why);
}

static void explain_several(const struct choice *c, const struct rt_decision *d, char *text,
                            size_t size) {
        const char *level = rt_level_name(c->t->domain_level);
        struct rt_cpus numbers = {0};
        char list[80];

        for (unsigned i = 0; i < c->n_domains; i++)
                rt_cpus_add(&numbers, c->domains[i]);
        rt_cpus_print(&numbers, list, sizeof list);
        if (d->n_domains == d->min_domains)
                (void)snprintf(
                        text, size, "%s %s: no fewer hold %u CPUs; %u NUMA node%s", /* likewise */
                        level, list, c->request->n_cpus, d->n_nodes, d->n_nodes == 1 ? "" : "s");
        else
                (void)snprintf(text, size,
                               "%s %s: %u would do, but their CPUs are taken; %u NUMA node%s",
                               level, list, d->min_domains, d->n_nodes, d->n_nodes == 1 ? "" : "s");
}

void explain_choice(const struct choice *c, struct rt_decision *decision) {
        size_t used;

        if (c->n_domains == 1)
                explain_one(c, decision->reason, sizeof decision->reason);
        else
                explain_several(c, decision, decision->reason, sizeof decision->reason);
        used = strlen(decision->reason);
        if (decision->n_displaced)
                (void)snprintf(decision->reason + used,
                               sizeof decision->reason - used, /* likewise */
                               "; %u task%s of lower tiers give%s way", decision->n_displaced,
                               decision->n_displaced == 1 ? "" : "s",
                               decision->n_displaced == 1 ? "s" : "");
}
