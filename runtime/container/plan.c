#include "plan.h"

#include "launch.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/handshake.h>
#include <stint/idmap.h>
#include <stint/syscall.h>

#define FILTER_CACHE ".seccomp" /* below the state root; ids cannot begin with a dot */

/* ---- filter ---- */

static int open_cache(struct rt_runtime *runtime) {
        int fd = openat(runtime->root_fd, FILTER_CACHE,
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT && mkdirat(runtime->root_fd, FILTER_CACHE, 0700) == 0)
                fd = openat(runtime->root_fd, FILTER_CACHE,
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd; /* -1: no cache is slower, never wrong */
}

int rt_filter_prepare(struct rt_runtime *runtime, const struct st_seccomp *spec,
                      struct rt_seccomp **ret_filter, struct st_error *err) {
        st_autoclose int cache_fd = open_cache(runtime);

        return rt_seccomp_prepare(spec, cache_fd, ret_filter, err);
}

static int connect_unix(const char *path) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        st_autoclose int fd = -1;

        if (strlen(path) >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
                return -errno;
        return st_take_fd(fd);
}

int rt_seccomp_connect(const struct st_seccomp *spec, const struct rt_seccomp *filter, int *ret_fd,
                       struct st_error *err) {
        int fd;

        *ret_fd = -1;
        if (!filter->notify)
                return 0;
        if (!spec->listener_path)
                return st_error_kind(
                        err,
                        st_error_set(err, -EINVAL,
                                     "linux.seccomp.listenerPath is needed for SCMP_ACT_NOTIFY"),
                        ST_CODE_CONFIG_INVALID);
        fd = connect_unix(spec->listener_path);
        if (fd < 0)
                return st_error_kind(err,
                                     st_error_code(err, fd,
                                                   "linux.seccomp.listenerPath: connect to %s",
                                                   spec->listener_path),
                                     ST_CODE_SECCOMP);
        *ret_fd = fd;
        return 0;
}

static int plan_seccomp(struct rt_container *container, struct rt_plan *plan,
                        struct st_error *err) {
        const struct st_seccomp *spec = container->spec->linux_.seccomp;
        int r;

        if (!spec)
                return 0;
        r = rt_filter_prepare(container->runtime, spec, &plan->seccomp, err);
        if (r < 0)
                return r;
        plan->init.task.seccomp = plan->seccomp;
        return rt_seccomp_connect(spec, plan->seccomp, &plan->init.task.seccomp_socket_fd, err);
}

/* ---- root and mounts ---- */

/* A line of mountinfo (proc(5)), which is cut into its fields: its mount point, and whether it is
 * shared. */
static char *mount_point_of(char *line, bool *ret_shared) {
        char *mount_point = NULL, *field;

        for (int i = 1; i <= 5; i++)
                mount_point = strsep(&line, " ");
        (void)strsep(&line, " "); /* options */
        *ret_shared = false;
        while ((field = strsep(&line, " ")) && strcmp(field, "-"))
                *ret_shared = *ret_shared || !strncmp(field, "shared:", 7);
        return mount_point;
}

/* The mount point that holds @path, when it is shared: /proc/self/mountinfo's longest match. */
static int find_shared_parent(struct st_arena *arena, const char *path, const char **ret_mount,
                              struct st_error *err) {
        st_autofree char *text = NULL;
        size_t best = 0;
        int r = st_read_file_at(AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &text, NULL, err);

        if (r < 0)
                return r;
        *ret_mount = NULL;
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
                bool shared;
                char *mount_point = mount_point_of(line, &shared);
                size_t n;
                if (!mount_point)
                        continue;
                n = strcmp(mount_point, "/") ? strlen(mount_point) : 0;
                if (strncmp(path, mount_point, n) || (path[n] != '/' && path[n]) || n < best)
                        continue;
                best = n;
                *ret_mount = shared ? st_arena_strdup(arena, mount_point) : NULL;
        }
        return 0;
}

static int open_root_tree(struct rt_rootfs *rootfs, struct st_error *err) {
        rootfs->tree_fd = st_open_tree(AT_FDCWD, rootfs->path,
                                       AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        return rootfs->tree_fd < 0 ? st_error_sys(err, "clone root.path %s", rootfs->path) : 0;
}

static int plan_rootfs(struct rt_container *container, const struct rt_create_options *options,
                       bool open_sources, struct rt_plan *plan, struct st_error *err) {
        const struct st_spec *spec = container->spec;
        struct rt_rootfs *rootfs = &plan->init.rootfs;
        struct stat st;
        int r = 0;

        rootfs->path = container->record.rootfs;
        rootfs->readonly = spec->root_readonly;
        rootfs->no_pivot = options->no_pivot;
        rt_rootfs_propagation(spec->linux_.rootfs_propagation, &rootfs->propagation,
                              &rootfs->propagation_rec);
        if (stat(rootfs->path, &st) < 0 || !S_ISDIR(st.st_mode))
                return st_error_kind(err,
                                     st_error_set(err, errno == ENOENT ? -ENOENT : -ENOTDIR,
                                                  "root.path %s: not a directory", rootfs->path),
                                     ST_CODE_CONFIG_INVALID);
        if (rootfs->propagation & MS_SHARED)
                r = find_shared_parent(plan->arena, rootfs->path, &rootfs->parent_mount, err);
        return r < 0 || !open_sources ? r : open_root_tree(rootfs, err);
}

static int plan_cgroup_view(struct rt_container *container, struct rt_plan *plan,
                            struct st_error *err) {
        struct rt_mount_plan *mounts = &plan->init.mounts;
        const struct rt_cgroup *cgroup = container->record.cgroup;
        size_t n;

        if (!cgroup)
                return 0;
        if (rt_namespaces_joins(&plan->init.namespaces, ST_NS_CGROUP))
                return 0; /* its own view, whatever that is */
        if (rt_cgroup_mode_of(cgroup) == RT_CGROUP_V2) {
                mounts->cgroup2_leaf = rt_cgroup_path(cgroup, NULL);
                return 0;
        }
        n = rt_cgroup_n_leaves(cgroup);
        if (n > plan->n_views) {
                plan->views = st_arena_array(plan->arena, n, sizeof *plan->views);
                if (!plan->views)
                        return st_error_set(err, -ENOMEM, "plan the cgroup mount");
                plan->n_views = n;
        }
        for (size_t i = 0; i < n; i++)
                plan->views[i].leaf = rt_cgroup_leaf(cgroup, i, &plan->views[i].name);
        mounts->cgroup_views = plan->views;
        mounts->n_cgroup_views = n;
        return 0;
}

static int plan_mounts(struct rt_container *container, const struct rt_create_options *options,
                       struct rt_plan *plan, struct st_error *err) {
        const struct st_spec *spec = container->spec;
        bool open_sources = spec->linux_.namespaces[ST_NS_USER].wanted && geteuid() == 0;
        int r = plan_rootfs(container, options, open_sources, plan, err);

        if (r >= 0)
                r = rt_mount_plan_make(plan->arena, spec, container->record.bundle, open_sources,
                                       &plan->init.mounts, err);
        if (r < 0)
                return r;
        if (spec->linux_.mount_label && *spec->linux_.mount_label) {
                if (!rt_selinux_enabled())
                        return st_error_kind(
                                err,
                                st_error_set(err, -EOPNOTSUPP,
                                             "linux.mountLabel %s: SELinux is not enabled",
                                             spec->linux_.mount_label),
                                ST_CODE_UNSUPPORTED);
                plan->init.mounts.mount_label = spec->linux_.mount_label;
        }
        return 0;
}

/* ---- process ---- */

static int plan_terminal(struct rt_container *container, const struct rt_create_options *options,
                         struct rt_plan *plan, struct st_error *err) {
        bool terminal = container->spec->process && container->spec->process->terminal;
        int fds[2];

        if (options->console_socket_fd >= 0 && !terminal)
                return st_error_kind(err,
                                     st_error_set(err, -EINVAL,
                                                  "cannot use console socket if runc will not "
                                                  "detach or allocate tty"),
                                     ST_CODE_USAGE);
        if (!terminal)
                return 0;
        if (!container->spec->process->console_height && !container->spec->process->console_width) {
                container->spec->process->console_height = options->console_height;
                container->spec->process->console_width = options->console_width;
        }
        if (options->console_socket_fd >= 0) {
                plan->init.console_fd = options->console_socket_fd;
                return 0;
        }
        if (!options->terminal_is_ours)
                return st_error_kind(err,
                                     st_error_set(err, -EINVAL,
                                                  "cannot allocate tty if runc will detach without "
                                                  "setting console socket"),
                                     ST_CODE_USAGE);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return st_error_sys(err, "make a socket for the terminal");
        container->console_fd = fds[0];
        plan->child_console_fd = fds[1];
        plan->init.console_fd = fds[1];
        return 0;
}

static int plan_task(struct rt_container *container, const struct rt_create_options *options,
                     struct rt_plan *plan, struct st_error *err) {
        static const struct st_process no_process = {.cwd = "/"};
        const struct st_spec *spec = container->spec;
        struct rt_task *task = &plan->init.task;
        int r;

        if (!spec->process) {
                if (!plan->park)
                        return st_error_kind(
                                err,
                                st_error_set(err, -EINVAL, "config.json: process is needed to run"),
                                ST_CODE_CONFIG_INVALID);
                task->process = &no_process; /* created, and `start` will say what is missing */
                return 0;
        }
        r = rt_task_plan(plan->arena, spec->process, options->preserve_fds, options->listen_fds,
                         task, err);
        if (r < 0)
                return r;
        r = rt_lsm_check(spec->process, err);
        if (r < 0)
                return r;
        if (options->reaper_fd >= 0) {
                r = rt_task_plan_reaper(plan->arena, options->reaper_fd, options->report_fd, task,
                                        err);
                if (r < 0)
                        return r;
        }
        if (!options->no_new_keyring)
                task->keyring_id = container->record.id;
        task->personality = spec->linux_.personality;
        task->memory_policy = spec->linux_.memory_policy;
        rt_task_grant(container->runtime, task, spec->linux_.namespaces[ST_NS_USER].wanted);
        return plan_seccomp(container, plan, err);
}

static bool has_hooks(const struct st_spec *spec, enum st_hook_kind kind) {
        return spec->hooks[kind].n_items > 0;
}

/* Who needs the state on a descriptor: hooks inside the container, and a seccomp agent. */
static int plan_state(struct rt_container *container, struct rt_plan *plan, struct st_error *err) {
        const struct st_spec *spec = container->spec;

        const struct {
                bool wanted;
                int *fd;
        } states[] = {
                {has_hooks(spec, ST_HOOK_CREATE_CONTAINER), &plan->init.create_state_fd},
                {has_hooks(spec, ST_HOOK_START_CONTAINER), &plan->init.start_state_fd},
                {plan->seccomp && plan->seccomp->notify, &plan->init.task.state_fd},
        };

        for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
                if (!states[i].wanted)
                        continue;
                *states[i].fd = rt_state_memfd(err);
                if (*states[i].fd < 0)
                        return *states[i].fd;
                plan->parent_work = true; /* the pid is in it: it is filled after the clone */
        }
        return 0;
}

/* Root of a user namespace may not make nodes: those that the host has not are made here. */
static int plan_devices(const struct st_spec *spec, struct rt_plan *plan, struct st_error *err) {
        struct rt_init *init = &plan->init;

        if (!init->become_root || geteuid() != 0 || !spec->linux_.n_devices)
                return 0;
        init->device_fds =
                st_arena_array(plan->arena, spec->linux_.n_devices, sizeof *init->device_fds);
        if (!init->device_fds)
                return st_error_set(err, -ENOMEM, "plan the devices");
        return rt_device_nodes_make(&spec->linux_, init->device_fds, err);
}

static int plan_namespaces(struct rt_container *container, struct rt_plan *plan,
                           struct st_error *err) {
        const struct st_spec *spec = container->spec;
        struct rt_init *init = &plan->init;
        int r = rt_namespaces_open(spec->linux_.namespaces, &init->namespaces, err);

        if (r < 0)
                return r;
        init->become_root = spec->linux_.namespaces[ST_NS_USER].wanted;
        if (init->namespaces.clone_flags & CLONE_NEWUSER)
                init->task.keep_groups = rt_idmap_denies_setgroups(&spec->linux_.uid_mappings,
                                                                   &spec->linux_.gid_mappings);
        init->bind_devices = init->become_root || geteuid() != 0;
        r = rt_sysctl_check(spec, err);
        if (r < 0)
                return r;
        plan->parent_work = plan->parent_work || (init->namespaces.clone_flags & CLONE_NEWUSER) ||
                            spec->linux_.n_net_devices || spec->linux_.intel_rdt ||
                            (container->record.cgroup && container->runtime->systemd_cgroup);
        init->wait_for_parent = plan->parent_work;
        init->runtime_hooks =
                has_hooks(spec, ST_HOOK_PRESTART) || has_hooks(spec, ST_HOOK_CREATE_RUNTIME);
        return 0;
}

/* The child may write its limits itself unless its rights over the host's files are gone. On v2 a
 * cgroup namespace bounds delegation too (mount option nsdelegate, which systemd sets): its members
 * cannot write the limits of its root, so the namespace is made after them; where hooks have to
 * find it before, the parent writes. */
static void plan_limits(const struct st_spec *spec, struct rt_init *init) {
        bool bounded = init->namespaces.new_cgroup && init->cgroup &&
                       rt_cgroup_mode_of(init->cgroup) == RT_CGROUP_V2;

        init->late_cgroupns =
                bounded && !has_hooks(spec, ST_HOOK_CREATE_CONTAINER) && !init->runtime_hooks;
        init->write_limits =
                init->cgroup && !init->become_root && geteuid() == 0 &&
                (!bounded || init->late_cgroupns || !rt_cgroup_has_limits(init->cgroup));
        if (!init->write_limits)
                init->late_cgroupns = false;
}

/* A child that shares the caller's memory is cheapest, but the caller stands still until it
 * executes: so nothing may be asked of it, and only a program that does nothing else may be killed
 * with it (an OOM kill takes all sharers). */
static bool may_share_memory(const struct rt_container *container,
                             const struct rt_create_options *options, const struct rt_plan *plan) {
        const struct st_spec *spec = container->spec;

        if (!options->one_shot || plan->park || plan->parent_work || plan->init.runtime_hooks)
                return false;
        if (plan->init.become_root || (plan->init.cgroup && !plan->init.write_limits) ||
            !rt_launch_can_share(&plan->init.namespaces))
                return false;
        return !has_hooks(spec, ST_HOOK_CREATE_CONTAINER) &&
               !has_hooks(spec, ST_HOOK_START_CONTAINER) &&
               !(plan->seccomp && plan->seccomp->notify);
}

/* Its parent lets it go on somewhere: after it wrote the record. */
static bool waits_for_answer(const struct rt_init *init) {
        return init->wait_for_parent || init->runtime_hooks ||
               (init->cgroup && !init->write_limits);
}

/* ---- where a parked init listens ---- */

static int listen_for_start(struct rt_container *container, int *ret_fd, struct st_error *err) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        st_autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        /* by descriptor: the state directory's own path may be longer than a socket address holds
         */
        (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/start.sock",
                       container->dir_fd);
        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
            listen(fd, 1) < 0)
                return st_error_sys(err, "make start.sock");
        *ret_fd = st_take_fd(fd);
        return 0;
}

/* ---- all ---- */

int rt_plan_set_cgroup(struct rt_container *container, struct rt_plan *plan, struct st_error *err) {
        struct rt_init *init = &plan->init;

        init->cgroup = container->record.cgroup;
        init->enter_cgroup = init->cgroup && !container->runtime->systemd_cgroup;
        plan_limits(container->spec, init);
        return plan_cgroup_view(container, plan, err);
}

static int make(struct rt_container *container, const struct rt_create_options *options,
                struct rt_plan *plan, struct st_error *err) {
        struct rt_init *init = &plan->init;
        int r = plan_terminal(container, options, plan, err);

        if (r >= 0)
                r = plan_task(container, options, plan, err);
        if (r >= 0)
                r = plan_state(container, plan, err);
        if (r >= 0)
                r = plan_namespaces(container, plan, err);
        if (r >= 0)
                r = plan_devices(container->spec, plan, err);
        if (r >= 0)
                r = plan_mounts(container, options, plan, err);
        if (r >= 0)
                r = rt_plan_set_cgroup(container, plan, err);
        if (r >= 0 && plan->park)
                r = listen_for_start(container, &init->listen_fd, err);
        if (r >= 0)
                r = rt_handshake_pair(&plan->parent_sync_fd, &plan->child_sync_fd, err);
        if (r < 0)
                return r;
        init->sync_fd = plan->child_sync_fd;
        init->creator_fd = plan->parent_sync_fd;
        init->shares_memory = may_share_memory(container, options, plan);
        init->wait_for_record = !plan->park && !init->shares_memory && !waits_for_answer(init);
        return 0;
}

int rt_plan_make(struct rt_container *container, const struct rt_create_options *options, bool park,
                 struct rt_plan *ret_plan, struct st_error *err) {
        struct rt_plan plan = {
                .parent_sync_fd = -1, .child_sync_fd = -1, .child_console_fd = -1, .park = park};
        struct rt_init *init = &plan.init;
        int r;

        init->spec = container->spec;
        init->listen_fd = init->console_fd = init->sync_fd = init->creator_fd = -1;
        init->create_state_fd = init->start_state_fd = -1;
        init->rootfs.tree_fd = init->record.fd = -1;
        init->task.seccomp_socket_fd = init->task.state_fd = init->task.proc_fd = -1;
        init->task.reaper_fd = init->task.report_fd = -1;
        for (int i = 0; i < _ST_NS_MAX; i++)
                init->namespaces.join_fds[i] = -1;
        memcpy(init->stdio_fds, options->stdio_fds, sizeof init->stdio_fds);
        plan.arena = st_arena_new(8192);
        if (!plan.arena)
                return st_error_set(err, -ENOMEM, "plan the container");
        r = make(container, options, &plan, err);
        if (r < 0) {
                rt_plan_deinit(&plan);
                return r;
        }
        *ret_plan = plan;
        return 0;
}

void rt_plan_deinit(struct rt_plan *plan) {
        struct rt_init *init = &plan->init;

        for (size_t i = 0; init->device_fds && i < init->spec->linux_.n_devices; i++)
                (void)st_close(init->device_fds[i]);
        rt_namespaces_deinit(&init->namespaces);
        rt_mount_plan_deinit(&init->mounts);
        (void)st_close(init->rootfs.tree_fd);
        (void)st_close(init->listen_fd);
        (void)st_close(init->create_state_fd);
        (void)st_close(init->start_state_fd);
        (void)st_close(init->task.state_fd);
        (void)st_close(init->task.seccomp_socket_fd);
        (void)st_close(plan->child_sync_fd);
        (void)st_close(plan->child_console_fd);
        (void)st_close(plan->parent_sync_fd);
        free(init->record.line);
        rt_seccomp_free(plan->seccomp);
        st_arena_free(plan->arena);
        memset(plan, 0, sizeof *plan);
}
