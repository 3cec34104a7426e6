/* foreground.h: staying with a process until it ends: signals are forwarded, its terminal is
 * copied. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include <stint/error.h>

struct cli_foreground {
        int signal_fd; /* all signals that can be forwarded: they are blocked and read from here */
        int notify_fd; /* of the container: see notify.h; -1: none */
};
#define CLI_FOREGROUND_INIT                                                                        \
        { .signal_fd = -1, .notify_fd = -1 }

/* Before the process is made, so that no signal gets lost. @subreaper: adopt and reap what it
 * leaves behind. */
int cli_foreground_begin(struct cli_foreground *foreground, bool subreaper,
                         struct st_error *err) st_must_check;
/* Wait until @fd is readable; -EINTR when a signal asks to stop first. */
int cli_foreground_await(const struct cli_foreground *foreground, int fd,
                         struct st_error *err) st_must_check;
/* Wait for the end of @pidfd's process, our child @pid, which is left to be reaped. @console_fd:
 * the master of its terminal, -1: none; borrowed. */
int cli_foreground_wait(const struct cli_foreground *foreground, int pidfd, pid_t pid,
                        int console_fd, struct st_error *err) st_must_check;
