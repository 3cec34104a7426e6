/* libstint in a program whose other threads never stand still: eight of them allocate, open files
 * and print while containers are made. A child that took a lock of theirs (malloc, stdio, the
 * resolver) would hang: it may not.
 *
 * usage: threads BUNDLE [COUNT]; TAP on standard output. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stint/container.h>

enum { BUSY_THREADS = 8, DEADLINE_MSEC = 120000 };

static atomic_bool stop;

static void *be_busy(void *unused) {
        (void)unused;
        while (!atomic_load(&stop)) {
                char *text = NULL;
                size_t length;
                FILE *out = open_memstream(&text, &length);
                if (out) {
                        for (int i = 0; i < 50; i++)
                                fprintf(out, "%d %s\n", i, strerror(i));
                        fclose(out);
                }
                free(text);
        }
        return NULL;
}

static int wait_readable(int fd) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        return poll(&p, 1, DEADLINE_MSEC) == 1 ? 0 : -1;
}

/* The exit status, or -1 with a diagnostic. */
static int run_one(struct rt_runtime *runtime, const char *bundle, unsigned index, bool park) {
        struct rt_create_options options = RT_CREATE_OPTIONS_INIT;
        struct rt_container *container;
        struct rt_exit result = {0};
        struct st_error err = {0};
        char id[32];
        int r;

        snprintf(id, sizeof id, "threads-%d-%u", (int)getpid(), index);
        options.id = id;
        options.bundle = bundle;
        r = park ? rt_container_prepare(runtime, &options, &container, &err)
                 : rt_container_run(runtime, &options, &container, &err);
        if (r < 0) {
                printf("# %s\n", err.msg);
                return -1;
        }
        while ((r = rt_container_advance(container, &err)) == 0)
                if (wait_readable(rt_container_wait_fd(container)) < 0)
                        break;
        if (r > 0 && park) {
                r = rt_container_dispatch(container, &err);
                if (r >= 0)
                        r = rt_container_finish(container, &err);
        }
        if (r > 0 && wait_readable(rt_container_pidfd(container)) == 0)
                r = rt_container_settle(container, &result, &err);
        if (r <= 0)
                printf("# %s\n", r < 0 ? err.msg : "it hangs");
        if (rt_container_retire(container, true, &err) < 0)
                printf("# retire: %s\n", err.msg);
        rt_container_free(container);
        return r > 0 ? rt_exit_status(&result) : -1;
}

int main(int argc, char **argv) {
        unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 40, failed = 0;
        char root[] = "/tmp/stint-threads-XXXXXX", cache[sizeof root + 16];
        struct rt_runtime_options options = {.root = mkdtemp(root)};
        pthread_t threads[BUSY_THREADS];
        struct rt_runtime *runtime;
        struct st_error err = {0};

        if (argc < 2 || !options.root || rt_runtime_open(&options, &runtime, &err) < 0)
                return 2;
        for (int i = 0; i < BUSY_THREADS; i++)
                pthread_create(&threads[i], NULL, be_busy, NULL);
        for (unsigned i = 0; i < n; i++)
                failed += run_one(runtime, argv[1], i, i & 1) != 0;
        atomic_store(&stop, true);
        for (int i = 0; i < BUSY_THREADS; i++)
                pthread_join(threads[i], NULL);
        rt_runtime_free(runtime);
        snprintf(cache, sizeof cache, "%s/.seccomp", root);
        (void)rmdir(cache);
        printf("%sok 1 - %u containers beside %d busy threads\n", failed ? "not " : "", n,
               BUSY_THREADS);
        printf("%sok 2 - the state directory is empty\n", rmdir(root) == 0 ? "" : "not ");
        printf("1..2\n");
        return failed != 0;
}
