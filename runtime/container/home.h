/* runtime/container/home.h: HOME for a task whose environment has none. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/* The home directory of @uid in the container's /etc/passwd (passwd(5)), or "/". In the child,
 * inside the new root; async-signal-safe: a file of any size is read through a fixed buffer, and
 * only a regular file is read. */
void rt_home_find(uid_t uid, char *home, size_t size);
