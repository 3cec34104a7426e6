/* include/stint/placement.h: which CPUs a task gets: the node's topology and CPU sets.
 *
 * Nothing here needs a right, and nothing is changed on the machine. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <stint/cleanup.h>
#include <stint/error.h>

/* ---- sets of CPUs, and of memory nodes: values, nothing to free ---- */

enum { RT_MAX_CPUS = 2048, RT_CPUS_WORDS = RT_MAX_CPUS / 64 };

struct rt_cpus {
        uint64_t words[RT_CPUS_WORDS];
};

static inline bool rt_cpus_has(const struct rt_cpus *set, unsigned cpu) {
        return set->words[cpu / 64] >> (cpu % 64) & 1;
}
static inline void rt_cpus_add(struct rt_cpus *set, unsigned cpu) {
        set->words[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}
static inline void rt_cpus_remove(struct rt_cpus *set, unsigned cpu) {
        set->words[cpu / 64] &= ~(UINT64_C(1) << (cpu % 64));
}
unsigned rt_cpus_count(const struct rt_cpus *set);
bool rt_cpus_is_empty(const struct rt_cpus *set);
bool rt_cpus_equal(const struct rt_cpus *a, const struct rt_cpus *b);
bool rt_cpus_intersect(const struct rt_cpus *a, const struct rt_cpus *b);
bool rt_cpus_contain(const struct rt_cpus *a, const struct rt_cpus *b); /* all of b is in a */
void rt_cpus_or(struct rt_cpus *to, const struct rt_cpus *from);
void rt_cpus_and(struct rt_cpus *to, const struct rt_cpus *from);
void rt_cpus_minus(struct rt_cpus *to, const struct rt_cpus *from);
unsigned rt_cpus_count_and(const struct rt_cpus *a, const struct rt_cpus *b);
/* The first CPU that is @from or above; RT_MAX_CPUS when there is none. */
unsigned rt_cpus_next(const struct rt_cpus *set, unsigned from);

#define RT_FOREACH_CPU(cpu, set)                                                                   \
        for (unsigned cpu = rt_cpus_next((set), 0); cpu < RT_MAX_CPUS;                             \
             cpu = rt_cpus_next((set), cpu + 1))

/* "0-3,8", as the kernel writes it: a newline may end it, and nothing at all is the empty set.
 * -EINVAL, -ERANGE (a CPU from RT_MAX_CPUS on). */
int rt_cpus_parse(const char *text, struct rt_cpus *ret_set) st_must_check;
/* "0-3,8", "" for the empty set; cut at a comma and ended by "..." when @size is too small.
 * Returns @buf. */
char *rt_cpus_print(const struct rt_cpus *set, char *buf, size_t size);

/* ---- topology ---- */

enum rt_level {
        RT_LEVEL_CORE, /* hardware threads of one core */
        RT_LEVEL_L2,
        RT_LEVEL_CLUSTER,
        RT_LEVEL_L3,
        RT_LEVEL_DIE,
        RT_LEVEL_NODE, /* NUMA */
        RT_LEVEL_PACKAGE,
        RT_LEVEL_MACHINE,
        RT_N_LEVELS
};

enum { RT_NO_GROUP = UINT16_MAX };

/* The groups of CPUs at one level. A level that sysfs does not tell has none. */
struct rt_groups {
        unsigned n;
        struct rt_cpus *sets;
        uint16_t of[RT_MAX_CPUS]; /* the group of a CPU, or RT_NO_GROUP */
};

struct rt_topology {
        struct rt_cpus cpus;    /* online and allowed: all that can be given away */
        struct rt_cpus offline; /* present, and not online */
        struct rt_groups
                levels[RT_N_LEVELS]; /* core, node, package and machine always have groups */
        /* What a task is kept inside: L3 caches, or what comes nearest. A domain lies in one node.
         */
        struct rt_groups domains;
        enum rt_level domain_level;
        char domain_note[256]; /* how the domains were found, when not simply the L3 caches */
        uint16_t capacity[RT_MAX_CPUS]; /* 1024 is the strongest; all equal on most machines */
        bool asymmetric;                /* there is more than one capacity */
        unsigned *node_ids;             /* by group of RT_LEVEL_NODE */
        bool *node_has_memory;
        unsigned *distances; /* n x n; 10 is the node itself */
};

/**
 * Read the topology below @root, which is "/sys" or stands in for it.
 * Errors: -EINVAL a file holds what it must not (the message names file and value); -ENOENT no CPUs
 * are listed; -ERANGE a CPU from RT_MAX_CPUS on; -ENOMEM; what open and read give.
 */
int rt_topology_read(const char *root, struct rt_topology **ret_topology,
                     struct st_error *err) st_must_check;
/* Forget all CPUs but those of @allowed (a cpuset, an affinity). -ENODEV: none would be left, and
 * nothing is changed. */
int rt_topology_restrict(struct rt_topology *topology, const struct rt_cpus *allowed,
                         struct st_error *err) st_must_check;
struct rt_topology *rt_topology_free(struct rt_topology *topology);
/* Between two groups of RT_LEVEL_NODE. */
unsigned rt_topology_distance(const struct rt_topology *topology, unsigned a, unsigned b);
const char *rt_level_name(enum rt_level level); /* "L3", "NUMA node" */

ST_DEFINE_FREEP(struct rt_topology, rt_topology_free);

/* ---- the decision: pure, from what is known to what is to be done ---- */

enum rt_tier {
        RT_TIER_EXCLUSIVE,   /* CPUs of its own */
        RT_TIER_SHARED,      /* CPUs that it may share with shared tasks of its tenant */
        RT_TIER_BEST_EFFORT, /* the same, and it gives way to both others */
        RT_N_TIERS
};

/* CPUs that somebody has. Exclusive with a NULL tenant: not a task of ours, such as a cpuset that
 * somebody else set. */
struct rt_holding {
        struct rt_cpus cpus;
        enum rt_tier tier;
        const char *tenant, *job; /* job: NULL for none */
};

struct rt_request {
        unsigned n_cpus;
        enum rt_tier tier;
        const char *tenant, *job;
        bool whole_cores; /* smt=exclusive: round up to cores that nobody else runs on */
        bool strict;      /* rather nothing than more domains than it needs */
        const struct rt_cpus *within; /* none but these: a cpuset that the caller set; NULL: any */
};

struct rt_decision {
        struct rt_cpus cpus;
        struct rt_cpus memory_nodes;     /* ids */
        unsigned n_domains, min_domains; /* those taken, and what an empty machine would need */
        unsigned n_nodes;                /* NUMA nodes of the CPUs */
        unsigned n_displaced; /* holdings of lower tiers that lose CPUs, see rt_placement_left() */
        char reason[256];
};

/**
 * Choose the CPUs for @request. A core belongs to one tenant: what is chosen shares no core with
 * another tenant, once the lower tiers have given up what rt_placement_left() says.
 * Errors: -EINVAL no CPUs are asked for; -ENOSPC this machine will never have so many; -EBUSY not
 * now: too few are free, or (strict) they lie in too many domains.
 */
int rt_placement_decide(const struct rt_topology *topology, const struct rt_holding *holdings,
                        size_t n_holdings, const struct rt_request *request,
                        struct rt_decision *ret_decision, struct st_error *err) st_must_check;
/* What @holding keeps when @cpus are given to @request. Only best-effort tasks can be left without
 * any: they have to be frozen. */
struct rt_cpus rt_placement_left(const struct rt_topology *topology,
                                 const struct rt_request *request, const struct rt_cpus *cpus,
                                 const struct rt_holding *holding);
/* The fewest domains that hold @n_cpus on the empty machine; 0 when it has too few CPUs. */
unsigned rt_placement_min_domains(const struct rt_topology *topology, unsigned n_cpus);
/* "exclusive", "shared", "best-effort"; and back: -EINVAL. */
const char *rt_tier_name(enum rt_tier tier);
int rt_tier_parse(const char *text, enum rt_tier *ret_tier) st_must_check;

/* ---- simulation: the decision above, and those of others, on a trace of arrivals ---- */

/* Starts and ends of tasks in their order; stint-place(8) has the format. */
struct rt_trace;

/* @name is what errors call it. Errors: -EINVAL with the line; -ENOMEM. */
int rt_trace_parse(const char *name, const char *text, size_t length, struct rt_trace **ret_trace,
                   struct st_error *err) st_must_check;
struct rt_trace *rt_trace_free(struct rt_trace *trace);
ST_DEFINE_FREEP(struct rt_trace, rt_trace_free);

struct rt_simulation {
        unsigned n_starts, n_refused, n_aligned; /* aligned: in as few domains as possible */
        /* what follows is unknown for the policy "optimum" */
        unsigned n_domains, n_min_domains; /* sums over the placed */
        unsigned n_nodes, n_min_nodes;
        uint64_t n_stranded; /* sum over starts: CPUs free in domains that do not hold the task */
        unsigned n_mixed;    /* placements that share a core with another tenant */
        unsigned n_moves;    /* cpusets of running tasks that had to be narrowed */
        uint64_t nsec, max_nsec; /* in decisions: all, and the longest */
};

/* The names, NULL ends them; the first is stint's own. */
const char *const *rt_policies(void);
/**
 * Errors: -EINVAL no such policy; -E2BIG the optimum of this trace takes too long to find; -ENOMEM.
 */
int rt_simulate(const struct rt_topology *topology, const struct rt_trace *trace,
                const char *policy, struct rt_simulation *ret_simulation,
                struct st_error *err) st_must_check;

/* ---- pictures: domains as boxes, a column a core, a row a thread ---- */

/* For a terminal of 80 columns, in ASCII: '#' chosen, 'x' taken, '.' free. Errors of @out stay in
 * it. */
void rt_picture_text(const struct rt_topology *topology, const struct rt_cpus *taken,
                     const struct rt_cpus *chosen, FILE *out);
/* The same as an SVG document. */
void rt_picture_svg(const struct rt_topology *topology, const struct rt_cpus *taken,
                    const struct rt_cpus *chosen, FILE *out);
