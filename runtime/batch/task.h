/* runtime/batch/task.h: one task of a batch: what its line says, with what the command line says
 * for all. */
#pragma once
#include "template.h"

#include <stint/arena.h>
#include <stint/error.h>
#include <stint/placement.h>
#include <stint/spec.h>

enum { RT_TASK_ID_MAX = 128 };

struct rt_need { /* of a counted resource */
        const char *name;
        unsigned count;
};

struct rt_batch_task {
        struct st_arena *arena; /* everything of it lives there, and the task itself */
        const char *id;
        unsigned number; /* of its line among those that are tasks, from 1 */
        char **args;     /* NULL-terminated */
        char **env;      /* NAME=VALUE, beside the config's; NULL-terminated, never NULL */
        const char *cwd; /* NULL: the config's */
        uint64_t cpu_milli;
        int64_t memory_bytes;
        uint64_t timeout_nsec;
        enum rt_tier tier;
        bool has_tier;
        const char *stdin_path;
        char **after; /* NULL-terminated, never NULL */
        unsigned retries;
        char **devices; /* CDI names; NULL-terminated, never NULL */
        struct rt_need *needs;
        size_t n_needs;
        struct st_string_pair *labels;
        size_t n_labels;
};

/* What a line does not say is taken from here; nothing of it is copied. */
struct rt_task_defaults {
        uint64_t cpu_milli;
        int64_t memory_bytes;
        uint64_t timeout_nsec;
        unsigned retries;
        char *const *devices;
        const struct rt_need *needs;
        size_t n_needs;
        const struct rt_template *command; /* NULL: a line is a command of its own */
};

/**
 * A line to a task: JSON when it begins with '{', else an argument for the command or a command for
 * the container's /bin/sh.
 * @name    what errors call the line: "tasks.txt:7"
 * @number  becomes the id where the line gives none
 * Errors: -EINVAL with the JSON path and the value; -ENOMEM.
 */
int rt_batch_task_parse(const struct rt_task_defaults *defaults, const char *name, const char *line,
                        size_t length, unsigned number, struct rt_batch_task **ret_task,
                        struct st_error *err) st_must_check;
struct rt_batch_task *rt_batch_task_free(struct rt_batch_task *task);
ST_DEFINE_FREEP(struct rt_batch_task, rt_batch_task_free);

/* Members of a JSON line into @task; task_json.c. */
int rt_batch_task_read_json(struct rt_batch_task *task, const char *name, const char *line,
                            size_t length, struct st_error *err) st_must_check;
/* Whether a text can be an id: it names files. */
bool rt_batch_id_is_valid(const char *id);
/* "1.5" CPUs in thousandths, "90" or "1m30s" in nanoseconds. -EINVAL, -ERANGE. */
int rt_batch_parse_cpus(const char *text, uint64_t *ret_milli) st_must_check;
int rt_batch_parse_timeout(const char *text, uint64_t *ret_nsec) st_must_check;
