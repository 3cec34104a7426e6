/* settle and retire: the exit status, once; then nothing of the container is left. */
#include "runtime.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/syscall.h>

enum { KILL_WAIT_MSEC = 10000, CGROUP_WAIT_MSEC = 10000 };

/* ---- settle ---- */

/* 0: still running; 1: reaped; negative errno. */
int rt_reap(int pidfd, struct rt_exit *ret_exit) {
        struct rusage usage = {0};
        siginfo_t info = {0};

        /* the system call has a fifth argument that waitid(3) hides */
        while (syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG, &usage) < 0)
                if (errno != EINTR)
                        return -errno;
        if (!info.si_pid)
                return 0;
        *ret_exit = (struct rt_exit) {
                .code = info.si_code == CLD_EXITED ? info.si_status : 0,
                .signal = info.si_code == CLD_EXITED ? 0 : info.si_status,
                .oom_kills = -1,
                .user = {usage.ru_utime.tv_sec, usage.ru_utime.tv_usec * 1000},
                .system = {usage.ru_stime.tv_sec, usage.ru_stime.tv_usec * 1000},
                .max_rss_kib = (uint64_t)usage.ru_maxrss,
        };
        return 1;
}

int rt_exit_status(const struct rt_exit *exit) {
        return exit->signal ? 128 + exit->signal : exit->code;
}

int rt_container_settle(struct rt_container *container, struct rt_exit *ret_exit,
                        struct st_error *err) {
        int r;

        if (container->reaped) {
                *ret_exit = container->exit;
                return 1;
        }
        if (!container->is_child || container->pidfd < 0)
                return st_error_set(err, -ECHILD,
                                    "settle %s: its init is not a child of this process",
                                    container->record.id);
        r = rt_reap(container->pidfd, &container->exit);
        if (r < 0)
                return st_error_code(err, r, "reap the init of %s", container->record.id);
        if (r == 0)
                return 0;
        container->reaped = true;
        if (container->record.cgroup)
                container->exit.oom_kills = rt_cgroup_oom_kills(container->record.cgroup);
        *ret_exit = container->exit;
        return 1;
}

/* ---- retire ---- */

static int kill_init(struct rt_container *container, struct st_error *err) {
        struct pollfd fd = {.fd = container->pidfd, .events = POLLIN};
        struct rt_exit ignored;

        if (container->pidfd < 0)
                return 0;
        (void)st_pidfd_send_signal(container->pidfd, SIGKILL); /* ESRCH: it ended by itself */
        while (poll(&fd, 1, KILL_WAIT_MSEC) < 0)
                if (errno != EINTR)
                        return st_error_sys(err, "wait for the init's death");
        if (!fd.revents)
                return st_error_kind(err, st_error_set(err, -EBUSY, "container init still running"),
                                     ST_CODE_WRONG_STATE);
        return container->is_child && !container->reaped
                       ? rt_container_settle(container, &ignored, err)
                       : 0;
}

/* Killed before it is thawed, a paused container runs no instruction more; v1 lets nobody die who
 * is frozen. */
static int kill_all(struct rt_container *container, struct st_error *err) {
        struct rt_cgroup *cgroup = container->record.cgroup;

        if (cgroup && container->pidfd >= 0 && rt_cgroup_is_frozen(cgroup, NULL) > 0) {
                st_ignore(
                        rt_cgroup_kill(cgroup, SIGKILL, NULL)); /* the kill that follows decides */
                st_ignore(rt_cgroup_freeze(cgroup, false, NULL));
        }
        return kill_init(container, err);
}

static int remove_outside(struct rt_container *container, struct st_error *err) {
        int r = 0;

        if (container->record.cgroup)
                r = rt_cgroup_destroy(container->record.cgroup, CGROUP_WAIT_MSEC, err);
        if (r >= 0)
                r = rt_rdt_destroy(&container->record.rdt, err);
        if (r >= 0)
                rt_place_release(container);
        return r;
}

static int check_deletable(struct rt_container *container, bool force, struct st_error *err) {
        enum rt_status status;
        int r = rt_container_status(container, &status, err);

        if (r < 0 || force || status == RT_STATUS_STOPPED || status == RT_STATUS_CREATED ||
            status == RT_STATUS_CREATING)
                return r;
        return st_error_kind(err,
                             st_error_set(err, -EBUSY,
                                          "cannot delete container %s that is not stopped: %s",
                                          container->record.id, rt_status_name(status)),
                             ST_CODE_WRONG_STATE);
}

/* An operation that this handle began is under way: give up on it. */
static void cancel(struct rt_container *container) {
        if (container->runner.pidfd >= 0) {
                (void)st_pidfd_send_signal(container->runner.pidfd, SIGKILL);
                st_ignore(
                        rt_hooks_end(&container->runner, NULL)); /* it says that the runner died */
        }
        container->sync_fd = st_close(container->sync_fd);
        container->phase = RT_PHASE_IDLE;
}

/* Opened while its creator was at work: what it has made since then is in the record now that the
 * lock is ours. */
static int reload_unfinished(struct rt_container *container, struct st_error *err) {
        int r;

        if (container->record.pid || container->is_child)
                return 0;
        rt_record_deinit(&container->record);
        r = rt_record_load(container, err);
        if (r < 0)
                return r;
        r = rt_pidfd_of(container->record.pid, container->record.start_time);
        if (r >= 0)
                container->pidfd = r;
        return 0;
}

int rt_container_retire(struct rt_container *container, bool force, struct st_error *err) {
        struct st_error config_error;
        int r;

        if (force && container->phase != RT_PHASE_IDLE) {
                cancel(container);
                if (container->undo) {
                        rt_container_undo(container);
                        return 1;
                }
        }
        r = rt_state_lock(container, err);
        if (r == -ENOENT)
                return 1; /* somebody else's delete was first */
        if (r < 0)
                return r;
        r = reload_unfinished(container, err);
        if (r >= 0)
                r = check_deletable(container, force, err);
        if (r >= 0)
                r = kill_all(container, err);
        if (r >= 0)
                r = remove_outside(container, err);
        if (r < 0) {
                rt_state_unlock(container);
                return r;
        }
        if (!container->record.simple && rt_config_saved(container, &config_error) <
                                                 0) /* no config, no hooks: removing goes on */
                rt_runtime_warn(container->runtime, "%s", config_error.msg);
        r = rt_poststop_begin(container, err);
        if (r == 1)
                r = rt_state_remove(container, err);
        if (r < 0)
                rt_state_unlock(container);
        return r < 0 ? r : container->phase == RT_PHASE_IDLE;
}

/* Spec, "Lifecycle": a hook that fails stops the container, and the life cycle goes on at its end:
 * with poststop. */
static void run_poststop_now(struct rt_container *container) {
        if (container->record.pid && container->spec && rt_poststop_begin(container, NULL) == 0)
                st_ignore(rt_container_finish(
                        container, NULL)); /* the failure that led here is the one to tell */
}

void rt_container_undo(struct rt_container *container) {
        if (!container->undo)
                return;
        container->undo = false;
        st_ignore(kill_init(container, NULL));
        st_ignore(remove_outside(container, NULL));
        run_poststop_now(container);
        st_ignore(rt_state_remove(container, NULL));
}

static int remove_finished(struct rt_runtime *runtime, struct rt_container *locked, const char *id,
                           struct st_error *err) {
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        int r;

        rt_state_unlock(locked);
        r = rt_container_open(runtime, id, &container, err);
        if (r >= 0)
                r = rt_container_retire(container, true, err);
        if (r == 0)
                r = rt_container_finish(container, err);
        return r < 0 ? r : 0;
}

int rt_runtime_remove(struct rt_runtime *runtime, const char *id, struct st_error *err) {
        st_cleanup(rt_container_freep) struct rt_container *container = rt_container_new(runtime);
        int r;

        if (!container)
                return st_error_set(err, -ENOMEM, "remove %s", id);
        r = rt_state_open(container, id, err);
        if (r >= 0)
                r = rt_state_lock(container, err); /* a creator that is still at work holds it */
        if (r < 0)
                return r;
        if (rt_record_load(container, NULL) >= 0)
                return remove_finished(runtime, container, id,
                                       err); /* the creator has finished meanwhile */
        r = st_remove_tree_at(runtime->root_fd, id);
        return r < 0 && r != -ENOENT ? st_error_code(err, r, "remove the state of %s", id) : 0;
}
