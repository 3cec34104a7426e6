#include "exec_process.h"

#include "cli.h"
#include "terminal.h"

#include <string.h>

#include <stint/cleanup.h>
#include <stint/parse.h>

static int out_of_memory(struct st_error *err) {
        return st_error_set(err, -ENOMEM, "allocate the process");
}

static int parse_id(const char *text, const char *what, uint32_t *ret_id, struct st_error *err) {
        if (st_parse_u32(text, ret_id) < 0 ||
            *ret_id == UINT32_MAX) /* (uid_t)-1 means "unchanged" to the kernel */
                return cli_usage_error(err, "parsing %s as int for %s failed", text, what);
        return 0;
}

/* "UID[:GID]": numbers only, as in runc. Names belong to the container's files, which are not ours
 * to trust. */
static int set_user(struct st_process *process, const char *text, struct st_error *err) {
        const char *colon = strchr(text, ':');
        char uid[16] = "";
        size_t length = colon ? (size_t)(colon - text) : strlen(text);
        int r;

        if (length < sizeof uid)
                memcpy(uid, text, length);
        r = parse_id(*uid ? uid : text, "uid", &process->user.uid, err);
        if (r == 0 && colon)
                r = parse_id(colon + 1, "gid", &process->user.gid, err);
        return r;
}

static int add_gids(struct st_arena *arena, struct st_process *process, const struct cli_list *list,
                    struct st_error *err) {
        size_t n = process->user.n_additional_gids;
        gid_t *gids = st_arena_array(arena, n + list->n_items, sizeof *gids);

        if (!gids)
                return out_of_memory(err);
        if (n > 0)
                memcpy(gids, process->user.additional_gids, n * sizeof *gids);
        for (size_t i = 0; i < list->n_items; i++) {
                int r = parse_id(list->items[i], "additional gid", &gids[n++], err);
                if (r < 0)
                        return r;
        }
        process->user.additional_gids = gids;
        process->user.n_additional_gids = n;
        return 0;
}

/* Not the inheritable set (CVE-2022-29162), and so not the ambient one, which needs it. */
static int add_caps(struct st_process *process, const struct cli_list *list, struct st_error *err) {
        for (size_t i = 0; i < list->n_items; i++) {
                int number = st_capability_number(list->items[i]);

                if (number < 0)
                        return cli_usage_error(err, "unknown capability \"%s\"", list->items[i]);
                process->caps.bounding |= UINT64_C(1) << number;
                process->caps.effective |= UINT64_C(1) << number;
                process->caps.permitted |= UINT64_C(1) << number;
                process->caps.present = true;
        }
        return 0;
}

static bool same_name(const char *a, const char *b) {
        size_t length = strcspn(a, "=");

        return !strncmp(a, b, length) && b[length] == '=';
}

/* A later setting of a name replaces an earlier one: execve(2) would hand both over, and programs
 * read the first. */
static int add_env(struct st_arena *arena, struct st_process *process, const struct cli_list *list,
                   struct st_error *err) {
        char **env = st_arena_array(arena, process->n_env + list->n_items + 1, sizeof *env);
        size_t n = process->n_env;

        if (!env)
                return out_of_memory(err);
        if (n > 0)
                memcpy(env, process->env, n * sizeof *env);
        for (size_t i = 0; i < list->n_items; i++) {
                const char *item = list->items[i];
                size_t place = 0;

                if (!strchr(item, '=') || *item == '=')
                        return cli_usage_error(
                                err, "invalid value \"%s\" for flag -env: NAME=VALUE is wanted",
                                item);
                while (place < n && !same_name(env[place], item))
                        place++;
                env[place] = (char *)item; /* execve(2)'s type; never written to */
                n += place == n;
        }
        process->env = env;
        process->n_env = n;
        return 0;
}

static void set_args(struct st_process *process, const char *const *args) {
        process->args = (char **)args; /* execve(2)'s type; never written to */
        process->n_args = 0;
        while (args[process->n_args])
                process->n_args++;
}

static int read_process(struct st_arena *arena, const char *path, struct st_process **ret_process,
                        struct st_error *err) {
        st_autofree char *text = NULL;
        size_t length;
        int r = cli_read_input(path, &text, &length, err);

        return r < 0 ? r : st_process_parse(arena, path, text, length, ret_process, err);
}

static int derive_process(struct st_arena *arena, struct rt_container *container,
                          const struct cli_exec_request *request, struct st_process *process,
                          struct st_error *err) {
        const struct st_spec *spec;
        int r = rt_container_config(container, &spec, err);

        if (r < 0)
                return r;
        if (spec->process)
                *process = *spec->process;
        process->terminal = false; /* the init's terminal is not ours: --tty decides */
        set_args(process, request->args);
        if (request->cwd)
                process->cwd = request->cwd;
        if (request->apparmor)
                process->apparmor_profile = request->apparmor;
        if (request->label)
                process->selinux_label = request->label;
        if (request->no_new_privs)
                process->no_new_privileges = true;
        r = add_env(arena, process, &request->env, err);
        if (r == 0 && request->user)
                r = set_user(process, request->user, err);
        if (r == 0)
                r = add_gids(arena, process, &request->gids, err);
        return r < 0 ? r : add_caps(process, &request->caps, err);
}

/* From the start, or the process could see its terminal without a size. */
static void set_size(struct st_process *process) {
        struct winsize size;

        if (!process->terminal || process->console_height || !cli_terminal_size(&size))
                return;
        process->console_height = size.ws_row;
        process->console_width = size.ws_col;
}

int cli_exec_process(struct st_arena *arena, struct rt_container *container,
                     const struct cli_exec_request *request, const struct st_process **ret_process,
                     struct st_error *err) {
        struct st_process *process;
        int r;

        if (!request->process_file && !request->args[0])
                return cli_usage_error(err, "process args cannot be empty");
        process = st_arena_alloc(arena, sizeof *process);
        if (!process)
                return out_of_memory(err);
        r = request->process_file ? read_process(arena, request->process_file, &process, err)
                                  : derive_process(arena, container, request, process, err);
        if (r < 0)
                return r;
        process->terminal |= request->tty;
        set_size(process);
        *ret_process = process;
        return 0;
}
