#include "root.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/mounts.h>
#include <stint/rootpath.h>
#include <stint/syscall.h>

static int bind_root(const struct root *root, struct st_error *err) {
        if (mount(root->path, root->mount_point, NULL, MS_BIND | MS_REC, NULL) < 0)
                return st_error_sys(err, "bind root.path %s", root->path);
        return 0;
}

/* A directory or a file, as its source is; and the bind itself, since later mount points may be in
 * it. */
static int make_bind(const struct rt_mount_step *step, int root_fd, struct st_error *err) {
        st_autoclose int tree_fd = st_open_tree(AT_FDCWD, step->source,
                                                AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        st_autoclose int target_fd = -1;
        struct stat st;

        if (tree_fd < 0 || fstat(tree_fd, &st) < 0)
                return st_error_sys(err, "source %s", step->source);
        target_fd = S_ISDIR(st.st_mode)
                            ? rt_root_mkdir_p(root_fd, step->spec->destination, 0755)
                            : rt_root_create_file(root_fd, step->spec->destination, 0755);
        if (target_fd < 0)
                return st_error_code(err, target_fd, "make the mount point");
        if (st_move_mount(tree_fd, "", target_fd, "",
                          MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return st_error_sys(err, "bind %s", step->source);
        return 0;
}

static int make_directory(const struct rt_mount_step *step, int root_fd, struct st_error *err) {
        st_autoclose int fd = rt_root_mkdir_p(root_fd, step->spec->destination, 0755);

        return fd < 0 ? st_error_code(err, fd, "make the mount point") : 0;
}

/* criu brings the content of these file systems, and so what is mounted in them is not ours to
 * make. */
static bool is_in_fs(const struct rt_mount_plan *plan, size_t index) {
        const char *destination = plan->steps[index].spec->destination;

        for (size_t i = 0; i < index; i++) {
                const char *other = plan->steps[i].spec->destination;
                size_t n = strlen(other);
                if (plan->steps[i].kind != RT_MOUNT_BIND && !strncmp(destination, other, n) &&
                    (destination[n] == '/' || !destination[n]))
                        return true;
        }
        return false;
}

static int make_mount_points(const struct root *root, const struct rt_mount_plan *plan,
                             struct st_error *err) {
        st_autoclose int root_fd = open(root->mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = 0;

        if (root_fd < 0)
                return st_error_sys(err, "open %s", root->mount_point);
        for (size_t i = 0; r >= 0 && i < plan->n_steps; i++) {
                const struct rt_mount_step *step = &plan->steps[i];
                if (is_in_fs(plan, i) || (step->kind == RT_MOUNT_BIND && !step->source))
                        continue;
                r = step->kind == RT_MOUNT_BIND ? make_bind(step, root_fd, err)
                                                : make_directory(step, root_fd, err);
                if (r < 0)
                        r = st_error_prefix(err, r, "mounts[%zu] %s", i, step->spec->destination);
        }
        return r;
}

static int prepare(const struct root *root, struct st_error *err) {
        struct rt_mount_plan plan;
        int r = bind_root(root, err);

        if (r < 0)
                return r;
        r = rt_mount_plan_make(root->arena, root->spec, root->bundle, false, &plan, err);
        if (r < 0)
                return r;
        r = make_mount_points(root, &plan, err);
        rt_mount_plan_deinit(&plan);
        if (r < 0)
                return r;
        if (umount2(root->mount_point, MNT_DETACH) < 0)
                return st_error_sys(err, "unmount %s", root->mount_point);
        return bind_root(root, err);
}

int root_prepare(const struct root *root, struct st_error *err) {
        if (unshare(CLONE_NEWNS) < 0)
                return st_error_sys(err, "unshare the mount namespace");
        if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
                return st_error_sys(err, "make the mounts slaves");
        return st_error_kind(err, prepare(root, err), ST_CODE_MOUNT);
}
