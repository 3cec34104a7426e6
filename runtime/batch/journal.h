/* runtime/batch/journal.h: what a batch leaves behind for whoever comes after a crash: FILE with
 * one exit record a line, and beside it FILE.journal with who started what.
 *
 * A start is written before the task is dispatched, its record after it has ended; both are safe
 * against the death of any process at once, and against power loss after a second at most: a small
 * process of its own does the waiting for the disk. The journal is removed when nothing is open. */
#pragma once
#include "graph.h"
#include "loop.h"

#include <stint/exit_record.h>

struct rt_journal;

enum { RT_RUN_NAME_ROOM = 40 };

struct rt_journal_options {
        const char *path; /* NULL: nothing is kept */
        bool resume;
        const char *run_name; /* of this run: names its containers and cgroups */
        struct rt_loop *loop;
};

struct rt_open_start { /* a start without a record */
        const char *id;
        unsigned attempt;
        uint64_t started_nsec;
};

/* What the runs before have left; all in @arena. */
struct rt_history {
        struct st_arena *arena;
        const struct rt_record_summary *records; /* by id, then attempt */
        size_t n_records;
        const struct rt_open_start *open;
        size_t n_open;
        const char **run_names; /* whose containers and cgroups may be there still */
        size_t n_run_names;
};

int rt_journal_open(const struct rt_journal_options *options, struct rt_journal **ret_journal,
                    struct rt_history *ret_history, struct st_error *err) st_must_check;
/* @complete: every start has its record, and nothing is left of this run. */
struct rt_journal *rt_journal_free(struct rt_journal *journal, bool complete);

/* Before a dispatch: reserves the record's space (@record_bytes), then writes the start. */
int rt_journal_start(struct rt_journal *journal, const char *id, unsigned attempt,
                     size_t record_bytes, struct st_error *err) st_must_check;
int rt_journal_record(struct rt_journal *journal, const struct rt_exit_record *record,
                      size_t record_bytes, struct st_error *err) st_must_check;
/* When it wants to be called next, and the call. */
uint64_t rt_journal_deadline(const struct rt_journal *journal);
void rt_journal_tick(struct rt_journal *journal);
