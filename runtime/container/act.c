/* Acting on a container that exists: signals, pause, limits, numbers. */
#include "runtime.h"

#include <stint/cleanup.h>
#include <stint/syscall.h>

static int wrong_state(struct st_error *err, const char *text) {
        return st_error_kind(err, st_error_set(err, -ESRCH, "%s", text), ST_CODE_WRONG_STATE);
}

static int need_cgroup(struct rt_container *container, const char *what, struct st_error *err) {
        if (container->record.cgroup &&
            rt_cgroup_mode_of(container->record.cgroup) != RT_CGROUP_NONE)
                return 0;
        return st_error_kind(
                err, st_error_set(err, -EOPNOTSUPP, "%s: the container has no cgroup", what),
                ST_CODE_CGROUP);
}

static int check_alive(struct rt_container *container, enum rt_status *ret_status,
                       struct st_error *err) {
        int r = rt_container_status(container, ret_status, err);

        if (r < 0)
                return r;
        if (*ret_status == RT_STATUS_STOPPED || *ret_status == RT_STATUS_CREATING)
                return wrong_state(err, "container not running");
        return 0;
}

/* Without a pid namespace of its own the death of the init ends nobody else. */
static bool kills_all(const struct rt_container *container, int signal, bool all) {
        return container->record.cgroup &&
               (all || (signal == SIGKILL && container->record.shares_pids));
}

int rt_container_kill(struct rt_container *container, int signal, bool all, struct st_error *err) {
        enum rt_status status;
        int r;

        if (all && container->record.cgroup)
                return rt_cgroup_kill(container->record.cgroup, signal,
                                      err); /* also what the init left behind */
        r = check_alive(container, &status, err);
        if (r < 0)
                return r;
        if (kills_all(container, signal, all))
                r = rt_cgroup_kill(container->record.cgroup, signal, err);
        else if (st_pidfd_send_signal(container->pidfd, signal) < 0)
                r = errno == ESRCH ? wrong_state(err, "container not running")
                                   : st_error_sys(err, "send signal %d", signal);
        /* v1's freezer holds a killed process until it is thawed */
        if (r >= 0 && signal == SIGKILL && status == RT_STATUS_PAUSED)
                r = rt_cgroup_freeze(container->record.cgroup, false, err);
        return r;
}

int rt_container_pause(struct rt_container *container, struct st_error *err) {
        enum rt_status status;
        int r = rt_state_lock(container, err);

        if (r >= 0)
                r = check_alive(container, &status, err);
        if (r >= 0)
                r = need_cgroup(container, "pause", err);
        if (r >= 0)
                r = rt_place_pause(container, true, err);
        if (r == 0 && status != RT_STATUS_PAUSED)
                r = rt_cgroup_freeze(container->record.cgroup, true, err);
        rt_state_unlock(container);
        return r < 0 ? r : 0;
}

int rt_container_resume(struct rt_container *container, struct st_error *err) {
        enum rt_status status;
        int r = rt_state_lock(container, err);

        if (r >= 0)
                r = check_alive(container, &status, err);
        if (r >= 0)
                r = need_cgroup(container, "resume", err);
        if (r >= 0 && status != RT_STATUS_PAUSED)
                r = wrong_state(err, "container not paused");
        if (r >= 0)
                r = rt_place_pause(container, false, err);
        if (r == 0)
                r = rt_cgroup_freeze(container->record.cgroup, false, err);
        rt_state_unlock(container);
        return r < 0 ? r : 0;
}

int rt_container_update(struct rt_container *container, const struct st_resources *resources,
                        const struct rt_rdt_update *rdt, struct st_error *err) {
        struct rt_place_storage storage;
        enum rt_status status;
        int r = rt_state_lock(container, err);

        if (r >= 0)
                r = check_alive(container, &status, err);
        if (r >= 0)
                r = need_cgroup(container, "update", err);
        if (r >= 0)
                r = rt_place_update(container, &resources, &storage, err);
        if (r >= 0)
                r = rt_cgroup_update(container->record.cgroup, resources, err);
        if (r >= 0 && rdt && (rdt->l3_cache_schema || rdt->mem_bw_schema))
                r = rt_rdt_update(&container->record.rdt, rdt->l3_cache_schema, rdt->mem_bw_schema,
                                  err);
        rt_state_unlock(container);
        return r;
}

int rt_container_processes(struct rt_container *container, pid_t **ret_pids, size_t *ret_n,
                           struct st_error *err) {
        int r = need_cgroup(container, "ps", err);

        return r < 0 ? r : rt_cgroup_processes(container->record.cgroup, ret_pids, ret_n, err);
}

int rt_container_write_stats(struct rt_container *container, struct st_json_writer *w,
                             const char *key, struct st_error *err) {
        enum rt_status status;
        int r = check_alive(container, &status, err);

        if (r >= 0)
                r = need_cgroup(container, "stats", err);
        if (r < 0)
                return r;
        st_json_open_object(w, key);
        r = rt_cgroup_write_stats_members(container->record.cgroup, w, err);
        if (r >= 0 && (container->record.rdt.clos_path || container->record.rdt.monitor_path))
                rt_rdt_write_stats(&container->record.rdt, w, "intel_rdt");
        st_json_close_object(w);
        return r;
}
