/* runtime/pool/parked.h: the first process of a slot, from prepared to its end. In the child. */
#pragma once
#include <stint/pool.h>
#include <stint/task.h>

enum { RT_PARKED_DIRS_MAX = 16 };

/* What it is to be: made by the keeper, copied by the clone. */
struct rt_parked {
        const char *name;
        bool no_init;       /* it becomes the task */
        bool reuse;         /* it runs one task after the other */
        bool early_filter;  /* the filter is loaded before it parks */
        bool keyring_each;  /* a session keyring for each task, not one for the slot */
        bool shifted_clock; /* in a time namespace: its clock is not the keeper's */
        char *arguments;    /* of the keeper's command line: not for tasks to read in /proc/1 */
        size_t arguments_size;
        const char *dirs[RT_PARKED_DIRS_MAX]; /* mount points that a reset empties */
        size_t n_dirs;
};

/* An rt_serve_fn; @data: struct rt_parked. */
int rt_parked_serve(void *data, struct rt_task *task, int sync_fd, struct st_error *err);
