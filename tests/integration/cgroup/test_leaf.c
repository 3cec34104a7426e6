/* A process in real cgroups: made, limited, listed, frozen, signalled, killed and removed. */
#include "box.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <stint/fs.h>
#include <stint/syscall.h>

static struct box box;

static void need_root(void) {
        if (geteuid() != 0)
                cr_skip_test("needs root");
        if (rt_cgroup_detect() == RT_CGROUP_NONE)
                cr_skip_test("needs cgroups");
}

TestSuite(leaf, .init = need_root, .timeout = 120);

static int forever(struct box *b) {
        box_say(b);
        while (pause() < 0)
                ;
        return 0;
}

/* ---- entering ---- */

Test(leaf, holds_its_process_in_every_hierarchy) {
        box_run(&box, NULL, NULL);
        cr_expect(box_holds(&box, box.pid));
        box_go(&box);
        cr_expect_eq(box_wait(&box), 0);
        box_end(&box);
}

static bool lives(struct box *b) {
        return st_pidfd_send_signal(b->pidfd, 0) == 0;
}

Test(leaf, that_somebody_lives_in_is_refused_and_survives_the_clean_up) {
        struct st_error err = {0};
        struct box second;

        box_run(&box, NULL, NULL);
        cr_expect_eq(box_make(&second, NULL, NULL, &err), -EBUSY);
        cr_expect(strstr(err.msg, "is in use"), "%s", err.msg);
        cr_expect_eq(rt_cgroup_kill(second.cgroup, SIGKILL, &err), 0);
        cr_expect_eq(rt_cgroup_destroy(second.cgroup, 100, &err), 0);
        (void)rt_cgroup_free(second.cgroup);
        (void)st_arena_free(second.arena);
        cr_expect(lives(&box));
        cr_expect(box_holds(&box, box.pid));
        box_end(&box);
}

static struct rt_cgroup *through_the_state(struct rt_cgroup *cgroup);

/* A runtime that died between saving its plan and making it. */
Test(leaf, that_was_only_planned_is_not_killed_in) {
        struct rt_cgroup_request request = {.path = NULL};
        struct rt_cgroup *planned = NULL, *loaded;
        struct st_error err = {0};

        box_run(&box, NULL, NULL);
        request.id = box.id;
        cr_assert_eq(rt_cgroup_plan(&request, &planned, &err), 0);
        loaded = through_the_state(planned);
        cr_expect_eq(rt_cgroup_destroy(loaded, 100, &err), 0, "%s", err.msg);
        cr_expect(lives(&box));
        cr_expect(box_holds(&box, box.pid));
        (void)rt_cgroup_free(planned);
        (void)rt_cgroup_free(loaded);
        box_end(&box);
}

Test(leaf, that_was_only_planned_is_removed_when_it_is_empty) {
        struct rt_cgroup_request request = {.path = NULL};
        struct rt_cgroup *planned = NULL, *loaded;
        struct st_error err = {0};

        cr_assert_eq(box_make(&box, NULL, NULL, &err), 0, "%s", err.msg);
        request.id = box.id;
        cr_assert_eq(rt_cgroup_plan(&request, &planned, &err), 0);
        loaded = through_the_state(planned);
        cr_expect_eq(rt_cgroup_destroy(loaded, 100, &err), 0, "%s", err.msg);
        cr_expect(box_is_gone(box.id));
        (void)rt_cgroup_free(planned);
        (void)rt_cgroup_free(loaded);
        box_end(&box);
}

Test(leaf, that_is_there_and_empty_is_used) {
        struct st_error err = {0};
        const char *dir;
        struct box first;

        cr_assert_eq(box_make(&first, NULL, NULL, &err), 0, "%s", err.msg);
        dir = rt_cgroup_path(first.cgroup, rt_cgroup_path(first.cgroup, NULL) ? NULL : "memory");
        cr_assert_eq(access(dir, F_OK), 0);
        box_run(&box, NULL, NULL);
        cr_expect(box_holds(&box, box.pid));
        box_end(&box);
        (void)rt_cgroup_free(first.cgroup);
        (void)st_arena_free(first.arena);
}

/* As an outer container's filter may. */
static void block_openat2(int error) {
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {.len = 4, .filter = filter};

        cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void expect_a_container(void) {
        struct st_error err = {0};
        char path[128];

        box_run(&box, "{'pids': {'limit': 9}, 'devices': [{'allow': false, 'access': 'rwm'}]}",
                NULL);
        cr_expect(box_holds(&box, box.pid));
        cr_expect_str_eq(box_read(&box, "pids", "pids.max"), "9");
        box_end(&box);
        (void)snprintf(path, sizeof path, "/cgroup.procs/stint-test-%d", (int)getpid());
        cr_expect_lt(box_make(&box, NULL, path, &err), 0, "a file is no directory");
        (void)rt_cgroup_free(box.cgroup);
        (void)st_arena_free(box.arena);
}

Test(leaf, is_made_where_openat2_is_unknown) {
        block_openat2(ENOSYS);
        expect_a_container();
}

Test(leaf, is_made_where_openat2_is_forbidden) {
        block_openat2(EPERM);
        expect_a_container();
}

static void remove_parents(const char *leaf, unsigned n) {
        char path[4096];

        (void)snprintf(path, sizeof path, "%s", leaf);
        while (n--) {
                *strrchr(path, '/') = 0;
                cr_expect_eq(rmdir(path), 0, "%s: %s", path, strerror(errno));
        }
}

Test(leaf, below_missing_directories_gets_them_made) {
        struct st_error err = {0};
        char path[128];

        (void)snprintf(path, sizeof path, "/stint-top-%d/mid/stint-test-%d", (int)getpid(),
                       (int)getpid());
        cr_assert_eq(box_make(&box, "{'pids': {'limit': 9}}", path, &err), 0, "%s", err.msg);
        box_start(&box, NULL);
        cr_assert_eq(rt_cgroup_apply_limits(box.cgroup, &err), 0, "%s", err.msg);
        cr_expect(box_holds(&box, box.pid));
        cr_expect_str_eq(box_read(&box, "pids", "pids.max"), "9");
        cr_assert_eq(rt_cgroup_kill(box.cgroup, SIGKILL, &err), 0);
        (void)box_wait(&box);
        cr_assert_eq(rt_cgroup_destroy(box.cgroup, 5000, &err), 0, "%s", err.msg);
        for (size_t i = 0; i < rt_cgroup_n_leaves(box.cgroup); i++) {
                const char *name;
                remove_parents(rt_cgroup_leaf(box.cgroup, i, &name), 2);
        }
        box_end(&box);
}

Test(leaf, of_a_failed_create_is_removed) {
        struct st_error err = {0};
        struct box failed;

        cr_assert_lt(box_make(&failed, "{'cpu': {'cpus': '4000'}}", NULL, &err), 0);
        cr_expect(strstr(err.msg, "linux.resources.cpu.cpus"), "%s", err.msg);
        cr_expect(box_is_gone(failed.id));
        (void)rt_cgroup_free(failed.cgroup);
        (void)st_arena_free(failed.arena);
}

static unsigned open_descriptors(void) {
        DIR *dir = opendir("/proc/self/fd");
        unsigned n = 0;

        while (readdir(dir))
                n++;
        (void)closedir(dir);
        return n;
}

Test(leaf, fifty_of_them_leave_nothing) {
        unsigned before = 0;

        for (int i = 0; i < 50; i++) {
                box_run(&box, "{'pids': {'limit': 9}}", NULL);
                box_go(&box);
                cr_assert_eq(box_wait(&box), 0);
                box_end(&box);
                if (i == 0)
                        before = open_descriptors();
        }
        cr_expect_eq(open_descriptors(), before);
}

/* ---- limits ---- */

Test(leaf, has_the_limits_asked_for) {
        const char *memory;

        box_run(&box,
                "{'memory': {'limit': 67108864}, 'cpu': {'shares': 512, 'quota': 50000, 'period': "
                "100000}, 'pids': {'limit': 64}}",
                NULL);
        memory = box_version_of(&box, "memory");
        cr_assert_not_null(memory);
        if (!strcmp(memory, "v1"))
                cr_expect_str_eq(box_read(&box, "memory", "memory.limit_in_bytes"), "67108864");
        else
                cr_expect_str_eq(box_read(&box, NULL, "memory.max"), "67108864");
        if (!strcmp(box_version_of(&box, "cpu"), "v1")) {
                cr_expect_str_eq(box_read(&box, "cpu", "cpu.shares"), "512");
                cr_expect_str_eq(box_read(&box, "cpu", "cpu.cfs_quota_us"), "50000");
        } else {
                cr_expect_str_eq(box_read(&box, NULL, "cpu.weight"), "59");
                cr_expect_str_eq(box_read(&box, NULL, "cpu.max"), "50000 100000");
        }
        cr_expect_str_eq(box_read(&box, "pids", "pids.max"), "64");
        box_end(&box);
}

static int write_own_limits(struct box *b) {
        struct st_error err = {0};
        int r = rt_cgroup_apply_limits(b->cgroup, &err);

        if (r < 0)
                (void)fprintf(stderr, "%s\n", err.msg);
        return r < 0;
}

Test(leaf, takes_512_kib_from_within) {
        struct st_error err = {0};

        cr_assert_eq(box_make(&box, "{'memory': {'limit': 524288}}", NULL, &err), 0, "%s", err.msg);
        box_start(&box, write_own_limits);
        box_go(&box);
        cr_expect_eq(box_wait(&box), 0);
        cr_expect_eq(rt_cgroup_oom_kills(box.cgroup), 0);
        box_end(&box);
}

enum { TOUCHED = 3 << 20 };
static int use_memory(struct box *b) {
        char *memory =
                mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
                return 1;
        memset(memory, 1, TOUCHED);
        return forever(b);
}

Test(leaf, refuses_a_memory_limit_below_what_is_used_and_kills_nobody) {
        struct st_error err = {0};

        cr_assert_eq(box_make(&box, "{'memory': {'limit': 1048576, 'swap': 1048576}}", NULL, &err),
                     0, "%s", err.msg);
        box_start(&box, use_memory);
        box_go(&box);
        box_hear(&box);
        cr_expect_eq(rt_cgroup_apply_limits(box.cgroup, &err), -EBUSY, "%s", err.msg);
        cr_expect_eq(err.kind, ST_CODE_LIMIT);
        cr_expect(strstr(err.msg, "linux.resources.memory.limit: 1048576 bytes are too few: "),
                  "%s", err.msg);
        cr_expect(lives(&box));
        cr_expect_eq(rt_cgroup_oom_kills(box.cgroup), 0);
        if (!strcmp(box_version_of(&box, "memory"), "v2"))
                cr_expect_str_eq(box_read(&box, NULL, "memory.high"), "max");
        box_end(&box);
}

Test(leaf, names_the_field_that_the_kernel_refuses) {
        struct st_error err = {0};

        int r = box_make(&box, "{'hugepageLimits': [{'pageSize': '3MB', 'limit': 1}]}", NULL, &err);

        if (r == 0) { /* there is a hugetlb controller */
                box_start(&box, NULL);
                r = rt_cgroup_apply_limits(box.cgroup, &err);
        }
        cr_expect_lt(r, 0);
        cr_expect(strstr(err.msg, "linux.resources.hugepageLimits"), "%s", err.msg);
        cr_expect_eq(err.kind, ST_CODE_UNSUPPORTED);
        box_end(&box);
}

static void update(const char *resources) {
        struct st_error err = {0};

        cr_expect_eq(rt_cgroup_update(box.cgroup, box_resources(&box, resources), &err), 0,
                     "%s: %s", resources, err.msg);
}

/* v1 has memory <= memsw at all times: raising takes the other order than lowering. */
Test(leaf, raises_and_lowers_memory_and_swap_together) {
        static const char *const sizes[] = {"67108864", "268435456", "33554432"};

        box_run(&box, "{'memory': {'limit': 134217728, 'swap': 134217728}}", NULL);
        for (size_t i = 0; i < 3; i++) {
                update(st_arena_printf(box.arena, "{'memory': {'limit': %s, 'swap': %s}}", sizes[i],
                                       sizes[i]));
                if (!strcmp(box_version_of(&box, "memory"), "v2")) {
                        cr_expect_str_eq(box_read(&box, NULL, "memory.max"), sizes[i]);
                        continue;
                }
                cr_expect_str_eq(box_read(&box, "memory", "memory.limit_in_bytes"), sizes[i]);
                if (*box_read(&box, "memory", "memory.memsw.limit_in_bytes"))
                        cr_expect_str_eq(box_read(&box, "memory", "memory.memsw.limit_in_bytes"),
                                         sizes[i]);
        }
        box_end(&box);
}

Test(leaf, changes_quota_and_burst_in_either_direction) {
        box_run(&box, "{'cpu': {'quota': 50000, 'period': 100000, 'burst': 40000}}", NULL);
        update("{'cpu': {'quota': 10000, 'burst': 5000}}");
        update("{'cpu': {'quota': 90000, 'burst': 80000}}");
        update("{'cpu': {'period': 200000}}");
        if (!strcmp(box_version_of(&box, "cpu"), "v2"))
                cr_expect_str_eq(box_read(&box, NULL, "cpu.max"), "90000 200000");
        else
                cr_expect_str_eq(box_read(&box, "cpu", "cpu.cfs_quota_us"), "90000");
        box_end(&box);
}

Test(leaf, goes_idle_and_back_with_a_weight) {
        box_run(&box, "{'cpu': {'shares': 512, 'idle': 1}}", NULL);
        cr_expect_str_eq(box_read(&box, "cpu", "cpu.idle"), "1");
        update("{'cpu': {'shares': 1024, 'idle': 0}}");
        cr_expect_str_eq(box_read(&box, "cpu", "cpu.idle"), "0");
        box_end(&box);
}

/* ---- devices ---- */

static char node[64];

static int try_devices(struct box *b) {
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return 1;
        if (mknod(node, S_IFBLK | 0600, makedev(7, 200)) < 0)
                return 2;
        if (open(node, O_RDONLY | O_CLOEXEC) >= 0 || errno != EPERM)
                return 3;
        if (open("/dev/kmsg", O_WRONLY | O_CLOEXEC) >= 0 || errno != EPERM)
                return 4;
        box_say(b);
        while ((fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC)) < 0) /* until the update */
                (void)usleep(1000);
        if (open("/dev/null", O_RDWR | O_CLOEXEC) < 0)
                return 5;
        return 0;
}

Test(leaf, allows_the_standard_devices_and_what_an_update_adds) {
        (void)snprintf(node, sizeof node, "/dev/stint-test-%d", (int)getpid());
        box_run(&box, "{'devices': [{'allow': false, 'access': 'rwm'}]}", try_devices);
        box_go(&box);
        box_hear(&box);
        update("{'devices': [{'allow': false, 'access': 'rwm'}, {'allow': true, 'type': 'c', "
               "'major': 1, 'minor': 11, 'access': 'w'}]}");
        cr_expect_eq(box_wait(&box), 0);
        (void)unlink(node);
        box_end(&box);
}

static int try_any_device(struct box *b) {
        (void)b;
        return open("/dev/kmsg", O_WRONLY | O_CLOEXEC) < 0;
}

Test(leaf, of_a_privileged_container_allows_all) {
        box_run(&box, "{'devices': [{'allow': true, 'access': 'rwm'}]}", try_any_device);
        box_go(&box);
        cr_expect_eq(box_wait(&box), 0);
        box_end(&box);
}

/* ---- processes, signals, the freezer ---- */

static int fork_five(struct box *b) {
        for (int i = 0; i < 5; i++)
                if (fork() == 0)
                        for (;;)
                                (void)pause();
        return forever(b);
}

Test(leaf, lists_its_processes) {
        st_autofree pid_t *pids = NULL;
        struct st_error err = {0};
        size_t n;

        box_run(&box, NULL, fork_five);
        box_go(&box);
        box_hear(&box);
        cr_assert_eq(rt_cgroup_processes(box.cgroup, &pids, &n, &err), 0, "%s", err.msg);
        cr_expect_eq(n, 6);
        box_end(&box);
}

static volatile sig_atomic_t n_signals;

static void on_signal(int signal) {
        (void)signal;
        n_signals++;
}

/* The exit status is what all six have counted, one each. */
static int count_signals(struct box *b) {
        int sum = 0, status;

        (void)signal(SIGUSR1, on_signal);
        for (int i = 0; i < 5; i++)
                if (fork() == 0) {
                        while (!n_signals)
                                (void)usleep(1000);
                        (void)usleep(20000); /* for one too many */
                        _exit((int)n_signals);
                }
        box_say(b);
        while (!n_signals)
                (void)usleep(1000);
        while (wait(&status) > 0 || errno == EINTR)
                sum += WEXITSTATUS(status);
        return sum + n_signals;
}

Test(leaf, signals_each_process_once) {
        struct st_error err = {0};

        box_run(&box, NULL, count_signals);
        box_go(&box);
        box_hear(&box);
        cr_assert_eq(rt_cgroup_kill(box.cgroup, SIGUSR1, &err), 0, "%s", err.msg);
        cr_expect_eq(WEXITSTATUS(box_wait(&box)), 6);
        box_end(&box);
}

static volatile unsigned *counter;

static int count_up(struct box *b) {
        box_say(b);
        while (++*counter < UINT_MAX)
                ;
        return 0;
}

static bool is_running(void) {
        unsigned before = *counter;

        (void)usleep(100000);
        return *counter != before;
}

Test(leaf, freezes_and_thaws) {
        struct st_error err = {0};

        counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        cr_assert_neq((void *)counter, MAP_FAILED);
        box_run(&box, NULL, count_up);
        box_go(&box);
        box_hear(&box);
        cr_expect(is_running());
        cr_expect_eq(rt_cgroup_is_frozen(box.cgroup, &err), 0);
        cr_assert_eq(rt_cgroup_freeze(box.cgroup, true, &err), 0, "%s", err.msg);
        cr_expect_not(is_running());
        cr_expect_eq(rt_cgroup_is_frozen(box.cgroup, &err), 1);
        cr_assert_eq(rt_cgroup_freeze(box.cgroup, false, &err), 0, "%s", err.msg);
        cr_expect(is_running());
        cr_expect_eq(rt_cgroup_is_frozen(box.cgroup, &err), 0);
        box_end(&box);
}

Test(leaf, that_is_frozen_dies_of_a_kill) {
        struct st_error err = {0};

        box_run(&box, NULL, fork_five);
        box_go(&box);
        box_hear(&box);
        cr_assert_eq(rt_cgroup_freeze(box.cgroup, true, &err), 0, "%s", err.msg);
        cr_assert_eq(rt_cgroup_kill(box.cgroup, SIGKILL, &err), 0, "%s", err.msg);
        cr_expect_eq(box_wait(&box), SIGKILL);
        box_end(&box);
}

Test(leaf, that_is_frozen_can_be_destroyed) {
        struct st_error err = {0};

        box_run(&box, NULL, fork_five);
        box_go(&box);
        box_hear(&box);
        cr_assert_eq(rt_cgroup_freeze(box.cgroup, true, &err), 0, "%s", err.msg);
        cr_expect_eq(rt_cgroup_destroy(box.cgroup, 10000, &err), 0, "%s", err.msg);
        cr_expect_eq(box_wait(&box), SIGKILL);
        cr_expect(box_is_gone(box.id));
        box_end(&box);
}

static int fork_bomb(struct box *b) {
        box_say(b);
        while (fork() >= -1)
                ;
        return 0;
}

Test(leaf, kills_a_fork_bomb) {
        struct st_error err = {0};

        box_run(&box, "{'pids': {'limit': 100}}", fork_bomb);
        box_go(&box);
        box_hear(&box);
        (void)usleep(50000);
        cr_expect_eq(rt_cgroup_kill(box.cgroup, SIGKILL, &err), 0, "%s", err.msg);
        cr_expect_eq(box_wait(&box), SIGKILL);
        box_end(&box);
}

/* As a container's init that makes cgroups of its own does. */
static int live_below(struct box *b) {
        for (size_t i = 0; i < rt_cgroup_n_leaves(b->cgroup); i++) {
                const char *name, *leaf = rt_cgroup_leaf(b->cgroup, i, &name);
                char path[512];
                (void)snprintf(path, sizeof path, "%s/inner", leaf);
                if (mkdir(path, 0755) < 0)
                        return 1;
                if (!strcmp(name, "cpuset"))
                        continue; /* takes no task before it has CPUs */
                (void)snprintf(path, sizeof path, "%s/inner/cgroup.procs", leaf);
                if (st_write_knob_at(AT_FDCWD, path, "0") < 0)
                        return 2;
        }
        return forever(b);
}

Test(leaf, is_destroyed_with_the_cgroups_and_processes_below) {
        st_autofree pid_t *pids = NULL;
        struct st_error err = {0};
        size_t n;

        box_run(&box, NULL, live_below);
        box_go(&box);
        box_hear(&box);
        cr_assert_eq(rt_cgroup_processes(box.cgroup, &pids, &n, &err), 0, "%s", err.msg);
        cr_expect_eq(n, 1);
        cr_expect_eq(rt_cgroup_destroy(box.cgroup, 10000, &err), 0, "%s", err.msg);
        cr_expect_eq(box_wait(&box), SIGKILL);
        box_end(&box);
}

Test(leaf, that_is_gone_is_destroyed_killed_and_not_frozen) {
        struct st_error err = {0};

        box_run(&box, NULL, NULL);
        box_go(&box);
        cr_expect_eq(box_wait(&box), 0);
        cr_expect_eq(rt_cgroup_destroy(box.cgroup, 1000, &err), 0, "%s", err.msg);
        cr_expect_eq(rt_cgroup_destroy(box.cgroup, 1000, &err), 0, "%s", err.msg);
        cr_expect_eq(rt_cgroup_kill(box.cgroup, SIGKILL, &err), 0, "%s", err.msg);
        cr_expect_eq(rt_cgroup_kill(box.cgroup, SIGTERM, &err), 0, "%s", err.msg);
        cr_expect_eq(rt_cgroup_is_frozen(box.cgroup, &err), 0, "%s", err.msg);
        box_end(&box);
}

/* ---- what is kept in the state, exec ---- */

static struct rt_cgroup *through_the_state(struct rt_cgroup *cgroup) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        struct rt_cgroup *again = NULL;
        const struct st_json *root;
        struct st_error err = {0};
        const char *text;
        size_t length;

        rt_cgroup_save(cgroup, w, NULL);
        cr_assert_eq(st_json_writer_finish(w, &text, &length, &err), 0);
        cr_assert_eq(st_json_parse(box.arena, "state", text, length, &root, &err), 0, "%s",
                     err.msg);
        cr_assert_eq(rt_cgroup_load(root, &again, &err), 0, "%s", err.msg);
        return again;
}

Test(leaf, from_the_state_can_be_entered_updated_and_destroyed) {
        struct rt_cgroup *first, *again;
        struct st_error err = {0};

        box_run(&box, NULL, forever);
        box_go(&box);
        box_hear(&box);
        first = box.cgroup;
        again = through_the_state(box.cgroup);
        cr_assert_eq(rt_cgroup_open(again, NULL, &err), 0, "%s", err.msg);
        {
                struct box second = box;
                second.cgroup = again;
                box_start(&second, NULL);
                cr_expect(box_holds(&second, second.pid));
                box_go(&second);
                cr_expect_eq(box_wait(&second), 0);
                (void)close(second.pidfd);
                (void)close(second.order_fd);
                (void)close(second.answer_fd);
        }
        cr_expect_eq(rt_cgroup_update(again, box_resources(&box, "{'pids': {'limit': 7}}"), &err),
                     0, "%s", err.msg);
        cr_expect_str_eq(box_read(&box, "pids", "pids.max"), "7");
        cr_expect_eq(rt_cgroup_destroy(again, 5000, &err), 0, "%s", err.msg);
        cr_expect_eq(box_wait(&box), SIGKILL);
        (void)rt_cgroup_free(again);
        box.cgroup = first;
        box_end(&box);
}

/* ---- OOM and statistics ---- */

static int use_too_much(struct box *b) {
        (void)b;
        for (;;) {
                char *memory = mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (memory == MAP_FAILED)
                        return 1;
                memset(memory, 1, TOUCHED);
        }
}

Test(leaf, tells_of_an_oom_kill_and_counts_it) {
        struct st_error err = {0};
        struct pollfd pfd = {.fd = -1, .events = POLLIN};

        box_run(&box, "{'memory': {'limit': 16777216, 'swap': 16777216}}", use_too_much);
        cr_expect_eq(rt_cgroup_oom_kills(box.cgroup), 0);
        cr_assert_eq(rt_cgroup_oom_watch(box.cgroup, &pfd.fd, &err), 0, "%s", err.msg);
        cr_expect_eq(poll(&pfd, 1, 0), 0, "nothing has happened");
        box_go(&box);
        cr_expect_eq(box_wait(&box), SIGKILL);
        cr_expect_eq(rt_cgroup_oom_kills(box.cgroup), 1);
        cr_expect_eq(poll(&pfd, 1, 5000), 1);
        (void)close(pfd.fd);
        box_end(&box);
}

Test(leaf, has_statistics) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        const struct st_json *root, *usage;
        struct st_error err = {0};
        const char *text;
        size_t length;

        box_run(&box, "{'memory': {'limit': 67108864}, 'pids': {'limit': 64}}", use_memory);
        box_go(&box);
        box_hear(&box);
        cr_assert_eq(rt_cgroup_write_stats(box.cgroup, w, NULL, &err), 0, "%s", err.msg);
        cr_assert_eq(st_json_writer_finish(w, &text, &length, &err), 0, "%s", err.msg);
        cr_assert_eq(st_json_parse(box.arena, "stats", text, length, &root, &err), 0, "%s",
                     err.msg);
        usage = st_json_get(st_json_get(root, "memory"), "usage");
        cr_assert_not_null(usage, "%s", text);
        cr_expect_geq(strtoull(st_json_get(usage, "usage")->text, NULL, 10), TOUCHED, "%s", text);
        cr_expect_str_eq(st_json_get(usage, "limit")->text, "67108864");
        cr_expect_str_eq(st_json_get(st_json_get(root, "pids"), "current")->text, "1");
        cr_expect_str_eq(st_json_get(st_json_get(root, "pids"), "limit")->text, "64");
        usage = st_json_get(st_json_get(root, "cpu"), "usage");
        cr_expect_gt(strtoull(st_json_get(usage, "total")->text, NULL, 10), 0, "%s", text);
        box_end(&box);
}
