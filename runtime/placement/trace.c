/* trace.c: a line of JSON for each start and end of a task. */
#include "simulate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include <stint/json.h>
#include <stint/parse.h>

/* Tasks that have started and not ended. */
struct live {
        const char *id;
        unsigned task;
        UT_hash_handle hh;
};

struct parser {
        struct rt_trace *trace;
        struct live *live;
        char line[80]; /* "trace.jsonl line 7" */
        struct st_error *err;
};

static int text_of(struct parser *p, const struct st_json *object, const char *key,
                   const char **ret) {
        const struct st_json *value = st_json_get(object, key);

        if (value && value->type != ST_JSON_STRING)
                return st_error_set(p->err, -EINVAL, "%s: \"%s\" is no string", p->line, key);
        *ret = value ? value->text : NULL;
        return 0;
}

static int known_keys(struct parser *p, const struct st_json *object) {
        static const char *const keys[] = {"event", "id",  "cpus",   "tier", "tenant",
                                           "job",   "smt", "strict", "time"};

        ST_JSON_FOREACH (member, object) {
                bool known = false;

                for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                        known |= !strcmp(member->key, keys[i]);
                if (!known)
                        return st_error_set(p->err, -EINVAL, "%s: no key \"%.40s\"", p->line,
                                            member->key);
        }
        return 0;
}

static int read_smt(struct parser *p, const struct st_json *object, bool *ret_whole_cores) {
        const char *smt = NULL;
        int r = text_of(p, object, "smt", &smt);

        if (r < 0)
                return r;
        if (smt && strcmp(smt, "exclusive") && strcmp(smt, "shared"))
                return st_error_set(p->err, -EINVAL, "%s: smt is \"exclusive\" or \"shared\"",
                                    p->line);
        *ret_whole_cores = smt && !strcmp(smt, "exclusive");
        return 0;
}

static int read_request(struct parser *p, const struct st_json *object, struct rt_request *ret) {
        const struct st_json *n_cpus = st_json_get(object, "cpus"),
                             *strict = st_json_get(object, "strict");
        const char *tier = NULL;
        uint32_t number;
        int r;

        *ret = (struct rt_request) {0};
        if (!n_cpus || n_cpus->type != ST_JSON_NUMBER || st_parse_u32(n_cpus->text, &number) < 0 ||
            number == 0 || number > RT_MAX_CPUS)
                return st_error_set(p->err, -EINVAL, "%s: \"cpus\" is no number from 1 to %d",
                                    p->line, RT_MAX_CPUS);
        ret->n_cpus = number;
        if (strict && strict->type != ST_JSON_BOOL)
                return st_error_set(p->err, -EINVAL, "%s: \"strict\" is neither true nor false",
                                    p->line);
        ret->strict = strict && strict->boolean;
        r = text_of(p, object, "tenant", &ret->tenant);
        if (r == 0)
                r = text_of(p, object, "job", &ret->job);
        if (r == 0)
                r = text_of(p, object, "tier", &tier);
        if (r == 0)
                r = read_smt(p, object, &ret->whole_cores);
        if (r < 0)
                return r;
        if (!ret->tenant)
                ret->tenant = ""; /* all without one are one tenant: NULL would be a stranger */
        if (tier && rt_tier_parse(tier, &ret->tier) < 0)
                return st_error_set(p->err, -EINVAL, "%s: no tier \"%.40s\"", p->line, tier);
        return 0;
}

static int add_event(struct parser *p, bool starts, unsigned task) {
        struct trace_event *events =
                reallocarray(p->trace->events, p->trace->n_events + 1, sizeof *events);

        if (!events)
                return st_error_set(p->err, -ENOMEM, "allocate the trace");
        p->trace->events = events;
        events[p->trace->n_events++] = (struct trace_event) {starts, task};
        return 0;
}

static int add_start(struct parser *p, const char *id, const struct st_json *object) {
        struct rt_request *tasks =
                reallocarray(p->trace->tasks, p->trace->n_tasks + 1, sizeof *tasks);
        struct live *live = st_arena_alloc(p->trace->arena, sizeof *live);
        int r;

        if (tasks)
                p->trace->tasks = tasks;
        if (!tasks || !live)
                return st_error_set(p->err, -ENOMEM, "allocate the trace");
        r = read_request(p, object, &tasks[p->trace->n_tasks]);
        if (r < 0)
                return r;
        live->id = id;
        live->task = (unsigned)p->trace->n_tasks;
        HASH_ADD_KEYPTR(hh, p->live, live->id, strlen(live->id), live);
        if (!live->hh.tbl)
                return st_error_set(p->err, -ENOMEM, "allocate the trace");
        p->trace->n_tasks++;
        return add_event(p, true, live->task);
}

static int read_event(struct parser *p, const struct st_json *object) {
        const char *event = NULL, *id = NULL;
        struct live *live;
        int r = known_keys(p, object);

        if (r == 0)
                r = text_of(p, object, "event", &event);
        if (r == 0)
                r = text_of(p, object, "id", &id);
        if (r < 0)
                return r;
        if (!event || !id || (strcmp(event, "start") && strcmp(event, "end")))
                return st_error_set(p->err, -EINVAL,
                                    "%s: wants an \"event\", start or end, and an \"id\"", p->line);
        HASH_FIND_STR(p->live, id, live);
        if (!strcmp(event, "start"))
                return live ? st_error_set(p->err, -EINVAL, "%s: \"%.40s\" runs already", p->line,
                                           id)
                            : add_start(p, id, object);
        if (!live)
                return st_error_set(p->err, -EINVAL, "%s: \"%.40s\" does not run", p->line, id);
        HASH_DEL(p->live, live);
        return add_event(p, false, live->task);
}

static int read_lines(struct parser *p, const char *name, const char *text, size_t length) {
        unsigned number = 1;

        for (const char *end = text + length; text < end; number++) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                size_t n = newline ? (size_t)(newline - text) : (size_t)(end - text);
                const struct st_json *root;
                int r = 0;

                (void)snprintf(p->line, sizeof p->line, "%.48s line %u", name, number); /* fits */
                if (n > 0)
                        r = st_json_parse(p->trace->arena, p->line, text, n, &root, p->err);
                if (r == 0 && n > 0)
                        r = read_event(p, root);
                if (r < 0)
                        return r;
                text += n + 1;
        }
        return 0;
}

int rt_trace_parse(const char *name, const char *text, size_t length, struct rt_trace **ret_trace,
                   struct st_error *err) {
        st_cleanup(rt_trace_freep) struct rt_trace *trace = calloc(1, sizeof *trace);
        struct parser p = {.trace = trace, .err = err};
        int r;

        if (!trace || !(trace->arena = st_arena_new(length * 2)))
                return st_error_set(err, -ENOMEM, "allocate the trace");
        r = read_lines(&p, name, text, length);
        HASH_CLEAR(hh, p.live); /* its members are in the arena */
        if (r < 0)
                return r;
        *ret_trace = st_take(trace);
        return 0;
}

struct rt_trace *rt_trace_free(struct rt_trace *trace) {
        if (!trace)
                return NULL;
        st_arena_free(trace->arena);
        free(trace->events);
        free(trace->tasks);
        free(trace);
        return NULL;
}
