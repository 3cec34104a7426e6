/* runtime/linux/proc.h: files of a procfs that is ours. Async-signal-safe. */
#pragma once
#include <stddef.h>

/* Open @path below @proc_fd: a real procfs file on @proc_fd's own mount, whatever is mounted over
 * it or linked there (CVE-2019-16884, CVE-2025-52881). Negative errno; -EXDEV when it is another
 * mount. */
int rt_proc_open_file(int proc_fd, const char *path, int flags);
/* One write(2) of the whole text. Negative errno. */
int rt_proc_write(int proc_fd, const char *path, const char *text, size_t length);
