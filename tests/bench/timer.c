/*
 * timer.c: `bench-timer` runs the given commands in turn, round after round, and reports medians.
 *
 * Each round has an order of its own, so that no command always follows the same other one: what
 * the kernel still tears down after a container, or has just waited for, is paid or saved by
 * whoever comes next. The orders are the same in every run of this program.
 */
#include "measure.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 16
#define MAX_WORDS 128

struct command {
        const char *name;
        const char *words;    /* split at blanks, %i becomes a number that no other run has */
        const char *setup;    /* sh -c, before the pause and the clock; may be NULL */
        const char *teardown; /* sh -c, after the clock; may be NULL */
};

struct options {
        struct command commands[MAX_COMMANDS];
        size_t n_commands;
        size_t rounds, warmups, pause_msec;
        size_t parallel, batch; /* parallel 0: one run a round, timed by itself */
        bool use_counters, json;
};

struct timer {
        struct options options;
        struct measure measure;
        struct series series[MAX_COMMANDS];
        size_t n_runs; /* all runs so far, the source of %i */
};

static const char usage_text[] =
        "usage: bench-timer [OPTION...] --cmd NAME WORDS [--setup SH] [--teardown SH]\n"
        "                               [--cmd NAME WORDS ...]...\n"
        "  -n, --rounds N     measured rounds (10)\n"
        "  -w, --warmup N     rounds before them that are not counted (2)\n"
        "  -p, --pause MS     wait before each run (0)\n"
        "  -P, --parallel N   run batches, N programs at a time\n"
        "  -b, --batch N      programs in a batch (40)\n"
        "      --perf         count task clock, cycles, instructions of all descendants\n"
        "      --json         print JSON\n"
        "WORDS are split at blanks; %i in them, in --setup and in --teardown is a number of\n"
        "this run's own. Ratios are to the first command. A command that fails ends it all.\n";

static _Noreturn void usage(const char *complaint) {
        fprintf(stderr, "bench-timer: %s\n%s", complaint, usage_text);
        exit(2);
}

static void *must(void *p) {
        if (!p) {
                perror("bench-timer");
                exit(1);
        }
        return p;
}

static size_t parse_count(const char *text) {
        char *end;
        unsigned long value;

        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno || end == text || *end || *text == '-' || value > 1000000)
                usage("a count is not a number");
        return value;
}

/* The text with each %i replaced. */
static char *expand(const char *text, size_t i) {
        char *ret = NULL;
        size_t size;
        FILE *out = must(open_memstream(&ret, &size));

        for (; *text; text++) {
                if (text[0] == '%' && text[1] == 'i') {
                        fprintf(out, "%zu", i);
                        text++;
                } else {
                        fputc(*text, out);
                }
        }
        if (fclose(out) != 0)
                must(NULL);
        return ret;
}

static char **make_argv(const char *words, size_t i) {
        char **argv = must(calloc(MAX_WORDS + 1, sizeof *argv));
        char *copy = must(strdup(words)), *rest = copy, *word;
        size_t n = 0;

        while ((word = strsep(&rest, " \t\n"))) {
                if (!*word)
                        continue;
                if (n == MAX_WORDS)
                        usage("too many words in a command");
                argv[n++] = expand(word, i);
        }
        free(copy);
        if (n == 0)
                usage("an empty command");
        return argv;
}

static char **make_shell_argv(const char *script, size_t i) {
        char **argv = must(calloc(4, sizeof *argv));

        argv[0] = must(strdup("/bin/sh"));
        argv[1] = must(strdup("-c"));
        argv[2] = expand(script, i);
        return argv;
}

/* What the failed program wrote to its standard error. */
static void print_log(int log_fd) {
        char buffer[4096];
        ssize_t n = pread(log_fd, buffer, sizeof buffer, 0);

        if (n > 0)
                fprintf(stderr, "%.*s\n", (int)n, buffer);
}

static void explain(const struct timer *timer, const struct command *command, const char *what,
                    int r) {
        if (r < 0)
                fprintf(stderr, "bench-timer: %s: %s: %s\n", command->name, what, strerror(-r));
        else if (WIFSIGNALED(r))
                fprintf(stderr, "bench-timer: %s: %s: killed by signal %d\n", command->name, what,
                        WTERMSIG(r));
        else
                fprintf(stderr, "bench-timer: %s: %s: exit status %d\n", command->name, what,
                        WEXITSTATUS(r));
        print_log(timer->measure.log_fd);
}

static int run_shell(struct timer *timer, const struct command *command, const char *what,
                     const char *script, size_t i) {
        struct measure measure = timer->measure;
        struct sample unused;
        char **argv;
        int r;

        if (!script)
                return 0;
        measure.counters = NULL;
        argv = make_shell_argv(script, i);
        r = measure_run(&measure, argv, &unused);
        free_argv(argv);
        if (r != 0)
                explain(timer, command, what, r);
        return r;
}

static void pause_before_run(size_t msec) {
        struct timespec left = {(time_t)(msec / 1000), (long)(msec % 1000) * 1000000};

        while (msec > 0 && nanosleep(&left, &left) < 0 && errno == EINTR)
                ;
}

struct batch {
        const char *words;
        size_t first;
};

static char **make_batch_argv(void *context, size_t i) {
        const struct batch *batch = context;

        return make_argv(batch->words, batch->first + i);
}

static int run_timed(struct timer *timer, const struct command *command, size_t i,
                     struct sample *ret_sample) {
        const struct options *options = &timer->options;
        struct batch batch = {command->words, i};
        char **argv;
        int r;

        if (options->parallel > 0)
                return measure_batch(&timer->measure, make_batch_argv, &batch, options->batch,
                                     options->parallel, ret_sample);
        argv = make_argv(command->words, i);
        r = measure_run(&timer->measure, argv, ret_sample);
        free_argv(argv);
        return r;
}

static int run_once(struct timer *timer, const struct command *command, struct sample *ret_sample) {
        size_t i = timer->n_runs;
        int r, r_teardown;

        timer->n_runs += timer->options.parallel > 0 ? timer->options.batch : 1;
        r = run_shell(timer, command, "setup", command->setup, i);
        if (r == 0) {
                pause_before_run(timer->options.pause_msec);
                r = run_timed(timer, command, i, ret_sample);
                if (r != 0)
                        explain(timer, command, "run", r);
        }
        r_teardown = run_shell(timer, command, "teardown", command->teardown, i);
        return r != 0 ? r : r_teardown;
}

static void shuffle(size_t *order, size_t n) {
        for (size_t i = 0; i < n; i++) {
                size_t j = (size_t)random() % (i + 1); /* random() starts from the same seed */

                order[i] = order[j];
                order[j] = i;
        }
}

static int run_round(struct timer *timer, size_t round) {
        size_t order[MAX_COMMANDS] = {0}, n = timer->options.n_commands;

        shuffle(order, n);
        for (size_t k = 0; k < n; k++) {
                struct series *series = &timer->series[order[k]];
                struct sample sample;
                int r = run_once(timer, &timer->options.commands[order[k]], &sample);

                if (r != 0)
                        return r;
                if (round >= timer->options.warmups)
                        series->samples[series->n_samples++] = sample;
        }
        return 0;
}

static struct command *last_command(struct options *options) {
        if (options->n_commands == 0)
                usage("--setup and --teardown follow their --cmd");
        return &options->commands[options->n_commands - 1];
}

/* --cmd takes two arguments, the second of which getopt does not know about. */
static void add_command(struct options *options, char **argv, int argc) {
        struct command *command = &options->commands[options->n_commands];

        if (options->n_commands == MAX_COMMANDS)
                usage("too many commands");
        if (optind >= argc)
                usage("--cmd NAME WORDS");
        command->name = optarg;
        command->words = argv[optind++];
        if (command->name[strspn(command->name, "abcdefghijklmnopqrstuvwxyz0123456789._-")])
                usage("a name has a-z, 0-9, '.', '_' and '-' only");
        options->n_commands++;
}

static void parse_options(int argc, char **argv, struct options *options) {
        static const struct option longs[] = {
                {"rounds", 1, NULL, 'n'},   {"warmup", 1, NULL, 'w'}, {"pause", 1, NULL, 'p'},
                {"parallel", 1, NULL, 'P'}, {"batch", 1, NULL, 'b'},  {"perf", 0, NULL, 'c'},
                {"json", 0, NULL, 'j'},     {"cmd", 1, NULL, 'C'},    {"setup", 1, NULL, 'S'},
                {"teardown", 1, NULL, 'T'}, {NULL, 0, NULL, 0},
        };
        int c;

        while ((c = getopt_long(argc, argv, "+n:w:p:P:b:", longs, NULL)) >= 0) {
                switch (c) {
                case 'n':
                        options->rounds = parse_count(optarg);
                        break;
                case 'w':
                        options->warmups = parse_count(optarg);
                        break;
                case 'p':
                        options->pause_msec = parse_count(optarg);
                        break;
                case 'P':
                        options->parallel = parse_count(optarg);
                        break;
                case 'b':
                        options->batch = parse_count(optarg);
                        break;
                case 'c':
                        options->use_counters = true;
                        break;
                case 'j':
                        options->json = true;
                        break;
                case 'C':
                        add_command(options, argv, argc);
                        break;
                case 'S':
                        last_command(options)->setup = optarg;
                        break;
                case 'T':
                        last_command(options)->teardown = optarg;
                        break;
                default:
                        usage("bad option");
                }
        }
        if (optind < argc || options->n_commands == 0 || options->rounds == 0)
                usage("nothing to run, or words that belong to no --cmd");
}

static void timer_init(struct timer *timer) {
        for (size_t i = 0; i < timer->options.n_commands; i++) {
                timer->series[i].name = timer->options.commands[i].name;
                timer->series[i].samples =
                        must(calloc(timer->options.rounds, sizeof(struct sample)));
        }
        timer->measure.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        timer->measure.log_fd = memfd_create("stderr", MFD_CLOEXEC);
        if (timer->measure.null_fd < 0 || timer->measure.log_fd < 0)
                must(NULL);
        if (timer->options.use_counters)
                timer->measure.counters = must(counters_open());
}

int main(int argc, char **argv) {
        static struct timer timer = {
                .options = {.rounds = 10, .warmups = 2, .batch = 40},
        };

        parse_options(argc, argv, &timer.options);
        timer_init(&timer);
        for (size_t i = 0; i < timer.options.warmups + timer.options.rounds; i++)
                if (run_round(&timer, i) != 0)
                        return 1;
        if (timer.options.json)
                report_json(stdout, timer.series, timer.options.n_commands);
        else
                report_table(stdout, timer.series, timer.options.n_commands);
        return fflush(stdout) == 0 ? 0 : 1;
}
