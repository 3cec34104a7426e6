/* include/stint/terminal.h: a pty of the container's own devpts. In the child; async-signal-safe.
 */
#pragma once
#include <stint/error.h>
#include <stint/spec.h>

/* Open a pty below the root, bind its slave over /dev/console by descriptor (CVE-2025-52565: no
 * name in the container is looked up twice), size it, give the slave to the task's user. Sets both
 * descriptors on success. */
int rt_terminal_make(int root_fd, const struct st_process *process, bool bind_console,
                     int *ret_master_fd, int *ret_slave_fd, struct st_error *err);
/* Send the master over a connected Unix socket, as runc does: one message, SCM_RIGHTS, the name
 * "/dev/ptmx". */
int rt_terminal_send(int socket_fd, int master_fd, struct st_error *err);
/* Make the slave the controlling terminal and descriptors 0, 1 and 2. */
int rt_terminal_adopt(int slave_fd, struct st_error *err);

/* One descriptor in one message; any process. @name is the message's text (not empty). */
int rt_send_fd(int socket_fd, int fd, const char *name);
/* Returns the descriptor or a negative errno (-ENODATA: the message carried none). */
int rt_receive_fd(int socket_fd);
