/* runtime/cgroup/processes.c: who is in a container's cgroup, and signals to all of them. */
#include "manager.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/syscall.h>

enum { DEPTH_MAX = 64, KILL_ROUNDS = 1000, BATCH = 64 };
#define PROCS_MAX ((size_t)64 << 20)

struct pid_list {
        pid_t *items;
        size_t n_items, n_room;
};

static int add_pid(struct pid_list *list, pid_t pid) {
        if (list->n_items == list->n_room) {
                size_t room = list->n_room ? 2 * list->n_room : 16;
                pid_t *items = reallocarray(list->items, room, sizeof *items);
                if (!items)
                        return -ENOMEM;
                list->items = items;
                list->n_room = room;
        }
        list->items[list->n_items++] = pid;
        return 0;
}

/* In a threaded cgroup cgroup.procs cannot be read (EOPNOTSUPP); its processes are in the domain
 * above. */
static int add_procs(int dir_fd, struct pid_list *list) {
        st_autofree char *text = NULL;
        int r = st_read_file_at(dir_fd, "cgroup.procs", PROCS_MAX, &text, NULL, NULL);

        if (r == -EOPNOTSUPP)
                return 0;
        if (r < 0)
                return r;
        for (char *at = text; *at;) {
                char *end;
                long pid = strtol(at, &end, 10);
                if (end == at)
                        return -EINVAL;
                at = end + (*end == '\n');
                if (pid > 0) { /* 0: not in our pid namespace */
                        r = add_pid(list, (pid_t)pid);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* A cgroup that goes away while we look holds nobody. */
static int add_tree(int dir_fd, struct pid_list *list, unsigned depth) {
        st_autoclosedir DIR *dir = NULL;
        const struct dirent *entry;
        int fd, r = add_procs(dir_fd, list);

        if (r < 0 || depth == DEPTH_MAX)
                return r == -ENODEV || r == -ENOENT ? 0 : r;
        fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        dir = fdopendir(fd);
        if (!dir) {
                r = -errno;
                (void)st_close(fd);
                return r;
        }
        while ((entry = readdir(dir))) {
                st_autoclose int child_fd = -1;
                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                child_fd = openat(dirfd(dir), entry->d_name,
                                  O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                r = child_fd < 0 ? 0 : add_tree(child_fd, list, depth + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

int rt_leaf_processes(struct rt_cgroup *cgroup, struct rt_leaf *leaf, pid_t **ret_pids,
                      size_t *ret_n) {
        struct pid_list list = {0};
        int dir_fd = rt_leaf_dir(cgroup, leaf), r;

        if (dir_fd == -ENOENT) { /* gone, and everybody with it */
                *ret_pids = NULL;
                *ret_n = 0;
                return 0;
        }
        r = dir_fd < 0 ? dir_fd : add_tree(dir_fd, &list, 0);
        if (r < 0) {
                free(list.items);
                return r;
        }
        *ret_pids = list.items;
        *ret_n = list.n_items;
        return 0;
}

/* The leaf to ask who is in the container: v2's, which is never without its processes, or else one
 * that nobody but us moves processes out of. */
struct rt_leaf *rt_leaf_of_processes(const struct rt_cgroup *cgroup) {
        static const unsigned order[] = {RT_CTL_FREEZER, RT_CTL_DEVICES, RT_CTL_PIDS, RT_CTL_MEMORY,
                                         ~0u};
        struct rt_leaf *leaf = rt_leaf_v2(cgroup);

        for (size_t i = 0; !leaf && i < sizeof order / sizeof *order; i++)
                leaf = rt_leaf_of(cgroup, order[i]);
        return leaf;
}

int rt_cgroup_processes(const struct rt_cgroup *cgroup, pid_t **ret_pids, size_t *ret_n,
                        struct st_error *err) {
        struct rt_leaf *leaf = rt_leaf_of_processes(cgroup);
        int r;

        if (!leaf)
                return rt_fail(err, ST_CODE_CGROUP, -EOPNOTSUPP, "the container has no cgroup");
        r = rt_leaf_processes((struct rt_cgroup *)cgroup, leaf, ret_pids, ret_n);
        if (r < 0)
                return rt_fail_code(err, ST_CODE_CGROUP, r, "list the processes of %s", leaf->path);
        return 0;
}

static int compare_pids(const void *a, const void *b) {
        return (*(const pid_t *)a > *(const pid_t *)b) - (*(const pid_t *)a < *(const pid_t *)b);
}

static bool has_pid(const struct pid_list *list, pid_t pid) {
        return list->n_items && bsearch(&pid, list->items, list->n_items, sizeof pid, compare_pids);
}

static int list_sorted(struct rt_cgroup *cgroup, struct rt_leaf *leaf, struct pid_list *list) {
        int r = rt_leaf_processes(cgroup, leaf, &list->items, &list->n_items);

        if (r == 0 && list->n_items)
                qsort(list->items, list->n_items, sizeof *list->items, compare_pids);
        return r;
}

/* Signal through pidfds, and only those that are still in the cgroup after the pidfds are open: a
 * number that was read may belong to somebody else by then. */
static int signal_batch(struct rt_cgroup *cgroup, struct rt_leaf *leaf, const pid_t *pids, size_t n,
                        int signal) {
        int pidfds[BATCH], r;
        struct pid_list now = {0};

        for (size_t i = 0; i < n; i++)
                pidfds[i] = st_pidfd_open(pids[i], 0);
        r = list_sorted(cgroup, leaf, &now);
        for (size_t i = 0; i < n; i++) {
                if (r == 0 && pidfds[i] >= 0 && has_pid(&now, pids[i]) &&
                    st_pidfd_send_signal(pidfds[i], signal) < 0 && errno != ESRCH)
                        r = -errno;
                (void)st_close(pidfds[i]);
        }
        free(now.items);
        return r;
}

/* Signal those that are not in @done yet: 1 when there were any. @done becomes all that are there
 * now. */
static int signal_new(struct rt_cgroup *cgroup, struct rt_leaf *leaf, int signal,
                      struct pid_list *done) {
        struct pid_list now = {0};
        pid_t batch[BATCH];
        size_t n_batch = 0;
        int any = 0, r = list_sorted(cgroup, leaf, &now);

        for (size_t i = 0; i < now.n_items && r == 0; i++) {
                if (has_pid(done, now.items[i]))
                        continue;
                any = 1;
                batch[n_batch++] = now.items[i];
                if (n_batch < BATCH)
                        continue;
                r = signal_batch(cgroup, leaf, batch, n_batch, signal);
                n_batch = 0;
        }
        if (r == 0 && n_batch)
                r = signal_batch(cgroup, leaf, batch, n_batch, signal);
        free(done->items);
        *done = now;
        return r < 0 ? r : any;
}

static int signal_all(struct rt_cgroup *cgroup, struct rt_leaf *leaf, int signal) {
        struct pid_list done = {0};
        int r = 1;

        for (unsigned round = 0; r > 0 && round < KILL_ROUNDS; round++)
                r = signal_new(cgroup, leaf, signal, &done);
        free(done.items);
        return r < 0 ? r : 0;
}

/* One write, race-free against forks (Linux 5.14). */
static int kill_by_file(struct rt_cgroup *cgroup, struct rt_leaf *leaf) {
        int dir_fd = leaf->v2 ? rt_leaf_dir(cgroup, leaf) : -EOPNOTSUPP;

        return dir_fd < 0 ? dir_fd : st_write_knob_at(dir_fd, "cgroup.kill", "1");
}

/* A fork bomb outruns the list unless it is frozen; and on v1 what is frozen dies only when it is
 * thawed. */
static int kill_frozen(struct rt_cgroup *cgroup, struct rt_leaf *leaf) {
        int frozen = rt_freezer_set(
                cgroup, true); /* without a freezer the rounds of signal_all have to do */
        int r = signal_all(cgroup, leaf, SIGKILL), thawed = 0;

        if (frozen != -EOPNOTSUPP)
                thawed = rt_freezer_set(cgroup, false);
        return r < 0 ? r : thawed;
}

int rt_processes_signal(struct rt_cgroup *cgroup, struct rt_leaf *leaf, int signal) {
        if (rt_leaf_dir(cgroup, leaf) == -ENOENT)
                return 0; /* gone, and everybody with it */
        if (signal != SIGKILL)
                return signal_all(cgroup, leaf, signal);
        return kill_by_file(cgroup, leaf) < 0 ? kill_frozen(cgroup, leaf) : 0;
}

int rt_cgroup_kill(struct rt_cgroup *cgroup, int signal, struct st_error *err) {
        struct rt_leaf *leaf = rt_leaf_of_processes(cgroup);
        int r;

        if (cgroup->not_ours)
                return 0;
        if (!leaf)
                return rt_fail(err, ST_CODE_CGROUP, -EOPNOTSUPP, "the container has no cgroup");
        r = rt_processes_signal(cgroup, leaf, signal);
        if (r < 0)
                return rt_fail_code(err, ST_CODE_CGROUP, r, "signal the processes of %s",
                                    leaf->path);
        return 0;
}
