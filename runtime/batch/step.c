#include "step.h"

#include "loop.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <stint/syscall.h>

enum { EXIT_NOT_EXECUTED = 127 };

_Noreturn static void step_main(const char *command, char **env, int output_fd) {
        char *argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
        int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        sigset_t none;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        (void)setpgid(0, 0);
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)signal(SIGPIPE, SIG_DFL);
        if (null_fd >= 0)
                (void)dup2(null_fd, 0);
        if (output_fd >= 0 && (dup2(output_fd, 1) < 0 || dup2(output_fd, 2) < 0))
                _exit(EXIT_NOT_EXECUTED);
        if (output_fd < 0)
                (void)dup2(2, 1); /* standard output is the tasks' */
        (void)st_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        (void)execve("/bin/sh", argv, env);
        _exit(EXIT_NOT_EXECUTED);
}

/* Those of @b are the first, which getenv(3) and shells take. */
static char **join(char *const *a, char *const *b) {
        size_t n = 0, m = 0;
        char **all;

        while (a[n])
                n++;
        while (b[m])
                m++;
        all = calloc(n + m + 1, sizeof *all);
        if (!all)
                return NULL;
        memcpy(all, b, m * sizeof *all);
        memcpy(all + m, a, n * sizeof *all);
        return all;
}

int rt_step_begin(struct rt_step *step, const char *command, char *const *env, int output_fd,
                  struct st_error *err) {
        st_autofree char **all = join(environ, env);
        struct clone_args args = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD};
        int pidfd = -1;
        pid_t pid;

        if (!all)
                return st_error_set(err, -ENOMEM, "run %s", command);
        args.pidfd = (uint64_t)(uintptr_t)&pidfd;
        pid = st_clone3(&args);
        if (pid == 0)
                step_main(command, all, output_fd);
        if (pid < 0)
                return st_error_sys(err, "run %s", command);
        (void)setpgid(pid, pid); /* both do it: whoever is first */
        *step = (struct rt_step) {.pidfd = pidfd, .pid = pid, .begun_nsec = rt_monotonic_nsec()};
        return 0;
}

void rt_step_kill(const struct rt_step *step) {
        if (step->pidfd >= 0)
                (void)kill(-step->pid,
                           SIGKILL); /* nobody has reaped it, so the number is its own */
}

void rt_step_end(struct rt_step *step, struct rt_record_step *ret) {
        siginfo_t info = {0};

        while (waitid(P_PIDFD, (id_t)step->pidfd, &info, WEXITED) < 0 && errno == EINTR)
                ;
        ret->exit_code = info.si_code == CLD_EXITED ? info.si_status : -1;
        ret->signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
        ret->duration_nsec = rt_monotonic_nsec() - step->begun_nsec;
        step->pidfd = st_close(step->pidfd);
}
