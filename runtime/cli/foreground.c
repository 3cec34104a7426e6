#include "foreground.h"

#include "notify.h"
#include "terminal.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <stint/cleanup.h>
#include <stint/syscall.h>

/* Not these: our own faults must not be held back, and a blocked SIGPIPE is what turns a closed
 * pipe into EPIPE. */
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

int cli_foreground_begin(struct cli_foreground *foreground, bool subreaper, struct st_error *err) {
        sigset_t set;

        memset(&set, 0xff, sizeof set); /* sigfillset(3) leaves out what the C library keeps */
        for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
                sigdelset(&set, faults[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return st_error_sys(err, "block signals");
        foreground->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (foreground->signal_fd < 0)
                return st_error_sys(err, "signalfd");
        if (subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
                return st_error_sys(err, "become a subreaper");
        return 0;
}

static bool asks_to_stop(int signal) {
        return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

/* 1 and a signal, or 0 when there is none. */
static int next_signal(const struct cli_foreground *foreground, int *ret_signal) {
        struct signalfd_siginfo info;

        if (read(foreground->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
                return 0;
        *ret_signal = (int)info.ssi_signo;
        return 1;
}

int cli_foreground_await(const struct cli_foreground *foreground, int fd, struct st_error *err) {
        for (;;) {
                struct pollfd pollfds[] = {{.fd = fd, .events = POLLIN},
                                           {.fd = foreground->signal_fd, .events = POLLIN}};
                int signal;

                if (poll(pollfds, 2, -1) < 0 && errno != EINTR)
                        return st_error_sys(err, "poll");
                if (pollfds[0].revents) /* first: what happened there happened before the signal */
                        return 0;
                while (pollfds[1].revents && next_signal(foreground, &signal)) {
                        if (asks_to_stop(signal))
                                return st_error_set(err, -EINTR, "interrupted by %s",
                                                    strsignal(signal));
                }
        }
}

/* As subreaper we are the parent of what the process orphaned. It is left to who settles it. */
static void reap_orphans(pid_t process) {
        for (;;) {
                siginfo_t child = {0};

                if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) < 0 ||
                    child.si_pid == 0 || child.si_pid == process)
                        return;
                if (waitpid(child.si_pid, NULL, 0) < 0)
                        return;
        }
}

static void handle_signals(const struct cli_foreground *foreground, int pidfd, pid_t pid,
                           const struct cli_terminal *terminal) {
        int signal;

        while (next_signal(foreground, &signal)) {
                if (signal == SIGCHLD)
                        reap_orphans(pid);
                else if (signal == SIGWINCH)
                        cli_terminal_resize(terminal);
                else if (signal != SIGPIPE)
                        (void)st_pidfd_send_signal(
                                pidfd, signal); /* it may have ended: the loop will see that */
        }
}

/* A manager that cannot be told is no reason to leave the process alone. Returns what to poll on.
 */
static int forward_readiness(int fd) {
        struct st_error ignored = {0};

        if (cli_notify_forward(fd, getpid(), &ignored) == 0)
                return fd;
        (void)shutdown(fd, SHUT_RD); /* nobody reads any more: an error for senders, and no wait */
        return -1;
}

/* A tracer keeps the status from a parent until it lets go, after the pidfd has told the end. */
static void await_status(int pidfd) {
        siginfo_t ended;

        while (waitid(P_PIDFD, (id_t)pidfd, &ended, WEXITED | WNOWAIT) < 0)
                if (errno != EINTR) /* who settles it will say what is wrong */
                        return;
}

static int serve(const struct cli_foreground *foreground, int pidfd, pid_t pid,
                 struct cli_terminal *terminal, struct st_error *err) {
        int notify_fd = foreground->notify_fd;

        for (;;) {
                struct pollfd pollfds[3 + CLI_TERMINAL_POLLFDS] = {
                        {.fd = pidfd, .events = POLLIN},
                        {.fd = foreground->signal_fd, .events = POLLIN},
                        {.fd = notify_fd, .events = POLLIN}};

                cli_terminal_poll(terminal, pollfds + 3);
                if (poll(pollfds, 3 + CLI_TERMINAL_POLLFDS, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return st_error_sys(err, "poll");
                }
                if (pollfds[1].revents)
                        handle_signals(foreground, pidfd, pid, terminal);
                if (pollfds[2].revents)
                        notify_fd = forward_readiness(notify_fd);
                cli_terminal_copy(terminal, pollfds + 3);
                if (pollfds[0].revents) {
                        await_status(pidfd);
                        return 0;
                }
        }
}

int cli_foreground_wait(const struct cli_foreground *foreground, int pidfd, pid_t pid,
                        int console_fd, struct st_error *err) {
        struct cli_terminal terminal;
        int r = cli_terminal_init(&terminal, console_fd, err);

        if (r == 0)
                r = serve(foreground, pidfd, pid, &terminal, err);
        if (r == 0)
                cli_terminal_drain(&terminal);
        cli_terminal_deinit(&terminal);
        return r;
}
