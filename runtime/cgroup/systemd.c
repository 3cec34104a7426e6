/* runtime/cgroup/systemd.c: the systemd driver: a container is a transient scope.
 *
 * stint is static and links no D-Bus: stint-systemd, a small program, makes the calls. It is run
 * with posix_spawn, gets its job as arguments and answers with one line on a pipe, "ok CGROUP" or
 * "error ERRNO TEXT". What else it prints (the loader, when libsystemd is missing) becomes the
 * error's text. */
#include "devices.h"
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stint-config.h>
#include <string.h>
#include <sys/wait.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/parse.h>

#define HELPER ST_LIBEXEC_DIR "/stint-systemd"
#define ANNOTATION "org.systemd.property."
enum { ANSWER_MAX = 4096 };
/* A limit below this may be too little for prepare, and systemd's write of it would kill: it is
 * told later. */
#define SMALL_MEMORY ((uint64_t)16 << 20)

extern char **environ;

struct rt_unit {
        struct rt_unit_name name;
        bool user; /* the user's systemd */
        const char *helper;
        struct rt_properties extra; /* of annotations */
        bool memory_later;
};

/* Where the user's systemd is: our own path up to it, or what it usually is. */
static const char *user_manager(struct rt_cgroup *cgroup, const struct rt_cgroup_host *host) {
        struct rt_hierarchy hierarchies[RT_LEAVES_MAX];
        size_t n;

        if (rt_hierarchies_read(host, cgroup->arena, true, hierarchies, &n, NULL) == 0)
                for (size_t i = 0; i < n; i++) {
                        const char *at =
                                hierarchies[i].own ? strstr(hierarchies[i].own, "/user@") : NULL;
                        const char *end = at ? strstr(at, ".service") : NULL;
                        if (end)
                                return st_arena_strndup(
                                        cgroup->arena, hierarchies[i].own,
                                        (size_t)(end + strlen(".service") - hierarchies[i].own));
                }
        return st_arena_printf(cgroup->arena, "/user.slice/user-%u.slice/user@%u.service", getuid(),
                               getuid());
}

static int plan_annotations(struct rt_unit *unit, const struct rt_cgroup_request *request) {
        for (size_t i = 0; i < request->n_annotations; i++) {
                const struct st_string_pair *pair = &request->annotations[i];
                int r;
                if (strncmp(pair->key, ANNOTATION, strlen(ANNOTATION)) != 0)
                        continue;
                r = rt_properties_add(&unit->extra, "%s=v:%s", pair->key + strlen(ANNOTATION),
                                      pair->value);
                if (r < 0)
                        return r;
        }
        return 0;
}

int rt_unit_plan(struct rt_cgroup *cgroup, const struct rt_cgroup_host *host,
                 const struct rt_cgroup_request *request, const char **ret_path,
                 struct st_error *err) {
        struct rt_unit *unit = st_arena_alloc(cgroup->arena, sizeof *unit);
        const char *manager = "", *slice;
        int r;

        if (!unit)
                return st_error_set(err, -ENOMEM, "plan the systemd unit");
        unit->user = request->rootless || (!request->strict && rt_in_user_namespace());
        unit->extra.arena = cgroup->arena;
        r = rt_unit_name_parse(cgroup->arena, request->path, request->id, unit->user, &unit->name,
                               err);
        if (r < 0)
                return r;
        slice = rt_slice_path(cgroup->arena, unit->name.slice);
        if (unit->user)
                manager = user_manager(cgroup, host);
        unit->helper = st_arena_strdup(cgroup->arena,
                                       request->systemd_helper ? request->systemd_helper : HELPER);
        if (slice && manager)
                *ret_path =
                        st_arena_printf(cgroup->arena, "%s%s/%s", manager, slice, unit->name.unit);
        if (!slice || !manager || !unit->helper || !*ret_path ||
            plan_annotations(unit, request) < 0)
                return st_error_set(err, -ENOMEM, "plan the systemd unit");
        cgroup->unit = unit;
        return 0;
}

static int spawn_helper(const char *path, char *const *argv, int answer_fd, pid_t *ret_pid) {
        posix_spawn_file_actions_t actions;
        int r = posix_spawn_file_actions_init(&actions);

        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, answer_fd, 1);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, answer_fd, 2);
        if (r == 0)
                r = posix_spawn(ret_pid, path, &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* The last line is the answer; @err gets what it says when it is not "ok". */
static int judge(char *answer, const char **ret_cgroup, struct st_error *err) {
        char *line = answer, *end;
        long number;

        for (char *next; (next = strchr(line, '\n')) && next[1];)
                line = next + 1;
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "ok ", 3)) {
                *ret_cgroup = line + 3;
                return 0;
        }
        if (strncmp(line, "error ", 6) != 0)
                return st_error_set(err, -EIO, "stint-systemd: %s", *answer ? answer : "no answer");
        number = strtol(line + 6, &end, 10);
        if (number <= 0 || number > 4095)
                number = EIO;
        return st_error_set(err, (int)-number, "systemd: %s", end + (*end == ' '));
}

/* Run stint-systemd VERB UNIT ARGS... Whether it worked is in its answer: somebody else in this
 * process may reap it. */
static int run_helper(const struct rt_unit *unit, const char *verb,
                      const struct rt_properties *args, char *answer, const char **ret_cgroup,
                      struct st_error *err) {
        size_t n = args ? args->n_items : 0, n_argv = 0;
        st_autofree char **argv = calloc(n + 6, sizeof *argv);
        st_autofree char *text = NULL;
        st_autoclose int read_fd = -1, write_fd = -1;
        int fds[2], r;
        pid_t pid;

        if (!argv)
                return st_error_set(err, -ENOMEM, "run %s", unit->helper);
        argv[n_argv++] = (char *)"stint-systemd";
        if (unit->user)
                argv[n_argv++] = (char *)"--user";
        argv[n_argv++] = (char *)verb;
        argv[n_argv++] = (char *)unit->name.unit;
        if (n)
                memcpy(argv + n_argv, args->items, n * sizeof *argv);
        if (pipe2(fds, O_CLOEXEC) < 0)
                return st_error_sys(err, "run %s", unit->helper);
        read_fd = fds[0];
        write_fd = fds[1];
        r = spawn_helper(unit->helper, argv, write_fd, &pid);
        if (r < 0)
                return st_error_code(err, r, "run %s", unit->helper);
        write_fd = st_close(write_fd);
        r = st_read_fd(read_fd, ANSWER_MAX, &text, NULL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        if (r < 0)
                return st_error_code(err, r, "read the answer of %s", unit->helper);
        (void)snprintf(answer, ANSWER_MAX + 1, "%s", text);
        return judge(answer, ret_cgroup, err);
}

static bool has_small_memory(const struct rt_writes *writes) {
        for (size_t i = 0; i < writes->n_items; i++) {
                const struct rt_write *w = &writes->items[i];
                uint64_t limit;
                if ((!strcmp(w->file, "memory.max") || !strcmp(w->file, "memory.high") ||
                     !strcmp(w->file, "memory.limit_in_bytes")) &&
                    st_parse_u64(w->value, &limit) == 0 && limit < SMALL_MEMORY)
                        return true;
        }
        return false;
}

static int add_start_properties(struct rt_cgroup *cgroup, pid_t pid, struct rt_properties *list) {
        static const char *const always[] = {
                "Delegate=b:true",
                "MemoryAccounting=b:true",
                "CPUAccounting=b:true",
                "IOAccounting=b:true",
                "TasksAccounting=b:true",
                "DefaultDependencies=b:false",
                "CollectMode=s:inactive-or-failed", /* a scope whose task failed does not stay */
        };
        struct rt_unit *unit = cgroup->unit;
        int r = rt_properties_add(list, "Description=s:stint container %s", unit->name.unit);

        if (r == 0)
                r = rt_properties_add(list, "Slice=s:%s", unit->name.slice);
        if (r == 0)
                r = rt_properties_add(list, "PIDs=au:%d", (int)pid);
        for (size_t i = 0; i < sizeof always / sizeof *always && r == 0; i++)
                r = rt_properties_add(list, "%s", always[i]);
        unit->memory_later = has_small_memory(&cgroup->writes);
        if (r == 0)
                r = rt_properties_of_limits(
                        list, &cgroup->writes, cgroup->rootless ? NULL : cgroup->devices,
                        unit->memory_later ? RT_WITHOUT_MEMORY : RT_WITH_MEMORY);
        for (size_t i = 0; i < unit->extra.n_items && r == 0; i++)
                r = rt_properties_add(list, "%s", unit->extra.items[i]);
        return r;
}

/* systemd says where the scope is; that counts, when it can be seen from here. */
static int correct_paths(struct rt_cgroup *cgroup, const char *reported, struct st_error *err) {
        char *clean = rt_path_clean(cgroup->arena, reported);

        if (!clean)
                return st_error_set(err, -ENOMEM, "plan the cgroup");
        if (!strcmp(clean, "/"))
                return 0;
        RT_FOREACH_LEAF (leaf, cgroup) {
                char *path = st_arena_printf(cgroup->arena, "%.*s%s", (int)leaf->mount_length,
                                             leaf->path, clean);
                if (!path)
                        return st_error_set(err, -ENOMEM, "plan the cgroup");
                if (strcmp(path, leaf->path) != 0 && (!leaf->v2 || access(path, F_OK) == 0))
                        leaf->path = path;
        }
        return 0;
}

static int furnish(struct rt_cgroup *cgroup, struct st_error *err) {
        int r = rt_cgroup_root_open(cgroup);

        if (r < 0)
                return st_error_code(err, r, "open %s", cgroup->root);
        RT_FOREACH_LEAF (leaf, cgroup) {
                if (leaf->v2)
                        continue;
                r = rt_leaf_make(cgroup, leaf, RT_LEAF_SHARED, err);
                if (r < 0)
                        return r;
        }
        return rt_cgroup_furnish(cgroup, err);
}

int rt_cgroup_attach_systemd(struct rt_cgroup *cgroup, pid_t pid, struct st_error *err) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(4096);
        struct rt_properties list = {.arena = arena};
        char answer[ANSWER_MAX + 1];
        const char *reported;
        int r;

        if (cgroup->driver != RT_CGROUP_SYSTEMD || cgroup->mode == RT_CGROUP_NONE)
                return 0;
        if (!arena || add_start_properties(cgroup, pid, &list) < 0)
                return st_error_set(err, -ENOMEM, "start %s", cgroup->unit->name.unit);
        r = run_helper(cgroup->unit, "start", &list, answer, &reported, err);
        cgroup->not_ours = r == -EEXIST; /* a scope of that name runs already */
        if (r < 0)
                return st_error_kind(err,
                                     st_error_prefix(err, r, "start %s", cgroup->unit->name.unit),
                                     ST_CODE_CGROUP);
        r = correct_paths(cgroup, reported, err);
        if (r == 0)
                r = furnish(cgroup, err);
        return st_error_kind(err, r, ST_CODE_CGROUP);
}

static int set_properties(struct rt_cgroup *cgroup, const struct rt_writes *writes,
                          const struct rt_device_rules *devices, struct st_error *err) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(4096);
        struct rt_properties list = {.arena = arena};
        char answer[ANSWER_MAX + 1];
        const char *reported;
        int r;

        if (!arena || rt_properties_of_limits(&list, writes, devices, RT_WITH_MEMORY) < 0)
                return st_error_set(err, -ENOMEM, "update %s", cgroup->unit->name.unit);
        if (list.n_items == 0)
                return 0;
        r = run_helper(cgroup->unit, "set", &list, answer, &reported, err);
        return r < 0 ? st_error_prefix(err, r, "update %s", cgroup->unit->name.unit) : 0;
}

int rt_cgroup_finish_systemd(struct rt_cgroup *cgroup, struct st_error *err) {
        if (!cgroup->unit || !cgroup->unit->memory_later || cgroup->mode == RT_CGROUP_NONE)
                return 0;
        cgroup->unit->memory_later = false;
        return st_error_kind(err, set_properties(cgroup, &cgroup->writes, NULL, err),
                             ST_CODE_CGROUP);
}

int rt_unit_update(struct rt_cgroup *cgroup, const struct rt_writes *writes, struct st_error *err) {
        return set_properties(cgroup, writes, cgroup->rootless ? NULL : cgroup->devices, err);
}

/* systemd removes an empty scope by itself, and CollectMode its failed state: then there is nothing
 * to ask. */
int rt_unit_stop(struct rt_cgroup *cgroup, struct st_error *err) {
        struct rt_leaf *leaf = rt_leaf_v2(cgroup);
        char answer[ANSWER_MAX + 1];
        const char *reported;
        int r;

        if (leaf && access(leaf->path, F_OK) < 0 && errno == ENOENT)
                return 0;
        r = run_helper(cgroup->unit, "stop", NULL, answer, &reported, err);
        return r < 0 ? st_error_prefix(err, r, "stop %s", cgroup->unit->name.unit) : 0;
}

void rt_unit_save(const struct rt_unit *unit, struct st_json_writer *w) {
        st_json_string(w, "unit", unit->name.unit);
        st_json_string(w, "slice", unit->name.slice);
        st_json_bool(w, "user", unit->user);
        st_json_string(w, "helper", unit->helper);
}

static const char *load_string(struct rt_cgroup *cgroup, const struct st_json *saved,
                               const char *key) {
        const struct st_json *value = st_json_get(saved, key);

        return value && value->type == ST_JSON_STRING ? st_arena_strdup(cgroup->arena, value->text)
                                                      : NULL;
}

int rt_unit_load(struct rt_cgroup *cgroup, const struct st_json *saved, struct st_error *err) {
        struct rt_unit *unit = st_arena_alloc(cgroup->arena, sizeof *unit);
        const struct st_json *user = st_json_get(saved, "user");

        if (!unit)
                return st_error_set(err, -ENOMEM, "load the cgroup");
        unit->name.unit = load_string(cgroup, saved, "unit");
        unit->name.slice = load_string(cgroup, saved, "slice");
        unit->helper = load_string(cgroup, saved, "helper");
        unit->user = user && user->boolean;
        if (!unit->name.unit || !unit->name.slice || !unit->helper)
                return rt_fail(err, ST_CODE_INTERNAL, -EINVAL, "saved cgroup: unit");
        cgroup->unit = unit;
        return 0;
}
