/* include/stint/container.h: libstint, the runtime core: containers as calls, for a command line
 * and for a supervisor with an event loop.
 *
 * No globals, no exit(), no output, no change of the caller's working directory, umask, signals or
 * namespaces. A handle belongs to one thread at a time; different handles are independent.
 * Processes come back as pidfds. What can take long comes back as "not yet" (0) with a descriptor
 * to poll: see rt_container_advance().
 *
 * One life cycle (docs/architecture.md): prepare -> dispatch -> settle -> retire.
 *   rt_container_prepare()   namespaces, mounts, cgroup, filter; the init is parked        (OCI
 * "create") rt_container_dispatch()  the task's program is executed (OCI "start")
 *   rt_container_settle()    the exit status, once, from the pidfd
 *   rt_container_retire()    teardown: processes, cgroup, state directory                 (OCI
 * "delete") rt_container_run() does the first two in one go without parking, which is faster. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <stint/cgroup.h>
#include <stint/error.h>
#include <stint/spec.h>

/* ---- the runtime: a state directory and settings ---- */
struct rt_runtime;

/* Whether a cgroup that the caller has no right to make is left out, or an error. AUTO: left out
 * for who is not root, or root in a user namespace. A limit that was asked for is never left out.
 */
enum rt_rootless { RT_ROOTLESS_AUTO, RT_ROOTLESS_YES, RT_ROOTLESS_NO };

struct rt_runtime_options {
        const char *root; /* state directory; NULL: /run/stint, or $XDG_RUNTIME_DIR/stint when not
                             the machine's root */
        bool systemd_cgroup;
        enum rt_rootless rootless;
        const char *placement_config; /* NULL: /etc/stint/placement.conf, if there is one */
        void (*warn)(void *data, const char *message); /* NULL: warnings are dropped */
        void *warn_data;
};

int rt_runtime_open(const struct rt_runtime_options *options, struct rt_runtime **ret_runtime,
                    struct st_error *err) st_must_check;
struct rt_runtime *rt_runtime_free(struct rt_runtime *runtime);
ST_DEFINE_FREEP(struct rt_runtime, rt_runtime_free);
/* The state directory, absolute. Made when it is not there yet. */
int rt_runtime_root(struct rt_runtime *runtime, const char **ret_path,
                    struct st_error *err) st_must_check;

/* ---- making one ---- */
struct rt_container;

struct rt_create_options {
        const char *id;        /* [A-Za-z0-9_+.-]{1,1024}, not "." or ".." */
        const char *bundle;    /* directory; NULL: "." */
        const char *config;    /* file name or path; NULL: <bundle>/config.json */
        int stdio_fds[3];      /* -1: the caller's 0, 1, 2 */
        int console_socket_fd; /* connected Unix socket that gets the pty master; -1: none */
        int pidfd_socket_fd;   /* connected Unix socket that gets the init's pidfd; -1: none */
        unsigned preserve_fds; /* descriptors 3 .. 3+n-1 stay open in the task */
        unsigned listen_fds;   /* LISTEN_FDS: as above, and LISTEN_FDS/LISTEN_PID are set in its
                                  environment */
        bool no_pivot, no_new_keyring;
        bool notify_socket; /* sd_notify(3): a socket of its own, see rt_container_take_notify() */
        bool terminal_is_ours; /* `run -t` in the foreground: the caller copies the pty itself:
                                  rt_container_console() */
        uint16_t console_height, console_width; /* of the terminal, where the config has no
                                                   consoleSize; 0: the kernel's default */
        bool one_shot; /* the caller is a program that does only this: the child may share its
                          memory */
        int reaper_fd; /* a program to be executed in the task's place, as pid 1 that runs the task:
                          its arguments are the number of @report_fd, the task's program as it was
                          found, and process.args; -1: none */
        int report_fd; /* stays open in it */
};
#define RT_CREATE_OPTIONS_INIT                                                                     \
        {                                                                                          \
                .stdio_fds = {-1, -1, -1}, .console_socket_fd = -1, .pidfd_socket_fd = -1,         \
                .reaper_fd = -1, .report_fd = -1                                                   \
        }

/* Begin. 0: in progress, poll rt_container_wait_fd() and call rt_container_advance(); 1: done
 * already. On failure everything made so far is gone again and *ret_container is untouched. */
int rt_container_prepare(struct rt_runtime *runtime, const struct rt_create_options *options,
                         struct rt_container **ret_container, struct st_error *err) st_must_check;
/* prepare and dispatch in one go. */
int rt_container_run(struct rt_runtime *runtime, const struct rt_create_options *options,
                     struct rt_container **ret_container, struct st_error *err) st_must_check;
/* A container that exists. kind NOT_FOUND: "container does not exist". */
int rt_container_open(struct rt_runtime *runtime, const char *id,
                      struct rt_container **ret_container, struct st_error *err) st_must_check;
struct rt_container *rt_container_free(
        struct rt_container *container); /* the handle, not the container */
ST_DEFINE_FREEP(struct rt_container, rt_container_free);

/* Begin to start a parked one; 0 or 1 as above. */
int rt_container_dispatch(struct rt_container *container, struct st_error *err) st_must_check;

/* Readable when rt_container_advance() has something to do. Borrowed; -1 when nothing is in
 * progress. */
int rt_container_wait_fd(const struct rt_container *container);
/* 0: not yet; 1: the operation begun last is complete; negative: it failed, and a prepare or run is
 * undone. */
int rt_container_advance(struct rt_container *container, struct st_error *err) st_must_check;
/* Poll and advance until 1 or an error, for callers without a loop. */
int rt_container_finish(struct rt_container *container, struct st_error *err) st_must_check;

/* ---- restoring: another program (criu) makes the processes, we make the rest ----
 * All may block. A failure leaves a begun restore to be given up with rt_container_retire(force).
 */
/* The id, the state directory, the cgroups. Of @options only id, bundle and config count. */
int rt_restore_begin(struct rt_runtime *runtime, const struct rt_create_options *options,
                     struct rt_container **ret_container, struct st_error *err) st_must_check;
/* An empty directory in the state directory; rt_restore_finish() removes it. The path is in @arena.
 */
int rt_restore_mount_point(struct rt_container *container, struct st_arena *arena,
                           const char **ret_path, struct st_error *err) st_must_check;
/* Move @pid into the container's cgroups and resctrl group: what it clones is born there. */
int rt_restore_enter(struct rt_container *container, pid_t pid, struct st_error *err) st_must_check;
/* prestart and createRuntime; @pid has the namespaces. */
int rt_restore_run_hooks(struct rt_container *container, pid_t pid,
                         struct st_error *err) st_must_check;
/* @pid is the init, a child of this process that does not run yet: write it down, apply the limits.
 */
int rt_restore_record(struct rt_container *container, pid_t pid,
                      struct st_error *err) st_must_check;
/* It runs. */
int rt_restore_finish(struct rt_container *container, struct st_error *err) st_must_check;

/* ---- looking ---- */
enum rt_status {
        RT_STATUS_CREATING,
        RT_STATUS_CREATED,
        RT_STATUS_RUNNING,
        RT_STATUS_PAUSED,
        RT_STATUS_STOPPED
};
const char *rt_status_name(enum rt_status status);

/* Asks the kernel, never a file, whether the init lives. */
int rt_container_status(struct rt_container *container, enum rt_status *ret_status,
                        struct st_error *err) st_must_check;

struct rt_container_info { /* borrowed from the handle */
        const char *id, *bundle, *rootfs, *created, *owner;
        const char *oci_version;
        pid_t pid; /* of the init; 0 when stopped */
        const struct st_string_pair *annotations;
        size_t n_annotations;
};
int rt_container_info(struct rt_container *container, struct rt_container_info *ret_info,
                      struct st_error *err) st_must_check;
/* Write the `state` object of the spec plus runc's extra keys. */
int rt_container_write_state(struct rt_container *container, struct st_json_writer *w,
                             const char *key, struct st_error *err) st_must_check;
/* The init's pidfd: borrowed, -1 when it is gone. The caller's own child only when this process
 * made it. */
int rt_container_pidfd(const struct rt_container *container);
/* `run` with terminal_is_ours: the pty master; the caller owns it from now on. -1: none. */
int rt_container_take_console(struct rt_container *container);

/* Where a container that was made with notify_socket sends its messages: a datagram socket that
 * does not block; the caller owns it. Before rt_container_dispatch(), or after rt_container_run().
 * *ret_fd is -1 when there is none. */
int rt_container_take_notify(struct rt_container *container, int *ret_fd,
                             struct st_error *err) st_must_check;

/* ids in the state directory, sorted; one broken entry does not hide the others. */
int rt_runtime_list(struct rt_runtime *runtime, char ***ret_ids,
                    struct st_error *err) st_must_check;

/* ---- acting ---- */
/* kind WRONG_STATE "container not running" when it is stopped. @all: every process of the cgroup.
 */
int rt_container_kill(struct rt_container *container, int signal, bool all,
                      struct st_error *err) st_must_check;
int rt_container_pause(struct rt_container *container, struct st_error *err) st_must_check;
int rt_container_resume(struct rt_container *container, struct st_error *err) st_must_check;
struct rt_rdt_update {
        const char *l3_cache_schema, *mem_bw_schema;
};
int rt_container_update(struct rt_container *container, const struct st_resources *resources,
                        const struct rt_rdt_update *rdt, struct st_error *err) st_must_check;
int rt_container_processes(struct rt_container *container, pid_t **ret_pids, size_t *ret_n,
                           struct st_error *err) st_must_check;
/* runc's `events` "stats" data object. */
int rt_container_write_stats(struct rt_container *container, struct st_json_writer *w,
                             const char *key, struct st_error *err) st_must_check;
/* Borrowed: for OOM watching. NULL when it has none. */
struct rt_cgroup *rt_container_cgroup(struct rt_container *container);

struct rt_exec_options {
        const struct st_process *process; /* borrowed for the call */
        int stdio_fds[3];
        int console_socket_fd, pidfd_socket_fd;
        unsigned preserve_fds;
        const char *const *sub_cgroups; /* `--cgroup`: below the container's leaf, see
                                           rt_cgroup_open(); NULL: the leaf */
        bool ignore_paused;
        bool terminal_is_ours;
};
#define RT_EXEC_OPTIONS_INIT                                                                       \
        { .stdio_fds = {-1, -1, -1}, .console_socket_fd = -1, .pidfd_socket_fd = -1 }

struct rt_exec; /* a process that joined a container */
/* Begin; 0 or 1 as above. The caller of this process is its parent. */
int rt_container_exec(struct rt_container *container, const struct rt_exec_options *options,
                      struct rt_exec **ret_exec, struct st_error *err) st_must_check;
int rt_exec_wait_fd(const struct rt_exec *exec);
int rt_exec_advance(struct rt_exec *exec, struct st_error *err) st_must_check;
int rt_exec_finish(struct rt_exec *exec, struct st_error *err) st_must_check;
int rt_exec_pidfd(const struct rt_exec *exec);
pid_t rt_exec_pid(const struct rt_exec *exec);
int rt_exec_take_console(struct rt_exec *exec);
struct rt_exec *rt_exec_free(struct rt_exec *exec);
ST_DEFINE_FREEP(struct rt_exec, rt_exec_free);
/* The process of the container's config (for `exec` without --process): a copy of its fields to
 * change. Borrowed. */
int rt_container_config(struct rt_container *container, const struct st_spec **ret_spec,
                        struct st_error *err) st_must_check;

/* ---- the end ---- */
struct rt_exit {
        int code;                     /* 0..255 when it exited */
        int signal;                   /* not 0 when a signal ended it */
        int64_t oom_kills;            /* of its cgroup; -1 unknown */
        struct timespec user, system; /* wait4's rusage */
        uint64_t max_rss_kib;
};
/* Reap the init (only by the process that made it): 0 it still runs (poll the pidfd), 1 it ended.
 */
int rt_container_settle(struct rt_container *container, struct rt_exit *ret_exit,
                        struct st_error *err) st_must_check;
int rt_exec_settle(struct rt_exec *exec, struct rt_exit *ret_exit,
                   struct st_error *err) st_must_check;
/* 128 + signal, or the code. */
int rt_exit_status(const struct rt_exit *exit);

/* Teardown. Without @force a container that is not stopped is an error: "cannot delete container X
 * that is not stopped: running". Idempotent. Poststop hooks run here; 0 or 1 as above. */
int rt_container_retire(struct rt_container *container, bool force,
                        struct st_error *err) st_must_check;
/* `delete --force ID` for an entry whose state cannot be read: removes what can be found. */
int rt_runtime_remove(struct rt_runtime *runtime, const char *id,
                      struct st_error *err) st_must_check;
