/* launch.h: what the verbs that start a process have in common: the sockets, the pid file, the
 * descriptors to pass. */
#pragma once
#include "options.h"

#include <stint/container.h>

struct cli_launch {
        const char *console_socket, *pid_file, *pidfd_socket; /* options */
        unsigned preserve_fds;                                /* likewise */
        int console_socket_fd, pidfd_socket_fd;               /* see cli_launch_connect() */
};
#define CLI_LAUNCH_INIT                                                                            \
        { .console_socket_fd = -1, .pidfd_socket_fd = -1 }

/* Are the descriptors to preserve there? To be asked before anything else opens one. */
int cli_launch_check(const struct cli_launch *launch, struct st_error *err) st_must_check;
int cli_launch_connect(struct cli_launch *launch, struct st_error *err) st_must_check;
/* The process is there: close the sockets, write the pid file. */
int cli_launch_finish(struct cli_launch *launch, pid_t pid, struct st_error *err) st_must_check;

struct cli_bundle { /* options of create and run */
        const char *bundle, *config;
        bool no_pivot, no_new_keyring;
};
struct rt_create_options cli_create_options(const char *id, const struct cli_bundle *bundle,
                                            const struct cli_launch *launch);

/* The init's pid, also when it has ended already and waits to be reaped by us. */
int cli_init_pid(struct rt_container *container, pid_t *ret_pid,
                 struct st_error *err) st_must_check;
/* Undo a start that a later step spoiled; that step's error is the one to report. */
void cli_discard_container(struct rt_container *container);

#define CLI_CONSOLE_OPTION(l)                                                                      \
        {                                                                                          \
                "console-socket", 0, CLI_TEXT(&(l)->console_socket), "PATH",                       \
                        "send the terminal's master to this socket"                                \
        }
#define CLI_PID_FILE_OPTION(l)                                                                     \
        { "pid-file", 0, CLI_TEXT(&(l)->pid_file), "FILE", "write the process id to this file" }
#define CLI_PIDFD_OPTION(l)                                                                        \
        {                                                                                          \
                "pidfd-socket", 0, CLI_TEXT(&(l)->pidfd_socket), "PATH",                           \
                        "send a pidfd of the process to this socket"                               \
        }
#define CLI_PRESERVE_OPTION(l)                                                                     \
        {                                                                                          \
                "preserve-fds", 0, CLI_UNSIGNED(&(l)->preserve_fds), "N",                          \
                        "pass N descriptors after LISTEN_FDS"                                      \
        }
#define CLI_BUNDLE_OPTION(b)                                                                       \
        { "bundle", 'b', CLI_TEXT(b), "DIR", "the bundle (default: the current directory)" }
#define CLI_CONFIG_OPTION(b)                                                                       \
        { "config", 'f', CLI_TEXT(&(b)->config), "FILE", "read this, not DIR/config.json" }
#define CLI_NO_PIVOT_OPTION(p)                                                                     \
        { "no-pivot", 0, CLI_FLAG(p), "move the root, do not pivot (ramdisks)" }
#define CLI_NO_KEYRING_OPTION(b)                                                                   \
        { "no-new-keyring", 0, CLI_FLAG(&(b)->no_new_keyring), "keep the caller's session keyring" }
