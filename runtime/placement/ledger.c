/* ledger.c: a session on the ledger, from the lock to telling the kernel, and looking at it.
 *
 * What a crash leaves is always safe. The file is written first, with the entries whose cgroups are
 * still to be told marked as pending; then they are told; then the marks come off. Whoever has the
 * lock next finishes what is pending before anything else. */
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/ledger.h>

#define DEFAULT_PATH "/run/stint/.cpus"

/* ---- the object ---- */

static bool split_path(struct rt_ledger *l, const char *path) {
        const char *slash = strrchr(path, '/');

        l->name = strdup(slash ? slash + 1 : path);
        l->dir = !slash          ? strdup(".")
                 : slash == path ? strdup("/")
                                 : strndup(path, (size_t)(slash - path));
        return l->name && l->dir;
}

struct rt_ledger *rt_ledger_new(const struct rt_ledger_options *options) {
        struct rt_ledger *l = calloc(1, sizeof *l);

        if (!l)
                return NULL;
        l->options = *options;
        l->dir_fd = l->lock_fd = -1;
        l->sysfs = strdup(options->sysfs ? options->sysfs : "/sys");
        l->cgroup_root = strdup(options->cgroup_root ? options->cgroup_root : "/sys/fs/cgroup");
        if (!split_path(l, options->path ? options->path : DEFAULT_PATH) || !l->sysfs ||
            !l->cgroup_root)
                return rt_ledger_free(l);
        return l;
}

struct rt_ledger *rt_ledger_free(struct rt_ledger *l) {
        if (!l)
                return NULL;
        (void)st_close(l->dir_fd);
        (void)st_close(l->lock_fd);
        rt_topology_free(l->topology);
        free(l->dir);
        free(l->name);
        free(l->sysfs);
        free(l->cgroup_root);
        free(l->online);
        free(l->cpuset_root);
        free(l);
        return NULL;
}

int ledger_know(struct rt_ledger *l, struct st_error *err) {
        struct stat st;

        if (l->pid_namespace == 0) {
                if (stat("/proc/self/ns/pid", &st) < 0)
                        return st_error_sys(err, "look at /proc/self/ns/pid");
                l->pid_namespace = st.st_ino;
        }
        return ledger_find_hierarchy(l, err);
}

/* ---- a session ---- */

static bool any_pending(const struct ledger_state *state) {
        for (size_t i = 0; i < state->n_entries; i++) {
                if (state->entries[i].flags & LEDGER_PENDING && !state->entries[i].gone)
                        return true;
        }
        return false;
}

static int open_state(struct rt_ledger *l, struct ledger_state *state, struct st_error *err) {
        int r = ledger_read(l, state, err);

        if (r == 0 && state->rebuild)
                r = ledger_adopt(l, state, err);
        return r;
}

/* What somebody who was killed had begun. A cgroup that refuses keeps what it has, and nobody else
 * gets that: its claim died with the killed. */
static void finish_pending(struct rt_ledger *l, struct ledger_state *state) {
        for (size_t i = 0; i < state->n_entries; i++) {
                struct ledger_entry *e = &state->entries[i];
                int r = e->flags & LEDGER_PENDING ? ledger_apply(l, e, NULL) : -ENOENT;

                if (r < 0 && r != -ENOENT)
                        ledger_learn(e);
                state->changed |= r != -ENOENT;
        }
}

int ledger_begin(struct rt_ledger *l, struct ledger_state *state, struct st_error *err) {
        int r = ledger_know(l, err);

        *state = (struct ledger_state) {0};
        if (r == 0)
                r = ledger_lock(l, err);
        if (r == 0)
                r = open_state(l, state, err);
        if (r == 0 && any_pending(state))
                finish_pending(l, state);
        if (r < 0)
                ledger_end(l, state);
        return r;
}

void ledger_end(struct rt_ledger *l, struct ledger_state *state) {
        ledger_state_deinit(state);
        ledger_unlock(l);
}

int ledger_commit(struct rt_ledger *l, struct ledger_state *state, struct st_error *err) {
        int r = state->changed ? ledger_write(l, state, err) : 0;

        if (r == 0 && any_pending(state))
                r = ledger_apply_pending(l, state, err);
        if (r == 0 && state->changed)
                r = ledger_write(l, state, err);
        return r;
}

struct ledger_entry *ledger_find(const struct ledger_state *state, uint64_t token) {
        for (size_t i = 0; i < state->n_entries; i++) {
                if (state->entries[i].token == token && !state->entries[i].gone)
                        return &state->entries[i];
        }
        return NULL;
}

/* ---- undoing ---- */

struct ledger_entry *ledger_save(const struct ledger_state *state, size_t *ret_n) {
        struct ledger_entry *copy = calloc(state->n_entries + 1, sizeof *copy);

        if (copy && state->n_entries)
                memcpy(copy, state->entries, state->n_entries * sizeof *copy);
        *ret_n = state->n_entries;
        return copy;
}

/* The dead stay dead. */
static bool restore(struct ledger_entry *e, const struct ledger_entry *saved) {
        bool gone = e->gone, differs = !rt_cpus_equal(&e->cpus, &saved->cpus);

        *e = *saved;
        e->gone |= gone;
        if (differs)
                e->flags |= LEDGER_PENDING;
        return differs;
}

/* The failure that led here is the one to tell; what cannot be told now is pending, and is told by
 * who comes next. */
void ledger_restore(struct rt_ledger *l, struct ledger_state *state,
                    const struct ledger_entry *saved, size_t n_saved) {
        bool differs = state->written;

        for (size_t i = 0; i < n_saved; i++)
                differs |= restore(&state->entries[i], &saved[i]);
        state->n_entries = n_saved;
        if (!differs) /* a plain refusal wakes nobody */
                return;
        state->changed = true;
        st_ignore(ledger_commit(l, state, NULL));
}

/* ---- bounds ---- */

int ledger_bound(struct rt_ledger *l, const char *cgroup, const struct rt_cpus *within,
                 struct rt_cpus *ret_bound, struct st_error *err) {
        int r = ledger_allowed(l, cgroup, ret_bound, err);

        if (r == -ENOENT)
                return st_error_set(err, -EOPNOTSUPP,
                                    "there are no cpusets here to place a task with");
        if (r < 0)
                return r;
        if (within)
                rt_cpus_and(ret_bound, within);
        if (l->options.cpus)
                rt_cpus_and(ret_bound, l->options.cpus);
        if (rt_cpus_is_empty(ret_bound))
                return st_error_set(
                        err, -ENOSPC,
                        "none of the CPUs that the task's cpuset has may be given away");
        return 0;
}

/* ---- looking ---- */

int rt_ledger_topology(struct rt_ledger *l, const struct rt_topology **ret_topology,
                       struct st_error *err) {
        int r = ledger_topology(l, err);

        if (r == 0)
                *ret_topology = l->topology;
        return r;
}

static void show(const struct ledger_entry *e, struct rt_ledger_task *ret) {
        *ret = (struct rt_ledger_task) {
                .id = e->id,
                .tenant = e->tenant,
                .job = e->job,
                .cgroup = e->cgroup,
                .tier = e->tier,
                .n_cpus = e->n_asked,
                .frozen = e->flags & LEDGER_FROZEN,
                .queued = e->flags & LEDGER_QUEUED,
                .owner = e->pid,
                .cpus = e->cpus,
        };
}

static int fill_view(struct ledger_state *state, struct rt_ledger_view *view) {
        view->tasks = st_arena_array(state->arena, state->n_entries + 1, sizeof *view->tasks);
        if (!view->tasks)
                return -ENOMEM;
        for (size_t i = 0; i < state->n_entries; i++) {
                if (!state->entries[i].gone)
                        show(&state->entries[i], &view->tasks[view->n_tasks++]);
        }
        view->foreign = state->foreign;
        return 0;
}

int rt_ledger_look(struct rt_ledger *l, struct rt_ledger_view *ret_view, struct st_error *err) {
        struct rt_ledger_view view = {0};
        struct ledger_state state = {0};
        int r = ledger_know(l, err);

        if (r == 0)
                r = open_state(l, &state, err);
        if (r == 0) {
                (void)ledger_sweep(l, &state);
                r = ledger_scan(l, &state, NULL, err);
        }
        if (r == 0 && fill_view(&state, &view) < 0)
                r = st_error_set(err, -ENOMEM, "read the ledger of CPUs");
        if (r < 0) {
                ledger_state_deinit(&state);
                return r;
        }
        view.arena = state.arena;
        *ret_view = view;
        return 0;
}

void rt_ledger_view_deinit(struct rt_ledger_view *view) {
        st_arena_free(view->arena);
        *view = (struct rt_ledger_view) {0};
}
