#include "mounts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/mounts.h>
#include <stint/rootpath.h>

#define MASK "/dev/null" /* what covers a masked file, and its name */

/* One mount from outside. @source: a path of the host. */
typedef void found_fn(void *data, const char *destination, const char *source);

/* "data/" is "/data". */
static char *clean(struct st_arena *arena, const char *destination) {
        char *text = st_arena_printf(arena, "%s%s", destination[0] == '/' ? "" : "/", destination);

        for (size_t n = text ? strlen(text) : 0; n > 1 && text[n - 1] == '/'; n--)
                text[n - 1] = 0;
        return text;
}

struct search {
        struct st_arena *arena;
        const struct st_spec *spec;
        const struct rt_cgroup *cgroup;
        found_fn *found;
        void *data;
};

/* A cgroup mount on v1 and hybrid is a tmpfs, which criu saves, with a bound leaf for each
 * hierarchy. On v2 it is the leaf, bound; criu takes it for a mount of its own when it is the root
 * of the container's cgroup namespace. */
static int find_leaves(const struct search *search, const char *destination) {
        const struct rt_cgroup *cgroup = search->cgroup;

        if (!cgroup)
                return 0;
        if (rt_cgroup_mode_of(cgroup) == RT_CGROUP_V2) {
                if (!search->spec->linux_.namespaces[ST_NS_CGROUP].wanted)
                        search->found(search->data, destination, rt_cgroup_path(cgroup, NULL));
                return 0;
        }
        for (size_t i = 0; i < rt_cgroup_n_leaves(cgroup); i++) {
                const char *name, *leaf = rt_cgroup_leaf(cgroup, i, &name);
                char *place =
                        leaf ? st_arena_printf(search->arena, "%s/%s", destination, name) : NULL;

                if (!place)
                        return -ENOMEM;
                search->found(search->data, place, leaf);
        }
        return 0;
}

/* Nodes are bound where they cannot be made: in a user namespace. A name that no mount has does no
 * harm. */
static void find_devices(const struct search *search) {
        static const char *const always[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                             "/dev/random", "/dev/urandom", "/dev/tty"};
        const struct st_linux *lin = &search->spec->linux_;

        for (size_t i = 0; i < sizeof always / sizeof *always; i++)
                search->found(search->data, always[i], always[i]);
        for (size_t i = 0; i < lin->n_devices; i++)
                search->found(search->data, lin->devices[i].path, lin->devices[i].path);
}

/* criu would bind it without its mapping: files would belong to others. */
static bool is_idmapped(const struct rt_mount_step *step) {
        return step->options.idmap || step->options.ridmap || step->spec->uid_mappings.n_items;
}

static int find_in_step(const struct search *search, const struct rt_mount_step *step,
                        struct st_error *err) {
        char *destination = clean(search->arena, step->spec->destination);
        int r = 0;

        if (!destination)
                return st_error_set(err, -ENOMEM, "describe the mounts to criu");
        if (is_idmapped(step))
                return st_error_kind(
                        err,
                        st_error_set(err, -EOPNOTSUPP,
                                     "mount %s: criu cannot save and restore an idmapped mount",
                                     destination),
                        ST_CODE_UNSUPPORTED);
        if (step->kind == RT_MOUNT_BIND && step->source)
                search->found(search->data, destination, step->source);
        else if (step->kind == RT_MOUNT_CGROUP)
                r = find_leaves(search, destination);
        return r < 0 ? st_error_code(err, r, "describe the mounts to criu") : 0;
}

static int find_all(const struct search *search, const char *bundle, struct st_error *err) {
        struct rt_mount_plan plan;
        int r = rt_mount_plan_make(search->arena, search->spec, bundle, false, &plan, err);

        if (r < 0)
                return r;
        for (size_t i = 0; r >= 0 && i < plan.n_steps; i++)
                r = find_in_step(search, &plan.steps[i], err);
        rt_mount_plan_deinit(&plan);
        if (r >= 0)
                find_devices(search);
        return r;
}

/* ---- dump ---- */

struct naming {
        struct call *call;
        int root_fd;
};

/* Where the mount really is: /var/run/x is on /run/x. Leaves @path alone when nothing is there (any
 * more). */
static void resolve(int root_fd, const char *destination, char *path, size_t size,
                    struct stat *st) {
        st_autoclose int fd = rt_root_open(root_fd, destination, O_PATH);
        char link[40], real[PATH_MAX];
        ssize_t n;

        (void)snprintf(path, size, "%s", destination);
        st->st_mode = 0;
        if (fd < 0 || fstat(fd, st) < 0)
                return;
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, real, sizeof real - 1);
        if (n > 0 && real[0] == '/')
                (void)snprintf(path, size, "%.*s", (int)n, real);
}

static void name_mount(void *data, const char *destination, const char *source) {
        const struct naming *naming = data;
        char path[PATH_MAX];
        struct stat st;

        (void)source;
        resolve(naming->root_fd, destination, path, sizeof path, &st);
        call_add_mount(naming->call, path, destination);
}

int mounts_name(struct call *call, const struct st_spec *spec, const char *bundle,
                const struct rt_cgroup *cgroup, int root_fd, struct st_error *err) {
        struct naming naming = {.call = call, .root_fd = root_fd};
        const struct search search = {.arena = call->arena,
                                      .spec = spec,
                                      .cgroup = cgroup,
                                      .found = name_mount,
                                      .data = &naming};

        for (char *const *masked = spec->linux_.masked_paths; *masked; masked++) {
                char path[PATH_MAX];
                struct stat st;
                resolve(root_fd, *masked, path, sizeof path, &st);
                if (st.st_mode &&
                    !S_ISDIR(st.st_mode)) /* a tmpfs on a directory is criu's to save */
                        call_add_mount(call, path, MASK);
        }
        return find_all(&search, bundle, err);
}

/* ---- restore ---- */

static void provide_mount(void *data, const char *destination, const char *source) {
        call_add_mount(data, destination, source);
}

int mounts_provide(struct call *call, const struct st_spec *spec, const char *bundle,
                   const struct rt_cgroup *cgroup, struct st_error *err) {
        const struct search search = {.arena = call->arena,
                                      .spec = spec,
                                      .cgroup = cgroup,
                                      .found = provide_mount,
                                      .data = call};

        if (*spec->linux_.masked_paths)
                call_add_mount(call, MASK, MASK);
        return find_all(&search, bundle, err);
}
