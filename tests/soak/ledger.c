/* ledger: processes claim, bind, change, repack and give back CPUs of one ledger at random, and are
 * killed with SIGKILL at any point of it; the cgroups are plain directories.
 *
 * A table in shared memory says who holds a CPU exclusively, by the token of its claim. Who is
 * granted a CPU that the table gives to another claim has found an overlap, unless that claim's
 * cgroup is gone: then its holder was killed before it could write. At the end nothing is left. */
#include "../support/topologies/topologies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stint/fs.h>
#include <stint/ledger.h>
#include <stint/parse.h>

enum { N_WORKERS = 8, N_SLOTS = 6, KILL_EVERY = 200, PATH_ROOM = 256 };

struct table {
        atomic_uint_fast64_t steps, kills, grants, refusals, failures;
        atomic_uint_fast64_t holder[RT_MAX_CPUS]; /* token */
};

struct task {
        uint64_t token;
        char name[64];
        bool exclusive;
        struct rt_cpus cpus;
};

static struct table *table;
static char base[] = "/dev/shm/stint-ledger.XXXXXX";
static char ledger_path[64], cgroups[64];

__attribute__((format(printf, 1, 2))) static void fail(const char *fmt, ...) {
        char text[600];
        va_list ap;

        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        printf("# %s\n", text);
        fflush(stdout);
        atomic_fetch_add(&table->failures, 1);
}

/* ---- cgroups ---- */

static void path_of(const char *name, char *path) {
        (void)snprintf(path, PATH_ROOM, "%s/%s", cgroups, name);
}

static void put(const char *dir, const char *file, const char *text) {
        char path[PATH_ROOM + 32];
        st_autoclose int fd = -1;

        (void)snprintf(path, sizeof path, "%s/%s", dir, file);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0 || st_write_all(fd, text, strlen(text)) < 0)
                fail("write %s: %s", path, strerror(errno));
}

static void make_cgroup(const char *name, const struct rt_cpus *cpus) {
        char path[PATH_ROOM], list[4096];

        path_of(name, path);
        rt_cpus_print(cpus, list, sizeof list);
        (void)mkdir(path, 0755);
        put(path, "cgroup.freeze", "0");
        put(path, "cpuset.mems", "");
        put(path, "cpuset.cpus.effective", list);
        put(path, "cpuset.cpus", list);
}

/* The kernel removes a cgroup in one piece; so that the mark is not seen without the rest, it goes
 * by rename first. */
static void remove_cgroup(const char *name) {
        char from[PATH_ROOM], to[PATH_ROOM + 16];

        path_of(name, from);
        (void)snprintf(to, sizeof to, "%s/gone.%s", base, name);
        if (rename(from, to) == 0)
                (void)st_remove_tree_at(AT_FDCWD, to);
}

/* ---- the table ---- */

static bool holder_is_gone(uint64_t token) {
        char path[PATH_ROOM + 40];

        (void)snprintf(path, sizeof path, "%s/of-%016llx", base, (unsigned long long)token);
        if (access(path, F_OK) == 0) { /* whose cgroup it is: a link to it */
                char target[PATH_ROOM] = "";

                return readlink(path, target, sizeof target - 1) < 0 || access(target, F_OK) < 0;
        }
        return true;
}

/* The link is made before the table is written, and stays: it is small. */
static void enter(const struct task *task) {
        char path[PATH_ROOM + 40], target[PATH_ROOM];

        (void)snprintf(path, sizeof path, "%s/of-%016llx", base, (unsigned long long)task->token);
        path_of(task->name, target);
        (void)symlink(target, path);
        RT_FOREACH_CPU(cpu, &task->cpus) {
                uint64_t before = atomic_exchange(&table->holder[cpu], task->token);

                if (before && before != task->token && !holder_is_gone(before))
                        fail("CPU %u is of %016llx and of %s", cpu, (unsigned long long)before,
                             task->name);
        }
}

static void leave(const struct task *task) {
        char path[PATH_ROOM + 40];

        RT_FOREACH_CPU(cpu, &task->cpus) {
                uint64_t mine = task->token;

                (void)atomic_compare_exchange_strong(&table->holder[cpu], &mine, 0);
        }
        (void)snprintf(path, sizeof path, "%s/of-%016llx", base, (unsigned long long)task->token);
        (void)unlink(path);
}

/* ---- a worker ---- */

static void start(struct rt_ledger *ledger, struct task *task, unsigned serial) {
        static const char *const tenants[] = {"a", "b", "c"};
        char path[PATH_ROOM];
        struct rt_claim claim = {
                .id = task->name,
                .tenant = tenants[rand() % 3],
                .cgroup = path,
                .freezer = path,
                .n_cpus = 1 + (unsigned)rand() % 10,
                .tier = (enum rt_tier)(rand() % RT_N_TIERS),
                .whole_cores = rand() % 8 == 0,
                .strict = rand() % 4 == 0,
        };
        struct rt_grant grant;
        struct st_error err = {0};
        int r;

        (void)snprintf(task->name, sizeof task->name, "t-%d-%u", (int)getpid(), serial);
        path_of(task->name, path);
        r = rt_ledger_claim(ledger, &claim, &grant, &err);
        if (r == -EBUSY) {
                atomic_fetch_add(&table->refusals, 1);
                return;
        }
        if (r < 0) {
                fail("claim: %s", err.msg);
                return;
        }
        make_cgroup(task->name, &grant.decision.cpus);
        r = rt_ledger_bind(ledger, grant.token, &err);
        if (r < 0) {
                fail("bind: %s", err.msg);
                return;
        }
        atomic_fetch_add(&table->grants, 1);
        task->token = grant.token;
        task->cpus = grant.decision.cpus;
        task->exclusive = claim.tier == RT_TIER_EXCLUSIVE;
        if (task->exclusive)
                enter(task);
}

static void end(struct rt_ledger *ledger, struct task *task) {
        struct st_error err = {0};

        if (task->exclusive)
                leave(task);
        remove_cgroup(task->name);
        if (rt_ledger_release(ledger, task->token, &err) < 0)
                fail("release: %s", err.msg);
        task->token = 0;
}

static void change(struct rt_ledger *ledger, struct task *task) {
        struct rt_ledger_change wanted = {.n_cpus = 1 + (unsigned)rand() % 10};
        struct rt_grant grant;
        struct st_error err = {0};
        int r;

        if (task->exclusive)
                leave(task);
        r = rt_ledger_change(ledger, task->token, &wanted, &grant, &err);
        if (r < 0 && r != -EBUSY)
                fail("change: %s", err.msg);
        if (r == 0)
                task->cpus = grant.decision.cpus;
        if (task->exclusive)
                enter(task);
}

_Noreturn static void work(unsigned seed, uint64_t n_steps) {
        struct rt_ledger_options options = {
                .path = ledger_path, .sysfs = base, .cgroup_root = cgroups, .plain_files = true};
        struct rt_ledger *ledger = rt_ledger_new(&options);
        struct task tasks[N_SLOTS] = {0};
        unsigned serial = 0;

        srand(seed);
        while (ledger && atomic_fetch_add(&table->steps, 1) < n_steps) {
                struct task *task = &tasks[rand() % N_SLOTS];

                if (!task->token)
                        start(ledger, task, serial++);
                else if (rand() % 4 == 0)
                        change(ledger, task);
                else
                        end(ledger, task);
        }
        for (unsigned i = 0; i < N_SLOTS; i++) {
                if (tasks[i].token)
                        end(ledger, &tasks[i]);
        }
        rt_ledger_free(ledger);
        _exit(0);
}

/* ---- all of them ---- */

static pid_t spawn(unsigned seed, uint64_t n_steps) {
        pid_t pid = fork();

        if (pid == 0)
                work(seed, n_steps);
        return pid;
}

/* What `delete --force` does for the containers of a runtime that was killed. */
static void bury(pid_t pid) {
        char prefix[32];
        st_autoclosedir DIR *dir = opendir(cgroups);
        const struct dirent *entry;

        (void)snprintf(prefix, sizeof prefix, "t-%d-", (int)pid);
        while (dir && (entry = readdir(dir))) {
                if (!strncmp(entry->d_name, prefix, strlen(prefix)))
                        remove_cgroup(entry->d_name);
        }
}

static void run(unsigned seed, uint64_t n_steps) {
        pid_t pids[N_WORKERS];
        uint64_t killed_at = 0;
        unsigned n_left = N_WORKERS;

        for (unsigned i = 0; i < N_WORKERS; i++)
                pids[i] = spawn(seed + i, n_steps);
        while (n_left > 0) {
                uint64_t now = atomic_load(&table->steps);
                int status;
                pid_t pid = waitpid(-1, &status, WNOHANG);

                for (unsigned i = 0; pid > 0 && i < N_WORKERS; i++) {
                        if (pids[i] != pid)
                                continue;
                        pids[i] = 0;
                        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                                n_left--;
                                break;
                        }
                        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
                                fail("a worker ended with status %#x", (unsigned)status);
                        bury(pid);
                        pids[i] = spawn(seed + (unsigned)now, n_steps);
                }
                if (now < n_steps && now - killed_at >= KILL_EVERY) {
                        pid_t victim = pids[(unsigned)rand() % N_WORKERS];

                        killed_at = now;
                        if (victim > 0 && kill(victim, SIGKILL) == 0)
                                atomic_fetch_add(&table->kills, 1);
                }
                if (pid <= 0)
                        (void)usleep(200); /* the pace of the kills; nothing is waited for */
        }
}

static void set_up(void) {
        struct rt_topology *topology;
        struct st_error err = {0};
        char list[4096];
        st_autoclose int fd = -1;

        if (!mkdtemp(base) || (fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
            st_topology_make("epyc-7451-2s", fd) < 0 ||
            rt_topology_read(base, &topology, &err) < 0) {
                printf("Bail out! %s %s\n", base, err.msg);
                exit(1);
        }
        (void)snprintf(ledger_path, sizeof ledger_path, "%s/run/cpus", base);
        (void)snprintf(cgroups, sizeof cgroups, "%s/cgroup", base);
        (void)mkdir(cgroups, 0755);
        rt_cpus_print(&topology->cpus, list, sizeof list);
        put(cgroups, "cgroup.controllers", "cpuset");
        put(cgroups, "cpuset.cpus.effective", list);
        put(cgroups, "cpuset.mems.effective", "0-7");
        rt_topology_free(topology);
        table = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0);
        if (table == MAP_FAILED)
                exit(1);
}

static size_t count_left(void) {
        struct rt_ledger_options options = {
                .path = ledger_path, .sysfs = base, .cgroup_root = cgroups, .plain_files = true};
        struct rt_ledger *ledger = rt_ledger_new(&options);
        struct rt_ledger_view view = {0};
        struct st_error err = {0};
        size_t n = 1;

        if (!ledger || rt_ledger_look(ledger, &view, &err) < 0)
                fail("look: %s", err.msg);
        else
                n = view.n_tasks + rt_cpus_count(&view.foreign);
        for (size_t i = 0; i < view.n_tasks; i++)
                printf("# left: %s\n", view.tasks[i].id);
        rt_ledger_view_deinit(&view);
        rt_ledger_free(ledger);
        return n;
}

int main(int argc, char **argv) {
        uint64_t n_steps = 100000, seed = (uint64_t)getpid();
        bool ok, clean;

        for (int i = 1; i + 1 < argc; i += 2) {
                uint64_t *to = !strcmp(argv[i], "--count") ? &n_steps : &seed;

                if (strcmp(argv[i], "--build") != 0 && st_parse_u64(argv[i + 1], to) < 0)
                        return 2;
        }
        printf("# ledger --seed %llu --count %llu\n", (unsigned long long)seed,
               (unsigned long long)n_steps);
        fflush(stdout);
        srand((unsigned)seed);
        set_up();
        run((unsigned)seed, n_steps);
        clean = count_left() == 0;
        ok = atomic_load(&table->failures) == 0;
        printf("# %llu steps, %llu granted, %llu refused, %llu workers killed\n",
               (unsigned long long)n_steps, (unsigned long long)table->grants,
               (unsigned long long)table->refusals, (unsigned long long)table->kills);
        printf("%sok 1 - no CPU is two tasks' own, and every call does what it says\n",
               ok ? "" : "not ");
        printf("%sok 2 - nothing is left\n1..2\n", clean ? "" : "not ");
        (void)st_remove_tree_at(AT_FDCWD, base);
        return ok && clean ? 0 : 1;
}
