/* notify.h: telling the service manager that called us what a container tells of itself:
 * sd_notify(3).
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include <stint/error.h>

/* Is there somebody to tell (NOTIFY_SOCKET)? */
bool cli_notify_wanted(void);
/* Read what has come on @fd. 1: it said that it is ready, and so did we, with @main_pid; nothing
 * more is to come. 0: not yet. */
int cli_notify_forward(int fd, pid_t main_pid, struct st_error *err) st_must_check;
/* Until it is ready, or the process of @pidfd has ended. Then until the manager has heard it: a
 * sender that is gone is unknown to it. */
int cli_notify_wait(int fd, int pidfd, pid_t main_pid, struct st_error *err) st_must_check;
