/* gap: `bench-gap ROUNDS TASKS MSEC BUNDLE ROOT NAME...`, from the last instruction of a task to
 * the first of the next.
 *
 * A NAME is "fresh", "scrubbed", "same-job" (with "+usage": the cgroup's counters are read too;
 * "+refill"), or "PROGRAM run", an OCI runtime. In each round every NAME runs TASKS tasks of MSEC
 * milliseconds one after the other, in an order of its own; one line of JSON for each at the end:
 * medians, p10, p90, p99 of the gap in microseconds, and tasks a second. The bundle's task is
 * bench-gap-task. */
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <stint/cleanup.h>
#include <stint/pool.h>

extern char **environ;

enum { NAMES_MAX = 16, PARKED = 4 };

struct candidate {
        const char *name;
        char *program; /* NULL: a pool */
        bool usage, ahead;
        struct rt_runtime *runtime;
        struct rt_pool *pool;
        double *gaps;
        size_t n_gaps;
        double seconds;
        size_t n_tasks;
};

static struct {
        unsigned rounds, tasks;
        char *msec, *bundle, *root;
} options;

static _Noreturn void die(const char *what, const char *why) {
        fprintf(stderr, "bench-gap: %s: %s\n", what, why);
        exit(1);
}

static int64_t now_nsec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- slots ---- */

static void wait_pool(struct rt_pool *pool) {
        struct pollfd fd = {.fd = rt_pool_fd(pool), .events = POLLIN};
        struct st_error err = {0};

        if (poll(&fd, 1, 10000) <= 0)
                die("pool", "nothing happens");
        if (rt_pool_advance(pool, &err) < 0)
                die("pool", err.msg);
}

static void start_in_slot(struct candidate *candidate, int out_fd) {
        char program[] = "/bin/gap-task";
        char *argv[] = {program, options.msec, NULL};
        struct rt_slot_task task = RT_SLOT_TASK_INIT;
        struct st_error err = {0};
        struct rt_slot *slot;

        while (!(slot = rt_pool_take(candidate->pool, RT_ANY_DOMAIN))) {
                if (rt_pool_fill(candidate->pool, 1, &err) < 0)
                        die("fill", err.msg);
                wait_pool(candidate->pool);
        }
        task.argv = argv;
        task.stdio_fds[1] = out_fd;
        task.stdio_fds[2] = 2;
        if (rt_slot_dispatch(slot, &task, &err) < 0)
                die("dispatch", err.msg);
}

/* Until a task has ended. Slots are made while it runs; where it runs for no time, they were made
 * before: "fresh" is then the gap alone, and "fresh+refill" is how many can be made. */
static struct rt_slot *wait_ended(struct candidate *candidate) {
        struct rt_slot *slot;
        struct st_error err = {0};

        while (!(slot = rt_pool_ended(candidate->pool))) {
                if (!candidate->ahead && rt_pool_fill(candidate->pool, 1, &err) < 0)
                        die("fill", err.msg);
                wait_pool(candidate->pool);
        }
        return slot;
}

static void fill_ahead(struct candidate *candidate) {
        struct rt_pool_stats stats;
        struct st_error err = {0};

        for (;;) {
                rt_pool_stats(candidate->pool, &stats);
                if (stats.parked >= options.tasks && !stats.retiring)
                        return;
                if (rt_pool_fill(candidate->pool, 1, &err) < 0)
                        die("fill", err.msg);
                wait_pool(candidate->pool);
        }
}

static void check_end(struct rt_slot *slot, bool usage) {
        struct rt_exit result;
        struct rt_slot_usage numbers;
        struct st_error err = {0};

        if (rt_slot_settle(slot, &result, &err) < 0)
                die("task", err.msg);
        if (rt_exit_status(&result) != 0)
                die("task", "it did not end with status 0");
        if (usage)
                rt_slot_usage(slot, &numbers);
}

static void run_in_slots(struct candidate *candidate, int out_fd) {
        bool reused = strncmp(candidate->name, "fresh", 5) != 0;

        start_in_slot(candidate, out_fd);
        for (unsigned i = 1; i <= options.tasks; i++) {
                struct rt_slot *ended = wait_ended(candidate);

                if (reused) { /* the same slot comes next */
                        check_end(ended, candidate->usage);
                        rt_slot_release(ended);
                        ended = NULL;
                }
                if (i < options.tasks)
                        start_in_slot(candidate, out_fd);
                if (ended) {
                        check_end(ended, candidate->usage);
                        rt_slot_release(ended);
                }
        }
}

static void open_pool(struct candidate *candidate) {
        struct rt_runtime_options runtime_options = {.root = options.root};
        struct rt_pool_options pool_options = {
                .bundle = options.bundle, .name = "bench", .max_parked = PARKED};
        char grade[32];
        struct st_error err = {0};

        snprintf(grade, sizeof grade, "%.*s", (int)strcspn(candidate->name, "+"), candidate->name);
        if (rt_grade_parse(grade, &pool_options.grade) < 0)
                die(grade, "no such grade");
        candidate->ahead = pool_options.grade == RT_GRADE_FRESH && !strcmp(options.msec, "0") &&
                           !strstr(candidate->name, "+refill");
        if (pool_options.grade != RT_GRADE_FRESH)
                pool_options.max_parked = 1;
        else if (candidate->ahead)
                pool_options.max_parked = options.tasks;
        if (rt_runtime_open(&runtime_options, &candidate->runtime, &err) < 0 ||
            rt_pool_new(candidate->runtime, &pool_options, &candidate->pool, &err) < 0)
                die("pool", err.msg);
}

/* ---- a runtime ---- */

static void run_once(const char *program, int out_fd) {
        static unsigned n;
        char id[32], run[] = "run", bundle[] = "--bundle", root[] = "--root", dir[4096];
        char *argv[] = {(char *)program, root, dir, run, bundle, options.bundle, id, NULL};
        posix_spawn_file_actions_t actions;
        int status;
        pid_t pid;

        snprintf(dir, sizeof dir, "%s/peer", options.root);
        snprintf(id, sizeof id, "gap-%d-%u", (int)getpid(), n++);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
        if (posix_spawn(&pid, program, &actions, NULL, argv, environ) != 0 ||
            waitpid(pid, &status, 0) < 0 || status != 0)
                die(program, "run failed");
        posix_spawn_file_actions_destroy(&actions);
}

/* ---- rounds ---- */

static void read_gaps(struct candidate *candidate, int fd) {
        int64_t stamps[2], last = 0;

        for (unsigned i = 0; i < options.tasks; i++) {
                if (read(fd, stamps, sizeof stamps) != (ssize_t)sizeof stamps)
                        die(candidate->name, "a task said nothing");
                if (i > 0)
                        candidate->gaps[candidate->n_gaps++] = (double)(stamps[0] - last) * 1e-3;
                last = stamps[1];
        }
}

static void run_round(struct candidate *candidate) {
        int fds[2];
        int64_t begin;

        if (candidate->ahead)
                fill_ahead(candidate);
        if (pipe2(fds, O_CLOEXEC) < 0)
                die("pipe", "failed");
        (void)fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
        begin = now_nsec();
        if (candidate->program)
                for (unsigned i = 0; i < options.tasks; i++)
                        run_once(candidate->program, fds[1]);
        else
                run_in_slots(candidate, fds[1]);
        candidate->seconds += (double)(now_nsec() - begin) * 1e-9;
        candidate->n_tasks += options.tasks;
        (void)close(fds[1]);
        read_gaps(candidate, fds[0]);
        (void)close(fds[0]);
}

static int compare(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

static void print(struct candidate *candidate) {
        const double *g = candidate->gaps;
        size_t n = candidate->n_gaps;

        qsort(candidate->gaps, n, sizeof *g, compare);
        printf("{\"name\":\"%s\",\"msec\":%s,\"n\":%zu,\"gap_us\":%.1f,\"p10\":%.1f,\"p90\":%.1f,"
               "\"p99\":%.1f,\"rate\":%.0f}\n",
               candidate->name, options.msec, n, g[n / 2], g[n / 10], g[n * 9 / 10],
               g[n * 99 / 100], (double)candidate->n_tasks / candidate->seconds);
}

static void init_candidate(struct candidate *candidate, const char *name) {
        const char *run = strstr(name, " run");

        *candidate = (struct candidate) {.name = name, .usage = strstr(name, "+usage")};
        candidate->gaps = calloc((size_t)options.rounds * options.tasks, sizeof(double));
        if (!candidate->gaps)
                die("gaps", "no memory");
        if (run)
                candidate->program = strndup(name, (size_t)(run - name));
        else
                open_pool(candidate);
}

int main(int argc, char **argv) {
        struct candidate candidates[NAMES_MAX];
        int n = argc - 6;

        if (n < 1 || n > NAMES_MAX)
                die("usage", "bench-gap ROUNDS TASKS MSEC BUNDLE ROOT NAME...");
        options.rounds = (unsigned)atoi(argv[1]);
        options.tasks = (unsigned)atoi(argv[2]);
        options.msec = argv[3];
        options.bundle = argv[4];
        options.root = argv[5];
        for (int i = 0; i < n; i++)
                init_candidate(&candidates[i], argv[6 + i]);
        for (unsigned round = 0; round < options.rounds; round++)
                for (int i = 0; i < n; i++)
                        run_round(&candidates[((unsigned)i * 7 + round) % (unsigned)n]);
        for (int i = 0; i < n; i++) {
                print(&candidates[i]);
                rt_pool_free(candidates[i].pool);
                rt_runtime_free(candidates[i].runtime);
                free(candidates[i].program);
                free(candidates[i].gaps);
        }
        return 0;
}
