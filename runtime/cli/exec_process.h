/* exec_process.h: the process that `exec` runs: from a file, or the container's own with changes.
 */
#pragma once
#include "options.h"

#include <stint/arena.h>
#include <stint/container.h>

struct cli_exec_request {
        const char *process_file, *cwd, *user, *apparmor, *label;
        struct cli_list env, caps, gids;
        bool tty, no_new_privs;
        const char *const *args; /* ends with NULL */
};

/* The result lives as long as @arena and @container. */
int cli_exec_process(struct st_arena *arena, struct rt_container *container,
                     const struct cli_exec_request *request, const struct st_process **ret_process,
                     struct st_error *err) st_must_check;
