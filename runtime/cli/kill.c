#include "cli.h"
#include "signal_names.h"

#include <errno.h>

#include <stint/cleanup.h>

static bool all;

static const struct cli_option options[] = {
        {"all", 'a', CLI_FLAG(&all), "signal every process; a container that stopped is no error"},
        {0},
};

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        const char *text = operands[1] ? operands[1] : "TERM";
        struct st_error failure = {0};
        int signal, r;

        if (cli_signal_parse(text, &signal) < 0)
                return cli_usage_error(err, "unknown signal \"%s\"", text);
        r = cli_open_container(cli, operands[0], &runtime, &container, err);
        if (r < 0)
                return r;
        r = rt_container_kill(container, signal, all, &failure);
        if (r < 0 && all && failure.kind == ST_CODE_WRONG_STATE)
                return 0; /* runc's callers rely on it */
        if (r < 0)
                *err = failure;
        return r;
}

const struct cli_verb cli_kill = {
        .name = "kill",
        .operands = "ID [SIGNAL]",
        .summary = "send a container a signal",
        .options = options,
        .min_operands = 1,
        .max_operands = 2,
        .quiet = true,
        .run = run,
};
