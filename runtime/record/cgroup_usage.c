/* The counters that a record keeps, from the cgroup's files. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include <stint/cgroup.h>
#include <stint/cleanup.h>
#include <stint/exit_record.h>
#include <stint/scan.h>

enum { FILE_ROOM = 4096 };
enum { NSEC_PER_USEC = 1000 };

/* One small file of a leaf; "" when it is not there. */
static const char *read_small(const char *leaf, const char *file, char buf[static FILE_ROOM]) {
        st_autoclose int fd = -1;
        char path[PATH_MAX];
        ssize_t n = -1;

        if (leaf && snprintf(path, sizeof path, "%s/%s", leaf, file) < (int)sizeof path)
                fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
                n = read(fd, buf, FILE_ROOM - 1);
        buf[n > 0 ? n : 0] = 0;
        return buf;
}

static int64_t number_of(const char *text) {
        uint64_t value;

        return st_scan_u64(&text, &value) && value <= INT64_MAX ? (int64_t)value : -1;
}

/* The number after @key at the front of a line. */
static int64_t value_of(const char *text, const char *key) {
        size_t n = strlen(key);

        for (const char *line = text; line && *line;
             line = strchr(line, '\n'), line = line ? line + 1 : NULL)
                if (!strncmp(line, key, n) && line[n] == ' ')
                        return number_of(line + n);
        return -1;
}

static int64_t read_number(const char *leaf, const char *file) {
        char buf[FILE_ROOM];

        return number_of(read_small(leaf, file, buf));
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static int64_t read_pressure(const char *leaf, const char *file) {
        char buf[FILE_ROOM];
        const char *total = strstr(read_small(leaf, file, buf), " total=");

        return total ? number_of(total + strlen(" total=")) : -1;
}

static int64_t to_usec(int64_t nsec) {
        return nsec < 0 ? -1 : nsec / NSEC_PER_USEC;
}

/* Sum of "rbytes=N" in the lines of io.stat, which has none when nothing was read. */
static int64_t sum_of(const char *text, const char *key) {
        int64_t sum = 0;

        for (const char *at = text; (at = strstr(at, key)); at += strlen(key)) {
                int64_t value = number_of(at + strlen(key));
                sum += value > 0 ? value : 0;
        }
        return sum;
}

static void read_v2(const char *leaf, struct rt_record_cgroup *usage) {
        char buf[FILE_ROOM];
        const char *text = read_small(leaf, "cpu.stat", buf);

        usage->cpu_usec = value_of(text, "usage_usec");
        usage->user_usec = value_of(text, "user_usec");
        usage->system_usec = value_of(text, "system_usec");
        usage->throttled_periods = value_of(text, "nr_throttled");
        usage->throttled_usec = value_of(text, "throttled_usec");
        usage->memory_peak_bytes = read_number(leaf, "memory.peak");
        text = read_small(leaf, "io.stat", buf);
        if (*text) {
                usage->read_bytes = sum_of(text, " rbytes=");
                usage->write_bytes = sum_of(text, " wbytes=");
        }
}

static void read_v1(const struct rt_cgroup *cgroup, struct rt_record_cgroup *usage) {
        const char *acct = rt_cgroup_path(cgroup, "cpuacct");
        const char *cpu = rt_cgroup_path(cgroup, "cpu"), *blkio = rt_cgroup_path(cgroup, "blkio");
        char buf[FILE_ROOM];
        const char *text;

        usage->cpu_usec = to_usec(read_number(acct, "cpuacct.usage"));
        usage->user_usec = to_usec(read_number(acct, "cpuacct.usage_user"));
        usage->system_usec = to_usec(read_number(acct, "cpuacct.usage_sys"));
        text = read_small(cpu, "cpu.stat", buf);
        usage->throttled_periods = value_of(text, "nr_throttled");
        usage->throttled_usec = to_usec(value_of(text, "throttled_time"));
        usage->memory_peak_bytes =
                read_number(rt_cgroup_path(cgroup, "memory"), "memory.max_usage_in_bytes");
        text = read_small(blkio, "blkio.throttle.io_service_bytes", buf);
        if (*text) {
                usage->read_bytes = sum_of(text, " Read ");
                usage->write_bytes = sum_of(text, " Write ");
        }
}

void rt_record_cgroup_read(const struct rt_cgroup *cgroup, struct rt_record_cgroup *ret_usage) {
        struct rt_record_cgroup usage = RT_RECORD_CGROUP_UNKNOWN;
        const char *unified = rt_cgroup_path(cgroup, NULL);

        if (rt_cgroup_mode_of(cgroup) == RT_CGROUP_V2)
                read_v2(unified, &usage);
        else
                read_v1(cgroup, &usage);
        usage.oom_kills = rt_cgroup_oom_kills(cgroup);
        usage.cpu_pressure_usec = read_pressure(unified, "cpu.pressure");
        usage.memory_pressure_usec = read_pressure(unified, "memory.pressure");
        usage.io_pressure_usec = read_pressure(unified, "io.pressure");
        *ret_usage = usage;
}
