/* topology.c: groups of CPUs, and a topology as a thing that can be narrowed and freed. */
#include "topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void rt_groups_init(struct rt_groups *groups) {
        *groups = (struct rt_groups) {0};
        for (unsigned i = 0; i < RT_MAX_CPUS; i++)
                groups->of[i] = RT_NO_GROUP;
}

void rt_groups_deinit(struct rt_groups *groups) {
        free(groups->sets);
        rt_groups_init(groups);
}

int rt_groups_add(struct rt_groups *groups, const struct rt_cpus *cpus) {
        struct rt_cpus *sets;

        RT_FOREACH_CPU(cpu, cpus) {
                if (groups->of[cpu] != RT_NO_GROUP)
                        return -EEXIST;
        }
        sets = reallocarray(groups->sets, groups->n + 1, sizeof *sets);
        if (!sets)
                return -ENOMEM;
        groups->sets = sets;
        sets[groups->n] = *cpus;
        RT_FOREACH_CPU(cpu, cpus)
        groups->of[cpu] = (uint16_t)groups->n;
        groups->n++;
        return 0;
}

bool rt_groups_cover(const struct rt_groups *groups, const struct rt_cpus *cpus) {
        RT_FOREACH_CPU(cpu, cpus) {
                if (groups->of[cpu] == RT_NO_GROUP)
                        return false;
        }
        return true;
}

bool rt_groups_cross(const struct rt_groups *a, const struct rt_groups *b) {
        for (unsigned i = 0; i < a->n; i++) {
                unsigned first = rt_cpus_next(&a->sets[i], 0);

                if (b->n == 0 || !rt_cpus_contain(&b->sets[b->of[first]], &a->sets[i]))
                        return b->n > 0;
        }
        return false;
}

/* Groups without a CPU vanish, and those behind them move up. */
static void narrow(struct rt_groups *groups, const struct rt_cpus *allowed) {
        unsigned n = 0;

        for (unsigned i = 0; i < groups->n; i++) {
                struct rt_cpus set = groups->sets[i];

                rt_cpus_and(&set, allowed);
                if (rt_cpus_is_empty(&set))
                        continue;
                groups->sets[n] = set;
                RT_FOREACH_CPU(cpu, &set)
                groups->of[cpu] = (uint16_t)n;
                n++;
        }
        groups->n = n;
        for (unsigned cpu = 0; cpu < RT_MAX_CPUS; cpu++) {
                if (!rt_cpus_has(allowed, cpu))
                        groups->of[cpu] = RT_NO_GROUP;
        }
}

/* A node that lost its CPUs keeps its memory, and its place in the table of distances. */
static void narrow_nodes(struct rt_groups *nodes, const struct rt_cpus *allowed) {
        for (unsigned i = 0; i < nodes->n; i++)
                rt_cpus_and(&nodes->sets[i], allowed);
        for (unsigned cpu = 0; cpu < RT_MAX_CPUS; cpu++) {
                if (!rt_cpus_has(allowed, cpu))
                        nodes->of[cpu] = RT_NO_GROUP;
        }
}

int rt_topology_restrict(struct rt_topology *topology, const struct rt_cpus *allowed,
                         struct st_error *err) {
        struct rt_cpus left = topology->cpus;
        char text[200];

        rt_cpus_and(&left, allowed);
        if (rt_cpus_is_empty(&left))
                return st_error_set(err, -ENODEV, "none of the CPUs %s is online",
                                    rt_cpus_print(allowed, text, sizeof text));
        topology->cpus = left;
        for (unsigned i = 0; i < RT_N_LEVELS; i++) {
                if (i == RT_LEVEL_NODE)
                        narrow_nodes(&topology->levels[i], &left);
                else
                        narrow(&topology->levels[i], &left);
        }
        narrow(&topology->domains, &left);
        return 0;
}

struct rt_topology *rt_topology_free(struct rt_topology *topology) {
        if (!topology)
                return NULL;
        for (unsigned i = 0; i < RT_N_LEVELS; i++)
                rt_groups_deinit(&topology->levels[i]);
        rt_groups_deinit(&topology->domains);
        free(topology->node_ids);
        free(topology->node_has_memory);
        free(topology->distances);
        free(topology);
        return NULL;
}

unsigned rt_topology_distance(const struct rt_topology *topology, unsigned a, unsigned b) {
        return topology->distances[a * topology->levels[RT_LEVEL_NODE].n + b];
}

const char *rt_level_name(enum rt_level level) {
        static const char *const names[RT_N_LEVELS] = {
                [RT_LEVEL_CORE] = "core",       [RT_LEVEL_L2] = "L2",
                [RT_LEVEL_CLUSTER] = "cluster", [RT_LEVEL_L3] = "L3",
                [RT_LEVEL_DIE] = "die",         [RT_LEVEL_NODE] = "NUMA node",
                [RT_LEVEL_PACKAGE] = "package", [RT_LEVEL_MACHINE] = "machine",
        };

        return names[level];
}
