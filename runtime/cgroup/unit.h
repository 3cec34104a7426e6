/* runtime/cgroup/unit.h: the systemd side of a container's cgroup: a transient scope. systemd.c and systemd-none.c
 * each have all of it; only one of the two is built. */
#pragma once
#include "manager.h"

/* Work out slice and scope from "slice:prefix:name" and set cgroup->unit. @path: in, what linux.cgroupsPath says; out,
 * where the scope will be below each hierarchy. */
int rt_unit_plan(struct rt_cgroup *cgroup, const struct rt_cgroup_request *request, const char **path,
                 struct st_error *err);
int rt_unit_update(struct rt_cgroup *cgroup, const struct st_resources *resources, struct st_error *err);
/* Stop the scope and forget its failed state; one that is gone is success. */
int rt_unit_stop(struct rt_cgroup *cgroup, struct st_error *err);
void rt_unit_save(const struct rt_unit *unit, struct st_json_writer *w);
int rt_unit_load(struct rt_cgroup *cgroup, const struct st_json *saved, struct st_error *err);
