#include "journal.h"

#include "syncer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stint/json.h>
#include <stint/parse.h>
#include <stint/spool.h>

enum { START_BYTES = 512 };
#define SYNC_NSEC UINT64_C(1000000000)

struct rt_journal {
        struct rt_spool *results, *starts;
        char *starts_path;
        struct rt_syncer *syncer;
        bool dirty;
        uint64_t sync_at; /* CLOCK_MONOTONIC */
};

/* ---- what was ---- */

struct lines {
        const char *at, *end, *path;
        unsigned number;
};

static bool next_line(struct lines *lines, const char **ret_line, size_t *ret_length) {
        const char *newline;

        do {
                newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
                if (!newline)
                        return false;
                *ret_line = lines->at;
                *ret_length = (size_t)(newline - lines->at);
                lines->at = newline + 1;
                lines->number++;
        } while (*ret_length == 0);
        return true;
}

static size_t count_newlines(const char *text, size_t length) {
        size_t n = 0;

        for (size_t i = 0; i < length; i++)
                n += text[i] == '\n';
        return n;
}

static int compare_records(const void *a, const void *b) {
        const struct rt_record_summary *x = a, *y = b;
        int order = strcmp(x->id, y->id);

        return order ? order : (x->attempt > y->attempt) - (x->attempt < y->attempt);
}

static int read_records(const struct rt_spool *spool, const char *path, struct rt_history *history,
                        struct st_error *err) {
        st_autofree char *text = NULL;
        struct rt_record_summary *records;
        const char *line;
        size_t length;
        int r = rt_spool_read(spool, &text, &length, err);

        if (r < 0)
                return r;
        records = st_arena_array(history->arena, count_newlines(text, length) + 1, sizeof *records);
        if (!records)
                return st_error_set(err, -ENOMEM, "read %s", path);
        struct lines lines = {text, text + length, path, 0};
        while (next_line(&lines, &line, &length)) {
                char name[300];

                (void)snprintf(name, sizeof name, "%.250s:%u", path, lines.number);
                r = rt_exit_record_read(history->arena, name, line, length,
                                        &records[history->n_records], err);
                if (r < 0)
                        return r;
                history->n_records++;
        }
        qsort(records, history->n_records, sizeof *records, compare_records);
        history->records = records;
        return 0;
}

static bool has_record(const struct rt_history *history, const char *id, unsigned attempt) {
        struct rt_record_summary wanted = {.id = id, .attempt = attempt};

        return bsearch(&wanted, history->records, history->n_records, sizeof wanted,
                       compare_records);
}

static int wrong_line(const struct lines *lines, struct st_error *err) {
        return st_error_set(err, -EINVAL, "%s:%u: not a line of a journal", lines->path,
                            lines->number);
}

/* {"run":NAME} or {"start":ID,"attempt":N,"started_ns":T} */
static int read_start(const struct lines *lines, const struct st_json *root,
                      struct rt_history *history, struct rt_open_start *starts, const char **runs,
                      struct st_error *err) {
        const struct st_json *run = st_json_get(root, "run"), *id = st_json_get(root, "start");
        const struct st_json *attempt = st_json_get(root, "attempt");
        const struct st_json *time = st_json_get(root, "started_ns");
        struct rt_open_start start = {0};

        if (run && run->type == ST_JSON_STRING) {
                runs[history->n_run_names++] = run->text;
                return 0;
        }
        if (!id || id->type != ST_JSON_STRING || !attempt || attempt->type != ST_JSON_NUMBER ||
            !time || time->type != ST_JSON_NUMBER ||
            st_parse_u32(attempt->text, &start.attempt) < 0 ||
            st_parse_u64(time->text, &start.started_nsec) < 0)
                return wrong_line(lines, err);
        start.id = id->text;
        if (!has_record(history, start.id, start.attempt))
                starts[history->n_open++] = start;
        return 0;
}

static int read_starts(const struct rt_spool *spool, const char *path, struct rt_history *history,
                       struct st_error *err) {
        st_autofree char *text = NULL;
        struct rt_open_start *starts;
        const char **runs, *line;
        size_t length, n;
        int r = rt_spool_read(spool, &text, &length, err);

        if (r < 0)
                return r;
        n = count_newlines(text, length) + 1;
        starts = st_arena_array(history->arena, n, sizeof *starts);
        runs = st_arena_array(history->arena, n, sizeof *runs);
        if (!starts || !runs)
                return st_error_set(err, -ENOMEM, "read %s", path);
        struct lines lines = {text, text + length, path, 0};
        while (next_line(&lines, &line, &length)) {
                const struct st_json *root;

                r = st_json_parse(history->arena, path, line, length, &root, err);
                if (r >= 0)
                        r = read_start(&lines, root, history, starts, runs, err);
                if (r < 0)
                        return r;
        }
        history->open = starts;
        history->run_names = runs;
        return 0;
}

/* ---- opening ---- */

static int write_run(struct rt_journal *journal, const char *run_name, struct st_error *err) {
        char line[RT_RUN_NAME_ROOM + 16];
        int n = snprintf(line, sizeof line, "{\"run\":\"%s\"}\n", run_name);
        int r = rt_spool_reserve(journal->starts, (size_t)n, err);

        if (r < 0)
                return r;
        rt_spool_release(journal->starts, (size_t)n);
        return rt_spool_append(journal->starts, line, (size_t)n, err);
}

static int open_spools(struct rt_journal *journal, const struct rt_journal_options *options,
                       struct st_error *err) {
        enum rt_spool_mode mode = options->resume ? RT_SPOOL_CONTINUE : RT_SPOOL_NEW;
        int r = rt_spool_open(options->path, mode, &journal->results, err);

        if (r == -EEXIST)
                return st_error_set(err, r, "%s exists: --resume continues it", options->path);
        if (r < 0)
                return r;
        if (asprintf(&journal->starts_path, "%s.journal", options->path) < 0) {
                journal->starts_path = NULL;
                return st_error_set(err, -ENOMEM, "open the journal");
        }
        r = rt_spool_open(journal->starts_path, mode, &journal->starts, err);
        if (r == -EEXIST)
                return st_error_set(err, r,
                                    "%s exists, of a run that was broken off: --resume "
                                    "continues it",
                                    journal->starts_path);
        return r;
}

static int read_history(const struct rt_journal *journal, const char *path,
                        struct rt_history *history, struct st_error *err) {
        int r = read_records(journal->results, path, history, err);

        return r < 0 ? r : read_starts(journal->starts, journal->starts_path, history, err);
}

int rt_journal_open(const struct rt_journal_options *options, struct rt_journal **ret_journal,
                    struct rt_history *ret_history, struct st_error *err) {
        struct rt_journal *journal = calloc(1, sizeof *journal);
        struct rt_history history = {.arena = st_arena_new(0)};
        int fds[2], r = 0;

        if (!journal || !history.arena)
                r = st_error_set(err, -ENOMEM, "open the journal");
        if (r == 0 && options->path) {
                r = open_spools(journal, options, err);
                if (r >= 0 && options->resume)
                        r = read_history(journal, options->path, &history, err);
                if (r >= 0)
                        r = write_run(journal, options->run_name, err);
                if (r >= 0) {
                        fds[0] = rt_spool_fd(journal->results);
                        fds[1] = rt_spool_fd(journal->starts);
                        r = rt_syncer_new(options->loop, fds, 2, &journal->syncer, err);
                }
        }
        if (r < 0) {
                (void)rt_journal_free(journal, false);
                (void)st_arena_free(history.arena);
                return r;
        }
        *ret_journal = journal;
        *ret_history = history;
        return 0;
}

struct rt_journal *rt_journal_free(struct rt_journal *journal, bool complete) {
        if (!journal)
                return NULL;
        (void)rt_syncer_free(journal->syncer); /* the last lines are on the disk then */
        if (complete && journal->starts)
                (void)unlink(journal->starts_path); /* one that stays says nothing wrong */
        (void)rt_spool_free(journal->starts);
        (void)rt_spool_free(journal->results);
        free(journal->starts_path);
        free(journal);
        return NULL;
}

/* ---- writing ---- */

static void touch(struct rt_journal *journal) {
        if (journal->dirty)
                return;
        journal->dirty = true;
        journal->sync_at = rt_monotonic_nsec() + SYNC_NSEC;
}

/* An id needs no escapes, see rt_batch_id_is_valid(). */
static int append_start(struct rt_journal *journal, const char *id, unsigned attempt,
                        struct st_error *err) {
        char line[START_BYTES];
        int n = snprintf(line, sizeof line,
                         "{\"start\":\"%s\",\"attempt\":%u,\"started_ns\":%llu}\n", id, attempt,
                         (unsigned long long)rt_realtime_nsec());
        int r = rt_spool_reserve(journal->starts, (size_t)n, err);

        if (r < 0)
                return r;
        rt_spool_release(journal->starts, (size_t)n);
        return rt_spool_append(journal->starts, line, (size_t)n, err);
}

int rt_journal_start(struct rt_journal *journal, const char *id, unsigned attempt,
                     size_t record_bytes, struct st_error *err) {
        int r;

        if (!journal->results)
                return 0;
        r = rt_spool_reserve(journal->results, record_bytes, err);
        if (r < 0)
                return r;
        r = append_start(journal, id, attempt, err);
        if (r < 0)
                rt_spool_release(journal->results, record_bytes);
        else
                touch(journal);
        return r;
}

int rt_journal_record(struct rt_journal *journal, const struct rt_exit_record *record,
                      size_t record_bytes, struct st_error *err) {
        st_autofree char *line = NULL;
        size_t length;
        int r;

        if (!journal->results)
                return 0;
        r = rt_exit_record_render(record, &line, &length, err);
        if (r < 0)
                return r;
        rt_spool_release(journal->results, record_bytes);
        r = rt_spool_append(journal->results, line, length, err);
        if (r >= 0)
                touch(journal);
        return r;
}

uint64_t rt_journal_deadline(const struct rt_journal *journal) {
        return journal->dirty ? journal->sync_at : UINT64_MAX;
}

void rt_journal_tick(struct rt_journal *journal) {
        if (!journal->dirty || rt_monotonic_nsec() < journal->sync_at)
                return;
        if (rt_syncer_request(journal->syncer))
                journal->dirty = false;
        else /* the disk is slow: the next group is larger */
                journal->sync_at = rt_monotonic_nsec() + SYNC_NSEC;
}
