#include "task.h"

#include <errno.h>
#include <string.h>

#include <stint/parse.h>

/* Ids name files and containers. */
bool rt_batch_id_is_valid(const char *id) {
        size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "_+.:=@%,-");

        return n > 0 && n <= RT_TASK_ID_MAX && !id[n] && id[0] != '.';
}

int rt_batch_parse_cpus(const char *text, uint64_t *ret_milli) {
        size_t whole = strspn(text, "0123456789");
        const char *fraction = text[whole] == '.' ? text + whole + 1 : text + whole;
        uint64_t value = 0, digit = 100;

        if (whole == 0 || whole > 6 || (text[whole] && text[whole] != '.') ||
            fraction[strspn(fraction, "0123456789")])
                return -EINVAL;
        for (size_t i = 0; i < whole; i++)
                value = value * 10 + (uint64_t)(text[i] - '0');
        value *= 1000;
        for (; *fraction; fraction++, digit /= 10)
                value += digit * (uint64_t)(*fraction - '0');
        if (value < 10) /* the kernel's smallest quota: 1 ms of 100 ms */
                return -ERANGE;
        *ret_milli = value;
        return 0;
}

int rt_batch_parse_timeout(const char *text, uint64_t *ret_nsec) {
        char with_unit[40];
        size_t n = strspn(text, "0123456789.");
        int r;

        if (text[n] || n == 0 || n + 2 > sizeof with_unit)
                r = st_parse_duration(text, ret_nsec);
        else {
                (void)snprintf(with_unit, sizeof with_unit, "%ss", text); /* fits */
                r = st_parse_duration(with_unit, ret_nsec);
        }
        return r == 0 && *ret_nsec == 0 ? -ERANGE : r;
}

static char **no_strings(struct st_arena *arena) {
        return st_arena_array(arena, 1, sizeof(char *));
}

static int set_shell_command(struct rt_batch_task *task, const char *line) {
        task->args = st_arena_array(task->arena, 4, sizeof *task->args);
        if (!task->args)
                return -ENOMEM;
        task->args[0] = (char *)"/bin/sh";
        task->args[1] = (char *)"-c";
        task->args[2] = (char *)line;
        return 0;
}

static int set_command(struct rt_batch_task *task, const struct rt_task_defaults *defaults,
                       const char *name, const char *text, size_t length, struct st_error *err) {
        char *line = st_arena_strndup(task->arena, text, length);
        int r = -ENOMEM;

        if (line && strlen(line) != length)
                return st_error_set(err, -EINVAL, "%s: a NUL in the line", name);
        if (line && defaults->command) {
                task->args = rt_template_expand(defaults->command, task->arena, line, task->number);
                r = task->args ? 0 : -ENOMEM;
        } else if (line) {
                r = set_shell_command(task, line);
        }
        return r < 0 ? st_error_set(err, r, "%s: read the task", name) : 0;
}

static int apply_defaults(struct rt_batch_task *task, const struct rt_task_defaults *defaults,
                          unsigned number) {
        task->number = number;
        task->id = st_arena_printf(task->arena, "%u", number);
        task->env = no_strings(task->arena);
        task->after = no_strings(task->arena);
        task->devices = (char **)defaults->devices;
        if (!task->devices)
                task->devices = no_strings(task->arena);
        task->needs = (struct rt_need *)defaults->needs; /* never written through */
        task->n_needs = defaults->n_needs;
        task->cpu_milli = defaults->cpu_milli;
        task->memory_bytes = defaults->memory_bytes;
        task->timeout_nsec = defaults->timeout_nsec;
        task->retries = defaults->retries;
        task->tier = RT_TIER_SHARED;
        return task->id && task->env && task->after && task->devices ? 0 : -ENOMEM;
}

int rt_batch_task_parse(const struct rt_task_defaults *defaults, const char *name, const char *line,
                        size_t length, unsigned number, struct rt_batch_task **ret_task,
                        struct st_error *err) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(length + 512);
        struct rt_batch_task *task = arena ? st_arena_alloc(arena, sizeof *task) : NULL;
        int r;

        if (!task)
                return st_error_set(err, -ENOMEM, "%s: read the task", name);
        task->arena = arena;
        if (apply_defaults(task, defaults, number) < 0)
                return st_error_set(err, -ENOMEM, "%s: read the task", name);
        r = length && line[0] == '{' ? rt_batch_task_read_json(task, name, line, length, err)
                                     : set_command(task, defaults, name, line, length, err);
        if (r < 0)
                return r;
        (void)st_take(arena); /* the task's own from here on */
        *ret_task = task;
        return 0;
}

struct rt_batch_task *rt_batch_task_free(struct rt_batch_task *task) {
        if (task)
                (void)st_arena_free(task->arena); /* the task lives in it */
        return NULL;
}
