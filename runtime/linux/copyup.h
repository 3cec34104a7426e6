/* runtime/linux/copyup.h: the option tmpcopyup: what the image has at a tmpfs's place, copied into
 * it. */
#pragma once
#include <stint/error.h>

/* Copy the tree below directory @from_fd into directory @to_fd: directories, files, symlinks,
 * nodes, with owner, mode and times. Async-signal-safe; follows no symlink. */
int rt_copy_up(int from_fd, int to_fd, struct st_error *err);
