#include "sections.h"

#include <linux/mempolicy.h>

enum { MAX_NODES = 1024 /* the largest MAX_NUMNODES */ };
enum { WEIGHTED_INTERLEAVE = 6 /* Linux 6.9; not in the headers of Debian 12 */ };

static const struct st_name modes[] = {
        {"MPOL_DEFAULT", MPOL_DEFAULT},
        {"MPOL_PREFERRED", MPOL_PREFERRED},
        {"MPOL_BIND", MPOL_BIND},
        {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
        {"MPOL_LOCAL", MPOL_LOCAL},
        {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
        {"MPOL_WEIGHTED_INTERLEAVE", WEIGHTED_INTERLEAVE},
        {NULL},
};

static const struct st_name flags[] = {
        {"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
        {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
        {"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
        {NULL},
};

/* set_mempolicy(2): which modes take nodes. MPOL_PREFERRED takes them or not. */
static void check_nodes(struct st_reader *r, const struct st_json *node,
                        const struct st_memory_policy *policy) {
        bool without = policy->mode == MPOL_DEFAULT || policy->mode == MPOL_LOCAL;
        unsigned both = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;

        if (without && policy->nodes)
                st_reader_reject(r, st_json_get(node, "nodes"),
                                 "must be absent with MPOL_DEFAULT and MPOL_LOCAL");
        else if (!without && policy->mode != MPOL_PREFERRED && !policy->nodes)
                st_reader_missing(r, node, "nodes", "a list of nodes with this mode");
        if ((policy->flags & both) == both)
                st_reader_reject(r, st_json_get(node, "flags"),
                                 "has both MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES");
}

void st_read_memory_policy(struct st_reader *r, const struct st_json *node,
                           struct st_linux *linux_) {
        const struct st_json *section = st_reader_object(r, node, "memoryPolicy"), *mode;
        struct st_memory_policy *policy;

        if (!section)
                return;
        policy = st_reader_alloc(r, 1, sizeof *policy);
        if (!policy)
                return;
        linux_->memory_policy = policy;
        mode = st_reader_member(section, "mode");
        if (!mode) {
                st_reader_missing(r, section, "mode", "a mode such as MPOL_BIND");
                return;
        }
        policy->mode = (int)st_reader_name(r, mode, modes);
        ST_JSON_FOREACH (flag, st_reader_array(r, section, "flags"))
                policy->flags |= (unsigned)st_reader_name(r, flag, flags);
        policy->nodes = st_reader_cpu_list(r, section, "nodes", MAX_NODES);
        check_nodes(r, section, policy);
}
