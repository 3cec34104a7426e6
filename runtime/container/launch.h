/* runtime/container/launch.h: cloning a container's first process with all its namespaces. */
#pragma once
#include "init.h"

struct rt_child {
        pid_t pid; /* in the caller's pid namespace */
        int pidfd;
};

/* Whether the child may share the caller's memory: what must be known before, for
 * init->shares_memory. */
bool rt_launch_can_share(const struct rt_namespaces *namespaces);

/* Clone and let the child run rt_init_main(). The child's parent is the caller also where a stage
 * process in between had to join namespaces first. With init->shares_memory (CLONE_VM|CLONE_VFORK)
 * it returns when the child has executed or exited. */
int rt_launch(struct rt_init *init, struct rt_child *ret_child, struct st_error *err) st_must_check;
