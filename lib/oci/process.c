#include "sections.h"

#include <limits.h>
#include <string.h>

/* The kernel takes id 4294967295 as "leave as it is" or refuses it. */
enum { MAX_GROUPS = 65536 /* NGROUPS_MAX */, MAX_UMASK = 0777 };
#define MAX_ID (UINT32_MAX - 1)

static void read_additional_gids(struct st_reader *r, const struct st_json *node,
                                 struct st_user *user) {
        const struct st_json *gids = st_reader_array(r, node, "additionalGids");

        if (!gids)
                return;
        if (gids->n_children > MAX_GROUPS) {
                st_reader_reject(r, gids, "of %u groups is longer than %d", gids->n_children,
                                 MAX_GROUPS);
                return;
        }
        user->additional_gids = st_reader_alloc(r, gids->n_children, sizeof *user->additional_gids);
        if (!user->additional_gids)
                return;
        ST_JSON_FOREACH (gid, gids)
                user->additional_gids[user->n_additional_gids++] =
                        (gid_t)st_reader_unsigned(r, gid, 0, MAX_ID);
}

static void read_user(struct st_reader *r, const struct st_json *node, struct st_user *user) {
        struct st_optional_u64 umask = st_reader_uint(r, node, "umask", MAX_UMASK);

        user->uid = (uint32_t)st_reader_uint(r, node, "uid", MAX_ID).value;
        user->gid = (uint32_t)st_reader_uint(r, node, "gid", MAX_ID).value;
        user->umask = (uint32_t)umask.value;
        user->has_umask = umask.has;
        read_additional_gids(r, node, user);
}

/* The spec: consoleSize MUST be ignored without a terminal. */
static void read_console(struct st_reader *r, const struct st_json *node,
                         struct st_process *process) {
        const struct st_json *size;

        process->terminal = st_reader_bool(r, node, "terminal", NULL);
        size = process->terminal ? st_reader_object(r, node, "consoleSize") : NULL;
        if (!size)
                return;
        process->console_height = (uint16_t)st_reader_need_uint(r, size, "height", UINT16_MAX);
        process->console_width = (uint16_t)st_reader_need_uint(r, size, "width", UINT16_MAX);
}

static void read_args(struct st_reader *r, const struct st_json *node, struct st_process *process) {
        process->args = st_reader_strings(r, node, "args", &process->n_args);
        if (process->args && process->n_args == 0)
                st_reader_reject(r, st_json_get(node, "args"), "without elements names no program");
}

char **st_read_env(struct st_reader *r, const struct st_json *object, size_t *ret_n) {
        ST_JSON_FOREACH (element, st_reader_array(r, object, "env")) {
                const char *text = st_reader_text(r, element);
                if (*text == '=' || !strchr(text, '='))
                        st_reader_reject(r, element, "is not NAME=VALUE");
        }
        return st_reader_strings_or_empty(r, object, "env", ret_n);
}

static void read_rlimit(struct st_reader *r, const struct st_json *node, struct st_rlimit *limit) {
        if (!st_reader_is_object(r, node))
                return;
        limit->name = st_reader_need_string(r, node, "type");
        limit->resource = st_rlimit_number(limit->name);
        limit->soft = st_reader_need_uint(r, node, "soft", UINT64_MAX);
        limit->hard = st_reader_need_uint(r, node, "hard", UINT64_MAX);
        if (r->status < 0)
                return;
        if (limit->resource < 0)
                st_reader_reject(r, st_json_get(node, "type"),
                                 "is not a limit of Linux, such as RLIMIT_NOFILE");
        else if (limit->soft > limit->hard)
                st_reader_reject(r, st_json_get(node, "soft"), "is more than the hard limit");
}

static void read_rlimits(struct st_reader *r, const struct st_json *node,
                         struct st_process *process) {
        const struct st_json *list = st_reader_array(r, node, "rlimits");
        uint64_t seen = 0;

        if (!list)
                return;
        process->rlimits = st_reader_alloc(r, list->n_children, sizeof *process->rlimits);
        ST_JSON_FOREACH (entry, list) {
                struct st_rlimit *limit;
                if (r->status < 0)
                        return;
                limit = &process->rlimits[process->n_rlimits++];
                read_rlimit(r, entry, limit);
                if (r->status < 0)
                        return;
                if (seen & (UINT64_C(1) << limit->resource))
                        st_reader_reject(r, st_json_get(entry, "type"), "is listed twice");
                seen |= UINT64_C(1) << limit->resource;
        }
}

void st_read_process(struct st_reader *r, const struct st_json *node, struct st_process *process) {
        const struct st_json *user;
        struct st_optional_i64 oom;

        if (!st_reader_is_object(r, node))
                return;
        read_console(r, node, process);
        user = st_reader_object(r, node, "user");
        if (user)
                read_user(r, user, &process->user);
        read_args(r, node, process);
        process->env = st_read_env(r, node, &process->n_env);
        process->cwd = st_reader_need_path(r, node, "cwd");
        st_read_capabilities(r, node, &process->caps);
        read_rlimits(r, node, process);
        process->no_new_privileges = st_reader_bool(r, node, "noNewPrivileges", NULL);
        process->apparmor_profile = st_reader_string(r, node, "apparmorProfile");
        process->selinux_label = st_reader_string(r, node, "selinuxLabel");
        oom = st_reader_int(r, node, "oomScoreAdj", -1000, 1000);
        process->oom_score_adj = (int)oom.value;
        process->has_oom_score_adj = oom.has;
        st_read_scheduling(r, node, process);
}
