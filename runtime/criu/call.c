#include "call.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>

enum {
        LOG_LEVEL = 4, /* debug: what a bug report for criu needs */
        IMAGES = 0,
        WORK = 1, /* in fds */
};

/* The engines' pages tell people to write this file, for every runtime. */
#define CONFIG_FILE "/etc/criu/runc.conf"
#define OWN_CONFIG_FILE "/etc/criu/stint.conf"

static int cgroups_mode(const char *name, CriuCgMode *ret_mode, struct st_error *err) {
        static const struct {
                const char *name;
                CriuCgMode mode;
        } modes[] = {
                {"", CRIU_CG_MODE__SOFT},         {"soft", CRIU_CG_MODE__SOFT},
                {"full", CRIU_CG_MODE__FULL},     {"strict", CRIU_CG_MODE__STRICT},
                {"ignore", CRIU_CG_MODE__IGNORE},
        };

        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
                if (strcmp(name ? name : "", modes[i].name))
                        continue;
                *ret_mode = modes[i].mode;
                return 0;
        }
        return st_error_kind(
                err, st_error_set(err, -EINVAL, "invalid manage-cgroups-mode value: %.40s", name),
                ST_CODE_USAGE);
}

static int open_dir(struct call *call, const char *option, const char *path,
                    char absolute[PATH_MAX], struct st_error *err) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return st_error_sys(err, "%s %s", option, path);
        call->fds[call->n_fds++] = fd;
        return realpath(path, absolute) ? 0 : st_error_sys(err, "%s %s", option, path);
}

static int open_dirs(struct call *call, const struct request *request, const char *log,
                     struct st_error *err) {
        int r = open_dir(call, "--image-path", request->image_path, call->images_path, err);

        if (r >= 0 && request->work_path && mkdir(request->work_path, 0700) < 0 && errno != EEXIST)
                r = st_error_sys(err, "make --work-path %s", request->work_path);
        if (r >= 0)
                r = open_dir(call, "--work-path",
                             request->work_path ? request->work_path : request->image_path,
                             call->work_path, err);
        if (r < 0)
                return r;
        if (snprintf(call->log, sizeof call->log, "%s/%s", call->work_path, log) >=
            (int)sizeof call->log)
                return st_error_code(err, -ENAMETOOLONG, "%s/%s", call->work_path, log);
        return 0;
}

static void set_options(struct call *call, const struct request *request, const char *log) {
        CriuOpts *opts = &call->opts;

#define SET(field, value) (opts->has_##field = true, opts->field = (value))
        opts->images_dir_fd = SWRK_FIRST_FD + IMAGES;
        SET(work_dir_fd, SWRK_FIRST_FD + WORK);
        SET(log_level, LOG_LEVEL);
        opts->log_file = (char *)log;
        SET(manage_cgroups, true);
        SET(notify_scripts, true);
        SET(orphan_pts_master, true);
        SET(tcp_established, request->tcp_established);
        SET(ext_unix_sk, request->ext_unix_sk);
        SET(shell_job, request->shell_job);
        SET(file_locks, request->file_locks);
        SET(auto_dedup, request->auto_dedup);
        SET(lazy_pages, request->lazy_pages);
        SET(empty_ns, request->empty_namespaces);
#undef SET
}

int call_init(struct call *call, struct st_arena *arena, const struct request *request,
              CriuReqType type, const char *log, struct st_error *err) {
        int r;

        *call = (struct call) {.arena = arena, .request = CRIU_REQ__INIT, .opts = CRIU_OPTS__INIT};
        r = open_dirs(call, request, log, err);
        if (r >= 0)
                r = cgroups_mode(request->manage_cgroups_mode, &call->opts.manage_cgroups_mode,
                                 err);
        if (r < 0) {
                call_deinit(call);
                return r;
        }
        call->opts.has_manage_cgroups_mode = true;
        set_options(call, request, log);
        call->request.type = type;
        call->request.opts = &call->opts;
        return 0;
}

void call_deinit(struct call *call) {
        while (call->n_fds)
                (void)st_close(call->fds[--call->n_fds]);
}

int call_images_fd(const struct call *call) {
        return call->fds[IMAGES];
}

static int reopen(int fd, const char *path, struct st_error *err) {
        st_autoclose int here = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return here < 0 || dup3(here, fd, O_CLOEXEC) < 0 ? st_error_sys(err, "open %s", path) : 0;
}

int call_reopen_dirs(struct call *call, struct st_error *err) {
        int r = reopen(call->fds[IMAGES], call->images_path, err);

        return r < 0 ? r : reopen(call->fds[WORK], call->work_path, err);
}

void call_use_config(struct call *call, const struct st_spec *spec) {
        const char *path = st_spec_annotation(spec, "org.criu.config");

        if (!path)
                path = access(OWN_CONFIG_FILE, R_OK) == 0 ? OWN_CONFIG_FILE : CONFIG_FILE;
        call->opts.config_file =
                *path ? (char *)path
                      : NULL; /* "": none; criu does not mind one that is not there */
}

int call_check(const struct call *call, struct st_error *err) {
        return call->out_of_memory ? st_error_set(err, -ENOMEM, "describe the container to criu")
                                   : 0;
}

/* ---- repeated fields ---- */

/* Room for one more pointer: the array doubles when its length is a power of two; the arena keeps
 * the shorter ones. */
static void *grown(struct call *call, void *items, size_t n) {
        void **bigger;

        if (n && (n & (n - 1)))
                return items;
        bigger = st_arena_array(call->arena, n ? 2 * n : 1, sizeof *bigger);
        if (bigger && n)
                memcpy(bigger, items, n * sizeof *bigger);
        return bigger;
}

static void append(struct call *call, void *items_field, size_t *n, void *item) {
        void *items, *bigger;

        memcpy(&items, items_field, sizeof items); /* a field of any type "pointer to pointer" */
        bigger = item ? grown(call, items, *n) : NULL;
        if (!bigger) {
                call->out_of_memory = true;
                return;
        }
        ((void **)bigger)[(*n)++] = item;
        memcpy(items_field, &bigger, sizeof bigger);
}

static char *copy(struct call *call, const char *text) {
        char *copied = st_arena_strdup(call->arena, text);

        call->out_of_memory = call->out_of_memory || !copied;
        return copied;
}

void call_add_mount(struct call *call, const char *key, const char *value) {
        ExtMountMap *map = st_arena_alloc(call->arena, sizeof *map);

        if (map) {
                ext_mount_map__init(map);
                map->key = copy(call, key);
                map->val = copy(call, value);
        }
        append(call, &call->opts.ext_mnt, &call->opts.n_ext_mnt, map);
}

void call_add_external(struct call *call, const char *name) {
        append(call, &call->opts.external, &call->opts.n_external, copy(call, name));
}

void call_add_cgroup_root(struct call *call, const char *controller, const char *path) {
        CgroupRoot *root = st_arena_alloc(call->arena, sizeof *root);

        if (root) {
                cgroup_root__init(root);
                root->ctrl = copy(call, controller);
                root->path = copy(call, path);
        }
        append(call, &call->opts.cg_root, &call->opts.n_cg_root, root);
}

void call_add_join(struct call *call, const char *kind, const char *path) {
        JoinNamespace *join = st_arena_alloc(call->arena, sizeof *join);

        if (join) {
                join_namespace__init(join);
                join->ns = copy(call, kind);
                join->ns_file = copy(call, path);
        }
        append(call, &call->opts.join_ns, &call->opts.n_join_ns, join);
}

void call_add_inherited(struct call *call, const char *key, int fd) {
        InheritFd *inherit = st_arena_alloc(call->arena, sizeof *inherit);

        if (inherit) {
                inherit_fd__init(inherit);
                inherit->key = copy(call, key);
                inherit->fd = fd;
        }
        append(call, &call->opts.inherit_fd, &call->opts.n_inherit_fd, inherit);
}

int call_pass_take(struct call *call, int fd) {
        if (call->n_fds == sizeof call->fds / sizeof *call->fds)
                return -1;
        call->fds[call->n_fds] = fd;
        return SWRK_FIRST_FD + (int)call->n_fds++;
}
