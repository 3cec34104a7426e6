/* tests/unit/linux/child.h: run what changes a process in a process of its own. */
#pragma once
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The wait status of a child that exits with what @body returns. */
static inline int child_status(int (*body)(const void *data), const void *data) {
        int status;
        pid_t pid;

        fflush(NULL);
        pid = fork();
        if (pid == 0)
                syscall(SYS_exit_group, body(data)); /* _exit(2) of a sanitizer makes calls that a
                                                        filter may deny */
        if (pid < 0)
                abort();
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        abort();
        return status;
}

/* The exit status of such a child, or 128 + the signal that ended it. */
static inline int in_child(int (*body)(const void *data), const void *data) {
        int status = child_status(body, data);

        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* In the child: say what is wrong, and be the exit status of it. */
#define CHILD_CHECK(condition)                                                                     \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
                        return 99;                                                                 \
                }                                                                                  \
        } while (0)
#define CHILD_OK(call, err)                                                                        \
        do {                                                                                       \
                if ((call) < 0) {                                                                  \
                        fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, (err).msg);  \
                        return 98;                                                                 \
                }                                                                                  \
        } while (0)
