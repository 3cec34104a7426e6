/* drive: runs commands one after the other in the slots of one pool, and says how each ended.
 *
 * usage: drive [OPTION...] BUNDLE COMMAND...; a COMMAND is for /bin/sh in the container, and may
 * begin with what is done to it after its first line of output:
 *   @signal N COMMAND   rt_slot_signal()      @kill COMMAND   rt_slot_kill()
 *   @die COMMAND        the keeper is killed  @drop COMMAND   rt_slot_release(), without waiting
 *   @park               a slot is made ready, nothing runs; then its pid is printed and the keeper
 *                       waits to be killed
 *   @exec PROGRAM       without a shell
 * Output: what the commands print, and a line "exit N", "signal N" or "failed ERROR" for each. */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stint/cleanup.h>
#include <stint/pool.h>

static struct {
        const char *root, *hostname;
        struct rt_pool_options pool;
        struct st_user user;
        bool has_user, usage, quiet;
        int64_t memory, pids;
} options = {.memory = -1, .pids = -1};

static void die(const char *what, const struct st_error *err) {
        printf("%s: %s\n", what, err->msg);
        exit(1);
}

static void wait_pool(struct rt_pool *pool) {
        struct pollfd fd = {.fd = rt_pool_fd(pool), .events = POLLIN};
        struct st_error err = {0};

        if (poll(&fd, 1, 30000) <= 0) {
                printf("nothing happens for half a minute\n");
                exit(1);
        }
        if (rt_pool_advance(pool, &err) < 0)
                die("slot", &err);
}

static struct rt_slot *get_slot(struct rt_pool *pool) {
        struct rt_slot *slot;
        struct st_error err = {0};

        while (!(slot = rt_pool_take(pool, RT_ANY_DOMAIN))) {
                if (rt_pool_fill(pool, 4, &err) < 0)
                        die("fill", &err);
                wait_pool(pool);
        }
        return slot;
}

/* The rest of @text behind a word, or NULL. */
static const char *after(const char *text, const char *word) {
        size_t n = strlen(word);

        return !strncmp(text, word, n) ? text + n + strspn(text + n, " ") : NULL;
}

struct act {
        const char *command;
        enum { NOTHING, SIGNAL, KILL, DIE, DROP } kind;
        int signal;
        bool no_shell;
};

static struct act parse(const char *text) {
        struct act act = {.command = text};
        const char *rest;
        char *end;

        if ((rest = after(text, "@signal"))) {
                act.kind = SIGNAL;
                act.signal = (int)strtol(rest, &end, 10);
                act.command = end + 1;
        } else if ((rest = after(text, "@kill"))) {
                act.kind = KILL;
                act.command = rest;
        } else if ((rest = after(text, "@die"))) {
                act.kind = DIE;
                act.command = rest;
        } else if ((rest = after(text, "@drop"))) {
                act.kind = DROP;
                act.command = rest;
        } else if ((rest = after(text, "@exec"))) {
                act.no_shell = true;
                act.command = rest;
        }
        return act;
}

/* Copies one line from @fd to standard output. */
static void copy_line(int fd) {
        char c;

        while (read(fd, &c, 1) == 1) {
                putchar(c);
                if (c == '\n')
                        break;
        }
        fflush(stdout);
}

/* true: the slot is gone. */
static bool perform(struct rt_slot *slot, const struct act *act, int fd) {
        struct st_error err = {0};

        if (act->kind == NOTHING)
                return false;
        copy_line(fd);
        if (act->kind == DIE)
                raise(SIGKILL);
        if (act->kind == DROP) {
                rt_slot_release(slot);
                printf("dropped\n");
                return true;
        }
        if ((act->kind == SIGNAL ? rt_slot_signal(slot, act->signal, &err)
                                 : rt_slot_kill(slot, &err)) < 0)
                printf("not signaled: %s\n", err.msg);
        return false;
}

static void report(struct rt_slot *slot) {
        struct rt_exit result;
        struct rt_slot_usage usage;
        struct st_error err = {0};
        int r = rt_slot_settle(slot, &result, &err);

        if (r < 0)
                printf("failed %s\n", err.msg);
        else if (result.signal)
                printf("signal %d\n", result.signal);
        else
                printf("exit %d\n", result.code);
        if (!options.usage)
                return;
        rt_slot_usage(slot, &usage);
        printf("cpu_usec %lld peak %lld oom_kills %lld user_usec %lld rss_kib %llu order %d\n",
               (long long)usage.cpu_nsec / 1000, (long long)usage.memory_peak_bytes,
               (long long)usage.oom_kills, (long long)result.user.tv_nsec / 1000,
               (unsigned long long)result.max_rss_kib,
               usage.dispatched_nsec <= usage.started_nsec &&
                       usage.started_nsec <= usage.exited_nsec);
}

static int dispatch(struct rt_slot *slot, const struct act *act, int out_fd, struct st_error *err) {
        char sh[] = "sh", c[] = "-c";
        char *shell[] = {sh, c, (char *)act->command, NULL};
        char *plain[] = {(char *)act->command, NULL};
        struct st_memory memory = {.limit = {.value = options.memory, .has = options.memory > 0}};
        struct st_resources resources = {
                .memory = &memory, .pids_limit = {.value = options.pids, .has = options.pids > 0}};
        struct rt_slot_task task = RT_SLOT_TASK_INIT;

        task.argv = act->no_shell ? plain : shell;
        task.hostname = options.hostname;
        task.stdio_fds[0] = -1;
        task.stdio_fds[1] = out_fd;
        task.stdio_fds[2] = 2;
        if (options.has_user)
                task.user = &options.user;
        if (options.memory > 0 || options.pids > 0)
                task.resources = &resources;
        return rt_slot_dispatch(slot, &task, err);
}

/* A slot that its last task had damaged says so late: the next one takes the task. */
static struct rt_slot *start(struct rt_pool *pool, const struct act *act, int out_fd) {
        for (;;) {
                struct rt_slot *slot = get_slot(pool);
                struct st_error err = {0};
                int r = dispatch(slot, act, out_fd, &err);

                if (r >= 0)
                        return slot;
                rt_slot_release(slot);
                if (r != -ESRCH) {
                        printf("refused %s\n", err.msg);
                        return NULL;
                }
        }
}

static struct rt_slot *await(struct rt_pool *pool) {
        struct rt_slot *ended;

        while (!(ended = rt_pool_ended(pool)))
                wait_pool(pool);
        return ended;
}

static void run(struct rt_pool *pool, const char *text) {
        struct act act = parse(text);
        struct rt_slot *slot, *ended;
        struct rt_exit ignored;
        int fds[2];

        if (pipe(fds) < 0)
                exit(1);
        slot = start(pool, &act, act.kind == NOTHING ? 1 : fds[1]);
        fds[1] = st_close(fds[1]);
        if (slot && !perform(slot, &act, fds[0])) {
                ended = await(pool);
                if (rt_slot_settle(ended, &ignored, NULL) == -EAGAIN) {
                        rt_slot_release(ended);
                        if (start(pool, &act, 1))
                                ended = await(pool);
                }
                if (act.kind != NOTHING)
                        copy_line(fds[0]);
                report(ended);
                rt_slot_release(ended);
        }
        (void)st_close(fds[0]);
        fflush(stdout);
}

static void park(struct rt_pool *pool) {
        struct rt_slot *slot = get_slot(pool);

        printf("parked %d\n", (int)rt_slot_pid(slot));
        fflush(stdout);
        pause();
}

static void read_options(int argc, char **argv) {
        static const struct option longs[] = {
                {"root", 1, NULL, 'r'},  {"grade", 1, NULL, 'g'},    {"no-init", 0, NULL, 'n'},
                {"upper", 1, NULL, 'u'}, {"parked", 1, NULL, 'p'},   {"slots", 1, NULL, 's'},
                {"user", 1, NULL, 'U'},  {"usage", 0, NULL, 'c'},    {"memory", 1, NULL, 'm'},
                {"pids", 1, NULL, 'P'},  {"hostname", 1, NULL, 'H'}, {"config", 1, NULL, 'C'},
                {NULL, 0, NULL, 0},
        };
        int c;

        options.pool.name = "drive";
        while ((c = getopt_long(argc, argv, "+", longs, NULL)) >= 0) {
                switch (c) {
                case 'r':
                        options.root = optarg;
                        break;
                case 'g':
                        if (rt_grade_parse(optarg, &options.pool.grade) < 0)
                                exit(2);
                        break;
                case 'n':
                        options.pool.no_init = true;
                        break;
                case 'u':
                        options.pool.upper_bytes = strtoull(optarg, NULL, 10);
                        break;
                case 'p':
                        options.pool.max_parked = (unsigned)atoi(optarg);
                        break;
                case 's':
                        options.pool.max_slots = (unsigned)atoi(optarg);
                        break;
                case 'U':
                        options.user.uid = options.user.gid = (uint32_t)atoi(optarg);
                        options.has_user = true;
                        break;
                case 'c':
                        options.usage = true;
                        break;
                case 'm':
                        options.memory = atoll(optarg);
                        break;
                case 'P':
                        options.pids = atoll(optarg);
                        break;
                case 'H':
                        options.hostname = optarg;
                        break;
                case 'C':
                        options.pool.config = optarg;
                        break;
                default:
                        exit(2);
                }
        }
        if (argc - optind < 2 || !options.root)
                exit(2);
        options.pool.bundle = argv[optind];
}

int main(int argc, char **argv) {
        struct rt_runtime_options runtime_options = {0};
        struct rt_runtime *runtime;
        struct rt_pool *pool;
        struct st_error err = {0};

        read_options(argc, argv);
        runtime_options.root = options.root;
        if (rt_runtime_open(&runtime_options, &runtime, &err) < 0)
                die("open", &err);
        if (rt_pool_new(runtime, &options.pool, &pool, &err) < 0)
                die("pool", &err);
        for (int i = optind + 1; i < argc; i++) {
                if (!strcmp(argv[i], "@park"))
                        park(pool);
                else
                        run(pool, argv[i]);
        }
        rt_pool_free(pool);
        rt_runtime_free(runtime);
        return 0;
}
