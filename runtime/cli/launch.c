#include "launch.h"

#include "notify.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/parse.h>

/* Systemd's protocol: the descriptors from 3 on, if they are meant for this process. */
static unsigned listen_fds(void) {
        const char *pid_text = getenv("LISTEN_PID"), *n_text = getenv("LISTEN_FDS");
        uint32_t pid, n;

        if (!pid_text || !n_text || st_parse_u32(pid_text, &pid) < 0 ||
            st_parse_u32(n_text, &n) < 0)
                return 0;
        return (pid_t)pid == getpid() ? n : 0;
}

int cli_launch_check(const struct cli_launch *launch, struct st_error *err) {
        unsigned first = 3 + listen_fds(), n = launch->preserve_fds;

        for (unsigned i = 0; i < n; i++) {
                if (fcntl((int)(first + i), F_GETFD) < 0)
                        return cli_usage_error(err, "--preserve-fds %u: descriptor %u is not open",
                                               n, first + i);
        }
        return 0;
}

static int connect_unix(const char *path, int *ret_fd, struct st_error *err) {
        st_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        st_autoclose int file_fd = -1;
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        if (fd < 0)
                return st_error_sys(err, "socket");
        if (strlen(path) < sizeof address.sun_path) {
                memcpy(address.sun_path, path, strlen(path));
        } else { /* reach a long path through a short one */
                file_fd = open(path, O_PATH | O_CLOEXEC);
                if (file_fd < 0)
                        return st_error_sys(err, "open socket %s", path);
                (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d",
                               file_fd); /* fits */
        }
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
                return st_error_sys(err, "connect to socket %s", path);
        *ret_fd = st_take_fd(fd);
        return 0;
}

int cli_launch_connect(struct cli_launch *launch, struct st_error *err) {
        int r = 0;

        if (launch->console_socket)
                r = connect_unix(launch->console_socket, &launch->console_socket_fd, err);
        if (r == 0 && launch->pidfd_socket)
                r = connect_unix(launch->pidfd_socket, &launch->pidfd_socket_fd, err);
        return r;
}

static int write_pid_file(const char *path, pid_t pid, struct st_error *err) {
        const char *slash = strrchr(path, '/');
        st_autoclose int dir_fd = -1;
        char dir[PATH_MAX], text[24];
        int length, r;

        if (snprintf(dir, sizeof dir, "%.*s/.", slash ? (int)(slash - path) : 1,
                     slash ? path : ".") >= (int)sizeof dir)
                return st_error_code(err, -ENAMETOOLONG, "write pid file %s", path);
        dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return st_error_sys(err, "write pid file %s", path);
        length = snprintf(text, sizeof text, "%d", (int)pid);
        r = st_replace_file_at(dir_fd, slash ? slash + 1 : path, text, (size_t)length, 0644, err);
        return r < 0 ? st_error_prefix(err, r, "write pid file %s", path) : 0;
}

int cli_launch_finish(struct cli_launch *launch, pid_t pid, struct st_error *err) {
        launch->console_socket_fd = st_close(launch->console_socket_fd);
        launch->pidfd_socket_fd = st_close(launch->pidfd_socket_fd);
        return launch->pid_file ? write_pid_file(launch->pid_file, pid, err) : 0;
}

struct rt_create_options cli_create_options(const char *id, const struct cli_bundle *bundle,
                                            const struct cli_launch *launch) {
        struct rt_create_options options = RT_CREATE_OPTIONS_INIT;

        options.id = id;
        options.bundle = bundle->bundle;
        options.config = bundle->config;
        options.no_pivot = bundle->no_pivot;
        options.no_new_keyring = bundle->no_new_keyring;
        options.console_socket_fd = launch->console_socket_fd;
        options.pidfd_socket_fd = launch->pidfd_socket_fd;
        options.preserve_fds = launch->preserve_fds;
        options.listen_fds = listen_fds();
        options.notify_socket = cli_notify_wanted();
        return options;
}

int cli_init_pid(struct rt_container *container, pid_t *ret_pid, struct st_error *err) {
        struct rt_container_info info;
        siginfo_t ended = {0};
        int r = rt_container_info(container, &info, err);

        if (r < 0)
                return r;
        *ret_pid = info.pid;
        if (info.pid > 0)
                return 0;
        /* It has ended already: look at the zombie, which keeps the number, without reaping it. */
        if (waitid(P_PIDFD, (id_t)rt_container_pidfd(container), &ended,
                   WEXITED | WNOHANG | WNOWAIT) < 0)
                return st_error_sys(err, "ask for the process id");
        *ret_pid = ended.si_pid;
        return 0;
}

void cli_discard_container(struct rt_container *container) {
        struct st_error ignored = {0};
        int r = rt_container_retire(container, true, &ignored);

        if (r == 0)
                r = rt_container_finish(container, &ignored);
        st_ignore(r); /* see the header */
}
