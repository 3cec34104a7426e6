/* include/stint/task.h: from a prepared environment to execve(2): shared by a container's init
 * and by exec.
 *
 * The plan is made by the parent; the child calls rt_task_settle_in() and then, maybe much later,
 * rt_task_execute(). Both are async-signal-safe. */
#pragma once
#include <limits.h>

#include <stint/error.h>
#include <stint/process.h>
#include <stint/seccomp.h>
#include <stint/spec.h>

enum { RT_HOME_MAX = 512 };

struct rt_task {
        const struct st_process *process;
        struct st_capabilities caps; /* of process, less what cannot be granted */
        char **argv, **envp;         /* NULL-terminated; owned by an arena of the parent */
        char *listen_pid;            /* points to the digits of LISTEN_PID= in envp, or NULL */
        char *home; /* room behind HOME= in envp to be filled in, or NULL: the config has one */
        const char *path;       /* value of PATH in envp, or the default */
        const char *keyring_id; /* NULL: keep the caller's session keyring */
        int last_cap;
        bool keep_groups;                 /* setgroups is denied in this user namespace */
        const struct rt_seccomp *seccomp; /* NULL: none */
        int seccomp_socket_fd;            /* where a NOTIFY listener goes; -1: none */
        int state_fd;                     /* memfd with the state JSON for that message; -1: none */
        const struct st_personality *personality;
        const struct st_memory_policy *memory_policy;
        unsigned n_preserve; /* descriptors 3 .. 3+n-1 stay open */
        int reaper_fd;       /* executed instead, with reaper_argv; -1: none */
        int report_fd;       /* stays open in it */
        char **reaper_argv;  /* the third is filled in with program */

        /* set by rt_task_settle_in() */
        int proc_fd;            /* -1 until something needs it */
        char program[PATH_MAX]; /* what execve gets */
};

/* Parent: argv, envp (with HOME when it is missing and LISTEN_FDS), PATH. Nothing is read from the
 * container yet. */
int rt_task_plan(struct st_arena *arena, const struct st_process *process, unsigned preserve_fds,
                 unsigned listen_fds, struct rt_task *ret_task, struct st_error *err) st_must_check;
/* Parent, after it: see rt_create_options.reaper_fd. */
int rt_task_plan_reaper(struct st_arena *arena, int reaper_fd, int report_fd, struct rt_task *task,
                        struct st_error *err) st_must_check;

/* Where its programs are looked for: the value of PATH, or the default. Borrowed. */
const char *rt_task_path(char *const *env);
/* Child, before the other two: close what is neither preserved nor in @task or @keep (-1: none).
 * What stays open is no directory. */
int rt_task_close_others(const struct rt_task *task, const int *keep, size_t n_keep,
                         struct st_error *err);
/* Child, inside the new root, as its root user: everything of `process` but the last steps; finds
 * the program. */
int rt_task_settle_in(struct rt_task *task, struct st_error *err);
/* Child: filter, last capabilities, label, execve. Returns only on failure. */
int rt_task_execute(struct rt_task *task, struct st_error *err);
