/* runtime/batch/capacity.h: what this process may use: its affinity and the limits of its cgroups,
 * as a batch system, systemd or a container runtime has set them. */
#pragma once
#include <stdint.h>

#include <stint/error.h>

struct rt_capacity {
        uint64_t cpu_milli;
        uint64_t memory_bytes;
};

/* @proc "/proc", @cgroups "/sys/fs/cgroup", or what stands in for them. */
int rt_capacity_read(const char *proc, const char *cgroups, struct rt_capacity *ret_capacity,
                     struct st_error *err) st_must_check;
/* How many tasks fit at once, at least one. 0: a task's share is one CPU, or any memory. */
unsigned rt_capacity_slots(const struct rt_capacity *capacity, uint64_t cpu_milli,
                           uint64_t memory_bytes);
