/* runtime/cgroup/destroy.c: remove a container's cgroups, with whatever still lives in them. */
#include "manager.h"
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

enum { DEPTH_MAX = 64, PAUSE_MAX_MSEC = 64 };

static int remove_children(int dir_fd, unsigned depth);

/* Deepest first. */
static int remove_tree(int dir_fd, const char *name, unsigned depth) {
        int fd, r;

        if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        if (errno != EBUSY || depth == DEPTH_MAX)
                return -errno;
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        r = remove_children(fd, depth + 1);
        if (r < 0)
                return r;
        return unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

/* Takes the descriptor over. */
static int remove_children(int dir_fd, unsigned depth) {
        st_autoclosedir DIR *dir = fdopendir(dir_fd);
        const struct dirent *entry;

        if (!dir) {
                int r = -errno;
                (void)st_close(dir_fd);
                return r;
        }
        while ((entry = readdir(dir))) {
                int r;
                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                r = remove_tree(dirfd(dir), entry->d_name, depth);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The usual case is one rmdir by path: it is clean, and a cgroup file system has no symlinks. Below
 * a leaf that is busy descriptors are used. */
static int remove_leaf(struct rt_cgroup *cgroup, struct rt_leaf *leaf) {
        st_autoclose int parent_fd = -1;
        char parent[PATH_MAX], *name;

        if (rmdir(leaf->path) == 0 || errno == ENOENT)
                return 0;
        if (errno != EBUSY)
                return -errno;
        if (snprintf(parent, sizeof parent, "%s", leaf->path) >= (int)sizeof parent)
                return -ENAMETOOLONG;
        name = strrchr(parent, '/');
        *name++ = 0;
        parent_fd = rt_path_open(cgroup, parent, O_PATH | O_DIRECTORY);
        return parent_fd < 0 ? parent_fd : remove_tree(parent_fd, name, 0);
}

/* The first leaf that would not go. */
static int remove_leaves(struct rt_cgroup *cgroup, struct rt_leaf **ret_busy) {
        int first = 0;

        RT_FOREACH_LEAF (leaf, cgroup) {
                int r = remove_leaf(cgroup, leaf);
                if (r < 0 && first == 0) {
                        first = r;
                        *ret_busy = leaf;
                }
        }
        return first;
}

/* Frozen processes do not die on v1, and not everybody freezes where we do. */
static void thaw_all(struct rt_cgroup *cgroup) {
        RT_FOREACH_LEAF (leaf, cgroup) {
                int dir_fd = rt_leaf_dir(cgroup, leaf);

                if (dir_fd < 0)
                        continue;
                if (leaf->v2)
                        (void)st_write_knob_at(dir_fd, "cgroup.freeze", "0"); /* the rmdir tells */
                else if (leaf->controllers & RT_CTL_FREEZER)
                        (void)st_write_knob_at(dir_fd, "freezer.state", "THAWED"); /* likewise */
        }
}

static uint64_t now_msec(void) {
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Until the last process has left, or @msec: v2 tells; on v1 a killed task leaves soon. */
static void wait_for_change(const struct rt_leaf *leaf, int msec) {
        st_autoclose int fd = leaf && leaf->v2 && leaf->dir_fd >= 0
                                      ? openat(leaf->dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC)
                                      : -1;
        struct pollfd pfd = {.fd = fd, .events = POLLPRI};
        char buf[128];

        if (fd >= 0 &&
            (read(fd, buf, sizeof buf - 1) <= 0 || !memmem(buf, sizeof buf, "populated 1", 11)))
                pfd.fd = -1;
        (void)poll(&pfd, 1, msec);
}

/* systemd would send SIGTERM and wait for a minute and a half: whoever is left is killed first. */
static int stop_unit(struct rt_cgroup *cgroup, struct st_error *err) {
        struct rt_leaf *leaf = rt_leaf_of_processes(cgroup);

        if (leaf) {
                thaw_all(cgroup);
                (void)rt_processes_signal(cgroup, leaf, SIGKILL); /* systemd does it too, later */
        }
        return rt_unit_stop(cgroup, err);
}

/* What no container was ever in: the state was saved, and the runtime died before it had made them.
 * Whoever lives there has nothing to do with us. */
static int remove_unused(struct rt_cgroup *cgroup) {
        int busy = 0;

        RT_FOREACH_LEAF (leaf, cgroup)
                if (rmdir(leaf->path) < 0 && errno != ENOENT)
                        busy = -errno;
        return busy;
}

/* Again and again, killing what is left, until all are gone. */
static int remove_all(struct rt_cgroup *cgroup, unsigned timeout_msec, struct st_error *err) {
        struct rt_leaf *busy = NULL;
        uint64_t end = 0;
        int pause = 1;

        for (;;) {
                int r = cgroup->made ? remove_leaves(cgroup, &busy) : remove_unused(cgroup);

                if (r == 0)
                        return 0;
                if (!end)
                        end = now_msec() + timeout_msec;
                if (r != -EBUSY || now_msec() >= end) {
                        if (!cgroup->made)
                                return 0; /* not ours to remove */
                        return rt_fail_code(err, ST_CODE_CGROUP, r, "remove %s", busy->path);
                }
                if (cgroup->made) {
                        thaw_all(cgroup);
                        (void)rt_processes_signal(cgroup, busy, SIGKILL); /* the rmdir tells */
                }
                wait_for_change(busy, pause);
                pause = pause < PAUSE_MAX_MSEC ? 2 * pause : PAUSE_MAX_MSEC;
        }
}

void rt_cgroup_claim(struct rt_cgroup *cgroup) {
        cgroup->made = true;
}

int rt_cgroup_destroy(struct rt_cgroup *cgroup, unsigned timeout_msec, struct st_error *err) {
        int r = 0;

        if (cgroup->not_ours)
                return 0;
        if (cgroup->driver == RT_CGROUP_SYSTEMD)
                r = stop_unit(cgroup, err);
        if (r == 0)
                r = remove_all(cgroup, timeout_msec, err);
        rt_cgroup_close(cgroup);
        return st_error_kind(err, r, ST_CODE_CGROUP);
}
