#include "criu.h"
#include "foreground.h"
#include "launch.h"

#include <errno.h>
#include <sys/wait.h>

#include <stint/cleanup.h>

static struct cli_criu request = {
        .verb = "restore", .image_path = "./checkpoint", .console_socket_fd = -1};
static struct cli_launch launch = CLI_LAUNCH_INIT;
static bool detach, no_subreaper;

static const struct cli_option options[] = {
        CLI_BUNDLE_OPTION(&request.bundle),
        CLI_CRIU_OPTIONS(&request),
        {"lsm-profile", 0, CLI_TEXT(&request.lsm_profile), "TYPE:NAME",
         "other profile (apparmor: or selinux:)"},
        {"lsm-mount-context", 0, CLI_TEXT(&request.lsm_mount_context), "LABEL",
         "another label for the mounts"},
        {"detach", 'd', CLI_FLAG(&detach), "return when it runs"},
        CLI_CONSOLE_OPTION(&launch),
        CLI_PID_FILE_OPTION(&launch),
        {"no-subreaper", 0, CLI_FLAG(&no_subreaper), "leave orphaned processes to another reaper"},
        CLI_NO_PIVOT_OPTION(&request.no_pivot),
        {0},
};

/* Not rt_container_settle(): criu made the process, and it became our child by being orphaned. */
static int reap(int pidfd, struct st_error *err) {
        siginfo_t ended = {0};

        if (waitid(P_PIDFD, (id_t)pidfd, &ended, WEXITED) < 0)
                return st_error_sys(err, "wait for the restored process");
        return ended.si_code == CLD_EXITED ? ended.si_status : 128 + ended.si_status;
}

static int stay(struct cli *cli, struct rt_container *container, pid_t pid,
                const struct cli_foreground *foreground, struct st_error *err) {
        struct st_error failure = {0};
        int pidfd = rt_container_pidfd(container), status, r;

        cli_flush_warnings(cli);
        r = cli_foreground_wait(foreground, pidfd, pid, -1, err);
        if (r < 0)
                return r;
        status = reap(pidfd, err);
        r = rt_container_retire(container, true, &failure);
        if (r == 0)
                r = rt_container_finish(container, &failure);
        if (r < 0)
                cli_log_error(cli, &failure);
        return status;
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        struct cli_foreground foreground = CLI_FOREGROUND_INIT;
        pid_t pid;
        int r = cli_launch_connect(&launch, err);

        request.id = operands[0];
        request.console_socket_fd = launch.console_socket_fd;
        if (r == 0 && !detach)
                r = cli_foreground_begin(&foreground, !no_subreaper, err);
        if (r == 0)
                r = cli_criu_run(cli, &request, err);
        if (r == 0)
                r = cli_open_container(cli, operands[0], &runtime, &container, err);
        if (r == 0)
                r = cli_init_pid(container, &pid, err);
        if (r == 0)
                r = cli_launch_finish(&launch, pid, err);
        if (r == 0 && !detach)
                r = stay(cli, container, pid, &foreground, err);
        return r;
}

const struct cli_verb cli_restore = {
        .name = "restore",
        .operands = "ID",
        .summary = "run a saved container",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
        .run = run,
};
