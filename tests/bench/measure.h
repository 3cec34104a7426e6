/* measure.h: run one program, or a batch of them, and say what it cost. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum metric {
        METRIC_WALL,         /* us, from before the spawn to after the wait */
        METRIC_CPU,          /* us, user + system, of the program and what it waited for */
        METRIC_USER,         /* us; the kernel splits user and system by ticks: a hint only */
        METRIC_MAXRSS,       /* KiB, see README.md for its floor */
        METRIC_FAULTS,       /* page faults, minor and major */
        METRIC_SWITCHES,     /* context switches, voluntary or not */
        METRIC_TASK_CLOCK,   /* us, perf: CPU time of every descendant */
        METRIC_CYCLES,       /* perf, of every descendant */
        METRIC_INSTRUCTIONS, /* perf, of every descendant */
        METRIC_RATE,         /* programs a second, batches only */
        N_METRICS,
};

struct sample {
        double value[N_METRICS]; /* NAN where it was not measured */
};

struct counters;

/* What a run needs beside its argument vector. */
struct measure {
        struct counters *counters; /* NULL: no perf counters */
        int null_fd;               /* standard input and output of what is run */
        int log_fd;                /* its standard error; emptied before each run */
};

/* Perf counters that follow every later child; NULL with a message when none can be had. */
struct counters *counters_open(void);
struct counters *counters_close(struct counters *counters);

/* Run argv once. 0, or the wait status of a program that failed, or -errno. */
int measure_run(const struct measure *measure, char **argv, struct sample *ret_sample);

/* Makes the argument vector of the i-th program of a batch; the caller of make_argv frees it. */
typedef char **(*make_argv_fn)(void *context, size_t i);
void free_argv(char **argv);

/* Run `total` programs, `parallel` at a time. Returns as measure_run() does. */
int measure_batch(const struct measure *measure, make_argv_fn make_argv, void *context,
                  size_t total, size_t parallel, struct sample *ret_sample);
