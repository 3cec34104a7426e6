#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/cgroup.h>
#include <stint/cleanup.h>

enum { CPU_PERIOD_USEC = 100000, MILLI = 1000, LOWEST_SHARES = 2 };

static bool is_one_of(const char *key, const char *const *names) {
        for (; *names; names++)
                if (!strcmp(*names, key))
                        return true;
        return false;
}

static void copy_except(struct st_json_writer *w, const struct st_json *object,
                        const char *const *names) {
        ST_JSON_FOREACH (member, object)
                if (!is_one_of(member->key, names))
                        st_json_value(w, member->key, member);
}

static void put_strings(struct st_json_writer *w, const char *key, char *const *strings) {
        st_json_open_array(w, key);
        for (; *strings; strings++)
                st_json_string(w, NULL, *strings);
        st_json_close_array(w);
}

static void copy_items(struct st_json_writer *w, const struct st_json *array) {
        ST_JSON_FOREACH (item, array)
                st_json_value(w, NULL, item);
}

/* ---- process ---- */

/* "NAME=" of both is the same. */
static bool same_name(const char *a, const char *b) {
        size_t n = strcspn(a, "=");

        return !strncmp(a, b, n) && b[n] == '=';
}

static bool has_name(char *const *env, const char *variable) {
        for (; env && *env; env++)
                if (same_name(*env, variable))
                        return true;
        return false;
}

static bool is_last_of_name(char *const *variable) {
        return !has_name(variable + 1, *variable);
}

static void put_env(struct st_json_writer *w, const struct st_json *env,
                    const struct rt_config_edit *edit) {
        st_json_open_array(w, "env");
        ST_JSON_FOREACH (item, env)
                if (item->type != ST_JSON_STRING || !has_name(edit->env, item->text))
                        st_json_value(w, NULL, item);
        for (char *const *variable = edit->env; variable && *variable; variable++)
                if (is_last_of_name(variable))
                        st_json_string(w, NULL, *variable);
        for (size_t i = 0; edit->devices && i < edit->devices->n_env; i++)
                st_json_string(w, NULL, edit->devices->env[i]);
        st_json_close_array(w);
}

char **rt_config_merge_env(struct st_arena *arena, const struct st_json *config, char *const *env) {
        const struct st_json *base = st_json_get(st_json_get(config, "process"), "env");
        size_t n = 0, room = base ? base->n_children : 0;
        char **merged;

        for (char *const *variable = env; *variable; variable++)
                room++;
        merged = st_arena_array(arena, room + 1, sizeof *merged);
        if (!merged)
                return NULL;
        ST_JSON_FOREACH (item, base)
                if (item->type == ST_JSON_STRING && !has_name(env, item->text))
                        merged[n++] = (char *)item->text;
        for (char *const *variable = env; *variable; variable++)
                if (is_last_of_name(variable))
                        merged[n++] = *variable;
        return merged;
}

static void put_user(struct st_json_writer *w, const struct st_json *user,
                     const struct rt_config_edit *edit) {
        static const char *const replaced[] = {"uid", "gid", "additionalGids", NULL};
        static const char *const gids[] = {"additionalGids", NULL};

        st_json_open_object(w, "user");
        copy_except(w, user, edit->has_user ? replaced : gids);
        if (edit->has_user) {
                st_json_uint(w, "uid", edit->uid);
                st_json_uint(w, "gid", edit->gid);
        }
        st_json_open_array(w, "additionalGids");
        if (!edit->has_user)
                copy_items(w, st_json_get(user, "additionalGids"));
        for (size_t i = 0; edit->devices && i < edit->devices->n_gids; i++)
                st_json_uint(w, NULL, edit->devices->gids[i]);
        st_json_close_array(w);
        st_json_close_object(w);
}

static void put_process(struct st_json_writer *w, const struct st_json *process,
                        const struct rt_config_edit *edit) {
        static const char *const replaced[] = {"args",     "env",         "cwd", "user",
                                               "terminal", "consoleSize", NULL};

        st_json_open_object(w, "process");
        copy_except(w, process, replaced);
        st_json_bool(w, "terminal", false);
        put_user(w, st_json_get(process, "user"), edit);
        if (edit->args)
                put_strings(w, "args", edit->args);
        else if (st_json_get(process, "args"))
                st_json_value(w, "args", st_json_get(process, "args"));
        put_env(w, st_json_get(process, "env"), edit);
        if (edit->cwd)
                st_json_string(w, "cwd", edit->cwd);
        else if (st_json_get(process, "cwd"))
                st_json_value(w, "cwd", st_json_get(process, "cwd"));
        else
                st_json_string(w, "cwd", "/");
        st_json_close_object(w);
}

/* ---- root and mounts ---- */

static void put_root(struct st_json_writer *w, const struct st_json *root,
                     const struct rt_config_edit *edit) {
        static const char *const path[] = {"path", NULL};

        if (!edit->root_path) {
                if (root)
                        st_json_value(w, "root", root);
                return;
        }
        st_json_open_object(w, "root");
        copy_except(w, root, path);
        st_json_string(w, "path", edit->root_path);
        st_json_close_object(w);
}

static void put_bind(struct st_json_writer *w, const struct rt_bind *bind) {
        st_json_open_object(w, NULL);
        st_json_string(w, "destination", bind->destination);
        st_json_string(w, "type", "bind");
        st_json_string(w, "source", bind->source);
        st_json_open_array(w, "options");
        st_json_string(w, NULL, "rbind");
        if (bind->readonly)
                st_json_string(w, NULL, "rro");
        st_json_close_array(w);
        st_json_close_object(w);
}

/* sysfs can be mounted only by who owns the network namespace. */
static void put_host_sys(struct st_json_writer *w, const char *destination) {
        static char *const options[] = {(char *)"rbind", (char *)"nosuid", (char *)"noexec",
                                        (char *)"nodev", (char *)"ro",     NULL};

        st_json_open_object(w, NULL);
        st_json_string(w, "destination", destination);
        st_json_string(w, "type", "none");
        st_json_string(w, "source", "/sys");
        put_strings(w, "options", options);
        st_json_close_object(w);
}

static const char *text_of(const struct st_json *object, const char *key) {
        const struct st_json *value = st_json_get(object, key);

        return value && value->type == ST_JSON_STRING ? value->text : "";
}

/* What only a real root, or the owner of more ids, may mount: sysfs of a network namespace that is
 * not ours, cgroups below it, and devpts for group 5. */
static void put_rootless_mount(struct st_json_writer *w, const struct st_json *mount,
                               const struct rt_config_edit *edit) {
        static const char *const options[] = {"options", NULL};
        bool host_network = edit->network == RT_NETWORK_HOST;

        if (host_network && !strcmp(text_of(mount, "type"), "sysfs")) {
                put_host_sys(w, text_of(mount, "destination"));
                return;
        }
        if (host_network && !strncmp(text_of(mount, "type"), "cgroup", 6))
                return; /* comes with /sys */
        st_json_open_object(w, NULL);
        copy_except(w, mount, options);
        st_json_open_array(w, "options");
        ST_JSON_FOREACH (option, st_json_get(mount, "options"))
                if (option->type != ST_JSON_STRING || strcmp(text_of(mount, "type"), "devpts") ||
                    strncmp(option->text, "gid=", 4))
                        st_json_value(w, NULL, option);
        st_json_close_array(w);
        st_json_close_object(w);
}

static void put_cdi_mount(struct st_json_writer *w, const struct rt_cdi_mount *mount) {
        static char *const usual[] = {(char *)"rbind", NULL};

        st_json_open_object(w, NULL);
        st_json_string(w, "destination", mount->container_path);
        st_json_string(w, "type", mount->type ? mount->type : "bind");
        st_json_string(w, "source", mount->host_path);
        put_strings(w, "options", mount->options ? mount->options : usual);
        st_json_close_object(w);
}

static void put_mounts(struct st_json_writer *w, const struct st_json *mounts,
                       const struct rt_config_edit *edit) {
        st_json_open_array(w, "mounts");
        ST_JSON_FOREACH (mount, mounts) {
                if (edit->drop_user_namespace)
                        put_rootless_mount(w, mount, edit);
                else
                        st_json_value(w, NULL, mount);
        }
        for (size_t i = 0; i < edit->n_binds; i++)
                put_bind(w, &edit->binds[i]);
        for (size_t i = 0; edit->devices && i < edit->devices->n_mounts; i++)
                put_cdi_mount(w, &edit->devices->mounts[i]);
        st_json_close_array(w);
}

/* ---- linux ---- */

static void put_namespaces(struct st_json_writer *w, const struct st_json *namespaces,
                           const struct rt_config_edit *edit) {
        st_json_open_array(w, "namespaces");
        ST_JSON_FOREACH (item, namespaces) {
                const char *type = text_of(item, "type");

                if (!strcmp(type, "network") && edit->network != RT_NETWORK_AS_CONFIGURED)
                        continue;
                if (!strcmp(type, "user") && edit->drop_user_namespace)
                        continue;
                st_json_value(w, NULL, item);
        }
        if (edit->network == RT_NETWORK_NONE) {
                st_json_open_object(w, NULL);
                st_json_string(w, "type", "network");
                st_json_close_object(w);
        }
        st_json_close_array(w);
}

static void put_memory(struct st_json_writer *w, const struct st_json *memory,
                       const struct rt_config_edit *edit) {
        static const char *const limits[] = {"limit", "swap", "reservation", NULL};

        if (!edit->memory_bytes) {
                if (memory)
                        st_json_value(w, "memory", memory);
                return;
        }
        st_json_open_object(w, "memory");
        copy_except(w, memory, limits);
        st_json_int(w, "limit", edit->memory_bytes);
        st_json_close_object(w);
}

static void put_cpu(struct st_json_writer *w, const struct st_json *cpu,
                    const struct rt_config_edit *edit) {
        static const char *const bandwidth[] = {"quota", "period", "burst", NULL};
        static const char *const all[] = {"quota",  "period", "burst", "cpus",
                                          "shares", "idle",   NULL};
        static const char *const none[] = {NULL};
        bool limited = edit->cpu_milli || edit->cpus || edit->best_effort;

        if (!limited) {
                if (cpu)
                        st_json_value(w, "cpu", cpu);
                return;
        }
        st_json_open_object(w, "cpu");
        copy_except(w, cpu,
                    edit->cpus || edit->best_effort ? all
                    : edit->cpu_milli               ? bandwidth
                                                    : none);
        if (edit->cpu_milli) {
                st_json_uint(w, "quota", edit->cpu_milli * CPU_PERIOD_USEC / MILLI);
                st_json_uint(w, "period", CPU_PERIOD_USEC);
        }
        if (edit->cpus)
                st_json_string(w, "cpus", edit->cpus);
        if (edit->best_effort) {
                st_json_uint(w, "shares", LOWEST_SHARES);
                if (rt_cgroup_detect() == RT_CGROUP_V2)
                        st_json_uint(w, "idle", 1);
        }
        st_json_close_object(w);
}

static void put_device_rules(struct st_json_writer *w, const struct st_json *rules,
                             const struct rt_cdi_edits *devices) {
        if (!rules && !devices)
                return;
        st_json_open_array(w, "devices");
        copy_items(w, rules);
        for (size_t i = 0; devices && i < devices->n_nodes; i++) {
                const struct rt_cdi_node *node = &devices->nodes[i];
                const char type[] = {(char)node->type, 0};

                st_json_open_object(w, NULL);
                st_json_bool(w, "allow", true);
                st_json_string(w, "type", type);
                st_json_int(w, "major", node->major);
                st_json_int(w, "minor", node->minor);
                st_json_string(w, "access", node->permissions ? node->permissions : "rwm");
                st_json_close_object(w);
        }
        st_json_close_array(w);
}

static void put_resources(struct st_json_writer *w, const struct st_json *resources,
                          const struct rt_config_edit *edit) {
        static const char *const replaced[] = {"memory", "cpu", "devices", NULL};

        st_json_open_object(w, "resources");
        copy_except(w, resources, replaced);
        put_memory(w, st_json_get(resources, "memory"), edit);
        put_cpu(w, st_json_get(resources, "cpu"), edit);
        put_device_rules(w, st_json_get(resources, "devices"), edit->devices);
        st_json_close_object(w);
}

static void put_device(struct st_json_writer *w, const struct rt_cdi_node *node) {
        const char type[] = {(char)node->type, 0};

        st_json_open_object(w, NULL);
        st_json_string(w, "path", node->path);
        st_json_string(w, "type", type);
        st_json_int(w, "major", node->major);
        st_json_int(w, "minor", node->minor);
        if (node->has_file_mode)
                st_json_uint(w, "fileMode", node->file_mode);
        if (node->has_uid)
                st_json_uint(w, "uid", node->uid);
        if (node->has_gid)
                st_json_uint(w, "gid", node->gid);
        st_json_close_object(w);
}

static void put_devices(struct st_json_writer *w, const struct st_json *devices,
                        const struct rt_cdi_edits *added) {
        st_json_open_array(w, "devices");
        copy_items(w, devices);
        for (size_t i = 0; added && i < added->n_nodes; i++)
                put_device(w, &added->nodes[i]);
        st_json_close_array(w);
}

static void put_linux(struct st_json_writer *w, const struct st_json *lin,
                      const struct rt_config_edit *edit) {
        static const char *const replaced[] = {"namespaces", "resources", "devices", "cgroupsPath",
                                               NULL};
        static const char *const with_maps[] = {"namespaces",  "resources",   "devices",
                                                "cgroupsPath", "uidMappings", "gidMappings",
                                                NULL};

        st_json_open_object(w, "linux");
        copy_except(w, lin, edit->drop_user_namespace ? with_maps : replaced);
        put_namespaces(w, st_json_get(lin, "namespaces"), edit);
        put_resources(w, st_json_get(lin, "resources"), edit);
        put_devices(w, st_json_get(lin, "devices"), edit->devices);
        if (edit->cgroups_path)
                st_json_string(w, "cgroupsPath", edit->cgroups_path);
        st_json_close_object(w);
}

/* ---- hooks ---- */

static void put_hook(struct st_json_writer *w, const struct rt_cdi_hook *hook) {
        st_json_open_object(w, NULL);
        st_json_string(w, "path", hook->path);
        if (hook->args)
                put_strings(w, "args", hook->args);
        if (hook->env)
                put_strings(w, "env", hook->env);
        if (hook->timeout_sec)
                st_json_uint(w, "timeout", hook->timeout_sec);
        st_json_close_object(w);
}

static void put_hooks(struct st_json_writer *w, const struct st_json *hooks,
                      const struct rt_cdi_edits *devices) {
        if (!devices || !devices->n_hooks) {
                if (hooks)
                        st_json_value(w, "hooks", hooks);
                return;
        }
        st_json_open_object(w, "hooks");
        for (int kind = 0; kind < _ST_HOOK_MAX; kind++) {
                const char *name = st_hook_name((enum st_hook_kind)kind);

                st_json_open_array(w, name);
                copy_items(w, st_json_get(hooks, name));
                for (size_t i = 0; i < devices->n_hooks; i++)
                        if ((int)devices->hooks[i].kind == kind)
                                put_hook(w, &devices->hooks[i]);
                st_json_close_array(w);
        }
        st_json_close_object(w);
}

/* ---- all ---- */

int rt_config_render(const struct st_json *config, const struct rt_config_edit *edit,
                     char **ret_text, size_t *ret_length, struct st_error *err) {
        static const char *const replaced[] = {"process", "root", "mounts", "linux", "hooks", NULL};
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        const char *text;
        size_t length;
        int r;

        if (!w)
                return st_error_set(err, -ENOMEM, "write a task's config");
        st_json_open_object(w, NULL);
        copy_except(w, config, replaced);
        put_process(w, st_json_get(config, "process"), edit);
        put_root(w, st_json_get(config, "root"), edit);
        put_mounts(w, st_json_get(config, "mounts"), edit);
        put_hooks(w, st_json_get(config, "hooks"), edit->devices);
        put_linux(w, st_json_get(config, "linux"), edit);
        st_json_close_object(w);
        r = st_json_writer_finish(w, &text, &length, err);
        if (r < 0)
                return st_error_prefix(err, r, "write a task's config");
        *ret_text = strdup(text);
        if (!*ret_text)
                return st_error_set(err, -ENOMEM, "write a task's config");
        *ret_length = length;
        return 0;
}

int rt_bind_parse(struct st_arena *arena, const char *text, struct rt_bind *ret,
                  struct st_error *err) {
        const char *first = strchr(text, ':'), *second = first ? strchr(first + 1, ':') : NULL;
        struct rt_bind bind = {0};

        bind.source = st_arena_strndup(arena, text, first ? (size_t)(first - text) : strlen(text));
        bind.destination = bind.source;
        if (first && first + 1 != second && first[1])
                bind.destination =
                        st_arena_strndup(arena, first + 1,
                                         second ? (size_t)(second - first - 1) : strlen(first + 1));
        if (!bind.source || !bind.destination)
                return st_error_set(err, -ENOMEM, "read a bind");
        if (bind.source[0] != '/' || bind.destination[0] != '/')
                return st_error_set(err, -EINVAL, "bind %s: paths have to be absolute", text);
        if (second && strcmp(second + 1, "ro") && strcmp(second + 1, "rw"))
                return st_error_set(err, -EINVAL, "bind %s: ro or rw wanted, not %s", text,
                                    second + 1);
        bind.readonly = second && !strcmp(second + 1, "ro");
        *ret = bind;
        return 0;
}
