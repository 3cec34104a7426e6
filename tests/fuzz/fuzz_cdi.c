/* A CDI spec: what is accepted is whole. */
#include "cdi.h"
#include "target.h"

#include <stint/cleanup.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct st_arena *arena = st_arena_new(0);
        struct rt_cdi_edits edits = {0};
        struct st_error err = {0};
        int r;

        MUST(arena);
        r = rt_cdi_parse(arena, "spec", (const char *)data, size, "v.com/gpu", "0", &edits, &err);
        MUST(r >= 0 || err.msg[0]);
        MUST(r == 1 || (edits.n_env == 0 && edits.n_nodes == 0));
        for (size_t i = 0; i < edits.n_nodes; i++)
                MUST(edits.nodes[i].path[0] == '/');
        for (size_t i = 0; i < edits.n_mounts; i++)
                MUST(edits.mounts[i].host_path && edits.mounts[i].container_path);
        (void)st_arena_free(arena);
        return 0;
}
