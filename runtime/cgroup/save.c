/* runtime/cgroup/save.c: a container's cgroups in state.json, and back. */
#include "manager.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/parse.h>

/* Where a hierarchy is usually mounted, as the length of the mount point in the leaf's path; 0: it
 * is elsewhere. */
static size_t usual_mount_length(const struct rt_cgroup *cgroup, const struct rt_leaf *leaf) {
        const char *dir = leaf->names;
        char mount[512];
        int n;

        if (leaf->v2)
                dir = cgroup->mode == RT_CGROUP_V2 ? "" : "/unified";
        else if (!strncmp(dir, "name=", 5))
                dir += 5;
        n = snprintf(mount, sizeof mount, "%s%s%s", cgroup->root, leaf->v2 ? "" : "/", dir);
        if (n < 0 || (size_t)n >= sizeof mount || strncmp(leaf->path, mount, (size_t)n) != 0 ||
            leaf->path[n] != '/')
                return 0;
        return (size_t)n;
}

void rt_cgroup_save(const struct rt_cgroup *cgroup, struct st_json_writer *w, const char *key) {
        st_json_open_object(w, key);
        st_json_string(w, "mode", rt_cgroup_mode_name(cgroup->mode));
        st_json_string(w, "driver", cgroup->driver == RT_CGROUP_SYSTEMD ? "systemd" : "cgroupfs");
        if (cgroup->rootless)
                st_json_bool(w, "rootless", true);
        if (cgroup->strict)
                st_json_bool(w, "strict", true);
        st_json_bool(w, "made", cgroup->made);
        if (cgroup->unit)
                rt_unit_save(cgroup->unit, w);
        st_json_open_object(w, "paths");
        RT_FOREACH_LEAF (leaf, cgroup)
                st_json_string(w, leaf->names, leaf->path);
        st_json_close_object(w);
        st_json_open_object(w, "mounts"); /* those in unusual places */
        RT_FOREACH_LEAF (leaf, cgroup)
                if (usual_mount_length(cgroup, leaf) != leaf->mount_length)
                        st_json_uint(w, leaf->names, leaf->mount_length);
        st_json_close_object(w);
        st_json_close_object(w);
}

static int malformed(struct st_error *err, const char *what) {
        return rt_fail(err, ST_CODE_INTERNAL, -EINVAL, "saved cgroup: %s", what);
}

static int load_mode(struct rt_cgroup *cgroup, const struct st_json *saved) {
        const struct st_json *mode = st_json_get(saved, "mode");

        if (!mode || mode->type != ST_JSON_STRING)
                return -EINVAL;
        for (int i = RT_CGROUP_NONE; i <= RT_CGROUP_V2; i++)
                if (!strcmp(rt_cgroup_mode_name((enum rt_cgroup_mode)i), mode->text)) {
                        cgroup->mode = (enum rt_cgroup_mode)i;
                        return 0;
                }
        return -EINVAL;
}

static int load_leaf(struct rt_cgroup *cgroup, const struct st_json *path,
                     const struct st_json *mounts, struct st_error *err) {
        struct rt_leaf *leaf = &cgroup->leaves[cgroup->n_leaves];
        const struct st_json *mount = st_json_get(mounts, path->key);
        uint64_t length = 0;

        if (cgroup->n_leaves == RT_LEAVES_MAX || path->type != ST_JSON_STRING || *path->text != '/')
                return malformed(err, "paths");
        *leaf = (struct rt_leaf) {
                .names = st_arena_strdup(cgroup->arena, path->key),
                .path = st_arena_strdup(cgroup->arena, path->text),
                .v2 = !*path->key,
                .controllers = *path->key ? rt_controller_bits(path->key) : RT_CTL_V2,
                .dir_fd = -1,
        };
        if (!leaf->names || !leaf->path)
                return st_error_set(err, -ENOMEM, "load the cgroup");
        leaf->mount_length = usual_mount_length(cgroup, leaf);
        if (mount && (mount->type != ST_JSON_NUMBER || st_parse_u64(mount->text, &length) < 0 ||
                      length >= strlen(leaf->path) || leaf->path[length] != '/'))
                return malformed(err, "mounts");
        if (mount)
                leaf->mount_length = (size_t)length;
        if (!leaf->mount_length)
                return malformed(err, "paths");
        cgroup->n_leaves++;
        return 0;
}

/* What v1 has is not v2's, as in the plan. */
static void share_controllers(struct rt_cgroup *cgroup) {
        unsigned taken = 0;

        RT_FOREACH_LEAF (leaf, cgroup)
                if (!leaf->v2)
                        taken |= leaf->controllers;
        RT_FOREACH_LEAF (leaf, cgroup)
                if (leaf->v2)
                        leaf->controllers &= ~taken;
}

int rt_cgroup_load_on(const char *root, const struct st_json *saved, struct rt_cgroup **ret_cgroup,
                      struct st_error *err) {
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = rt_cgroup_alloc(root);
        const struct st_json *paths = st_json_get(saved, "paths"),
                             *mounts = st_json_get(saved, "mounts");
        const struct st_json *driver = st_json_get(saved, "driver"),
                             *rootless = st_json_get(saved, "rootless"),
                             *strict = st_json_get(saved, "strict");
        const struct st_json *made = st_json_get(saved, "made");

        if (!cgroup)
                return st_error_set(err, -ENOMEM, "load the cgroup");
        if (load_mode(cgroup, saved) < 0)
                return malformed(err, "mode");
        if (!paths || paths->type != ST_JSON_OBJECT)
                return malformed(err, "paths");
        if (!driver || driver->type != ST_JSON_STRING)
                return malformed(err, "driver");
        cgroup->driver = strcmp(driver->text, "systemd") ? RT_CGROUP_FS : RT_CGROUP_SYSTEMD;
        cgroup->rootless = rootless && rootless->boolean;
        cgroup->strict = strict && strict->boolean;
        cgroup->made = made && made->boolean;
        ST_JSON_FOREACH (path, paths) {
                int r = load_leaf(cgroup, path, mounts, err);
                if (r < 0)
                        return r;
        }
        share_controllers(cgroup);
        if (cgroup->driver == RT_CGROUP_SYSTEMD) {
                int r = rt_unit_load(cgroup, saved, err);
                if (r < 0)
                        return r;
        }
        *ret_cgroup = st_take(cgroup);
        return 0;
}

int rt_cgroup_load(const struct st_json *saved, struct rt_cgroup **ret_cgroup,
                   struct st_error *err) {
        return rt_cgroup_load_on("/sys/fs/cgroup", saved, ret_cgroup, err);
}
