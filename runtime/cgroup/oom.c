/* runtime/cgroup/oom.c: OOM kills: how many there were, and a descriptor that tells when. */
#include "manager.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/parse.h>

/* The number after "oom_kill " in memory.events (which counts the cgroups below too) or
 * memory.oom_control. */
int64_t rt_cgroup_oom_kills(const struct rt_cgroup *cgroup) {
        struct rt_leaf *leaf = rt_leaf_of(cgroup, RT_CTL_MEMORY);
        char text[512], *at;
        uint64_t kills;
        int dir_fd = leaf ? rt_leaf_dir((struct rt_cgroup *)cgroup, leaf) : -1;

        if (dir_fd < 0)
                return -1;
        if (rt_knob_read(dir_fd, leaf->v2 ? "memory.events" : "memory.oom_control", text,
                         sizeof text) < 0)
                return -1;
        at = strstr(text, "oom_kill ");
        if (!at)
                return -1; /* v1 before Linux 4.13 */
        at += strlen("oom_kill ");
        at[strcspn(at, "\n")] = 0;
        return st_parse_u64(at, &kills) < 0 ? -1 : (int64_t)kills;
}

static int watch_v2(const struct rt_leaf *leaf, int *ret_fd) {
        st_autoclose int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        char path[PATH_MAX];

        if (fd < 0)
                return -errno;
        if (snprintf(path, sizeof path, "%s/memory.events", leaf->path) >= (int)sizeof path)
                return -ENAMETOOLONG;
        if (inotify_add_watch(fd, path, IN_MODIFY) < 0)
                return -errno;
        *ret_fd = st_take_fd(fd);
        return 0;
}

/* The eventfd is written for each OOM, and once more when the cgroup is removed. */
static int watch_v1(int dir_fd, int *ret_fd) {
        st_autoclose int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        st_autoclose int control_fd = openat(dir_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
        char text[32];
        int r;

        if (fd < 0 || control_fd < 0)
                return -errno;
        (void)snprintf(text, sizeof text, "%d %d", fd, control_fd);
        r = st_write_knob_at(dir_fd, "cgroup.event_control", text);
        if (r == 0)
                *ret_fd = st_take_fd(fd);
        return r;
}

int rt_cgroup_oom_watch(const struct rt_cgroup *cgroup, int *ret_fd, struct st_error *err) {
        struct rt_leaf *leaf = rt_leaf_of(cgroup, RT_CTL_MEMORY);
        int dir_fd, r;

        if (!leaf)
                return rt_fail(err, ST_CODE_UNSUPPORTED, -EOPNOTSUPP,
                               "the container has no memory cgroup");
        dir_fd = rt_leaf_dir((struct rt_cgroup *)cgroup, leaf);
        r = dir_fd < 0 ? dir_fd : leaf->v2 ? watch_v2(leaf, ret_fd) : watch_v1(dir_fd, ret_fd);
        if (r < 0)
                return rt_fail_code(err, ST_CODE_CGROUP, r, "watch %s for OOM", leaf->path);
        return 0;
}
