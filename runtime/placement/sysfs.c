/* sysfs.c: the topology as the kernel tells it, below any root. What is missing has a meaning (an
 * old kernel, a guest); what is there and makes no sense is an error. */
#include "topology.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/fs.h>
#include <stint/parse.h>

#define CPUS "devices/system/cpu/"
#define NODES "devices/system/node/"

enum { MAX_TEXT = 16384, MAX_PATH = 128, MAX_CACHES = 16 };

struct reader {
        int root_fd;
        struct rt_topology *t;
        struct st_error *err;
};

static int bad(struct reader *r, const char *path, const char *text, const char *what, int code) {
        return st_error_set(r->err, code, "%s: \"%.*s\" %s", path, (int)strcspn(text, "\n"), text,
                            what);
}

/* 1: it is there. 0: it is not, nor is its directory. */
static int read_text(struct reader *r, const char *path, char **ret_text) {
        struct st_error err = {0};
        int code = st_read_file_at(r->root_fd, path, MAX_TEXT, ret_text, NULL, &err);

        if (code == -ENOENT || code == -ENOTDIR || code == -ENODEV)
                return 0;
        if (code < 0) {
                *r->err = err;
                return code;
        }
        return 1;
}

static int read_list(struct reader *r, const char *path, struct rt_cpus *ret_set) {
        st_autofree char *text = NULL;
        int found = read_text(r, path, &text), code;

        if (found <= 0)
                return found;
        code = rt_cpus_parse(text, ret_set);
        if (code == -ERANGE)
                return bad(r, path, text, "names a number that stint does not count to", code);
        if (code < 0)
                return bad(r, path, text, "is no list of numbers", code);
        return 1;
}

static int read_number(struct reader *r, const char *path, uint32_t *ret) {
        st_autofree char *text = NULL;
        int found = read_text(r, path, &text), code;

        if (found <= 0)
                return found;
        text[strcspn(text, "\n")] = 0;
        code = st_parse_u32(text, ret);
        return code < 0 ? bad(r, path, text, "is no number", code) : 1;
}

/* ---- groups that a file of each CPU lists ---- */

static void cpu_path(char path[static MAX_PATH], unsigned cpu, const char *rest) {
        (void)snprintf(path, MAX_PATH, CPUS "cpu%u/%s", cpu, rest); /* rest is ours and short */
}

/* Only the first CPU of a group is asked: on 384 CPUs that halves the time and more. */
static int add_group(struct reader *r, enum rt_level level, unsigned cpu, const char *path,
                     struct rt_cpus *set) {
        char text[200];
        int code;

        rt_cpus_and(set, &r->t->cpus);
        rt_cpus_print(set, text, sizeof text);
        if (!rt_cpus_has(set, cpu))
                return bad(r, path, text, "lacks the CPU itself", -EINVAL);
        code = rt_groups_add(&r->t->levels[level], set);
        if (code == -EEXIST)
                return bad(r, path, text, "has CPUs that another CPU's file puts elsewhere",
                           -EINVAL);
        return code < 0 ? st_error_code(r->err, code, "%s", path) : 0;
}

/* All CPUs, or the level stays without groups. @older is the file's name before Linux 5.4. */
static int read_level(struct reader *r, enum rt_level level, const char *file, const char *older) {
        RT_FOREACH_CPU(cpu, &r->t->cpus) {
                char path[MAX_PATH];
                struct rt_cpus set;
                int found;

                if (r->t->levels[level].of[cpu] != RT_NO_GROUP)
                        continue;
                cpu_path(path, cpu, file);
                found = read_list(r, path, &set);
                if (found == 0 && older) {
                        cpu_path(path, cpu, older);
                        found = read_list(r, path, &set);
                }
                if (found == 0)
                        rt_groups_deinit(&r->t->levels[level]);
                if (found <= 0)
                        return found;
                found = add_group(r, level, cpu, path, &set);
                if (found < 0)
                        return found;
        }
        return 0;
}

/* ---- caches ---- */

/* The CPUs that name the same cache, where a CPU's file lists none. */
static int same_id(struct reader *r, unsigned index, uint32_t id, struct rt_cpus *ret_set) {
        *ret_set = (struct rt_cpus) {0};
        RT_FOREACH_CPU(cpu, &r->t->cpus) {
                char path[MAX_PATH], rest[48];
                uint32_t other;
                int found;

                (void)snprintf(rest, sizeof rest, "cache/index%u/id", index); /* fits */
                cpu_path(path, cpu, rest);
                found = read_number(r, path, &other);
                if (found < 0)
                        return found;
                if (found > 0 && other == id)
                        rt_cpus_add(ret_set, cpu);
        }
        return 1;
}

static int read_cache_cpus(struct reader *r, unsigned cpu, unsigned index,
                           char path[static MAX_PATH], struct rt_cpus *ret_set) {
        uint32_t id;
        char rest[48];
        int found;

        (void)snprintf(rest, sizeof rest, "cache/index%u/shared_cpu_list", index); /* fits */
        cpu_path(path, cpu, rest);
        found = read_list(r, path, ret_set);
        if (found != 0)
                return found;
        (void)snprintf(rest, sizeof rest, "cache/index%u/id", index); /* fits */
        cpu_path(path, cpu, rest);
        found = read_number(r, path, &id);
        return found <= 0 ? found : same_id(r, index, id, ret_set);
}

/* The level 2 and 3 caches of one CPU. */
static int read_caches_of(struct reader *r, unsigned cpu) {
        for (unsigned index = 0; index < MAX_CACHES; index++) {
                char path[MAX_PATH], rest[48];
                struct rt_cpus set;
                enum rt_level level;
                uint32_t number;
                int found;

                (void)snprintf(rest, sizeof rest, "cache/index%u/level", index); /* fits */
                cpu_path(path, cpu, rest);
                found = read_number(r, path, &number);
                if (found <= 0)
                        return found;
                if (number != 2 && number != 3)
                        continue;
                level = number == 2 ? RT_LEVEL_L2 : RT_LEVEL_L3;
                if (r->t->levels[level].of[cpu] != RT_NO_GROUP)
                        continue;
                found = read_cache_cpus(r, cpu, index, path, &set);
                if (found > 0)
                        found = add_group(r, level, cpu, path, &set);
                if (found < 0)
                        return found;
        }
        return 0;
}

static int read_caches(struct reader *r) {
        static const enum rt_level caches[] = {RT_LEVEL_L2, RT_LEVEL_L3};

        RT_FOREACH_CPU(cpu, &r->t->cpus) {
                int code = 0;

                if (r->t->levels[RT_LEVEL_L2].of[cpu] == RT_NO_GROUP ||
                    r->t->levels[RT_LEVEL_L3].of[cpu] == RT_NO_GROUP)
                        code = read_caches_of(r, cpu);
                if (code < 0)
                        return code;
        }
        /* some CPUs without: no level to build on */
        for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
                if (!rt_groups_cover(&r->t->levels[caches[i]], &r->t->cpus))
                        rt_groups_deinit(&r->t->levels[caches[i]]);
        }
        return 0;
}

/* ---- NUMA ---- */

/* "10 21\n", a number for each node. */
static int read_distances(struct reader *r, unsigned node) {
        unsigned n = r->t->levels[RT_LEVEL_NODE].n;
        st_autofree char *text = NULL;
        char path[MAX_PATH], *rest, *word;
        int found;

        (void)snprintf(path, sizeof path, NODES "node%u/distance", r->t->node_ids[node]); /* fits */
        found = read_text(r, path, &text);
        if (found <= 0)
                return found;
        rest = text;
        for (unsigned i = 0; i < n; i++) {
                uint32_t distance;

                word = strsep(&rest, " \n");
                if (!word || st_parse_u32(word, &distance) < 0 || distance < 10 || distance > 255)
                        return bad(r, path, word ? word : "", "is no distance of a node", -EINVAL);
                r->t->distances[node * n + i] = distance;
        }
        return 0;
}

static int read_node(struct reader *r, unsigned id) {
        struct rt_cpus set = {0};
        char path[MAX_PATH];
        int code;

        (void)snprintf(path, sizeof path, NODES "node%u/cpulist", id); /* fits */
        code = read_list(r, path, &set);
        if (code < 0)
                return code;
        rt_cpus_and(&set, &r->t->cpus);
        code = rt_groups_add(&r->t->levels[RT_LEVEL_NODE], &set);
        if (code == -EEXIST)
                return st_error_set(r->err, -EINVAL, "%s: CPUs of another node as well", path);
        return code < 0 ? st_error_code(r->err, code, "%s", path) : 0;
}

static int allocate_nodes(struct reader *r, unsigned n) {
        r->t->node_ids = calloc(n, sizeof *r->t->node_ids);
        r->t->node_has_memory = calloc(n, sizeof *r->t->node_has_memory);
        r->t->distances = calloc((size_t)n * n, sizeof *r->t->distances);
        if (!r->t->node_ids || !r->t->node_has_memory || !r->t->distances)
                return st_error_set(r->err, -ENOMEM, "allocate the memory nodes");
        for (unsigned i = 0; i < n * n; i++)
                r->t->distances[i] =
                        i / n == i % n ? 10 : 20; /* what the kernel takes without a table */
        return 0;
}

/* A kernel without NUMA has no such directory: one node, 0, with all memory. */
static int without_nodes(struct reader *r) {
        int code = allocate_nodes(r, 1);

        if (code < 0)
                return code;
        r->t->node_has_memory[0] = true;
        code = rt_groups_add(&r->t->levels[RT_LEVEL_NODE], &r->t->cpus);
        return code < 0 ? st_error_code(r->err, code, "make the node") : 0;
}

static int fill_nodes(struct reader *r, const struct rt_cpus *online,
                      const struct rt_cpus *memory) {
        unsigned i = 0;
        int code = allocate_nodes(r, rt_cpus_count(online));

        if (code < 0)
                return code;
        RT_FOREACH_CPU(id, online) {
                r->t->node_ids[i] = id;
                r->t->node_has_memory[i++] = rt_cpus_has(memory, id);
                code = read_node(r, id);
                if (code < 0)
                        return code;
        }
        for (i = 0; i < r->t->levels[RT_LEVEL_NODE].n; i++) {
                code = read_distances(r, i);
                if (code < 0)
                        return code;
        }
        if (!rt_groups_cover(&r->t->levels[RT_LEVEL_NODE], &r->t->cpus))
                return st_error_set(r->err, -EINVAL, NODES "node*/cpulist: CPUs online in no node");
        return 0;
}

static int read_nodes(struct reader *r) {
        struct rt_cpus online = {0}, memory = {0};
        int found = read_list(r, NODES "online", &online);

        if (found < 0)
                return found;
        if (found == 0 || rt_cpus_is_empty(&online))
                return without_nodes(r);
        found = read_list(r, NODES "has_memory", &memory);
        if (found < 0)
                return found;
        return fill_nodes(r, &online, found == 0 ? &online : &memory);
}

/* ---- unequal cores ---- */

/* x86 told no capacity before Linux 6.12, but which PMU counts a core; the figure is a rank only.
 */
static int read_hybrid(struct reader *r) {
        struct rt_cpus atoms = {0};
        int found = read_list(r, "devices/cpu_atom/cpus", &atoms);

        if (found <= 0)
                return found;
        RT_FOREACH_CPU(cpu, &r->t->cpus) {
                if (rt_cpus_has(&atoms, cpu))
                        r->t->capacity[cpu] = 512;
        }
        return 0;
}

static int read_capacities(struct reader *r) {
        struct rt_topology *t = r->t;
        unsigned first = rt_cpus_next(&t->cpus, 0);
        int found = 1;

        RT_FOREACH_CPU(cpu, &t->cpus) {
                char path[MAX_PATH];
                uint32_t capacity = 1024;

                cpu_path(path, cpu, "cpu_capacity");
                if (found > 0)
                        found = read_number(r, path, &capacity);
                if (found < 0)
                        return found;
                if (capacity == 0 || capacity > 1024)
                        return st_error_set(r->err, -EINVAL, "%s: %u is no capacity", path,
                                            capacity);
                t->capacity[cpu] = (uint16_t)capacity;
        }
        if (found == 0) {
                found = read_hybrid(r);
                if (found < 0)
                        return found;
        }
        RT_FOREACH_CPU(cpu, &t->cpus)
        t->asymmetric |= t->capacity[cpu] != t->capacity[first];
        return 0;
}

/* ---- the whole ---- */

static int read_cpus(struct reader *r) {
        struct rt_cpus present;
        int found = read_list(r, CPUS "online", &r->t->cpus);

        if (found == 0 || (found > 0 && rt_cpus_is_empty(&r->t->cpus)))
                return st_error_set(r->err, -ENOENT, CPUS "online: no CPU is listed");
        if (found < 0)
                return found;
        found = read_list(r, CPUS "present", &present);
        if (found > 0) {
                r->t->offline = present;
                rt_cpus_minus(&r->t->offline, &r->t->cpus);
        }
        return found < 0 ? found : 0;
}

static int each_its_own(struct reader *r, struct rt_groups *groups) {
        int code = 0;

        RT_FOREACH_CPU(cpu, &r->t->cpus) {
                struct rt_cpus alone = {0};

                rt_cpus_add(&alone, cpu);
                if (code == 0)
                        code = rt_groups_add(groups, &alone);
        }
        return code;
}

/* Cores, packages and the machine always have groups, so that nobody has to ask. */
static int complete(struct reader *r) {
        struct rt_groups *levels = r->t->levels;
        int code = 0;

        if (levels[RT_LEVEL_CORE].n == 0)
                code = each_its_own(r, &levels[RT_LEVEL_CORE]);
        if (code == 0 && levels[RT_LEVEL_PACKAGE].n == 0)
                code = rt_groups_add(&levels[RT_LEVEL_PACKAGE], &r->t->cpus);
        if (code == 0)
                code = rt_groups_add(&levels[RT_LEVEL_MACHINE], &r->t->cpus);
        return code < 0 ? st_error_code(r->err, code, "make the groups of CPUs") : 0;
}

static int read_all(struct reader *r) {
        static const struct {
                enum rt_level level;
                const char *file, *older;
        } files[] = {
                {RT_LEVEL_CORE, "topology/core_cpus_list", "topology/thread_siblings_list"},
                {RT_LEVEL_CLUSTER, "topology/cluster_cpus_list", NULL},
                {RT_LEVEL_DIE, "topology/die_cpus_list", NULL},
                {RT_LEVEL_PACKAGE, "topology/package_cpus_list", "topology/core_siblings_list"},
        };
        int code = read_cpus(r);

        for (size_t i = 0; code == 0 && i < sizeof files / sizeof *files; i++)
                code = read_level(r, files[i].level, files[i].file, files[i].older);
        if (code == 0)
                code = read_caches(r);
        if (code == 0)
                code = read_nodes(r);
        if (code == 0)
                code = read_capacities(r);
        if (code == 0)
                code = complete(r);
        return code == 0 ? rt_domains_find(r->t, r->err) : code;
}

int rt_topology_read(const char *root, struct rt_topology **ret_topology, struct st_error *err) {
        st_cleanup(rt_topology_freep) struct rt_topology *topology = NULL;
        st_autoclose int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct st_error own = {0};
        struct reader reader = {.root_fd = root_fd, .err = err ? err : &own};
        int r;

        if (root_fd < 0)
                return st_error_sys(err, "open %s", root);
        topology = calloc(1, sizeof *topology);
        if (!topology)
                return st_error_set(err, -ENOMEM, "allocate the topology");
        for (unsigned i = 0; i < RT_N_LEVELS; i++)
                rt_groups_init(&topology->levels[i]);
        rt_groups_init(&topology->domains);
        reader.t = topology;
        r = read_all(&reader);
        if (r < 0)
                return st_error_prefix(err, r, "topology below %s", root);
        *ret_topology = st_take(topology);
        return 0;
}
