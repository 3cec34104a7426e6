/* topology.h: what the files that make a topology share. */
#pragma once
#include <stint/placement.h>

/* Make @cpus one more group. -EEXIST: one of them is in a group already; -ENOMEM. */
int rt_groups_add(struct rt_groups *groups, const struct rt_cpus *cpus) st_must_check;
void rt_groups_init(struct rt_groups *groups);
void rt_groups_deinit(struct rt_groups *groups);
/* Whether every CPU of @cpus is in a group. */
bool rt_groups_cover(const struct rt_groups *groups, const struct rt_cpus *cpus);
/* Whether a group of @a holds CPUs of several groups of @b. */
bool rt_groups_cross(const struct rt_groups *a, const struct rt_groups *b);

/* Fill topology->domains from the levels, and say how. */
int rt_domains_find(struct rt_topology *topology, struct st_error *err) st_must_check;
