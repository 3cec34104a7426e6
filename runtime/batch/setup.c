#include "setup.h"

#include "capacity.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <stint/fs.h>
#include <stint/parse.h>

static int no_memory(struct st_error *err) {
        return st_error_set(err, -ENOMEM, "set up the batch");
}

/* ---- the environment ---- */

/* "NAME=VALUE"; "NAME" is passed on when we have it. */
static int read_env(struct rt_batch *batch, struct st_error *err) {
        const char *const *given = batch->options->env;
        size_t n = 0, kept = 0;

        while (given && given[n])
                n++;
        batch->env = st_arena_array(batch->arena, n + 2, sizeof *batch->env);
        if (!batch->env)
                return no_memory(err);
        for (size_t i = 0; i < n; i++) {
                const char *value = strchr(given[i], '=') ? "" : getenv(given[i]);

                if (!value)
                        continue;
                batch->env[kept] = strchr(given[i], '=') ? st_arena_strdup(batch->arena, given[i])
                                                         : st_arena_printf(batch->arena, "%s=%s",
                                                                           given[i], value);
                if (!batch->env[kept++])
                        return no_memory(err);
        }
        if (batch->options->home && getenv("HOME")) {
                batch->env[kept] = st_arena_printf(batch->arena, "HOME=%s", getenv("HOME"));
                if (!batch->env[kept])
                        return no_memory(err);
        }
        return 0;
}

/* ---- the config ---- */

static int read_binds(struct rt_batch *batch, struct rt_config_edit *edit, struct st_error *err) {
        const char *const *texts = batch->options->binds;
        const char *home = batch->options->home ? getenv("HOME") : NULL;
        struct rt_bind *binds;
        size_t n = 0;

        while (texts && texts[n])
                n++;
        binds = st_arena_array(batch->arena, n + 1, sizeof *binds);
        if (!binds)
                return no_memory(err);
        for (size_t i = 0; i < n; i++) {
                int r = rt_bind_parse(batch->arena, texts[i], &binds[i], err);
                if (r < 0)
                        return st_error_kind(err, r, ST_CODE_USAGE);
        }
        if (batch->options->home && (!home || home[0] != '/'))
                return st_error_set(err, -EINVAL, "--home: HOME is not an absolute path");
        if (home)
                binds[n++] = (struct rt_bind) {.source = home, .destination = home};
        edit->binds = binds;
        edit->n_binds = n;
        return 0;
}

/* "UID[:GID]" */
static int read_user(const char *text, struct rt_config_edit *edit, struct st_error *err) {
        const char *colon = text ? strchr(text, ':') : NULL;
        char uid[16];

        if (!text)
                return 0;
        (void)snprintf(uid, sizeof uid, "%.*s", colon ? (int)(colon - text) : 15, text);
        edit->has_user = true;
        if (st_parse_u32(uid, &edit->uid) < 0 || (colon && st_parse_u32(colon + 1, &edit->gid) < 0))
                return st_error_kind(err,
                                     st_error_set(err, -EINVAL, "--user %s: not UID[:GID]", text),
                                     ST_CODE_USAGE);
        return 0;
}

static int read_network(const char *text, struct rt_config_edit *edit, struct st_error *err) {
        if (!text)
                return 0;
        if (strcmp(text, "host") && strcmp(text, "none"))
                return st_error_kind(
                        err, st_error_set(err, -EINVAL, "--network %s: host or none wanted", text),
                        ST_CODE_USAGE);
        edit->network = !strcmp(text, "host") ? RT_NETWORK_HOST : RT_NETWORK_NONE;
        return 0;
}

static int absolute_root(struct rt_batch *batch, const struct st_json *bundle_config,
                         const char **ret, struct st_error *err) {
        const struct st_json *path = st_json_get(st_json_get(bundle_config, "root"), "path");
        char bundle[PATH_MAX];

        if (!path || path->type != ST_JSON_STRING)
                return st_error_set(err, -EINVAL, "config.json: root.path is missing");
        if (path->text[0] == '/') {
                *ret = path->text;
                return 0;
        }
        if (!realpath(batch->options->bundle, bundle))
                return st_error_sys(err, "bundle %s", batch->options->bundle);
        *ret = st_arena_printf(batch->arena, "%s/%s", bundle, path->text);
        return *ret ? 0 : no_memory(err);
}

static int read_bundle(struct rt_batch *batch, const struct st_json **ret_config,
                       struct st_error *err) {
        st_cleanup(st_spec_freep) struct st_spec *spec = NULL;
        st_autofree char *text = NULL;
        const char *path = batch->options->config;
        size_t length;
        int r;

        if (!path)
                path = st_arena_printf(batch->arena, "%s/config.json", batch->options->bundle);
        if (!path)
                return no_memory(err);
        r = st_read_file_at(AT_FDCWD, path, ST_JSON_MAX_SIZE, &text, &length, err);
        if (r >= 0) /* its errors, and not those of what is made of it */
                r = st_spec_parse(path, text, length, &spec, err);
        return r < 0 ? r : st_json_parse(batch->arena, path, text, length, ret_config, err);
}

static int make_config(struct rt_batch *batch, struct st_error *err) {
        const struct rt_batch_options *options = batch->options;
        struct rt_config_edit edit = {.cwd = options->workdir,
                                      .env = batch->env,
                                      .drop_user_namespace = batch->user_namespace};
        const struct st_json *config;
        st_autofree char *text = NULL;
        size_t length;
        int r = read_bundle(batch, &config, err);

        if (r >= 0)
                r = absolute_root(batch, config, &edit.root_path, err);
        if (r >= 0)
                r = read_binds(batch, &edit, err);
        if (r >= 0)
                r = read_user(options->user, &edit, err);
        if (r >= 0)
                r = read_network(options->network, &edit, err);
        if (r >= 0)
                r = rt_config_render(config, &edit, &text, &length, err);
        if (r < 0)
                return r;
        batch->config_text = st_arena_strndup(batch->arena, text, length);
        batch->config_length = length;
        if (!batch->config_text)
                return no_memory(err);
        return st_json_parse(batch->arena, "the batch's config", batch->config_text, length,
                             &batch->config, err);
}

/* ---- what tasks are like ---- */

static int bad_option(const char *name, const char *text, struct st_error *err) {
        return st_error_kind(err,
                             st_error_set(err, -EINVAL, "invalid value for --%s: %s", name, text),
                             ST_CODE_USAGE);
}

static int read_limits(struct rt_batch *batch, struct st_error *err) {
        const struct rt_batch_options *options = batch->options;
        struct rt_task_defaults *defaults = &batch->defaults;

        if (options->cpus && rt_batch_parse_cpus(options->cpus, &defaults->cpu_milli) < 0)
                return bad_option("cpus", options->cpus, err);
        if (options->memory && (st_parse_size(options->memory, &defaults->memory_bytes) < 0 ||
                                defaults->memory_bytes <= 0))
                return bad_option("memory", options->memory, err);
        if (options->timeout &&
            rt_batch_parse_timeout(options->timeout, &defaults->timeout_nsec) < 0)
                return bad_option("timeout", options->timeout, err);
        defaults->retries = options->retries;
        defaults->devices = (char *const *)options->devices;
        return 0;
}

static int read_needs(struct rt_batch *batch, struct st_error *err) {
        const char *const *texts = batch->options->needs;
        struct rt_need *needs;
        size_t n = 0;

        while (texts && texts[n])
                n++;
        needs = st_arena_array(batch->arena, n + 1, sizeof *needs);
        if (!needs)
                return no_memory(err);
        for (size_t i = 0; i < n; i++) {
                int r = rt_need_parse(batch->arena, texts[i], &needs[i], err);

                if (r < 0)
                        return st_error_kind(err, r, ST_CODE_USAGE);
                for (size_t k = 0; k < i; k++)
                        if (!strcmp(needs[k].name, needs[i].name))
                                return bad_option("need", texts[i], err);
        }
        batch->defaults.needs = needs;
        batch->defaults.n_needs = n;
        return 0;
}

int rt_setup_tasks(struct rt_batch *batch, struct st_error *err) {
        int r = read_env(batch, err);

        if (r >= 0)
                r = make_config(batch, err);
        if (r >= 0)
                r = read_limits(batch, err);
        if (r >= 0)
                r = read_needs(batch, err);
        if (r >= 0)
                r = rt_resources_new(batch->options->resources, &batch->resources, err);
        if (r >= 0 && batch->options->command && batch->options->command[0])
                r = rt_template_new(batch->options->command, &batch->template, err);
        batch->defaults.command = batch->template;
        return r;
}

/* ---- places ---- */

int rt_setup_root_dir(struct rt_batch *batch, struct st_error *err) {
        const char *root = NULL;
        int r = rt_runtime_root(batch->runtime, &root, err);
        char *dir = r < 0 ? NULL : st_arena_printf(batch->arena, "%s/.%s", root, batch->name);

        if (r < 0)
                return r;
        if (!dir)
                return no_memory(err);
        r = st_mkdir_p_at(AT_FDCWD, dir, 0700);
        if (r < 0)
                return st_error_code(err, r, "make directory %s", dir);
        batch->root_dir = dir;
        if (mount("stint-batch", dir, "tmpfs", MS_NOSUID, "mode=0755") < 0)
                return st_error_sys(err, "mount a tmpfs on %s", dir);
        if (batch->options->scratch_dir) {
                r = st_mkdir_p_at(AT_FDCWD, batch->options->scratch_dir, 0700);
                if (r < 0)
                        return st_error_code(err, r, "make directory %s",
                                             batch->options->scratch_dir);
        }
        if (batch->options->logs_dir) {
                r = st_mkdir_p_at(AT_FDCWD, batch->options->logs_dir, 0777);
                if (r < 0)
                        return st_error_code(err, r, "make directory %s", batch->options->logs_dir);
        }
        return 0;
}

int rt_setup_slots(struct rt_batch *batch, struct st_error *err) {
        struct rt_capacity capacity;
        int r = 0;

        batch->slots = batch->options->slots;
        if (!batch->slots) {
                r = rt_capacity_read("/proc", "/sys/fs/cgroup", &capacity, err);
                if (r < 0)
                        return r;
                batch->slots = rt_capacity_slots(&capacity, batch->defaults.cpu_milli,
                                                 (uint64_t)batch->defaults.memory_bytes);
        }
        batch->slot_used = st_arena_array(batch->arena, batch->slots, sizeof *batch->slot_used);
        return batch->slot_used ? 0 : no_memory(err);
}
