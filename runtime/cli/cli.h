/* cli.h: the `stint` program around libstint: a verb is a table entry and a function; main.c runs
 * it. */
#pragma once
#include "options.h"

#include <stdbool.h>
#include <stddef.h>

#include <stint/container.h>
#include <stint/error.h>
#include <stint/json.h>
#include <stint/log.h>

#define CLI_SPEC_VERSION "1.3.0" /* of the runtime-spec that this program implements */

struct cli {
        char *const *argv;    /* as the program got it */
        const char *log_path; /* NULL: stderr */
        struct st_log log;    /* the first message opens its file */
        const char *criu;     /* --criu: a name or a path */
        struct rt_runtime_options runtime_options;
        const struct cli_verb *verb;
        struct cli_list warnings; /* of libstint, until cli_flush_warnings() */
};

struct cli_verb {
        const char *name;
        const char *operands; /* for help: "ID [SIGNAL]" */
        const char *summary;
        const struct cli_option *options; /* NULL: none but --help */
        unsigned min_operands, max_operands;
        bool stops_at_operand; /* what follows the first operand has options of its own */
        bool quiet;         /* fd 2 is the container's: nothing goes there unless the verb fails */
        bool enters;        /* puts a process of ours into a container: see rt_protect_self() */
        int failure_status; /* exit status of a failure; 0 means 1 */
        /* The exit status, or a negative errno with @err set. operands[0] is the id, if there is
         * one. */
        int (*run)(struct cli *cli, const char *const *operands, struct st_error *err);
};

extern const struct cli_verb cli_batch, cli_checkpoint, cli_create, cli_delete, cli_events,
        cli_exec, cli_features, cli_kill, cli_list, cli_pause, cli_place, cli_ps, cli_restore,
        cli_resume, cli_run, cli_spec, cli_start, cli_state, cli_update;

/* ---- help.c: pages that fit a terminal of 24 lines and 80 columns ---- */

char *cli_help_verb(const struct cli_verb *verb);
char *cli_help_program(const struct cli_verb *const *verbs, const struct cli_option *options);

/* ---- cli.c ---- */

int cli_open_runtime(struct cli *cli, struct rt_runtime **ret_runtime,
                     struct st_error *err) st_must_check;
/* Both a runtime and one of its containers. */
int cli_open_container(struct cli *cli, const char *id, struct rt_runtime **ret_runtime,
                       struct rt_container **ret_container, struct st_error *err) st_must_check;

void cli_log_error(struct cli *cli, const struct st_error *err);
void cli_warn(struct cli *cli, const char *message);
/* Log what was warned about, once success is certain: podman reads the log of a failing call as one
 * JSON object, so there the error has to be the only line. */
void cli_flush_warnings(struct cli *cli);

/* Write to stdout: a full disk or a closed pipe is an error. */
int cli_print(const char *text, size_t length, struct st_error *err) st_must_check;
/* Print a finished document and a newline. */
int cli_print_json(struct st_json_writer *w, struct st_error *err) st_must_check;
/* Read a file, or stdin when @path is "-". */
int cli_read_input(const char *path, char **ret_text, size_t *ret_length,
                   struct st_error *err) st_must_check;
