/* runtime/container/init.h: the plan of a container's first process, and the process. */
#pragma once
#include <stint/blueprint.h>
#include <stint/cgroup.h>
#include <stint/mounts.h>
#include <stint/namespaces.h>
#include <stint/task.h>

struct rt_init {
        const struct st_spec *spec;
        struct rt_namespaces namespaces;
        struct rt_mount_plan mounts;
        struct rt_rootfs rootfs;
        struct rt_task task;
        const struct rt_cgroup *cgroup; /* NULL: none */
        bool enter_cgroup;              /* v1: write our own `tasks` files */
        bool late_cgroupns; /* v2: unshare the cgroup namespace after the limits were written */
        bool write_limits;  /* the child may write them itself; else it asks at RT_MSG_AT_LIMITS */

        int sync_fd;      /* to whom errors go: first the creator, later the starter */
        int creator_fd;   /* the creator's end of it: ours to close, so that its death is heard */
        int listen_fd;    /* a parked init accepts its starter here; -1: run without parking */
        int stdio_fds[3]; /* -1: keep */
        int console_fd;   /* where the pty master goes; -1: no terminal */
        int create_state_fd, start_state_fd; /* memfds with the state for createContainer and
                                                startContainer hooks; -1: none */

        bool wait_for_parent; /* the parent has to do something first: id maps, devices, scope */
        bool become_root;     /* in a new user namespace: uid 0 of it */
        bool runtime_hooks;   /* stop at RT_MSG_AT_HOOKS */
        bool bind_devices;
        int *device_fds;      /* mounts for linux.devices, -1: none; NULL: none at all */
        bool wait_for_record; /* before the program may run: the parent writes our pid down */
        bool shares_memory;   /* CLONE_VM: the caller's memory is ours too, and the caller waits: we
                                 write it down ourselves */
        struct rt_init_record {
                int fd;
                char *line; /* rt_record_render() */
                size_t length;
                pid_t pid; /* by the kernel, before we run */
                uint64_t start_time;
        } record;
        bool seal_dev; /* /dev becomes read-only when it is complete */
        /* Instead of the task of the config: what is prepared is given to this, which returns only
         * to report a failure. NULL: the task. */
        rt_serve_fn *serve;
        void *serve_data;
        bool failed; /* with shares_memory: no program was executed, also when nobody heard the
                        message */
};

/* Never returns: executes the task, or reports and exits. Async-signal-safe. */
_Noreturn void rt_init_main(struct rt_init *init);
