/* mounts.h: mounts whose source is outside the container. criu saves such a mount by name only: the
 * destination as the config writes it. A restore says which path of the host belongs to the name.
 */
#pragma once
#include "call.h"

#include <stint/container.h>

/* @root_fd: the root of the running container, in which destinations are resolved as they were when
 * it was made. */
int mounts_name(struct call *call, const struct st_spec *spec, const char *bundle,
                const struct rt_cgroup *cgroup, int root_fd, struct st_error *err) st_must_check;
int mounts_provide(struct call *call, const struct st_spec *spec, const char *bundle,
                   const struct rt_cgroup *cgroup, struct st_error *err) st_must_check;
