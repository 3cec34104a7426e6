/* domains.c: which groups of CPUs stand for "one L3". Guests lie about caches, or tell nothing. */
#include "topology.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void note(struct rt_topology *t, const char *text) {
        size_t used = strlen(t->domain_note);

        (void)snprintf(t->domain_note + used, sizeof t->domain_note - used,
                       "%s%s", /* cut: a remark */
                       used ? "; " : "", text);
}

/* The groups of @level where they lie in one group of @inside. */
static int split(struct rt_groups *domains, const struct rt_groups *level,
                 const struct rt_groups *inside) {
        for (unsigned i = 0; i < level->n; i++) {
                for (unsigned k = 0; k < inside->n; k++) {
                        struct rt_cpus set = level->sets[i];
                        int r;

                        rt_cpus_and(&set, &inside->sets[k]);
                        r = rt_cpus_is_empty(&set) ? 0 : rt_groups_add(domains, &set);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* Worth a domain: more than one of them, each with more than @n_cores. */
static bool divides(const struct rt_topology *t, enum rt_level level, unsigned n_cores) {
        const struct rt_groups *groups = &t->levels[level], *cores = &t->levels[RT_LEVEL_CORE];

        unsigned n_used = 0; /* a node of memory alone is a group without CPUs */

        for (unsigned i = 0; i < groups->n; i++) {
                unsigned n = 0;

                for (unsigned k = 0; k < cores->n && n <= n_cores; k++)
                        n += rt_cpus_intersect(&groups->sets[i], &cores->sets[k]);
                if (n > 0 && n <= n_cores)
                        return false;
                n_used += n > 0;
        }
        return n_used > 1;
}

/* A cluster of two cores is a shared port of the mesh (Ampere Altra) or an L2, and no place to keep
 * a task inside; an L2 shared by a core's threads alone is told as a cluster of one core. */
static enum rt_level without_l3(const struct rt_topology *t) {
        if (divides(t, RT_LEVEL_CLUSTER, 2))
                return RT_LEVEL_CLUSTER;
        if (divides(t, RT_LEVEL_DIE, 1))
                return RT_LEVEL_DIE;
        if (divides(t, RT_LEVEL_NODE, 0))
                return RT_LEVEL_NODE;
        if (divides(t, RT_LEVEL_PACKAGE, 0))
                return RT_LEVEL_PACKAGE;
        return RT_LEVEL_MACHINE;
}

static enum rt_level choose_level(struct rt_topology *t) {
        const struct rt_groups *l3 = &t->levels[RT_LEVEL_L3];
        enum rt_level level;
        char text[100];

        if (l3->n > 0 && !rt_groups_cross(l3, &t->levels[RT_LEVEL_PACKAGE])) {
                if (l3->n == 1 && !rt_groups_cross(l3, &t->levels[RT_LEVEL_DIE]) &&
                    !rt_groups_cross(l3, &t->levels[RT_LEVEL_NODE]))
                        note(t, "one L3 holds all CPUs");
                return RT_LEVEL_L3;
        }
        level = without_l3(t);
        (void)snprintf(text, sizeof text, "%s: %s instead", /* fits */
                       l3->n ? "an L3 that spans packages is not believed" : "no L3 in sysfs",
                       rt_level_name(level));
        note(t, text);
        return level;
}

/* Down to what does not cross a die or node. Hardware whose L3 does (sub-NUMA clustering) serves
 * each node from the slices near it. */
static int fit_inside(struct rt_topology *t, const struct rt_groups *level) {
        static const enum rt_level borders[] = {RT_LEVEL_NODE, RT_LEVEL_DIE};
        char text[100];

        for (size_t i = 0; i < sizeof borders / sizeof *borders; i++) {
                const struct rt_groups *inside = &t->levels[borders[i]];

                if (inside->n == 0 || !rt_groups_cross(level, inside))
                        continue;
                (void)snprintf(text, sizeof text, "%s split by %s", rt_level_name(t->domain_level),
                               rt_level_name(borders[i])); /* fits */
                note(t, text);
                return split(&t->domains, level, inside);
        }
        return split(&t->domains, level, &t->levels[RT_LEVEL_MACHINE]);
}

int rt_domains_find(struct rt_topology *t, struct st_error *err) {
        const struct rt_groups *cores = &t->levels[RT_LEVEL_CORE];
        int r;

        t->domain_level = choose_level(t);
        r = fit_inside(t, &t->levels[t->domain_level]);
        if (r < 0)
                return st_error_code(err, r, "make the domains");
        for (unsigned i = 0; i < cores->n; i++) {
                unsigned domain = t->domains.of[rt_cpus_next(&cores->sets[i], 0)];
                char text[100];

                /* the rule that a core belongs to one tenant needs it whole */
                if (!rt_cpus_contain(&t->domains.sets[domain], &cores->sets[i]))
                        return st_error_set(err, -EINVAL,
                                            "the core of CPUs %s lies in two %s groups",
                                            rt_cpus_print(&cores->sets[i], text, sizeof text),
                                            rt_level_name(t->domain_level));
        }
        return 0;
}
