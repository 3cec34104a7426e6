/* tests/unit/placement/node.h: a node for the ledger: a machine's sysfs, and directories that stand
 * in for a v2 cgroup tree. */
#pragma once
#include "fixture.h"

#include <stint/ledger.h>

struct node {
        struct fixture machine;
        char path[64];
        char ledger_path[96], cgroup_root[96];
        struct rt_ledger *ledger;
};

struct node node_make(const char *machine);
void node_remove(struct node *node);
#define NODE(name, machine)                                                                        \
        __attribute__((cleanup(node_remove))) struct node name = node_make(machine)

/* Another process's view of the ledger. */
struct rt_ledger *node_open(const struct node *node);
/* A cgroup "a/b" with its own cpuset, or with NULL none. */
void node_cgroup(const struct node *node, const char *name, const char *list);
void node_remove_cgroup(const struct node *node, const char *name);
/* What a file of the cgroup says, its newline cut; in a static buffer. */
const char *node_read(const struct node *node, const char *name, const char *file);
/* Its absolute path, in one of a few static buffers. */
const char *node_path(const struct node *node, const char *name);

struct wish {
        const char *id, *tenant, *job;
        unsigned n_cpus;
        enum rt_tier tier;
        bool whole_cores, strict, memory;
        const char *within;
        pid_t owner;
        unsigned wait_msec;
};
/* Claim, make the cgroup, bind: a container's start. The token. */
uint64_t node_start(const struct node *node, struct wish wish);
/* The refusal's code, or 0; the cgroup is not made. */
int node_claim(const struct node *node, struct wish wish, struct rt_grant *ret_grant, char *why);
void node_end(const struct node *node, const char *id, uint64_t token);
/* "id:tier:cpus[:frozen|:queued] ..." in order, in a static buffer. */
const char *node_list(const struct node *node);
