#include "hooks.h"

#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <stint/cleanup.h>
#include <stint/syscall.h>

enum { OUTPUT_KEPT = 256 }; /* of a failing hook's output, its end */

struct output {
        char text[OUTPUT_KEPT + 1];
        size_t used;
};

static void keep_tail(struct output *out, const char *data, size_t n) {
        if (n >= OUTPUT_KEPT) {
                memcpy(out->text, data + n - OUTPUT_KEPT, OUTPUT_KEPT);
                out->used = OUTPUT_KEPT;
                return;
        }
        if (out->used + n > OUTPUT_KEPT) {
                size_t drop = out->used + n - OUTPUT_KEPT;
                memmove(out->text, out->text + drop, out->used - drop);
                out->used -= drop;
        }
        memcpy(out->text + out->used, data, n);
        out->used += n;
}

_Noreturn static void hook_child(const struct st_hook *hook, int state_fd, int output_fd) {
        char *default_args[] = {(char *)hook->path, NULL};
        sigset_t none;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0,
                    0); /* who gives up on the hooks kills their runner */
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)signal(SIGPIPE, SIG_DFL);
        if (dup2(state_fd, 0) < 0 || dup2(output_fd, 1) < 0 || dup2(output_fd, 2) < 0)
                _exit(127);
        (void)st_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        (void)execve(hook->path, hook->args ? hook->args : default_args, hook->env);
        dprintf(2, "cannot be executed: %s", st_errno_text(errno));
        _exit(127);
}

static int64_t now_msec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until the process ends or the deadline passes. 0: ended; -ETIMEDOUT. Output after the end is not
 * waited for: a daemon that the hook left behind may hold the pipe for ever. */
static int watch(int pidfd, int output_fd, unsigned timeout_sec, struct output *out) {
        int64_t deadline = timeout_sec ? now_msec() + (int64_t)timeout_sec * 1000 : INT64_MAX;
        struct pollfd fds[2] = {{.fd = pidfd, .events = POLLIN},
                                {.fd = output_fd, .events = POLLIN}};

        for (;;) {
                int64_t left = deadline == INT64_MAX ? -1 : deadline - now_msec();
                char data[512];
                ssize_t n;

                if (deadline != INT64_MAX && left <= 0)
                        return -ETIMEDOUT;
                if (poll(fds, 2, (int)(left > 1000000 ? 1000000 : left)) < 0 && errno != EINTR)
                        return -errno;
                if (fds[1].revents) {
                        n = read(output_fd, data, sizeof data);
                        if (n > 0)
                                keep_tail(out, data, (size_t)n);
                        else if (n == 0)
                                fds[1].fd = -1;
                        continue;
                }
                if (fds[0].revents)
                        return 0;
        }
}

static int report(const struct st_hook *hook, int watched, const siginfo_t *info,
                  struct output *out, struct st_error *err) {
        const char *colon = out->used ? ": " : "";

        out->text[out->used] = 0;
        while (out->used && out->text[out->used - 1] == '\n')
                out->text[--out->used] = 0;
        if (watched == -ETIMEDOUT)
                return st_error_set(err, -ETIMEDOUT, "%s: no end within its timeout of %u s%s%s",
                                    hook->path, hook->timeout_sec, colon, out->text);
        if (watched < 0)
                return st_error_code(err, watched, "wait for %s", hook->path);
        if (info->si_code == CLD_EXITED && info->si_status == 0)
                return 0;
        if (info->si_code == CLD_EXITED)
                return st_error_set(err, -EIO, "%s: exit status %d%s%s", hook->path,
                                    info->si_status, colon, out->text);
        return st_error_set(err, -EIO, "%s: killed by signal %d%s%s", hook->path, info->si_status,
                            colon, out->text);
}

static int run_one(const struct st_hook *hook, int state_fd, struct st_error *err) {
        st_autoclose int pidfd = -1;
        struct clone_args args = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD};
        struct output out = {.used = 0};
        siginfo_t info = {0};
        int pipe_fds[2], r;
        pid_t pid;

        if (lseek(state_fd, 0, SEEK_SET) < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0)
                return st_error_sys(err, "%s: make its pipes", hook->path);
        args.pidfd = (uint64_t)(uintptr_t)&pidfd;
        pid = st_clone3(&args);
        if (pid == 0)
                hook_child(hook, state_fd, pipe_fds[1]);
        (void)st_close(pipe_fds[1]);
        if (pid < 0) {
                r = st_error_sys(err, "%s: start", hook->path);
        } else {
                r = watch(pidfd, pipe_fds[0], hook->timeout_sec, &out);
                if (r < 0)
                        (void)st_pidfd_send_signal(pidfd, SIGKILL);
                while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
                        ;
                r = report(hook, r, &info, &out, err);
        }
        (void)st_close(pipe_fds[0]);
        return r;
}

int rt_hooks_run(const struct st_hooks *hooks, enum st_hook_kind kind, int state_fd,
                 bool keep_going, struct st_error *err) {
        struct st_error ignored;
        int first = 0;

        for (size_t i = 0; i < hooks->n_items; i++) {
                struct st_error *where = first ? &ignored : err;
                int r = run_one(&hooks->items[i], state_fd, where);
                if (r >= 0)
                        continue;
                r = st_error_kind(where,
                                  st_error_prefix(where, r, "hooks.%s[%zu]", st_hook_name(kind), i),
                                  ST_CODE_HOOK);
                if (!keep_going)
                        return r;
                first = first ? first : r;
        }
        return first;
}

_Noreturn static void runner_child(const struct st_hooks *hooks, size_t n_kinds,
                                   const enum st_hook_kind *kinds, int state_fd, int result_fd) {
        struct st_error result = {0};

        for (size_t i = 0; i < n_kinds; i++) {
                int r = rt_hooks_run(&hooks[kinds[i]], kinds[i], state_fd,
                                     kinds[i] == ST_HOOK_POSTSTOP, &result);
                if (r < 0)
                        break;
        }
        (void)!write(result_fd, &result, sizeof result); /* below PIPE_BUF: all or nothing; a reader
                                                            that is gone needs none */
        _exit(0);
}

int rt_hooks_begin(const struct st_hooks *hooks, size_t n_kinds, const enum st_hook_kind *kinds,
                   int state_fd, struct rt_hook_runner *ret_runner, struct st_error *err) {
        int pipe_fds[2], pidfd = -1;
        struct clone_args args = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD};
        pid_t pid;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return st_error_sys(err, "make a pipe for the hooks");
        args.pidfd = (uint64_t)(uintptr_t)&pidfd;
        pid = st_clone3(&args);
        if (pid == 0)
                runner_child(hooks, n_kinds, kinds, state_fd, pipe_fds[1]);
        (void)st_close(pipe_fds[1]);
        if (pid < 0) {
                (void)st_close(pipe_fds[0]);
                return st_error_sys(err, "start the hook runner");
        }
        *ret_runner = (struct rt_hook_runner) {.pidfd = pidfd, .result_fd = pipe_fds[0]};
        return 0;
}

int rt_hooks_end(struct rt_hook_runner *runner, struct st_error *err) {
        struct st_error result = {0};
        ssize_t n;
        int r = 0;

        do
                n = read(runner->result_fd, &result, sizeof result);
        while (n < 0 && errno == EINTR);
        if (n != sizeof result)
                r = st_error_kind(err, st_error_set(err, -EIO, "the hook runner died"),
                                  ST_CODE_HOOK);
        else if (result.code < 0) {
                if (err)
                        *err = result;
                r = result.code;
        }
        while (waitid(P_PIDFD, (id_t)runner->pidfd, &(siginfo_t) {0}, WEXITED) < 0 &&
               errno == EINTR)
                ;
        runner->pidfd = st_close(runner->pidfd);
        runner->result_fd = st_close(runner->result_fd);
        return r;
}
