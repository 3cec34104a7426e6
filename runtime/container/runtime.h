/* runtime/container/runtime.h: what the files of this directory know of a runtime and of a
 * container. */
#pragma once
#include "hooks.h"
#include "init.h"

#include <stint/container.h>
#include <stint/process_id.h>
#include <stint/rdt.h>

struct rt_runtime {
        char *root;       /* absolute path of the state directory */
        int root_fd;      /* -1 until it exists: looking at nothing makes nothing */
        bool root_is_xdg; /* the default below $XDG_RUNTIME_DIR */
        bool systemd_cgroup;
        enum rt_rootless rootless;
        char *placement_config; /* absolute path */
        void (*warn)(void *data, const char *message);
        void *warn_data;
};

/* What the begun operation waits for. */
enum rt_phase {
        RT_PHASE_IDLE,
        RT_PHASE_CHILD,         /* a message from the init, or its execve */
        RT_PHASE_RUNTIME_HOOKS, /* prestart and createRuntime; then the init goes on */
        RT_PHASE_STARTED,       /* dispatch: the started init's execve */
        RT_PHASE_POSTSTART,
        RT_PHASE_POSTSTOP,
};

/* state.json, version 1: a journal, its last whole line counts */
struct rt_record {
        char *id, *bundle, *rootfs, *created, *owner, *oci_version;
        pid_t pid;           /* 0 until the init is cloned */
        uint64_t start_time; /* clock ticks since boot: with pid it names one process for ever */
        struct rt_cgroup *cgroup; /* NULL: none */
        struct rt_rdt rdt;
        uint64_t cpus_token;                /* of its claim in the ledger of CPUs; 0: none */
        char *cpus_ledger;                  /* which */
        struct st_string_pair *annotations; /* in arena */
        size_t n_annotations;
        bool shares_pids; /* no pid namespace of its own */
        bool simple; /* there is a process and no late hook: start and delete need no config.json */
        struct st_arena *arena;
};

struct rt_container {
        struct rt_runtime *runtime;
        int dir_fd;    /* <root>/<id>, locked by whoever changes it */
        int record_fd; /* state.json, between its first line and its last; -1 */
        struct rt_record record;
        struct st_spec *spec; /* NULL until needed */
        const char *resctrl;  /* where it is mounted; NULL: the usual place. In the spec's arena */
        int pidfd;            /* -1: gone or not made */
        bool is_child;        /* this process cloned it: it can be reaped here */
        bool reaped;
        bool executed; /* as far as the memory that it shared tells; else /proc has to be asked */
        struct rt_exit exit;

        /* an operation in progress */
        enum rt_phase phase;
        int sync_fd;    /* handshake with the init */
        int notify_fd;  /* where a container that runs sends that it is ready; -1 */
        int console_fd; /* our end of the terminal's socket, then the master */
        struct rt_hook_runner runner;
        bool undo; /* a failure removes what was made: prepare and run */
};

/* Its init; whether it was reaped or not. */
bool rt_container_has_ended(const struct rt_container *container);
struct rt_container *rt_container_new(struct rt_runtime *runtime);
int rt_runtime_open_root(struct rt_runtime *runtime, bool create, struct st_error *err);
void rt_runtime_warn(const struct rt_runtime *runtime, const char *fmt, ...) st_printf(2, 3);

/* --- create.c --- */
/* All of a container but its processes: id, state directory, record, cgroups. The state is locked,
 * and undo is set. */
int rt_container_make_outside(struct rt_runtime *runtime, const struct rt_create_options *options,
                              struct rt_container **ret_container,
                              struct st_error *err) st_must_check;

/* As the spec wants them but for path and limits, and without asking for CPUs. */
int rt_container_plan_cgroup(struct rt_container *container, const char *path,
                             const struct st_resources *resources, struct rt_cgroup **ret_cgroup,
                             struct st_error *err) st_must_check;

/* --- state.c: the directory --- */
int rt_id_check(const char *id, struct st_error *err);
/* Reserve the id: mkdir is the lock against a second creator. Leaves the directory flocked. */
int rt_state_reserve(struct rt_container *container, const char *id,
                     struct st_error *err) st_must_check;
int rt_state_open(struct rt_container *container, const char *id,
                  struct st_error *err) st_must_check;
int rt_state_lock(struct rt_container *container, struct st_error *err) st_must_check;
void rt_state_unlock(struct rt_container *container);
int rt_state_remove(struct rt_container *container, struct st_error *err) st_must_check;

/* --- record.c: state.json --- */
int rt_record_save(struct rt_container *container, struct st_error *err) st_must_check;
/* The next line of state.json as far as it is known now: rt_record_append() puts in the pid and the
 * start time. Owned by the caller. */
int rt_record_render(const struct rt_container *container, char **ret_line, size_t *ret_length,
                     struct st_error *err) st_must_check;
/* One write(2), async-signal-safe: readers see all of the line or none of it. */
int rt_record_append(int fd, char *line, size_t length, pid_t pid, uint64_t start_time,
                     struct st_error *err) st_must_check;
int rt_record_load(struct rt_container *container, struct st_error *err) st_must_check;
/* Another object of the container's cgroups, to be changed; NULL: none. */
int rt_record_load_cgroup(const struct rt_container *container, struct rt_cgroup **ret_cgroup,
                          struct st_error *err) st_must_check;
void rt_record_deinit(struct rt_record *record);

/* --- config.c --- */
int rt_config_read(const char *bundle, const char *config, struct st_spec **ret_spec,
                   char **ret_text, size_t *ret_length, struct st_error *err) st_must_check;
/* The copy in the state directory, parsed once. */
int rt_config_saved(struct rt_container *container, struct st_error *err) st_must_check;

/* --- place.c: CPUs from the node's ledger, for who asks --- */
/* Before the cgroup is planned: claim them, and have request->resources say so. */
int rt_place(struct rt_container *container, struct rt_cgroup_request *request,
             struct st_error *err) st_must_check;
/* The cgroup is there. */
int rt_place_bind(struct rt_container *container, struct st_error *err) st_must_check;
/* It is gone. */
void rt_place_release(struct rt_container *container);
/* Before an update: what of it is the ledger's to do is done. @storage holds what *resources then
 * points to. */
struct rt_place_storage {
        struct st_resources resources;
        struct st_cpu cpu;
};
int rt_place_update(struct rt_container *container, const struct st_resources **resources,
                    struct rt_place_storage *storage, struct st_error *err) st_must_check;
/* 1: the ledger keeps it frozen, and there is nothing to do; 0: do it. */
int rt_place_pause(struct rt_container *container, bool paused, struct st_error *err) st_must_check;

/* --- notify.c --- */
/* A directory in the state directory, bound into the container, and NOTIFY_SOCKET in the task's
 * environment. */
int rt_notify_plan(struct rt_container *container, bool listen_now,
                   struct st_error *err) st_must_check;

/* --- state_json.c --- */
/* The state for hooks, and for a seccomp agent, in a memfd that a child may hold already. @status:
 * "creating", "created", ... */
int rt_state_memfd(struct st_error *err) st_must_check;
int rt_state_fill(struct rt_container *container, int memfd, const char *status, pid_t pid,
                  struct st_error *err) st_must_check;
int rt_state_fill_seccomp(struct rt_container *container, int memfd, const char *status,
                          const char *metadata, struct st_error *err) st_must_check;

/* --- advance.c --- */
/* 0: hooks run, advance() goes on; 1: there are none. */
int rt_poststop_begin(struct rt_container *container, struct st_error *err) st_must_check;

/* --- retire.c --- */
/* Reap without waiting. 0: still running; 1: reaped; negative errno. */
int rt_reap(int pidfd, struct rt_exit *ret_exit);
/* Everything that a failed prepare or run made. Never fails: what it could not remove, delete
 * --force will. */
void rt_container_undo(struct rt_container *container);
