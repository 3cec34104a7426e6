#include "cli.h"
#include "launch.h"

#include <stint/cleanup.h>

static struct cli_bundle bundle;
static struct cli_launch launch = CLI_LAUNCH_INIT;

static const struct cli_option options[] = {
        CLI_BUNDLE_OPTION(&bundle.bundle),
        CLI_CONFIG_OPTION(&bundle),
        CLI_CONSOLE_OPTION(&launch),
        CLI_PID_FILE_OPTION(&launch),
        CLI_PIDFD_OPTION(&launch),
        CLI_PRESERVE_OPTION(&launch),
        CLI_NO_PIVOT_OPTION(&bundle.no_pivot),
        CLI_NO_KEYRING_OPTION(&bundle),
        {0},
};

static int prepare(struct rt_runtime *runtime, const struct rt_create_options *create,
                   struct rt_container **ret_container, struct st_error *err) {
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        int r = rt_container_prepare(runtime, create, &container, err);

        if (r == 0)
                r = rt_container_finish(container, err);
        if (r < 0)
                return r;
        *ret_container = st_take(container);
        return 0;
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        struct rt_create_options create;
        pid_t pid;
        int r = cli_launch_check(&launch, err);

        if (r == 0)
                r = cli_launch_connect(&launch, err);
        if (r == 0)
                r = cli_open_runtime(cli, &runtime, err);
        if (r < 0)
                return r;
        create = cli_create_options(operands[0], &bundle, &launch);
        create.one_shot = true;
        r = prepare(runtime, &create, &container, err);
        if (r < 0)
                return r;
        r = cli_init_pid(container, &pid, err);
        if (r == 0)
                r = cli_launch_finish(&launch, pid, err);
        if (r < 0)
                cli_discard_container(container);
        return r;
}

const struct cli_verb cli_create = {
        .name = "create",
        .operands = "ID",
        .summary = "make a container",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
        .quiet = true,
        .enters = true,
        .run = run,
};
