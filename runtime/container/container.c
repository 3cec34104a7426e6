/* The handle: made, opened, looked at, freed. */
#include "runtime.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/syscall.h>

struct rt_container *rt_container_new(struct rt_runtime *runtime) {
        struct rt_container *container = calloc(1, sizeof *container);

        if (!container)
                return NULL;
        container->runtime = runtime;
        container->dir_fd = container->record_fd = container->pidfd = container->sync_fd =
                container->console_fd = container->notify_fd = -1;
        container->runner.pidfd = container->runner.result_fd = -1;
        return container;
}

struct rt_container *rt_container_free(struct rt_container *container) {
        if (!container)
                return NULL;
        (void)st_close(container->dir_fd);
        (void)st_close(container->record_fd);
        (void)st_close(container->pidfd);
        (void)st_close(container->sync_fd);
        (void)st_close(container->console_fd);
        (void)st_close(container->notify_fd);
        (void)st_close(container->runner.pidfd);
        (void)st_close(container->runner.result_fd);
        rt_record_deinit(&container->record);
        st_spec_free(container->spec);
        free(container);
        return NULL;
}

/* state.json is missing for a moment while it is made, and for ever when its maker was killed right
 * there. */
static int load(struct rt_container *container, const char *id, struct st_error *err) {
        int r = rt_record_load(container, err);

        if (r == -ENOENT)
                return st_error_kind(
                        err,
                        st_error_set(err, -ENOENT,
                                     "container %s has no state yet (its creation is under way, or "
                                     "was cut off: delete --force removes it)",
                                     id),
                        ST_CODE_WRONG_STATE);
        return r;
}

int rt_container_open(struct rt_runtime *runtime, const char *id,
                      struct rt_container **ret_container, struct st_error *err) {
        st_cleanup(rt_container_freep) struct rt_container *container = rt_container_new(runtime);
        int r;

        if (!container)
                return st_error_set(err, -ENOMEM, "open container %s", id);
        r = rt_state_open(container, id, err);
        if (r >= 0)
                r = load(container, id, err);
        if (r < 0)
                return r;
        r = rt_pidfd_of(container->record.pid, container->record.start_time);
        if (r < 0 && r != -ESRCH)
                return st_error_code(err, r, "open the init of %s", id);
        container->pidfd = r < 0 ? -1 : r;
        *ret_container = st_take(container);
        return 0;
}

const char *rt_status_name(enum rt_status status) {
        static const char *const names[] = {
                [RT_STATUS_CREATING] = "creating", [RT_STATUS_CREATED] = "created",
                [RT_STATUS_RUNNING] = "running",   [RT_STATUS_PAUSED] = "paused",
                [RT_STATUS_STOPPED] = "stopped",
        };

        return names[status];
}

/* A pidfd is readable once its process has ended, whether it was reaped or not. */
bool rt_container_has_ended(const struct rt_container *container) {
        struct pollfd fd = {.fd = container->pidfd, .events = POLLIN};

        return fd.fd < 0 || poll(&fd, 1, 0) > 0;
}

static bool is_parked(const struct rt_container *container) {
        struct stat st;

        return fstatat(container->dir_fd, "start.sock", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int rt_container_status(struct rt_container *container, enum rt_status *ret_status,
                        struct st_error *err) {
        int frozen;

        if (!container->record.pid) {
                *ret_status = RT_STATUS_CREATING;
                return 0;
        }
        if (rt_container_has_ended(container)) {
                *ret_status = RT_STATUS_STOPPED;
                return 0;
        }
        frozen = container->record.cgroup ? rt_cgroup_is_frozen(container->record.cgroup, err) : 0;
        if (frozen < 0)
                return frozen;
        *ret_status = frozen                 ? RT_STATUS_PAUSED
                      : is_parked(container) ? RT_STATUS_CREATED
                                             : RT_STATUS_RUNNING;
        return 0;
}

int rt_container_info(struct rt_container *container, struct rt_container_info *ret_info,
                      struct st_error *err) {
        const struct rt_record *record = &container->record;
        enum rt_status status;
        int r = rt_container_status(container, &status, err);

        if (r < 0)
                return r;
        *ret_info = (struct rt_container_info) {
                .id = record->id,
                .bundle = record->bundle,
                .rootfs = record->rootfs,
                .created = record->created,
                .owner = record->owner,
                .oci_version = record->oci_version,
                .pid = status == RT_STATUS_STOPPED ? 0 : record->pid,
                .annotations = record->annotations,
                .n_annotations = record->n_annotations,
        };
        return 0;
}

int rt_container_pidfd(const struct rt_container *container) {
        return container->pidfd;
}

struct rt_cgroup *rt_container_cgroup(struct rt_container *container) {
        return container->record.cgroup;
}

int rt_container_config(struct rt_container *container, const struct st_spec **ret_spec,
                        struct st_error *err) {
        int r = rt_config_saved(container, err);

        if (r < 0)
                return r;
        *ret_spec = container->spec;
        return 0;
}
