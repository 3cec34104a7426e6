/* prepare and run: from options to a parked or running init.
 *
 * The order makes every crash harmless: the id is reserved, then what will exist is written down
 * (cgroup paths), then it is made, then the pid is written down. Whatever is left behind by a
 * runtime that was killed in between, `delete --force` finds. */
#include "launch.h"
#include "plan.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <stint/cleanup.h>
#include <stint/clock.h>
#include <stint/fs.h>
#include <stint/handshake.h>
#include <stint/idmap.h>
#include <stint/net_devices.h>
#include <stint/parse.h>
#include <stint/syscall.h>
#include <stint/terminal.h>

/* ---- the record ---- */

static int absolute(const char *base, const char *path, char **ret) {
        char cwd[PATH_MAX];

        if (path[0] == '/')
                *ret = strdup(path);
        else {
                if (!base && !getcwd(cwd, sizeof cwd))
                        return -errno;
                if (!strcmp(path, "."))
                        *ret = strdup(base ? base : cwd);
                else if (asprintf(ret, "%s/%s", base ? base : cwd, path) < 0)
                        *ret = NULL;
        }
        return *ret ? 0 : -ENOMEM;
}

static char *now_text(void) {
        char text[ST_RFC3339_ROOM];
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return strdup(st_format_rfc3339(&now, true, text));
}

/* A line of passwd(5), which is cut into its fields. NULL: not @uid's. */
static char *login_of(char *line, uid_t uid) {
        char *login = strsep(&line, ":"), *number;
        uint32_t id;

        (void)strsep(&line, ":"); /* the password */
        number = strsep(&line, ":");
        return number && st_parse_u32(number, &id) == 0 && id == uid ? strdup(login) : NULL;
}

/* The caller's login name, from the file: a static program has no NSS. A number when it is not
 * there. */
static char *owner_name(void) {
        uid_t uid = getuid();
        st_autofree char *text = NULL;
        char *name = NULL;

        if (uid == 0)
                return strdup("root");
        if (st_read_file_at(AT_FDCWD, "/etc/passwd", 4 << 20, &text, NULL, NULL) == 0)
                for (char *rest = text, *line; !name && (line = strsep(&rest, "\n"));)
                        name = login_of(line, uid);
        if (!name && asprintf(&name, "%u", uid) < 0)
                return NULL;
        return name;
}

static int fill_record(struct rt_container *container, const struct rt_create_options *options,
                       struct st_error *err) {
        struct rt_record *record = &container->record;
        const struct st_spec *spec = container->spec;
        int r = absolute(NULL, options->bundle ? options->bundle : ".", &record->bundle);

        if (r >= 0)
                r = absolute(record->bundle, spec->root_path, &record->rootfs);
        if (r < 0)
                return st_error_code(err, r, "bundle %s", options->bundle ? options->bundle : ".");
        record->id = strdup(options->id);
        record->created = now_text();
        record->owner = owner_name();
        record->oci_version = strdup(spec->oci_version);
        record->simple = spec->process && !spec->hooks[ST_HOOK_POSTSTART].n_items &&
                         !spec->hooks[ST_HOOK_POSTSTOP].n_items;
        record->shares_pids = !spec->linux_.namespaces[ST_NS_PID].wanted ||
                              spec->linux_.namespaces[ST_NS_PID].path;
        record->annotations =
                spec->annotations; /* borrowed: the spec lives as long as the handle */
        record->n_annotations = spec->n_annotations;
        if (!record->id || !record->created || !record->owner || !record->oci_version)
                return st_error_set(err, -ENOMEM, "describe the container");
        return 0;
}

static struct rt_cgroup_request request_of(const struct rt_container *container, const char *path,
                                           const struct st_resources *resources) {
        const struct st_spec *spec = container->spec;
        int64_t root_uid = spec->linux_.namespaces[ST_NS_USER].wanted
                                   ? rt_idmap_to_host(&spec->linux_.uid_mappings, 0)
                                   : -1;

        return (struct rt_cgroup_request) {
                .id = container->record.id,
                .path = path,
                .driver = container->runtime->systemd_cgroup ? RT_CGROUP_SYSTEMD : RT_CGROUP_FS,
                .resources = resources,
                .annotations = spec->annotations,
                .n_annotations = spec->n_annotations,
                .rootless = container->runtime->rootless == RT_ROOTLESS_YES ||
                            (container->runtime->rootless == RT_ROOTLESS_AUTO && geteuid() != 0),
                .strict = container->runtime->rootless == RT_ROOTLESS_NO,
                .owner_uid = root_uid < 0 ? 0 : (uid_t)root_uid,
                .delegate = root_uid > 0 && spec->linux_.namespaces[ST_NS_CGROUP].wanted,
        };
}

int rt_container_plan_cgroup(struct rt_container *container, const char *path,
                             const struct st_resources *resources, struct rt_cgroup **ret_cgroup,
                             struct st_error *err) {
        struct rt_cgroup_request request = request_of(container, path, resources);
        int r = rt_cgroup_plan(&request, ret_cgroup, err);

        return r < 0 ? st_error_kind(err, r, ST_CODE_CGROUP) : 0;
}

static int plan_cgroup(struct rt_container *container, struct st_error *err) {
        const struct st_linux *lin = &container->spec->linux_;
        struct rt_cgroup_request request = request_of(container, lin->cgroups_path, lin->resources);
        int r = rt_place(container, &request, err);

        if (r < 0)
                return r;
        r = rt_cgroup_plan(&request, &container->record.cgroup, err);
        return r < 0 ? st_error_kind(err, r, ST_CODE_CGROUP) : 0;
}

static int save_config(struct rt_container *container, const char *text, size_t length,
                       struct st_error *err) {
        st_autoclose int fd = openat(container->dir_fd, "config.json",
                                     O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int r;

        if (fd < 0)
                return st_error_sys(err, "create config.json in the state directory");
        r = st_write_all(fd, text, length);
        return r < 0 ? st_error_code(err, r, "write config.json in the state directory") : 0;
}

/* Reserve, write down, make: up to the point where a process can be cloned. */
static int make_outside(struct rt_container *container, const struct rt_create_options *options,
                        const char *config, size_t length, struct st_error *err) {
        int r = rt_state_reserve(container, options->id, err);

        if (r < 0)
                return r;
        container->undo = true;
        r = plan_cgroup(container, err);
        if (r >= 0)
                r = rt_record_save(container, err);
        if (r >= 0)
                r = save_config(container, config, length, err);
        if (r >= 0)
                r = st_error_kind(err, rt_cgroup_create(container->record.cgroup, err),
                                  ST_CODE_CGROUP);
        if (r >= 0 && !container->runtime->systemd_cgroup)
                r = rt_place_bind(container, err);
        if (r >= 0 && rt_cgroup_warning(container->record.cgroup))
                rt_runtime_warn(container->runtime, "%s",
                                rt_cgroup_warning(container->record.cgroup));
        if (r >= 0 && container->spec->linux_.intel_rdt)
                r = rt_rdt_create(container->spec->linux_.intel_rdt, container->record.id,
                                  container->resctrl ? container->resctrl : "/sys/fs/resctrl",
                                  &container->record.rdt, err);
        return r;
}

/* ---- after the clone ---- */

static int move_net_devices(struct rt_container *container, const struct rt_plan *plan,
                            struct st_error *err) {
        const struct st_linux *lin = &container->spec->linux_;
        int joined_fd = plan->init.namespaces.join_fds[ST_NS_NETWORK];
        st_autoclose int netns_fd = -1;
        char path[48];

        if (!lin->n_net_devices)
                return 0;
        if (joined_fd >= 0) /* the init waits, and has not joined yet */
                return rt_net_devices_move(lin->net_devices, lin->n_net_devices, joined_fd, err);
        (void)snprintf(path, sizeof path, "/proc/%d/ns/net", (int)container->record.pid);
        netns_fd = open(path, O_RDONLY | O_CLOEXEC);
        if (netns_fd < 0)
                return st_error_sys(err, "open the network namespace");
        return rt_net_devices_move(lin->net_devices, lin->n_net_devices, netns_fd, err);
}

static int fill_states(struct rt_container *container, const struct rt_plan *plan,
                       struct st_error *err) {
        const struct st_seccomp *seccomp = container->spec->linux_.seccomp;
        int r = 0;

        /* spec, "State": in a hook that runs in the container the pid is the one seen there */
        if (plan->init.create_state_fd >= 0)
                r = rt_state_fill(container, plan->init.create_state_fd, "creating",
                                  rt_pid_inside(container->record.pid), err);
        if (r >= 0 && plan->init.start_state_fd >= 0)
                r = rt_state_fill(container, plan->init.start_state_fd, "created",
                                  rt_pid_inside(container->record.pid), err);
        if (r >= 0 && plan->init.task.state_fd >= 0)
                r = rt_state_fill_seccomp(container, plan->init.task.state_fd, "creating",
                                          seccomp->listener_metadata, err);
        return r;
}

/* What only a parent can do, while the init waits. */
static int work_for_child(struct rt_container *container, const struct rt_plan *plan,
                          struct st_error *err) {
        const struct st_linux *lin = &container->spec->linux_;
        int r = 0;

        if (plan->init.namespaces.clone_flags & CLONE_NEWUSER)
                r = rt_idmap_write(container->record.pid, &lin->uid_mappings, &lin->gid_mappings,
                                   err);
        if (r >= 0 && container->runtime->systemd_cgroup && container->record.cgroup)
                r = rt_cgroup_attach_systemd(container->record.cgroup, container->record.pid, err);
        if (r >= 0 && container->runtime->systemd_cgroup)
                r = rt_place_bind(container, err);
        if (r >= 0 && lin->intel_rdt)
                r = rt_rdt_attach(&container->record.rdt, container->record.pid, err);
        if (r >= 0)
                r = move_net_devices(container, plan, err);
        if (r >= 0)
                r = fill_states(container, plan, err);
        return r;
}

static int send_pidfd(struct rt_container *container, const struct rt_create_options *options,
                      struct st_error *err) {
        int r;

        if (options->pidfd_socket_fd < 0)
                return 0;
        r = rt_send_fd(options->pidfd_socket_fd, container->pidfd, "pidfd");
        return r < 0 ? st_error_code(err, r, "send the pidfd") : 0;
}

/* What is known of a child that shares our memory, it writes down itself. */
static int prepare_record(struct rt_container *container, struct rt_plan *plan,
                          struct st_error *err) {
        struct rt_init_record *record = &plan->init.record;

        record->fd = container->record_fd;
        return plan->init.shares_memory
                       ? rt_record_render(container, &record->line, &record->length, err)
                       : 0;
}

static int let_go(struct rt_container *container, struct st_error *err) {
        int r = rt_handshake_send(container->sync_fd, RT_MSG_GO, NULL);

        if (r == -EPIPE || r == -ECONNRESET)
                return 0; /* it failed meanwhile: advance() hears why */
        return r < 0 ? st_error_code(err, r, "let the init go on") : 0;
}

static int write_record(struct rt_container *container, const struct rt_plan *plan,
                        struct st_error *err) {
        if (plan->init.shares_memory) {
                container->record.start_time = plan->init.record.start_time;
                return 0;
        }
        container->record.start_time = rt_start_time(container->record.pid);
        return rt_record_save(container, err);
}

static int launch(struct rt_container *container, struct rt_plan *plan, struct st_error *err) {
        struct rt_child child;
        int r = prepare_record(container, plan, err);

        if (r >= 0)
                r = rt_launch(&plan->init, &child, err);
        if (r < 0)
                return r;
        container->record.pid = child.pid;
        container->pidfd = child.pidfd;
        container->is_child = true;
        container->sync_fd = st_take_fd(plan->parent_sync_fd);
        plan->child_sync_fd =
                st_close(plan->child_sync_fd); /* so that the child's end is the only one */
        plan->child_console_fd = st_close(plan->child_console_fd);
        container->executed = plan->init.shares_memory && !plan->init.failed;
        r = write_record(container, plan, err);
        container->record_fd = st_close(container->record_fd);
        if (r >= 0 && plan->parent_work)
                r = work_for_child(container, plan, err);
        if (r >= 0 && (plan->parent_work || plan->init.wait_for_record))
                r = let_go(container, err);
        return r;
}

static int begin(struct rt_container *container, const struct rt_create_options *options, bool park,
                 struct st_error *err) {
        struct rt_plan plan;
        int r = rt_plan_make(container, options, park, &plan, err);

        if (r < 0)
                return r;
        r = launch(container, &plan, err);
        rt_plan_deinit(&plan);
        if (r >= 0)
                r = send_pidfd(container, options, err);
        container->phase = RT_PHASE_CHILD;
        return r;
}

int rt_container_make_outside(struct rt_runtime *runtime, const struct rt_create_options *options,
                              struct rt_container **ret_container, struct st_error *err) {
        st_cleanup(rt_container_freep) struct rt_container *container = rt_container_new(runtime);
        st_autofree char *config = NULL;
        size_t length;
        int r;

        if (!container)
                return st_error_set(err, -ENOMEM, "create container %s", options->id);
        r = rt_id_check(options->id, err);
        if (r >= 0)
                r = rt_config_read(options->bundle ? options->bundle : ".", options->config,
                                   &container->spec, &config, &length, err);
        if (r >= 0)
                r = fill_record(container, options, err);
        if (r >= 0)
                r = make_outside(container, options, config, length, err);
        if (r < 0) {
                rt_container_undo(container);
                return r;
        }
        *ret_container = st_take(container);
        return 0;
}

static int make_container(struct rt_runtime *runtime, const struct rt_create_options *options,
                          bool park, struct rt_container **ret_container, struct st_error *err) {
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        int r = rt_container_make_outside(runtime, options, &container, err);

        if (r < 0)
                return r;
        if (options->notify_socket)
                r = rt_notify_plan(container, !park, err);
        if (r >= 0)
                r = begin(container, options, park, err);
        if (r < 0) {
                rt_container_undo(container);
                return r;
        }
        *ret_container = st_take(container);
        return 0;
}

int rt_container_prepare(struct rt_runtime *runtime, const struct rt_create_options *options,
                         struct rt_container **ret_container, struct st_error *err) {
        return make_container(runtime, options, true, ret_container, err);
}

int rt_container_run(struct rt_runtime *runtime, const struct rt_create_options *options,
                     struct rt_container **ret_container, struct st_error *err) {
        return make_container(runtime, options, false, ret_container, err);
}
