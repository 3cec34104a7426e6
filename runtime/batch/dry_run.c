/* --dry-run: what the input means, a task a line. */
#include "dry_run.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <stint/fs.h>
#include <stint/json.h>

static void put_strings(struct st_json_writer *w, const char *key, char *const *strings) {
        st_json_open_array(w, key);
        for (; *strings; strings++)
                st_json_string(w, NULL, *strings);
        st_json_close_array(w);
}

static void put_task(struct st_json_writer *w, const struct rt_batch_task *task) {
        st_json_open_object(w, NULL);
        st_json_string(w, "id", task->id);
        put_strings(w, "args", task->args);
        if (*task->env)
                put_strings(w, "env", task->env);
        if (task->cwd)
                st_json_string(w, "cwd", task->cwd);
        if (task->cpu_milli)
                st_json_double(w, "cpus", (double)task->cpu_milli / 1000);
        if (task->memory_bytes)
                st_json_int(w, "memory", task->memory_bytes);
        if (task->timeout_nsec)
                st_json_double(w, "timeout", (double)task->timeout_nsec / 1e9);
        if (task->has_tier)
                st_json_string(w, "tier", rt_tier_name(task->tier));
        if (task->stdin_path)
                st_json_string(w, "stdin", task->stdin_path);
        if (*task->after)
                put_strings(w, "after", task->after);
        if (task->retries)
                st_json_uint(w, "retry", task->retries);
        if (*task->devices)
                put_strings(w, "devices", task->devices);
        if (task->n_needs) {
                st_json_open_object(w, "resources");
                for (size_t i = 0; i < task->n_needs; i++)
                        st_json_uint(w, task->needs[i].name, task->needs[i].count);
                st_json_close_object(w);
        }
        st_json_close_object(w);
}

static int print_task(const struct rt_batch_task *task, struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        const char *text;
        size_t length;
        int r;

        if (!w)
                return st_error_set(err, -ENOMEM, "print task %s", task->id);
        put_task(w, task);
        r = st_json_writer_finish(w, &text, &length, err);
        if (r >= 0)
                r = st_write_all(STDOUT_FILENO, text, length);
        if (r >= 0)
                r = st_write_all(STDOUT_FILENO, "\n", 1);
        return r < 0 && !err->code ? st_error_code(err, r, "write to standard output") : r;
}

int rt_dry_run(struct rt_batch *batch, struct st_error *err) {
        struct rt_batch_task *task;
        unsigned number = 0;
        int r = 1;

        while (r >= 0 && !batch->input_ended && !batch->stopping) {
                struct pollfd fd = {.fd = rt_input_wait_fd(batch->input), .events = POLLIN};

                if (rt_batch_read_line(batch, &number) == 0 && !batch->input_ended)
                        (void)poll(&fd, 1, -1); /* interrupted: it is asked again */
                while (r >= 0 && (task = rt_graph_take(batch->graph))) {
                        r = print_task(task, err);
                        rt_graph_finish(batch->graph, task, RT_TASK_SUCCEEDED);
                }
        }
        return r < 0 ? r : 0;
}
