/* runtime/cgroup/freeze.c: stop and continue all processes of a container.
 *
 * v2 (Linux 5.2): cgroup.freeze is a request, cgroup.events tells when it holds and can be polled.
 * A frozen v2 process can be killed. v1: freezer.state reads FREEZING until all have stopped; a
 * task in an uninterruptible sleep can keep it there, and a thaw between the tries lets it pass. */
#include "manager.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

enum { V2_TIMEOUT_MSEC = 10000, V1_TRIES = 1000, V1_THAW_EVERY = 50 };

static struct rt_leaf *freezer_of(const struct rt_cgroup *cgroup) {
        struct rt_leaf *leaf = rt_leaf_v2(cgroup);

        return leaf ? leaf : rt_leaf_of(cgroup, RT_CTL_FREEZER);
}

/* The value of "frozen" in an open cgroup.events. */
static int read_frozen(int fd) {
        char buf[128], *at;
        ssize_t n = pread(fd, buf, sizeof buf - 1, 0);

        if (n < 0)
                return -errno;
        buf[n] = 0;
        at = strstr(buf, "frozen ");
        return at ? at[strlen("frozen ")] == '1' : -ENODATA;
}

static uint64_t now_msec(void) {
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* cgroup.events has POLLPRI after each change since its last read. */
static int wait_v2(int events_fd, bool frozen) {
        uint64_t end = now_msec() + V2_TIMEOUT_MSEC;

        for (;;) {
                struct pollfd pfd = {.fd = events_fd, .events = POLLPRI};
                int r = read_frozen(events_fd);
                uint64_t now = now_msec();

                if (r < 0 || r == frozen)
                        return r < 0 ? r : 0;
                if (now >= end)
                        return -ETIMEDOUT;
                if (poll(&pfd, 1, (int)(end - now)) < 0 && errno != EINTR)
                        return -errno;
        }
}

static int freeze_v2(int dir_fd, bool frozen) {
        st_autoclose int events_fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
        int r;

        if (events_fd < 0)
                return -errno;
        r = st_write_knob_at(dir_fd, "cgroup.freeze", frozen ? "1" : "0");
        if (r == 0)
                r = wait_v2(events_fd, frozen);
        if (r < 0 && frozen)
                (void)st_write_knob_at(dir_fd, "cgroup.freeze",
                                       "0"); /* not half of the container */
        return r;
}

static void pause_usec(long usec) {
        struct timespec pause = {.tv_nsec = usec * 1000};

        (void)nanosleep(&pause, NULL);
}

static int try_freeze_v1(int dir_fd) {
        char state[32];
        int r = st_write_knob_at(dir_fd, "freezer.state", "FROZEN");

        if (r == 0)
                r = rt_knob_read(dir_fd, "freezer.state", state, sizeof state);
        if (r < 0)
                return r;
        return !strcmp(state, "FROZEN");
}

static int freeze_v1(int dir_fd, bool frozen) {
        if (!frozen)
                return st_write_knob_at(dir_fd, "freezer.state", "THAWED");
        for (unsigned i = 1; i <= V1_TRIES; i++) {
                int r = try_freeze_v1(dir_fd);
                if (r != 0)
                        return r < 0 ? r : 0;
                if (i % V1_THAW_EVERY == 0)
                        (void)st_write_knob_at(dir_fd, "freezer.state",
                                               "THAWED"); /* see the top; tried again */
                pause_usec(i < V1_THAW_EVERY ? 10 : 1000);
        }
        (void)st_write_knob_at(dir_fd, "freezer.state", "THAWED"); /* not half of the container */
        return -ETIMEDOUT;
}

int rt_cgroup_freeze_at(const char *leaf, bool frozen) {
        st_autoclose int dir_fd = open(leaf, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (dir_fd < 0)
                return -errno;
        if (faccessat(dir_fd, "cgroup.freeze", F_OK, 0) == 0)
                return freeze_v2(dir_fd, frozen);
        return freeze_v1(dir_fd, frozen);
}

static bool can_freeze(const struct rt_leaf *leaf) {
        return leaf->v2 || leaf->controllers & RT_CTL_FREEZER;
}

static int set_leaf(struct rt_cgroup *cgroup, struct rt_leaf *leaf, bool frozen) {
        int dir_fd = rt_leaf_dir(cgroup, leaf);

        if (dir_fd < 0)
                return dir_fd;
        return leaf->v2 ? freeze_v2(dir_fd, frozen) : freeze_v1(dir_fd, frozen);
}

/* Hybrid has two freezers, and somebody else may have used the one that we do not. */
static int thaw_all(struct rt_cgroup *cgroup) {
        int r = 0;

        RT_FOREACH_LEAF (leaf, cgroup) {
                int frozen = can_freeze(leaf) ? rt_leaf_frozen(cgroup, leaf) : 0;

                if (frozen > 0)
                        frozen = set_leaf(cgroup, leaf, false);
                if (frozen < 0 && r == 0)
                        r = frozen;
        }
        return r;
}

int rt_freezer_set(struct rt_cgroup *cgroup, bool frozen) {
        struct rt_leaf *leaf = freezer_of(cgroup);

        if (!leaf)
                return -EOPNOTSUPP;
        return frozen ? set_leaf(cgroup, leaf, true) : thaw_all(cgroup);
}

int rt_cgroup_freeze(struct rt_cgroup *cgroup, bool frozen, struct st_error *err) {
        struct rt_leaf *leaf = freezer_of(cgroup);
        int r;

        if (!leaf)
                return rt_fail(err, ST_CODE_UNSUPPORTED, -EOPNOTSUPP,
                               "the container has no freezer cgroup");
        r = rt_freezer_set(cgroup, frozen);
        if (r < 0)
                return rt_fail_code(err, ST_CODE_CGROUP, r, "%s %s", frozen ? "freeze" : "thaw",
                                    leaf->path);
        return 0;
}

int rt_leaf_frozen(struct rt_cgroup *cgroup, struct rt_leaf *leaf) {
        int dir_fd = rt_leaf_dir(cgroup, leaf);
        char state[32];

        if (dir_fd < 0)
                return dir_fd;
        if (leaf->v2)
                return rt_knob_read(dir_fd, "cgroup.freeze", state, sizeof state) == 0 &&
                       *state == '1';
        if (!(leaf->controllers & RT_CTL_FREEZER))
                return 0;
        /* FREEZING counts: who asked for it is waiting for the rest */
        return rt_knob_read(dir_fd, "freezer.state", state, sizeof state) == 0 &&
               strcmp(state, "THAWED") != 0;
}

int rt_cgroup_is_frozen(const struct rt_cgroup *cgroup, struct st_error *err) {
        RT_FOREACH_LEAF (leaf, cgroup) {
                int r = can_freeze(leaf) ? rt_leaf_frozen((struct rt_cgroup *)cgroup, leaf) : 0;

                if (r == -ENOENT)
                        continue; /* gone */
                if (r < 0)
                        return rt_fail_code(err, ST_CODE_CGROUP, r, "read the freezer state of %s",
                                            leaf->path);
                if (r > 0)
                        return 1;
        }
        return 0;
}
