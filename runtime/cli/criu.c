#include "criu.h"

#include "stint-config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

#define HELPER ST_LIBEXEC_DIR "/stint-criu"

enum { REQUEST_FD = 3, ERROR_FD = 4, CONSOLE_FD = 5 };

extern char **environ;

static int not_installed(struct st_error *err, const char *name) {
        (void)st_error_set(err, -ENOENT, "%s is not installed: checkpoint and restore need it",
                           name);
        return st_error_kind(err, -ENOENT, ST_CODE_CRIU);
}

static bool find_in_path(const char *name, char *path, size_t size) {
        const char *dirs = getenv("PATH");

        while (dirs && *dirs) {
                size_t length = strcspn(dirs, ":");
                int n = snprintf(path, size, "%.*s/%s", (int)length, dirs, name);

                if (n > 0 && (size_t)n < size && path[0] == '/' && access(path, X_OK) == 0)
                        return true;
                dirs += length + (dirs[length] == ':');
        }
        return false;
}

/* As execvp(3) would, but before anything is begun. */
static int find_criu(const char *name, char *path, size_t size, struct st_error *err) {
        bool found;

        if (strchr(name, '/'))
                found = access(name, X_OK) == 0 && (size_t)snprintf(path, size, "%s", name) < size;
        else
                found = find_in_path(name, path, size);
        return found ? 0 : not_installed(err, name);
}

static void write_text(struct st_json_writer *w, const char *key, const char *value) {
        if (value)
                st_json_string(w, key, value);
}

static void write_flags(struct st_json_writer *w, const struct cli_criu *request) {
        st_json_bool(w, "leaveRunning", request->leave_running);
        st_json_bool(w, "tcpEstablished", request->tcp_established);
        st_json_bool(w, "extUnixSk", request->ext_unix_sk);
        st_json_bool(w, "shellJob", request->shell_job);
        st_json_bool(w, "lazyPages", request->lazy_pages);
        st_json_bool(w, "fileLocks", request->file_locks);
        st_json_bool(w, "preDump", request->pre_dump);
        st_json_bool(w, "autoDedup", request->auto_dedup);
        st_json_bool(w, "noPivot", request->no_pivot);
        st_json_bool(w, "consoleSocket", request->console_socket_fd >= 0);
}

static void write_request(struct st_json_writer *w, const struct cli *cli,
                          const struct cli_criu *request, const char *criu) {
        st_json_open_object(w, NULL);
        st_json_string(w, "id", request->id);
        write_text(w, "root", cli->runtime_options.root);
        st_json_bool(w, "systemdCgroup", cli->runtime_options.systemd_cgroup);
        st_json_string(w, "criu", criu);
        write_text(w, "imagePath", request->image_path);
        write_text(w, "workPath", request->work_path);
        write_text(w, "parentPath", request->parent_path);
        write_text(w, "pageServer", request->page_server);
        write_text(w, "manageCgroupsMode", request->manage_cgroups_mode);
        write_text(w, "lsmProfile", request->lsm_profile);
        write_text(w, "lsmMountContext", request->lsm_mount_context);
        write_text(w, "bundle", request->bundle);
        st_json_open_array(w, "emptyNamespaces");
        for (size_t i = 0; i < request->empty_namespaces.n_items; i++)
                st_json_string(w, NULL, request->empty_namespaces.items[i]);
        st_json_close_array(w);
        if (request->status_fd.has)
                st_json_int(w, "statusFd", request->status_fd.value);
        write_flags(w, request);
        st_json_close_object(w);
}

/* The request in a file without a name, positioned at its beginning. */
static int make_request(const struct cli *cli, const struct cli_criu *request, int *ret_fd,
                        struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        st_autoclose int fd = memfd_create("stint-criu", MFD_CLOEXEC);
        char criu[PATH_MAX];
        const char *text;
        size_t length;
        int r;

        if (!w || fd < 0)
                return st_error_set(err, -ENOMEM, "allocate the request to stint-criu");
        r = find_criu(cli->criu, criu, sizeof criu, err);
        if (r < 0)
                return r;
        write_request(w, cli, request, criu);
        r = st_json_writer_finish(w, &text, &length, err);
        if (r < 0)
                return r;
        r = st_write_all(fd, text, length);
        if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return st_error_code(err, r < 0 ? r : -errno, "write the request to stint-criu");
        *ret_fd = st_take_fd(fd);
        return 0;
}

/* Out of the way of the numbers that the helper expects: dup2 onto one would close what is there.
 */
static int move_up(int *fd, struct st_error *err) {
        int copy;

        if (*fd < 0)
                return 0;
        copy = fcntl(*fd, F_DUPFD_CLOEXEC, CONSOLE_FD + 1);
        if (copy < 0)
                return st_error_sys(err, "duplicate a descriptor");
        (void)close(*fd); /* a duplicate is left */
        *fd = copy;
        return 0;
}

static int spawn_helper(const struct cli_criu *request, int request_fd, int error_fd,
                        int console_fd, pid_t *ret_pid, struct st_error *err) {
        char *argv[] = {(char *)"stint-criu", (char *)request->verb, (char *)ST_VERSION, NULL};
        posix_spawn_file_actions_t actions;
        int r = -posix_spawn_file_actions_init(&actions);

        if (r < 0)
                return st_error_code(err, r, "run " HELPER);
        r = -posix_spawn_file_actions_adddup2(&actions, request_fd, REQUEST_FD);
        if (r == 0)
                r = -posix_spawn_file_actions_adddup2(&actions, error_fd, ERROR_FD);
        if (r == 0 && console_fd >= 0)
                r = -posix_spawn_file_actions_adddup2(&actions, console_fd, CONSOLE_FD);
        if (r == 0)
                r = -posix_spawn(ret_pid, HELPER, &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions); /* cannot fail */
        if (r == -ENOENT)
                return not_installed(err, HELPER);
        return r < 0 ? st_error_code(err, r, "run " HELPER) : 0;
}

static int await_helper(pid_t pid, int error_fd, struct st_error *err) {
        struct st_error said = {0};
        ssize_t n;
        int status;

        do
                n = read(error_fd, &said, sizeof said); /* ends when the helper does */
        while (n < 0 && errno == EINTR);
        while (waitpid(pid, &status, 0) < 0) {
                if (errno != EINTR)
                        return st_error_sys(err, "wait for stint-criu");
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        if (n != (ssize_t)sizeof said || said.code >= 0) {
                (void)st_error_set(err, -EPROTO,
                                   "stint-criu ended with wait status %#x and no message",
                                   (unsigned)status);
                return st_error_kind(err, -EPROTO, ST_CODE_INTERNAL);
        }
        said.msg[sizeof said.msg - 1] = 0;
        *err = said;
        return said.code;
}

int cli_criu_run(const struct cli *cli, const struct cli_criu *request, struct st_error *err) {
        st_autoclose int request_fd = -1, read_fd = -1, write_fd = -1;
        st_autoclose int console_fd =
                request->console_socket_fd < 0 ? -1 : dup(request->console_socket_fd);
        int fds[2], r;
        pid_t pid;

        r = make_request(cli, request, &request_fd, err);
        if (r < 0)
                return r;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return st_error_sys(err, "pipe");
        read_fd = fds[0];
        write_fd = fds[1];
        r = move_up(&request_fd, err);
        if (r == 0)
                r = move_up(&write_fd, err);
        if (r == 0)
                r = move_up(&console_fd, err);
        if (r == 0)
                r = spawn_helper(request, request_fd, write_fd, console_fd, &pid, err);
        if (r < 0)
                return r;
        write_fd = st_close(write_fd);
        if (request->status_fd.has && request->status_fd.value > 2)
                (void)close(
                        (int)request->status_fd.value); /* its reader waits for the end of file */
        return await_helper(pid, read_fd, err);
}
