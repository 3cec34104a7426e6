/* topologies.h: sysfs trees of known machines, with what a topology is read from and nothing else.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* The names, NULL ends them. */
const char *const *st_topologies(void);
/* Fill the directory @dir_fd, which is empty. Negative errno; -ENOENT: no such machine. */
int st_topology_make(const char *name, int dir_fd);
