/* include/stint/batch.h: `stint batch`: a file of tasks in, results out. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include <stint/container.h>
#include <stint/error.h>

struct rt_batch_options {                    /* NULL, 0: not asked for */
        const char *input;                   /* "-": standard input */
        const char *const *command;          /* template; NULL-terminated */
        const char *bundle, *config;         /* directory; file instead of its config.json */
        const char *grade;                   /* "fresh", "scrubbed", "same-job", "cold" */
        unsigned slots;                      /* 0: as many as the CPUs and the memory allow */
        const char *cpus, *memory, *timeout; /* of each task, as text */
        uint64_t kill_after_nsec;            /* between a soft and a hard end; 0: 10 s */
        unsigned retries;
        bool keep_going, dry_run, no_init;
        const char *const *env; /* "NAME=VALUE", or "NAME": from our environment */
        const char *workdir, *user;
        const char *const *binds;
        bool home;
        const char *network; /* "host", "none" */
        const char *scratch_dir;
        uint64_t scratch_bytes;
        const char *pre, *post, *outputs_prefix;
        const char *const *devices, *const *resources, *const *needs;
        const char *results, *logs_dir;
        bool resume, rerun_lost;
        bool json, quiet;
        void (*warn)(void *data, const char *message);
        void *warn_data;
};

/* Before anything else of a batch, and before its runtime is opened: a mount namespace of our own,
 * and for an ordinary user a user namespace in which he is root. *ret_user_namespace: one was made.
 */
int rt_batch_isolate(const struct rt_batch_options *options, bool *ret_user_namespace,
                     struct st_error *err) st_must_check;

/* Run it. Returns 0 when all tasks succeeded, 1 when one did not. */
int rt_batch_run(struct rt_runtime *runtime, bool user_namespace,
                 const struct rt_batch_options *options, struct st_error *err) st_must_check;
