/* A line of a batch's input: what is accepted has arguments and an id that can name a file. */
#include "target.h"
#include "task.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct rt_task_defaults defaults = {0};
        struct rt_batch_task *task = NULL;
        struct st_error err = {0};

        if (rt_batch_task_parse(&defaults, "line", (const char *)data, size, 1, &task, &err) < 0) {
                MUST(err.code < 0 && err.msg[0] && !task);
                return 0;
        }
        MUST(task->args && task->args[0]);
        MUST(rt_batch_id_is_valid(task->id) && !strchr(task->id, '/'));
        (void)rt_batch_task_free(task);
        return 0;
}
