/* runtime/container/hooks.h: running hooks (spec, "POSIX-platform Hooks"). */
#pragma once
#include <stint/error.h>
#include <stint/spec.h>

/* Run them one after the other, the state on standard input, output captured for the error, each
 * with its deadline. Async-signal-safe (no allocation), blocks. @state_fd: a memfd with the state
 * JSON. The first that fails ends it, unless @keep_going (poststop: every hook runs, the first
 * failure is told). */
int rt_hooks_run(const struct st_hooks *hooks, enum st_hook_kind kind, int state_fd,
                 bool keep_going, struct st_error *err);

/* The same for a parent that may not block: a process of its own runs them. *ret_fd becomes
 * readable with the result. */
struct rt_hook_runner {
        int pidfd, result_fd;
};
int rt_hooks_begin(const struct st_hooks *hooks, size_t n_kinds, const enum st_hook_kind *kinds,
                   int state_fd, struct rt_hook_runner *ret_runner,
                   struct st_error *err) st_must_check;
/* Take the result (blocks until it is there) and reap the process. */
int rt_hooks_end(struct rt_hook_runner *runner, struct st_error *err) st_must_check;
