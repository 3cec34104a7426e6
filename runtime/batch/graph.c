#include "graph.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define uthash_fatal(message) abort() /* not reached: HASH_NONFATAL_OOM */
#include <uthash.h>

enum node_state {
        NODE_NAMED, /* in an `after` only; its own line may come */
        NODE_WAITING,
        NODE_READY,
        NODE_TAKEN,
        NODE_SUCCEEDED,
        NODE_FAILED, /* or skipped */
};

struct node {
        char *id;
        enum node_state state;
        bool added; /* its line was there; an earlier run may know it without */
        unsigned n_blockers, attempts;
        struct node **dependents;
        unsigned n_dependents;
        struct rt_batch_task *task;
        struct node *prev, *next; /* utlist: ready */
        UT_hash_handle hh;
};

struct rt_graph {
        struct node *nodes;
        struct node *ready[RT_N_TIERS];
        struct rt_graph_counts counts;
};

struct rt_graph *rt_graph_new(void) {
        return calloc(1, sizeof(struct rt_graph));
}

static void free_node(struct node *node) {
        (void)rt_batch_task_free(node->task);
        free(node->dependents);
        free(node->id);
        free(node);
}

struct rt_graph *rt_graph_free(struct rt_graph *graph) {
        struct node *node, *next;

        if (!graph)
                return NULL;
        HASH_ITER(hh, graph->nodes, node, next) {
                HASH_DEL(graph->nodes, node);
                free_node(node);
        }
        free(graph);
        return NULL;
}

static struct node *find(const struct rt_graph *graph, const char *id) {
        struct node *node = NULL;

        HASH_FIND_STR(graph->nodes, id, node);
        return node;
}

/* NULL when memory is out. */
static struct node *find_or_make(struct rt_graph *graph, const char *id) {
        struct node *node = find(graph, id);

        if (node)
                return node;
        node = calloc(1, sizeof *node);
        if (!node)
                return NULL;
        node->id = strdup(id);
        if (node->id)
                HASH_ADD_KEYPTR(hh, graph->nodes, node->id, strlen(node->id), node);
        if (!node->id || !node->hh.tbl) {
                free_node(node);
                return NULL;
        }
        return node;
}

static int no_memory(const char *id, struct st_error *err) {
        return st_error_set(err, -ENOMEM, "remember task %s", id);
}

int rt_graph_remember_end(struct rt_graph *graph, const char *id, enum rt_outcome_kind kind,
                          struct st_error *err) {
        struct node *node = find_or_make(graph, id);

        if (!node)
                return no_memory(id, err);
        node->state = kind == RT_TASK_SUCCEEDED ? NODE_SUCCEEDED : NODE_FAILED;
        return 0;
}

int rt_graph_remember_attempts(struct rt_graph *graph, const char *id, unsigned attempts,
                               struct st_error *err) {
        struct node *node = find_or_make(graph, id);

        if (!node)
                return no_memory(id, err);
        if (attempts > node->attempts)
                node->attempts = attempts;
        return 0;
}

/* ---- adding ---- */

static int add_dependent(struct node *blocker, struct node *node) {
        struct node **bigger;

        if ((blocker->n_dependents & (blocker->n_dependents + 1)) == 0) { /* 0, 1, 3, 7: full */
                bigger = reallocarray(blocker->dependents, 2 * blocker->n_dependents + 1,
                                      sizeof *bigger);
                if (!bigger)
                        return -ENOMEM;
                blocker->dependents = bigger;
        }
        blocker->dependents[blocker->n_dependents++] = node;
        return 0;
}

/* -ECANCELED: one of them has failed. What was noted before an error is harmless: a node that
 * stays in NODE_NAMED is left alone. */
static int add_blockers(struct rt_graph *graph, struct node *node, char *const *after) {
        for (; *after; after++) {
                struct node *blocker = find_or_make(graph, *after);

                if (!blocker)
                        return -ENOMEM;
                if (blocker->state == NODE_FAILED)
                        return -ECANCELED;
                if (blocker->state == NODE_SUCCEEDED)
                        continue;
                if (add_dependent(blocker, node) < 0)
                        return -ENOMEM;
                node->n_blockers++;
        }
        return 0;
}

static void make_ready(struct rt_graph *graph, struct node *node, bool first) {
        struct node **queue = &graph->ready[node->task->tier];

        node->state = NODE_READY;
        if (first)
                DL_PREPEND(*queue, node);
        else
                DL_APPEND(*queue, node);
        graph->counts.ready++;
}

static void skip(struct rt_graph *graph, struct node *node) {
        node->task = rt_batch_task_free(node->task);
        node->state = NODE_FAILED;
        graph->counts.skipped++;
}

/* All that comes after @failed, near or far: a list of what is still to be looked at, linked as the
 * ready ones are, since a chain may be longer than the stack. */
static void skip_dependents(struct rt_graph *graph, struct node *failed) {
        struct node *todo = failed;

        failed->next = NULL;
        while (todo) {
                struct node *node = todo;

                todo = node->next;
                for (unsigned i = 0; i < node->n_dependents; i++) {
                        struct node *dependent = node->dependents[i];

                        if (dependent->state != NODE_WAITING)
                                continue;
                        graph->counts.waiting--;
                        skip(graph, dependent);
                        dependent->next = todo;
                        todo = dependent;
                }
        }
}

/* An earlier run's verdict stands. */
static void count_known(struct rt_graph *graph, const struct node *node) {
        if (node->state == NODE_SUCCEEDED)
                graph->counts.succeeded++;
        else
                graph->counts.failed++;
}

int rt_graph_add(struct rt_graph *graph, struct rt_batch_task *task,
                 enum rt_graph_answer *ret_answer, struct st_error *err) {
        struct node *node = find_or_make(graph, task->id);
        int r;

        if (!node)
                return no_memory(task->id, err);
        if (node->added)
                return st_error_set(err, -EEXIST, "id %s: another task has it", task->id);
        if (node->state != NODE_NAMED) {
                node->added = true;
                count_known(graph, node);
                (void)rt_batch_task_free(task);
                *ret_answer = RT_GRAPH_DONE;
                return 0;
        }
        r = add_blockers(graph, node, task->after);
        if (r == -ENOMEM)
                return no_memory(task->id, err);
        node->added = true;
        node->task = task;
        *ret_answer = r < 0 ? RT_GRAPH_SKIPPED : RT_GRAPH_ADDED;
        if (r < 0) {
                skip(graph, node);
                skip_dependents(graph, node);
        } else if (node->n_blockers) {
                node->state = NODE_WAITING;
                graph->counts.waiting++;
        } else {
                make_ready(graph, node, false);
        }
        return 0;
}

/* ---- running ---- */

static struct node *first_ready(const struct rt_graph *graph) {
        for (unsigned tier = 0; tier < RT_N_TIERS; tier++)
                if (graph->ready[tier])
                        return graph->ready[tier];
        return NULL;
}

struct rt_batch_task *rt_graph_peek(const struct rt_graph *graph) {
        const struct node *node = first_ready(graph);

        return node ? node->task : NULL;
}

struct rt_batch_task *rt_graph_take(struct rt_graph *graph) {
        struct node *node = first_ready(graph);

        if (!node)
                return NULL;
        DL_DELETE(graph->ready[node->task->tier], node);
        node->state = NODE_TAKEN;
        graph->counts.ready--;
        graph->counts.taken++;
        return node->task;
}

unsigned rt_graph_attempts(const struct rt_graph *graph, const struct rt_batch_task *task) {
        return find(graph, task->id)->attempts;
}

void rt_graph_count_attempt(struct rt_graph *graph, const struct rt_batch_task *task) {
        find(graph, task->id)->attempts++;
}

void rt_graph_requeue(struct rt_graph *graph, struct rt_batch_task *task) {
        graph->counts.taken--;
        make_ready(graph, find(graph, task->id), true);
}

static void release_dependents(struct rt_graph *graph, struct node *node) {
        for (unsigned i = 0; i < node->n_dependents; i++) {
                struct node *dependent = node->dependents[i];

                if (dependent->state != NODE_WAITING || --dependent->n_blockers > 0)
                        continue;
                graph->counts.waiting--;
                make_ready(graph, dependent, false);
        }
}

void rt_graph_finish(struct rt_graph *graph, struct rt_batch_task *task,
                     enum rt_outcome_kind kind) {
        struct node *node = find(graph, task->id);

        graph->counts.taken--;
        node->task = rt_batch_task_free(node->task);
        node->state = kind == RT_TASK_SUCCEEDED ? NODE_SUCCEEDED : NODE_FAILED;
        count_known(graph, node);
        if (kind == RT_TASK_SUCCEEDED)
                release_dependents(graph, node);
        else
                skip_dependents(graph, node);
        free(st_take(node->dependents));
        node->n_dependents = 0;
}

void rt_graph_counts(const struct rt_graph *graph, struct rt_graph_counts *ret_counts) {
        *ret_counts = graph->counts;
}

static const struct node *first_waiting(const struct node *node) {
        for (unsigned i = 0; i < node->n_dependents; i++)
                if (node->dependents[i]->state == NODE_WAITING)
                        return node->dependents[i];
        return NULL;
}

int rt_graph_explain_stuck(const struct rt_graph *graph, struct st_error *err) {
        const struct node *waiting = NULL;

        for (const struct node *node = graph->nodes; node; node = node->hh.next) {
                const struct node *dependent = first_waiting(node);

                if (node->state == NODE_NAMED && dependent)
                        return st_error_set(err, -ENOENT,
                                            "task %s comes after %s, which is not in the input",
                                            dependent->id, node->id);
                waiting = dependent ? dependent : waiting;
        }
        return waiting ? st_error_set(err, -ELOOP, "task %s comes after itself, through others",
                                      waiting->id)
                       : 0;
}
