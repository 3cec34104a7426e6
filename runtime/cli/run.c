#include "cli.h"
#include "foreground.h"
#include "launch.h"
#include "notify.h"
#include "terminal.h"

#include <errno.h>

#include <stint/cleanup.h>

static struct cli_bundle bundle;
static struct cli_launch launch = CLI_LAUNCH_INIT;
static bool detach, keep, no_subreaper;

static const struct cli_option options[] = {
        CLI_BUNDLE_OPTION(&bundle.bundle),
        CLI_CONFIG_OPTION(&bundle),
        {"detach", 'd', CLI_FLAG(&detach), "return when it has started"},
        {"keep", 0, CLI_FLAG(&keep), "keep the container after its program ended"},
        CLI_CONSOLE_OPTION(&launch),
        CLI_PID_FILE_OPTION(&launch),
        CLI_PIDFD_OPTION(&launch),
        CLI_PRESERVE_OPTION(&launch),
        {"no-subreaper", 0, CLI_FLAG(&no_subreaper), "leave orphaned processes to another reaper"},
        CLI_NO_PIVOT_OPTION(&bundle.no_pivot),
        CLI_NO_KEYRING_OPTION(&bundle),
        {0},
};

static int launch_container(struct rt_runtime *runtime, const char *id,
                            const struct cli_foreground *foreground,
                            struct rt_container **ret_container, struct st_error *err) {
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        struct rt_create_options create = cli_create_options(id, &bundle, &launch);
        struct winsize size;
        int r;

        create.one_shot = true;
        create.terminal_is_ours = !detach;
        if (!detach && cli_terminal_size(&size)) {
                create.console_height = size.ws_row;
                create.console_width = size.ws_col;
        }
        r = rt_container_run(runtime, &create, &container, err);
        while (r == 0) {
                r = detach ? 0
                           : cli_foreground_await(foreground, rt_container_wait_fd(container), err);
                if (r < 0) {
                        cli_discard_container(container);
                        return r;
                }
                r = detach ? rt_container_finish(container, err)
                           : rt_container_advance(container, err);
        }
        if (r < 0)
                return r;
        *ret_container = st_take(container);
        return 0;
}

/* What the program returned is the answer: a failing teardown is logged and leaves it alone. */
static void retire(struct cli *cli, struct rt_container *container) {
        struct st_error err = {0};
        int r = rt_container_retire(container, true, &err);

        if (r == 0)
                r = rt_container_finish(container, &err);
        if (r < 0)
                cli_log_error(cli, &err);
}

static int stay(struct cli *cli, struct rt_container *container, pid_t pid,
                const struct cli_foreground *foreground, struct st_error *err) {
        st_autoclose int console_fd = rt_container_take_console(container);
        struct rt_exit ended;
        int r;

        cli_flush_warnings(cli);
        r = cli_foreground_wait(foreground, rt_container_pidfd(container), pid, console_fd, err);
        if (r == 0)
                r = rt_container_settle(container, &ended, err);
        if (r < 0)
                return r;
        if (!keep)
                retire(cli, container);
        return rt_exit_status(&ended);
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        struct cli_foreground foreground = CLI_FOREGROUND_INIT;
        pid_t pid;
        int r;

        if (launch.console_socket && !detach)
                return cli_usage_error(err, "--console-socket is for --detach: in the foreground "
                                            "the terminal is copied");
        r = cli_launch_check(&launch, err);
        if (r == 0)
                r = cli_launch_connect(&launch, err);
        if (r == 0 && !detach)
                r = cli_foreground_begin(&foreground, !no_subreaper, err);
        if (r == 0)
                r = cli_open_runtime(cli, &runtime, err);
        if (r == 0)
                r = launch_container(runtime, operands[0], &foreground, &container, err);
        if (r < 0)
                return r;
        r = cli_init_pid(container, &pid, err);
        if (r == 0)
                r = cli_launch_finish(&launch, pid, err);
        if (r == 0)
                r = rt_container_take_notify(container, &foreground.notify_fd, err);
        if (r == 0 && detach && foreground.notify_fd >= 0)
                r = cli_notify_wait(foreground.notify_fd, rt_container_pidfd(container), pid, err);
        if (r == 0 && !detach)
                r = stay(cli, container, pid, &foreground, err);
        if (r < 0)
                cli_discard_container(container);
        return r;
}

const struct cli_verb cli_run = {
        .name = "run",
        .operands = "ID",
        .summary = "create, start, wait, delete",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
        .enters = true,
        .run = run,
};
