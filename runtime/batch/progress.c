#include "progress.h"

#include "histogram.h"
#include "loop.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <stint/fs.h>
#include <stint/json.h>

enum { SLOTS_MAX = 4096, NO_COLUMNS = 80 };
#define LIVE_NSEC UINT64_C(100000000)
#define PLAIN_NSEC UINT64_C(10000000000)

struct rt_progress {
        enum rt_progress_style style;
        uint64_t begun_nsec, next_nsec; /* CLOCK_MONOTONIC */
        bool changed, shown;
        uint64_t slot_exited_nsec[SLOTS_MAX];
        struct rt_histogram starts, gaps, runs;
};

int rt_progress_new(enum rt_progress_style style, struct rt_progress **ret_progress,
                    struct st_error *err) {
        struct rt_progress *progress = calloc(1, sizeof *progress);

        if (!progress)
                return st_error_set(err, -ENOMEM, "show progress");
        progress->style = style;
        progress->begun_nsec = rt_monotonic_nsec();
        progress->next_nsec =
                progress->begun_nsec + (style == RT_PROGRESS_LIVE ? LIVE_NSEC : PLAIN_NSEC);
        *ret_progress = progress;
        return 0;
}

struct rt_progress *rt_progress_free(struct rt_progress *progress) {
        free(progress);
        return NULL;
}

/* ---- output: a reader that has gone is no reason to stop working ---- */

static void say(const char *text) {
        st_ignore(st_write_all(STDERR_FILENO, text, strlen(text)));
}

static void clear_line(struct rt_progress *progress) {
        if (progress->shown)
                say("\r\033[K");
        progress->shown = false;
}

static void print_event(struct st_json_writer *w) {
        const char *text;
        size_t length;
        char *line;

        if (st_json_writer_finish(w, &text, &length, NULL) < 0)
                return;
        line = malloc(length + 1);
        if (!line)
                return;
        memcpy(line, text, length);
        line[length] = '\n';
        st_ignore(st_write_all(STDOUT_FILENO, line, length + 1));
        free(line);
}

static struct st_json_writer *begin_event(const char *name) {
        struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);

        if (!w)
                return NULL;
        st_json_open_object(w, NULL);
        st_json_string(w, "event", name);
        return w;
}

static void end_event(struct st_json_writer *w) {
        if (!w)
                return;
        st_json_close_object(w);
        print_event(w);
        (void)st_json_writer_free(w);
}

/* ---- what happens ---- */

void rt_progress_started(struct rt_progress *progress, const char *id, unsigned attempt) {
        struct st_json_writer *w;

        progress->changed = true;
        if (progress->style != RT_PROGRESS_JSON)
                return;
        w = begin_event("started");
        if (w) {
                st_json_string(w, "id", id);
                st_json_uint(w, "attempt", attempt);
        }
        end_event(w);
}

static void measure(struct rt_progress *progress, const struct rt_exit_record *record,
                    unsigned slot) {
        uint64_t *exited = slot < SLOTS_MAX ? &progress->slot_exited_nsec[slot] : NULL;
        uint64_t first = record->first_instruction_nsec;

        if (first > record->created_nsec)
                rt_histogram_add(&progress->starts, first - record->created_nsec);
        if (exited && *exited && first > *exited)
                rt_histogram_add(&progress->gaps, first - *exited);
        if (first && record->exited_nsec > first)
                rt_histogram_add(&progress->runs, record->exited_nsec - first);
        if (exited)
                *exited = record->exited_nsec;
}

static void describe_end(const struct rt_exit_record *record, char *text, size_t size) {
        if (record->error)
                (void)snprintf(text, size, "%s: %.300s", rt_end_name(record->end), record->error);
        else if (record->signal)
                (void)snprintf(text, size, "%s: signal %d", rt_end_name(record->end),
                               record->signal);
        else
                (void)snprintf(text, size, "%s: status %d", rt_end_name(record->end),
                               record->exit_code);
}

static void say_failure(struct rt_progress *progress, const struct rt_exit_record *record) {
        char text[700], what[400];

        describe_end(record, what, sizeof what);
        (void)snprintf(text, sizeof text, "stint batch: task %s (attempt %u): %s%s%s\n", record->id,
                       record->attempt, what, record->stderr_path ? "; see " : "",
                       record->stderr_path ? record->stderr_path : "");
        clear_line(progress);
        say(text);
}

void rt_progress_ended(struct rt_progress *progress, const struct rt_exit_record *record,
                       unsigned slot) {
        struct st_json_writer *w;

        progress->changed = true;
        measure(progress, record, slot);
        if (progress->style == RT_PROGRESS_JSON) {
                w = begin_event("ended");
                if (w) {
                        st_json_string(w, "id", record->id);
                        st_json_uint(w, "attempt", record->attempt);
                        st_json_string(w, "end", rt_end_name(record->end));
                        if (record->exit_code >= 0)
                                st_json_int(w, "exit_code", record->exit_code);
                        if (record->signal)
                                st_json_int(w, "signal", record->signal);
                        if (record->error)
                                st_json_string(w, "error", record->error);
                }
                end_event(w);
        } else if (progress->style != RT_PROGRESS_QUIET &&
                   !rt_record_is_success(record->end, record->exit_code)) {
                say_failure(progress, record);
        }
}

/* ---- how far ---- */

static unsigned columns(void) {
        struct winsize size;

        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col
                                                                           : NO_COLUMNS;
}

static void format_time(double seconds, char *text, size_t size) {
        unsigned long s = (unsigned long)(seconds + 0.5);

        if (s >= 3600)
                (void)snprintf(text, size, "%lu h %02lu min", s / 3600, s / 60 % 60);
        else if (s >= 60)
                (void)snprintf(text, size, "%lu min %02lu s", s / 60, s % 60);
        else
                (void)snprintf(text, size, "%lu s", s);
}

static void format_status(const struct rt_progress *progress,
                          const struct rt_progress_counts *counts, char *text, size_t size) {
        unsigned done = counts->succeeded + counts->failed + counts->skipped;
        unsigned mine = counts->succeeded + counts->failed - counts->before;
        double elapsed = (double)(rt_monotonic_nsec() - progress->begun_nsec) / 1e9;
        double rate = elapsed > 0 ? mine / elapsed : 0;
        char total[24] = "", left[40] = "";

        if (counts->total)
                (void)snprintf(total, sizeof total, "/%u", counts->total);
        if (counts->total > done && rate > 0) {
                char time[32];
                format_time((counts->total - done) / rate, time, sizeof time);
                (void)snprintf(left, sizeof left, ", %s left", time);
        }
        (void)snprintf(text, size, "%u%s done, %u of %u slots running, %u failed, %.*f/s%s", done,
                       total, counts->running, counts->slots, counts->failed + counts->skipped,
                       rate < 10 ? 1 : 0, rate, left);
}

uint64_t rt_progress_deadline(const struct rt_progress *progress) {
        bool shows = progress->style == RT_PROGRESS_LIVE || progress->style == RT_PROGRESS_PLAIN;

        return shows && progress->changed ? progress->next_nsec : UINT64_MAX;
}

void rt_progress_tick(struct rt_progress *progress, const struct rt_progress_counts *counts) {
        uint64_t now = rt_monotonic_nsec();
        char status[200], line[256];

        if (now < rt_progress_deadline(progress) || rt_progress_deadline(progress) == UINT64_MAX)
                return;
        format_status(progress, counts, status, sizeof status);
        if (progress->style == RT_PROGRESS_LIVE) {
                (void)snprintf(line, sizeof line, "\r\033[K%.*s", (int)columns() - 1, status);
                progress->next_nsec = now + LIVE_NSEC;
                progress->shown = true;
        } else {
                (void)snprintf(line, sizeof line, "stint batch: %s\n", status);
                progress->next_nsec = now + PLAIN_NSEC;
        }
        say(line);
        progress->changed = false;
}

/* ---- the end ---- */

static void format_duration(uint64_t nsec, char *text, size_t size) {
        if (nsec < 1000000)
                (void)snprintf(text, size, "%.0f us", (double)nsec / 1e3);
        else if (nsec < 1000000000)
                (void)snprintf(text, size, "%.1f ms", (double)nsec / 1e6);
        else
                (void)snprintf(text, size, "%.2f s", (double)nsec / 1e9);
}

static void say_quantiles(const char *name, const struct rt_histogram *histogram) {
        static const double parts[] = {0.5, 0.9, 0.99};
        char texts[4][24], line[200];

        if (histogram->n == 0)
                return;
        for (size_t i = 0; i < 3; i++)
                format_duration(rt_histogram_quantile(histogram, parts[i]), texts[i],
                                sizeof texts[i]);
        format_duration(histogram->max_nsec, texts[3], sizeof texts[3]);
        (void)snprintf(line, sizeof line, "  %-22s 50 %% %9s, 90 %% %9s, 99 %% %9s, max %9s\n",
                       name, texts[0], texts[1], texts[2], texts[3]);
        say(line);
}

static void put_quantiles(struct st_json_writer *w, const char *key,
                          const struct rt_histogram *histogram) {
        st_json_open_object(w, key);
        st_json_uint(w, "n", histogram->n);
        st_json_uint(w, "p50_ns", rt_histogram_quantile(histogram, 0.5));
        st_json_uint(w, "p90_ns", rt_histogram_quantile(histogram, 0.9));
        st_json_uint(w, "p99_ns", rt_histogram_quantile(histogram, 0.99));
        st_json_uint(w, "max_ns", histogram->max_nsec);
        st_json_close_object(w);
}

static void print_summary_event(const struct rt_progress *progress,
                                const struct rt_progress_counts *counts, uint64_t elapsed_nsec) {
        struct st_json_writer *w = begin_event("summary");

        if (w) {
                st_json_uint(w, "succeeded", counts->succeeded);
                st_json_uint(w, "failed", counts->failed);
                st_json_uint(w, "skipped", counts->skipped);
                st_json_uint(w, "not_run", counts->waiting);
                st_json_uint(w, "elapsed_ns", elapsed_nsec);
                put_quantiles(w, "start", &progress->starts);
                put_quantiles(w, "gap", &progress->gaps);
                put_quantiles(w, "run", &progress->runs);
        }
        end_event(w);
}

void rt_progress_summary(struct rt_progress *progress, const struct rt_progress_counts *counts) {
        uint64_t elapsed_nsec = rt_monotonic_nsec() - progress->begun_nsec;
        char line[300], time[24];

        if (progress->style == RT_PROGRESS_QUIET)
                return;
        if (progress->style == RT_PROGRESS_JSON) {
                print_summary_event(progress, counts, elapsed_nsec);
                return;
        }
        clear_line(progress);
        format_duration(elapsed_nsec, time, sizeof time);
        (void)snprintf(line, sizeof line,
                       "stint batch: %u succeeded, %u failed, %u skipped, %u not run, in %s on %u "
                       "slot%s\n",
                       counts->succeeded, counts->failed, counts->skipped, counts->waiting, time,
                       counts->slots, counts->slots == 1 ? "" : "s");
        say(line);
        say_quantiles("start to instruction", &progress->starts);
        say_quantiles("gap between tasks", &progress->gaps);
        say_quantiles("task", &progress->runs);
}
