#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/cleanup.h>

static const char *format;
static bool quiet;

static const struct cli_option options[] = {
        {"format", 'f', CLI_TEXT(&format), "FORMAT", "table (default) or json"},
        {"quiet", 'q', CLI_FLAG(&quiet), "ids only"},
        {0},
};

enum { N_COLUMNS = 6 };

struct row {
        char *cells[N_COLUMNS];
};

struct table {
        struct row *rows;
        size_t n_rows;
};

static struct table *table_deinit(struct table *table) {
        for (size_t i = 0; i < table->n_rows; i++) {
                for (size_t k = 0; k < N_COLUMNS; k++)
                        free(table->rows[i].cells[k]);
        }
        free(table->rows);
        *table = (struct table) {0};
        return NULL;
}

static void table_cleanup(struct table *table) {
        (void)table_deinit(table); /* always NULL */
}

static int add_row(struct table *table, const char *const *cells, struct st_error *err) {
        struct row *rows = reallocarray(table->rows, table->n_rows + 1, sizeof *rows);

        if (!rows)
                return st_error_set(err, -ENOMEM, "allocate the table");
        table->rows = rows;
        rows[table->n_rows++] = (struct row) {0};
        for (size_t k = 0; k < N_COLUMNS; k++) {
                rows[table->n_rows - 1].cells[k] = strdup(cells[k] ? cells[k] : "");
                if (!rows[table->n_rows - 1].cells[k])
                        return st_error_set(err, -ENOMEM, "allocate the table");
        }
        return 0;
}

static int add_container(struct table *table, struct rt_container *container,
                         struct st_error *err) {
        struct rt_container_info info;
        enum rt_status status;
        char pid[16];
        int r = rt_container_status(container, &status, err);

        if (r == 0)
                r = rt_container_info(container, &info, err);
        if (r < 0)
                return r;
        (void)snprintf(pid, sizeof pid, "%d", (int)info.pid); /* fits */
        return add_row(table,
                       (const char *[]) {info.id, pid, rt_status_name(status), info.bundle,
                                         info.created, info.owner},
                       err);
}

/* runc's spacing: three blanks between columns, and none narrower than nine. */
static int print_table(const struct table *table, struct st_error *err) {
        st_autofree char *text = NULL;
        size_t widths[N_COLUMNS] = {0}, length = 0;
        FILE *out = open_memstream(&text, &length);

        if (!out)
                return st_error_set(err, -ENOMEM, "allocate the table");
        for (size_t i = 0; i < table->n_rows; i++) {
                for (size_t k = 0; k < N_COLUMNS; k++) {
                        size_t width = strlen(table->rows[i].cells[k]);
                        widths[k] = width > widths[k] ? width : widths[k];
                }
        }
        for (size_t i = 0; i < table->n_rows; i++) {
                for (size_t k = 0; k + 1 < N_COLUMNS; k++)
                        fprintf(out, "%-*s   ", (int)(widths[k] > 9 ? widths[k] : 9),
                                table->rows[i].cells[k]);
                fprintf(out, "%s\n", table->rows[i].cells[N_COLUMNS - 1]);
        }
        if (fclose(out) != 0)
                return st_error_set(err, -ENOMEM, "allocate the table");
        return cli_print(text, length, err);
}

/* One entry that cannot be read must not hide the others. One that is being deleted was never
 * there. */
static void skip(struct cli *cli, const char *id, const struct st_error *failure) {
        char text[sizeof failure->msg + 128];

        if (failure->kind == ST_CODE_NOT_FOUND)
                return;
        (void)snprintf(text, sizeof text, "list: skipping %.64s: %s", id, failure->msg); /* fits */
        cli_warn(cli, text);
}

static void list_table(struct cli *cli, struct rt_runtime *runtime, char *const *ids,
                       struct table *table) {
        for (; *ids; ids++) {
                st_cleanup(rt_container_freep) struct rt_container *container = NULL;
                struct st_error failure = {0};
                int r = rt_container_open(runtime, *ids, &container, &failure);

                if (r == 0)
                        r = add_container(table, container, &failure);
                if (r < 0)
                        skip(cli, *ids, &failure);
        }
}

static void list_json(struct cli *cli, struct rt_runtime *runtime, char *const *ids,
                      struct st_json_writer *w) {
        for (; *ids; ids++) {
                st_cleanup(rt_container_freep) struct rt_container *container = NULL;
                struct st_error failure = {0};
                int r = rt_container_open(runtime, *ids, &container, &failure);

                if (r == 0)
                        r = rt_container_write_state(container, w, NULL, &failure);
                if (r < 0)
                        skip(cli, *ids, &failure);
        }
}

static int print_as_table(struct cli *cli, struct rt_runtime *runtime, char *const *ids,
                          struct st_error *err) {
        st_cleanup(table_cleanup) struct table table = {0};
        int r = add_row(&table,
                        (const char *[]) {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"},
                        err);

        if (r < 0)
                return r;
        list_table(cli, runtime, ids, &table);
        return print_table(&table, err);
}

static int print_as_json(struct cli *cli, struct rt_runtime *runtime, char *const *ids,
                         struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);

        if (!w)
                return st_error_set(err, -ENOMEM, "allocate the list");
        st_json_open_array(w, NULL);
        list_json(cli, runtime, ids, w);
        st_json_close_array(w);
        return cli_print_json(w, err);
}

static int print_ids(char *const *ids, struct st_error *err) {
        int r = 0;

        for (; *ids && r == 0; ids++) {
                r = cli_print(*ids, strlen(*ids), err);
                if (r == 0)
                        r = cli_print("\n", 1, err);
        }
        return r;
}

static int print_list(struct cli *cli, struct rt_runtime *runtime, char *const *ids,
                      struct st_error *err) {
        if (quiet)
                return print_ids(ids, err);
        if (format && !strcmp(format, "json"))
                return print_as_json(cli, runtime, ids, err);
        return print_as_table(cli, runtime, ids, err);
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        char **ids = NULL;
        int r;

        (void)operands; /* it has none */
        if (format && strcmp(format, "table") && strcmp(format, "json"))
                return cli_usage_error(err, "invalid format option");
        r = cli_open_runtime(cli, &runtime, err);
        if (r == 0)
                r = rt_runtime_list(runtime, &ids, err);
        if (r < 0)
                return r;
        r = print_list(cli, runtime, ids, err);
        for (size_t i = 0; ids[i]; i++)
                free(ids[i]);
        free(ids);
        return r;
}

const struct cli_verb cli_list = {
        .name = "list",
        .operands = "",
        .summary = "list the containers",
        .options = options,
        .run = run,
};
