/* runtime/cgroup/counters.c: the few numbers that belong into a record of a task. */
#include "stats.h"

#include <string.h>

#include <stint/fs.h>

static int64_t number(int dir_fd, const char *file) {
        uint64_t value;

        return dir_fd >= 0 && rt_stat_u64(dir_fd, file, &value) && value <= INT64_MAX
                       ? (int64_t)value
                       : -1;
}

static int dir_of(const struct rt_cgroup *cgroup, struct rt_leaf *leaf) {
        return leaf ? rt_leaf_dir((struct rt_cgroup *)cgroup, leaf) : -1;
}

static int64_t cpu_nsec(const struct rt_cgroup *cgroup) {
        struct rt_leaf *acct = rt_leaf_of(cgroup, RT_CTL_CPUACCT), *v2 = rt_leaf_v2(cgroup);

        if (acct)
                return number(dir_of(cgroup, acct), "cpuacct.usage");
        if (!v2 || dir_of(cgroup, v2) < 0)
                return -1;
        return (int64_t)rt_stat_value(v2->dir_fd, "cpu.stat", "usage_usec") * 1000;
}

static int64_t throttled_nsec(const struct rt_cgroup *cgroup) {
        struct rt_leaf *leaf = rt_leaf_of(cgroup, RT_CTL_CPU);
        int dir_fd = dir_of(cgroup, leaf);

        if (dir_fd < 0)
                return -1;
        return leaf->v2 ? (int64_t)rt_stat_value(dir_fd, "cpu.stat", "throttled_usec") * 1000
                        : (int64_t)rt_stat_value(dir_fd, "cpu.stat", "throttled_time");
}

static int64_t memory_peak(const struct rt_cgroup *cgroup) {
        struct rt_leaf *leaf = rt_leaf_of(cgroup, RT_CTL_MEMORY);

        return leaf ? number(dir_of(cgroup, leaf),
                             leaf->v2 ? "memory.peak" : "memory.max_usage_in_bytes")
                    : -1;
}

void rt_cgroup_read_counters(const struct rt_cgroup *cgroup, struct rt_cgroup_counters *ret) {
        *ret = (struct rt_cgroup_counters) {
                .cpu_nsec = cpu_nsec(cgroup),
                .memory_peak_bytes = memory_peak(cgroup),
                .oom_kills = rt_cgroup_oom_kills(cgroup),
                .throttled_nsec = throttled_nsec(cgroup),
        };
}

bool rt_cgroup_reset_peak(const struct rt_cgroup *cgroup) {
        struct rt_leaf *leaf = rt_leaf_of(cgroup, RT_CTL_MEMORY);
        int dir_fd = dir_of(cgroup, leaf);

        /* v2 (since Linux 6.12) resets what one open descriptor shows, not the file */
        return dir_fd >= 0 && !leaf->v2 &&
               st_write_knob_at(dir_fd, "memory.max_usage_in_bytes", "0") == 0;
}
