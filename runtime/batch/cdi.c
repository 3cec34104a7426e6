#include "cdi.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/parse.h>

enum { SPEC_MAX_BYTES = 4 << 20 };

const char *const rt_cdi_default_dirs[] = {"/etc/cdi", "/var/run/cdi", NULL};

/* ---- one spec ---- */

struct reader {
        struct st_arena *arena;
        const char *name;
        struct rt_cdi_edits *edits;
        struct st_error *err;
};

static int wrong(const struct reader *r, const struct st_json *value, const char *wanted) {
        char path[200];

        return st_error_set(r->err, -EINVAL, "%s: %s: %s wanted", r->name,
                            st_json_path(value, path, sizeof path), wanted);
}

static int out_of_memory(const struct reader *r) {
        return st_error_set(r->err, -ENOMEM, "%s: read the device", r->name);
}

/* Room for one more at the end of an array that an arena cannot grow: a copy. */
static void *grow(struct st_arena *arena, const void *items, size_t n, size_t more, size_t size) {
        char *bigger = st_arena_array(arena, n + more, size);

        if (bigger && n)
                memcpy(bigger, items, n * size);
        return bigger;
}

static int text_of(const struct reader *r, const struct st_json *object, const char *key,
                   bool needed, const char **ret) {
        const struct st_json *value = st_json_get(object, key);

        if (!value && needed)
                return wrong(r, object, key);
        if (value && value->type != ST_JSON_STRING)
                return wrong(r, value, "a string");
        *ret = value ? value->text : NULL;
        return 0;
}

static int number_of(const struct reader *r, const struct st_json *object, const char *key,
                     bool *ret_has, uint32_t *ret) {
        const struct st_json *value = st_json_get(object, key);

        *ret_has = value != NULL;
        if (value && (value->type != ST_JSON_NUMBER || st_parse_u32(value->text, ret) < 0))
                return wrong(r, value, "a number");
        return 0;
}

static int strings_of(const struct reader *r, const struct st_json *object, const char *key,
                      char ***ret) {
        const struct st_json *value = st_json_get(object, key);
        char **strings;
        size_t n = 0;

        *ret = NULL;
        if (!value)
                return 0;
        if (value->type != ST_JSON_ARRAY)
                return wrong(r, value, "an array of strings");
        strings = st_arena_array(r->arena, value->n_children + 1, sizeof *strings);
        if (!strings)
                return out_of_memory(r);
        ST_JSON_FOREACH (item, value) {
                if (item->type != ST_JSON_STRING)
                        return wrong(r, item, "a string");
                strings[n++] = (char *)item->text;
        }
        *ret = strings;
        return 0;
}

/* Every item of the array object[key], one after the other. */
static int each(const struct reader *r, const struct st_json *object, const char *key,
                int (*read)(const struct reader *r, const struct st_json *item)) {
        const struct st_json *value = st_json_get(object, key);

        if (value && value->type != ST_JSON_ARRAY)
                return wrong(r, value, "an array");
        ST_JSON_FOREACH (item, value) {
                int result = read(r, item);
                if (result < 0)
                        return result;
        }
        return 0;
}

static int read_variable(const struct reader *r, const struct st_json *item) {
        struct rt_cdi_edits *edits = r->edits;
        char **env;

        if (item->type != ST_JSON_STRING || !strchr(item->text, '=') || item->text[0] == '=')
                return wrong(r, item, "NAME=VALUE");
        env = grow(r->arena, edits->env, edits->n_env, 2, sizeof *env);
        if (!env)
                return out_of_memory(r);
        env[edits->n_env++] = (char *)item->text;
        edits->env = env;
        return 0;
}

static int read_node_type(const struct reader *r, const struct st_json *item,
                          struct rt_cdi_node *node) {
        const char *type;
        int result = text_of(r, item, "type", false, &type);

        if (result < 0)
                return result;
        if (type && (strlen(type) != 1 || !strchr("bcup", *type)))
                return wrong(r, st_json_get(item, "type"), "b, c, u or p");
        node->type = !type          ? ST_DEVICE_ALL
                     : *type == 'b' ? ST_DEVICE_BLOCK
                     : *type == 'p' ? ST_DEVICE_FIFO
                                    : ST_DEVICE_CHAR;
        return 0;
}

static int read_node(const struct reader *r, const struct st_json *item) {
        struct rt_cdi_edits *edits = r->edits;
        struct rt_cdi_node node = {.major = -1, .minor = -1}, *nodes;
        uint32_t major = 0, minor = 0;
        bool has_major, has_minor;
        int result = text_of(r, item, "path", true, &node.path);

        if (result == 0)
                result = text_of(r, item, "hostPath", false, &node.host_path);
        if (result == 0)
                result = text_of(r, item, "permissions", false, &node.permissions);
        if (result == 0)
                result = read_node_type(r, item, &node);
        if (result == 0)
                result = number_of(r, item, "major", &has_major, &major);
        if (result == 0)
                result = number_of(r, item, "minor", &has_minor, &minor);
        if (result == 0)
                result = number_of(r, item, "fileMode", &node.has_file_mode, &node.file_mode);
        if (result == 0)
                result = number_of(r, item, "uid", &node.has_uid, &node.uid);
        if (result == 0)
                result = number_of(r, item, "gid", &node.has_gid, &node.gid);
        if (result < 0)
                return result;
        if (node.path[0] != '/')
                return wrong(r, st_json_get(item, "path"), "an absolute path");
        if (node.permissions && node.permissions[strspn(node.permissions, "rwm")])
                return wrong(r, st_json_get(item, "permissions"), "letters of rwm");
        if (has_major && has_minor) {
                node.major = major;
                node.minor = minor;
        }
        nodes = grow(r->arena, edits->nodes, edits->n_nodes, 1, sizeof *nodes);
        if (!nodes)
                return out_of_memory(r);
        nodes[edits->n_nodes++] = node;
        edits->nodes = nodes;
        return 0;
}

static int read_mount(const struct reader *r, const struct st_json *item) {
        struct rt_cdi_edits *edits = r->edits;
        struct rt_cdi_mount mount = {0}, *mounts;
        int result = text_of(r, item, "hostPath", true, &mount.host_path);

        if (result == 0)
                result = text_of(r, item, "containerPath", true, &mount.container_path);
        if (result == 0)
                result = text_of(r, item, "type", false, &mount.type);
        if (result == 0)
                result = strings_of(r, item, "options", &mount.options);
        if (result < 0)
                return result;
        mounts = grow(r->arena, edits->mounts, edits->n_mounts, 1, sizeof *mounts);
        if (!mounts)
                return out_of_memory(r);
        mounts[edits->n_mounts++] = mount;
        edits->mounts = mounts;
        return 0;
}

static int find_hook_kind(const char *name) {
        for (int kind = 0; kind < _ST_HOOK_MAX; kind++)
                if (!strcmp(name, st_hook_name((enum st_hook_kind)kind)))
                        return kind;
        return -1;
}

static int read_hook(const struct reader *r, const struct st_json *item) {
        struct rt_cdi_edits *edits = r->edits;
        struct rt_cdi_hook hook = {0}, *hooks;
        const char *kind = NULL;
        bool has_timeout;
        int result = text_of(r, item, "hookName", true, &kind);

        if (result == 0)
                result = text_of(r, item, "path", true, &hook.path);
        if (result == 0)
                result = strings_of(r, item, "args", &hook.args);
        if (result == 0)
                result = strings_of(r, item, "env", &hook.env);
        if (result == 0)
                result = number_of(r, item, "timeout", &has_timeout, &hook.timeout_sec);
        if (result < 0)
                return result;
        if (find_hook_kind(kind) < 0)
                return wrong(r, st_json_get(item, "hookName"), "the name of a hook");
        hook.kind = (enum st_hook_kind)find_hook_kind(kind);
        hooks = grow(r->arena, edits->hooks, edits->n_hooks, 1, sizeof *hooks);
        if (!hooks)
                return out_of_memory(r);
        hooks[edits->n_hooks++] = hook;
        edits->hooks = hooks;
        return 0;
}

static int read_gid(const struct reader *r, const struct st_json *item) {
        struct rt_cdi_edits *edits = r->edits;
        uint32_t *gids, gid;

        if (item->type != ST_JSON_NUMBER || st_parse_u32(item->text, &gid) < 0)
                return wrong(r, item, "a group id");
        gids = grow(r->arena, edits->gids, edits->n_gids, 1, sizeof *gids);
        if (!gids)
                return out_of_memory(r);
        gids[edits->n_gids++] = gid;
        edits->gids = gids;
        return 0;
}

/* What we would leave out changes what the device can do: an error, not a surprise. */
static int refuse_unknown(const struct reader *r, const struct st_json *edits) {
        static const char *const known[] = {"env",   "deviceNodes",    "mounts",
                                            "hooks", "additionalGids", NULL};

        ST_JSON_FOREACH (member, edits) {
                size_t i = 0;

                while (known[i] && strcmp(known[i], member->key))
                        i++;
                if (!known[i])
                        return wrong(r, member, "an edit that is known here");
        }
        return 0;
}

static int read_edits(const struct reader *r, const struct st_json *owner) {
        const struct st_json *edits = st_json_get(owner, "containerEdits");
        int result;

        if (!edits)
                return 0;
        if (edits->type != ST_JSON_OBJECT)
                return wrong(r, edits, "an object");
        result = refuse_unknown(r, edits);
        if (result == 0)
                result = each(r, edits, "env", read_variable);
        if (result == 0)
                result = each(r, edits, "deviceNodes", read_node);
        if (result == 0)
                result = each(r, edits, "mounts", read_mount);
        if (result == 0)
                result = each(r, edits, "hooks", read_hook);
        if (result == 0)
                result = each(r, edits, "additionalGids", read_gid);
        return result;
}

static int find_device(const struct reader *r, const struct st_json *root, const char *device_name,
                       const struct st_json **ret) {
        const struct st_json *devices = st_json_get(root, "devices");

        *ret = NULL;
        if (!devices || devices->type != ST_JSON_ARRAY)
                return wrong(r, devices ? devices : root, "an array \"devices\"");
        ST_JSON_FOREACH (device, devices) {
                const char *name = NULL;
                int result = text_of(r, device, "name", true, &name);

                if (result < 0)
                        return result;
                if (!strcmp(name, device_name))
                        *ret = device;
        }
        return 0;
}

int rt_cdi_parse(struct st_arena *arena, const char *name, const char *text, size_t length,
                 const char *kind, const char *device_name, struct rt_cdi_edits *edits,
                 struct st_error *err) {
        struct rt_cdi_edits all = *edits; /* on failure the caller's stay as they are */
        struct reader r = {arena, name, &all, err};
        const struct st_json *root, *device;
        const char *version = NULL, *own_kind = NULL;
        int result = st_json_parse(arena, name, text, length, &root, err);

        if (result == 0)
                result = text_of(&r, root, "cdiVersion", true, &version);
        if (result == 0)
                result = text_of(&r, root, "kind", true, &own_kind);
        if (result < 0 || strcmp(own_kind, kind))
                return result;
        result = find_device(&r, root, device_name, &device);
        if (result < 0 || !device)
                return result;
        result = read_edits(&r, root);
        if (result == 0)
                result = read_edits(&r, device);
        if (result < 0)
                return result;
        *edits = all;
        return 1;
}

/* ---- the directories ---- */

static int is_spec(const struct dirent *entry) {
        const char *dot = strrchr(entry->d_name, '.');

        return dot && !strcmp(dot, ".json");
}

static int compare_entries(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int try_file(struct st_arena *arena, const char *dir, const char *file, const char *kind,
                    const char *device_name, struct rt_cdi_edits *edits, struct st_error *err) {
        st_autofree char *path = NULL, *text = NULL;
        size_t length;
        int r;

        if (asprintf(&path, "%s/%s", dir, file) < 0)
                return st_error_set(err, -ENOMEM, "look for devices in %s", dir);
        r = st_read_file_at(AT_FDCWD, path, SPEC_MAX_BYTES, &text, &length, err);
        return r < 0 ? r : rt_cdi_parse(arena, path, text, length, kind, device_name, edits, err);
}

static int search_dir(struct st_arena *arena, const char *dir, const char *kind,
                      const char *device_name, struct rt_cdi_edits *edits, struct st_error *err) {
        struct dirent **entries = NULL;
        int n = scandir(dir, &entries, is_spec, compare_entries), r = 0;

        if (n < 0)
                return errno == ENOENT || errno == ENOTDIR
                               ? 0
                               : st_error_sys(err, "look for devices in %s", dir);
        for (int i = 0; i < n; i++) {
                if (r == 0)
                        r = try_file(arena, dir, entries[i]->d_name, kind, device_name, edits, err);
                free(entries[i]);
        }
        free(entries);
        return r;
}

/* The numbers that the spec leaves to the host. */
static int complete_nodes(struct rt_cdi_edits *edits, size_t from, struct st_error *err) {
        for (size_t i = from; i < edits->n_nodes; i++) {
                struct rt_cdi_node *node = &edits->nodes[i];
                const char *host = node->host_path ? node->host_path : node->path;
                struct stat st;

                if (node->major >= 0 && node->type != ST_DEVICE_ALL)
                        continue;
                if (stat(host, &st) < 0)
                        return st_error_sys(err, "device node %s", host);
                if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
                        return st_error_set(err, -EINVAL, "device node %s: not a device", host);
                node->type = S_ISCHR(st.st_mode) ? ST_DEVICE_CHAR : ST_DEVICE_BLOCK;
                node->major = major(st.st_rdev);
                node->minor = minor(st.st_rdev);
        }
        return 0;
}

int rt_cdi_find(struct st_arena *arena, const char *const *dirs, const char *device,
                struct rt_cdi_edits *edits, struct st_error *err) {
        const char *equals = strchr(device, '=');
        char *kind = equals ? st_arena_strndup(arena, device, (size_t)(equals - device)) : NULL;
        size_t n = 0, from = edits->n_nodes;
        int r = 0;

        if (!equals || !strchr(device, '/') || strchr(device, '/') > equals || !equals[1])
                return st_error_set(err, -EINVAL, "device %s: not vendor/class=name", device);
        if (!kind)
                return st_error_set(err, -ENOMEM, "look for device %s", device);
        while (dirs[n])
                n++;
        while (n > 0 && r == 0)
                r = search_dir(arena, dirs[--n], kind, equals + 1, edits, err);
        if (r == 0)
                return st_error_set(err, -ENOENT, "device %s: no CDI spec has it", device);
        if (r > 0)
                r = complete_nodes(edits, from, err);
        return r < 0 ? st_error_prefix(err, r, "device %s", device) : 0;
}
