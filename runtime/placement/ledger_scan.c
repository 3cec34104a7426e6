/* ledger_scan.c: what the kernel says: cpusets of others, and tasks of ours that the file has lost.
 *
 * A cpuset counts when it is narrower than the one above it and not ours; what is below it cannot
 * be more. It does not count when a task of ours lives below it: then it is a bound on that task.
 */
#include "ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/parse.h>

enum { MAX_DEPTH = 64 };

struct scan {
        struct rt_ledger *l;
        struct ledger_state *state;
        const char *target;
        bool adopt;
        int code; /* the first failure */
        size_t length;
        char path[PATH_MAX]; /* of the cgroup at hand */
};

/* ---- ours ---- */

static uint64_t token_of(const char *mark) {
        char token[17] = "", *end;
        uint64_t value;

        (void)snprintf(token, sizeof token, "%.16s", mark);
        value = strtoull(token, &end, 16);
        return end == token + 16 ? value : 0;
}

static bool is_known(const struct scan *s, uint64_t token) {
        for (size_t i = 0; i < s->state->n_entries; i++) {
                if (s->state->entries[i].token == token && !s->state->entries[i].gone)
                        return true;
        }
        return false;
}

/* A task of ours that the file does not have. The kernel has the last word on its CPUs; a mark that
 * cannot be read, or was copied from elsewhere, is none. */
static bool adopt(struct scan *s, char *mark, const struct rt_cpus *cpus) {
        struct ledger_entry found, *entry;

        if (ledger_parse_entry(mark, s->state->arena, &found) < 0 ||
            strcmp(found.cgroup, s->path) != 0)
                return false;
        if (!(found.flags & LEDGER_FROZEN))
                found.cpus = *cpus;
        entry = ledger_add(s->state);
        if (!entry) {
                s->code = -ENOMEM;
                return false;
        }
        *entry = found;
        s->state->changed = true;
        return true;
}

static bool is_ours(struct scan *s, const struct rt_cpus *cpus) {
        st_autofree char *mark = ledger_read_mark(s->l, s->path);

        if (!mark)
                return false;
        return is_known(s, token_of(mark)) || (s->adopt && adopt(s, mark, cpus));
}

/* ---- bounds, and what the operator told to leave out ---- */

static bool is_above(const char *path, size_t length, const char *other) {
        return other && !strncmp(path, other, length) && (other[length] == '/' || !other[length]);
}

static bool is_bound(const struct scan *s) {
        if (is_above(s->path, s->length, s->target))
                return true;
        for (size_t i = 0; i < s->state->n_entries; i++) {
                if (!s->state->entries[i].gone &&
                    is_above(s->path, s->length, s->state->entries[i].cgroup))
                        return true;
        }
        return false;
}

static bool is_ignored(const struct scan *s) {
        const char *below = s->path + strlen(s->l->cpuset_root);

        for (const char *const *path = s->l->options.ignored; path && *path; path++) {
                if (!strcmp(below + (*below == '/' && **path != '/'), *path))
                        return true;
        }
        return false;
}

/* ---- the walk ---- */

/* The CPUs of a cpuset. -ENOENT: v2, without the controller, and so is all below. */
static int read_cpuset(const struct scan *s, int fd, bool *ret_set, struct rt_cpus *ret_cpus) {
        struct rt_cpus wanted;
        int r = ledger_read_cpus(fd, "cpuset.cpus", &wanted);

        *ret_set = r == 0 && !rt_cpus_is_empty(&wanted);
        if (r < 0 || !s->l->v2) {
                *ret_cpus = wanted;
                return r;
        }
        return ledger_read_cpus(fd, "cpuset.cpus.effective", ret_cpus);
}

static void walk(struct scan *s, int dir_fd, const struct rt_cpus *above, unsigned depth);

/* A child cgroup, open at @fd. */
static void look_at(struct scan *s, int fd, const struct rt_cpus *above, unsigned depth) {
        struct rt_cpus cpus = {0};
        bool set = false, narrower;
        int r = read_cpuset(s, fd, &set, &cpus);

        if (r == -ENOENT || r == -ENODEV) /* no cpusets here, or removed just now */
                return;
        if (r < 0) {
                s->code = r;
                return;
        }
        narrower = set && !rt_cpus_contain(&cpus, above);
        if ((narrower || s->adopt) && is_ours(s, &cpus))
                return;
        if (narrower && !s->adopt && !is_bound(s)) {
                if (!is_ignored(s))
                        rt_cpus_or(&s->state->foreign, &cpus);
                return;
        }
        walk(s, fd, set ? &cpus : above, depth + 1);
}

static void enter(struct scan *s, int dir_fd, const char *name, const struct rt_cpus *above,
                  unsigned depth) {
        size_t length = s->length, n = strlen(name);
        int fd;

        if (length + 1 + n >= sizeof s->path)
                return; /* longer than any path that a task of ours can have */
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return; /* removed just now, or not ours to see */
        s->path[length] = '/';
        memcpy(s->path + length + 1, name, n + 1);
        s->length = length + 1 + n;
        look_at(s, fd, above, depth);
        s->length = length;
        s->path[length] = 0;
        (void)st_close(fd);
}

static void walk(struct scan *s, int dir_fd, const struct rt_cpus *above, unsigned depth) {
        int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        st_autoclosedir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        const struct dirent *entry;

        if (!dir) {
                (void)st_close(fd);
                return;
        }
        while (depth < MAX_DEPTH && s->code == 0 && (entry = readdir(dir))) {
                if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
                        enter(s, dir_fd, entry->d_name, above, depth);
        }
}

static int scan(struct rt_ledger *l, struct ledger_state *state, const char *target, bool adopting,
                struct st_error *err) {
        struct scan s = {.l = l, .state = state, .target = target, .adopt = adopting};
        st_autoclose int fd = -1;
        struct rt_cpus all;
        int r = ledger_find_hierarchy(l, err);

        if (r < 0)
                return r;
        fd = open(l->cpuset_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) /* no cpusets at all: nobody else has any */
                return errno == ENOENT ? 0 : st_error_sys(err, "open %s", l->cpuset_root);
        s.length = strlen(l->cpuset_root);
        memcpy(s.path, l->cpuset_root, s.length + 1);
        r = ledger_read_cpus(fd, l->v2 ? "cpuset.cpus.effective" : "cpuset.cpus", &all);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return st_error_code(err, r, "read the CPUs of %s", l->cpuset_root);
        walk(&s, fd, &all, 0);
        return s.code < 0 ? st_error_code(err, s.code, "read the cpusets below %s", l->cpuset_root)
                          : 0;
}

int ledger_scan(struct rt_ledger *l, struct ledger_state *state, const char *target,
                struct st_error *err) {
        state->foreign = (struct rt_cpus) {0};
        return scan(l, state, target, false, err);
}

int ledger_adopt(struct rt_ledger *l, struct ledger_state *state, struct st_error *err) {
        return scan(l, state, NULL, true, err);
}
