/* A dispatch as the first process of a slot reads it: what is accepted stays inside the region. */
#include "../../runtime/pool/message.h"
#include "target.h"

#include <string.h>

#include <stint/task.h>

enum { ROOM = 64 * 1024 };

static void must_be_inside(const char *region, size_t size, const char *text) {
        MUST(text >= region && text < region + size);
        MUST(memchr(text, 0, (size_t)(region + size - text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct rt_dispatch dispatch;
        char *region = malloc(size + ROOM);

        MUST(region);
        if (size)
                memcpy(region, data, size);
        if (size >= sizeof(struct rt_dispatch_header)) { /* most inputs would fail for these two */
                ((struct rt_dispatch_header *)region)->type = RT_POOL_DISPATCH;
                ((struct rt_dispatch_header *)region)->size = (uint32_t)size;
        }
        if (rt_dispatch_decode(region, size, ROOM, &dispatch) == 0) {
                MUST(dispatch.argv[0]);
                for (char **p = dispatch.argv; *p; p++)
                        must_be_inside(region, size, *p);
                for (char **p = dispatch.envp; *p; p++)
                        must_be_inside(region, size, *p);
                must_be_inside(region, size, dispatch.id);
                must_be_inside(region, size, dispatch.cwd);
                must_be_inside(region, size, dispatch.hostname);
                for (size_t i = 0; i < dispatch.n_rlimits; i++)
                        MUST(dispatch.rlimits[i].name);
                if (dispatch.home)
                        dispatch.home[RT_HOME_MAX - 1] = 0;
                MUST((char *)(dispatch.user.additional_gids + dispatch.user.n_additional_gids) <=
                     region + size + ROOM);
        }
        free(region);
        return 0;
}
