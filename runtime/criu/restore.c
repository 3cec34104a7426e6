/* restore: libstint makes everything around the processes, criu the processes.
 *
 * The order: reserve the id and make the cgroup; start criu's process; move it into the cgroup, so
 * that all that it clones is born there; ask. While criu works it asks back: when the namespaces
 * are there (hooks), when a terminal's master has no owner (console socket), when the tree is
 * complete and still stopped (the pid is written down). A failure anywhere undoes all. */
#include "call.h"
#include "mounts.h"
#include "namespaces.h"
#include "root.h"
#include "streams.h"
#include "verbs.h"

#include <fcntl.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/container.h>
#include <stint/fs.h>
#include <stint/terminal.h>

#define LOG "restore.log"

struct restoring {
        const struct request *request;
        struct rt_container *container;
};

/* ---- what criu asks ---- */

static int send_terminal(const struct request *request, int master_fd, struct st_error *err) {
        if (master_fd < 0)
                return st_error_set(err, -EPROTO, "criu sent no terminal");
        if (!request->console_socket)
                return st_error_kind(
                        err,
                        st_error_set(err, -EINVAL,
                                     "the container has a terminal: --console-socket is needed"),
                        ST_CODE_USAGE);
        return rt_terminal_send(CONSOLE_FD, master_fd, err);
}

static int hear(void *data, const CriuNotify *notify, int fd, struct st_error *err) {
        const struct restoring *restoring = data;
        const char *script = notify->script ? notify->script : "";

        if (!strcmp(script, "setup-namespaces"))
                return rt_restore_run_hooks(restoring->container, notify->pid, err);
        if (!strcmp(script, "post-restore"))
                return rt_restore_record(restoring->container, notify->pid, err);
        if (!strcmp(script, "orphan-pts-master"))
                return send_terminal(restoring->request, fd, err);
        return 0; /* the network needs no locking: its devices belong to the engine */
}

/* ---- options ---- */

/* The container's cgroups may be others than when it was dumped: where criu's own process is now.
 */
static int name_cgroups(struct call *call, pid_t pid, struct st_error *err) {
        st_autofree char *text = NULL;
        char path[40];
        int r;

        (void)snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
        r = st_read_file_at(AT_FDCWD, path, 1 << 20, &text, NULL, err);
        if (r < 0)
                return r;
        for (char *save_line, *line = strtok_r(text, "\n", &save_line); line;
             line = strtok_r(NULL, "\n", &save_line)) {
                char *controllers = strchr(line, ':'),
                     *leaf = controllers ? strchr(controllers + 1, ':') : NULL;
                if (!leaf)
                        continue;
                *controllers++ = 0;
                *leaf++ = 0;
                do { /* "cpu,cpuacct": one by one; v2: the empty name */
                        size_t n = strcspn(controllers, ",");
                        bool last = !controllers[n];
                        controllers[n] = 0;
                        call_add_cgroup_root(call, controllers, leaf);
                        controllers += last ? n : n + 1;
                } while (*controllers);
        }
        return 0;
}

static int set_options(struct call *call, const struct request *request, const struct root *root,
                       struct st_error *err) {
        int r;

        call->opts.has_rst_sibling = call->opts.rst_sibling = true;
        call->opts.has_evasive_devices = call->opts.evasive_devices = true;
        call->opts.root = (char *)root->mount_point;
        call->opts.lsm_profile = (char *)request->lsm_profile;
        call->opts.lsm_mount_context = (char *)request->lsm_mount_context;
        call_use_config(call, root->spec);
        r = namespaces_provide(call, root->spec, err);
        return r < 0 ? r : streams_provide(call, root->spec, err);
}

/* ---- the restore ---- */

static int ask(struct call *call, struct restoring *restoring, const struct root *root,
               struct swrk *swrk, struct st_error *err) {
        struct swrk_listener listener = {.hear = hear, .data = restoring};
        int r = rt_restore_enter(restoring->container, swrk->pid, err);

        if (r >= 0)
                r = name_cgroups(call, swrk->pid, err);
        if (r >= 0) /* only now: the scope that systemd made is known */
                r = mounts_provide(call, root->spec, root->bundle,
                                   rt_container_cgroup(restoring->container), err);
        if (r >= 0)
                r = call_check(call, err);
        return r < 0 ? r : swrk_ask(swrk, &call->request, &listener, NULL, err);
}

struct place {
        struct call *call;
        struct root *root;
};

static int prepare_place(void *data, struct st_error *err) {
        const struct place *place = data;
        int r = root_prepare(place->root, err);

        return r < 0 ? r : call_reopen_dirs(place->call, err);
}

static int run_criu(struct call *call, struct restoring *restoring, struct root *root,
                    struct st_error *err) {
        struct place place = {.call = call, .root = root};
        const struct swrk_start start = {.fds = call->fds,
                                         .n_fds = call->n_fds,
                                         .before = prepare_place,
                                         .data = &place,
                                         .keep_stdio = true};
        struct swrk swrk = SWRK_INIT(restoring->request->criu);
        int r = swrk_begin(&swrk, &start, err);

        swrk.log = call->log;
        if (r >= 0)
                r = ask(call, restoring, root, &swrk, err);
        swrk_end(&swrk, NULL);
        return r;
}

static int fill_root(struct rt_container *container, struct st_arena *arena, struct root *ret_root,
                     struct st_error *err) {
        struct rt_container_info info;
        int r = rt_container_info(container, &info, err);

        *ret_root = (struct root) {.arena = arena};
        if (r >= 0)
                r = rt_container_config(container, &ret_root->spec, err);
        if (r >= 0)
                r = rt_restore_mount_point(container, arena, &ret_root->mount_point, err);
        if (r < 0)
                return r;
        ret_root->path = info.rootfs;
        ret_root->bundle = info.bundle;
        return 0;
}

static int check_terminal(const struct request *request, const struct st_spec *spec,
                          struct st_error *err) {
        bool terminal = spec->process && spec->process->terminal;

        if (terminal == request->console_socket)
                return 0;
        return st_error_kind(err,
                             st_error_set(err, -EINVAL,
                                          terminal ? "cannot allocate tty if runc will detach "
                                                     "without setting console socket"
                                                   : "cannot use console socket if runc will not "
                                                     "detach or allocate tty"),
                             ST_CODE_USAGE);
}

static int fill(struct call *call, struct restoring *restoring, struct st_arena *arena,
                struct st_error *err) {
        struct root root;
        int r = fill_root(restoring->container, arena, &root, err);

        if (r >= 0)
                r = check_terminal(restoring->request, root.spec, err);
        if (r >= 0)
                r = set_options(call, restoring->request, &root, err);
        if (r >= 0)
                r = run_criu(call, restoring, &root, err);
        return r < 0 ? r : rt_restore_finish(restoring->container, err);
}

/* The error that led here is the one to tell; what this cannot remove, delete --force will. */
static void give_up(struct rt_container *container) {
        st_ignore(rt_container_retire(container, true, NULL));
}

int restore(const struct request *request, struct st_arena *arena, struct st_error *err) {
        const struct rt_runtime_options options = {.root = request->root,
                                                   .systemd_cgroup = request->systemd_cgroup};
        struct rt_create_options create = RT_CREATE_OPTIONS_INIT;
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        struct restoring restoring = {.request = request};
        struct call call;
        int r = swrk_check_version(request->criu, CRIU_MINIMUM, err);

        if (r >= 0)
                r = rt_runtime_open(&options, &runtime, err);
        if (r >= 0)
                r = call_init(&call, arena, request, CRIU_REQ_TYPE__RESTORE, LOG, err);
        if (r < 0)
                return r;
        create.id = request->id;
        create.bundle = request->bundle;
        r = rt_restore_begin(runtime, &create, &container, err);
        restoring.container = container;
        if (r >= 0) {
                r = fill(&call, &restoring, arena, err);
                if (r < 0)
                        give_up(container);
        }
        call_deinit(&call);
        return r;
}
