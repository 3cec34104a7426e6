/* runtime/cgroup/stats.h: reading statistics files and writing them as runc's JSON. */
#pragma once
#include "manager.h"

/* One read of a file, and a walk over it. */
struct rt_stat_text {
        char *text; /* NULL: the file is not there */
        char *at;
};

/* A file of the leaf, whole. A missing file (a controller that is not enabled, an older kernel) is
 * no error and has no lines. Released by rt_stat_text_deinit(). */
int rt_stat_read(int dir_fd, const char *file, struct rt_stat_text *ret, struct st_error *err);
void rt_stat_text_deinit(struct rt_stat_text *text);
/* The next line, NUL-terminated, or NULL. */
char *rt_stat_line(struct rt_stat_text *text);
/* Cut @line at its first blank; the rest, or NULL. */
char *rt_stat_cut(char *line);
/* The number of a file, "max" being UINT64_MAX; false when there is none. */
bool rt_stat_u64(int dir_fd, const char *file, uint64_t *ret);
/* The number after @key in a file of "key number" lines; 0 when there is none. */
uint64_t rt_stat_value(int dir_fd, const char *file, const char *key);

/* Go's omitempty: nothing for 0. */
void rt_stat_put(struct st_json_writer *w, const char *key, uint64_t value);
/* {"limit","usage","max","failcnt"} */
struct rt_stat_memory {
        uint64_t limit, usage, max, failcnt;
};
void rt_stat_put_memory(struct st_json_writer *w, const char *key,
                        const struct rt_stat_memory *memory);
/* memory.stat's lines as the object "raw", and its @cache_key as "cache". */
int rt_stat_put_raw(int dir_fd, const char *cache_key, struct st_json_writer *w,
                    struct st_error *err);
/* "8:16", taken off the front of *@at. */
bool rt_stat_scan_device(const char **at, uint64_t *ret_major, uint64_t *ret_minor);
void rt_stat_put_entry(struct st_json_writer *w, uint64_t major, uint64_t minor, const char *op,
                       uint64_t value);
/* "0-3,7" as [0,1,2,3,7]; nothing when empty. */
void rt_stat_put_list(struct st_json_writer *w, const char *key, const char *list);

/* --- the members of each part; @dir_fd is the leaf's --- */
int rt_stats_v1_cpu(const struct rt_cgroup *cgroup, struct st_json_writer *w, struct st_error *err);
int rt_stats_v1_memory(int dir_fd, struct st_json_writer *w, struct st_error *err);
int rt_stats_v1_blkio(int dir_fd, struct st_json_writer *w, struct st_error *err);
int rt_stats_v2_cpu(int dir_fd, struct st_json_writer *w, struct st_error *err);
int rt_stats_v2_memory(int dir_fd, struct st_json_writer *w, struct st_error *err);
int rt_stats_v2_io(int dir_fd, struct st_json_writer *w, struct st_error *err);
/* Of both; dir_fd -1: the controller is not there. */
void rt_stats_cpuset(int dir_fd, bool v2, struct st_json_writer *w);
int rt_stats_hugetlb(int dir_fd, bool v2, struct st_json_writer *w, struct st_error *err);
int rt_stats_rdma(int dir_fd, struct st_json_writer *w, struct st_error *err);
