#include "cli.h"
#include "place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <stint/cleanup.h>

enum { LIST_ROOM = 2048 };

static const char *state_of(const struct rt_ledger_task *task) {
        if (task->queued)
                return "waits";
        if (task->frozen)
                return "frozen";
        return rt_cpus_count(&task->cpus) < task->n_cpus ? "narrowed" : "";
}

static void print_task(FILE *out, const struct rt_ledger_task *task) {
        char list[LIST_ROOM];

        fprintf(out, "%-20s %-11s %4u  %-16s %-20s %-12s %s\n", task->id, rt_tier_name(task->tier),
                task->n_cpus,
                rt_cpus_is_empty(&task->cpus) ? "-" : rt_cpus_print(&task->cpus, list, sizeof list),
                task->tenant, task->job ? task->job : "-", state_of(task));
}

static int print_words(const struct rt_topology *topology, const struct rt_ledger_view *view,
                       const struct rt_cpus *taken, struct st_error *err) {
        const struct rt_cpus none = {0};
        st_autofree char *text = NULL;
        char list[LIST_ROOM];
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);

        if (!out)
                return st_error_set(err, -ENOMEM, "allocate the list");
        fprintf(out, "%-20s %-11s %4s  %-16s %-20s %-12s %s\n", "ID", "TIER", "ASKS", "CPUS",
                "TENANT", "JOB", "STATE");
        for (size_t i = 0; i < view->n_tasks; i++)
                print_task(out, &view->tasks[i]);
        if (!rt_cpus_is_empty(&view->foreign))
                fprintf(out, "in cpusets of others: %s\n",
                        rt_cpus_print(&view->foreign, list, sizeof list));
        fputc('\n', out);
        rt_picture_text(topology, taken, &none, out);
        if (fclose(out) != 0)
                return st_error_set(err, -ENOMEM, "allocate the list");
        return cli_print(text, length, err);
}

static void write_task(struct st_json_writer *w, const struct rt_ledger_task *task) {
        char list[RT_MAX_CPUS * 5];

        st_json_open_object(w, NULL);
        st_json_string(w, "id", task->id);
        st_json_string(w, "tier", rt_tier_name(task->tier));
        st_json_uint(w, "asked", task->n_cpus);
        st_json_string(w, "cpus", rt_cpus_print(&task->cpus, list, sizeof list));
        st_json_string(w, "tenant", task->tenant);
        st_json_string(w, "job", task->job);
        st_json_string(w, "cgroup", task->cgroup);
        st_json_bool(w, "frozen", task->frozen);
        st_json_bool(w, "waits", task->queued);
        st_json_int(w, "owner", task->owner);
        st_json_close_object(w);
}

static int print_json(const struct rt_ledger_view *view, struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        char list[RT_MAX_CPUS * 5];

        if (!w)
                return st_error_set(err, -ENOMEM, "allocate the list");
        st_json_open_object(w, NULL);
        st_json_open_array(w, "tasks");
        for (size_t i = 0; i < view->n_tasks; i++)
                write_task(w, &view->tasks[i]);
        st_json_close_array(w);
        st_json_string(w, "others", rt_cpus_print(&view->foreign, list, sizeof list));
        st_json_close_object(w);
        return cli_print_json(w, err);
}

int cli_place_list(struct rt_ledger *ledger, const char *svg_path, bool as_json,
                   struct st_error *err) {
        const struct rt_topology *topology;
        const struct rt_cpus none = {0};
        struct rt_ledger_view view;
        struct rt_cpus taken;
        int r = rt_ledger_topology(ledger, &topology, err);

        if (r == 0)
                r = rt_ledger_look(ledger, &view, err);
        if (r < 0)
                return r;
        taken = view.foreign;
        for (size_t i = 0; i < view.n_tasks; i++)
                rt_cpus_or(&taken, &view.tasks[i].cpus);
        if (svg_path)
                r = cli_place_write_svg(topology, &taken, &none, svg_path, err);
        if (r == 0)
                r = as_json ? print_json(&view, err) : print_words(topology, &view, &taken, err);
        rt_ledger_view_deinit(&view);
        return r;
}

int cli_place_repack(struct rt_ledger *ledger, bool as_json, struct st_error *err) {
        st_autofree char *text = NULL;
        unsigned n_moved;
        int r = rt_ledger_repack(ledger, &n_moved, err), length;

        if (r < 0)
                return r;
        length = asprintf(&text,
                          as_json ? "{\"moved\":%u}\n" : "tasks whose CPUs have changed: %u\n",
                          n_moved);
        if (length < 0) {
                text = NULL;
                return st_error_set(err, -ENOMEM, "allocate the answer");
        }
        return cli_print(text, (size_t)length, err);
}
