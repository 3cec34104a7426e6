/* One process, one thread, one poll loop, a hundred containers: libstint as a supervisor uses it.
 *
 * usage: hundred BUNDLE [COUNT]; TAP on standard output. Beside the containers it checks what the
 * library promises its caller: the working directory, the umask, the signal mask and the number of
 * open descriptors stay as they were. */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stint/container.h>

enum step { PREPARING, DISPATCHING, RUNNING, RETIRING, GONE };

struct slot {
        struct rt_container *container;
        enum step step;
        int status;
};

static unsigned n_checks, n_failed;

static void check(bool ok, const char *what) {
        n_failed += !ok;
        printf("%sok %u - %s\n", ok ? "" : "not ", ++n_checks, what);
}

static void die(const char *what, const struct st_error *err) {
        printf("Bail out! %s: %s\n", what, err->msg);
        exit(1);
}

static unsigned count_fds(void) {
        DIR *dir = opendir("/proc/self/fd");
        unsigned n = 0;

        while (dir && readdir(dir))
                n++;
        if (dir)
                closedir(dir);
        return n;
}

/* What the slot waits for now. */
static int wait_fd(const struct slot *slot) {
        return slot->step == RUNNING ? rt_container_pidfd(slot->container)
                                     : rt_container_wait_fd(slot->container);
}

static int begin_next(struct slot *slot, struct st_error *err) {
        switch (slot->step) {
        case PREPARING:
                slot->step = DISPATCHING;
                return rt_container_dispatch(slot->container, err);
        case DISPATCHING:
                slot->step = RUNNING;
                return 0;
        case RUNNING:
                slot->step = RETIRING;
                return rt_container_retire(slot->container, false, err);
        case RETIRING:
        case GONE:
                slot->step = GONE;
                return 0;
        }
        return 0;
}

/* The slot's descriptor is readable: go on until it has to wait again. */
static void go_on(struct slot *slot) {
        struct st_error err = {0};
        struct rt_exit result;
        int r;

        if (slot->step == RUNNING) {
                r = rt_container_settle(slot->container, &result, &err);
                if (r > 0)
                        slot->status = rt_exit_status(&result);
        } else
                r = rt_container_advance(slot->container, &err);
        while (r > 0 && slot->step != GONE)
                r = begin_next(slot, &err);
        if (r < 0)
                die("container", &err);
}

static void begin(struct rt_runtime *runtime, struct slot *slot, const char *bundle,
                  unsigned index) {
        struct rt_create_options options = RT_CREATE_OPTIONS_INIT;
        struct st_error err = {0};
        char id[32];

        snprintf(id, sizeof id, "hundred-%d-%u", (int)getpid(), index);
        options.id = id;
        options.bundle = bundle;
        if (rt_container_prepare(runtime, &options, &slot->container, &err) < 0)
                die("prepare", &err);
        slot->step = PREPARING;
        slot->status = -1;
}

static void loop(struct slot *slots, unsigned n) {
        struct pollfd *fds = calloc(n, sizeof *fds);
        unsigned left = n;

        while (left) {
                left = 0;
                for (unsigned i = 0; i < n; i++) {
                        fds[i] = (struct pollfd) {.fd = slots[i].step == GONE ? -1
                                                                              : wait_fd(&slots[i]),
                                                  .events = POLLIN};
                        left += slots[i].step != GONE;
                }
                if (left && poll(fds, n, 60000) <= 0) {
                        printf("Bail out! nothing happens for a minute\n");
                        exit(1);
                }
                for (unsigned i = 0; i < n; i++)
                        if (fds[i].fd >= 0 && fds[i].revents)
                                go_on(&slots[i]);
        }
        free(fds);
}

static bool all_ended_well(const struct slot *slots, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                if (slots[i].status != 0)
                        return false;
        return true;
}

int main(int argc, char **argv) {
        unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 100, fds_before;
        struct slot *slots = calloc(n, sizeof *slots);
        char root[] = "/tmp/stint-hundred-XXXXXX", cwd_before[4096], cwd_after[4096];
        struct rt_runtime_options options = {.root = mkdtemp(root)};
        struct rt_runtime *runtime;
        struct st_error err = {0};
        sigset_t mask_before = {0},
                 mask_after = {0}; /* the kernel fills the first 8 of their 128 bytes */
        mode_t umask_before = umask(027);

        (void)umask_before;
        if (argc < 2 || !slots || !options.root)
                return 2;
        fds_before = count_fds();
        if (!getcwd(cwd_before, sizeof cwd_before) ||
            sigprocmask(SIG_SETMASK, NULL, &mask_before) < 0)
                return 2;
        if (rt_runtime_open(&options, &runtime, &err) < 0)
                die("open", &err);
        for (unsigned i = 0; i < n; i++)
                begin(runtime, &slots[i], argv[1], i);
        loop(slots, n);
        check(all_ended_well(slots, n), "every task ended with status 0, and was settled once");
        for (unsigned i = 0; i < n; i++)
                rt_container_free(slots[i].container);
        rt_runtime_free(runtime);
        free(slots);
        check(count_fds() == fds_before, "no descriptor was left open");
        check(getcwd(cwd_after, sizeof cwd_after) && !strcmp(cwd_before, cwd_after),
              "the working directory is what it was");
        check(umask(0) == 027, "the umask is what it was");
        check(sigprocmask(SIG_SETMASK, NULL, &mask_after) == 0 &&
                      !memcmp(&mask_before, &mask_after, sizeof mask_after),
              "the signal mask is what it was");
        {
                char cache[sizeof root + 16];
                snprintf(cache, sizeof cache, "%s/.seccomp", root);
                (void)rmdir(cache); /* there is one only when the bundle has a filter */
        }
        check(rmdir(root) == 0, "the state directory is empty");
        printf("1..%u\n", n_checks);
        return n_failed != 0;
}
