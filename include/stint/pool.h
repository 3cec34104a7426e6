/* include/stint/pool.h: warm slots: containers that are prepared before anybody knows their task.
 *
 * A slot is a container parked between prepare and dispatch (docs/architecture.md, "The life
 * cycle"): its namespaces, mounts, cgroup and filter are there, its pid 1 waits on a socket for one
 * message, and what is left to do is fork and execve. A pool makes slots from one bundle, for one
 * owner.
 *
 * For one single-threaded event loop with hundreds of slots: no threads, no globals, no waiting but
 * in rt_pool_new() and rt_pool_free(). One descriptor tells everything (rt_pool_fd()). A caller's
 * loop:
 *
 *     rt_pool_new(runtime, &options, &pool, &err);
 *     for (;;) {
 *             while (have_work() && (slot = rt_pool_take(pool, RT_ANY_DOMAIN)))
 *                     if (rt_slot_dispatch(slot, &task, &err) < 0)
 *                             ... rt_slot_release(slot), and start the task cold ...
 *             rt_pool_fill(pool, 1, &err);            (after the dispatches: it costs a fork)
 *             poll(rt_pool_fd(pool) and whatever else);
 *             rt_pool_advance(pool, &err);
 *             while ((slot = rt_pool_ended(pool))) {
 *                     rt_slot_settle(slot, &exit, &err);
 *                     ... dispatch the next task to another slot first: that is the gap ...
 *                     rt_slot_usage(slot, &usage);    (reads cgroup files: off the path)
 *                     rt_slot_release(slot);
 *             }
 *     }
 *
 * A pool is an optimisation: an empty one, one that refuses or one that broke is a reason to start
 * cold (rt_container_run()), never a failure of the task. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <stint/container.h>
#include <stint/error.h>
#include <stint/spec.h>

struct rt_pool;
struct rt_slot;

/* What two tasks that follow each other in one slot share; docs/pool.md has the table. */
enum rt_grade {
        RT_GRADE_FRESH,    /* nothing: a slot runs one task. That of a cold container. */
        RT_GRADE_SCRUBBED, /* pid and network namespace, cgroup; new mounts, upper, IPC, UTS */
        RT_GRADE_SAME_JOB, /* everything but processes, IPC objects and the contents of tmpfs; the
                              root and /dev are read-only */
};
const char *rt_grade_name(enum rt_grade grade); /* "fresh", "scrubbed", "same-job" */
/* -EINVAL. */
int rt_grade_parse(const char *name, enum rt_grade *ret_grade);

/* CPUs (an L3 domain, say) that some of the slots are bound to from the start. */
struct rt_pool_domain {
        const char *cpus; /* list such as "0-7,64-71"; goes to the slot's cpuset cgroup */
        const char *mems; /* NULL: not bound */
};

struct rt_pool_options {
        const char *bundle; /* directory; NULL: "." */
        const char *config; /* file name or path; NULL: <bundle>/config.json */
        const char *name;   /* names cgroups and state: [A-Za-z0-9_+.-]{1,64}; NULL: "pool" */
        enum rt_grade grade;
        bool no_init;        /* the task itself is pid 1: nobody reaps orphans, SIGTERM is ignored
                                unless it has a handler. Only with RT_GRADE_FRESH. */
        unsigned max_parked; /* slots that wait or are being prepared; 0: 1 */
        unsigned max_slots;  /* all that exist, also with a task or being retired; 0: no limit */
        /* Writes to the root go to a tmpfs of this size over root.path, charged to the slot's
         * cgroup and gone with the task. 0: as the config says: root.path itself is written unless
         * root.readonly. (Same-job: read-only, always; /tmp is a tmpfs of this size, 0: as the
         * config says.) */
        uint64_t upper_bytes;
        const struct rt_pool_domain *domains; /* copied; none: no slot is bound to CPUs */
        size_t n_domains;
};

/**
 * Read and check the bundle; remove what pools whose owner died have left below this runtime's
 * state directory (their processes, cgroups). Blocks for that; no slot is begun yet.
 * Errors: -EOPNOTSUPP (kind UNSUPPORTED, names the field): a config that a slot cannot serve, so
 * start cold: hooks, a terminal, a seccomp rule with SCMP_ACT_NOTIFY, netDevices, intelRdt,
 * --systemd-cgroup, no new pid or mount namespace; with a pid 1 beside the task, CAP_SYS_PTRACE,
 * CAP_SYS_ADMIN and CAP_SYS_MODULE, which would own it. Others as from rt_container_prepare().
 */
int rt_pool_new(struct rt_runtime *runtime, const struct rt_pool_options *options,
                struct rt_pool **ret_pool, struct st_error *err) st_must_check;
/* Ends every slot, also those with a running task, and removes their cgroups: waits for that, at
 * most some seconds; what is left then goes with the next rt_pool_new(). All slots become invalid.
 */
struct rt_pool *rt_pool_free(struct rt_pool *pool);
ST_DEFINE_FREEP(struct rt_pool, rt_pool_free);

/* Readable when rt_pool_advance() has something to do. Borrowed; the same for the pool's life. */
int rt_pool_fd(const struct rt_pool *pool);
/**
 * Do what is due, without waiting: slots become ready, tasks have ended, retired ones are reaped
 * and their cgroups removed.
 * Returns the number of tasks that have ended and were not asked for yet with rt_pool_ended(), or a
 * negative errno when a slot could not be prepared (it is gone; the pool goes on).
 */
int rt_pool_advance(struct rt_pool *pool, struct st_error *err) st_must_check;
/**
 * Begin slots until max_parked wait or are being prepared, @max at most: each costs this process a
 * clone and some files (a fraction of a millisecond), so small numbers keep a loop responsive.
 * Returns how many were begun; 0 when there are enough; a negative errno when one could not be.
 */
int rt_pool_fill(struct rt_pool *pool, unsigned max, struct st_error *err) st_must_check;
/* Likewise for one domain only. */
int rt_pool_fill_domain(struct rt_pool *pool, size_t domain, unsigned max,
                        struct st_error *err) st_must_check;

enum { RT_ANY_DOMAIN = -1 };
/* A slot that is ready, of that domain (an index of options.domains); NULL: none is, count a miss.
 * The caller's until rt_slot_release(). */
struct rt_slot *rt_pool_take(struct rt_pool *pool, int domain);
/* The next slot whose task has ended; each is told once. NULL: no more. */
struct rt_slot *rt_pool_ended(struct rt_pool *pool);
/* End parked slots until @n are left: memory is short, or the base root is to be unmounted. They
 * end by themselves from here on; rt_pool_advance() buries them. */
void rt_pool_drain(struct rt_pool *pool, unsigned n);

struct rt_pool_stats {
        unsigned preparing, parked, taken, running, ended, retiring; /* now */
        uint64_t hits, misses;                                       /* rt_pool_take() */
        uint64_t begun, refused;                                     /* slots; dispatches */
        uint64_t reset, retired; /* slots parked again; slots ended */
        uint64_t failed;         /* slots that died or failed before a task */
};
void rt_pool_stats(const struct rt_pool *pool, struct rt_pool_stats *ret_stats);

/* ---- one slot ---- */

/* What is bound at dispatch. Everything is borrowed for the call; NULL or absent: as the config
 * says, unless told otherwise. */
struct rt_slot_task {
        char *const *argv; /* NULL-terminated */
        char *const *env;  /* NULL-terminated; the whole environment */
        const char *cwd;
        const char *hostname;
        const struct st_user *user;
        const struct st_rlimit *rlimits; /* instead of the config's when not NULL */
        size_t n_rlimits;
        /* Written over the config's limits in the slot's cgroup (memory, cpu, pids, cpuset ...). In
         * a slot that runs several tasks a later one gets the config's back where it says nothing.
         */
        const struct st_resources *resources;
        int stdio_fds[3]; /* -1: /dev/null. The caller closes its own after the call. */
};
#define RT_SLOT_TASK_INIT                                                                          \
        {                                                                                          \
                .stdio_fds = { -1, -1, -1 }                                                        \
        }

/**
 * Send the task to a taken slot. Success means that it was sent: the task's end, and a failure to
 * execute it, come through rt_pool_ended() and rt_slot_settle().
 * Errors, after which the slot is still to be released and the caller starts cold:
 * -EOPNOTSUPP  the slot cannot give this: resources.devices or .unified of v1 kernels and the like
 * -E2BIG       arguments and environment are longer than execve takes
 * -EINVAL      a limit, a CPU list, a path that is not absolute
 * -ESRCH       the slot has died
 * and those of rt_container_update() for the limits.
 */
int rt_slot_dispatch(struct rt_slot *slot, const struct rt_slot_task *task,
                     struct st_error *err) st_must_check;
/* Signal the task (a process group of its own stays out of it). -ESRCH: it has ended. */
int rt_slot_signal(struct rt_slot *slot, int signal, struct st_error *err) st_must_check;
/* SIGKILL for every process in the slot; its end is told as usual, with signal SIGKILL unless the
 * task was faster. */
int rt_slot_kill(struct rt_slot *slot, struct st_error *err) st_must_check;

/**
 * How the task ended, as if it had no pid 1 above it; no system call. oom_kills is -1 here, see
 * rt_slot_usage(). Any number of times before rt_slot_release().
 * Returns 1; 0: it runs; negative: it was never executed, @err says why (kind EXEC, LIMIT ...).
 * -EAGAIN: the slot's last task had damaged it (RT_GRADE_SAME_JOB): dispatch it elsewhere. When the
 * slot's pid 1 was killed (by the OOM killer, say), so was the task: signal SIGKILL.
 */
int rt_slot_settle(struct rt_slot *slot, struct rt_exit *ret_exit,
                   struct st_error *err) st_must_check;

struct rt_slot_usage {
        uint64_t dispatched_nsec, started_nsec, exited_nsec; /* CLOCK_MONOTONIC; started: execve has
                                                                happened; 0: unknown */
        /* Of the whole cgroup, for this task: -1 where the controller is not there */
        int64_t cpu_nsec, memory_peak_bytes, oom_kills, throttled_nsec;
        bool memory_peak_is_slots; /* the kernel could not reset it between the slot's tasks */
};
/* Reads the cgroup's counters. Before rt_slot_release(); also while the task runs. */
void rt_slot_usage(struct rt_slot *slot, struct rt_slot_usage *ret_usage);
/* Borrowed; NULL: none. For PSI, I/O, and an OOM watch. */
struct rt_cgroup *rt_slot_cgroup(struct rt_slot *slot);
/* The slot's pid 1 and its pidfd (borrowed) on the host. */
pid_t rt_slot_pid(const struct rt_slot *slot);
int rt_slot_pidfd(const struct rt_slot *slot);
const char *rt_slot_name(const struct rt_slot *slot); /* "<pool>-<pid>-<n>-<number>": unique on this
                                                       machine */
/* The index of its domain, or RT_ANY_DOMAIN. */
int rt_slot_domain(const struct rt_slot *slot);
/* The caller's own, NULL at first and after a release. */
void rt_slot_set_data(struct rt_slot *slot, void *data);
void *rt_slot_data(const struct rt_slot *slot);

/* The caller is done with it; @slot is invalid from here on. A slot whose grade allows it is reset
 * and parked again, any other is retired: both in the background, by rt_pool_advance(). With a task
 * that still runs: it is killed. */
void rt_slot_release(struct rt_slot *slot);
