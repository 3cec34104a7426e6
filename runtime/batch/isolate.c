/* Namespaces of the batch itself. The mounts of its roots are nobody else's, and go with it. Who is
 * no root becomes one in a user namespace: of the ids that the config maps, else of his own alone.
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <stint/batch.h>
#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/idmap.h>
#include <stint/spec.h>

static int read_spec(const struct rt_batch_options *options, struct st_spec **ret_spec,
                     struct st_error *err) {
        st_autofree char *path = NULL, *text = NULL;
        size_t length;
        int r;

        if (asprintf(&path, "%s/config.json", options->bundle) < 0)
                return st_error_set(err, -ENOMEM, "read the config");
        r = st_read_file_at(AT_FDCWD, options->config ? options->config : path, ST_JSON_MAX_SIZE,
                            &text, &length, err);
        return r < 0 ? r : st_spec_parse("config.json", text, length, ret_spec, err);
}

static int write_maps(pid_t pid, const struct st_spec *spec, uid_t uid, gid_t gid,
                      struct st_error *err) {
        struct st_id_mapping own_uid = {0, uid, 1}, own_gid = {0, gid, 1};
        struct st_id_mappings uids = spec->linux_.uid_mappings, gids = spec->linux_.gid_mappings;

        if (!uids.n_items || !gids.n_items) {
                uids = (struct st_id_mappings) {&own_uid, 1};
                gids = (struct st_id_mappings) {&own_gid, 1};
        }
        return rt_idmap_write(pid, &uids, &gids, err);
}

/* The maps are written from outside, by a child that stayed there: @go tells it when. */
_Noreturn static void mapper_main(const struct st_spec *spec, int go_fd, int error_fd) {
        struct st_error err = {0};
        pid_t parent = getppid();
        char byte;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (read(go_fd, &byte, 1) != 1) /* the parent failed, or is gone */
                _exit(1);
        if (write_maps(parent, spec, geteuid(), getegid(), &err) >= 0)
                _exit(0);
        (void)!write(error_fd, &err, sizeof err); /* the status tells as well */
        _exit(1);
}

static int await_mapper(pid_t pid, int error_fd, struct st_error *err) {
        struct st_error failure;
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return st_error_sys(err, "wait for the id maps");
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        if (read(error_fd, &failure, sizeof failure) == (ssize_t)sizeof failure && err)
                *err = failure;
        return st_error_prefix(err, err && err->code < 0 ? err->code : -EPERM,
                               "map ids into a user namespace");
}

static int become_root(const struct st_spec *spec, struct st_error *err) {
        st_autoclose int go_in = -1, go_out = -1, error_in = -1, error_out = -1;
        int go[2], error[2], r = 0;
        pid_t pid;

        if (pipe2(go, O_CLOEXEC) < 0)
                return st_error_sys(err, "make a pipe");
        go_in = go[0];
        go_out = go[1];
        if (pipe2(error, O_CLOEXEC) < 0)
                return st_error_sys(err, "make a pipe");
        error_in = error[0];
        error_out = error[1];
        pid = fork();
        if (pid < 0)
                return st_error_sys(err, "fork");
        if (pid == 0) {
                (void)st_close(go_out);
                mapper_main(spec, go_in, error_out);
        }
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                r = st_error_sys(err, "make a user namespace (an ordinary user needs one)");
        else if (write(go_out, "g", 1) != 1)
                r = st_error_sys(err, "tell the id mapper");
        go_out = st_close(go_out);
        if (r < 0) {
                (void)waitpid(pid, NULL, 0);
                return r;
        }
        return await_mapper(pid, error_in, err);
}

int rt_batch_isolate(const struct rt_batch_options *options, bool *ret_user_namespace,
                     struct st_error *err) {
        st_cleanup(st_spec_freep) struct st_spec *spec = NULL;
        int r = 0;

        *ret_user_namespace = geteuid() != 0;
        if (geteuid() != 0) {
                r = read_spec(options, &spec, err);
                if (r >= 0)
                        r = become_root(spec, err);
        } else if (unshare(CLONE_NEWNS) < 0) {
                r = st_error_sys(err, "make a mount namespace");
        }
        if (r < 0)
                return st_error_kind(err, r, ST_CODE_NAMESPACE);
        /* the host's later mounts still arrive */
        if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return st_error_kind(err, st_error_sys(err, "set the propagation of /"),
                                     ST_CODE_NAMESPACE);
        return 0;
}
