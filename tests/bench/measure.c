/*
 * measure.c: spawn, wait, read the clock and the counters.
 *
 * The spawner stays small and static on purpose: ru_maxrss survives exec, so the peak that a
 * program reports is never below the size of the process that spawned it.
 */
#include "measure.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const struct {
        enum metric metric;
        uint32_t type;
        uint64_t config;
        double scale;
} events[] = {
        {METRIC_TASK_CLOCK, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, 1e-3},
        {METRIC_CYCLES, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 1},
        {METRIC_INSTRUCTIONS, PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, 1},
};
#define N_EVENTS (sizeof events / sizeof events[0])

struct counters {
        int fd[N_EVENTS]; /* -1: this machine does not count it */
};

/*
 * Opened on ourselves and inherited: a child's count is added to ours when the child exits. Our own
 * spawn and wait are counted too, the same few thousand instructions for every program.
 */
struct counters *counters_open(void) {
        struct counters *counters = calloc(1, sizeof *counters);
        size_t n_open = 0;

        if (!counters)
                return NULL;
        for (size_t i = 0; i < N_EVENTS; i++) {
                struct perf_event_attr attr = {
                        .size = sizeof attr,
                        .type = events[i].type,
                        .config = events[i].config,
                        .inherit = 1,
                };

                counters->fd[i] =
                        (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
                if (counters->fd[i] >= 0)
                        n_open++;
        }
        if (n_open == 0) {
                perror("perf_event_open");
                return counters_close(counters);
        }
        return counters;
}

struct counters *counters_close(struct counters *counters) {
        if (!counters)
                return NULL;
        for (size_t i = 0; i < N_EVENTS; i++)
                if (counters->fd[i] >= 0)
                        close(counters->fd[i]);
        free(counters);
        return NULL;
}

static void counters_read(const struct counters *counters, double *ret_values) {
        for (size_t i = 0; i < N_EVENTS; i++) {
                uint64_t count;

                ret_values[i] = NAN;
                if (counters && counters->fd[i] >= 0 &&
                    read(counters->fd[i], &count, sizeof count) == sizeof count)
                        ret_values[i] = (double)count * events[i].scale;
        }
}

static double now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static double timeval_usec(struct timeval t) {
        return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

static int spawn(const struct measure *measure, char **argv, pid_t *ret_pid) {
        posix_spawn_file_actions_t actions;
        int r = posix_spawn_file_actions_init(&actions);

        if (r != 0)
                return -r;
        posix_spawn_file_actions_adddup2(&actions, measure->null_fd, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, measure->null_fd, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, measure->log_fd, STDERR_FILENO);
        r = posix_spawn(ret_pid, argv[0], &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

static pid_t wait_child(pid_t pid, int *ret_status, struct rusage *ret_usage) {
        pid_t waited;

        do
                waited = wait4(pid, ret_status, 0, ret_usage);
        while (waited < 0 && errno == EINTR);
        return waited;
}

static void fill(struct sample *sample, double wall, const struct rusage *usage) {
        double *value = sample->value;

        for (size_t i = 0; i < N_METRICS; i++)
                value[i] = NAN;
        value[METRIC_WALL] = wall;
        value[METRIC_USER] = timeval_usec(usage->ru_utime);
        value[METRIC_CPU] = value[METRIC_USER] + timeval_usec(usage->ru_stime);
        value[METRIC_MAXRSS] = (double)usage->ru_maxrss;
        value[METRIC_FAULTS] = (double)(usage->ru_minflt + usage->ru_majflt);
        value[METRIC_SWITCHES] = (double)(usage->ru_nvcsw + usage->ru_nivcsw);
}

static int empty_log(const struct measure *measure) {
        return ftruncate(measure->log_fd, 0) < 0 || lseek(measure->log_fd, 0, SEEK_SET) < 0 ? -errno
                                                                                            : 0;
}

int measure_run(const struct measure *measure, char **argv, struct sample *ret_sample) {
        double before[N_EVENTS], after[N_EVENTS], start, wall;
        struct rusage usage;
        int status, r = empty_log(measure);
        pid_t pid;

        if (r < 0)
                return r;
        counters_read(measure->counters, before);
        start = now_usec();
        r = spawn(measure, argv, &pid);
        if (r < 0)
                return r;
        if (wait_child(pid, &status, &usage) < 0)
                return -errno;
        wall = now_usec() - start;
        counters_read(measure->counters, after);
        if (status != 0)
                return status;
        fill(ret_sample, wall, &usage);
        for (size_t i = 0; i < N_EVENTS; i++)
                ret_sample->value[events[i].metric] = after[i] - before[i];
        return 0;
}

void free_argv(char **argv) {
        for (char **arg = argv; arg && *arg; arg++)
                free(*arg);
        free(argv);
}

static int spawn_nth(const struct measure *measure, make_argv_fn make_argv, void *context,
                     size_t i) {
        char **argv = make_argv(context, i);
        pid_t pid;
        int r;

        if (!argv)
                return -ENOMEM;
        r = spawn(measure, argv, &pid);
        free_argv(argv);
        return r;
}

/* The first failure stops new spawns; what runs already is waited for all the same. */
int measure_batch(const struct measure *measure, make_argv_fn make_argv, void *context,
                  size_t total, size_t parallel, struct sample *ret_sample) {
        size_t started = 0, running = 0;
        int status, r = empty_log(measure);
        double start = now_usec(), wall;
        struct rusage usage;

        while ((r == 0 && started < total) || running > 0) {
                if (r == 0 && started < total && running < parallel) {
                        r = spawn_nth(measure, make_argv, context, started);
                        if (r == 0) {
                                started++;
                                running++;
                        }
                        continue;
                }
                if (wait_child(-1, &status, &usage) < 0)
                        return -errno;
                running--;
                if (r == 0 && status != 0)
                        r = status;
        }
        if (r != 0)
                return r;
        wall = now_usec() - start;
        for (size_t i = 0; i < N_METRICS; i++)
                ret_sample->value[i] = NAN;
        ret_sample->value[METRIC_WALL] = wall / (double)total;
        ret_sample->value[METRIC_RATE] = (double)total * 1e6 / wall;
        return 0;
}
