/* A resources object alone, as `update --resources` reads it. */
#include "target.h"

#include <string.h>

#include <stint/spec.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        struct st_resources *resources = NULL;
        struct st_error err = {0};
        int r;

        MUST(arena);
        r = st_resources_parse(arena, "fuzz", (const char *)data, size, &resources, &err);
        if (r < 0) {
                MUST(r == -EINVAL && !resources && err.kind == ST_CODE_CONFIG_INVALID &&
                     !strncmp(err.msg, "fuzz: ", 6));
                return 0;
        }
        for (size_t i = 0; i < resources->n_unified; i++)
                MUST(!strchr(resources->unified[i].key, '/'));
        for (size_t i = 0; i < resources->n_devices; i++)
                MUST(resources->devices[i].major >= -1 && resources->devices[i].minor >= -1);
        if (resources->memory)
                MUST(resources->memory->limit.value >= -1);
        return 0;
}
