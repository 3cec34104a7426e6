/* A process object alone, as `exec --process` reads it. */
#include "target.h"

#include <string.h>

#include <stint/spec.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        struct st_process *process = NULL;
        struct st_error err = {0};
        int r;

        MUST(arena);
        r = st_process_parse(arena, "fuzz", (const char *)data, size, &process, &err);
        if (r < 0) {
                MUST(r == -EINVAL && !process && err.kind == ST_CODE_CONFIG_INVALID &&
                     !strncmp(err.msg, "fuzz: ", 6));
                return 0;
        }
        MUST(process->env && process->cwd[0] == '/');
        MUST(!process->args || (process->n_args > 0 && !process->args[process->n_args]));
        MUST(process->oom_score_adj >= -1000 && process->oom_score_adj <= 1000);
        return 0;
}
