/* include/stint/exit_record.h: how one attempt at a task ended, as the line of JSON that
 * stint-record(5) describes.
 *
 * Unknown is null in the line and has a value of its own here: NULL, 0 for times, -1 for counts. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stint/arena.h>
#include <stint/error.h>
#include <stint/json.h>
#include <stint/spec.h>

enum rt_end {
        RT_END_EXITED,
        RT_END_SIGNALED,
        RT_END_OOM,
        RT_END_TIMEOUT,
        RT_END_CANCELLED,    /* the user ended it */
        RT_END_PREEMPTED,    /* it made room for others */
        RT_END_START_FAILED, /* the program never ran */
        RT_END_LOST,         /* who watched it died */
        RT_END_UNOBSERVED,   /* somebody else was the parent */
        RT_N_ENDS
};
const char *rt_end_name(enum rt_end end); /* "exited", "start-failed" */
int rt_end_parse(const char *name, enum rt_end *ret_end) st_must_check; /* -EINVAL */

/* Of the task and of what it waited for, as its parent's wait4(2) tells. */
struct rt_record_rusage {
        uint64_t user_usec, system_usec, max_rss_bytes;
        uint64_t minor_faults, major_faults, in_blocks, out_blocks;
        uint64_t voluntary_switches, involuntary_switches;
};

/* Of everything in the task's cgroup. */
struct rt_record_cgroup {
        int64_t cpu_usec, user_usec, system_usec;
        int64_t throttled_periods, throttled_usec;
        int64_t memory_peak_bytes, oom_kills;
        int64_t read_bytes, write_bytes;
        int64_t cpu_pressure_usec, memory_pressure_usec, io_pressure_usec; /* PSI, "some" */
};
#define RT_RECORD_CGROUP_UNKNOWN                                                                   \
        { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 }

struct rt_record_step { /* a command that was run beside the task */
        const char *name;
        int exit_code, signal; /* as below */
        uint64_t duration_nsec;
};

struct rt_record_resource {
        const char *name;
        const unsigned *instances;
        size_t n_instances;
};

struct rt_exit_record {
        const char *id;
        unsigned attempt; /* from 1 */
        const struct st_string_pair *labels;
        size_t n_labels;
        enum rt_end end;
        int exit_code; /* -1: it did not exit */
        int signal;    /* 0: none ended it */
        const char *error;
        uint64_t created_nsec, started_nsec, first_instruction_nsec,
                exited_nsec; /* CLOCK_REALTIME */
        const char *grade;
        const struct rt_record_rusage *rusage;
        const struct rt_record_cgroup *cgroup;
        const char *cpus, *l3; /* lists, "0-3" */
        const char *stdout_path, *stderr_path;
        const struct rt_record_step *steps;
        size_t n_steps;
        const struct st_string_pair *outputs;
        size_t n_outputs;
        const struct rt_record_resource *resources;
        size_t n_resources;
        const char *const *devices; /* NULL, or ends with NULL */
};

/* The line, with its newline and a NUL behind it; the caller frees it. */
int rt_exit_record_render(const struct rt_exit_record *record, char **ret_line, size_t *ret_length,
                          struct st_error *err) st_must_check;

/* What whoever goes on after a crash wants to know of a line. */
struct rt_record_summary {
        const char *id; /* in the arena */
        unsigned attempt;
        enum rt_end end;
        int exit_code;
};
/* @name is what errors call the line. Errors: -EINVAL, -ENOMEM. */
int rt_exit_record_read(struct st_arena *arena, const char *name, const char *text, size_t length,
                        struct rt_record_summary *ret_summary, struct st_error *err) st_must_check;
/* It exited with 0. */
bool rt_record_is_success(enum rt_end end, int exit_code);

struct rt_cgroup;
/* The counters of a task's cgroup, after its last process died and before it is removed. What the
 * kernel does not tell is -1. */
void rt_record_cgroup_read(const struct rt_cgroup *cgroup, struct rt_record_cgroup *ret_usage);
