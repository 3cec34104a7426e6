/* runtime/container/launch.h: cloning a container's first process with all its namespaces. */
#pragma once
#include "init.h"

struct rt_child {
        pid_t pid;                    /* in the caller's pid namespace */
        int pidfd;
};

/* Clone and let the child run rt_init_main(). The child's parent is the caller also where a stage process in between had to
 * join namespaces first. @share_memory: CLONE_VM|CLONE_VFORK: returns when the child has executed or exited. */
int rt_launch(struct rt_init *init, bool share_memory, struct rt_child *ret_child, struct st_error *err) st_must_check;
