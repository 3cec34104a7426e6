/* main.c: the global options, and which verb to run. */
#include "cli.h"
#include "stint-config.h"

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <stint/cleanup.h>
#include <stint/protect.h>

static const struct cli_verb *const verbs[] = {
        &cli_create,     &cli_start,   &cli_run,    &cli_state, &cli_kill,
        &cli_delete,     &cli_exec,    &cli_ps,     &cli_list,  &cli_pause,
        &cli_resume,     &cli_update,  &cli_events, &cli_spec,  &cli_features,
        &cli_checkpoint, &cli_restore, &cli_place,  &cli_batch, NULL,
};

static struct {
        const char *root, *log, *log_format, *rootless, *criu;
        const char *placement_config;
        bool debug, systemd_cgroup, version;
} globals;

static const struct cli_option global_options[] = {
        {"root", 0, CLI_TEXT(&globals.root), "DIR", "state directory (default: /run/stint)"},
        {"log", 0, CLI_TEXT(&globals.log), "FILE",
         "append messages to FILE; errors still reach stderr"},
        {"log-format", 0, CLI_TEXT(&globals.log_format), "FORMAT", "text (default) or json"},
        {"debug", 0, CLI_FLAG(&globals.debug), "log more"},
        {"placement-config", 0, CLI_TEXT(&globals.placement_config), "FILE", NULL},
        {"systemd-cgroup", 0, CLI_FLAG(&globals.systemd_cgroup), "let systemd make the cgroups"},
        {"rootless", 0, CLI_TEXT(&globals.rootless), "WHEN",
         "do without denied cgroups: true, false or auto"},
        {"criu", 0, CLI_TEXT(&globals.criu), "PATH", "the criu program (default: criu, from PATH)"},
        {"version", 'v', CLI_FLAG(&globals.version), "print the version"},
        {0},
};

static int print_and_free(char *text, struct st_error *err) {
        st_autofree char *owned = text;

        if (!owned)
                return st_error_set(err, -ENOMEM, "allocate the text to print");
        return cli_print(owned, strlen(owned), err);
}

/* docker reads the first two lines. */
static int print_version(struct st_error *err) {
        const struct scmp_version *seccomp = seccomp_version();
        char *text = NULL;

        if (asprintf(&text, "stint version %s\ncommit: %s\nspec: %s\nlibseccomp: %u.%u.%u\n",
                     ST_VERSION, ST_COMMIT, CLI_SPEC_VERSION, seccomp->major, seccomp->minor,
                     seccomp->micro) < 0)
                text = NULL;
        return print_and_free(text, err);
}

/* Before the first error is looked at: it is to be logged as wanted. */
static void apply_log_options(struct cli *cli) {
        cli->log_path = globals.log;
        if (globals.debug)
                cli->log.threshold = ST_LOG_DEBUG;
        if (globals.log_format && !strcmp(globals.log_format, "json"))
                cli->log.format = ST_LOG_JSON;
}

static int parse_rootless(const char *text, enum rt_rootless *ret, struct st_error *err) {
        static const struct {
                const char *text;
                enum rt_rootless value;
        } values[] = {
                {"auto", RT_ROOTLESS_AUTO}, {"true", RT_ROOTLESS_YES}, {"1", RT_ROOTLESS_YES},
                {"false", RT_ROOTLESS_NO},  {"0", RT_ROOTLESS_NO},
        };

        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
                if (!strcmp(text, values[i].text)) {
                        *ret = values[i].value;
                        return 0;
                }
        return cli_usage_error(err, "invalid value \"%s\" for flag -rootless: parse error", text);
}

static int apply_globals(struct cli *cli, struct st_error *err) {
        const char *format = globals.log_format ? globals.log_format : "text";
        int r;

        if (strcmp(format, "text") && strcmp(format, "json"))
                return cli_usage_error(err, "invalid log-format: %s", format);
        r = parse_rootless(globals.rootless ? globals.rootless : "auto",
                           &cli->runtime_options.rootless, err);
        if (r < 0)
                return r;
        cli->criu = globals.criu ? globals.criu : "criu";
        cli->runtime_options.root = globals.root;
        cli->runtime_options.placement_config = globals.placement_config;
        cli->runtime_options.systemd_cgroup = globals.systemd_cgroup;
        return 0;
}

static const struct cli_verb *find_verb(const char *name) {
        for (size_t i = 0; verbs[i]; i++) {
                if (!strcmp(verbs[i]->name, name))
                        return verbs[i];
        }
        return NULL;
}

static int check_operands(const struct cli_verb *verb, unsigned n, struct st_error *err) {
        if (n >= verb->min_operands && n <= verb->max_operands)
                return 0;
        if (verb->min_operands == verb->max_operands)
                return cli_usage_error(err, "\"%s\" requires exactly %u argument(s)", verb->name,
                                       verb->min_operands);
        if (n < verb->min_operands)
                return cli_usage_error(err, "\"%s\" requires a minimum of %u argument(s)",
                                       verb->name, verb->min_operands);
        return cli_usage_error(err, "\"%s\" requires a maximum of %u argument(s)", verb->name,
                               verb->max_operands);
}

static int run_verb(struct cli *cli, const char **argv, struct st_error *err) {
        const struct cli_verb *verb = cli->verb;
        unsigned n = 0;
        int r = cli_parse(verb->options, verb->stops_at_operand, argv, &n, err);

        if (r > 0)
                return print_and_free(cli_help_verb(verb), err);
        if (r == 0)
                r = check_operands(verb, n, err);
        if (r < 0)
                return r;
        if (verb->enters) {
                /* executed by descriptor, it would bear that number as name */
                (void)prctl(PR_SET_NAME, "stint");
                r = rt_protect_self(cli->argv, err);
                if (r < 0)
                        return r;
        }
        r = verb->run(cli, argv, err);
        if (r < 0 && n > 0 && err->kind != ST_CODE_USAGE) /* ids may be longer than a message */
                return st_error_prefix(err, r, "%s %.64s", verb->name, argv[0]);
        return r;
}

static int run(struct cli *cli, const char **argv, struct st_error *err) {
        unsigned n = 0;
        int r = cli_parse(global_options, true, argv, &n, err);

        apply_log_options(cli);
        if (r < 0)
                return r;
        if (r > 0 || (n == 0 && !globals.version) || (n == 1 && !strcmp(argv[0], "help")))
                return print_and_free(cli_help_program(verbs, global_options), err);
        if (globals.version)
                return print_version(err);
        r = apply_globals(cli, err);
        if (r < 0)
                return r;
        cli->verb = find_verb(argv[0]);
        if (!cli->verb)
                return cli_usage_error(err, "no verb \"%s\"; \"stint --help\" lists them", argv[0]);
        return run_verb(cli, argv + 1, err);
}

int main(int argc, char **argv) {
        /* cli_parse() moves operands to the front of what it gets */
        st_autofree const char **words = malloc((size_t)(argc + 1) * sizeof *words);
        struct cli cli = {.argv = argv,
                          .log = {.fd = -1,
                                  .format = ST_LOG_TEXT,
                                  .threshold = ST_LOG_WARNING,
                                  .program = "stint"}};
        struct st_error err = {0};
        int r;

        if (argc < 1 || !words)
                return EXIT_FAILURE;
        memcpy(words, argv, (size_t)(argc + 1) * sizeof *words);
        r = run(&cli, words + 1, &err);
        if (r >= 0) {
                if (cli.verb)
                        cli_flush_warnings(&cli);
                return r;
        }
        cli_log_error(&cli, &err);
        if (cli.verb && cli.verb->failure_status && err.kind != ST_CODE_USAGE)
                return cli.verb->failure_status;
        return EXIT_FAILURE;
}
