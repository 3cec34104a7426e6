/* A task as one message: the keeper writes it, the slot's first process reads it where it cannot
 * allocate. */
#include "message.h"

#include <string.h>

#include <stint/cleanup.h>
#include <stint/task.h>

/* ---- writing ---- */

struct counted {
        size_t n, bytes;
};

static struct counted count(char *const *strings) {
        struct counted counted = {0, 0};

        for (; *strings; strings++) {
                counted.n++;
                counted.bytes += strlen(*strings) + 1;
        }
        return counted;
}

static bool has_home(char *const *env) {
        for (; *env; env++)
                if (!strncmp(*env, "HOME=", 5))
                        return true;
        return false;
}

static char *put_strings(char *at, char *const *strings) {
        for (; *strings; strings++)
                at = stpcpy(at, *strings) + 1;
        return at;
}

/* A task with nothing left out. */
struct whole {
        const char *id, *cwd, *hostname;
        char *const *argv, *const *env;
        const struct st_user *user;
        const struct st_rlimit *rlimits;
        size_t n_rlimits;
};

static struct whole complete(const struct rt_slot_task *task, const struct st_process *process,
                             const char *name) {
        return (struct whole) {
                .id = name,
                .cwd = task->cwd ? task->cwd : process->cwd,
                .hostname = task->hostname ? task->hostname : "",
                .argv = task->argv ? task->argv : process->args,
                .env = task->env ? task->env : process->env,
                .user = task->user ? task->user : &process->user,
                .rlimits = task->rlimits ? task->rlimits : process->rlimits,
                .n_rlimits = task->rlimits ? task->n_rlimits : process->n_rlimits,
        };
}

static int check(const struct whole *whole, struct st_error *err) {
        if (!whole->argv[0] || !*whole->argv[0])
                return st_error_set(err, -EINVAL, "argv is empty");
        if (whole->cwd[0] != '/')
                return st_error_set(err, -EINVAL, "cwd %s is not absolute", whole->cwd);
        if (strlen(whole->hostname) > 64)
                return st_error_set(err, -EINVAL, "hostname %s is longer than 64 bytes",
                                    whole->hostname);
        if (whole->user->n_additional_gids > RT_DISPATCH_GROUPS_MAX)
                return st_error_set(err, -EINVAL, "user: %zu additional groups",
                                    whole->user->n_additional_gids);
        if (whole->n_rlimits > RT_DISPATCH_RLIMITS_MAX)
                return st_error_set(err, -EINVAL, "%zu rlimits", whole->n_rlimits);
        return 0;
}

static char *put_limits(char *at, const struct whole *whole) {
        for (size_t i = 0; i < whole->n_rlimits; i++) {
                struct rt_dispatch_rlimit limit = {.soft = whole->rlimits[i].soft,
                                                   .hard = whole->rlimits[i].hard,
                                                   .resource =
                                                           (uint32_t)whole->rlimits[i].resource};
                at = mempcpy(at, &limit, sizeof limit);
        }
        if (!whole->user->n_additional_gids)
                return at;
        return mempcpy(at, whole->user->additional_gids,
                       whole->user->n_additional_gids * sizeof(gid_t));
}

int rt_dispatch_encode(const struct rt_slot_task *task, const struct st_process *process,
                       const char *name, char **ret_message, size_t *ret_size,
                       struct st_error *err) {
        const struct whole whole = complete(task, process, name);
        struct counted args = count(whole.argv), env = count(whole.env);
        bool needs_home = !has_home(whole.env);
        size_t size = sizeof(struct rt_dispatch_header) +
                      whole.n_rlimits * sizeof(struct rt_dispatch_rlimit) +
                      whole.user->n_additional_gids * sizeof(gid_t) + strlen(whole.id) +
                      strlen(whole.cwd) + strlen(whole.hostname) + 3 + args.bytes + env.bytes +
                      (needs_home ? strlen("HOME=") + RT_HOME_MAX : 0);
        struct rt_dispatch_header *header;
        char *at;
        int r = check(&whole, err);

        if (r < 0)
                return r;
        if (size > RT_DISPATCH_MAX)
                return st_error_set(err, -E2BIG, "arguments and environment take %zu bytes", size);
        header = calloc(1, size);
        if (!header)
                return st_error_set(err, -ENOMEM, "dispatch to %s", name);
        *header = (struct rt_dispatch_header) {
                .type = RT_POOL_DISPATCH,
                .size = (uint32_t)size,
                .n_args = (uint32_t)args.n,
                .n_env = (uint32_t)env.n + needs_home,
                .n_groups = (uint32_t)whole.user->n_additional_gids,
                .n_rlimits = (uint32_t)whole.n_rlimits,
                .uid = whole.user->uid,
                .gid = whole.user->gid,
                .umask = whole.user->umask,
                .has_umask = whole.user->has_umask,
                .home = needs_home ? (uint32_t)env.n + 1 : 0,
        };
        at = put_limits((char *)(header + 1), &whole);
        at = stpcpy(at, whole.id) + 1;
        at = stpcpy(at, whole.cwd) + 1;
        at = stpcpy(at, whole.hostname) + 1;
        at = put_strings(at, whole.argv);
        at = put_strings(at, whole.env);
        if (needs_home) { /* all of the room may become text */
                memset(at, '?', strlen("HOME=") + RT_HOME_MAX - 1);
                memcpy(at, "HOME=", strlen("HOME="));
        }
        *ret_message = (char *)header;
        *ret_size = size;
        return 0;
}

/* ---- reading ---- */

struct reader {
        char *at, *end;
};

static void *take(struct reader *reader, size_t size) {
        void *p = reader->at;

        if ((size_t)(reader->end - reader->at) < size)
                return NULL;
        reader->at += size;
        return p;
}

static char *take_string(struct reader *reader) {
        size_t room = (size_t)(reader->end - reader->at);
        size_t length = strnlen(reader->at, room);

        return length < room ? take(reader, length + 1) : NULL;
}

static bool take_strings(struct reader *reader, char **strings, size_t n) {
        for (size_t i = 0; i < n; i++) {
                strings[i] = take_string(reader);
                if (!strings[i])
                        return false;
        }
        strings[n] = NULL;
        return true;
}

static size_t aligned(size_t size) {
        return (size + 15) & ~(size_t)15;
}

size_t rt_dispatch_room(const struct rt_dispatch_header *header) {
        return 16 + ((size_t)header->n_args + header->n_env + 2) * sizeof(char *) +
               header->n_rlimits * sizeof(struct st_rlimit) + header->n_groups * sizeof(gid_t) + 32;
}

static bool take_rlimits(struct reader *reader, struct rt_dispatch *dispatch) {
        for (size_t i = 0; i < dispatch->n_rlimits; i++) {
                struct rt_dispatch_rlimit limit;
                const void *p = take(reader, sizeof limit);

                if (!p)
                        return false;
                memcpy(&limit, p, sizeof limit);
                dispatch->rlimits[i] =
                        (struct st_rlimit) {.resource = (int)limit.resource,
                                            .name = st_rlimit_name((int)limit.resource),
                                            .soft = limit.soft,
                                            .hard = limit.hard};
                if (!dispatch->rlimits[i].name)
                        return false;
        }
        return true;
}

static bool take_groups(struct reader *reader, struct st_user *user) {
        size_t size = user->n_additional_gids * sizeof(gid_t);
        const void *p = take(reader, size);

        if (p && size)
                memcpy(user->additional_gids, p, size);
        return p;
}

static bool is_sane(const struct rt_dispatch_header *header, size_t size) {
        return header->type == RT_POOL_DISPATCH && header->size == size && header->n_args > 0 &&
               header->n_args <= size && header->n_env <= size &&
               header->n_groups <= RT_DISPATCH_GROUPS_MAX &&
               header->n_rlimits <= RT_DISPATCH_RLIMITS_MAX && header->home <= header->n_env;
}

/* Where HOME's value goes: the string has the room. */
static char *room_for_home(char *string) {
        if (strncmp(string, "HOME=", 5) != 0 || strlen(string) != 5 + RT_HOME_MAX - 1)
                return NULL;
        return string + 5;
}

int rt_dispatch_decode(void *region, size_t size, size_t room, struct rt_dispatch *ret_dispatch) {
        struct rt_dispatch_header header;
        struct rt_dispatch dispatch = {0};
        struct reader reader = {.at = region, .end = (char *)region + size};
        char *pointers = (char *)region + aligned(size);

        if (!take(&reader, sizeof header))
                return -EPROTO;
        memcpy(&header, region, sizeof header);
        if (!is_sane(&header, size) || rt_dispatch_room(&header) > room)
                return -EPROTO;
        dispatch.argv = (char **)pointers;
        dispatch.envp = dispatch.argv + header.n_args + 1;
        dispatch.rlimits =
                (struct st_rlimit *)(pointers +
                                     aligned((header.n_args + header.n_env + 2) * sizeof(char *)));
        dispatch.n_rlimits = header.n_rlimits;
        dispatch.user = (struct st_user) {
                .uid = header.uid,
                .gid = header.gid,
                .umask = header.umask & 0777,
                .has_umask = header.has_umask,
                .additional_gids = (gid_t *)(dispatch.rlimits + header.n_rlimits),
                .n_additional_gids = header.n_groups,
        };
        if (!take_rlimits(&reader, &dispatch) || !take_groups(&reader, &dispatch.user))
                return -EPROTO;
        dispatch.id = take_string(&reader);
        dispatch.cwd = dispatch.id ? take_string(&reader) : NULL;
        dispatch.hostname = dispatch.cwd ? take_string(&reader) : NULL;
        if (!dispatch.hostname || !take_strings(&reader, dispatch.argv, header.n_args) ||
            !take_strings(&reader, dispatch.envp, header.n_env) || reader.at != reader.end)
                return -EPROTO;
        if (header.home) {
                dispatch.home = room_for_home(dispatch.envp[header.home - 1]);
                if (!dispatch.home)
                        return -EPROTO;
        }
        *ret_dispatch = dispatch;
        return 0;
}
