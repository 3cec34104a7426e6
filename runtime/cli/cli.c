#include "cli.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

enum { MAX_INPUT_BYTES = 64 << 20 };

static void collect_warning(void *data, const char *message) {
        cli_warn(data, message);
}

int cli_open_runtime(struct cli *cli, struct rt_runtime **ret_runtime, struct st_error *err) {
        cli->runtime_options.warn = collect_warning;
        cli->runtime_options.warn_data = cli;
        return rt_runtime_open(&cli->runtime_options, ret_runtime, err);
}

int cli_open_container(struct cli *cli, const char *id, struct rt_runtime **ret_runtime,
                       struct rt_container **ret_container, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        int r = cli_open_runtime(cli, &runtime, err);

        if (r < 0)
                return r;
        r = rt_container_open(runtime, id, ret_container, err);
        if (r < 0)
                return r;
        *ret_runtime = st_take(runtime);
        return 0;
}

/* Opened by the first message: a call that succeeds, the usual one, does not pay for it. */
static const struct st_log *open_log(struct cli *cli) {
        if (cli->log_path && cli->log.fd < 0) {
                cli->log.fd = open(cli->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
                cli->log.also_stderr = cli->log.fd >= 0;
                if (cli->log.fd < 0)
                        dprintf(STDERR_FILENO, "stint: open log %s: %s\n", cli->log_path,
                                st_errno_text(errno));
        }
        if (cli->log.fd < 0)
                cli->log.fd = STDERR_FILENO;
        return &cli->log;
}

void cli_log_error(struct cli *cli, const struct st_error *err) {
        st_log_error(open_log(cli), err);
}

void cli_warn(struct cli *cli, const char *message) {
        char *copy = strdup(message);

        if (copy && cli_list_append(&cli->warnings, copy) < 0)
                free(copy); /* a warning is not worth failing for */
}

void cli_flush_warnings(struct cli *cli) {
        bool heard = cli->log_path || !cli->verb->quiet;

        for (size_t i = 0; i < cli->warnings.n_items; i++) {
                if (heard)
                        st_log_message(open_log(cli), ST_LOG_WARNING, cli->warnings.items[i]);
                free((char *)cli->warnings.items[i]); /* made by cli_warn() */
        }
        free(cli->warnings.items);
        cli->warnings = (struct cli_list) {0};
}

int cli_print(const char *text, size_t length, struct st_error *err) {
        int r = st_write_all(STDOUT_FILENO, text, length);

        return r < 0 ? st_error_code(err, r, "write to standard output") : 0;
}

/* In one write: a line of `events` reaches a pipe whole. */
int cli_print_json(struct st_json_writer *w, struct st_error *err) {
        st_autofree char *line = NULL;
        const char *text;
        size_t length;
        int r = st_json_writer_finish(w, &text, &length, err);

        if (r < 0)
                return r;
        line = malloc(length + 1);
        if (!line)
                return st_error_set(err, -ENOMEM, "allocate the text to print");
        memcpy(line, text, length);
        line[length] = '\n';
        return cli_print(line, length + 1, err);
}

int cli_read_input(const char *path, char **ret_text, size_t *ret_length, struct st_error *err) {
        int r;

        if (strcmp(path, "-"))
                return st_read_file_at(AT_FDCWD, path, MAX_INPUT_BYTES, ret_text, ret_length, err);
        r = st_read_fd(STDIN_FILENO, MAX_INPUT_BYTES, ret_text, ret_length);
        return r < 0 ? st_error_code(err, r, "read standard input") : 0;
}
