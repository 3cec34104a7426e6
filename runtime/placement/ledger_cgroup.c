/* ledger_cgroup.c: the kernel's side of an entry: a cgroup with a mark, its cpuset, its freezer.
 *
 * The mark is an extended attribute that holds the entry's line. It says that a cgroup of that path
 * is the one that the entry means, and from the marks the ledger can be made again. */
#include "ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include <stint/cgroup.h>
#include <stint/fs.h>
#include <stint/parse.h>
#include <stint/process_id.h>

enum { MARK_MAX = 65536, LIST_ROOM = RT_MAX_CPUS * 5 };

/* Root's, and what the owner of a delegated v2 cgroup may set (Linux 5.7). */
static const char *const mark_names[] = {"trusted.stint.cpus", "user.stint.cpus"};
#define PLAIN_MARK ".mark"

int ledger_find_hierarchy(struct rt_ledger *l, struct st_error *err) {
        const char *root = l->cgroup_root;
        char path[PATH_MAX];

        if (l->cpuset_root)
                return 0;
        (void)snprintf(path, sizeof path, "%s/cgroup.controllers", root);
        l->v2 = access(path, F_OK) == 0;
        if (asprintf(&l->cpuset_root, l->v2 ? "%s" : "%s/cpuset", root) < 0) {
                l->cpuset_root = NULL;
                return st_error_set(err, -ENOMEM, "find the cpusets");
        }
        return 0;
}

/* ---- the mark ---- */

static char *read_plain_mark(const char *path) {
        st_autofree char *file = NULL;
        char *text;

        if (asprintf(&file, "%s/" PLAIN_MARK, path) < 0) {
                file = NULL;
                return NULL;
        }
        return st_read_file_at(AT_FDCWD, file, MARK_MAX, &text, NULL, NULL) < 0 ? NULL : text;
}

char *ledger_read_mark(const struct rt_ledger *l, const char *path) {
        st_autofree char *text = NULL;

        if (l->options.plain_files)
                return read_plain_mark(path);
        for (size_t i = 0; i < sizeof mark_names / sizeof *mark_names; i++) {
                ssize_t n = lgetxattr(path, mark_names[i], NULL, 0);

                if (n <= 0 || n > MARK_MAX)
                        continue;
                text = calloc(1, (size_t)n + 1);
                if (text && lgetxattr(path, mark_names[i], text, (size_t)n) == n)
                        return st_take(text);
                free(st_take(text)); /* changed meanwhile: it is being made or removed */
        }
        return NULL;
}

int ledger_write_mark(const struct rt_ledger *l, const struct ledger_entry *entry,
                      struct st_error *err) {
        st_autofree char *text = ledger_print_entry(entry);

        if (!text)
                return st_error_set(err, -ENOMEM, "mark %s", entry->cgroup);
        if (l->options.plain_files) {
                st_autoclose int fd = open(entry->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);

                return fd < 0 ? st_error_sys(err, "open %s", entry->cgroup)
                              : st_replace_file_at(fd, PLAIN_MARK, text, strlen(text), 0600, err);
        }
        for (size_t i = 0; i < sizeof mark_names / sizeof *mark_names; i++) {
                if (lsetxattr(entry->cgroup, mark_names[i], text, strlen(text), 0) == 0)
                        return 0;
        }
        return st_error_sys(err, "mark %s as one whose CPUs are in the ledger", entry->cgroup);
}

bool ledger_is_marked(const struct rt_ledger *l, const struct ledger_entry *entry) {
        st_autofree char *text = ledger_read_mark(l, entry->cgroup);
        char token[20];

        (void)snprintf(token, sizeof token, "%016llx ", (unsigned long long)entry->token);
        return text && !strncmp(text, token, strlen(token));
}

/* ---- whether it lives ---- */

/* A pid of another pid namespace tells nothing here. 1: it lives; 0: it is gone; -1: unknown. */
static int owner_lives(const struct rt_ledger *l, const struct ledger_entry *e) {
        st_autoclose int fd = -1;

        if (e->pid_namespace != l->pid_namespace)
                return -1;
        fd = rt_pidfd_of(e->pid, e->start_time);
        if (fd >= 0)
                return 1;
        return fd == -ESRCH ? 0 : -1;
}

bool ledger_is_alive(const struct rt_ledger *l, const struct ledger_entry *e) {
        int owner = owner_lives(l, e);

        if (e->flags & LEDGER_QUEUED)
                return owner > 0;
        return owner != 0 || ledger_is_marked(l, e);
}

/* Of a parked init, nobody has executed a program yet; of a task that runs, its init has. */
bool ledger_has_started(const struct rt_ledger *l, const struct ledger_entry *e) {
        st_autoclose int fd = open(e->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
        st_autofree char *text = NULL;
        char *rest, *line;

        if (l->options.plain_files)
                return true;
        if (fd < 0 || st_read_file_at(fd, "cgroup.procs", 1 << 20, &text, NULL, NULL) < 0)
                return false;
        for (rest = text; (line = strsep(&rest, "\n"));) {
                int pid;

                if (st_parse_int(line, &pid) == 0 && pid > 0 && !rt_never_executed(pid))
                        return true;
        }
        return false;
}

/* ---- reading ---- */

int ledger_read_cpus(int dir_fd, const char *file, struct rt_cpus *ret_set) {
        char text[LIST_ROOM];
        st_autoclose int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof text - 1);
        if (n < 0)
                return -errno;
        text[n] = 0;
        return rt_cpus_parse(text, ret_set);
}

/* The first directory from @path upwards that has a set in the file: v2's of a cgroup without the
 * controller is that of the next one above which has it. */
static int nearest(const struct rt_ledger *l, const char *path, const char *file,
                   struct rt_cpus *ret_set) {
        char dir[PATH_MAX];

        if (snprintf(dir, sizeof dir, "%s", path) >= (int)sizeof dir)
                return -ENAMETOOLONG;
        for (;;) {
                st_autoclose int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
                struct rt_cpus set;
                char *slash = strrchr(dir, '/');

                if (fd >= 0 && ledger_read_cpus(fd, file, &set) == 0 && !rt_cpus_is_empty(&set)) {
                        *ret_set = set;
                        return 0;
                }
                if (!slash || strlen(dir) <= strlen(l->cpuset_root))
                        return -ENOENT;
                *slash = 0;
        }
}

int ledger_allowed(const struct rt_ledger *l, const char *path, struct rt_cpus *ret_set,
                   struct st_error *err) {
        int r = nearest(l, path, l->v2 ? "cpuset.cpus.effective" : "cpuset.cpus", ret_set);

        return r < 0 ? st_error_code(err, r, "find the cpuset above %s", path) : 0;
}

/* ---- writing ---- */

/* O_TRUNC is for what stands in for the kernel's files. */
static int write_knob(int dir_fd, const char *file, const char *text) {
        st_autoclose int fd = openat(dir_fd, file, O_WRONLY | O_TRUNC | O_CLOEXEC);

        return fd < 0 ? -errno : st_write_all(fd, text, strlen(text));
}

static int write_set(int dir_fd, const char *file, const struct rt_cpus *set) {
        char list[LIST_ROOM];

        return write_knob(dir_fd, file, rt_cpus_print(set, list, sizeof list));
}

/* v1 refuses to take from a cpuset what one below it has. One that would be left with nothing gets
 * all. */
static void narrow_below(int dir_fd, const struct rt_cpus *set) {
        int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        st_autoclosedir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        const struct dirent *entry;

        if (!dir)
                (void)st_close(fd);
        while (dir && (entry = readdir(dir))) {
                st_autoclose int child_fd = -1;
                struct rt_cpus cpus;

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                child_fd = openat(dir_fd, entry->d_name,
                                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (child_fd < 0 || ledger_read_cpus(child_fd, "cpuset.cpus", &cpus) < 0)
                        continue;
                rt_cpus_and(&cpus, set);
                if (rt_cpus_is_empty(&cpus))
                        cpus = *set;
                narrow_below(child_fd, &cpus);
                (void)write_set(child_fd, "cpuset.cpus", &cpus); /* the write above it tells */
        }
}

void ledger_bound_nodes(const struct rt_ledger *l, const char *path, struct rt_cpus *nodes) {
        struct rt_cpus allowed;

        if (nearest(l, path, l->v2 ? "cpuset.mems.effective" : "cpuset.mems", &allowed) < 0)
                allowed = (struct rt_cpus) {0};
        rt_cpus_and(nodes, &allowed);
}

/* The nodes chosen, as far as the cgroup may have them; false: none of them. */
static bool nodes_of(const struct rt_ledger *l, const struct ledger_entry *e,
                     struct rt_cpus *ret_nodes) {
        char above[PATH_MAX];
        int n = snprintf(above, sizeof above, "%s", e->cgroup);
        char *slash = strrchr(above, '/');

        if (!(e->flags & LEDGER_MEMORY) || n >= (int)sizeof above || !slash)
                return false;
        *slash = 0;
        *ret_nodes = e->memory_nodes;
        ledger_bound_nodes(l, above, ret_nodes);
        return !rt_cpus_is_empty(ret_nodes);
}

static int write_cpuset(const struct rt_ledger *l, const struct ledger_entry *e,
                        struct st_error *err) {
        st_autoclose int fd = open(e->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct rt_cpus nodes;
        int r = fd < 0 ? -errno : 0;

        if (r == 0 && nodes_of(l, e, &nodes))
                r = write_set(fd, "cpuset.mems", &nodes);
        if (r == 0)
                r = write_set(fd, "cpuset.cpus", &e->cpus);
        if (r == -EBUSY && !l->v2) {
                narrow_below(fd, &e->cpus);
                r = write_set(fd, "cpuset.cpus", &e->cpus);
        }
        return r < 0 ? st_error_code(err, r, "write the cpuset of %s", e->cgroup) : 0;
}

static bool is_frozen(const struct ledger_entry *e) {
        st_autoclose int fd = open(e->freezer, O_PATH | O_DIRECTORY | O_CLOEXEC);
        st_autofree char *text = NULL;

        if (fd < 0)
                return false;
        if (st_read_file_at(fd, "cgroup.freeze", 32, &text, NULL, NULL) == 0)
                return *text == '1';
        return st_read_file_at(fd, "freezer.state", 32, &text, NULL, NULL) == 0 &&
               strncmp(text, "THAWED", 6) != 0;
}

static int set_frozen(const struct rt_ledger *l, const struct ledger_entry *e, bool frozen,
                      struct st_error *err) {
        int r;

        if (l->options.plain_files) {
                st_autoclose int fd = open(e->freezer, O_PATH | O_DIRECTORY | O_CLOEXEC);

                r = fd < 0 ? -errno : write_knob(fd, "cgroup.freeze", frozen ? "1" : "0");
        } else
                r = rt_cgroup_freeze_at(e->freezer, frozen);
        return r < 0 ? st_error_code(err, r, "%s %s", frozen ? "freeze" : "thaw", e->freezer) : 0;
}

/* What the mark says that the cgroup was told last. */
static unsigned marked_flags(const struct rt_ledger *l, const struct ledger_entry *e) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(4096);
        st_autofree char *text = ledger_read_mark(l, e->cgroup);
        struct ledger_entry marked;

        return arena && text && ledger_parse_entry(text, arena, &marked) == 0 ? marked.flags : 0;
}

/* The mark first: after a crash in between it tells that the frozen state is ours. */
static int keep_from_running(const struct rt_ledger *l, struct ledger_entry *e, unsigned marked,
                             struct st_error *err) {
        int r;

        if (marked & LEDGER_FROZEN)
                e->flags |= marked & LEDGER_PAUSED;
        else if (is_frozen(e))
                e->flags |= LEDGER_PAUSED;
        r = ledger_write_mark(l, e, err);
        return r < 0 || e->flags & LEDGER_PAUSED ? r : set_frozen(l, e, true, err);
}

static int let_run(const struct rt_ledger *l, struct ledger_entry *e, unsigned marked,
                   struct st_error *err) {
        int r = write_cpuset(l, e, err);

        if (r == 0 && marked & LEDGER_FROZEN && !(e->flags & LEDGER_PAUSED))
                r = set_frozen(l, e, false, err);
        if (r < 0)
                return r;
        e->flags &= ~(unsigned)LEDGER_PAUSED;
        return ledger_write_mark(l, e, err);
}

int ledger_apply(const struct rt_ledger *l, struct ledger_entry *e, struct st_error *err) {
        unsigned marked;
        int r;

        if (!ledger_is_marked(l, e))
                return -ENOENT;
        marked = marked_flags(l, e);
        e->flags &= ~(unsigned)LEDGER_PENDING;
        r = e->flags & LEDGER_FROZEN ? keep_from_running(l, e, marked, err)
                                     : let_run(l, e, marked, err);
        if (r < 0)
                e->flags |= LEDGER_PENDING;
        return r;
}

void ledger_learn(struct ledger_entry *e) {
        st_autoclose int fd = open(e->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct rt_cpus cpus;

        if (fd < 0 || ledger_read_cpus(fd, "cpuset.cpus", &cpus) < 0 || rt_cpus_is_empty(&cpus))
                return;
        e->cpus = cpus;
        e->flags &= ~(unsigned)(LEDGER_PENDING | LEDGER_FROZEN);
}
