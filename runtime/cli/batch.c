/* batch.c: options of `stint batch`. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <stint/batch.h>
#include <stint/cleanup.h>
#include <stint/parse.h>

static const char *slots, *retries, *kill_after;
static struct st_optional_i64 scratch_size;
static struct cli_list env, binds, devices, resources, needs;
static struct rt_batch_options batch = {.bundle = "."};

static const struct cli_option options[] = {
        {"bundle", 'b', CLI_TEXT(&batch.bundle), "DIR",
         "the bundle (default: the current directory)"},
        {"config", 'f', CLI_TEXT(&batch.config), "FILE", "read this, not DIR/config.json"},
        {"slots", 'n', CLI_TEXT(&slots), "N", "tasks at a time (default: auto)"},
        {"grade", 0, CLI_TEXT(&batch.grade), "GRADE", "what tasks share (default: cold)"},
        {"cpus", 0, CLI_TEXT(&batch.cpus), "N", "CPUs of each task, such as 0.5"},
        {"memory", 0, CLI_TEXT(&batch.memory), "SIZE", "memory of each task"},
        {"timeout", 0, CLI_TEXT(&batch.timeout), "TIME", "end a task after this: SIGTERM"},
        {"kill-after", 0, CLI_TEXT(&kill_after), "TIME", "then SIGKILL (default: 10s)"},
        {"retry", 0, CLI_TEXT(&retries), "N", "try a task that failed N times more"},
        {"keep-going", 'k', CLI_FLAG(&batch.keep_going), "start others after one has failed"},
        {"dry-run", 0, CLI_FLAG(&batch.dry_run), "print the tasks, start none"},
        {"results", 0, CLI_TEXT(&batch.results), "FILE", "write an exit record a line"},
        {"resume", 0, CLI_FLAG(&batch.resume), "go on where FILE ends"},
        {"rerun-lost", 0, CLI_FLAG(&batch.rerun_lost), "with those whose end nobody saw"},
        {"logs", 0, CLI_TEXT(&batch.logs_dir), "DIR",
         "write each task's output to DIR/ID.out, .err"},
        {"outputs", 0, CLI_TEXT(&batch.outputs_prefix), "WORD",
         "record the lines \"WORD key=value\""},
        {"pre", 0, CLI_TEXT(&batch.pre), "CMD", "run CMD on the host before each task"},
        {"post", 0, CLI_TEXT(&batch.post), "CMD", "run CMD on the host after each task"},
        {"env", 'e', CLI_LIST(&env), "NAME[=VALUE]", "set a variable, or pass it on"},
        {"workdir", 'w', CLI_TEXT(&batch.workdir), "DIR", "the working directory"},
        {"user", 'u', CLI_TEXT(&batch.user), "UID[:GID]", "the user"},
        {"bind", 0, CLI_LIST(&binds), "SRC[:DST[:ro]]", "a directory or file of the host"},
        {"home", 0, CLI_FLAG(&batch.home), "bind the home directory, and set HOME"},
        {"network", 0, CLI_TEXT(&batch.network), "NET", "host or none (default: as configured)"},
        {"scratch", 0, CLI_TEXT(&batch.scratch_dir), "DIR",
         "writes to the root go here, not to memory"},
        {"scratch-size", 0, CLI_SIZE(&scratch_size), "SIZE", "how much a task may write to memory"},
        {"device", 0, CLI_LIST(&devices), "NAME", "a CDI device: vendor/class=name"},
        {"resource", 0, CLI_LIST(&resources), "NAME=N", "there are N of these, to be shared out"},
        {"need", 0, CLI_LIST(&needs), "NAME=N", "each task needs N of them"},
        {"no-init", 0, CLI_FLAG(&batch.no_init), "the task itself is process 1"},
        {"json", 0, CLI_FLAG(&batch.json), "print an event a line, for programs"},
        {"quiet", 'q', CLI_FLAG(&batch.quiet), "print no progress and no summary"},
        {0},
};

static int complete_numbers(struct st_error *err) {
        if (slots && strcmp(slots, "auto") &&
            (st_parse_u32(slots, &batch.slots) < 0 || !batch.slots || batch.slots > 4096))
                return cli_usage_error(err, "invalid value for --slots: %s", slots);
        if (retries && st_parse_u32(retries, &batch.retries) < 0)
                return cli_usage_error(err, "invalid value for --retry: %s", retries);
        if (kill_after && st_parse_duration(kill_after, &batch.kill_after_nsec) < 0)
                return cli_usage_error(err, "invalid value for --kill-after: %s", kill_after);
        if (scratch_size.has && scratch_size.value <= 0)
                return cli_usage_error(err, "invalid value for --scratch-size");
        batch.scratch_bytes = scratch_size.has ? (uint64_t)scratch_size.value : 0;
        return 0;
}

static int check_combinations(struct st_error *err) {
        if ((batch.resume || batch.rerun_lost) && !batch.results)
                return cli_usage_error(err, "--resume wants --results");
        if (batch.rerun_lost && !batch.resume)
                return cli_usage_error(err, "--rerun-lost wants --resume");
        if (batch.outputs_prefix && !batch.logs_dir)
                return cli_usage_error(err, "--outputs wants --logs");
        if (batch.json && !batch.logs_dir)
                return cli_usage_error(err, "--json wants --logs: tasks print to standard output");
        if (batch.grade && strcmp(batch.grade, "cold"))
                return cli_usage_error(err, "invalid grade: %s", batch.grade);
        if (batch.workdir && batch.workdir[0] != '/')
                return cli_usage_error(err, "--workdir %s: not an absolute path", batch.workdir);
        return 0;
}

static void warn(void *data, const char *message) {
        cli_warn(data, message);
}

/* Lists live in this file's variables; the options borrow them. */
static void complete_lists(struct cli *cli, const char *const *operands) {
        batch.input = operands[0];
        batch.command = operands + 1;
        batch.env = env.items;
        batch.binds = binds.items;
        batch.devices = devices.items;
        batch.resources = resources.items;
        batch.needs = needs.items;
        batch.warn = warn;
        batch.warn_data = cli;
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        bool user_namespace = false;
        int r = complete_numbers(err);

        if (r == 0)
                r = check_combinations(err);
        if (r < 0)
                return r;
        complete_lists(cli, operands);
        if (!batch.dry_run)
                r = rt_batch_isolate(&batch, &user_namespace, err);
        if (r == 0)
                r = cli_open_runtime(cli, &runtime, err);
        return r < 0 ? r : rt_batch_run(runtime, user_namespace, &batch, err);
}

const struct cli_verb cli_batch = {
        .name = "batch",
        .operands = "FILE [COMMAND...]",
        .summary = "run a file of tasks",
        .options = options,
        .min_operands = 1,
        .max_operands = 1000,
        .stops_at_operand = true,
        .enters = true,
        .run = run,
};
