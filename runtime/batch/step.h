/* runtime/batch/step.h: a shell command on the host beside a task: --pre and --post. */
#pragma once
#include <stint/error.h>
#include <stint/exit_record.h>

struct rt_step {
        int pidfd; /* -1: it does not run */
        pid_t pid;
        uint64_t begun_nsec;
};
#define RT_STEP_INIT                                                                               \
        { .pidfd = -1 }

/* @env: NULL-terminated, added to ours; @output_fd: its standard output and error; -1: ours. */
int rt_step_begin(struct rt_step *step, const char *command, char *const *env, int output_fd,
                  struct st_error *err) st_must_check;
void rt_step_kill(const struct rt_step *step); /* with its process group */
/* The pidfd was readable: fills all of @ret but its name. */
void rt_step_end(struct rt_step *step, struct rt_record_step *ret);
