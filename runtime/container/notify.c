/* The readiness protocol of services (sd_notify(3)): a socket of the container's own, at
 * /run/notify/notify.sock.
 *
 * The host's socket is not for a container to reach: whoever forwards its messages chooses which.
 * Its directory is bound, not the socket, so that it can be made when somebody is there to read it:
 * by run, or by start long after create. */
#include "runtime.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <stint/cleanup.h>

#define NOTIFY_DIR "/run/notify"

static bool has_env(const struct st_process *process, const char *name) {
        size_t n = strlen(name);

        for (size_t i = 0; i < process->n_env; i++)
                if (!strncmp(process->env[i], name, n) && process->env[i][n] == '=')
                        return true;
        return false;
}

static int add_env(struct st_spec *spec, char *setting) {
        struct st_process *process = spec->process;
        char **env = st_arena_array(spec->arena, process->n_env + 2, sizeof *env);

        if (!env)
                return -ENOMEM;
        if (process->n_env)
                memcpy(env, process->env, process->n_env * sizeof *env);
        env[process->n_env++] = setting;
        process->env = env;
        return 0;
}

static char *mount_options[] = {(char[]) {"bind"},   (char[]) {"nosuid"}, (char[]) {"nodev"},
                                (char[]) {"noexec"}, (char[]) {"ro"},     NULL};

static int add_mount(struct st_spec *spec, const char *source) {
        struct st_mount *mounts = st_arena_array(spec->arena, spec->n_mounts + 1, sizeof *mounts);

        if (!mounts || !source)
                return -ENOMEM;
        if (spec->n_mounts)
                memcpy(mounts, spec->mounts, spec->n_mounts * sizeof *mounts);
        mounts[spec->n_mounts++] = (struct st_mount) {
                .destination = NOTIFY_DIR,
                .type = "bind",
                .source = source,
                .options = mount_options,
                .n_options = sizeof mount_options / sizeof *mount_options - 1,
        };
        spec->mounts = mounts;
        return 0;
}

static int listen_for_messages(struct rt_container *container, int *ret_fd, struct st_error *err) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        st_autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        (void)snprintf(address.sun_path, sizeof address.sun_path,
                       "/proc/self/fd/%d/notify/notify.sock", container->dir_fd);
        (void)unlinkat(container->dir_fd, "notify/notify.sock",
                       0); /* of a starter that was killed */
        if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
                return st_error_sys(err, "make the notify socket");
        if (fchmodat(container->dir_fd, "notify/notify.sock", 0666, 0) <
            0) /* for every user of the container */
                return st_error_sys(err, "make the notify socket");
        *ret_fd = st_take_fd(fd);
        return 0;
}

int rt_notify_plan(struct rt_container *container, bool listen_now, struct st_error *err) {
        struct st_spec *spec = container->spec;

        /* who sets it in the config sees to the rest as well (podman has its monitor forward) */
        if (!spec->process || has_env(spec->process, "NOTIFY_SOCKET") ||
            !spec->linux_.namespaces[ST_NS_MOUNT].wanted)
                return 0;
        if (mkdirat(container->dir_fd, "notify", 0755) < 0 ||
            fchmodat(container->dir_fd, "notify", 0755, 0) < 0) /* whatever the umask is */
                return st_error_sys(err, "make the directory of the notify socket");
        if (add_mount(spec, st_arena_printf(spec->arena, "%s/%s/notify", container->runtime->root,
                                            container->record.id)) < 0 ||
            add_env(spec,
                    st_arena_strdup(spec->arena, "NOTIFY_SOCKET=" NOTIFY_DIR "/notify.sock")) < 0)
                return st_error_set(err, -ENOMEM, "plan the notify socket");
        return listen_now ? listen_for_messages(container, &container->notify_fd, err) : 0;
}

int rt_container_take_notify(struct rt_container *container, int *ret_fd, struct st_error *err) {
        *ret_fd = st_take_fd(container->notify_fd);
        if (*ret_fd >= 0 || faccessat(container->dir_fd, "notify", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        return listen_for_messages(container, ret_fd, err);
}
