/* runtime/container/plan.h: from a spec and options to the plan that the init carries out. In the
 * parent. */
#pragma once
#include "runtime.h"

/* Everything that the plan owns beside the container: freed after the launch. */
struct rt_plan {
        struct st_arena *arena;
        struct rt_init init;
        struct rt_seccomp *seccomp;
        int parent_sync_fd, child_sync_fd, child_console_fd;
        bool park;
        struct rt_cgroup_view *views;
        size_t n_views;
        bool parent_work; /* after the clone: id maps, devices, scope, resctrl */
};

int rt_plan_make(struct rt_container *container, const struct rt_create_options *options, bool park,
                 struct rt_plan *ret_plan, struct st_error *err) st_must_check;
/* Everything of the plan that follows from the container's cgroup: also for the next one. */
int rt_plan_set_cgroup(struct rt_container *container, struct rt_plan *plan,
                       struct st_error *err) st_must_check;
void rt_plan_deinit(struct rt_plan *plan);

/* Take the capabilities that cannot be granted out of @task, with a warning each (spec, "Linux
 * Process": "MUST be logged").
 * @new_userns: its root has all of them. */
void rt_task_grant(const struct rt_runtime *runtime, struct rt_task *task, bool new_userns);

/* Open the connected socket at linux.seccomp.listenerPath, or -1 when the filter has no NOTIFY. */
int rt_seccomp_connect(const struct st_seccomp *spec, const struct rt_seccomp *filter, int *ret_fd,
                       struct st_error *err) st_must_check;
/* The compiled filter, from the cache below the state root where there is one. */
int rt_filter_prepare(struct rt_runtime *runtime, const struct st_seccomp *spec,
                      struct rt_seccomp **ret_filter, struct st_error *err) st_must_check;
