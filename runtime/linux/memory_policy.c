#include <stint/process.h>
#include <stint/syscall.h>

enum { NODE_WORDS = 1024 / 64 }; /* 1 << NODES_SHIFT at its largest */

int rt_memory_policy_apply(const struct st_memory_policy *policy, struct st_error *err) {
        uint64_t mask[NODE_WORDS] = {0};
        const uint64_t *nodes = NULL;
        unsigned long max_node = 0;

        if (policy->nodes && *policy->nodes) {
                int r = st_parse_cpu_list(policy->nodes, mask, NODE_WORDS);
                if (r < 0)
                        return st_error_code(err, r, "linux.memoryPolicy.nodes: %s", policy->nodes);
                nodes = mask;
                max_node = NODE_WORDS * 64 +
                           1; /* set_mempolicy(2) reads one bit fewer than it is told */
        }
        if (syscall(SYS_set_mempolicy, policy->mode | (int)policy->flags, nodes, max_node) < 0)
                return st_error_sys(
                        err, "linux.memoryPolicy: set_mempolicy mode %d, flags %#x, nodes %s",
                        policy->mode, policy->flags, nodes ? policy->nodes : "none");
        return 0;
}
