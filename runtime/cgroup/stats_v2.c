/* runtime/cgroup/stats_v2.c: statistics of v2's cpu, memory and io, and of hugetlb and rdma, which
 * differ little. */
#include "stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/parse.h>
#include <stint/scan.h>

int rt_stats_v2_cpu(int dir_fd, struct st_json_writer *w, struct st_error *err) {
        st_cleanup(rt_stat_text_deinit) struct rt_stat_text text = {0};
        uint64_t total = 0, user = 0, kernel = 0, periods = 0, throttled = 0, time = 0;
        const struct {
                const char *key;
                uint64_t *value;
                unsigned scale;
        } fields[] = {{"usage_usec", &total, 1000},    {"user_usec", &user, 1000},
                      {"system_usec", &kernel, 1000},  {"nr_periods", &periods, 1},
                      {"nr_throttled", &throttled, 1}, {"throttled_usec", &time, 1000}};
        int r = rt_stat_read(dir_fd, "cpu.stat", &text, err);
        char *line;

        while (r == 0 && (line = rt_stat_line(&text))) {
                char *number = rt_stat_cut(line);
                for (size_t i = 0; number && i < sizeof fields / sizeof *fields; i++)
                        if (!strcmp(line, fields[i].key) &&
                            st_parse_u64(number, fields[i].value) == 0)
                                *fields[i].value *= fields[i].scale;
        }
        st_json_open_object(w, "usage");
        rt_stat_put(w, "total", total);
        st_json_uint(w, "kernel", kernel);
        st_json_uint(w, "user", user);
        st_json_close_object(w);
        st_json_open_object(w, "throttling");
        rt_stat_put(w, "periods", periods);
        rt_stat_put(w, "throttledPeriods", throttled);
        rt_stat_put(w, "throttledTime", time);
        st_json_close_object(w);
        return r;
}

/* runc reports swap as v1 does, memory included, and no peak for the sum, since there is none. */
int rt_stats_v2_memory(int dir_fd, struct st_json_writer *w, struct st_error *err) {
        struct rt_stat_memory usage = {0}, swap = {0};
        int r = rt_stat_put_raw(dir_fd, "file", w, err);

        if (rt_stat_u64(dir_fd, "memory.current", &usage.usage)) {
                (void)rt_stat_u64(dir_fd, "memory.max", &usage.limit);
                (void)rt_stat_u64(dir_fd, "memory.peak", &usage.max); /* since Linux 5.19 */
                usage.failcnt = rt_stat_value(dir_fd, "memory.events", "max");
                (void)rt_stat_u64(dir_fd, "memory.swap.current", &swap.usage);
                (void)rt_stat_u64(dir_fd, "memory.swap.max", &swap.limit);
                swap.usage += usage.usage;
                if (__builtin_add_overflow(swap.limit, usage.limit, &swap.limit))
                        swap.limit = UINT64_MAX;
        }
        rt_stat_put_memory(w, "usage", &usage);
        rt_stat_put_memory(w, "swap", &swap);
        return r;
}

/* One key of io.stat, "8:0 rbytes=1 wbytes=2 ...", for each device. */
static void put_io_key(struct st_json_writer *w, char *line, const char *key, const char *op) {
        const char *found = strstr(line, key), *at = line,
                   *amount = found ? found + strlen(key) : "";
        uint64_t major, minor, value;

        if (rt_stat_scan_device(&at, &major, &minor) && st_scan_text(&amount, "=") &&
            st_scan_u64(&amount, &value))
                rt_stat_put_entry(w, major, minor, op, value);
}

static int put_io(int dir_fd, struct st_json_writer *w, const char *name, const char *read_key,
                  const char *write_key, struct st_error *err) {
        st_cleanup(rt_stat_text_deinit) struct rt_stat_text text = {0};
        int r = rt_stat_read(dir_fd, "io.stat", &text, err);
        char *line;

        if (r < 0 || !text.text || !*text.text)
                return r;
        st_json_open_array(w, name);
        while ((line = rt_stat_line(&text))) {
                put_io_key(w, line, read_key, "Read");
                put_io_key(w, line, write_key, "Write");
        }
        st_json_close_array(w);
        return 0;
}

int rt_stats_v2_io(int dir_fd, struct st_json_writer *w, struct st_error *err) {
        int r = put_io(dir_fd, w, "ioServiceBytesRecursive", " rbytes", " wbytes", err);

        return r < 0 ? r : put_io(dir_fd, w, "ioServicedRecursive", " rios", " wios", err);
}

static void put_huge_page(int dir_fd, bool v2, const char *size, struct st_json_writer *w) {
        static const char *const rsvd[] = {
                ".rsvd", ""}; /* reservations, since Linux 5.7, count what is used too */
        uint64_t usage = 0, max = 0, failcnt = 0;
        char file[96];

        for (size_t i = 0; i < 2; i++) {
                (void)snprintf(file, sizeof file, "hugetlb.%s%s.%s", size, rsvd[i],
                               v2 ? "current" : "usage_in_bytes");
                if (!rt_stat_u64(dir_fd, file, &usage))
                        continue;
                if (!v2) {
                        (void)snprintf(file, sizeof file, "hugetlb.%s%s.max_usage_in_bytes", size,
                                       rsvd[i]);
                        (void)rt_stat_u64(dir_fd, file, &max); /* absent is 0 */
                        (void)snprintf(file, sizeof file, "hugetlb.%s%s.failcnt", size, rsvd[i]);
                        (void)rt_stat_u64(dir_fd, file, &failcnt); /* likewise */
                }
                break;
        }
        if (v2) {
                (void)snprintf(file, sizeof file, "hugetlb.%s.events", size);
                failcnt = rt_stat_value(dir_fd, file, "max");
        }
        st_json_open_object(w, size);
        rt_stat_put(w, "usage", usage);
        rt_stat_put(w, "max", max);
        st_json_uint(w, "failcnt", failcnt);
        st_json_close_object(w);
}

/* The sizes are those that the cgroup has files for. */
int rt_stats_hugetlb(int dir_fd, bool v2, struct st_json_writer *w, struct st_error *err) {
        const char *suffix = v2 ? ".current" : ".usage_in_bytes";
        st_autoclosedir DIR *dir = NULL;
        const struct dirent *entry;
        int fd = dir_fd < 0 ? -1 : openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        st_json_open_object(w, "hugetlb");
        dir = fd < 0 ? NULL : fdopendir(fd);
        if (dir_fd >= 0 && !dir) {
                int r = st_error_sys(err, "list the hugetlb cgroup");
                (void)st_close(fd);
                return r;
        }
        while (dir && (entry = readdir(dir))) {
                const char *at = entry->d_name;
                char size[24];
                size_t n;

                if (!st_scan_text(&at, "hugetlb."))
                        continue;
                n = strspn(at, "0123456789KMGB");
                if (n == 0 || n >= sizeof size || strcmp(at + n, suffix))
                        continue;
                memcpy(size, at, n);
                size[n] = 0;
                put_huge_page(dir_fd, v2, size, w);
        }
        st_json_close_object(w);
        return 0;
}

static void put_rdma_value(const char *text, const char *name, struct st_json_writer *w,
                           const char *key) {
        const char *at = strstr(text, name);
        uint64_t value;

        if (at && st_scan_text(&at, name) && st_scan_u64(&at, &value))
                st_json_uint(w, key, value);
}

/* "mlx5_0 hca_handle=2 hca_object=2000", the same on v1 and v2. "max" is left out. */
static void put_rdma_line(char *line, struct st_json_writer *w) {
        const char *rest = rt_stat_cut(line);

        st_json_open_object(w, NULL);
        st_json_string(w, "device", line);
        put_rdma_value(rest ? rest : "", "hca_handle=", w, "hcaHandles");
        put_rdma_value(rest ? rest : "", "hca_object=", w, "hcaObjects");
        st_json_close_object(w);
}

/* Not in runc's object, whose readers skip what they do not know. Nothing on a machine without such
 * devices. */
int rt_stats_rdma(int dir_fd, struct st_json_writer *w, struct st_error *err) {
        static const char *const files[] = {"rdma.current", "rdma.max"}, *const keys[] = {"current",
                                                                                          "limit"};
        bool any = false;

        for (size_t i = 0; dir_fd >= 0 && i < 2; i++) {
                st_cleanup(rt_stat_text_deinit) struct rt_stat_text text = {0};
                int r = rt_stat_read(dir_fd, files[i], &text, err);
                char *line = r < 0 ? NULL : rt_stat_line(&text);

                if (r < 0)
                        return r;
                if (!line)
                        continue;
                if (!any)
                        st_json_open_object(w, "rdma");
                any = true;
                st_json_open_array(w, keys[i]);
                for (; line; line = rt_stat_line(&text))
                        put_rdma_line(line, w);
                st_json_close_array(w);
        }
        if (any)
                st_json_close_object(w);
        return 0;
}
