/* runtime/cgroup/plan.c: from a request to the paths of the leaves and the list of what will be
 * written. */
#include "devices.h"
#include "manager.h"
#include "unit.h"

#include <string.h>

#include <stint/cleanup.h>
#include <stint/syscall.h>

struct rt_cgroup *rt_cgroup_alloc(const char *root) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(4096);
        struct rt_cgroup *cgroup;

        if (!arena)
                return NULL;
        cgroup = st_arena_alloc(arena, sizeof *cgroup);
        if (!cgroup)
                return NULL;
        cgroup->root = st_arena_strdup(arena, root);
        if (!cgroup->root)
                return NULL;
        cgroup->root_fd = -1;
        cgroup->writes.arena = arena;
        cgroup->arena = st_take(arena); /* the cgroup lives in its own arena */
        return cgroup;
}

struct rt_cgroup *rt_cgroup_free(struct rt_cgroup *cgroup) {
        if (!cgroup)
                return NULL;
        rt_cgroup_close(cgroup);
        (void)st_arena_free(cgroup->arena);
        return NULL;
}

/* In one call when the numbers follow each other, so that the range holds none but ours. */
static void close_all(const int *fds, size_t n) {
        bool row = n > 1;

        for (size_t i = 1; i < n; i++)
                row &= fds[i] == fds[i - 1] + 1;
        if (row && st_close_range((unsigned)fds[0], (unsigned)fds[n - 1], 0) == 0)
                return;
        for (size_t i = 0; i < n; i++)
                (void)st_close(fds[i]);
}

void rt_cgroup_close(struct rt_cgroup *cgroup) {
        close_all(cgroup->task_fds, cgroup->n_task_fds);
        cgroup->n_task_fds = 0;
        for (size_t i = 0; i < cgroup->n_leaves; i++)
                cgroup->leaves[i].dir_fd = st_close(cgroup->leaves[i].dir_fd);
        cgroup->root_fd = st_close(cgroup->root_fd);
}

char *rt_path_clean(struct st_arena *arena, const char *path) {
        char *clean = st_arena_alloc(arena, strlen(path) + 2);
        size_t used = 0;

        if (!clean)
                return NULL;
        while (*path) {
                size_t length = strcspn(path, "/");
                if (length == 2 && !memcmp(path, "..", 2)) {
                        while (used > 0 && clean[--used] != '/')
                                ;
                } else if (length > 0 && !(length == 1 && *path == '.')) {
                        clean[used++] = '/';
                        memcpy(clean + used, path, length);
                        used += length;
                }
                path += length;
                path += *path == '/';
        }
        if (used == 0)
                clean[used++] = '/';
        clean[used] = 0;
        return clean;
}

/* The parent of a clean path. */
static char *parent_of(struct st_arena *arena, const char *clean) {
        const char *slash = strrchr(clean, '/');

        return st_arena_strndup(arena, clean, slash == clean ? 1 : (size_t)(slash - clean));
}

/* Where a relative path starts. On v1 it is our own cgroup; on v2 our own's parent, since a v2
 * cgroup that holds processes (ours) cannot give controllers to children. runc does the same. */
static const char *base_of(struct st_arena *arena, const struct rt_hierarchy *h, bool absolute) {
        char *own;

        if (absolute || !h->own)
                return "";
        own = rt_path_clean(arena, h->own);
        if (own && !*h->names)
                own = parent_of(arena, own);
        return own;
}

static int add_leaf(struct rt_cgroup *cgroup, const struct rt_hierarchy *h, const char *path,
                    struct st_error *err) {
        struct rt_leaf *leaf = &cgroup->leaves[cgroup->n_leaves];
        const char *base = base_of(cgroup->arena, h, *path == '/'), *clean = NULL;
        char *joined = base ? st_arena_printf(cgroup->arena, "%s/%s", base, path) : NULL;

        if (joined)
                clean = rt_path_clean(cgroup->arena, joined);
        if (!clean)
                return st_error_set(err, -ENOMEM, "plan the cgroup");
        if (!strcmp(clean, "/"))
                return rt_fail(err, ST_CODE_CONFIG_INVALID, -EINVAL,
                               "linux.cgroupsPath: %s is the root cgroup", path);
        *leaf = (struct rt_leaf) {
                .names = st_arena_strdup(cgroup->arena, h->names),
                .controllers = h->controllers,
                .v2 = !*h->names,
                .path = st_arena_printf(cgroup->arena, "%s%s", h->mount, clean),
                .mount_length = strlen(h->mount),
                .dir_fd = -1,
        };
        if (!leaf->names || !leaf->path)
                return st_error_set(err, -ENOMEM, "plan the cgroup");
        cgroup->n_leaves++;
        return 0;
}

static int plan_leaves(struct rt_cgroup *cgroup, const struct rt_cgroup_host *host,
                       const char *path, struct st_error *err) {
        struct rt_hierarchy hierarchies[RT_LEAVES_MAX];
        size_t n;
        int r = rt_hierarchies_read(host, cgroup->arena, *path != '/', hierarchies, &n, err);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = add_leaf(cgroup, &hierarchies[i], path, err);
                if (r < 0)
                        return r;
        }
        if (n == 0)
                cgroup->mode = RT_CGROUP_NONE;
        return 0;
}

int rt_cgroup_plan_on(const struct rt_cgroup_host *host, const struct rt_cgroup_request *request,
                      struct rt_cgroup **ret_cgroup, struct st_error *err) {
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = rt_cgroup_alloc(host->root);
        const char *path = request->path && *request->path ? request->path : request->id;
        int r = 0;

        if (!cgroup)
                return st_error_set(err, -ENOMEM, "plan the cgroup");
        cgroup->mode = host->mode;
        cgroup->driver = request->driver;
        cgroup->rootless = request->rootless;
        cgroup->strict = request->strict;
        cgroup->delegate = request->delegate;
        cgroup->owner_uid = request->owner_uid;
        cgroup->any_fs = host->any_fs;
        if (request->driver == RT_CGROUP_SYSTEMD && host->mode != RT_CGROUP_NONE)
                r = rt_unit_plan(cgroup, host, request, &path, err);
        if (r == 0 && host->mode != RT_CGROUP_NONE)
                r = plan_leaves(cgroup, host, path, err);
        if (r == 0)
                r = rt_limits_plan(cgroup, request->resources, RT_LIMITS_CREATE, &cgroup->writes,
                                   err);
        if (r < 0)
                return st_error_kind(err, r, ST_CODE_CGROUP);
        *ret_cgroup = st_take(cgroup);
        return 0;
}

int rt_cgroup_plan(const struct rt_cgroup_request *request, struct rt_cgroup **ret_cgroup,
                   struct st_error *err) {
        struct rt_cgroup_host host = {
                .mode = rt_cgroup_detect(), .root = "/sys/fs/cgroup", .proc = "/proc/self"};

        return rt_cgroup_plan_on(&host, request, ret_cgroup, err);
}
