/* checkpoint: criu saves the tree below the init; then, unless it is left running, there is no
 * container any more. */
#include "call.h"
#include "mounts.h"
#include "namespaces.h"
#include "streams.h"
#include "verbs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/container.h>
#include <stint/fs.h>
#include <stint/idmap.h>
#include <stint/parse.h>

#define LOG "dump.log"

static int usage(struct st_error *err, const char *text) {
        return st_error_kind(err, st_error_set(err, -EINVAL, "%s", text), ST_CODE_USAGE);
}

/* ---- options ---- */

static int set_page_server(struct call *call, const char *address, struct st_error *err) {
        const char *colon = strrchr(address, ':');
        CriuPageServerInfo *server = st_arena_alloc(call->arena, sizeof *server);
        uint32_t port;

        if (!colon || colon == address || st_parse_u32(colon + 1, &port) < 0 || !port ||
            port > UINT16_MAX)
                return usage(err, "Use --page-server ADDRESS:PORT to specify page server");
        if (!server)
                return st_error_set(err, -ENOMEM, "describe the page server");
        criu_page_server_info__init(server);
        server->address = st_arena_strndup(call->arena, address, (size_t)(colon - address));
        server->has_port = true;
        server->port = (int32_t)port;
        call->opts.ps = server;
        return server->address ? 0 : st_error_set(err, -ENOMEM, "describe the page server");
}

static int set_parent(struct call *call, const char *parent, struct st_error *err) {
        struct stat st;

        if (parent[0] == '/')
                return usage(err, "--parent-path must be relative");
        if (fstatat(call_images_fd(call), parent, &st, 0) < 0)
                return st_error_sys(err, "--parent-path %s", parent);
        if (!S_ISDIR(st.st_mode))
                return st_error_code(err, -ENOTDIR, "--parent-path %s", parent);
        call->opts.parent_img = (char *)parent;
        call->opts.has_track_mem = call->opts.track_mem = true;
        return 0;
}

/* The one that `stint pause` uses (on hybrid v2's): criu has to be able to thaw what is paused. */
static void set_freezer(struct call *call, const struct rt_cgroup *cgroup) {
        const char *path = cgroup ? rt_cgroup_path(cgroup, NULL) : NULL;

        if (cgroup && !path)
                path = rt_cgroup_path(cgroup, "freezer");
        call->opts.freeze_cgroup = (char *)path; /* NULL: criu stops one process after the other */
}

static int describe_outside(struct call *call, struct rt_container *container,
                            const struct st_spec *spec, const char *bundle, pid_t pid,
                            struct st_error *err) {
        st_autoclose int root_fd = -1;
        char path[32];
        int r;

        (void)snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
        root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return st_error_sys(err, "open the container's root");
        r = mounts_name(call, spec, bundle, rt_container_cgroup(container), root_fd, err);
        return r < 0 ? r : streams_save(call, pid, err);
}

static int set_options(struct call *call, const struct request *request,
                       struct rt_container *container, const struct st_spec *spec,
                       struct st_error *err) {
        struct rt_container_info info;
        int r = rt_container_info(container, &info, err);

        if (r >= 0 && !info.pid)
                r = st_error_kind(err, st_error_set(err, -ESRCH, "container not running"),
                                  ST_CODE_WRONG_STATE);
        if (r < 0)
                return r;
        call->opts.has_pid = call->opts.has_leave_running = true;
        call->opts.pid = info.pid;
        call->opts.leave_running = request->leave_running;
        call->opts.root = (char *)info.rootfs;
        call_use_config(call, spec);
        set_freezer(call, rt_container_cgroup(container));
        r = namespaces_name(call, spec, info.pid, err);
        if (r >= 0 && request->page_server)
                r = set_page_server(call, request->page_server, err);
        if (r >= 0 && request->parent_path)
                r = set_parent(call, request->parent_path, err);
        if (r >= 0 && !request->pre_dump) /* which saves memory and nothing else */
                r = describe_outside(call, container, spec, info.bundle, info.pid, err);
        return r < 0 ? r : call_check(call, err);
}

/* ---- the dump ---- */

/* Somebody else's criu may fetch pages now. A caller that has gone away is no reason to give up. */
static void tell_ready(struct request *request) {
        if (request->status_fd < 0)
                return;
        (void)!write(request->status_fd, "", 1);
        request->status_fd = st_close(request->status_fd);
}

static int hear(void *data, const CriuNotify *notify, int fd, struct st_error *err) {
        (void)fd;
        (void)err;
        if (notify->script && !strcmp(notify->script, "status-ready"))
                tell_ready(data);
        return 0;
}

static int dump(const struct request *request, const struct call *call, struct st_error *err) {
        struct swrk swrk = SWRK_INIT(request->criu);
        struct request answering = *request;
        struct swrk_listener listener = {.hear = hear, .data = &answering};
        const struct swrk_start start = {.fds = call->fds, .n_fds = call->n_fds};
        int r = swrk_begin(&swrk, &start, err);

        swrk.log = call->log;
        if (r >= 0)
                r = swrk_ask(&swrk, &call->request, &listener, NULL, err);
        swrk_end(&swrk, NULL); /* after a pre-dump criu waits for more, and our hanging up is an
                                  error to it */
        return r;
}

static int check_criu(const struct request *request, struct st_error *err) {
        int r = swrk_check_version(request->criu, CRIU_MINIMUM, err);

        if (r >= 0 && (request->pre_dump || request->lazy_pages))
                r = swrk_check_features(request->criu, request->pre_dump, request->lazy_pages, err);
        return r;
}

/* The image holds all of the container's memory. A restore into a user namespace reads it first as
 * root without rights, and then as that namespace's root. */
static int make_images(const struct request *request, const struct st_spec *spec,
                       struct st_error *err) {
        const struct st_linux *lin = &spec->linux_;
        int64_t gid =
                lin->namespaces[ST_NS_USER].wanted ? rt_idmap_to_host(&lin->gid_mappings, 0) : -1;
        int r;

        if (access(request->image_path, F_OK) == 0)
                return 0; /* the caller's directory keeps the caller's mode */
        r = st_mkdir_p_at(AT_FDCWD, request->image_path, 0700);
        if (r < 0)
                return st_error_code(err, r, "make --image-path %s", request->image_path);
        if (gid >= 0 && (chown(request->image_path, (uid_t)-1, (gid_t)gid) < 0 ||
                         chmod(request->image_path, 0710) < 0))
                return st_error_sys(err, "give --image-path %s to group %lld", request->image_path,
                                    (long long)gid);
        return 0;
}

static int save(const struct request *request, struct st_arena *arena,
                struct rt_container *container, struct st_error *err) {
        const struct st_spec *spec;
        struct call call;
        int r = rt_container_config(container, &spec, err);

        if (r >= 0)
                r = make_images(request, spec, err);
        if (r >= 0)
                r = call_init(&call, arena, request,
                              request->pre_dump ? CRIU_REQ_TYPE__PRE_DUMP : CRIU_REQ_TYPE__DUMP,
                              LOG, err);
        if (r < 0)
                return r;
        r = set_options(&call, request, container, spec, err);
        if (r >= 0)
                r = dump(request, &call, err);
        call_deinit(&call);
        return r;
}

/* criu has killed it. Forced: its parent may not have reaped it yet, and a cgroup that was frozen
 * still is. */
static int retire(struct rt_container *container, struct st_error *err) {
        int r = rt_container_retire(container, true, err);

        if (r == 0)
                r = rt_container_finish(container, err);
        return r < 0 ? st_error_prefix(
                               err, r,
                               "the checkpoint is complete, but what is left of the container")
                     : 0;
}

int checkpoint(const struct request *request, struct st_arena *arena, struct st_error *err) {
        const struct rt_runtime_options options = {.root = request->root,
                                                   .systemd_cgroup = request->systemd_cgroup};
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        int r = check_criu(request, err);

        if (r >= 0)
                r = rt_runtime_open(&options, &runtime, err);
        if (r >= 0)
                r = rt_container_open(runtime, request->id, &container, err);
        if (r >= 0)
                r = save(request, arena, container, err);
        if (r >= 0 && !request->leave_running && !request->pre_dump)
                r = retire(container, err);
        return r;
}
