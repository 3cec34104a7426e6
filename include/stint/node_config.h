/* include/stint/node_config.h: what the node's operator says about placement:
 * stint-placement.conf(5). */
#pragma once
#include <stint/arena.h>
#include <stint/placement.h>

enum rt_placement_wish {
        RT_PLACEMENT_OFF,
        RT_PLACEMENT_PREFER, /* rather shared, or spread, than not at all */
        RT_PLACEMENT_STRICT, /* rather not at all */
};

enum rt_memory_wish { RT_MEMORY_BIND, RT_MEMORY_PREFER, RT_MEMORY_OFF };

/* A class of resctrl, for the tasks of a tier. */
struct rt_node_class {
        const char *name; /* NULL: none */
        char **schemata;  /* lines, NULL ends them; may be empty */
};

struct rt_node_config {
        const char *ledger;              /* NULL: the default */
        const char *cgroup_root, *sysfs; /* NULL: the kernel's; for tests */
        const char *resctrl;             /* likewise */
        bool has_cpus;
        struct rt_cpus cpus;              /* what stint may give away */
        const char **ignored;             /* cgroups of others that do not count; NULL ends them */
        enum rt_placement_wish placement; /* of a task that does not say; off: of all */
        enum rt_tier tier;                /* likewise */
        bool whole_cores;                 /* likewise */
        bool cpus_from_quota; /* tasks with a CPU quota are placed, though they do not ask */
        unsigned wait_msec;   /* how long a strict task waits for CPUs */
        enum rt_memory_wish memory;
        struct rt_node_class classes[RT_N_TIERS];
        struct st_arena *arena;
};

/* Defaults, as without a file. */
#define RT_NODE_CONFIG_INIT                                                                        \
        { .placement = RT_PLACEMENT_PREFER, .tier = RT_TIER_EXCLUSIVE }

/**
 * "key = value" a line; '#' begins a comment line.
 * @name  what errors call the file
 * Errors: -EINVAL with file and line; -ENOMEM.
 */
int rt_node_config_parse(const char *name, const char *text, size_t length,
                         struct rt_node_config *ret_config, struct st_error *err) st_must_check;
/* 0: there is no such file, and the defaults are set; 1: read. */
int rt_node_config_read(const char *path, struct rt_node_config *ret_config,
                        struct st_error *err) st_must_check;
void rt_node_config_deinit(struct rt_node_config *config);

int rt_placement_wish_parse(const char *text, enum rt_placement_wish *ret) st_must_check;
