/* runtime/batch/executor.h: how an attempt at a task becomes a process and comes to its end.
 *
 * An executor registers its own descriptors in the loop and tells the attempt what happens. */
#pragma once
#include "config.h"
#include "loop.h"
#include "task.h"

#include <stint/container.h>
#include <stint/exit_record.h>

/* What is to be started. All borrowed for the call of start(). */
struct rt_order {
        const struct rt_batch_task *task;
        const char *container_id;
        char *const *env;                   /* beside the config's */
        const char *cpus;                   /* cpuset; NULL: not bound */
        const struct rt_cdi_edits *devices; /* NULL: none */
        int stdio_fds[3];
};

struct rt_outcome {
        int exit_code;     /* -1: it did not exit */
        int signal;        /* 0: none ended it */
        const char *error; /* not NULL: its program never ran; borrowed for the call */
        int64_t oom_kills; /* -1: unknown */
        uint64_t first_instruction_nsec, exited_nsec; /* CLOCK_REALTIME; 0: unknown */
        bool has_rusage;
        struct rt_record_rusage rusage;
};

struct rt_attempt;
/* What an executor calls; attempt.c. started: once, unless start() failed. ended: once, after
 * started with r == 0. */
void rt_attempt_started(struct rt_attempt *attempt, int r, const struct st_error *err);
void rt_attempt_ended(struct rt_attempt *attempt, const struct rt_outcome *outcome);

struct rt_executor;
struct rt_run; /* an attempt in its executor */

struct rt_executor_ops {
        const char *grade; /* as the record says it */
        /* Begin. Errors: the attempt could not be started, nothing is left. */
        int (*start)(struct rt_executor *executor, const struct rt_order *order,
                     struct rt_attempt *attempt, struct rt_run **ret_run, struct st_error *err);
        /* To the task; SIGKILL to all of it. It may have ended: that is no error. */
        void (*signal)(struct rt_run *run, int signal);
        void (*freeze)(struct rt_run *run); /* no instruction more, until SIGKILL */
        /* After its end and before release(). */
        void (*usage)(struct rt_run *run, struct rt_record_cgroup *ret_usage);
        /* Teardown, in the background: see idle(). Nothing is told any more. */
        void (*release)(struct rt_run *run);
        /* Do some of what is not urgent. Whether there is more. */
        bool (*idle)(struct rt_executor *executor);
        void (*free)(struct rt_executor *executor); /* waits for the teardown of all runs */
};

struct rt_executor { /* the beginning of each implementation */
        const struct rt_executor_ops *ops;
};

static inline struct rt_executor *rt_executor_free(struct rt_executor *executor) {
        if (executor)
                executor->ops->free(executor);
        return NULL;
}
ST_DEFINE_FREEP(struct rt_executor, rt_executor_free);

struct rt_executor_options {
        struct rt_runtime *runtime;
        struct rt_loop *loop;
        const char *bundle;           /* directory */
        const struct st_json *config; /* of the batch; outlives the executor */
        const char *config_text;      /* the same */
        size_t config_length;
        const char *name;        /* of the run: names cgroups */
        const char *root_dir;    /* a directory of the run's own, where roots are mounted */
        const char *scratch_dir; /* NULL: writes to the root go to memory */
        uint64_t scratch_bytes;  /* how much each task may write there; 0: no limit of its own */
        unsigned slots;
        bool no_init;
        void (*warn)(void *data, const char *message);
        void *warn_data;
};

/* A container for each task, made when the task starts. */
int rt_cold_new(const struct rt_executor_options *options, struct rt_executor **ret_executor,
                struct st_error *err) st_must_check;
