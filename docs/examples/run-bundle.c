/* run-bundle.c: run an OCI bundle with libstint and exit as its task did.
 *
 *   cc run-bundle.c $(pkg-config --cflags --libs --static libstint) -o run-bundle
 *   sudo ./run-bundle /path/to/bundle */
#include <poll.h>
#include <stdio.h>

#include <stint/container.h>

static int finish(struct rt_container *container, struct st_error *err) {
        struct pollfd ended = {.fd = rt_container_pidfd(container), .events = POLLIN};
        struct rt_exit result;
        int r;

        while ((r = rt_container_settle(container, &result, err)) == 0)
                poll(&ended, 1, -1); /* a pidfd is readable once its process has ended */
        if (r < 0)
                return r;
        r = rt_container_retire(container, true, err);
        if (r == 0)
                r = rt_container_finish(container, err); /* poststop hooks */
        return r < 0 ? r : rt_exit_status(&result);
}

static int run(struct rt_runtime *runtime, const char *bundle, struct st_error *err) {
        struct rt_create_options options = RT_CREATE_OPTIONS_INIT;
        struct rt_container *container;
        int r;

        options.id = "example";
        options.bundle = bundle;
        r = rt_container_run(runtime, &options, &container, err);
        if (r < 0)
                return r;
        r = rt_container_finish(container, err);
        if (r >= 0)
                r = finish(container, err);
        rt_container_free(container);
        return r;
}

int main(int argc, char **argv) {
        struct rt_runtime_options options = {0};
        struct st_error err = {0};
        struct rt_runtime *runtime;
        int r = rt_runtime_open(&options, &runtime, &err);

        if (r >= 0) {
                r = run(runtime, argc > 1 ? argv[1] : ".", &err);
                rt_runtime_free(runtime);
        }
        if (r < 0)
                fprintf(stderr, "run-bundle: %s\n", err.msg);
        return r < 0 ? 125 : r;
}
