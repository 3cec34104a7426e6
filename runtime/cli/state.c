#include "cli.h"

#include <stint/cleanup.h>

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        st_cleanup(st_json_writer_freep) struct st_json_writer *w = NULL;
        int r = cli_open_container(cli, operands[0], &runtime, &container, err);

        if (r < 0)
                return r;
        w = st_json_writer_new(ST_JSON_PRETTY);
        if (!w)
                return st_error_set(err, -ENOMEM, "allocate the state");
        r = rt_container_write_state(container, w, NULL, err);
        return r < 0 ? r : cli_print_json(w, err);
}

const struct cli_verb cli_state = {
        .name = "state",
        .operands = "ID",
        .summary = "print a container's state",
        .min_operands = 1,
        .max_operands = 1,
        .run = run,
};
