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
        return (r == -EACCES || r == -EPERM || r == -EROFS) && !cgroup->strict &&
               (cgroup->rootless || rt_in_user_namespace());
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

static bool has_name(const char *names, const char *name, size_t length) {
        for (const char *at = names;; at++) {
                size_t n = strcspn(at, ",");
                if (n == length && !memcmp(at, name, n))
                        return true;
                at += n;
                if (!*at)
                        return false;
        }
}

static int go_below(struct rt_cgroup *cgroup, struct rt_leaf *leaf, const char *clean,
                    struct st_error *err) {
        if (strcmp(clean, "/") != 0)
                leaf->path = st_arena_printf(cgroup->arena, "%s%s", leaf->path, clean);
        leaf->dir_fd = st_close(leaf->dir_fd);
        return leaf->path ? 0 : st_error_set(err, -ENOMEM, "open the cgroup");
}

/* The leaf of one controller, once: mounted together they have one. @chosen: a bit a leaf. */
static int choose_controller(struct rt_cgroup *cgroup, const char *sub_path, const char *name,
                             size_t length, const char *clean, unsigned *chosen,
                             struct st_error *err) {
        RT_FOREACH_LEAF (leaf, cgroup) {
                unsigned bit = 1u << (leaf - cgroup->leaves);
                if (leaf->v2 || !has_name(leaf->names, name, length))
                        continue;
                if (*chosen & bit)
                        return rt_fail(err, ST_CODE_USAGE, -EINVAL,
                                       "cgroup %s: the hierarchy of %.*s was chosen before",
                                       sub_path, (int)length, name);
                *chosen |= bit;
                return go_below(cgroup, leaf, clean, err);
        }
        return rt_fail(err, ST_CODE_USAGE, -EINVAL,
                       "cgroup %s: no hierarchy has controller \"%.*s\"", sub_path, (int)length,
                       name);
}

/* "cpu,memory:path" */
static int choose_some(struct rt_cgroup *cgroup, const char *sub_path, const char *colon,
                       unsigned *chosen, struct st_error *err) {
        char *clean = rt_path_clean(cgroup->arena, colon + 1);

        if (!clean)
                return st_error_set(err, -ENOMEM, "open the cgroup");
        if (cgroup->mode == RT_CGROUP_V2)
                return rt_fail(err, ST_CODE_USAGE, -EINVAL,
                               "cgroup %s: on cgroup v2 there are no controllers to choose from",
                               sub_path);
        for (const char *at = sub_path; at <= colon; at++) {
                size_t length = strcspn(at, ",:");
                int r = choose_controller(cgroup, sub_path, at, length, clean, chosen, err);
                if (r < 0)
                        return r;
                at += length;
        }
        return 0;
}

static int choose_all(struct rt_cgroup *cgroup, const char *sub_path, struct st_error *err) {
        char *clean = rt_path_clean(cgroup->arena, sub_path);

        if (!clean)
                return st_error_set(err, -ENOMEM, "open the cgroup");
        RT_FOREACH_LEAF (leaf, cgroup) {
                int r = go_below(cgroup, leaf, clean, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int enter_sub_paths(struct rt_cgroup *cgroup, const char *const *sub_paths,
                           struct st_error *err) {
        unsigned chosen = 0;

        if (!sub_paths[1] && !strchr(sub_paths[0], ':'))
                return choose_all(cgroup, sub_paths[0], err);
        for (; *sub_paths; sub_paths++) {
                const char *colon = strchr(*sub_paths, ':');
                int r;
                if (!colon)
                        return rt_fail(
                                err, ST_CODE_USAGE, -EINVAL,
                                "cgroup %s: \"CONTROLLER:\" is missing before one of several",
                                *sub_paths);
                r = choose_some(cgroup, *sub_paths, colon, &chosen, err);
                if (r < 0)
                        return r;
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

int rt_cgroup_open(struct rt_cgroup *cgroup, const char *const *sub_paths, struct st_error *err) {
        int r;

        if (cgroup->mode == RT_CGROUP_NONE)
                return 0;
        r = rt_cgroup_root_open(cgroup);
        if (r < 0)
                (void)st_error_code(err, r, "open %s", cgroup->root);
        if (r >= 0 && sub_paths && *sub_paths)
                r = enter_sub_paths(cgroup, sub_paths, err);
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
