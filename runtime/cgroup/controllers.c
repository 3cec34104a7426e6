/* runtime/cgroup/controllers.c: which controllers a v2 leaf has, and giving it those that it lacks.
 *
 * A leaf has what its parent's cgroup.subtree_control lists, so enabling walks from the mount down.
 * It is done once for a parent; the usual start sees in one read that nothing is missing. */
#include "manager.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

/* What a leaf gets even when no limit asks for it: these give statistics and OOM counts, and may be
 * set by a later update. Others are dear to have (hugetlb) or of no use without a limit. */
#define USUAL (RT_CTL_CPU | RT_CTL_CPUSET | RT_CTL_IO | RT_CTL_MEMORY | RT_CTL_PIDS)

static int read_set(int dir_fd, const char *file, unsigned *ret) {
        char buf[256];
        int r = rt_knob_read(dir_fd, file, buf, sizeof buf);
        unsigned set = 0;

        if (r < 0)
                return r;
        for (const char *at = buf; *at;) {
                size_t length = strcspn(at, " ");
                set |= rt_controller_bit(at, length) & RT_CTL_V2;
                at += length;
                at += *at == ' ';
        }
        *ret = set;
        return 0;
}

/* "+cpu +memory" */
static void print_set(unsigned set, char *buf, size_t size) {
        size_t used = 0;

        buf[0] = 0;
        for (unsigned bit = 1; bit & RT_CTL_V2; bit <<= 1)
                if (set & bit)
                        used += (size_t)snprintf(buf + used, size - used, "%s+%s", used ? " " : "",
                                                 rt_controller_name(bit));
}

/* All at once, and where that is refused one by one: an ancestor may be able to give some. Not so
 * one that holds processes: it would take cpu and pids, become "domain threaded" by that, and its
 * children could hold no more than threads. */
static int enable_in(int dir_fd, unsigned wanted) {
        unsigned available = 0, enabled = 0, missing;
        char text[160];
        int r = read_set(dir_fd, "cgroup.controllers", &available), first = 0;

        if (r == 0)
                r = read_set(dir_fd, "cgroup.subtree_control", &enabled);
        if (r < 0)
                return r;
        missing = wanted & available & ~enabled;
        if (!missing)
                return 0;
        print_set(missing, text, sizeof text);
        r = st_write_knob_at(dir_fd, "cgroup.subtree_control", text);
        if (r == 0 || r == -EBUSY)
                return r;
        for (unsigned bit = 1; bit & RT_CTL_V2; bit <<= 1) {
                if (!(missing & bit))
                        continue;
                print_set(bit, text, sizeof text);
                r = st_write_knob_at(dir_fd, "cgroup.subtree_control", text);
                if (r < 0 && first == 0)
                        first = r;
        }
        return first;
}

/* What stood in the way, and where. */
struct obstacle {
        char path[PATH_MAX];
        int r;
};

static int enable_above(struct rt_cgroup *cgroup, struct rt_leaf *leaf, unsigned wanted,
                        struct obstacle *obstacle, struct st_error *err) {
        size_t length = strlen(leaf->path);
        char path[PATH_MAX];

        if (length >= sizeof path)
                return st_error_code(err, -ENAMETOOLONG, "open %s", leaf->path);
        for (size_t i = leaf->mount_length; i < length; i++) {
                st_autoclose int dir_fd = -1;
                int r;
                if (leaf->path[i] != '/')
                        continue;
                memcpy(path, leaf->path, i);
                path[i] = 0;
                dir_fd = rt_path_open(cgroup, path, O_PATH | O_DIRECTORY);
                if (dir_fd < 0)
                        return st_error_code(err, dir_fd, "open %s", path);
                r = enable_in(dir_fd, wanted);
                if (r < 0 && obstacle->r == 0) {
                        obstacle->r = r;
                        memcpy(obstacle->path, path, i + 1);
                }
        }
        return 0;
}

static int refuse(struct rt_leaf *leaf, unsigned missing, const struct obstacle *obstacle,
                  struct st_error *err) {
        const char *name = rt_controller_name(missing);
        int r;

        if (obstacle->r == -EBUSY)
                r = st_error_set(
                        err, -EBUSY,
                        "linux.resources: no %s controller for children of %s: it holds processes "
                        "itself (move them to a child, or set linux.cgroupsPath elsewhere)",
                        name, obstacle->path);
        else if (obstacle->r < 0)
                r = st_error_code(err, obstacle->r,
                                  "linux.resources: enable the %s controller in %s", name,
                                  obstacle->path);
        else
                r = st_error_set(err, -EOPNOTSUPP, "linux.resources: %s has no %s controller",
                                 leaf->path, name);
        return st_error_kind(err, r, obstacle->r < 0 ? ST_CODE_CGROUP : ST_CODE_UNSUPPORTED);
}

/* Below a threaded cgroup a leaf is "domain invalid" and takes no process; made threaded it would,
 * but then it can be neither listed nor killed as a whole. */
static int refuse_threaded(struct rt_leaf *leaf, struct st_error *err) {
        char type[32];
        int r = rt_knob_read(leaf->dir_fd, "cgroup.type", type, sizeof type);

        if (r < 0 || !strcmp(type, "domain"))
                return 0;
        return rt_fail(err, ST_CODE_CGROUP, -EOPNOTSUPP,
                       "cgroup %s is \"%s\": a container needs one outside of threaded cgroups",
                       leaf->path, type);
}

int rt_controllers_enable(struct rt_cgroup *cgroup, struct rt_leaf *leaf, struct st_error *err) {
        /* systemd enables what it delegates; only what it does not know is ours to add */
        unsigned usual = cgroup->driver == RT_CGROUP_SYSTEMD ? 0
                         : cgroup->delegate                  ? RT_CTL_V2
                                                             : USUAL;
        unsigned wanted = (usual | cgroup->wanted) & leaf->controllers;
        unsigned have = 0, available = 0;
        struct obstacle obstacle = {.r = 0};
        st_autoclose int mount_fd = -1;
        char mount[PATH_MAX];
        int r = read_set(leaf->dir_fd, "cgroup.controllers", &have);

        if (r < 0)
                return st_error_code(err, r, "read %s/cgroup.controllers", leaf->path);
        if (!(wanted & ~have))
                return 0;
        (void)snprintf(mount, sizeof mount, "%.*s", (int)leaf->mount_length, leaf->path);
        mount_fd = rt_path_open(cgroup, mount, O_PATH | O_DIRECTORY);
        if (mount_fd < 0)
                return st_error_code(err, mount_fd, "open %s", mount);
        r = read_set(mount_fd, "cgroup.controllers", &available);
        if (r < 0)
                return st_error_code(err, r, "read %s/cgroup.controllers", mount);
        if (wanted & available & ~have) {
                r = enable_above(cgroup, leaf, wanted & available, &obstacle, err);
                if (r == 0)
                        r = refuse_threaded(leaf, err);
                if (r < 0)
                        return r;
                r = read_set(leaf->dir_fd, "cgroup.controllers", &have);
                if (r < 0)
                        return st_error_code(err, r, "read %s/cgroup.controllers", leaf->path);
        }
        if (cgroup->wanted & ~have)
                return refuse(leaf, cgroup->wanted & ~have, &obstacle, err);
        return 0;
}

/* The files that the kernel says a delegatee owns; the list itself is there since Linux 4.15. */
int rt_leaf_delegate(struct rt_cgroup *cgroup, struct rt_leaf *leaf, struct st_error *err) {
        char list[4096];

        if (fchownat(leaf->dir_fd, "", cgroup->owner_uid, (gid_t)-1, AT_EMPTY_PATH) < 0)
                return st_error_sys(err, "chown %s", leaf->path);
        if (rt_knob_read(AT_FDCWD, "/sys/kernel/cgroup/delegate", list, sizeof list) < 0)
                (void)strcpy(list, "cgroup.procs\ncgroup.subtree_control\ncgroup.threads");
        for (char *file = list; *file;) {
                size_t length = strcspn(file, "\n");
                bool last = !file[length];

                file[length] = 0;
                if (fchownat(leaf->dir_fd, file, cgroup->owner_uid, (gid_t)-1,
                             AT_SYMLINK_NOFOLLOW) < 0 &&
                    errno != ENOENT) /* of a controller that is not enabled */
                        return st_error_sys(err, "chown %s/%s", leaf->path, file);
                file += length + !last;
        }
        return 0;
}
