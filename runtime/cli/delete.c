#include "cli.h"

#include <stint/cleanup.h>

static bool force;

static const struct cli_option options[] = {
        {"force", 'f', CLI_FLAG(&force), "kill it first if it runs; an unknown ID is no error"},
        {0},
};

/* A container that was created and never started goes without --force: containerd's shim counts on
 * that. */
static int may_be_killed(struct rt_container *container, bool *ret, struct st_error *err) {
        enum rt_status status;
        int r;

        *ret = force;
        if (force)
                return 0;
        r = rt_container_status(container, &status, err);
        if (r == 0)
                *ret = status == RT_STATUS_CREATED;
        return r;
}

static int retire(struct rt_container *container, struct st_error *err) {
        bool kill_first;
        int r = may_be_killed(container, &kill_first, err);

        if (r == 0)
                r = rt_container_retire(container, kill_first, err);
        if (r == 0)
                r = rt_container_finish(container, err);
        return r < 0 ? r : 0;
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        struct st_error failure = {0};
        int r = cli_open_runtime(cli, &runtime, err);

        if (r < 0)
                return r;
        r = rt_container_open(runtime, operands[0], &container, &failure);
        if (r == 0)
                return retire(container, err);
        if (!force || failure.kind == ST_CODE_USAGE) {
                *err = failure;
                return r;
        }
        if (failure.kind == ST_CODE_NOT_FOUND)
                return 0;
        return rt_runtime_remove(runtime, operands[0], err); /* its state is unreadable */
}

const struct cli_verb cli_delete = {
        .name = "delete",
        .operands = "ID",
        .summary = "remove a container",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
        .quiet = true,
        .run = run,
};
