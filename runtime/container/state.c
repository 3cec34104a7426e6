/* The state directory of one container: <root>/<id>. Making it reserves the id; its flock orders
 * those who change it. */
#include "runtime.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

enum { ID_MAX = 1024 };

static bool is_id_char(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               strchr("_+-.", c);
}

int rt_id_check(const char *id, struct st_error *err) {
        size_t n = strlen(id);

        if (n == 0)
                return st_error_kind(err,
                                     st_error_set(err, -EINVAL, "container id cannot be empty"),
                                     ST_CODE_USAGE);
        for (const char *p = id; *p; p++)
                if (!is_id_char(*p))
                        return st_error_kind(err,
                                             st_error_set(err, -EINVAL,
                                                          "invalid container ID format: %.100s",
                                                          id),
                                             ST_CODE_USAGE);
        if (id[0] == '.' || n > ID_MAX)
                return st_error_kind(
                        err, st_error_set(err, -EINVAL, "invalid container ID format: %.100s", id),
                        ST_CODE_USAGE);
        return 0;
}

static int not_found(struct st_error *err) {
        return st_error_kind(err, st_error_set(err, -ENOENT, "container does not exist"),
                             ST_CODE_NOT_FOUND);
}

int rt_state_lock(struct rt_container *container, struct st_error *err) {
        struct stat st;

        while (flock(container->dir_fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return st_error_sys(err, "lock the state");
        /* whoever held the lock before may have removed the directory */
        if (fstat(container->dir_fd, &st) < 0 || st.st_nlink == 0)
                return not_found(err);
        return 0;
}

void rt_state_unlock(struct rt_container *container) {
        (void)flock(container->dir_fd, LOCK_UN); /* cannot fail on a descriptor that was locked */
}

int rt_state_open(struct rt_container *container, const char *id, struct st_error *err) {
        int r = rt_id_check(id, err);

        if (r < 0)
                return r;
        r = rt_runtime_open_root(container->runtime, false, err);
        if (r == -ENOENT)
                return not_found(err);
        if (r < 0)
                return r;
        container->dir_fd = openat(container->runtime->root_fd, id,
                                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (container->dir_fd < 0)
                return errno == ENOENT ? not_found(err)
                                       : st_error_sys(err, "open the state of %s", id);
        return 0;
}

static int already_exists(struct st_error *err) {
        return st_error_kind(err,
                             st_error_set(err, -EEXIST, "container with given ID already exists"),
                             ST_CODE_EXISTS);
}

int rt_state_reserve(struct rt_container *container, const char *id, struct st_error *err) {
        int r = rt_id_check(id, err);

        if (r >= 0)
                r = rt_runtime_open_root(container->runtime, true, err);
        if (r < 0)
                return r;
        if (mkdirat(container->runtime->root_fd, id, 0700) < 0) {
                if (errno == EEXIST)
                        return already_exists(err);
                return st_error_sys(err, "make the state directory of %s", id);
        }
        r = rt_state_open(container, id, err);
        if (r >= 0)
                r = rt_state_lock(container, err);
        if (r < 0)
                return r;
        /* ours may have been deleted before the lock, and this be the next creator's of that name
         */
        return faccessat(container->dir_fd, "state.json", F_OK, 0) == 0 ? already_exists(err) : 0;
}

int rt_state_remove(struct rt_container *container, struct st_error *err) {
        int r = st_remove_tree_at(container->runtime->root_fd, container->record.id);

        return r < 0 && r != -ENOENT
                       ? st_error_code(err, r, "remove the state of %s", container->record.id)
                       : 0;
}
