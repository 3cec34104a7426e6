/* A line of a results file, as --resume reads it. */
#include "target.h"

#include <stint/cleanup.h>
#include <stint/exit_record.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct st_arena *arena = st_arena_new(0);
        struct rt_record_summary summary = {0};
        struct st_error err = {0};

        MUST(arena);
        if (rt_exit_record_read(arena, "line", (const char *)data, size, &summary, &err) == 0)
                MUST(summary.id && summary.attempt > 0 && summary.end < RT_N_ENDS);
        else
                MUST(err.msg[0]);
        (void)st_arena_free(arena);
        return 0;
}
