/* runtime/batch/progress.h: telling people and programs how a batch is getting on. */
#pragma once
#include <stdint.h>

#include <stint/cleanup.h>
#include <stint/error.h>
#include <stint/exit_record.h>

struct rt_progress;

enum rt_progress_style {
        RT_PROGRESS_QUIET,
        RT_PROGRESS_LIVE, /* one line of a terminal, kept up to date */
        RT_PROGRESS_PLAIN,
        RT_PROGRESS_JSON, /* an event a line, on standard output */
};

struct rt_progress_counts {
        unsigned succeeded, failed, skipped, running, waiting, slots;
        unsigned total;  /* 0: unknown yet */
        unsigned before; /* of succeeded and failed: earlier runs' */
};

int rt_progress_new(enum rt_progress_style style, struct rt_progress **ret_progress,
                    struct st_error *err) st_must_check;
struct rt_progress *rt_progress_free(struct rt_progress *progress);
ST_DEFINE_FREEP(struct rt_progress, rt_progress_free);

void rt_progress_started(struct rt_progress *progress, const char *id, unsigned attempt);
/* @slot: the number of the place it ran in, for the gaps between tasks. */
void rt_progress_ended(struct rt_progress *progress, const struct rt_exit_record *record,
                       unsigned slot);
uint64_t rt_progress_deadline(const struct rt_progress *progress);
void rt_progress_tick(struct rt_progress *progress, const struct rt_progress_counts *counts);
/* At the end: what was done, and how long starts and gaps took. */
void rt_progress_summary(struct rt_progress *progress, const struct rt_progress_counts *counts);
