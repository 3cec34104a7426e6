#include "child.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include <stint/process.h>
#include <stint/syscall.h>

TestSuite(process, .fini = st_test_no_leaks);

/* ---- rlimits */

static int lower_limits(const void *data) {
        struct st_rlimit limits[] = {
                {RLIMIT_NOFILE, "RLIMIT_NOFILE", 100, 200},
                {RLIMIT_CORE, "RLIMIT_CORE", 0, 0},
        };
        const struct st_process process = {.rlimits = limits, .n_rlimits = 2};
        struct st_error err = {0};
        struct rlimit limit;

        (void)data;
        CHILD_OK(rt_rlimits_apply(&process, &err), err);
        CHILD_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 100 &&
                    limit.rlim_max == 200);
        CHILD_CHECK(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 &&
                    limit.rlim_max == 0);
        return 0;
}

Test(process, sets_limits) {
        cr_expect_eq(in_child(lower_limits, NULL), 0);
}

static int set_unlimited(const void *data) {
        struct st_rlimit stack = {RLIMIT_STACK, "RLIMIT_STACK", UINT64_MAX, UINT64_MAX};
        const struct st_process process = {.rlimits = &stack, .n_rlimits = 1};
        struct st_error err = {0};
        struct rlimit limit;

        (void)data;
        CHILD_OK(rt_rlimits_apply(&process, &err), err);
        CHILD_CHECK(getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY);
        return 0;
}

Test(process, takes_all_ones_for_no_limit) {
        struct rlimit limit;

        cr_assert_eq(getrlimit(RLIMIT_STACK, &limit), 0);
        if (limit.rlim_max != RLIM_INFINITY)
                cr_skip_test("the hard limit of the stack is low here");
        cr_expect_eq(in_child(set_unlimited, NULL), 0);
}

static int raise_a_hard_limit(const void *data) {
        struct st_rlimit low = {RLIMIT_NPROC, "RLIMIT_NPROC", 50, 60},
                         high = {RLIMIT_NPROC, "RLIMIT_NPROC", 50, 70};
        struct st_rlimit odd = {RLIMIT_NPROC, "RLIMIT_NPROC", 60, 50};
        struct st_process process = {.rlimits = &low, .n_rlimits = 1};
        const struct st_capabilities none = {0};
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_rlimits_apply(&process, &err), err);
        CHILD_OK(rt_caps_apply(&none, rt_caps_last(), &err), err);
        process.rlimits = &high;
        CHILD_CHECK(rt_rlimits_apply(&process, &err) == -EPERM);
        CHILD_CHECK(strstr(err.msg, "process.rlimits: set RLIMIT_NPROC to soft 50, hard 70") &&
                    strstr(err.msg, "CAP_SYS_RESOURCE"));
        CHILD_CHECK(err.kind == ST_CODE_LIMIT);
        process.rlimits = &odd;
        CHILD_CHECK(rt_rlimits_apply(&process, &err) == -EINVAL);
        return 0;
}

Test(process, says_which_limit_cannot_be_raised) {
        cr_expect_eq(in_child(raise_a_hard_limit, NULL), 0);
}

/* ---- scheduling */

static int be_batch(const void *data) {
        const struct st_scheduler batch = {.policy = SCHED_BATCH, .nice = 3};
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_scheduler_apply(&batch, &err), err);
        CHILD_CHECK(sched_getscheduler(0) == SCHED_BATCH);
        CHILD_CHECK(getpriority(PRIO_PROCESS, 0) == 3);
        return 0;
}

Test(process, sets_policy_and_nice) {
        cr_expect_eq(in_child(be_batch, NULL), 0);
}

static int be_fifo(const void *data) {
        const struct st_scheduler fifo = {
                .policy = SCHED_FIFO, .priority = 2, .flags = 0x01 /* reset on fork */};
        struct sched_param param;
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_scheduler_apply(&fifo, &err), err);
        CHILD_CHECK(sched_getscheduler(0) == (SCHED_FIFO | SCHED_RESET_ON_FORK));
        CHILD_CHECK(sched_getparam(0, &param) == 0 && param.sched_priority == 2);
        return 0;
}

static int may_be_fifo(const void *data) {
        (void)data;
        return sched_setscheduler(0, SCHED_FIFO, &(struct sched_param) {.sched_priority = 1});
}

Test(process, sets_a_real_time_priority_and_flags) {
        if (in_child(may_be_fifo, NULL) != 0)
                cr_skip_test("real-time scheduling is not allowed here");
        cr_expect_eq(in_child(be_fifo, NULL), 0);
}

static int be_deadline(const void *data) {
        const struct st_scheduler deadline = {
                .policy = 6, .runtime = 1000000, .deadline = 10000000, .period = 10000000};
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_scheduler_apply(&deadline, &err), err);
        CHILD_CHECK(sched_getscheduler(0) == 6);
        return 0;
}

Test(process, sets_a_deadline) {
        if (in_child(may_be_fifo, NULL) != 0)
                cr_skip_test("real-time scheduling is not allowed here");
        cr_expect_eq(in_child(be_deadline, NULL), 0);
}

Test(process, names_the_scheduler_that_is_refused) {
        const struct st_scheduler wrong = {.policy = SCHED_FIFO, .priority = 1000};
        struct st_error err = {0};

        cr_expect_eq(rt_scheduler_apply(&wrong, &err), -EINVAL);
        cr_expect(strstr(err.msg, "process.scheduler: sched_setattr policy 1"), "%s", err.msg);
}

static int set_io_priority(const void *data) {
        const struct st_io_priority priority = {IOPRIO_CLASS_BE, 6};
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_io_priority_apply(&priority, &err), err);
        CHILD_CHECK(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) ==
                    IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6));
        return 0;
}

Test(process, sets_the_io_priority) {
        const struct st_io_priority wrong = {9, 0};
        struct st_error err = {0};

        cr_expect_eq(in_child(set_io_priority, NULL), 0);
        cr_expect_eq(rt_io_priority_apply(&wrong, &err), -EINVAL);
        cr_expect(strstr(err.msg, "process.ioPriority"), "%s", err.msg);
}

static int stay_on_one_cpu(const void *data) {
        const int *cpu = data;
        struct st_error err = {0};
        cpu_set_t set;
        char list[16];

        (void)snprintf(list, sizeof list, "%d", *cpu);
        CHILD_OK(rt_affinity_apply(list, "process.execCPUAffinity.initial", &err), err);
        CHILD_CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
        CHILD_CHECK(CPU_COUNT(&set) == 1 && CPU_ISSET(*cpu, &set));
        return 0;
}

Test(process, moves_to_the_cpus_of_a_list) {
        struct st_error err = {0};
        cpu_set_t set;
        int cpu = 0;

        cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
        for (int i = 0; i < CPU_SETSIZE; i++)
                cpu = CPU_ISSET(i, &set) ? i : cpu; /* the last one */
        cr_expect_eq(in_child(stay_on_one_cpu, &cpu), 0);
        cr_expect_eq(rt_affinity_apply("8000", "process.execCPUAffinity.final", &err), -EINVAL);
        cr_expect(strstr(err.msg, "process.execCPUAffinity.final: sched_setaffinity to CPUs 8000"),
                  "%s", err.msg);
        cr_expect_eq(rt_affinity_apply("9000", "x", &err), -ERANGE);
}

/* ---- memory policy, personality */

static int interleave(const void *data) {
        const struct st_memory_policy policy = {
                .mode = MPOL_BIND, .flags = MPOL_F_STATIC_NODES, .nodes = "0"};
        unsigned long mask[16] = {0};
        struct st_error err = {0};
        int mode;

        (void)data;
        CHILD_OK(rt_memory_policy_apply(&policy, &err), err);
        CHILD_CHECK(syscall(SYS_get_mempolicy, &mode, mask, sizeof mask * 8, NULL, 0) == 0);
        CHILD_CHECK(mode == (MPOL_BIND | MPOL_F_STATIC_NODES));
        CHILD_CHECK(mask[0] == 1);
        return 0;
}

static int by_default(const void *data) {
        const struct st_memory_policy policy = {.mode = MPOL_DEFAULT};
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_memory_policy_apply(&policy, &err), err);
        return 0;
}

Test(process, sets_the_memory_policy) {
        const struct st_memory_policy nowhere = {.mode = MPOL_BIND, .nodes = "1023"};
        struct st_error err = {0};

        if (syscall(SYS_get_mempolicy, NULL, NULL, 0, NULL, 0) < 0 && errno == ENOSYS)
                cr_skip_test("this kernel has no NUMA");
        cr_expect_eq(in_child(interleave, NULL), 0);
        cr_expect_eq(in_child(by_default, NULL), 0);
        cr_expect_eq(rt_memory_policy_apply(&nowhere, &err), -EINVAL);
        cr_expect(strstr(err.msg, "linux.memoryPolicy: set_mempolicy mode 2"), "%s", err.msg);
}

static int be_32_bit(const void *data) {
        const struct st_personality linux32 = {PER_LINUX32};
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_personality_apply(&linux32, &err), err);
        CHILD_CHECK(personality(0xffffffff) == PER_LINUX32);
        return 0;
}

Test(process, sets_the_personality) {
        cr_expect_eq(in_child(be_32_bit, NULL), 0);
}

/* ---- keyring */

static int join_a_keyring(const void *data) {
        long before = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0),
             after;
        char description[256] = "";
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_keyring_join(-1, "stint-unit-test", NULL, &err), err);
        after = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
        CHILD_CHECK(after > 0 && after != before);
        CHILD_CHECK(syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, description,
                            sizeof description) > 0);
        CHILD_CHECK(strstr(description, ";3f1b0000;_ses.stint-unit-test"));
        CHILD_OK(rt_keyring_join(-1, "stint-unit-test", NULL, &err), err); /* as exec does */
        CHILD_CHECK(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) ==
                    after);
        return 0;
}

Test(process, joins_a_session_keyring_of_its_own) {
        if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) < 0 &&
            errno == ENOSYS)
                cr_skip_test("this kernel has no keys");
        cr_expect_eq(in_child(join_a_keyring, NULL), 0);
}

Test(process, refuses_an_id_too_long_for_a_keyring) {
        char id[2000];
        struct st_error err = {0};

        memset(id, 'x', sizeof id - 1);
        id[sizeof id - 1] = 0;
        cr_expect_eq(rt_keyring_join(-1, id, NULL, &err), -ENAMETOOLONG);
}

/* ---- security modules */

Test(process, refuses_labels_of_modules_that_are_off) {
        struct st_process process = {.apparmor_profile = "docker-default"};
        struct st_error err = {0};

        if (!rt_apparmor_enabled()) {
                cr_expect_eq(rt_lsm_check(&process, &err), -EOPNOTSUPP);
                cr_expect(strstr(err.msg, "process.apparmorProfile: docker-default"), "%s",
                          err.msg);
                cr_expect_eq(err.kind, ST_CODE_UNSUPPORTED);
        }
        process.apparmor_profile = "";
        process.selinux_label = "system_u:system_r:container_t:s0";
        if (!rt_selinux_enabled()) {
                cr_expect_eq(rt_lsm_check(&process, &err), -EOPNOTSUPP);
                cr_expect(strstr(err.msg, "process.selinuxLabel: system_u:"), "%s", err.msg);
        }
        process.selinux_label = NULL;
        cr_expect_eq(rt_lsm_check(&process, &err), 0);
}

Test(process, names_the_label_and_file_that_fail) {
        int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct st_error err = {0};

        cr_assert_geq(proc_fd, 0);
        cr_expect_eq(rt_lsm_apply(proc_fd, NULL, "", &err), 0);
        if (rt_apparmor_enabled() || rt_selinux_enabled())
                cr_skip_test("a security module is on");
        cr_expect_lt(rt_lsm_apply(proc_fd, "no-such-profile", NULL, &err), 0);
        cr_expect(strstr(err.msg, "process.apparmorProfile: ") &&
                          strstr(err.msg, "exec no-such-profile") && strstr(err.msg, "/exec`"),
                  "%s", err.msg);
        cr_expect_lt(rt_lsm_apply(proc_fd, NULL, "a:b:c:d", &err), 0);
        cr_expect(strstr(err.msg,
                         "process.selinuxLabel: write `a:b:c:d` to `/proc/thread-self/attr/exec`"),
                  "%s", err.msg);
        close(proc_fd);
}
