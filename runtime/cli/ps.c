#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/parse.h>

enum { MAX_TABLE = 64 << 20 };

extern char **environ;

static const char *format;

static const struct cli_option options[] = {
        {"format", 'f', CLI_TEXT(&format), "FORMAT", "table (default) or json: an array of pids"},
        {0},
};

struct pids {
        pid_t *items;
        size_t n_items;
};

static bool contains(const struct pids *pids, const char *text, size_t length) {
        char number[16];
        int pid;

        if (length >= sizeof number)
                return false;
        memcpy(number, text, length);
        number[length] = 0;
        if (st_parse_int(number, &pid) < 0)
                return false;
        for (size_t i = 0; i < pids->n_items; i++) {
                if (pids->items[i] == pid)
                        return true;
        }
        return false;
}

static int print_json(const struct pids *pids, struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);

        if (!w)
                return st_error_set(err, -ENOMEM, "allocate the list");
        st_json_open_array(w, NULL);
        for (size_t i = 0; i < pids->n_items; i++)
                st_json_int(w, NULL, pids->items[i]);
        st_json_close_array(w);
        return cli_print_json(w, err);
}

/* The n-th word of a line: NULL when there are fewer. */
static const char *word(const char *line, size_t n, size_t *ret_length) {
        for (;; n--) {
                line += strspn(line, " \t");
                *ret_length = strcspn(line, " \t\n");
                if (*ret_length == 0)
                        return NULL;
                if (n == 0)
                        return line;
                line += *ret_length;
        }
}

/* Which column of ps's heading says PID. */
static int find_column(const char *heading, size_t *ret_column, struct st_error *err) {
        size_t length;
        const char *text;

        for (size_t i = 0; (text = word(heading, i, &length)); i++) {
                if (length == 3 && !memcmp(text, "PID", 3)) {
                        *ret_column = i;
                        return 0;
                }
        }
        return st_error_set(err, -EINVAL, "couldn't find PID field in ps output");
}

static int print_table(const char *table, const struct pids *pids, struct st_error *err) {
        size_t column = 0, length;
        int r = find_column(table, &column, err);

        for (const char *line = table, *end; r == 0 && *line; line = end) {
                const char *pid = word(line, column, &length);

                end = strchrnul(line, '\n');
                end += *end == '\n';
                if (line == table || (pid && contains(pids, pid, length)))
                        r = cli_print(line, (size_t)(end - line), err);
        }
        return r;
}

/* ps(1) knows the columns that people ask for. Its arguments are the caller's, or -ef. */
static int spawn_ps(const char *const *arguments, int out_fd, pid_t *ret_pid,
                    struct st_error *err) {
        struct cli_list argv = {0};
        posix_spawn_file_actions_t actions;
        int r = cli_list_append(&argv, "ps");

        if (!*arguments && r == 0)
                r = cli_list_append(&argv, "-ef");
        for (; *arguments && r == 0; arguments++)
                r = cli_list_append(&argv, *arguments);
        if (r == 0)
                r = cli_list_append(&argv, NULL);
        if (r == 0)
                r = -posix_spawn_file_actions_init(&actions);
        if (r == 0) {
                r = -posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
                if (r == 0)
                        r = -posix_spawnp(ret_pid, "ps", &actions, NULL, (char **)argv.items,
                                          environ);
                (void)posix_spawn_file_actions_destroy(&actions); /* cannot fail */
        }
        free(argv.items);
        return r < 0 ? st_error_code(err, r, "run ps") : 0;
}

static int reap_ps(pid_t pid, struct st_error *err) {
        int status;

        while (waitpid(pid, &status, 0) < 0) {
                if (errno != EINTR)
                        return st_error_sys(err, "wait for ps");
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        return st_error_set(err, -EINVAL, "ps failed with %s %d",
                            WIFEXITED(status) ? "status" : "signal",
                            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static int run_ps(const char *const *arguments, char **ret_table, struct st_error *err) {
        st_autoclose int read_fd = -1, write_fd = -1;
        st_autofree char *table = NULL;
        int fds[2], r, read_result;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return st_error_sys(err, "pipe");
        read_fd = fds[0];
        write_fd = fds[1];
        r = spawn_ps(arguments, write_fd, &pid, err);
        if (r < 0)
                return r;
        write_fd = st_close(write_fd);
        read_result = st_read_fd(read_fd, MAX_TABLE, &table, NULL);
        read_fd = st_close(read_fd); /* a ps that still writes then ends */
        r = reap_ps(pid, err);
        if (r < 0)
                return r;
        if (read_result < 0)
                return st_error_code(err, read_result, "read ps output");
        *ret_table = st_take(table);
        return 0;
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        st_autofree pid_t *items = NULL;
        st_autofree char *table = NULL;
        struct pids pids = {0};
        int r;

        if (format && strcmp(format, "table") && strcmp(format, "json"))
                return cli_usage_error(err, "invalid format option");
        r = cli_open_container(cli, operands[0], &runtime, &container, err);
        if (r == 0)
                r = rt_container_processes(container, &items, &pids.n_items, err);
        if (r < 0)
                return r;
        pids.items = items;
        if (format && !strcmp(format, "json"))
                return print_json(&pids, err);
        r = run_ps(operands + 1, &table, err);
        return r < 0 ? r : print_table(table, &pids, err);
}

const struct cli_verb cli_ps = {
        .name = "ps",
        .operands = "ID [PS-OPTION...]",
        .summary = "list a container's processes",
        .options = options,
        .min_operands = 1,
        .max_operands = (unsigned)-1,
        .stops_at_operand = true,
        .run = run,
};
