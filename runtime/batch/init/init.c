/* A task's pid 1: runs the task, reaps what is orphaned, forwards signals, reports the end.
 *
 * usage: stint-init REPORT-FD PROGRAM ARGV0 [ARG...]
 *
 * It is one static program of a few kilobytes without libc, which the batch carries in itself and
 * executes from memory: nothing of it lies in the container. It makes system calls only, waits in
 * one of them, and dies with the batch. All signals are blocked and fetched one by one, so what is
 * sent to it (a soft timeout's SIGTERM) reaches the task, and nothing that the task sends to its
 * own group comes back: the task has a session of its own. When the task ends it exits, and the
 * kernel kills whatever is left in the pid namespace. */
#include "calls.h"
#include "report.h"

#include <linux/wait.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

enum { KERNEL_SIGNALS = 64, SIGSET_BYTES = 8, EXIT_NO_TASK = 127, EXIT_BY_SIGNAL = 128 };

_Noreturn void init_main(long *stack);

static uint64_t now_nsec(void) {
        struct timespec now;

        (void)call2(SYS_clock_gettime, CLOCK_REALTIME, (long)&now); /* it cannot fail */
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int parse_fd(const char *text) {
        int fd = 0;

        for (; *text >= '0' && *text <= '9'; text++)
                fd = fd * 10 + (*text - '0');
        return fd;
}

static void set_mask(uint64_t mask) {
        (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, SIGSET_BYTES);
}

/* By vfork(2)'s rules: the child borrows this memory and stack until it executes. */
static __attribute__((noinline)) long spawn(const char *program, char **argv, char **envp,
                                            struct rt_init_report *report) {
        volatile long error = 0;
        volatile uint64_t begun = 0;
        long pid = clone_vfork();

        if (pid == 0) {
                set_mask(0);
                (void)call0(SYS_setsid); /* it is no group leader, so it cannot fail */
                begun = now_nsec();
                error = call3(SYS_execve, (long)program, (long)argv, (long)envp);
                exit_now(EXIT_NO_TASK);
        }
        report->exec_errno = (int32_t)(pid < 0 ? -pid : -error);
        report->first_instruction_nsec = begun;
        return pid;
}

static void fill(struct rt_init_report *report, int status, const struct rusage *usage) {
        report->exited_nsec = now_nsec();
        report->status = status;
        report->user_usec =
                (uint64_t)usage->ru_utime.tv_sec * 1000000 + (uint64_t)usage->ru_utime.tv_usec;
        report->system_usec =
                (uint64_t)usage->ru_stime.tv_sec * 1000000 + (uint64_t)usage->ru_stime.tv_usec;
        report->max_rss_kib = (uint64_t)usage->ru_maxrss;
        report->minor_faults = (uint64_t)usage->ru_minflt;
        report->major_faults = (uint64_t)usage->ru_majflt;
        report->in_blocks = (uint64_t)usage->ru_inblock;
        report->out_blocks = (uint64_t)usage->ru_oublock;
        report->voluntary_switches = (uint64_t)usage->ru_nvcsw;
        report->involuntary_switches = (uint64_t)usage->ru_nivcsw;
}

/* Reap whoever has ended. Whether the task is among them; its end goes into @report. */
static bool reap(long task, struct rt_init_report *report) {
        struct rusage usage;
        int status = 0;
        long pid;

        while ((pid = call4(SYS_wait4, -1, (long)&status, WNOHANG, (long)&usage)) > 0)
                if (pid == task) {
                        fill(report, status, &usage);
                        return true;
                }
        return false;
}

static void serve(long task, struct rt_init_report *report) {
        const uint64_t all = ~UINT64_C(0);

        for (;;) {
                long sig = call4(SYS_rt_sigtimedwait, (long)&all, 0, 0, SIGSET_BYTES);

                if (sig == SIGCHLD) {
                        if (reap(task, report))
                                return;
                } else if (sig > 0) {
                        (void)call2(SYS_kill, task, sig); /* it may have ended: SIGCHLD follows */
                }
        }
}

/* Somebody has to read the report: a batch that died before the death signal was asked for. */
static bool is_watched(int report_fd) {
        struct pollfd reader = {.fd = report_fd};
        struct timespec none = {0, 0};

        return call5(SYS_ppoll, (long)&reader, 1, (long)&none, 0, 0) == 0;
}

_Noreturn static void finish(int report_fd, const struct rt_init_report *report) {
        int status = report->status, code = (status >> 8) & 255;

        (void)call3(SYS_write, report_fd, (long)report, sizeof *report); /* else the exit tells */
        if (report->exec_errno)
                code = EXIT_NO_TASK;
        else if (status & 127)
                code = EXIT_BY_SIGNAL + (status & 127);
        exit_now(code);
}

_Noreturn void init_main(long *stack) {
        long argc = stack[0];
        char **argv = (char **)(stack + 1), **envp = argv + argc + 1;
        struct rt_init_report report;
        int report_fd;
        long task;

        if (argc < 4)
                exit_now(EXIT_NO_TASK);
        for (size_t i = 0; i < sizeof report / sizeof(uint32_t); i++)
                ((volatile uint32_t *)&report)[i] = 0; /* no memset in here */
        report_fd = parse_fd(argv[1]);
        set_mask(~UINT64_C(0));
        (void)call3(SYS_fcntl, report_fd, 2 /* F_SETFD */, 1 /* FD_CLOEXEC */);
        (void)call5(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
        (void)call5(SYS_prctl, PR_SET_NAME, (long)"stint-init", 0, 0, 0);
        (void)call5(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* without a pid namespace */
        (void)call5(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (!is_watched(report_fd))
                exit_now(EXIT_NO_TASK);
        task = spawn(argv[2], argv + 3, envp, &report);
        if (!report.exec_errno)
                serve(task, &report);
        finish(report_fd, &report);
}
