/* runtime/batch/graph.h: which tasks there are, which wait for others (`after`), which can start.
 *
 * Pure bookkeeping. A task that is named in an `after` may come later in the input. */
#pragma once
#include "task.h"

struct rt_graph;

enum rt_outcome_kind { RT_TASK_SUCCEEDED, RT_TASK_FAILED };

struct rt_graph *rt_graph_new(void);
struct rt_graph *rt_graph_free(struct rt_graph *graph); /* with the tasks that it has */
ST_DEFINE_FREEP(struct rt_graph, rt_graph_free);

/* What an earlier run knows of @id: it has ended (@kind), or so many attempts were made at it. */
int rt_graph_remember_end(struct rt_graph *graph, const char *id, enum rt_outcome_kind kind,
                          struct st_error *err) st_must_check;
int rt_graph_remember_attempts(struct rt_graph *graph, const char *id, unsigned attempts,
                               struct st_error *err) st_must_check;

enum rt_graph_answer {
        RT_GRAPH_ADDED,   /* it waits or is ready */
        RT_GRAPH_DONE,    /* an earlier run has ended it: freed */
        RT_GRAPH_SKIPPED, /* one that it comes after has failed: freed */
};
/* Takes @task. Errors: -EEXIST the id is taken; -ENOMEM: the task is still the caller's. */
int rt_graph_add(struct rt_graph *graph, struct rt_batch_task *task,
                 enum rt_graph_answer *ret_answer, struct st_error *err) st_must_check;

/* The next ready task, of the highest tier and in the order of the input; the caller's until
 * rt_graph_finish() or rt_graph_requeue(). NULL: none. */
struct rt_batch_task *rt_graph_peek(const struct rt_graph *graph);
struct rt_batch_task *rt_graph_take(struct rt_graph *graph);
/* The attempts that were made at a taken task, also by earlier runs; and one more. */
unsigned rt_graph_attempts(const struct rt_graph *graph, const struct rt_batch_task *task);
void rt_graph_count_attempt(struct rt_graph *graph, const struct rt_batch_task *task);
/* Ready again, before all others. */
void rt_graph_requeue(struct rt_graph *graph, struct rt_batch_task *task);
/* Frees the task. Those after it become ready, or are skipped, with their own. */
void rt_graph_finish(struct rt_graph *graph, struct rt_batch_task *task, enum rt_outcome_kind kind);

struct rt_graph_counts {
        unsigned ready, waiting, taken;
        unsigned succeeded, failed; /* also in earlier runs, of those that were added */
        unsigned skipped;
};
void rt_graph_counts(const struct rt_graph *graph, struct rt_graph_counts *ret_counts);
/* With no more input: why the first waiting task can never run, in @err (-ENOENT, -ELOOP); 0: none
 * waits. */
int rt_graph_explain_stuck(const struct rt_graph *graph, struct st_error *err);
