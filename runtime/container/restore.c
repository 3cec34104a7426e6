/* A container whose processes another program makes: what rt_container_prepare() does around its
 * clone. */
#include "runtime.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <stint/cleanup.h>

#define MOUNT_POINT "root" /* in the state directory */

int rt_restore_begin(struct rt_runtime *runtime, const struct rt_create_options *options,
                     struct rt_container **ret_container, struct st_error *err) {
        int r = rt_container_make_outside(runtime, options, ret_container, err);

        if (r >= 0)
                (*ret_container)->phase = RT_PHASE_CHILD; /* under way: retire undoes it */
        return r;
}

int rt_restore_mount_point(struct rt_container *container, struct st_arena *arena,
                           const char **ret_path, struct st_error *err) {
        char *path = st_arena_printf(arena, "%s/%s/" MOUNT_POINT, container->runtime->root,
                                     container->record.id);

        if (!path)
                return st_error_set(err, -ENOMEM, "make a mount point");
        if (mkdirat(container->dir_fd, MOUNT_POINT, 0700) < 0)
                return st_error_sys(err, "make %s", path);
        *ret_path = path;
        return 0;
}

static int enter_cgroup(struct rt_container *container, pid_t pid, struct st_error *err) {
        struct rt_cgroup *cgroup = container->record.cgroup;
        bool systemd = container->runtime->systemd_cgroup;
        int r = systemd ? rt_cgroup_attach_systemd(cgroup, pid, err) : 0;

        /* v1: systemd moves in the hierarchies that it manages only */
        if (r >= 0 && (!systemd || rt_cgroup_mode_of(cgroup) != RT_CGROUP_V2))
                r = rt_cgroup_move(cgroup, pid, err);
        return r;
}

int rt_restore_enter(struct rt_container *container, pid_t pid, struct st_error *err) {
        int r = container->record.cgroup ? enter_cgroup(container, pid, err) : 0;

        if (r >= 0 && container->spec->linux_.intel_rdt)
                r = rt_rdt_attach(&container->record.rdt, pid, err);
        return r;
}

int rt_restore_run_hooks(struct rt_container *container, pid_t pid, struct st_error *err) {
        static const enum st_hook_kind kinds[] = {ST_HOOK_PRESTART, ST_HOOK_CREATE_RUNTIME};
        const struct st_hooks *hooks = container->spec->hooks;
        st_autoclose int state_fd = -1;
        int r;

        if (!hooks[ST_HOOK_PRESTART].n_items && !hooks[ST_HOOK_CREATE_RUNTIME].n_items)
                return 0;
        state_fd = rt_state_memfd(err);
        if (state_fd < 0)
                return state_fd;
        r = rt_state_fill(container, state_fd, "creating", pid, err);
        if (r >= 0)
                r = rt_hooks_begin(hooks, 2, kinds, state_fd, &container->runner, err);
        return r < 0 ? r : rt_hooks_end(&container->runner, err);
}

/* Last, as in a creation: what restores may need more memory than what is restored. */
static int apply_limits(struct rt_container *container, struct st_error *err) {
        struct rt_cgroup *cgroup = container->record.cgroup;
        int r;

        if (!cgroup)
                return 0;
        r = rt_cgroup_apply_limits(cgroup, err);
        if (r >= 0 && container->runtime->systemd_cgroup)
                r = rt_cgroup_finish_systemd(cgroup, err);
        return r;
}

int rt_restore_record(struct rt_container *container, pid_t pid, struct st_error *err) {
        uint64_t start_time = rt_start_time(pid);
        int pidfd = rt_pidfd_of(pid, start_time), r;

        if (pidfd < 0)
                return st_error_code(err, pidfd, "open the restored init %d", (int)pid);
        container->pidfd = pidfd;
        container->is_child = true;
        container->record.pid = pid;
        container->record.start_time = start_time;
        r = rt_record_save(container, err);
        return r < 0 ? r : apply_limits(container, err);
}

int rt_restore_finish(struct rt_container *container, struct st_error *err) {
        if (!container->record.pid)
                return st_error_set(err, -ESRCH, "nobody told of the restored init");
        (void)unlinkat(container->dir_fd, MOUNT_POINT, AT_REMOVEDIR); /* else delete removes it */
        container->phase = RT_PHASE_IDLE;
        container->undo = false;
        container->record_fd = st_close(container->record_fd);
        if (container->record.cgroup)
                rt_cgroup_close(container->record.cgroup);
        rt_state_unlock(container);
        return 0;
}
