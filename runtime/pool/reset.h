/* runtime/pool/reset.h: making a slot that ran a task what it was before. In the child,
 * async-signal-safe; no other process is left in the slot. */
#pragma once
#include "parked.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>

/* What a task of the same user can do to the slot's first process, and with that to the next task,
 * which inherits it. */
struct rt_reset_baseline {
        struct rlimit limits[RLIM_NLIMITS];
        cpu_set_t cpus;
        uint32_t policy, priority;
        int32_t nice;
        int io_priority;
        struct utsname host;
        int oom_score_adj_fd, coredump_filter_fd; /* of itself; -1: the kernel has none */
        char oom_score_adj[16], coredump_filter[24];
        struct rt_reset_dir {
                int fd;
                uint32_t mode, uid, gid;
        } dirs[RT_PARKED_DIRS_MAX];
        size_t n_dirs;
};

int rt_reset_remember(const struct rt_parked *parked, struct rt_reset_baseline *ret_baseline,
                      struct st_error *err);
/* Empties the directories and the IPC namespace, and makes sure that the rest is as it was. An
 * error says what is not: the slot is damaged.
 * @renamed: the host name is the dispatch's, to be put back. */
int rt_reset_apply(const struct rt_reset_baseline *baseline, bool renamed, struct st_error *err);

/* All below @dir_fd, of any depth, with two descriptors. */
int rt_reset_empty_dir(int dir_fd, struct st_error *err);
