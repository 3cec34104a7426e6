/* include/stint/blueprint.h: one config, read and checked once, from which any number of prepared
 * first processes are cloned: what warm slots are made of. Not for other programs. */
#pragma once
#include <sys/types.h>

#include <stint/container.h>
#include <stint/task.h>

/* In the child, prepared but for its task (docs/architecture.md): inside its namespaces and root,
 * with all its rights, no descriptors but 0 to 2 and @sync_fd, the other end of the parent's.
 * Returns to report a failure, as RT_MSG_FAILED. Async-signal-safe. */
typedef int rt_serve_fn(void *data, struct rt_task *task, int sync_fd, struct st_error *err);

struct rt_blueprint;

struct rt_blueprint_options {
        const char *bundle, *config; /* as in struct rt_create_options */
        const char *id;              /* names it in errors */
        uint64_t upper_bytes;        /* see struct rt_rootfs */
        bool read_only;              /* the root and /dev; @tmp_bytes: a tmpfs on /tmp, when not 0
                                        and the config has none */
        uint64_t tmp_bytes;
        unsigned
                extra_pids; /* processes beside the task's that linux.resources.pids.limit grants */
};

/* Errors as those of rt_container_prepare(), and -EOPNOTSUPP (kind UNSUPPORTED, naming the field)
 * for what needs a container's own state: hooks, a terminal, SCMP_ACT_NOTIFY, netDevices, intelRdt,
 * systemd's cgroup driver; and for a config without new pid and mount namespaces. */
int rt_blueprint_new(struct rt_runtime *runtime, const struct rt_blueprint_options *options,
                     struct rt_blueprint **ret_template, struct st_error *err) st_must_check;
struct rt_blueprint *rt_blueprint_free(struct rt_blueprint *blueprint);
ST_DEFINE_FREEP(struct rt_blueprint, rt_blueprint_free);

const struct st_spec *rt_blueprint_spec(const struct rt_blueprint *blueprint);
/* NULL: none. Borrowed. */
const struct rt_seccomp *rt_blueprint_filter(const struct rt_blueprint *blueprint);
/* The capabilities that can be granted. */
const struct st_capabilities *rt_blueprint_caps(const struct rt_blueprint *blueprint);

/* The cgroups of one: planned as the config wants, but at @path (absolute, or beside the caller's).
 * @limited: with the config's limits; else bare, for a group of them. */
int rt_blueprint_plan_cgroup(const struct rt_blueprint *blueprint, const char *path, bool limited,
                             struct rt_cgroup **ret_cgroup, struct st_error *err) st_must_check;
/* A directory below the runtime's state root that is no container's: @name begins with a dot. Made
 * when it is missing. */
int rt_runtime_open_dir(struct rt_runtime *runtime, const char *name, int *ret_fd,
                        struct st_error *err) st_must_check;

struct rt_blueprint_launch {
        const struct rt_cgroup *cgroup; /* created; NULL: none */
        int join_pid_fd, join_net_fd;   /* namespaces to join instead of new ones; -1: new */
        int null_fd;                    /* becomes descriptors 0, 1 and 2 */
        rt_serve_fn *serve;
        void *data;
};
struct rt_blueprint_child {
        pid_t pid;
        int pidfd, sync_fd; /* the caller's */
};
/* Clone one. It may ask for its limits before it is prepared: see rt_blueprint_answer(). */
int rt_blueprint_launch(struct rt_blueprint *blueprint, const struct rt_blueprint_launch *launch,
                        struct rt_blueprint_child *ret_child, struct st_error *err) st_must_check;
/* A message of the handshake that @sync_fd brought. 0: answered; negative: it failed, and why. */
struct rt_message;
int rt_blueprint_answer(const struct rt_cgroup *cgroup, int sync_fd,
                        const struct rt_message *message, struct st_error *err) st_must_check;
