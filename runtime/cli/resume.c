#include "cli.h"

#include <stint/cleanup.h>

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        int r = cli_open_container(cli, operands[0], &runtime, &container, err);

        return r < 0 ? r : rt_container_resume(container, err);
}

const struct cli_verb cli_resume = {
        .name = "resume",
        .operands = "ID",
        .summary = "continue a paused container",
        .min_operands = 1,
        .max_operands = 1,
        .run = run,
};
