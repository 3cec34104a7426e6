/* runtime/batch/state.h: a batch while it runs, for the files that drive it. */
#pragma once
#include "executor.h"
#include "graph.h"
#include "input.h"
#include "journal.h"
#include "outputs.h"
#include "progress.h"
#include "resources.h"

#include <stint/batch.h>

enum rt_stop { RT_STOP_NONE, RT_STOP_TIMEOUT, RT_STOP_CANCEL, RT_STOP_PREEMPT };

struct rt_batch {
        const struct rt_batch_options *options;
        struct rt_runtime *runtime;
        bool user_namespace;
        char name[RT_RUN_NAME_ROOM]; /* "batch-<random>" */
        uint64_t kill_after_nsec;

        struct st_arena *arena; /* of what lives as long as the batch */
        const struct st_json *config;
        const char *config_text;
        size_t config_length;
        char **env; /* --env, NULL-terminated */
        char *root_dir;
        struct rt_template *template;
        struct rt_task_defaults defaults;

        struct rt_loop *loop;
        struct rt_input *input;
        bool input_ended;
        struct rt_source input_source, signal_source;
        int signal_fd;
        struct rt_graph *graph;
        struct rt_journal *journal;
        struct rt_resources *resources;
        struct rt_executor *executor;
        struct rt_progress *progress;

        unsigned slots, n_running;
        bool *slot_used;
        struct rt_attempt *attempts; /* utlist */
        uint64_t n_containers;
        unsigned n_before; /* tasks that earlier runs have ended */
        bool stopping;     /* nothing new is started */
        bool cancelled;    /* by a signal */
        bool keep_journal;
        struct st_error failure; /* why it stops, when no task is to blame */
};

/* ---- attempt.c ---- */

/* Start the next attempt at @task with @assignment, both taken. Errors: -ENOSPC and others of the
 * journal: nothing was started, and both are the caller's still. What else goes wrong is in the
 * task's record. */
int rt_attempt_begin(struct rt_batch *batch, struct rt_batch_task *task,
                     struct rt_assignment *assignment, struct st_error *err) st_must_check;
/* Ask it to end: SIGTERM, and SIGKILL after a while; @now: at once. */
void rt_attempt_stop(struct rt_attempt *attempt, enum rt_stop reason, bool now);
uint64_t rt_attempt_deadline(const struct rt_attempt *attempt);
void rt_attempt_tick(struct rt_attempt *attempt, uint64_t now_nsec);
bool rt_attempt_is_stopped(const struct rt_attempt *attempt); /* for whatever reason, or over */
bool rt_attempt_is_preempted(const struct rt_attempt *attempt);
struct rt_attempt *rt_attempt_next(struct rt_attempt *attempt); /* of the batch's list */
enum rt_tier rt_attempt_tier(const struct rt_attempt *attempt);

/* ---- batch.c ---- */

/* An attempt is over and recorded. Gives @task back, or frees it. */
void rt_batch_attempt_ended(struct rt_batch *batch, struct rt_batch_task *task,
                            const struct rt_exit_record *record);
/* Read the next line into the graph. 1: there was one; 0: none is there yet, the input has ended
 * (input_ended), or was wrong (stopping). @number counts tasks. */
int rt_batch_read_line(struct rt_batch *batch, unsigned *number);
/* Nothing more can be started, for this reason: the first one counts. */
void rt_batch_fail(struct rt_batch *batch, const struct st_error *err);
