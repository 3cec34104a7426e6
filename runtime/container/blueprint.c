/* A config that is planned once and launched often. The plan itself is kept where nothing in it is
 * used up by a launch: detached trees are, since each can be attached once. */
#include "launch.h"
#include "plan.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <stint/blueprint.h>
#include <stint/cleanup.h>
#include <stint/handshake.h>
#include <stint/idmap.h>
#include <stint/syscall.h>

struct rt_blueprint {
        struct rt_container *container; /* no state directory, no processes: what a plan asks for */
        struct rt_create_options options;
        uint64_t upper_bytes;
        bool read_only;
        struct rt_plan plan;
        bool has_plan, reusable;
};

/* ---- what a slot cannot have ---- */

static int refuse(struct st_error *err, const char *field, const char *why) {
        return st_error_kind(err, st_error_set(err, -EOPNOTSUPP, "%s: %s", field, why),
                             ST_CODE_UNSUPPORTED);
}

static bool is_new(const struct st_spec *spec, enum st_namespace_kind kind) {
        return spec->linux_.namespaces[kind].wanted && !spec->linux_.namespaces[kind].path;
}

static int check_spec(const struct rt_runtime *runtime, const struct st_spec *spec,
                      struct st_error *err) {
        for (int kind = 0; kind < _ST_HOOK_MAX; kind++)
                if (spec->hooks[kind].n_items)
                        return refuse(err, "hooks", "they are for one container, not for a slot");
        if (!spec->process || !spec->process->n_args)
                return refuse(err, "process", "a slot needs one to know its shape");
        if (spec->process->terminal)
                return refuse(err, "process.terminal", "a slot has none");
        if (spec->linux_.n_net_devices)
                return refuse(err, "linux.netDevices", "a device cannot be in many slots");
        if (spec->linux_.intel_rdt)
                return refuse(err, "linux.intelRdt", "a slot is in no class");
        if (!is_new(spec, ST_NS_PID) || !is_new(spec, ST_NS_MOUNT))
                return refuse(err, "linux.namespaces",
                              "a slot needs a new pid and a new mount "
                              "namespace");
        if (runtime->systemd_cgroup)
                return refuse(err, "--systemd-cgroup", "a slot makes its cgroup itself");
        return 0;
}

/* ---- what is changed in the config ---- */

static bool has_mount(const struct st_spec *spec, const char *destination) {
        for (size_t i = 0; i < spec->n_mounts; i++)
                if (!strcmp(spec->mounts[i].destination, destination))
                        return true;
        return false;
}

static int add_tmp(struct st_spec *spec, uint64_t bytes, struct st_error *err) {
        struct st_mount *mounts = st_arena_array(spec->arena, spec->n_mounts + 1, sizeof *mounts);
        char **options = st_arena_array(spec->arena, 5, sizeof *options);

        if (!mounts || !options)
                return st_error_set(err, -ENOMEM, "plan /tmp");
        if (spec->n_mounts)
                memcpy(mounts, spec->mounts, spec->n_mounts * sizeof *mounts);
        options[0] = st_arena_printf(spec->arena, "size=%llu", (unsigned long long)bytes);
        options[1] = st_arena_strdup(spec->arena, "mode=1777");
        options[2] = st_arena_strdup(spec->arena, "nosuid");
        options[3] = st_arena_strdup(spec->arena, "nodev");
        if (!options[0] || !options[1] || !options[2] || !options[3])
                return st_error_set(err, -ENOMEM, "plan /tmp");
        mounts[spec->n_mounts] = (struct st_mount) {.destination = "/tmp",
                                                    .type = "tmpfs",
                                                    .source = "tmpfs",
                                                    .options = options,
                                                    .n_options = 4};
        spec->mounts = mounts;
        spec->n_mounts++;
        return 0;
}

static int adapt(struct st_spec *spec, const struct rt_blueprint_options *options,
                 struct st_error *err) {
        struct st_resources *resources = spec->linux_.resources;

        if (resources && resources->pids_limit.has && resources->pids_limit.value > 0)
                resources->pids_limit.value += options->extra_pids;
        if (!options->read_only)
                return 0;
        spec->root_readonly = true;
        return options->tmp_bytes && !has_mount(spec, "/tmp")
                       ? add_tmp(spec, options->tmp_bytes, err)
                       : 0;
}

/* ---- the plan ---- */

static int absolute(const char *base, const char *path, char **ret) {
        char cwd[PATH_MAX];

        if (path[0] == '/')
                *ret = strdup(path);
        else {
                if (!base && !getcwd(cwd, sizeof cwd))
                        return -errno;
                if (asprintf(ret, "%s/%s", base ? base : cwd, path) < 0)
                        *ret = NULL;
        }
        return *ret ? 0 : -ENOMEM;
}

static int fill(struct rt_container *container, const struct rt_blueprint_options *options,
                struct st_error *err) {
        struct rt_record *record = &container->record;
        int r = absolute(NULL, options->bundle ? options->bundle : ".", &record->bundle);

        if (r >= 0)
                r = absolute(record->bundle, container->spec->root_path, &record->rootfs);
        record->id = strdup(options->id);
        if (r >= 0 && !record->id)
                r = -ENOMEM;
        return r < 0 ? st_error_code(err, r, "bundle %s", options->bundle ? options->bundle : ".")
                     : 0;
}

static bool uses_up_trees(const struct rt_init *init) {
        if (init->rootfs.tree_fd >= 0 || init->device_fds)
                return true;
        for (size_t i = 0; i < init->mounts.n_steps; i++)
                if (init->mounts.steps[i].source_fd >= 0)
                        return true;
        return false;
}

static int make_plan(struct rt_blueprint *blueprint, struct st_error *err) {
        struct rt_init *init = &blueprint->plan.init;
        int r;

        if (blueprint->has_plan)
                rt_plan_deinit(&blueprint->plan); /* its trees are used up */
        blueprint->has_plan = false;
        r = rt_plan_make(blueprint->container, &blueprint->options, false, &blueprint->plan, err);
        if (r < 0)
                return r;
        blueprint->has_plan = true;
        blueprint->reusable = !uses_up_trees(init);
        init->rootfs.upper_bytes = blueprint->upper_bytes;
        init->seal_dev = blueprint->read_only;
        init->wait_for_record = false; /* there is none to wait for */
        if (blueprint->plan.seccomp && blueprint->plan.seccomp->notify)
                return refuse(err, "linux.seccomp", "a slot has no listener for SCMP_ACT_NOTIFY");
        return 0;
}

int rt_blueprint_new(struct rt_runtime *runtime, const struct rt_blueprint_options *options,
                     struct rt_blueprint **ret_template, struct st_error *err) {
        st_cleanup(rt_blueprint_freep) struct rt_blueprint *blueprint =
                calloc(1, sizeof *blueprint);
        st_autofree char *text = NULL;
        struct rt_container *container;
        size_t length;
        int r;

        if (!blueprint)
                return st_error_set(err, -ENOMEM, "plan the slots");
        blueprint->options = (struct rt_create_options)RT_CREATE_OPTIONS_INIT;
        blueprint->upper_bytes = options->upper_bytes;
        blueprint->read_only = options->read_only;
        blueprint->container = container = rt_container_new(runtime);
        if (!container)
                return st_error_set(err, -ENOMEM, "plan the slots");
        r = rt_runtime_open_root(runtime, true, err);
        if (r >= 0)
                r = rt_config_read(options->bundle ? options->bundle : ".", options->config,
                                   &container->spec, &text, &length, err);
        if (r >= 0)
                r = check_spec(runtime, container->spec, err);
        if (r >= 0)
                r = adapt(container->spec, options, err);
        if (r >= 0)
                r = fill(container, options, err);
        if (r >= 0)
                r = make_plan(blueprint, err);
        if (r < 0)
                return r;
        *ret_template = st_take(blueprint);
        return 0;
}

struct rt_blueprint *rt_blueprint_free(struct rt_blueprint *blueprint) {
        if (!blueprint)
                return NULL;
        if (blueprint->has_plan)
                rt_plan_deinit(&blueprint->plan);
        rt_container_free(blueprint->container);
        free(blueprint);
        return NULL;
}

const struct st_spec *rt_blueprint_spec(const struct rt_blueprint *blueprint) {
        return blueprint->container->spec;
}

const struct rt_seccomp *rt_blueprint_filter(const struct rt_blueprint *blueprint) {
        return blueprint->plan.seccomp;
}

const struct st_capabilities *rt_blueprint_caps(const struct rt_blueprint *blueprint) {
        return &blueprint->plan.init.task.caps;
}

int rt_blueprint_plan_cgroup(const struct rt_blueprint *blueprint, const char *path, bool limited,
                             struct rt_cgroup **ret_cgroup, struct st_error *err) {
        const struct st_resources *resources =
                limited ? blueprint->container->spec->linux_.resources : NULL;

        return rt_container_plan_cgroup(blueprint->container, path, resources, ret_cgroup, err);
}

/* ---- launching ---- */

static void join_instead(struct rt_namespaces *namespaces, enum st_namespace_kind kind, int fd) {
        namespaces->join_fds[kind] = fd;
        if (fd >= 0)
                namespaces->clone_flags &= ~(uint64_t)rt_namespace_flag(kind);
}

static struct rt_init init_of(const struct rt_blueprint *blueprint,
                              const struct rt_blueprint_launch *launch, int creator_fd,
                              int sync_fd) {
        struct rt_init init = blueprint->plan.init;

        init.creator_fd = creator_fd;
        init.sync_fd = sync_fd;
        init.serve = launch->serve;
        init.serve_data = launch->data;
        for (int i = 0; i < 3; i++)
                init.stdio_fds[i] = launch->null_fd;
        join_instead(&init.namespaces, ST_NS_PID, launch->join_pid_fd);
        join_instead(&init.namespaces, ST_NS_NETWORK, launch->join_net_fd);
        return init;
}

static int help_child(const struct rt_blueprint *blueprint, const struct rt_init *init, pid_t pid,
                      int sync_fd, struct st_error *err) {
        const struct st_linux *lin = &blueprint->container->spec->linux_;
        int r = 0;

        if (init->namespaces.clone_flags & CLONE_NEWUSER)
                r = rt_idmap_write(pid, &lin->uid_mappings, &lin->gid_mappings, err);
        if (r < 0 || !init->wait_for_parent)
                return r;
        r = rt_handshake_send(sync_fd, RT_MSG_GO, NULL);
        /* one that has failed meanwhile says why */
        return r < 0 && r != -EPIPE && r != -ECONNRESET
                       ? st_error_code(err, r, "let the slot's first process go on")
                       : 0;
}

/* A child that nobody will hear of. It ends with the kill. */
static void give_up(int pidfd) {
        siginfo_t ended;

        (void)st_pidfd_send_signal(pidfd, SIGKILL);
        while (waitid(P_PIDFD, (id_t)pidfd, &ended, WEXITED) < 0)
                if (errno != EINTR)
                        return;
}

static int launch_one(struct rt_blueprint *blueprint, const struct rt_blueprint_launch *launch,
                      struct rt_blueprint_child *ret_child, struct st_error *err) {
        st_autoclose int parent_fd = -1, child_fd = -1, pidfd = -1;
        struct rt_child child;
        struct rt_init init;
        int r = rt_handshake_pair(&parent_fd, &child_fd, err);

        if (r < 0)
                return r;
        init = init_of(blueprint, launch, parent_fd, child_fd);
        r = rt_launch(&init, &child, err);
        if (r < 0)
                return r;
        pidfd = child.pidfd;
        child_fd = st_close(child_fd); /* so that the child's end is the only one */
        r = help_child(blueprint, &init, child.pid, parent_fd, err);
        if (r < 0) {
                give_up(pidfd);
                return r;
        }
        *ret_child = (struct rt_blueprint_child) {
                .pid = child.pid, .pidfd = st_take_fd(pidfd), .sync_fd = st_take_fd(parent_fd)};
        return 0;
}

int rt_blueprint_launch(struct rt_blueprint *blueprint, const struct rt_blueprint_launch *launch,
                        struct rt_blueprint_child *ret_child, struct st_error *err) {
        struct rt_container *container = blueprint->container;
        int r = blueprint->has_plan && blueprint->reusable ? 0 : make_plan(blueprint, err);

        if (r < 0)
                return r;
        container->record.cgroup = (struct rt_cgroup *)launch->cgroup;
        r = rt_plan_set_cgroup(container, &blueprint->plan, err);
        if (r >= 0)
                r = launch_one(blueprint, launch, ret_child, err);
        container->record.cgroup = NULL; /* it is the slot's */
        return r;
}

int rt_blueprint_answer(const struct rt_cgroup *cgroup, int sync_fd,
                        const struct rt_message *message, struct st_error *err) {
        int r;

        switch ((enum rt_message_type)message->type) {
        case RT_MSG_AT_LIMITS:
                r = rt_cgroup_apply_limits(cgroup, err);
                if (r < 0)
                        return r;
                r = rt_handshake_send(sync_fd, RT_MSG_GO, NULL);
                return r < 0 ? st_error_code(err, r, "let the slot's first process go on") : 0;
        case RT_MSG_FAILED:
                if (err)
                        *err = message->error;
                return message->error.code < 0 ? message->error.code : -EIO;
        case RT_MSG_GO:
        case RT_MSG_AT_HOOKS:
        case RT_MSG_PARKED:
        case RT_MSG_START:
                break;
        }
        return st_error_set(err, -EPROTO, "unexpected message %u from a slot", message->type);
}
