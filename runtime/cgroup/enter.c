/* runtime/cgroup/enter.c: getting into a container's cgroups: its first process, and those of exec.
 */
#include "manager.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

bool rt_cgroup_is_denied(const struct rt_cgroup *cgroup, int r) {
        return (r == -EACCES || r == -EPERM || r == -EROFS) &&
               !cgroup->strict && (cgroup->rootless || rt_in_user_namespace());
}

int rt_tasks_open(struct rt_cgroup *cgroup, struct st_error *err) {
        RT_FOREACH_LEAF (leaf, cgroup) {
                int fd;
                if (leaf->v2)
                        continue;
                fd = rt_leaf_open_file(cgroup, leaf, "tasks", O_WRONLY);
                if (rt_cgroup_is_denied(cgroup, fd)) {
                        leaf->dropped = true;
                        continue;
                }
                if (fd < 0)
                        return st_error_code(err, fd, "open %s/tasks", leaf->path);
                cgroup->task_fds[cgroup->n_task_fds++] = fd;
        }
        return 0;
}

int rt_cgroup_clone_fd(const struct rt_cgroup *cgroup) {
        struct rt_leaf *leaf = rt_leaf_v2(cgroup);

        return leaf ? leaf->dir_fd : -1;
}

const int *rt_cgroup_task_fds(const struct rt_cgroup *cgroup, size_t *ret_n) {
        *ret_n = cgroup->n_task_fds;
        return cgroup->task_fds;
}

/* "0" is the writer itself. A single thread that moves itself through `tasks` takes no lock that
 * waits for an RCU grace period (since Linux 5.5); through cgroup.procs it would. */
static int enter(int fd) {
        while (write(fd, "0", 1) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int rt_cgroup_enter_self(const int *task_fds, size_t n, struct st_error *err) {
        for (size_t i = 0; i < n; i++) {
                int r = enter(task_fds[i]);
                if (r < 0)
                        return rt_fail_code(err, ST_CODE_CGROUP, r, "enter the container's cgroup");
        }
        return 0;
}

int rt_cgroup_enter_attached(const struct rt_cgroup *cgroup, struct st_error *err) {
        RT_FOREACH_LEAF (leaf, cgroup) {
                st_autoclose int fd = -1;
                int r;
                if (leaf->v2)
                        continue;
                fd = rt_leaf_open_file((struct rt_cgroup *)cgroup, leaf, "tasks", O_WRONLY);
                r = fd < 0 ? fd : enter(fd);
                if (r < 0)
                        return rt_fail_code(err, ST_CODE_CGROUP, r, "enter %s", leaf->path);
        }
        return 0;
}

bool rt_cgroup_has_limits(const struct rt_cgroup *cgroup) {
        return cgroup->mode != RT_CGROUP_NONE && cgroup->writes.n_items > 0;
}

int rt_cgroup_move(const struct rt_cgroup *cgroup, pid_t pid, struct st_error *err) {
        char text[16];

        (void)snprintf(text, sizeof text, "%d", (int)pid);
        RT_FOREACH_LEAF (leaf, cgroup) {
                st_autoclose int fd = rt_leaf_open_file((struct rt_cgroup *)cgroup, leaf,
                                                        "cgroup.procs", O_WRONLY);
                int r = fd < 0 ? fd : 0;

                if (r == 0 && write(fd, text, strlen(text)) < 0)
                        r = -errno;
                if (r < 0)
                        return rt_fail_code(err, ST_CODE_CGROUP, r, "move process %s to %s", text,
                                            leaf->path);
        }
        return 0;
}

/* "path" for all hierarchies, "cpu,memory:path" for some of v1's. *ret_path: what is after the
 * colon; the controllers' bits. */
static int split_sub_path(const struct rt_cgroup *cgroup, const char *sub_path, unsigned *ret_bits,
                          const char **ret_path, struct st_error *err) {
        const char *colon = strchr(sub_path, ':');
        char *names;

        *ret_bits = ~0u;
        *ret_path = sub_path;
        if (!colon)
                return 0;
        if (cgroup->mode == RT_CGROUP_V2)
                return rt_fail(err, ST_CODE_USAGE, -EINVAL,
                               "cgroup %s: on cgroup v2 there are no controllers to choose from",
                               sub_path);
        names = st_arena_strndup(cgroup->arena, sub_path, (size_t)(colon - sub_path));
        if (!names)
                return st_error_set(err, -ENOMEM, "open the cgroup");
        *ret_bits = rt_controller_bits(names);
        *ret_path = colon + 1;
        return 0;
}

static int enter_sub_path(struct rt_cgroup *cgroup, const char *sub_path, struct st_error *err) {
        const char *path;
        unsigned bits;
        char *clean;
        int r = split_sub_path(cgroup, sub_path, &bits, &path, err);

        if (r < 0)
                return r;
        clean = rt_path_clean(cgroup->arena, path);
        if (!clean)
                return st_error_set(err, -ENOMEM, "open the cgroup");
        RT_FOREACH_LEAF (leaf, cgroup) {
                if (!(leaf->controllers & bits) && bits != ~0u)
                        continue;
                if (strcmp(clean, "/") != 0)
                        leaf->path = st_arena_printf(cgroup->arena, "%s%s", leaf->path, clean);
                if (!leaf->path)
                        return st_error_set(err, -ENOMEM, "open the cgroup");
                leaf->dir_fd = st_close(leaf->dir_fd);
        }
        return 0;
}

static int open_all(struct rt_cgroup *cgroup, struct st_error *err) {
        struct rt_leaf *v2 = rt_leaf_v2(cgroup);
        int r = v2 ? rt_leaf_dir(cgroup, v2) : 0;

        if (r < 0)
                return st_error_code(err, r, "open %s", v2->path);
        return rt_tasks_open(cgroup, err);
}

int rt_cgroup_open(struct rt_cgroup *cgroup, const char *sub_path, struct st_error *err) {
        int r;

        if (cgroup->mode == RT_CGROUP_NONE)
                return 0;
        r = rt_cgroup_root_open(cgroup);
        if (r < 0)
                (void)st_error_code(err, r, "open %s", cgroup->root);
        if (r >= 0 && sub_path)
                r = enter_sub_path(cgroup, sub_path, err);
        if (r >= 0)
                r = open_all(cgroup, err);
        if (r < 0)
                rt_cgroup_close(cgroup);
        return st_error_kind(err, r, ST_CODE_CGROUP);
}

/* Where @pid is below the v2 leaf: "" in the leaf itself, NULL somewhere else. */
static const char *place_below(struct rt_cgroup *cgroup, const struct rt_leaf *leaf, pid_t pid) {
        const char *inside = leaf->path + leaf->mount_length;
        size_t length = strlen(inside);
        st_autofree char *text = NULL;
        char file[32], *line;

        (void)snprintf(file, sizeof file, "/proc/%d/cgroup", (int)pid);
        if (st_read_file_at(AT_FDCWD, file, 1 << 20, &text, NULL, NULL) < 0)
                return NULL;
        line = !strncmp(text, "0::", 3) ? text : strstr(text, "\n0::");
        if (!line)
                return NULL;
        line = strchr(line, '/');
        if (!line)
                return NULL;
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, inside, length) != 0 || (line[length] && line[length] != '/'))
                return NULL;
        return st_arena_strdup(cgroup->arena, line + length);
}

int rt_cgroup_open_beside(struct rt_cgroup *cgroup, pid_t pid, struct st_error *err) {
        struct rt_leaf *leaf = rt_leaf_v2(cgroup);
        const char *place = leaf ? place_below(cgroup, leaf, pid) : NULL;

        if (place && *place) {
                leaf->path = st_arena_printf(cgroup->arena, "%s%s", leaf->path, place);
                if (!leaf->path)
                        return st_error_set(err, -ENOMEM, "open the cgroup");
                leaf->dir_fd = st_close(leaf->dir_fd);
        }
        return rt_cgroup_open(cgroup, NULL, err);
}
