/* runtime/cgroup/stats_v1.c: statistics of v1's cpuacct, cpu, cpuset, memory and blkio. */
#include "stats.h"

#include <stdio.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/parse.h>
#include <stint/scan.h>

enum { TICK_NSEC = 1000000000 / 100 }; /* cpuacct.stat counts in USER_HZ, which is 100 everywhere */

/* "1 2 3 " */
static int put_numbers(int dir_fd, const char *file, struct st_json_writer *w, const char *key,
                       struct st_error *err) {
        st_cleanup(rt_stat_text_deinit) struct rt_stat_text text = {0};
        int r = rt_stat_read(dir_fd, file, &text, err);
        char *line, *rest = NULL;

        line = r < 0 ? NULL : rt_stat_line(&text);
        if (!line)
                return r;
        st_json_open_array(w, key);
        for (char *number = strtok_r(line, " ", &rest); number;
             number = strtok_r(NULL, " ", &rest)) {
                uint64_t value;
                if (st_parse_u64(number, &value) == 0)
                        st_json_uint(w, NULL, value);
        }
        st_json_close_array(w);
        return 0;
}

/* Column @column of "cpu user system" lines. */
static int put_column(int dir_fd, unsigned column, struct st_json_writer *w, const char *key,
                      struct st_error *err) {
        st_cleanup(rt_stat_text_deinit) struct rt_stat_text text = {0};
        int r = rt_stat_read(dir_fd, "cpuacct.usage_all", &text, err);
        char *line = r < 0 ? NULL : rt_stat_line(&text); /* the heading */

        if (!line)
                return r;
        st_json_open_array(w, key);
        while ((line = rt_stat_line(&text))) {
                const char *at = line;
                uint64_t values[3];
                if (st_scan_u64(&at, &values[0]) && st_scan_u64(&at, &values[1]) &&
                    st_scan_u64(&at, &values[2]))
                        st_json_uint(w, NULL, values[column]);
        }
        st_json_close_array(w);
        return 0;
}

static int put_usage(int dir_fd, struct st_json_writer *w, struct st_error *err) {
        uint64_t total = 0;
        int r;

        if (rt_stat_u64(dir_fd, "cpuacct.usage", &total))
                rt_stat_put(w, "total", total);
        r = put_numbers(dir_fd, "cpuacct.usage_percpu", w, "percpu", err);
        if (r == 0)
                r = put_column(dir_fd, 2, w, "percpu_kernel", err);
        if (r == 0)
                r = put_column(dir_fd, 1, w, "percpu_user", err);
        st_json_uint(w, "kernel", rt_stat_value(dir_fd, "cpuacct.stat", "system") * TICK_NSEC);
        st_json_uint(w, "user", rt_stat_value(dir_fd, "cpuacct.stat", "user") * TICK_NSEC);
        return r;
}

int rt_stats_v1_cpu(const struct rt_cgroup *cgroup, struct st_json_writer *w,
                    struct st_error *err) {
        struct rt_leaf *acct = rt_leaf_of(cgroup, RT_CTL_CPUACCT),
                       *cpu = rt_leaf_of(cgroup, RT_CTL_CPU);
        int acct_fd = acct ? rt_leaf_dir((struct rt_cgroup *)cgroup, acct) : -1;
        int cpu_fd = cpu ? rt_leaf_dir((struct rt_cgroup *)cgroup, cpu) : -1, r = 0;

        st_json_open_object(w, "usage");
        if (acct_fd >= 0)
                r = put_usage(acct_fd, w, err);
        st_json_close_object(w);
        st_json_open_object(w, "throttling");
        if (cpu_fd >= 0) {
                rt_stat_put(w, "periods", rt_stat_value(cpu_fd, "cpu.stat", "nr_periods"));
                rt_stat_put(w, "throttledPeriods",
                            rt_stat_value(cpu_fd, "cpu.stat", "nr_throttled"));
                rt_stat_put(w, "throttledTime",
                            rt_stat_value(cpu_fd, "cpu.stat", "throttled_time"));
        }
        st_json_close_object(w);
        return r;
}

static void put_flag(int dir_fd, const char *file, struct st_json_writer *w, const char *key) {
        uint64_t value = 0;

        if (dir_fd >= 0)
                (void)rt_stat_u64(dir_fd, file, &value); /* absent is 0 */
        st_json_uint(w, key, value);
}

static void put_list(int dir_fd, const char *file, struct st_json_writer *w, const char *key) {
        char list[4096];

        if (dir_fd >= 0 && rt_knob_read(dir_fd, file, list, sizeof list) == 0)
                rt_stat_put_list(w, key, list);
}

/* v2 has of these only the lists; runc prints the rest as 0. */
void rt_stats_cpuset(int dir_fd, bool v2, struct st_json_writer *w) {
        int flags_fd = v2 ? -1 : dir_fd;
        char level[16];
        int64_t relax = 0;

        put_list(dir_fd, v2 ? "cpuset.cpus.effective" : "cpuset.cpus", w, "cpus");
        put_flag(flags_fd, "cpuset.cpu_exclusive", w, "cpu_exclusive");
        put_list(dir_fd, v2 ? "cpuset.mems.effective" : "cpuset.mems", w, "mems");
        put_flag(flags_fd, "cpuset.mem_hardwall", w, "mem_hardwall");
        put_flag(flags_fd, "cpuset.mem_exclusive", w, "mem_exclusive");
        put_flag(flags_fd, "cpuset.memory_migrate", w, "memory_migrate");
        put_flag(flags_fd, "cpuset.memory_spread_page", w, "memory_spread_page");
        put_flag(flags_fd, "cpuset.memory_spread_slab", w, "memory_spread_slab");
        put_flag(flags_fd, "cpuset.memory_pressure", w, "memory_pressure");
        put_flag(flags_fd, "cpuset.sched_load_balance", w, "sched_load_balance");
        if (flags_fd >= 0 &&
            rt_knob_read(flags_fd, "cpuset.sched_relax_domain_level", level, sizeof level) == 0)
                (void)st_parse_i64(level, &relax); /* absent is 0 */
        st_json_int(w, "sched_relax_domain_level", relax);
}

static void put_memory(int dir_fd, const char *name, struct st_json_writer *w, const char *key) {
        struct rt_stat_memory memory = {0};
        const struct {
                const char *suffix;
                uint64_t *value;
        } files[] = {{"limit_in_bytes", &memory.limit},
                     {"usage_in_bytes", &memory.usage},
                     {"max_usage_in_bytes", &memory.max},
                     {"failcnt", &memory.failcnt}};
        char file[64];

        for (size_t i = 0; i < 4; i++) {
                (void)snprintf(file, sizeof file, "%s.%s", name, files[i].suffix);
                (void)rt_stat_u64(dir_fd, file, files[i].value); /* absent is 0 */
        }
        rt_stat_put_memory(w, key, &memory);
}

int rt_stats_v1_memory(int dir_fd, struct st_json_writer *w, struct st_error *err) {
        int r = rt_stat_put_raw(dir_fd, "cache", w, err);

        put_memory(dir_fd, "memory", w, "usage");
        put_memory(dir_fd, "memory.memsw", w, "swap");
        put_memory(dir_fd, "memory.kmem", w, "kernel");
        put_memory(dir_fd, "memory.kmem.tcp", w, "kernelTCP");
        return r;
}

/* "8:0 Read 4096", or "8:0 512"; and a line "Total ...". *ret_any: there was a line of a device. */
static int put_entries(int dir_fd, const char *file, struct st_json_writer *w, const char *key,
                       bool *ret_any, struct st_error *err) {
        st_cleanup(rt_stat_text_deinit) struct rt_stat_text text = {0};
        int r = rt_stat_read(dir_fd, file, &text, err);
        char *line;

        *ret_any = false;
        if (r < 0)
                return r;
        while ((line = rt_stat_line(&text))) {
                uint64_t major, minor, value;
                const char *at = line;
                char op[16] = "";

                if (!rt_stat_scan_device(&at, &major, &minor))
                        continue;
                if (!st_scan_u64(&at, &value) &&
                    (!st_scan_word(&at, op, sizeof op) || !st_scan_u64(&at, &value)))
                        continue;
                if (!*ret_any)
                        st_json_open_array(w, key);
                *ret_any = true;
                rt_stat_put_entry(w, major, minor, op, value);
        }
        if (*ret_any)
                st_json_close_array(w);
        return 0;
}

/* bfq counts per operation; the throttling layer, which sees every scheduler's I/O, only bytes and
 * requests. */
int rt_stats_v1_blkio(int dir_fd, struct st_json_writer *w, struct st_error *err) {
        static const struct {
                const char *key, *files[4];
        } table[] = {
                {"ioServiceBytesRecursive",
                 {"blkio.bfq.io_service_bytes_recursive",
                  "blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"}},
                {"ioServicedRecursive",
                 {"blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive",
                  "blkio.throttle.io_serviced"}},
                {"ioQueueRecursive", {"blkio.bfq.io_queued_recursive"}},
                {"ioServiceTimeRecursive", {"blkio.bfq.io_service_time_recursive"}},
                {"ioWaitTimeRecursive", {"blkio.bfq.io_wait_time_recursive"}},
                {"ioMergedRecursive", {"blkio.bfq.io_merged_recursive"}},
                {"ioTimeRecursive", {"blkio.bfq.time_recursive"}},
                {"sectorsRecursive", {"blkio.bfq.sectors_recursive"}},
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                bool any = false;
                for (size_t k = 0; k < 4 && table[i].files[k] && !any; k++) {
                        int r = put_entries(dir_fd, table[i].files[k], w, table[i].key, &any, err);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}
