/* topologies.c: machines as tables, written out as the files of sysfs. Numbers of CPUs, caches,
 * nodes and their sharing are those of the machines; capacities and distances are round. */
#include "topologies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

enum numbering {
        THREADS_LAST, /* first threads of all cores, then the second ones: most servers */
        THREADS_NEXT, /* the threads of a core are neighbours: Intel's hybrids, QEMU */
        ALTERNATING,  /* cores go round the packages: some vendors' firmware */
};

struct machine {
        const char *name;
        unsigned packages, nodes, dies; /* nodes and dies: in a package; 0 dies: not told */
        unsigned cores, threads;        /* cores: in a package */
        unsigned l3_cores;              /* cores under one L3; 0: no L3 is told; ~0: one for all */
        unsigned cluster_cores;         /* 0: not told */
        enum numbering numbering;
        /* cores from @second on, in groups of @second_l3 under one L3: another kind of core */
        unsigned second, second_l3, second_threads, second_cluster, second_capacity;
        bool capacities_alternate; /* of runs of 5 cores, every other one is the small kind */
        unsigned near, far;        /* distances within and across packages */
        const char *offline, *allowed;
};

static const struct machine machines[] = {
        {"epyc-9654-2s", 2, 1, 1, 96, 2, 8, 0, THREADS_LAST, .far = 32},
        {"epyc-7763-2s", 2, 1, 1, 64, 1, 8, 0, THREADS_LAST, .far = 32},
        {"epyc-7451-2s", 2, 4, 4, 24, 2, 3, 0, THREADS_LAST, .near = 16, .far = 32},
        {"epyc-7702p", 1, 1, 1, 64, 2, 4, 0, THREADS_LAST},
        {"strix-point", 1, 1, 1, 12, 2, 4, 0, THREADS_LAST, .second = 4, .second_l3 = 8,
         .second_threads = 2, .second_capacity = 700},
        {"xeon-6230-2s", 2, 1, 1, 20, 2, 20, 0, THREADS_LAST, .far = 21},
        {"xeon-6140-2s", 2, 1, 1, 18, 2, 18, 0, ALTERNATING, .far = 21},
        {"xeon-8490h-snc4", 1, 4, 1, 60, 2, 60, 0, THREADS_LAST, .near = 12},
        {"i7-12850hx", 1, 1, 1, 16, 2, 16, 1, THREADS_NEXT, .second = 8, .second_l3 = 0,
         .second_threads = 1, .second_cluster = 4, .second_capacity = 600},
        {"altra-128", 1, 1, 0, 128, 1, 0, 2, THREADS_LAST},
        {"graviton3", 1, 1, 0, 64, 1, 64, 0, THREADS_LAST},
        {"gb10", 1, 1, 0, 20, 1, 10, 0, THREADS_LAST, .second_capacity = 700,
         .capacities_alternate = true},
        {"guest-no-l3", 2, 1, 1, 8, 1, 0, 1, THREADS_LAST, .far = 20},
        {"guest-no-l3-clusters", 1, 1, 1, 16, 1, 0, 4, THREADS_LAST},
        {"guest-flat", 1, 1, 1, 8, 1, 0, 1, THREADS_LAST},
        {"guest-giant-l3", 2, 1, 1, 16, 1, ~0u, 1, THREADS_LAST, .far = 20},
        {"offline", 1, 1, 1, 64, 2, 4, 0, THREADS_LAST, .offline = "3,8-11,67,72-75,100"},
        {"restricted", 1, 1, 1, 64, 2, 4, 0, THREADS_LAST, .allowed = "2-37,66-101"},
};

enum { N_MACHINES = sizeof machines / sizeof *machines, MAX_TREE_CPUS = 512 };

/* Where a CPU is; groups are numbered over the whole machine. */
struct place {
        unsigned package, node, die, cluster, l3, core;
        unsigned capacity;
        bool online;
};

struct tree {
        const struct machine *m;
        unsigned n_cpus;
        struct place places[MAX_TREE_CPUS];
        int dir_fd;
        int failure; /* the first one */
};

/* ---- the machine ---- */

static unsigned threads_of(const struct machine *m, unsigned core) {
        return m->second_threads && core >= m->second ? m->second_threads : m->threads;
}

static unsigned l3_of(const struct machine *m, unsigned package, unsigned core) {
        unsigned per_package = m->l3_cores ? (m->cores + m->l3_cores - 1) / m->l3_cores : 0;

        if (m->l3_cores == ~0u)
                return 0;
        if (m->second_l3 && core >= m->second)
                return 1 + (core - m->second) / m->second_l3;
        return m->l3_cores ? package * per_package + core / m->l3_cores : 0;
}

static unsigned cluster_of(const struct machine *m, unsigned package, unsigned core) {
        unsigned size = m->cluster_cores ? m->cluster_cores : 1;

        if (m->second_cluster && core >= m->second)
                return m->second + (core - m->second) / m->second_cluster;
        return package * m->cores + core / size;
}

static unsigned capacity_of(const struct machine *m, unsigned core) {
        if (m->capacities_alternate)
                return core / 5 % 2 ? 1024 : m->second_capacity;
        return m->second && core >= m->second ? m->second_capacity : 1024;
}

static unsigned cpu_of(const struct machine *m, unsigned package, unsigned core, unsigned thread) {
        unsigned first = m->second && core > m->second ? m->second : core;

        switch (m->numbering) {
        case THREADS_NEXT:
                return package * m->cores * m->threads + first * m->threads +
                       (core - first) * threads_of(m, core) + thread;
        case ALTERNATING:
                return thread * m->cores * m->packages + core * m->packages + package;
        case THREADS_LAST:
                break;
        }
        return thread * m->cores * m->packages + package * m->cores + core;
}

static void lay_out(struct tree *tree) {
        const struct machine *m = tree->m;

        for (unsigned package = 0; package < m->packages; package++) {
                for (unsigned core = 0; core < m->cores; core++) {
                        for (unsigned thread = 0; thread < threads_of(m, core); thread++) {
                                tree->places[cpu_of(m, package, core, thread)] = (struct place) {
                                        .package = package,
                                        .node = package * m->nodes + core * m->nodes / m->cores,
                                        .die = package * m->dies + core * m->dies / m->cores,
                                        .cluster = cluster_of(m, package, core),
                                        .l3 = l3_of(m, package, core),
                                        .core = package * m->cores + core,
                                        .capacity = capacity_of(m, core),
                                        .online = true,
                                };
                                tree->n_cpus++;
                        }
                }
        }
}

/* "3,8-11": the lists of the table above, which are well formed. */
static void take_offline(struct tree *tree, const char *list) {
        while (list && *list) {
                unsigned first, last;
                int used = 0;

                if (sscanf(list, "%u-%u%n", &first, &last, &used) < 2) {
                        (void)sscanf(list, "%u%n", &first, &used); /* one number, then */
                        last = first;
                }
                for (unsigned cpu = first; cpu <= last; cpu++)
                        tree->places[cpu].online = false;
                list += used;
                list += *list == ',';
        }
}

/* ---- files ---- */

static void put(struct tree *tree, const char *path, const char *text) {
        st_autoclose int fd = -1;
        char line[4096];
        int n = snprintf(line, sizeof line, "%s\n", text);

        if (tree->failure < 0)
                return;
        fd = openat(tree->dir_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        tree->failure = fd < 0 ? -errno : st_write_all(fd, line, (size_t)n);
}

static void make_dir(struct tree *tree, const char *path) {
        if (tree->failure == 0)
                tree->failure = st_mkdir_p_at(tree->dir_fd, path, 0755);
}

typedef bool (*alike)(const struct place *a, const struct place *b);

static bool same_core(const struct place *a, const struct place *b) {
        return a->core == b->core;
}
static bool same_cluster(const struct place *a, const struct place *b) {
        return a->cluster == b->cluster;
}
static bool same_l3(const struct place *a, const struct place *b) {
        return a->l3 == b->l3;
}
static bool same_die(const struct place *a, const struct place *b) {
        return a->die == b->die;
}
static bool same_package(const struct place *a, const struct place *b) {
        return a->package == b->package;
}
static bool same_node(const struct place *a, const struct place *b) {
        return a->node == b->node;
}
static bool any(const struct place *a, const struct place *b) {
        (void)a;
        (void)b;
        return true;
}

/* The CPUs online that are @like this one, as a list. */
static const char *list_of(const struct tree *tree, const struct place *one, alike like,
                           char buf[static 4096]) {
        size_t used = 0;

        buf[0] = 0;
        for (unsigned cpu = 0; cpu < tree->n_cpus; cpu++) {
                unsigned last = cpu;

                if (!tree->places[cpu].online || !like(one, &tree->places[cpu]))
                        continue;
                while (last + 1 < tree->n_cpus && tree->places[last + 1].online &&
                       like(one, &tree->places[last + 1]))
                        last++;
                used += (size_t)snprintf(buf + used, 4096 - used, last > cpu ? "%s%u-%u" : "%s%u",
                                         used ? "," : "", cpu, last); /* 512 CPUs fit */
                cpu = last;
        }
        return buf;
}

static void put_list(struct tree *tree, const char *dir, const char *file, const struct place *one,
                     alike like) {
        char path[128], list[4096];

        (void)snprintf(path, sizeof path, "%s/%s", dir, file); /* ours, short */
        put(tree, path, list_of(tree, one, like, list));
}

static void put_number(struct tree *tree, const char *dir, const char *file, unsigned number) {
        char path[128], text[16];

        (void)snprintf(path, sizeof path, "%s/%s", dir, file); /* ours, short */
        (void)snprintf(text, sizeof text, "%u", number);       /* fits */
        put(tree, path, text);
}

static void put_cache(struct tree *tree, const char *cpu_dir, unsigned index, unsigned level,
                      const struct place *one, alike like, unsigned id) {
        char dir[96];

        (void)snprintf(dir, sizeof dir, "%s/cache/index%u", cpu_dir, index); /* ours, short */
        make_dir(tree, dir);
        put_number(tree, dir, "level", level);
        put_number(tree, dir, "id", id);
        put_list(tree, dir, "shared_cpu_list", one, like);
}

/* A CPU that is offline has no topology and no caches. */
static void put_cpu(struct tree *tree, unsigned cpu) {
        const struct machine *m = tree->m;
        const struct place *one = &tree->places[cpu];
        char dir[64], topology[96];

        (void)snprintf(dir, sizeof dir, "devices/system/cpu/cpu%u", cpu); /* fits */
        make_dir(tree, dir);
        if (!one->online)
                return;
        (void)snprintf(topology, sizeof topology, "%s/topology", dir); /* fits */
        make_dir(tree, topology);
        put_list(tree, topology, "core_cpus_list", one, same_core);
        put_list(tree, topology, "package_cpus_list", one, same_package);
        if (m->dies)
                put_list(tree, topology, "die_cpus_list", one, same_die);
        if (m->cluster_cores)
                put_list(tree, topology, "cluster_cpus_list", one, same_cluster);
        put_cache(tree, dir, 0, 1, one, same_core, one->core);
        put_cache(tree, dir, 1, 2, one,
                  m->cluster_cores > 2 || m->second_cluster ? same_cluster : same_core, one->core);
        if (m->l3_cores)
                put_cache(tree, dir, 2, 3, one, m->l3_cores == ~0u ? any : same_l3, one->l3);
        if (m->second_capacity)
                put_number(tree, dir, "cpu_capacity", one->capacity);
}

static void put_node(struct tree *tree, unsigned node, unsigned n_nodes) {
        const struct machine *m = tree->m;
        struct place one = {.node = node};
        char dir[64], path[80], distances[256] = "";
        size_t used = 0;

        (void)snprintf(dir, sizeof dir, "devices/system/node/node%u", node); /* fits */
        make_dir(tree, dir);
        put_list(tree, dir, "cpulist", &one, same_node);
        for (unsigned i = 0; i < n_nodes; i++) {
                unsigned distance = i == node                         ? 10
                                    : i / m->nodes == node / m->nodes ? m->near
                                                                      : m->far;
                used += (size_t)snprintf(distances + used, sizeof distances - used, "%s%u",
                                         used ? " " : "", distance); /* 8 nodes fit */
        }
        (void)snprintf(path, sizeof path, "%s/distance", dir); /* fits */
        put(tree, path, distances);
}

static void put_whole(struct tree *tree) {
        const struct machine *m = tree->m;
        unsigned n_nodes = m->packages * m->nodes;
        struct place nobody = {0};
        char text[32];

        make_dir(tree, "devices/system/cpu");
        make_dir(tree, "devices/system/node");
        put_list(tree, "devices/system/cpu", "online", &nobody, any);
        (void)snprintf(text, sizeof text, "0-%u", tree->n_cpus - 1); /* fits */
        put(tree, "devices/system/cpu/present", text);
        (void)snprintf(text, sizeof text, n_nodes > 1 ? "0-%u" : "0", n_nodes - 1); /* fits */
        put(tree, "devices/system/node/online", text);
        put(tree, "devices/system/node/has_memory", text);
        for (unsigned cpu = 0; cpu < tree->n_cpus; cpu++)
                put_cpu(tree, cpu);
        for (unsigned node = 0; node < n_nodes; node++)
                put_node(tree, node, n_nodes);
        if (m->allowed) {
                make_dir(tree, "fs/cgroup");
                put(tree, "fs/cgroup/cpuset.cpus.effective", m->allowed);
        }
}

const char *const *st_topologies(void) {
        static const char *names[N_MACHINES + 1];

        for (unsigned i = 0; i < N_MACHINES; i++)
                names[i] = machines[i].name;
        return names;
}

int st_topology_make(const char *name, int dir_fd) {
        struct tree tree = {.dir_fd = dir_fd};

        for (unsigned i = 0; i < N_MACHINES; i++) {
                if (!strcmp(machines[i].name, name))
                        tree.m = &machines[i];
        }
        if (!tree.m)
                return -ENOENT;
        lay_out(&tree);
        take_offline(&tree, tree.m->offline);
        put_whole(&tree);
        return tree.failure;
}
