/* slots: `bench-slots COUNT BUNDLE ROOT GRADE FILE`: parks COUNT slots and prints by how many KiB
 * each of them raises the number in FILE, which is the memory usage of a cgroup that this process
 * is in (and with it what is below). The first few are not counted: they fill slabs and caches. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/pool.h>

enum { FIRST = 16 };

static _Noreturn void die(const char *what, const char *why) {
        fprintf(stderr, "bench-slots: %s: %s\n", what, why);
        exit(1);
}

static double read_number(const char *path) {
        FILE *f = fopen(path, "r");
        double value;

        if (!f || fscanf(f, "%lf", &value) != 1)
                die(path, "no number");
        fclose(f);
        return value;
}

/* Until @n are parked. */
static void park(struct rt_pool *pool, unsigned n) {
        struct rt_pool_stats stats;
        struct st_error err = {0};

        for (;;) {
                struct pollfd fd = {.fd = rt_pool_fd(pool), .events = POLLIN};

                rt_pool_stats(pool, &stats);
                if (stats.parked >= n)
                        return;
                if (stats.parked + stats.preparing < n && rt_pool_fill(pool, 1, &err) < 0)
                        die("fill", err.msg);
                if (poll(&fd, 1, 10000) <= 0 || rt_pool_advance(pool, &err) < 0)
                        die("pool", err.msg);
        }
}

int main(int argc, char **argv) {
        struct rt_runtime_options runtime_options = {0};
        struct rt_pool_options options = {.name = "bench"};
        struct rt_runtime *runtime;
        struct rt_pool *pool;
        struct st_error err = {0};
        double before, after;
        unsigned count = argc == 6 ? (unsigned)atoi(argv[1]) : 0;

        if (!count || rt_grade_parse(argv[4], &options.grade) < 0)
                die("usage", "bench-slots COUNT BUNDLE ROOT GRADE FILE");
        runtime_options.root = argv[3];
        options.bundle = argv[2];
        options.max_parked = FIRST + count;
        if (rt_runtime_open(&runtime_options, &runtime, &err) < 0 ||
            rt_pool_new(runtime, &options, &pool, &err) < 0)
                die("pool", err.msg);
        park(pool, FIRST);
        before = read_number(argv[5]);
        park(pool, FIRST + count);
        after = read_number(argv[5]);
        printf("{\"grade\":\"%s\",\"slots\":%u,\"kib\":%.1f}\n", argv[4], count,
               (after - before) / 1024 / count);
        rt_pool_free(pool);
        rt_runtime_free(runtime);
        return 0;
}
