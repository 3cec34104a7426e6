/* include/stint/cgroup.h: one container's cgroups on v1, v2 and hybrid, through one interface.
 *
 * Two rules shape it. Nothing here writes `cgroup.procs` on the way to a start: that write waits
 * for an RCU grace period (8-16 ms on a quiet node). On v2 the child is cloned into its leaf; on v1
 * the single-threaded child writes "0" to its own `tasks` files. And what a child has to do is
 * prepared as a plan of descriptors and strings, since a child of a threaded caller may not
 * allocate.
 *
 * Hybrid is v1 for limits, with the v2 tree (usually /sys/fs/cgroup/unified) for kill, freeze and
 * events. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <stint/error.h>
#include <stint/spec.h>

enum rt_cgroup_mode { RT_CGROUP_NONE, RT_CGROUP_V1, RT_CGROUP_HYBRID, RT_CGROUP_V2 };
enum rt_cgroup_driver { RT_CGROUP_FS, RT_CGROUP_SYSTEMD };

struct rt_cgroup;

struct rt_cgroup_request {
        const char *id;   /* container id: names the cgroup when path is NULL */
        const char *path; /* linux.cgroupsPath, or NULL; systemd: "slice:prefix:name" */
        enum rt_cgroup_driver driver;
        const struct st_resources *resources;     /* may be NULL; borrowed for the plan only */
        const struct st_string_pair *annotations; /* org.systemd.property.* count, for systemd */
        size_t n_annotations;
        const char *systemd_helper; /* path of stint-systemd; NULL: the installed one */
        bool rootless;              /* no right to make a cgroup is then no error: mode NONE */
        bool strict;                /* and is one in a user namespace, where it is none otherwise */
        bool delegate;              /* chown the v2 leaf: the container may make cgroups in it */
        uid_t owner_uid;            /* to this host uid */
};

/* Whether this process lives in another user namespace than the machine's first. */
bool rt_in_user_namespace(void);

/* What this machine has. Looks at /sys/fs/cgroup with statfs(2) only. */
enum rt_cgroup_mode rt_cgroup_detect(void);
const char *rt_cgroup_mode_name(enum rt_cgroup_mode mode);

/**
 * Resolve the paths of a request without touching the file system's contents (the plan can be saved
 * in the state directory before anything exists, so that a crash leaves nothing unknown).
 */
int rt_cgroup_plan(const struct rt_cgroup_request *request, struct rt_cgroup **ret_cgroup,
                   struct st_error *err) st_must_check;
/* Make the directories, write what has to be there before a task enters (v1 cpuset cpus and mems,
 * kernel memory, rt budgets), attach the v2 device program, open the descriptors. A leaf that
 * exists and holds processes is -EBUSY. Systemd driver: nothing yet, see rt_cgroup_attach(). */
int rt_cgroup_create(struct rt_cgroup *cgroup, struct st_error *err) st_must_check;

/* --- entering, for the child's plan --- */
/* For CLONE_INTO_CGROUP (v2 and hybrid), or -1. Borrowed. */
int rt_cgroup_clone_fd(const struct rt_cgroup *cgroup);
/* Write-only descriptors of the v1 `tasks` files that the child writes "0" to. Borrowed. */
const int *rt_cgroup_task_fds(const struct rt_cgroup *cgroup, size_t *ret_n);
/* In the child: enter through those descriptors. Async-signal-safe. */
int rt_cgroup_enter_self(const int *task_fds, size_t n, struct st_error *err);
/* In the child, systemd driver on v1 and hybrid, after rt_cgroup_attach_systemd() in the parent:
 * systemd moves a process in the hierarchies that it manages only, and out of ours in some. Opens
 * the `tasks` files itself, by the descriptor of /sys/fs/cgroup that rt_cgroup_create() opened.
 * Async-signal-safe. Nothing to do on v2. */
int rt_cgroup_enter_attached(const struct rt_cgroup *cgroup, struct st_error *err);
/* The limits, to be written after prepare. By the parent, or by the child itself: async-signal-safe
 * (openat, write), the values were formatted by rt_cgroup_create(). A limit below what is in use
 * already is an error that names it (kind LIMIT), never a hang. Systemd driver: after the attach,
 * by the parent. */
int rt_cgroup_apply_limits(const struct rt_cgroup *cgroup, struct st_error *err) st_must_check;
/* Whether that may have something to write. */
bool rt_cgroup_has_limits(const struct rt_cgroup *cgroup);
/* Systemd driver: start the transient scope with @pid in it by running stint-systemd; then opens
 * the leaf. This is the one attach that waits. */
int rt_cgroup_attach_systemd(struct rt_cgroup *cgroup, pid_t pid,
                             struct st_error *err) st_must_check;
/* Systemd driver: after the limits are applied, tell systemd of a memory limit so small (under 16
 * MiB) that it was kept from it so far: it would have killed during prepare. Nothing to do
 * otherwise. */
int rt_cgroup_finish_systemd(struct rt_cgroup *cgroup, struct st_error *err) st_must_check;
/* Move a running process by writing cgroup.procs: only for restore. */
int rt_cgroup_move(const struct rt_cgroup *cgroup, pid_t pid, struct st_error *err) st_must_check;

/* --- a container that exists --- */
/* What state.json keeps: an object {"mode","driver","unit","paths":{controller:path}}. */
void rt_cgroup_save(const struct rt_cgroup *cgroup, struct st_json_writer *w, const char *key);
int rt_cgroup_load(const struct st_json *saved, struct rt_cgroup **ret_cgroup,
                   struct st_error *err) st_must_check;
/* Open descriptors for entering an existing leaf, below it @sub_paths when not NULL (`exec
 * --cgroup`; ends with NULL): one "path", or "cpu,memory:path" for some hierarchies of v1, also
 * several. The object then stands for that place: load one of its own for it. */
int rt_cgroup_open(struct rt_cgroup *cgroup, const char *const *sub_paths,
                   struct st_error *err) st_must_check;
/* The same, on v2 in the cgroup below the leaf that @pid, the container's init, has gone to: a leaf
 * whose init manages cgroups in it (systemd) takes no process any more, clone3() says EBUSY. */
int rt_cgroup_open_beside(struct rt_cgroup *cgroup, pid_t pid, struct st_error *err) st_must_check;

/* Close all descriptors, for a supervisor that keeps hundreds of these: every call below opens what
 * it needs. Not between rt_cgroup_create() and rt_cgroup_apply_limits(). */
void rt_cgroup_close(struct rt_cgroup *cgroup);

/* A sentence on what was asked for and is left out (memory.kernel), to be logged by the caller;
 * NULL: nothing. */
const char *rt_cgroup_warning(const struct rt_cgroup *cgroup);
enum rt_cgroup_mode rt_cgroup_mode_of(const struct rt_cgroup *cgroup);
/* The absolute path of the leaf for a controller ("memory"), or of the v2 leaf for NULL. NULL:
 * none. Borrowed. */
const char *rt_cgroup_path(const struct rt_cgroup *cgroup, const char *controller);

/* Its leaves one by one, for a cgroup mount of v1 or hybrid: absolute host path, and the name of
 * the hierarchy's directory ("cpu,cpuacct"). Borrowed; NULL past the end or when memory is out. */
size_t rt_cgroup_n_leaves(const struct rt_cgroup *cgroup);
const char *rt_cgroup_leaf(const struct rt_cgroup *cgroup, size_t index, const char **ret_name);

int rt_cgroup_update(struct rt_cgroup *cgroup, const struct st_resources *resources,
                     struct st_error *err) st_must_check;
int rt_cgroup_freeze(struct rt_cgroup *cgroup, bool frozen, struct st_error *err) st_must_check;
/* 1 frozen, 0 not. */
int rt_cgroup_is_frozen(const struct rt_cgroup *cgroup, struct st_error *err) st_must_check;
/* The same for who knows a leaf's path only: of the v2 tree, or of v1's freezer. Negative errno. */
int rt_cgroup_freeze_at(const char *leaf, bool frozen) st_must_check;
/* All processes of the leaf and below. The caller frees the array. */
int rt_cgroup_processes(const struct rt_cgroup *cgroup, pid_t **ret_pids, size_t *ret_n,
                        struct st_error *err) st_must_check;
/* Signal all of them: cgroup.kill where there is one and @signal is SIGKILL, else pidfds until none
 * is new. */
int rt_cgroup_kill(struct rt_cgroup *cgroup, int signal, struct st_error *err) st_must_check;
/* What is below it was made by the caller, one by one: destroying it kills and removes all that. */
void rt_cgroup_claim(struct rt_cgroup *cgroup);
/* Kill what is left and remove the leaf and its children; retries EBUSY for @timeout_msec. A leaf
 * that is gone is success. Nobody is killed when rt_cgroup_create() had failed, or where the state
 * was last saved before it: who lives there then is not ours. Systemd driver: stops the unit and
 * resets its failed state. */
int rt_cgroup_destroy(struct rt_cgroup *cgroup, unsigned timeout_msec,
                      struct st_error *err) st_must_check;
struct rt_cgroup *rt_cgroup_free(struct rt_cgroup *cgroup);

/* --- OOM and statistics --- */
/* The kernel's count of OOM kills in the leaf (v2 memory.events:oom_kill, v1
 * memory.oom_control:oom_kill); -1 when there is no memory controller. Exact: read after the last
 * process died, before destroy. */
int64_t rt_cgroup_oom_kills(const struct rt_cgroup *cgroup);
/* A descriptor that becomes readable when an OOM may have happened (v2 inotify on memory.events, v1
 * eventfd). The caller owns it and reads it empty. */
int rt_cgroup_oom_watch(const struct rt_cgroup *cgroup, int *ret_fd,
                        struct st_error *err) st_must_check;

/* What a record of a task needs; -1: the controller, or the number, is not there. */
struct rt_cgroup_counters {
        int64_t cpu_nsec, memory_peak_bytes, oom_kills, throttled_nsec;
};
void rt_cgroup_read_counters(const struct rt_cgroup *cgroup, struct rt_cgroup_counters *ret);
/* Let the peak start again from what is in use. false: this kernel's cannot. */
bool rt_cgroup_reset_peak(const struct rt_cgroup *cgroup);

/* runc's `events --stats` "data" object for all controllers, with PSI on v2 (and on hybrid where
 * the v2 tree has it). */
int rt_cgroup_write_stats(const struct rt_cgroup *cgroup, struct st_json_writer *w, const char *key,
                          struct st_error *err) st_must_check;
/* The same members into an object that the caller has open, to put intel_rdt beside them. */
int rt_cgroup_write_stats_members(const struct rt_cgroup *cgroup, struct st_json_writer *w,
                                  struct st_error *err) st_must_check;

ST_DEFINE_FREEP(struct rt_cgroup, rt_cgroup_free);
