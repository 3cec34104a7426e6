#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/idmap.h>
#include <stint/syscall.h>

int64_t rt_idmap_to_host(const struct st_id_mappings *mappings, uint32_t id) {
        for (size_t i = 0; i < mappings->n_items; i++) {
                const struct st_id_mapping *m = &mappings->items[i];
                if (id >= m->container_id && id - m->container_id < m->size)
                        return (int64_t)m->host_id + (id - m->container_id);
        }
        return -1;
}

/* The kernel takes a map in one write of less than a page (user_namespaces(7)). */
static int format_map(const struct st_id_mappings *mappings, char **ret_text) {
        st_autofree char *text = NULL;
        size_t length;
        FILE *out = open_memstream(&text, &length);

        if (!out)
                return -ENOMEM;
        for (size_t i = 0; i < mappings->n_items; i++)
                fprintf(out, "%u %u %u\n", mappings->items[i].container_id,
                        mappings->items[i].host_id, mappings->items[i].size);
        if (fclose(out) != 0)
                return -ENOMEM;
        *ret_text = st_take(text);
        return 0;
}

static int write_map(pid_t pid, const char *file, const struct st_id_mappings *mappings) {
        st_autofree char *text = NULL;
        char path[64];
        int r = format_map(mappings, &text);

        if (r < 0)
                return r;
        (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
        return st_write_knob_at(AT_FDCWD, path, text);
}

static int wait_for_helper(pid_t helper, const char *program, struct st_error *err) {
        int status;

        while (waitpid(helper, &status, 0) < 0)
                if (errno != EINTR)
                        return st_error_sys(err, "wait for %s", program);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                return st_error_set(err, -EPERM,
                                    "%s refused the mapping (it has to be listed in /etc/sub%cid)",
                                    program, program[3]);
        return 0;
}

/* newuidmap PID inside outside count ... : setuid programs that check /etc/subuid and /etc/subgid.
 */
static int run_helper(const char *program, pid_t pid, const struct st_id_mappings *mappings,
                      struct st_error *err) {
        size_t n = mappings->n_items * 3 + 2;
        st_autofree char(*texts)[12] = calloc(n, sizeof *texts);
        st_autofree char **argv = calloc(n + 1, sizeof *argv);
        pid_t helper;
        int r;

        if (!texts || !argv)
                return st_error_set(err, -ENOMEM, "run %s", program);
        argv[0] = (char *)program;
        (void)snprintf(texts[1], sizeof texts[1], "%d", (int)pid);
        for (size_t i = 0; i < mappings->n_items; i++) {
                const struct st_id_mapping *m = &mappings->items[i];
                (void)snprintf(texts[2 + 3 * i], sizeof texts[0], "%u", m->container_id);
                (void)snprintf(texts[3 + 3 * i], sizeof texts[0], "%u", m->host_id);
                (void)snprintf(texts[4 + 3 * i], sizeof texts[0], "%u", m->size);
        }
        for (size_t i = 1; i < n; i++)
                argv[i] = texts[i];
        r = posix_spawnp(&helper, program, NULL, NULL, argv, environ);
        if (r != 0)
                return st_error_code(err, -r, "run %s (package uidmap)", program);
        return wait_for_helper(helper, program, err);
}

static bool maps_only(const struct st_id_mappings *mappings, uint32_t host_id) {
        return mappings->n_items == 1 && mappings->items[0].size == 1 &&
               mappings->items[0].host_id == host_id;
}

static int deny_setgroups(pid_t pid) {
        char path[64];

        (void)snprintf(path, sizeof path, "/proc/%d/setgroups", (int)pid);
        return st_write_knob_at(AT_FDCWD, path, "deny");
}

bool rt_idmap_denies_setgroups(const struct st_id_mappings *uids,
                               const struct st_id_mappings *gids) {
        return geteuid() != 0 && maps_only(uids, geteuid()) && maps_only(gids, getegid());
}

static int write_directly(pid_t pid, const struct st_id_mappings *uids,
                          const struct st_id_mappings *gids, struct st_error *err) {
        int r = write_map(pid, "uid_map", uids);

        if (r < 0)
                return st_error_code(err, r, "write linux.uidMappings");
        r = write_map(pid, "gid_map", gids);
        return r < 0 ? st_error_code(err, r, "write linux.gidMappings") : 0;
}

int rt_idmap_write(pid_t pid, const struct st_id_mappings *uids, const struct st_id_mappings *gids,
                   struct st_error *err) {
        int r;

        if (geteuid() == 0)
                return write_directly(pid, uids, gids, err);
        if (rt_idmap_denies_setgroups(uids, gids)) {
                r = deny_setgroups(pid);
                return r < 0 ? st_error_code(err, r, "deny setgroups")
                             : write_directly(pid, uids, gids, err);
        }
        r = run_helper("newuidmap", pid, uids, err);
        if (r < 0)
                return st_error_prefix(err, r, "linux.uidMappings");
        r = run_helper("newgidmap", pid, gids, err);
        return r < 0 ? st_error_prefix(err, r, "linux.gidMappings") : 0;
}

static int open_of(pid_t pid, const struct st_id_mappings *uids, const struct st_id_mappings *gids,
                   struct st_error *err) {
        char path[64];
        int fd, r = rt_idmap_write(pid, uids, gids, err);

        if (r < 0)
                return r;
        (void)snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? st_error_sys(err, "open %s", path) : fd;
}

int rt_idmap_open_userns(const char *path, const struct st_id_mappings *uids,
                         const struct st_id_mappings *gids, struct st_error *err) {
        int pidfd = -1, fd;
        struct clone_args args = {
                .flags = CLONE_NEWUSER | CLONE_PIDFD,
                .pidfd = (uint64_t)(uintptr_t)&pidfd,
                .exit_signal = 0, /* no SIGCHLD for the caller: __WALL finds it */
        };
        pid_t pid;

        if (path) {
                fd = open(path, O_RDONLY | O_CLOEXEC);
                return fd < 0 ? st_error_sys(err, "open %s", path) : fd;
        }
        pid = st_clone3(&args);
        if (pid == 0)
                for (;;)
                        (void)pause(); /* lives until it is killed below */
        if (pid < 0)
                return st_error_sys(err, "make a user namespace");
        fd = open_of(pid, uids, gids, err);
        (void)st_pidfd_send_signal(pidfd, SIGKILL);
        (void)waitid(P_PIDFD, (id_t)pidfd, &(siginfo_t) {0}, WEXITED | __WALL);
        (void)st_close(pidfd);
        return fd;
}
