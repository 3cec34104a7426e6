#include "cli.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

enum { LIST_ROOM = 2048 };

struct answer {
        const struct rt_topology *t;
        const struct place_question *question;
        struct rt_holding *holdings;
        const char **names; /* of the holdings, for people */
        size_t n_holdings;
        struct rt_cpus taken; /* of all holdings */
        struct rt_decision decision;
};

/* ---- what is taken ---- */

/* LIST[:TENANT[:TIER]]; @text is cut into its parts. */
static int parse_taken(char *text, struct rt_holding *ret, struct st_error *err) {
        const char *list = strsep(&text, ":"), *tenant = strsep(&text, ":"), *tier = text;
        struct rt_holding holding = {.tenant = tenant && *tenant ? tenant : NULL};

        if (rt_cpus_parse(list, &holding.cpus) < 0)
                return cli_usage_error(err, "invalid list of CPUs: %.100s", list);
        if (tier && rt_tier_parse(tier, &holding.tier) < 0)
                return cli_usage_error(err, "invalid tier: %.100s", tier);
        *ret = holding;
        return 0;
}

static int read_taken(struct answer *a, char **texts, struct st_error *err) {
        const struct cli_list *list = &a->question->taken;

        for (size_t i = 0; i < list->n_items; i++) {
                int r;

                texts[i] = strdup(list->items[i]);
                if (!texts[i])
                        return st_error_set(err, -ENOMEM, "allocate what is taken");
                r = parse_taken(texts[i], &a->holdings[i], err);
                if (r < 0)
                        return r;
                rt_cpus_or(&a->taken, &a->holdings[i].cpus);
                a->names[i] = list->items[i];
                a->n_holdings++;
        }
        return 0;
}

/* The tasks of the node's ledger, and the cpusets of others. */
static void add_ledger(struct answer *a) {
        const struct rt_ledger_view *view = a->question->view;

        for (size_t i = 0; i < view->n_tasks; i++) {
                const struct rt_ledger_task *task = &view->tasks[i];

                if (rt_cpus_is_empty(&task->cpus))
                        continue;
                a->names[a->n_holdings] = task->id;
                a->holdings[a->n_holdings++] = (struct rt_holding) {.cpus = task->cpus,
                                                                    .tier = task->tier,
                                                                    .tenant = task->tenant,
                                                                    .job = task->job};
                rt_cpus_or(&a->taken, &task->cpus);
        }
        if (rt_cpus_is_empty(&view->foreign))
                return;
        a->names[a->n_holdings] = "cpusets of others";
        a->holdings[a->n_holdings++].cpus = view->foreign;
        rt_cpus_or(&a->taken, &view->foreign);
}

/* ---- the answer ---- */

static void print_count(FILE *out, const char *before, unsigned n, const char *what) {
        fprintf(out, "%s%u %s%s", before, n, what, n == 1 ? "" : "s");
}

static void print_machine(const struct answer *a, FILE *out) {
        const struct rt_groups *levels = a->t->levels;
        char list[LIST_ROOM];

        print_count(out, "node:    ", rt_cpus_count(&a->t->cpus), "CPU");
        print_count(out, " in ", levels[RT_LEVEL_CORE].n, "core");
        print_count(out, ", ", a->t->domains.n, rt_level_name(a->t->domain_level));
        print_count(out, ", ", levels[RT_LEVEL_NODE].n, "NUMA node");
        print_count(out, ", ", levels[RT_LEVEL_PACKAGE].n, "package");
        fputs(a->t->asymmetric ? ", unequal cores\n" : "\n", out);
        if (*a->t->domain_note)
                fprintf(out, "         %s\n", a->t->domain_note);
        if (!rt_cpus_is_empty(&a->t->offline))
                fprintf(out, "offline: %s\n", rt_cpus_print(&a->t->offline, list, sizeof list));
        if (!rt_cpus_is_empty(&a->taken))
                fprintf(out, "taken:   %s\n", rt_cpus_print(&a->taken, list, sizeof list));
}

static void print_choice(const struct answer *a, FILE *out) {
        const struct rt_request *request = &a->question->request;
        char list[LIST_ROOM];

        fprintf(out, "chosen:  %s\n", rt_cpus_print(&a->decision.cpus, list, sizeof list));
        fprintf(out, "memory:  node %s\n",
                rt_cpus_print(&a->decision.memory_nodes, list, sizeof list));
        fprintf(out, "why:     %s\n", a->decision.reason);
        for (size_t i = 0; i < a->n_holdings; i++) {
                struct rt_cpus left =
                        rt_placement_left(a->t, request, &a->decision.cpus, &a->holdings[i]);

                if (!rt_cpus_equal(&left, &a->holdings[i].cpus))
                        fprintf(out, "gives:   the %s task on %s keeps %s\n",
                                rt_tier_name(a->holdings[i].tier), a->names[i],
                                rt_cpus_is_empty(&left) ? "nothing, and is frozen"
                                                        : rt_cpus_print(&left, list, sizeof list));
        }
        fputs("Processes that stint did not start are not moved.\n\n", out);
        rt_picture_text(a->t, &a->taken, &a->decision.cpus, out);
}

static int print_words(const struct answer *a, struct st_error *err) {
        st_autofree char *text = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);

        if (!out)
                return st_error_set(err, -ENOMEM, "allocate the explanation");
        print_machine(a, out);
        print_choice(a, out);
        if (fclose(out) != 0)
                return st_error_set(err, -ENOMEM, "allocate the explanation");
        return cli_print(text, length, err);
}

static int print_json(const struct answer *a, struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        char list[RT_MAX_CPUS * 5];

        if (!w)
                return st_error_set(err, -ENOMEM, "allocate the explanation");
        st_json_open_object(w, NULL);
        st_json_string(w, "cpus", rt_cpus_print(&a->decision.cpus, list, sizeof list));
        st_json_string(w, "memory_nodes",
                       rt_cpus_print(&a->decision.memory_nodes, list, sizeof list));
        st_json_uint(w, "domains", a->decision.n_domains);
        st_json_uint(w, "min_domains", a->decision.min_domains);
        st_json_uint(w, "numa_nodes", a->decision.n_nodes);
        st_json_uint(w, "displaced", a->decision.n_displaced);
        st_json_string(w, "domain_level", rt_level_name(a->t->domain_level));
        st_json_string(w, "domain_note", a->t->domain_note);
        st_json_string(w, "reason", a->decision.reason);
        st_json_close_object(w);
        return cli_print_json(w, err);
}

int cli_place_write_svg(const struct rt_topology *topology, const struct rt_cpus *taken,
                        const struct rt_cpus *chosen, const char *path, struct st_error *err) {
        st_autofree char *text = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);
        st_autoclose int fd = -1;
        int r;

        if (!out)
                return st_error_set(err, -ENOMEM, "allocate the picture");
        rt_picture_svg(topology, taken, chosen, out);
        if (fclose(out) != 0)
                return st_error_set(err, -ENOMEM, "allocate the picture");
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0)
                return st_error_sys(err, "create %s", path);
        r = st_write_all(fd, text, length);
        return r < 0 ? st_error_code(err, r, "write %s", path) : 0;
}

static int answer(struct answer *a, char **texts, struct st_error *err) {
        const struct place_question *q = a->question;
        int r = read_taken(a, texts, err);

        if (q->view)
                add_ledger(a);
        if (r == 0)
                r = rt_placement_decide(a->t, a->holdings, a->n_holdings, &q->request, &a->decision,
                                        err);
        if (r == 0 && q->svg_path)
                r = cli_place_write_svg(a->t, &a->taken, &a->decision.cpus, q->svg_path, err);
        if (r < 0)
                return r;
        return q->as_json ? print_json(a, err) : print_words(a, err);
}

int cli_place_explain(const struct rt_topology *topology, const struct place_question *question,
                      struct st_error *err) {
        size_t n = question->taken.n_items,
               n_all = n + (question->view ? question->view->n_tasks : 0) + 1;
        st_autofree char **texts = calloc(n + 1, sizeof *texts);
        st_autofree struct rt_holding *holdings = calloc(n_all, sizeof *holdings);
        st_autofree const char **names = calloc(n_all, sizeof *names);
        struct answer a = {
                .t = topology, .question = question, .holdings = holdings, .names = names};
        int r;

        if (!texts || !holdings || !names)
                return st_error_set(err, -ENOMEM, "allocate what is taken");
        r = answer(&a, texts, err);
        for (size_t i = 0; i < n; i++)
                free(texts[i]);
        return r;
}
