/* The members of a JSON line. Unknown ones are errors: a misspelt "timout" is no limit. */
#include "task.h"

#include <string.h>

#include <stint/json.h>
#include <stint/parse.h>

struct reader {
        struct rt_batch_task *task;
        const char *name;
        struct st_error *err;
};

static int wrong(const struct reader *r, const struct st_json *value, const char *wanted) {
        char path[200];
        const char *text = value->text ? value->text : "";

        st_json_path(value, path, sizeof path);
        return st_error_kind(r->err,
                             st_error_set(r->err, -EINVAL, "%s: %s: %s wanted%s%.60s", r->name,
                                          path, wanted, *text ? ", not " : "", text),
                             ST_CODE_CONFIG_INVALID);
}

static int out_of_memory(const struct reader *r) {
        return st_error_set(r->err, -ENOMEM, "%s: read the task", r->name);
}

static int read_text(const struct reader *r, const struct st_json *value, const char **ret) {
        if (value->type != ST_JSON_STRING)
                return wrong(r, value, "a string");
        *ret = value->text;
        return 0;
}

static int read_strings(const struct reader *r, const struct st_json *value, char ***ret) {
        char **strings = st_arena_array(r->task->arena, value->n_children + 1, sizeof *strings);
        size_t n = 0;

        if (value->type != ST_JSON_ARRAY)
                return wrong(r, value, "an array of strings");
        if (!strings)
                return out_of_memory(r);
        ST_JSON_FOREACH (item, value) {
                if (item->type != ST_JSON_STRING)
                        return wrong(r, item, "a string");
                strings[n++] = (char *)item->text;
        }
        *ret = strings;
        return 0;
}

static int read_id(const struct reader *r, const struct st_json *value) {
        bool is_text = value->type == ST_JSON_STRING || value->type == ST_JSON_NUMBER;

        if (!is_text || !rt_batch_id_is_valid(value->text))
                return wrong(r, value, "up to 128 of A-Z a-z 0-9 _ + . : = @ % , -");
        r->task->id = value->text;
        return 0;
}

static int read_args(const struct reader *r, const struct st_json *value) {
        int result = read_strings(r, value, &r->task->args);

        return result == 0 && !r->task->args[0] ? wrong(r, value, "at least one argument") : result;
}

static int add_variable(const struct reader *r, const struct st_json *item, char **ret) {
        if (item->type != ST_JSON_STRING)
                return wrong(r, item, "a string");
        if (!*item->key || strchr(item->key, '='))
                return wrong(r, item, "the name of a variable");
        *ret = st_arena_printf(r->task->arena, "%s=%s", item->key, item->text);
        return *ret ? 0 : out_of_memory(r);
}

/* {"NAME":"VALUE"}, or ["NAME=VALUE"] as config.json has it. */
static int read_env(const struct reader *r, const struct st_json *value) {
        char **env = st_arena_array(r->task->arena, value->n_children + 1, sizeof *env);
        size_t n = 0;

        if (!env)
                return out_of_memory(r);
        if (value->type != ST_JSON_OBJECT && value->type != ST_JSON_ARRAY)
                return wrong(r, value, "an object of strings");
        ST_JSON_FOREACH (item, value) {
                int result = 0;

                if (value->type == ST_JSON_OBJECT)
                        result = add_variable(r, item, &env[n++]);
                else if (item->type != ST_JSON_STRING || !strchr(item->text, '=') ||
                         item->text[0] == '=')
                        result = wrong(r, item, "NAME=VALUE");
                else
                        env[n++] = (char *)item->text;
                if (result < 0)
                        return result;
        }
        r->task->env = env;
        return 0;
}

static int read_cwd(const struct reader *r, const struct st_json *value) {
        if (value->type != ST_JSON_STRING || value->text[0] != '/')
                return wrong(r, value, "an absolute path");
        r->task->cwd = value->text;
        return 0;
}

static bool is_scalar(const struct st_json *value) {
        return value->type == ST_JSON_NUMBER || value->type == ST_JSON_STRING;
}

static int read_cpus(const struct reader *r, const struct st_json *value) {
        if (!is_scalar(value) || rt_batch_parse_cpus(value->text, &r->task->cpu_milli) < 0)
                return wrong(r, value, "a number of CPUs (at least 0.01)");
        return 0;
}

static int read_memory(const struct reader *r, const struct st_json *value) {
        if (!is_scalar(value) || st_parse_size(value->text, &r->task->memory_bytes) < 0 ||
            r->task->memory_bytes <= 0)
                return wrong(r, value, "a size (\"512M\")");
        return 0;
}

static int read_timeout(const struct reader *r, const struct st_json *value) {
        if (!is_scalar(value) || rt_batch_parse_timeout(value->text, &r->task->timeout_nsec) < 0)
                return wrong(r, value, "seconds or a time (\"1m30s\")");
        return 0;
}

static int read_tier(const struct reader *r, const struct st_json *value) {
        if (value->type != ST_JSON_STRING || rt_tier_parse(value->text, &r->task->tier) < 0)
                return wrong(r, value, "exclusive, shared or best-effort");
        r->task->has_tier = true;
        return 0;
}

static int read_stdin(const struct reader *r, const struct st_json *value) {
        return read_text(r, value, &r->task->stdin_path);
}

static int read_after(const struct reader *r, const struct st_json *value) {
        return read_strings(r, value, &r->task->after);
}

static int read_retry(const struct reader *r, const struct st_json *value) {
        if (value->type != ST_JSON_NUMBER || st_parse_u32(value->text, &r->task->retries) < 0)
                return wrong(r, value, "a number of retries");
        return 0;
}

static int read_devices(const struct reader *r, const struct st_json *value) {
        return read_strings(r, value, &r->task->devices);
}

static int read_resources(const struct reader *r, const struct st_json *value) {
        struct rt_need *needs;
        size_t n = 0;

        if (value->type != ST_JSON_OBJECT)
                return wrong(r, value, "an object of numbers");
        needs = st_arena_array(r->task->arena, value->n_children + 1, sizeof *needs);
        if (!needs)
                return out_of_memory(r);
        ST_JSON_FOREACH (item, value) {
                needs[n].name = item->key;
                if (item->type != ST_JSON_NUMBER || st_parse_u32(item->text, &needs[n].count) < 0)
                        return wrong(r, item, "a number of instances");
                n++;
        }
        r->task->needs = needs;
        r->task->n_needs = n;
        return 0;
}

static int read_labels(const struct reader *r, const struct st_json *value) {
        struct st_string_pair *labels;
        size_t n = 0;

        if (value->type != ST_JSON_OBJECT)
                return wrong(r, value, "an object of strings");
        labels = st_arena_array(r->task->arena, value->n_children + 1, sizeof *labels);
        if (!labels)
                return out_of_memory(r);
        ST_JSON_FOREACH (item, value) {
                if (item->type != ST_JSON_STRING)
                        return wrong(r, item, "a string");
                labels[n++] = (struct st_string_pair) {item->key, item->text};
        }
        r->task->labels = labels;
        r->task->n_labels = n;
        return 0;
}

static const struct {
        const char *key;
        int (*read)(const struct reader *r, const struct st_json *value);
} members[] = {
        {"id", read_id},           {"args", read_args},           {"env", read_env},
        {"cwd", read_cwd},         {"cpus", read_cpus},           {"memory", read_memory},
        {"timeout", read_timeout}, {"tier", read_tier},           {"stdin", read_stdin},
        {"after", read_after},     {"retry", read_retry},         {"devices", read_devices},
        {"labels", read_labels},   {"resources", read_resources},
};

static int read_member(const struct reader *r, const struct st_json *value) {
        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
                if (!strcmp(value->key, members[i].key))
                        return members[i].read(r, value);
        return wrong(r, value, "no such member; a known one is");
}

int rt_batch_task_read_json(struct rt_batch_task *task, const char *name, const char *line,
                            size_t length, struct st_error *err) {
        struct reader reader = {task, name, err};
        const struct st_json *root;
        int r = st_json_parse(task->arena, name, line, length, &root, err);

        if (r < 0)
                return r;
        ST_JSON_FOREACH (member, root) {
                r = read_member(&reader, member);
                if (r < 0)
                        return r;
        }
        if (!task->args)
                return st_error_kind(err, st_error_set(err, -EINVAL, "%s: args is missing", name),
                                     ST_CODE_CONFIG_INVALID);
        return 0;
}
