#include "criu.h"

#include <fcntl.h>

#include <stint/cleanup.h>

static struct cli_criu request = {
        .verb = "checkpoint", .image_path = "./checkpoint", .console_socket_fd = -1};

static const struct cli_option options[] = {
        CLI_CRIU_OPTIONS(&request),
        {"leave-running", 0, CLI_FLAG(&request.leave_running), "the container runs on afterwards"},
        {"pre-dump", 0, CLI_FLAG(&request.pre_dump), "only the memory; the container runs on"},
        {"parent-path", 0, CLI_TEXT(&request.parent_path), "DIR",
         "an earlier pre-dump, relative to the image"},
        {"page-server", 0, CLI_TEXT(&request.page_server), "HOST:PORT",
         "send memory to this page server"},
        {"status-fd", 0, CLI_I64(&request.status_fd), "N",
         "a NUL goes here when lazy pages are ready"},
        {0},
};

static int check_status_fd(struct st_error *err) {
        if (!request.status_fd.has || request.status_fd.value == -1)
                return 0;
        if (request.status_fd.value < 0 || request.status_fd.value > INT32_MAX ||
            fcntl((int)request.status_fd.value, F_GETFD) < 0)
                return cli_usage_error(err, "--status-fd: no such descriptor");
        return 0;
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        enum rt_status status;
        int r = check_status_fd(err);

        request.id = operands[0];
        if (r == 0)
                r = cli_open_container(cli, operands[0], &runtime, &container, err);
        if (r == 0)
                r = rt_container_status(container, &status, err);
        if (r < 0)
                return r;
        if (status != RT_STATUS_RUNNING && status != RT_STATUS_PAUSED) {
                (void)st_error_set(err, -ESRCH, "container not running");
                return st_error_kind(err, -ESRCH, ST_CODE_WRONG_STATE);
        }
        return cli_criu_run(cli, &request, err);
}

const struct cli_verb cli_checkpoint = {
        .name = "checkpoint",
        .operands = "ID",
        .summary = "save a container to disk",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
        .run = run,
};
