/* runtime/batch/attempt_files.h: what an attempt reads and writes: standard input, logs, the pipe
 * that is looked through for outputs. */
#pragma once
#include <stdbool.h>

#include <stint/arena.h>
#include <stint/error.h>

struct rt_attempt_files {
        int stdin_fd, stdout_fd, stderr_fd;    /* stdout, stderr: ours (1, 2) without --logs */
        int steps_fd;                          /* -1: ours */
        int pipe_fds[2];                       /* -1: the task writes to stdout_fd itself */
        const char *stdout_path, *stderr_path; /* NULL without --logs */
};
#define RT_ATTEMPT_FILES_INIT                                                                      \
        {                                                                                          \
                .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .steps_fd = -1, .pipe_fds = {    \
                        -1,                                                                        \
                        -1                                                                         \
                }                                                                                  \
        }

struct rt_attempt_files_wanted {
        const char *logs_dir; /* NULL: none */
        const char *id;
        unsigned attempt;
        const char *stdin_path; /* NULL: /dev/null */
        bool steps;             /* commands beside the task will write */
        bool pipe;
};
int rt_attempt_files_open(struct rt_attempt_files *files, struct st_arena *arena,
                          const struct rt_attempt_files_wanted *wanted,
                          struct st_error *err) st_must_check;
void rt_attempt_files_close(struct rt_attempt_files *files);
