#include "cli.h"
#include "notify.h"

#include <stint/cleanup.h>

/* The pid as long as it can be asked for: the program may end at once. */
static int take_notify(struct rt_container *container, int *ret_fd, pid_t *ret_pid,
                       struct st_error *err) {
        struct rt_container_info info;
        int r = rt_container_info(container, &info, err);

        if (r < 0)
                return r;
        *ret_pid = info.pid;
        return rt_container_take_notify(container, ret_fd, err);
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        st_autoclose int notify_fd = -1;
        pid_t pid = 0;
        int r = cli_open_container(cli, operands[0], &runtime, &container, err);

        if (r == 0 && cli_notify_wanted())
                r = take_notify(container, &notify_fd, &pid, err);
        if (r == 0)
                r = rt_container_dispatch(container, err);
        if (r == 0)
                r = rt_container_finish(container, err);
        if (r >= 0 && notify_fd >= 0)
                r = cli_notify_wait(notify_fd, rt_container_pidfd(container), pid, err);
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
