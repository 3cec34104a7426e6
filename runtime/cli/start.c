#include "cli.h"

#include <stint/cleanup.h>

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        int r = cli_open_container(cli, operands[0], &runtime, &container, err);

        if (r == 0)
                r = rt_container_dispatch(container, err);
        if (r == 0)
                r = rt_container_finish(container, err);
        return r < 0 ? r : 0;
}

const struct cli_verb cli_start = {
        .name = "start",
        .operands = "ID",
        .summary = "start a created container",
        .min_operands = 1,
        .max_operands = 1,
        .quiet = true,
        .run = run,
};
