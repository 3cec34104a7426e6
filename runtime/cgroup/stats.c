/* runtime/cgroup/stats.c: a container's resource use, in the shape of runc's `events --stats`: its
 * "data" object. */
#include "stats.h"

#include <fcntl.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/parse.h>
#include <stint/scan.h>

#define STAT_MAX ((size_t)4 << 20)

/* What a file says that this kernel or this cgroup does not have. */
static bool is_absent(int r) {
        return r == -ENOENT || r == -EOPNOTSUPP || r == -ENODEV;
}

int rt_stat_read(int dir_fd, const char *file, struct rt_stat_text *ret, struct st_error *err) {
        struct st_error why = {0};
        char *text = NULL;
        int r = st_read_file_at(dir_fd, file, STAT_MAX, &text, NULL, &why);

        if (r < 0 && !is_absent(r)) {
                if (err)
                        *err = why;
                return r;
        }
        *ret = (struct rt_stat_text) {.text = text, .at = text};
        return 0;
}

void rt_stat_text_deinit(struct rt_stat_text *text) {
        free(text->text);
}

char *rt_stat_line(struct rt_stat_text *text) {
        char *line = text->at;

        if (!line || !*line)
                return NULL;
        text->at += strcspn(line, "\n");
        if (*text->at)
                *text->at++ = 0;
        return line;
}

char *rt_stat_cut(char *line) {
        char *blank = line ? strchr(line, ' ') : NULL;

        if (!blank)
                return NULL;
        *blank = 0;
        return blank + 1;
}

bool rt_stat_u64(int dir_fd, const char *file, uint64_t *ret) {
        return rt_knob_read_u64(dir_fd, file, ret) == 0;
}

uint64_t rt_stat_value(int dir_fd, const char *file, const char *key) {
        st_cleanup(rt_stat_text_deinit) struct rt_stat_text text = {0};
        uint64_t value = 0;
        char *line;

        if (rt_stat_read(dir_fd, file, &text, NULL) < 0)
                return 0;
        while ((line = rt_stat_line(&text))) {
                char *number = rt_stat_cut(line);
                if (number && !strcmp(line, key) && st_parse_u64(number, &value) == 0)
                        return value;
        }
        return 0;
}

void rt_stat_put(struct st_json_writer *w, const char *key, uint64_t value) {
        if (value)
                st_json_uint(w, key, value);
}

void rt_stat_put_memory(struct st_json_writer *w, const char *key,
                        const struct rt_stat_memory *memory) {
        if (!memory->limit && !memory->usage && !memory->max && !memory->failcnt)
                return;
        st_json_open_object(w, key);
        st_json_uint(w, "limit", memory->limit);
        rt_stat_put(w, "usage", memory->usage);
        rt_stat_put(w, "max", memory->max);
        st_json_uint(w, "failcnt", memory->failcnt);
        st_json_close_object(w);
}

int rt_stat_put_raw(int dir_fd, const char *cache_key, struct st_json_writer *w,
                    struct st_error *err) {
        st_cleanup(rt_stat_text_deinit) struct rt_stat_text text = {0};
        uint64_t value;
        char *line;
        int r = rt_stat_read(dir_fd, "memory.stat", &text, err);

        if (r < 0)
                return r;
        rt_stat_put(w, "cache", rt_stat_value(dir_fd, "memory.stat", cache_key));
        if (!text.text)
                return 0;
        st_json_open_object(w, "raw");
        while ((line = rt_stat_line(&text))) {
                char *number = rt_stat_cut(line);
                if (number && st_parse_u64(number, &value) == 0)
                        st_json_uint(w, line, value);
        }
        st_json_close_object(w);
        return 0;
}

bool rt_stat_scan_device(const char **at, uint64_t *ret_major, uint64_t *ret_minor) {
        return st_scan_u64(at, ret_major) && st_scan_text(at, ":") && st_scan_u64(at, ret_minor);
}

void rt_stat_put_entry(struct st_json_writer *w, uint64_t major, uint64_t minor, const char *op,
                       uint64_t value) {
        st_json_open_object(w, NULL);
        rt_stat_put(w, "major", major);
        rt_stat_put(w, "minor", minor);
        if (*op)
                st_json_string(w, "op", op);
        rt_stat_put(w, "value", value);
        st_json_close_object(w);
}

static void put_range(struct st_json_writer *w, const char *range) {
        uint64_t first, last;

        if (!st_scan_u64(&range, &first))
                return;
        if (!st_scan_text(&range, "-") || !st_scan_u64(&range, &last))
                last = first;
        for (uint64_t i = first; i <= last && i <= UINT16_MAX; i++)
                st_json_uint(w, NULL, i);
}

void rt_stat_put_list(struct st_json_writer *w, const char *key, const char *list) {
        if (!*list)
                return;
        st_json_open_array(w, key);
        for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
                put_range(w, at);
        st_json_close_array(w);
}

static bool scan_average(const char **at, const char *key, double *ret) {
        char *end;

        if (!st_scan_text(at, key) || !st_scan_text(at, "="))
                return false;
        *ret = strtod(*at, &end);
        if (end == *at)
                return false;
        *at = end;
        return true;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static void put_psi_line(struct st_json_writer *w, const char *line) {
        static const char *const keys[] = {"avg10", "avg60", "avg300"};
        double averages[3];
        uint64_t total;
        char name[8];

        if (!st_scan_word(&line, name, sizeof name))
                return;
        for (size_t i = 0; i < 3; i++)
                if (!scan_average(&line, keys[i], &averages[i]))
                        return;
        if (!st_scan_text(&line, "total=") || !st_scan_u64(&line, &total))
                return;
        st_json_open_object(w, name);
        for (size_t i = 0; i < 3; i++)
                st_json_double(w, keys[i], averages[i]);
        st_json_uint(w, "total", total);
        st_json_close_object(w);
}

/* The kernel may be built without PSI, or have it off for this cgroup. */
static void put_psi(const struct rt_cgroup *cgroup, struct st_json_writer *w, const char *file) {
        st_cleanup(rt_stat_text_deinit) struct rt_stat_text text = {0};
        struct rt_leaf *leaf = rt_leaf_v2(cgroup);
        int dir_fd = leaf ? rt_leaf_dir((struct rt_cgroup *)cgroup, leaf) : -1;
        char *line;

        if (dir_fd < 0 || rt_stat_read(dir_fd, file, &text, NULL) < 0 || !text.text)
                return;
        st_json_open_object(w, "psi");
        while ((line = rt_stat_line(&text)))
                put_psi_line(w, line);
        st_json_close_object(w);
}

/* The directory of the leaf with @controller; -1: there is none. */
static int dir_of(const struct rt_cgroup *cgroup, unsigned controller, bool *ret_v2) {
        struct rt_leaf *leaf = rt_leaf_of(cgroup, controller);

        if (!leaf)
                return -1;
        *ret_v2 = leaf->v2;
        return rt_leaf_dir((struct rt_cgroup *)cgroup, leaf);
}

static int put_cpu(const struct rt_cgroup *cgroup, struct st_json_writer *w, struct st_error *err) {
        bool v2 = false;
        int dir_fd = dir_of(cgroup, RT_CTL_CPU, &v2), r = 0;

        st_json_open_object(w, "cpu");
        if (dir_fd >= 0 && v2)
                r = rt_stats_v2_cpu(dir_fd, w, err);
        else
                r = rt_stats_v1_cpu(cgroup, w, err);
        put_psi(cgroup, w, "cpu.pressure");
        st_json_close_object(w);
        return r;
}

static void put_cpuset(const struct rt_cgroup *cgroup, struct st_json_writer *w) {
        bool v2 = false;
        int dir_fd = dir_of(cgroup, RT_CTL_CPUSET, &v2);

        st_json_open_object(w, "cpuset");
        rt_stats_cpuset(dir_fd, v2, w);
        st_json_close_object(w);
}

static int put_memory(const struct rt_cgroup *cgroup, struct st_json_writer *w,
                      struct st_error *err) {
        bool v2 = false;
        int dir_fd = dir_of(cgroup, RT_CTL_MEMORY, &v2), r = 0;

        st_json_open_object(w, "memory");
        if (dir_fd >= 0)
                r = v2 ? rt_stats_v2_memory(dir_fd, w, err) : rt_stats_v1_memory(dir_fd, w, err);
        put_psi(cgroup, w, "memory.pressure");
        st_json_close_object(w);
        return r;
}

static void put_pids(const struct rt_cgroup *cgroup, struct st_json_writer *w) {
        uint64_t current = 0, limit = 0;
        bool v2;
        int dir_fd = dir_of(cgroup, RT_CTL_PIDS, &v2);

        st_json_open_object(w, "pids");
        if (dir_fd >= 0) {
                if (rt_stat_u64(dir_fd, "pids.current", &current))
                        rt_stat_put(w, "current", current);
                if (rt_stat_u64(dir_fd, "pids.max", &limit) && limit != UINT64_MAX)
                        rt_stat_put(w, "limit", limit);
        }
        st_json_close_object(w);
}

static int put_blkio(const struct rt_cgroup *cgroup, struct st_json_writer *w,
                     struct st_error *err) {
        bool v2 = false;
        int dir_fd = dir_of(cgroup, RT_CTL_IO, &v2), r = 0;

        st_json_open_object(w, "blkio");
        if (dir_fd >= 0)
                r = v2 ? rt_stats_v2_io(dir_fd, w, err) : rt_stats_v1_blkio(dir_fd, w, err);
        put_psi(cgroup, w, "io.pressure");
        st_json_close_object(w);
        return r;
}

int rt_cgroup_write_stats_members(const struct rt_cgroup *cgroup, struct st_json_writer *w,
                                  struct st_error *err) {
        struct rt_leaf *leaf = rt_leaf_of_processes(cgroup);
        bool v2 = false;
        int r = leaf ? rt_leaf_dir((struct rt_cgroup *)cgroup, leaf) : 0;

        if (r < 0)
                return rt_fail_code(err, ST_CODE_CGROUP, r, "open %s", leaf->path);
        r = put_cpu(cgroup, w, err);
        if (r >= 0) {
                put_cpuset(cgroup, w);
                r = put_memory(cgroup, w, err);
        }
        if (r >= 0) {
                put_pids(cgroup, w);
                r = put_blkio(cgroup, w, err);
        }
        if (r >= 0) {
                int dir_fd = dir_of(cgroup, RT_CTL_HUGETLB, &v2);
                r = rt_stats_hugetlb(dir_fd, v2, w, err);
        }
        if (r >= 0)
                r = rt_stats_rdma(dir_of(cgroup, RT_CTL_RDMA, &v2), w, err);
        return st_error_kind(err,
                             r < 0 ? st_error_prefix(err, r, "read the container's statistics") : 0,
                             ST_CODE_CGROUP);
}

int rt_cgroup_write_stats(const struct rt_cgroup *cgroup, struct st_json_writer *w, const char *key,
                          struct st_error *err) {
        int r;

        st_json_open_object(w, key);
        r = rt_cgroup_write_stats_members(cgroup, w, err);
        st_json_close_object(w);
        return r;
}
