/* What happens next: the one place that knows the order of a container's begun operation.
 *
 *   prepare: CHILD --at hooks--> RUNTIME_HOOKS --> CHILD --at limits--> CHILD --parked--> done
 *   run:     the same, but instead of "parked" the handshake ends: execve happened --> POSTSTART
 * --> done start:   STARTED --end of the handshake--> POSTSTART --> done delete:  POSTSTOP --> done
 * Each state has one descriptor to poll; advance() is called when it is readable. */
#include "runtime.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <stint/cleanup.h>
#include <stint/handshake.h>
#include <stint/syscall.h>
#include <stint/terminal.h>

static bool has_hooks(const struct rt_container *container, enum st_hook_kind kind) {
        return container->spec && container->spec->hooks[kind].n_items > 0;
}

static int begin_hooks(struct rt_container *container, enum rt_phase phase, const char *status,
                       size_t n_kinds, const enum st_hook_kind *kinds, struct st_error *err) {
        st_autoclose int state_fd = rt_state_memfd(err);
        int r;

        if (state_fd < 0)
                return state_fd;
        r = rt_state_fill(container, state_fd, status,
                          phase == RT_PHASE_POSTSTOP ? 0 : container->record.pid, err);
        if (r >= 0)
                r = rt_hooks_begin(container->spec->hooks, n_kinds, kinds, state_fd,
                                   &container->runner, err);
        if (r < 0)
                return r;
        container->phase = phase;
        return 0;
}

int rt_poststop_begin(struct rt_container *container, struct st_error *err) {
        static const enum st_hook_kind kinds[] = {ST_HOOK_POSTSTOP};

        if (!has_hooks(container, ST_HOOK_POSTSTOP))
                return 1;
        return begin_hooks(container, RT_PHASE_POSTSTOP, "stopped", 1, kinds, err);
}

static int done(struct rt_container *container) {
        container->phase = RT_PHASE_IDLE;
        container->undo = false;
        container->sync_fd = st_close(container->sync_fd);
        if (container->record.cgroup)
                rt_cgroup_close(container->record.cgroup);
        rt_state_unlock(container);
        return 1;
}

/* With its driver systemd hears of a small memory limit now: it would have killed what prepares a
 * container. */
static int tell_systemd(struct rt_container *container, struct st_error *err) {
        return container->record.cgroup ? rt_cgroup_finish_systemd(container->record.cgroup, err)
                                        : 0;
}

static int executed(struct rt_container *container, struct st_error *err) {
        static const enum st_hook_kind kinds[] = {ST_HOOK_POSTSTART};
        int r = tell_systemd(container, err);

        if (r < 0)
                return r;
        container->sync_fd = st_close(container->sync_fd);
        (void)unlinkat(container->dir_fd, "start.sock", 0); /* `run` never had one */
        if (!has_hooks(container, ST_HOOK_POSTSTART))
                return done(container);
        return begin_hooks(container, RT_PHASE_POSTSTART, "running", 1, kinds, err);
}

static int go_on(struct rt_container *container, struct st_error *err) {
        int r = rt_handshake_send(container->sync_fd, RT_MSG_GO, NULL);

        container->phase = RT_PHASE_CHILD;
        return r < 0 ? st_error_code(err, r, "let the init go on") : 0;
}

/* From linux.resources.memory.limit, or 0. */
static int64_t memory_limit(struct rt_container *container) {
        const struct st_memory *memory = NULL;

        st_ignore(rt_config_saved(container,
                                  NULL)); /* a start may have done without; no config, no number */
        if (container->spec && container->spec->linux_.resources)
                memory = container->spec->linux_.resources->memory;
        return memory && memory->limit.has && memory->limit.value > 0 ? memory->limit.value : 0;
}

static int blame_limit(struct rt_container *container, int r, struct st_error *err) {
        if (memory_limit(container))
                r = st_error_prefix(err, r,
                                    "linux.resources.memory.limit: %lld bytes are too few to start",
                                    (long long)memory_limit(container));
        else
                r = st_error_prefix(
                        err, r, "a memory limit above the container's own is too small to start");
        return st_error_kind(err, r, ST_CODE_LIMIT);
}

/* Said by the init itself, or of it: what was killed may have been a hook that it ran. */
static bool ran_out_of_memory(struct rt_container *container, const struct rt_message *message) {
        if (message->error.code == -ENOMEM)
                return memory_limit(container) > 0;
        return message->error.kind == ST_CODE_HOOK && container->record.cgroup &&
               rt_cgroup_oom_kills(container->record.cgroup) > 0;
}

static int take_error(struct rt_container *container, const struct rt_message *message,
                      struct st_error *err) {
        if (err)
                *err = message->error;
        if (message->error.kind != ST_CODE_LIMIT && ran_out_of_memory(container, message))
                return blame_limit(container, -ENOMEM, err);
        return message->error.code < 0 ? message->error.code : -EIO;
}

static int run_runtime_hooks(struct rt_container *container, struct st_error *err) {
        static const enum st_hook_kind kinds[] = {ST_HOOK_PRESTART, ST_HOOK_CREATE_RUNTIME};

        return begin_hooks(container, RT_PHASE_RUNTIME_HOOKS, "creating", 2, kinds, err);
}

static int write_limits(struct rt_container *container, struct st_error *err) {
        int r = rt_cgroup_apply_limits(container->record.cgroup, err);

        return r < 0 ? r : go_on(container, err);
}

enum { END_WAIT_MSEC = 1000 };

/* Without reaping it. What is not our child is unknown: zeros. Its descriptors are closed, so it
 * ends now. */
static siginfo_t look_at_end(const struct rt_container *container) {
        struct pollfd end = {.fd = container->pidfd, .events = POLLIN};
        siginfo_t info = {0};

        (void)poll(&end, 1, END_WAIT_MSEC); /* a frozen one does not end, and is unknown too */
        if (waitid(P_PIDFD, (id_t)container->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
                info.si_code = info.si_status = 0;
        return info;
}

/* An init that died without a word was killed: by an OOM kill during prepare, within execve where
 * that found no memory for the new program after it had given up the old one, by somebody's delete
 * --force. Or it had no memory to send its word. */
static int died(struct rt_container *container, struct st_error *err) {
        siginfo_t info = look_at_end(container);

        if (container->record.cgroup && rt_cgroup_oom_kills(container->record.cgroup) > 0)
                return blame_limit(
                        container,
                        st_error_set(err, -ENOMEM,
                                     "the container's init was killed by the OOM killer"),
                        err);
        if (info.si_code != CLD_EXITED && info.si_status == SIGSEGV)
                return blame_limit(container, st_error_set(err, -ENOMEM, "execve found no memory"),
                                   err);
        if (info.si_code == CLD_EXITED && info.si_status > 1)
                return blame_limit(
                        container,
                        st_error_set(err, -ENOMEM,
                                     "the container's init found no memory to say more than: %s",
                                     st_errno_text(info.si_status)),
                        err);
        return st_error_kind(
                err,
                st_error_set(err, -EIO, "the container's init died while it was prepared%s",
                             info.si_status == SIGKILL
                                     ? ": killed, by the OOM killer or by delete --force"
                                     : ""),
                ST_CODE_INTERNAL);
}

/* The end of the handshake without an error: execve, or a death before it. */
static bool died_early(const struct rt_container *container) {
        if (container->executed && !rt_container_has_ended(container))
                return false;
        return rt_never_executed(container->record.pid);
}

static bool parks(const struct rt_container *container) {
        return faccessat(container->dir_fd, "start.sock", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The pid is written down, so the init may stay when we are gone. */
static int parked(struct rt_container *container, struct st_error *err) {
        int r = tell_systemd(container, err);

        if (r < 0)
                return r;
        r = rt_handshake_send(container->sync_fd, RT_MSG_GO, NULL);
        return r < 0 ? died(container, err) : done(container);
}

static int hear_child(struct rt_container *container, struct st_error *err) {
        struct rt_message message;
        int r = rt_handshake_receive(container->sync_fd, &message);

        if (r < 0)
                return st_error_code(err, r, "hear from the init");
        if (r == 0)
                return parks(container) || died_early(container) ? died(container, err)
                                                                 : executed(container, err);
        switch ((enum rt_message_type)message.type) {
        case RT_MSG_AT_HOOKS:
                return run_runtime_hooks(container, err);
        case RT_MSG_AT_LIMITS:
                return write_limits(container, err);
        case RT_MSG_PARKED:
                return parked(container, err);
        case RT_MSG_FAILED:
                return take_error(container, &message, err);
        case RT_MSG_GO:
        case RT_MSG_START:
                break;
        }
        return st_error_set(err, -EPROTO, "unexpected message %u from the init", message.type);
}

static int hear_started(struct rt_container *container, struct st_error *err) {
        struct rt_message message;
        int r = rt_handshake_receive(container->sync_fd, &message);

        if (r < 0)
                return st_error_code(err, r, "hear from the init");
        if (r > 0 && message.type == RT_MSG_FAILED)
                return take_error(container, &message, err);
        if (r == 0 && died_early(container))
                return died(container, err);
        return executed(container, err);
}

/* Spec 1.3, "Lifecycle" 9: a poststart hook that fails stops the container. */
static int after_poststart(struct rt_container *container, struct st_error *err) {
        int r = rt_hooks_end(&container->runner, err);

        if (r >= 0)
                return done(container);
        st_ignore(rt_container_kill(container, SIGKILL, true,
                                    NULL)); /* the hook's error is the one to tell */
        return r;
}

static int after_poststop(struct rt_container *container, struct st_error *err) {
        struct st_error failure = {0};

        /* spec, "Poststop": an error is logged, and the rest goes on */
        if (rt_hooks_end(&container->runner, &failure) < 0)
                rt_runtime_warn(container->runtime, "%s", failure.msg);
        container->phase = RT_PHASE_IDLE;
        return rt_state_remove(container, err) < 0 ? err->code : 1;
}

static int step(struct rt_container *container, struct st_error *err) {
        int r;

        switch (container->phase) {
        case RT_PHASE_IDLE:
                return 1;
        case RT_PHASE_CHILD:
                return hear_child(container, err);
        case RT_PHASE_RUNTIME_HOOKS:
                r = rt_hooks_end(&container->runner, err);
                return r < 0 ? r : go_on(container, err);
        case RT_PHASE_STARTED:
                return hear_started(container, err);
        case RT_PHASE_POSTSTART:
                return after_poststart(container, err);
        case RT_PHASE_POSTSTOP:
                return after_poststop(container, err);
        }
        return 1;
}

int rt_container_advance(struct rt_container *container, struct st_error *err) {
        int r = step(container, err);

        if (r >= 0)
                return r;
        if (container->undo)
                rt_container_undo(container);
        else
                rt_state_unlock(container);
        container->sync_fd = st_close(container->sync_fd);
        container->phase = RT_PHASE_IDLE;
        return r;
}

int rt_container_wait_fd(const struct rt_container *container) {
        switch (container->phase) {
        case RT_PHASE_CHILD:
        case RT_PHASE_STARTED:
                return container->sync_fd;
        case RT_PHASE_RUNTIME_HOOKS:
        case RT_PHASE_POSTSTART:
        case RT_PHASE_POSTSTOP:
                return container->runner.result_fd;
        case RT_PHASE_IDLE:
                break;
        }
        return -1;
}

int rt_container_finish(struct rt_container *container, struct st_error *err) {
        for (;;) {
                int r = rt_container_advance(
                        container, err); /* every wait is a blocking read of one message */
                if (r != 0)
                        return r;
        }
}

int rt_container_take_console(struct rt_container *container) {
        int fd;

        if (container->console_fd < 0)
                return -1;
        fd = rt_receive_fd(container->console_fd);
        container->console_fd = st_close(container->console_fd);
        return fd < 0 ? -1 : fd;
}

/* ---- start ---- */

static int wrong_state(struct st_error *err, const char *text) {
        return st_error_kind(err, st_error_set(err, -EINVAL, "%s", text), ST_CODE_WRONG_STATE);
}

static int check_startable(struct rt_container *container, struct st_error *err) {
        enum rt_status status;
        int r = rt_container_status(container, &status, err);

        if (r < 0)
                return r;
        switch (status) {
        case RT_STATUS_CREATED:
                return 0;
        case RT_STATUS_STOPPED:
                return wrong_state(err, "cannot start a container that has stopped");
        case RT_STATUS_RUNNING:
                return wrong_state(err, "cannot start an already running container");
        case RT_STATUS_PAUSED:
                return wrong_state(err, "cannot start a container that is paused");
        case RT_STATUS_CREATING:
                break;
        }
        return wrong_state(err, "cannot start a container that is being created");
}

static int call_parked(struct rt_container *container, struct st_error *err) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), r;

        if (fd < 0)
                return st_error_sys(err, "make a socket");
        container->sync_fd = fd;
        (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/start.sock",
                       container->dir_fd);
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
                if (errno == ECONNREFUSED &&
                    rt_container_has_ended(container)) /* since we looked */
                        return wrong_state(err, "cannot start a container that has stopped");
                if (errno == ECONNREFUSED ||
                    errno == ENOENT) /* a starter that was killed came before us */
                        return wrong_state(err, "cannot start an already running container");
                return st_error_sys(err, "call the parked init");
        }
        r = rt_handshake_send(fd, RT_MSG_START, NULL);
        if (r == -EPIPE || r == -ECONNRESET) /* killed between the two */
                return wrong_state(err, "cannot start a container that has stopped");
        return r < 0 ? st_error_code(err, r, "tell the parked init to start") : 0;
}

/* It was created, has not been started, and its limit killed it since. */
static bool starved_while_parked(const struct rt_container *container) {
        return parks(container) && container->record.cgroup && rt_container_has_ended(container) &&
               rt_cgroup_oom_kills(container->record.cgroup) > 0;
}

int rt_container_dispatch(struct rt_container *container, struct st_error *err) {
        int r = rt_state_lock(container, err);

        if (r < 0)
                return r;
        r = check_startable(container, err);
        if (r >= 0 && !container->record.simple)
                r = rt_config_saved(container, err);
        if (r >= 0 && container->spec && !container->spec->process)
                r = wrong_state(err, "cannot start: config.json has no process");
        if (r >= 0)
                r = call_parked(container, err);
        if (r < 0 && starved_while_parked(container))
                r = blame_limit(container, r, err);
        if (r < 0) {
                container->sync_fd = st_close(container->sync_fd);
                rt_state_unlock(container);
                return r;
        }
        container->phase = RT_PHASE_STARTED;
        return 0;
}
