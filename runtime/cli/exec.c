#include "cli.h"
#include "exec_process.h"
#include "foreground.h"
#include "launch.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/syscall.h>

static struct cli_exec_request request;
static struct cli_launch launch = CLI_LAUNCH_INIT;
static struct cli_list cgroups;
static bool detach, ignore_paused, no_subreaper;

static const struct cli_option options[] = {
        {"process", 'p', CLI_TEXT(&request.process_file), "FILE",
         "read the process (JSON) from this file"},
        {"tty", 't', CLI_FLAG(&request.tty), "give it a terminal"},
        {"env", 'e', CLI_LIST(&request.env), "NAME=VALUE", "add to the environment (repeatable)"},
        {"cwd", 0, CLI_TEXT(&request.cwd), "DIR", "working directory"},
        {"user", 'u', CLI_TEXT(&request.user), "UID[:GID]", "numeric user and group"},
        {"additional-gids", 'g', CLI_LIST(&request.gids), "GID", "add a group (repeatable)"},
        {"cap", 'c', CLI_LIST(&request.caps), "NAME", "add a capability (repeatable)"},
        {"no-new-privs", 0, CLI_FLAG(&request.no_new_privs), "it cannot gain privileges"},
        {"apparmor", 0, CLI_TEXT(&request.apparmor), "PROFILE", "AppArmor profile"},
        {"process-label", 0, CLI_TEXT(&request.label), "LABEL", "SELinux label"},
        {"cgroup", 0, CLI_LIST(&cgroups), "PATH",
         "join a cgroup below the container's (repeatable)"},
        {"ignore-paused", 0, CLI_FLAG(&ignore_paused), "also in a paused container"},
        {"detach", 'd', CLI_FLAG(&detach), "return when it has started"},
        CLI_CONSOLE_OPTION(&launch),
        CLI_PID_FILE_OPTION(&launch),
        CLI_PIDFD_OPTION(&launch),
        CLI_PRESERVE_OPTION(&launch),
        {"no-subreaper", 0, CLI_FLAG(&no_subreaper), NULL},
        {0},
};

static int check_terminal(const struct st_process *process, struct st_error *err) {
        if (process->terminal && detach && !launch.console_socket)
                return cli_usage_error(
                        err,
                        "cannot allocate tty if stint will detach without setting console socket");
        if (launch.console_socket && !(process->terminal && detach))
                return cli_usage_error(
                        err, "cannot use console socket if stint will not detach or allocate tty");
        return 0;
}

static void kill_exec(const struct rt_exec *exec) {
        if (rt_exec_pidfd(exec) >= 0)
                (void)st_pidfd_send_signal(rt_exec_pidfd(exec),
                                           SIGKILL); /* it may be gone: that is the aim */
}

static int begin(struct rt_container *container, const struct st_process *process,
                 const struct cli_foreground *foreground, struct rt_exec **ret_exec,
                 struct st_error *err) {
        st_cleanup(rt_exec_freep) struct rt_exec *exec = NULL;
        struct rt_exec_options join = RT_EXEC_OPTIONS_INIT;
        int r;

        join.process = process;
        join.console_socket_fd = launch.console_socket_fd;
        join.pidfd_socket_fd = launch.pidfd_socket_fd;
        join.preserve_fds = launch.preserve_fds;
        join.sub_cgroups = cgroups.items;
        join.ignore_paused = ignore_paused;
        join.terminal_is_ours = process->terminal && !detach;
        r = rt_container_exec(container, &join, &exec, err);
        while (r == 0) {
                r = detach ? 0 : cli_foreground_await(foreground, rt_exec_wait_fd(exec), err);
                if (r < 0) {
                        kill_exec(exec);
                        return r;
                }
                r = detach ? rt_exec_finish(exec, err) : rt_exec_advance(exec, err);
        }
        if (r < 0)
                return r;
        *ret_exec = st_take(exec);
        return 0;
}

static int stay(struct cli *cli, struct rt_exec *exec, const struct cli_foreground *foreground,
                struct st_error *err) {
        st_autoclose int console_fd = rt_exec_take_console(exec);
        struct rt_exit ended;
        int r;

        cli_flush_warnings(cli);
        r = cli_foreground_wait(foreground, rt_exec_pidfd(exec), rt_exec_pid(exec), console_fd,
                                err);
        if (r == 0)
                r = rt_exec_settle(exec, &ended, err);
        return r < 0 ? r : rt_exit_status(&ended);
}

static int execute(struct cli *cli, struct rt_container *container,
                   const struct st_process *process, struct st_error *err) {
        st_cleanup(rt_exec_freep) struct rt_exec *exec = NULL;
        struct cli_foreground foreground = CLI_FOREGROUND_INIT;
        int r = cli_launch_connect(&launch, err);

        if (r == 0 && !detach)
                r = cli_foreground_begin(&foreground, !no_subreaper, err);
        if (r == 0)
                r = begin(container, process, &foreground, &exec, err);
        if (r < 0)
                return r;
        r = cli_launch_finish(&launch, rt_exec_pid(exec), err);
        if (r == 0 && !detach)
                r = stay(cli, exec, &foreground, err);
        if (r < 0)
                kill_exec(exec);
        return r;
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        st_cleanup(st_arena_freep) struct st_arena *arena = NULL;
        const struct st_process *process;
        int r = cli_launch_check(&launch, err);

        if (r < 0)
                return r;
        request.args = operands + 1;
        r = cli_open_container(cli, operands[0], &runtime, &container, err);
        if (r < 0)
                return r;
        arena = st_arena_new(4096);
        if (!arena)
                return st_error_set(err, -ENOMEM, "allocate the process");
        r = cli_exec_process(arena, container, &request, &process, err);
        if (r == 0)
                r = check_terminal(process, err);
        if (r == 0)
                r = execute(cli, container, process, err);
        return r;
}

const struct cli_verb cli_exec = {
        .name = "exec",
        .operands = "ID COMMAND [ARG...]",
        .summary = "run a process in a container",
        .options = options,
        .min_operands = 1,
        .max_operands = (unsigned)-1,
        .stops_at_operand = true,
        .quiet = true,
        .failure_status = 255,
        .enters = true,
        .run = run,
};
