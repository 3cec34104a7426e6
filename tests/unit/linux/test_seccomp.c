#include "child.h"
#include "filters.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <stint/cleanup.h>
#include <stint/syscall.h>

TestSuite(seccomp, .fini = st_test_no_leaks);

static struct rt_seccomp *prepare(const struct st_seccomp *spec) {
        struct rt_seccomp *filter = NULL;
        struct st_error err = {0};

        cr_assert_eq(rt_seccomp_prepare(spec, -1, &filter, &err), 0, "%s", err.msg);
        return filter;
}

static uint32_t answer(const struct rt_seccomp *filter, uint32_t arch, uint32_t nr, uint64_t a0,
                       uint64_t a1) {
        const struct seccomp_data data = {.nr = (int)nr, .arch = arch, .args = {a0, a1}};

        return rt_seccomp_evaluate(filter, &data);
}

static uint32_t native(const struct rt_seccomp *filter, uint32_t nr) {
        return answer(filter, AUDIT_ARCH_X86_64, nr, 0, 0);
}

enum { ERRNO = SECCOMP_RET_ERRNO, X32 = 0x40000000 };

/* ---- actions */

Test(seccomp, gives_each_action_its_value) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ALLOW",
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                .listener_path = "/x",
                RULES({NAMES("getpid"), .action = "SCMP_ACT_ERRNO"},
                      {NAMES("getppid"), .action = "SCMP_ACT_ERRNO", .errno_ret = 7,
                       .has_errno_ret = true},
                      {NAMES("getuid"), .action = "SCMP_ACT_KILL"},
                      {NAMES("getgid"), .action = "SCMP_ACT_KILL_THREAD"},
                      {NAMES("geteuid"), .action = "SCMP_ACT_KILL_PROCESS"},
                      {NAMES("getegid"), .action = "SCMP_ACT_TRAP"},
                      {NAMES("getpgid"), .action = "SCMP_ACT_TRACE"},
                      {NAMES("getsid"), .action = "SCMP_ACT_TRACE", .errno_ret = 9,
                       .has_errno_ret = true},
                      {NAMES("gettid"), .action = "SCMP_ACT_LOG"},
                      {NAMES("getpgrp"), .action = "SCMP_ACT_NOTIFY"},
                      {NAMES("getcwd"), .action = "SCMP_ACT_ERRNO", .errno_ret = 0,
                       .has_errno_ret = true}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(native(filter, SYS_getpid), ERRNO | EPERM);
        cr_expect_eq(native(filter, SYS_getppid), ERRNO | 7);
        cr_expect_eq(native(filter, SYS_getuid), SECCOMP_RET_KILL_THREAD);
        cr_expect_eq(native(filter, SYS_getgid), SECCOMP_RET_KILL_THREAD);
        cr_expect_eq(native(filter, SYS_geteuid), SECCOMP_RET_KILL_PROCESS);
        cr_expect_eq(native(filter, SYS_getegid), SECCOMP_RET_TRAP);
        cr_expect_eq(native(filter, SYS_getpgid), SECCOMP_RET_TRACE | EPERM);
        cr_expect_eq(native(filter, SYS_getsid), SECCOMP_RET_TRACE | 9);
        cr_expect_eq(native(filter, SYS_gettid), SECCOMP_RET_LOG);
        cr_expect_eq(native(filter, SYS_getpgrp), SECCOMP_RET_USER_NOTIF);
        cr_expect_eq(native(filter, SYS_getcwd), ERRNO | 0);
        cr_expect_eq(native(filter, SYS_read), SECCOMP_RET_ALLOW);
        cr_expect(filter->notify);
        cr_expect(filter->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

Test(seccomp, takes_the_errno_of_the_default_action) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .default_errno_ret = 38,
                .has_default_errno_ret = true,
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                RULES({NAMES("read", "write"), .action = "SCMP_ACT_ALLOW"}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(native(filter, SYS_read), SECCOMP_RET_ALLOW);
        cr_expect_eq(native(filter, SYS_getpid), ERRNO | 38);
        cr_expect_not(filter->notify);
}

Test(seccomp, accepts_a_filter_without_rules) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO", .architectures = NO_WORDS, .flags = NO_WORDS};
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(native(filter, SYS_read), ERRNO | EPERM);
        cr_expect_eq(native(filter, 100000), ERRNO | EPERM,
                     "the profile mentions no call to be newer than");
}

Test(seccomp, skips_names_that_nobody_knows) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                RULES({NAMES("no_such_call", "read"), .action = "SCMP_ACT_ALLOW"}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(native(filter, SYS_read), SECCOMP_RET_ALLOW);
}

Test(seccomp, drops_a_rule_that_the_default_says_already) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                RULES({NAMES("read"), .action = "SCMP_ACT_ALLOW"},
                      {NAMES("mount"), .action = "SCMP_ACT_ERRNO", .errno_ret = EPERM,
                       .has_errno_ret = true}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(native(filter, SYS_mount), ERRNO | EPERM);
}

/* ---- arguments */

struct comparison {
        char op[24];
        uint64_t value, value_two, arg;
        bool matches;
};

ParameterizedTestParameters(seccomp, compares_all_64_bits) {
        static struct comparison all[] = {
                {"SCMP_CMP_EQ", 5, 0, 5, true},
                {"SCMP_CMP_EQ", 5, 0, 0x100000005, false},
                {"SCMP_CMP_EQ", 0x100000005, 0, 0x100000005, true},
                {"SCMP_CMP_NE", 5, 0, 5, false},
                {"SCMP_CMP_NE", 5, 0, 0x100000005, true},
                {"SCMP_CMP_NE", 5, 0, 6, true},
                {"SCMP_CMP_LT", 0x100000000, 0, 0xffffffff, true},
                {"SCMP_CMP_LT", 0x100000000, 0, 0x100000000, false},
                {"SCMP_CMP_LT", 7, 0, 0x100000000, false},
                {"SCMP_CMP_LE", 0x100000000, 0, 0x100000000, true},
                {"SCMP_CMP_LE", 0x100000000, 0, 0x100000001, false},
                {"SCMP_CMP_LE", 0x200000000, 0, 0x1ffffffff, true},
                {"SCMP_CMP_GT", 0x100000000, 0, 0x100000001, true},
                {"SCMP_CMP_GT", 0x100000000, 0, 0x100000000, false},
                {"SCMP_CMP_GT", 7, 0, 0x100000000, true},
                {"SCMP_CMP_GE", 0x100000000, 0, 0x100000000, true},
                {"SCMP_CMP_GE", 0x100000001, 0, 0x100000000, false},
                {"SCMP_CMP_GE", UINT64_MAX, 0, UINT64_MAX, true},
                {"SCMP_CMP_MASKED_EQ", 0x7e020000, 0, 0x11, true},
                {"SCMP_CMP_MASKED_EQ", 0x7e020000, 0, 0x00020011, false},
                {"SCMP_CMP_MASKED_EQ", 0xf00000000f, 0x3000000005, 0x3700000f15, true},
                {"SCMP_CMP_MASKED_EQ", 0xf00000000f, 0x3000000005, 0x2000000005, false},
        };
        return cr_make_param_array(struct comparison, all, sizeof all / sizeof *all);
}

/* "mseal" is later than libseccomp. */
ParameterizedTest(struct comparison *c, seccomp, compares_all_64_bits) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                RULES({NAMES("read", "mseal"), .action = "SCMP_ACT_ALLOW",
                       ARGS({1, c->value, c->value_two, c->op})}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);
        uint32_t want = c->matches ? SECCOMP_RET_ALLOW : ERRNO | EPERM;

        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, SYS_read, 0, c->arg), want, "read: %s",
                     c->op);
        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, 462, 0, c->arg), want, "mseal: %s", c->op);
}

Test(seccomp, wants_all_conditions_of_a_rule) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ALLOW",
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                RULES({NAMES("socketpair", "cachestat"), .action = "SCMP_ACT_TRAP",
                       ARGS({0, 16, 0, "SCMP_CMP_EQ"}, {1, 3, 0, "SCMP_CMP_GE"})}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);
        const uint32_t calls[] = {SYS_socketpair, 451};

        for (int i = 0; i < 2; i++) {
                cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, calls[i], 16, 3), SECCOMP_RET_TRAP);
                cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, calls[i], 16, 2), SECCOMP_RET_ALLOW);
                cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, calls[i], 17, 3), SECCOMP_RET_ALLOW);
        }
}

Test(seccomp, takes_two_conditions_on_one_argument_as_alternatives) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                RULES({NAMES("personality", "mseal"), .action = "SCMP_ACT_ALLOW",
                       ARGS({0, 0, 0, "SCMP_CMP_EQ"}, {0, 8, 0, "SCMP_CMP_EQ"})}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);
        const uint32_t calls[] = {SYS_personality, 462};

        for (int i = 0; i < 2; i++) {
                cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, calls[i], 0, 0), SECCOMP_RET_ALLOW);
                cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, calls[i], 8, 0), SECCOMP_RET_ALLOW);
                cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, calls[i], 4, 0), ERRNO | EPERM);
        }
}

Test(seccomp, lets_a_rule_without_conditions_win) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                RULES({NAMES("mseal", "read"), .action = "SCMP_ACT_TRAP",
                       ARGS({0, 1, 0, "SCMP_CMP_EQ"})},
                      {NAMES("mseal", "read"), .action = "SCMP_ACT_ALLOW"}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, SYS_read, 1, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, 462, 1, 0), SECCOMP_RET_ALLOW);
}

Test(seccomp, lets_the_first_rule_without_conditions_win) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                RULES({NAMES("read"), .action = "SCMP_ACT_ERRNO"},
                      {NAMES("read"), .action = "SCMP_ACT_TRAP"},
                      {NAMES("read"), .action = "SCMP_ACT_ALLOW"}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(native(filter, SYS_read), SECCOMP_RET_TRAP,
                     "a rule that equals the default says nothing");
}

/* ---- calls newer than the profile, architectures */

Test(seccomp, answers_enosys_to_calls_newer_than_the_profile) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .flags = NO_WORDS,
                .architectures = WORDS("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
                RULES({NAMES("read", "openat2", "execve"), .action = "SCMP_ACT_ALLOW"}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, 437, 0, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, 436, 0, 0), ERRNO | EPERM);
        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, 438, 0, 0), ERRNO | ENOSYS);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 437, 0, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 438, 0, 0), ERRNO | ENOSYS);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 1, 0, 0), ERRNO | EPERM);
        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, X32 | 520, 0, 0), SECCOMP_RET_ALLOW,
                     "x32's execve");
        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, X32 | 519, 0, 0), ERRNO | EPERM);
        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, X32 | 521, 0, 0), ERRNO | ENOSYS);
        cr_expect_eq(answer(filter, AUDIT_ARCH_AARCH64, 63, 0, 0), SECCOMP_RET_KILL_THREAD,
                     "not listed");
}

Test(seccomp, counts_a_call_newer_than_libseccomp_as_mentioned) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_KILL_PROCESS",
                .architectures = WORDS("SCMP_ARCH_X86"),
                .flags = NO_WORDS,
                RULES({NAMES("read", "mseal"), .action = "SCMP_ACT_ALLOW"}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);
        const uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386};

        for (int i = 0; i < 2; i++) {
                cr_expect_eq(answer(filter, archs[i], 462, 0, 0), SECCOMP_RET_ALLOW);
                cr_expect_eq(answer(filter, archs[i], 461, 0, 0), SECCOMP_RET_KILL_PROCESS);
                cr_expect_eq(answer(filter, archs[i], 463, 0, 0), ERRNO | ENOSYS);
        }
        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, X32 | 462, 0, 0), SECCOMP_RET_KILL_THREAD,
                     "x32 is not listed");
}

Test(seccomp, denies_a_call_newer_than_libseccomp_under_a_permissive_default) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ALLOW",
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                RULES({NAMES("mseal"), .action = "SCMP_ACT_ERRNO"}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(native(filter, 462), ERRNO | EPERM);
        cr_expect_eq(native(filter, 461), SECCOMP_RET_ALLOW);
        cr_expect_eq(native(filter, 463), SECCOMP_RET_ALLOW,
                     "ENOSYS is not for those who let calls through");
}

Test(seccomp, leaves_tracers_and_logs_to_see_newer_calls) {
        const char *const defaults[] = {"SCMP_ACT_LOG", "SCMP_ACT_TRACE"};

        for (int i = 0; i < 2; i++) {
                struct st_seccomp spec = {
                        .default_action = defaults[i],
                        .architectures = NO_WORDS,
                        .flags = NO_WORDS,
                        RULES({NAMES("read"), .action = "SCMP_ACT_ALLOW"}),
                };
                st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

                cr_expect_eq(native(filter, 5000),
                             i == 0 ? SECCOMP_RET_LOG : SECCOMP_RET_TRACE | EPERM);
        }
}

Test(seccomp, tells_arms_private_calls_from_newer_ones) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .architectures = WORDS("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
                .flags = NO_WORDS,
                RULES({NAMES("read", "clone3", "set_tls"), .action = "SCMP_ACT_ALLOW"}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(answer(filter, AUDIT_ARCH_ARM, 0xf0005, 0, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_ARM, 0xf0002, 0, 0), ERRNO | EPERM);
        cr_expect_eq(answer(filter, AUDIT_ARCH_ARM, 436, 0, 0), ERRNO | ENOSYS);
        cr_expect_eq(answer(filter, AUDIT_ARCH_ARM, 3, 0, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_AARCH64, 63, 0, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_AARCH64, 64, 0, 0), ERRNO | EPERM);
        cr_expect_eq(answer(filter, AUDIT_ARCH_AARCH64, 436, 0, 0), ERRNO | ENOSYS);
        cr_expect_eq(native(filter, SYS_read), SECCOMP_RET_ALLOW,
                     "the native architecture is implied");
}

Test(seccomp, reaches_calls_that_32_bit_x86_multiplexes) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .architectures = WORDS("SCMP_ARCH_X86"),
                .flags = NO_WORDS,
                RULES({NAMES("socket", "shmat"), .action = "SCMP_ACT_ALLOW"},
                      {NAMES("bind"), .action = "SCMP_ACT_ALLOW", ARGS({0, 3, 0, "SCMP_CMP_EQ"})}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);
        enum {
                SOCKETCALL = 102,
                IPC = 117,
                SOCKET = 359,
                BIND = 361,
                SYS_SOCKET_ = 1,
                SYS_BIND_ = 2,
                SYS_CONNECT_ = 3,
                SHMAT = 21,
                DIRECT_SHMAT = 397
        };

        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, SOCKETCALL, SYS_SOCKET_, 0),
                     SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, SOCKETCALL, SYS_BIND_, 0), SECCOMP_RET_ALLOW,
                     "its arguments are in memory");
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, SOCKETCALL, SYS_CONNECT_, 0), ERRNO | EPERM);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, SOCKET, 0, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, BIND, 3, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, BIND, 4, 0), ERRNO | EPERM);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, BIND + 1, 3, 0), ERRNO | EPERM);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, DIRECT_SHMAT, 3, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, DIRECT_SHMAT + 1, 3, 0), ERRNO | ENOSYS);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, IPC, SHMAT, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, IPC, SHMAT + 1, 0), ERRNO | EPERM);
        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, SYS_bind, 3, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_X86_64, SYS_bind, 4, 0), ERRNO | EPERM);
}

/* podman's profile has such rules */
Test(seccomp, lets_through_what_it_cannot_see_before_it_denies) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .architectures = WORDS("SCMP_ARCH_X86"),
                .flags = NO_WORDS,
                RULES({NAMES("socket"), .action = "SCMP_ACT_ERRNO", .errno_ret = EINVAL,
                       .has_errno_ret = true,
                       ARGS({0, 16, 0, "SCMP_CMP_EQ"}, {1, 9, 0, "SCMP_CMP_EQ"})},
                      {NAMES("socket"), .action = "SCMP_ACT_ALLOW", ARGS({1, 9, 0, "SCMP_CMP_NE"})},
                      {NAMES("socket"), .action = "SCMP_ACT_ALLOW",
                       ARGS({0, 16, 0, "SCMP_CMP_NE"})}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);
        const uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386};
        const uint32_t calls[] = {SYS_socket, 359};

        for (int i = 0; i < 2; i++) {
                cr_expect_eq(answer(filter, archs[i], calls[i], 16, 9), ERRNO | EINVAL);
                cr_expect_eq(answer(filter, archs[i], calls[i], 16, 8), SECCOMP_RET_ALLOW);
                cr_expect_eq(answer(filter, archs[i], calls[i], 15, 9), SECCOMP_RET_ALLOW);
        }
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 102, 1, 9), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 102, 2, 9), ERRNO | EPERM);
}

Test(seccomp, denies_what_it_cannot_see_when_that_is_all_a_profile_says) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ALLOW",
                .architectures = WORDS("SCMP_ARCH_X86"),
                .flags = NO_WORDS,
                RULES({NAMES("socket"), .action = "SCMP_ACT_ERRNO",
                       ARGS({0, 38, 0, "SCMP_CMP_EQ"})},
                      {NAMES("semget"), .action = "SCMP_ACT_TRAP", ARGS({0, 1, 0, "SCMP_CMP_EQ"})},
                      {NAMES("socketcall"), .action = "SCMP_ACT_TRAP",
                       ARGS({0, 5, 0, "SCMP_CMP_EQ"})}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 359, 38, 0), ERRNO | EPERM);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 359, 2, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 102, 1, 0), ERRNO | EPERM);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 102, 5, 0), SECCOMP_RET_TRAP,
                     "by its own name");
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 102, 6, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 117, 2, 0), SECCOMP_RET_TRAP);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 117, 3, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 393, 1, 0), SECCOMP_RET_TRAP);
}

/* libseccomp 2.5 never came back from these: the call does not exist on x86_64. */
Test(seccomp, skips_conditions_on_calls_that_an_architecture_lacks, .timeout = 30) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ALLOW",
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                RULES({NAMES("set_tls"), .action = "SCMP_ACT_TRAP",
                       ARGS({1, 0x39, 0, "SCMP_CMP_NE"}, {1, 0, 0x39, "SCMP_CMP_NE"})},
                      {NAMES("set_tls"), .action = "SCMP_ACT_TRAP",
                       ARGS({1, 0x9e, 0, "SCMP_CMP_NE"}, {0, 0x39, 0, "SCMP_CMP_LE"})},
                      {NAMES("read"), .action = "SCMP_ACT_TRAP"}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(native(filter, SYS_read), SECCOMP_RET_TRAP);
        cr_expect_eq(native(filter, SYS_write), SECCOMP_RET_ALLOW);
}

Test(seccomp, makes_a_tree_where_an_architecture_has_no_rule) {
        const struct st_seccomp_rule rule = {NAMES("arch_prctl"), .action = "SCMP_ACT_ALLOW"};
        struct st_seccomp_rule rules[40];
        struct st_seccomp spec = {.default_action = "SCMP_ACT_ERRNO",
                                  .flags = NO_WORDS,
                                  .rules = rules,
                                  .n_rules = 40,
                                  .architectures = WORDS("SCMP_ARCH_AARCH64", "SCMP_ARCH_X86")};
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = NULL;

        for (int i = 0; i < 40; i++)
                rules[i] = rule;
        filter = prepare(&spec);
        cr_expect_eq(native(filter, SYS_arch_prctl), SECCOMP_RET_ALLOW);
        for (uint32_t nr = 0; nr < 500; nr++)
                cr_expect_eq(answer(filter, AUDIT_ARCH_AARCH64, nr, 0, 0), ERRNO | EPERM);
        cr_expect_eq(answer(filter, AUDIT_ARCH_I386, 384, 0, 0), SECCOMP_RET_ALLOW);
        cr_expect_eq(answer(filter, AUDIT_ARCH_ARM, 0, 0, 0), SECCOMP_RET_KILL_THREAD);
}

/* ---- bad input */

struct fault {
        struct st_seccomp spec;
        int code;
        enum st_error_code kind;
        const char *says;
};

/* What a fault's spec leaves out is right. */
static void expect_fault(const struct fault *fault) {
        struct st_seccomp spec = fault->spec;
        struct rt_seccomp *filter = NULL;
        struct st_error err = {0};

        spec.default_action = spec.default_action ? spec.default_action : "SCMP_ACT_ERRNO";
        spec.architectures = spec.architectures ? spec.architectures : NO_WORDS;
        spec.flags = spec.flags ? spec.flags : NO_WORDS;
        cr_expect_eq(rt_seccomp_prepare(&spec, -1, &filter, &err), fault->code, "%s", fault->says);
        cr_expect_null(filter);
        cr_expect(strstr(err.msg, fault->says), "wanted \"%s\", the message was: %s", fault->says,
                  err.msg);
        cr_expect_eq(err.kind, fault->kind, "%s", fault->says);
}

#define FAULT(text, ...)                                                                           \
        { {__VA_ARGS__}, -EINVAL, ST_CODE_CONFIG_INVALID, text }
#define READ NAMES("read"), .action = "SCMP_ACT_ALLOW"

Test(seccomp, names_the_member_that_is_wrong) {
        const struct fault faults[] = {
                FAULT("linux.seccomp.defaultAction: unknown action SCMP_ACT_X",
                      .default_action = "SCMP_ACT_X"),
                FAULT("linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be used as default "
                      "action",
                      .default_action = "SCMP_ACT_NOTIFY"),
                FAULT("linux.seccomp.defaultErrnoRet: ", .default_action = "SCMP_ACT_KILL",
                      .has_default_errno_ret = true),
                FAULT("linux.seccomp.defaultErrnoRet: too large", .default_errno_ret = 4096,
                      .has_default_errno_ret = true),
                FAULT("linux.seccomp.architectures[1]: unknown architecture SCMP_ARCH_Z80",
                      .architectures = WORDS("SCMP_ARCH_X86", "SCMP_ARCH_Z80")),
                FAULT("linux.seccomp.flags[0]: unknown flag SECCOMP_X",
                      .flags = WORDS("SECCOMP_X")),
                FAULT("linux.seccomp.syscalls[1].action: unknown action ALLOW",
                      RULES({READ}, {NAMES("write"), .action = "ALLOW"})),
                FAULT("linux.seccomp.syscalls[0].errnoRet: ", RULES({READ, .has_errno_ret = true})),
                FAULT("linux.seccomp.syscalls[0].errnoRet: too large",
                      RULES({NAMES("read"), .action = "SCMP_ACT_ERRNO", .errno_ret = 5000,
                             .has_errno_ret = true})),
                FAULT("linux.seccomp.syscalls[0].args[1].op: unknown operator EQ",
                      RULES({READ, ARGS({0, 0, 0, "SCMP_CMP_EQ"}, {1, 0, 0, "EQ"})})),
                FAULT("linux.seccomp.syscalls[0].args[0].op: unknown operator",
                      RULES({NAMES("read"), .action = "SCMP_ACT_ERRNO", ARGS({0, 0, 0, "EQ"})})),
                FAULT("linux.seccomp.syscalls[0].args[0].index: ",
                      RULES({READ, ARGS({6, 0, 0, "SCMP_CMP_EQ"})})),
                FAULT("linux.seccomp.syscalls[0].action: SCMP_ACT_NOTIFY cannot be used for the "
                      "write syscall",
                      RULES({NAMES("getpid", "write"), .action = "SCMP_ACT_NOTIFY"}),
                      .listener_path = "/x"),
                FAULT("linux.seccomp.listenerPath: ", .default_action = "SCMP_ACT_ALLOW",
                      RULES({NAMES("getpid"), .action = "SCMP_ACT_NOTIFY"})),
                FAULT("linux.seccomp.listenerMetadata: ", .listener_metadata = "x"),
                FAULT("needs sendmsg to be allowed", .default_action = "SCMP_ACT_ALLOW",
                      .listener_path = "/x",
                      RULES({NAMES("sendmsg"), .action = "SCMP_ACT_NOTIFY"})),
                FAULT("needs sendmsg to be allowed", .listener_path = "/x",
                      RULES({READ}, {NAMES("getpid"), .action = "SCMP_ACT_NOTIFY"})),
        };

        for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
                expect_fault(&faults[i]);
}

Test(seccomp, refuses_an_architecture_of_the_other_byte_order) {
        const struct fault fault = {{.architectures = WORDS("SCMP_ARCH_S390X")},
                                    -EDOM,
                                    ST_CODE_CONFIG_INVALID,
                                    "linux.seccomp.architectures[0]: SCMP_ARCH_S390X"};

        expect_fault(&fault);
}

Test(seccomp, refuses_a_profile_out_of_all_proportion) {
        enum { N = 20000 };
        st_autofree char **names = calloc(N + 1, sizeof *names);
        struct st_seccomp_rule rule = {.names = names, .n_names = N, .action = "SCMP_ACT_ALLOW"};
        const struct fault fault = {
                {.rules = &rule, .n_rules = 1}, -E2BIG, ST_CODE_CONFIG_INVALID, "20000 names"};

        for (int i = 0; i < N; i++)
                names[i] = (char *)"read";
        expect_fault(&fault);
}

Test(seccomp, refuses_a_filter_that_the_kernel_would_not_take) {
        enum { N = 2000 };
        st_autofree struct st_seccomp_arg *args = calloc(N, sizeof *args);
        struct st_seccomp_rule rule = {NAMES("read"), .action = "SCMP_ACT_ALLOW", .args = args,
                                       .n_args = N};
        const struct fault fault = {{.rules = &rule, .n_rules = 1},
                                    -E2BIG,
                                    ST_CODE_SECCOMP,
                                    "instructions, the kernel takes 4096"};

        for (uint64_t i = 0; i < N; i++)
                args[i] = (struct st_seccomp_arg) {0, i, 0, "SCMP_CMP_EQ"};
        expect_fault(&fault);
}

/* ---- flags */

Test(seccomp, turns_flags_into_those_of_the_kernel) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ALLOW",
                .architectures = NO_WORDS,
                .flags = WORDS("SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                               "SECCOMP_FILTER_FLAG_TSYNC",
                               "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"),
                RULES({NAMES("getpid"), .action = "SCMP_ACT_ERRNO"}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(filter->flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
}

/* ---- in the kernel */

enum { NO_SUCH_CALL = 4000 };

static int load(const struct rt_seccomp *filter) {
        struct st_error err = {0};
        int r = rt_seccomp_load(filter, &err);

        if (r < 0)
                fprintf(stderr, "%s\n", err.msg);
        return r;
}

static int make_calls(const void *data) {
        CHILD_CHECK(load(data) == 0);
        CHILD_CHECK(syscall(SYS_getpid) == -1 && errno == 7);
        CHILD_CHECK(syscall(SYS_getppid) > 0);
        CHILD_CHECK(syscall(SYS_personality, 0xffffffff) >= 0);
        CHILD_CHECK(syscall(SYS_personality, 4) == -1 && errno == EPERM);
        CHILD_CHECK(syscall(SYS_getuid) == -1 && errno == EPERM);
        CHILD_CHECK(syscall(NO_SUCH_CALL) == -1 && errno == ENOSYS);
        return 0;
}

Test(seccomp, is_obeyed_by_the_kernel) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .architectures = NO_WORDS,
                .flags = WORDS("SECCOMP_FILTER_FLAG_TSYNC"),
                RULES({NAMES("write", "exit_group", "getppid", "mseal"),
                       .action = "SCMP_ACT_ALLOW"},
                      {NAMES("getpid"), .action = "SCMP_ACT_ERRNO", .errno_ret = 7,
                       .has_errno_ret = true},
                      {NAMES("personality"), .action = "SCMP_ACT_ALLOW",
                       ARGS({0, 0, 0, "SCMP_CMP_EQ"}, {0, 0xffffffff, 0, "SCMP_CMP_EQ"})}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_eq(in_child(make_calls, filter), 0);
}

static int call_getpid(const void *data) {
        CHILD_CHECK(load(data) == 0);
        (void)syscall(SYS_getpid);
        return 0;
}

Test(seccomp, kills_where_it_is_told_to) {
        const char *const actions[] = {"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL", "SCMP_ACT_TRAP"};

        for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
                struct st_seccomp spec = {
                        .default_action = "SCMP_ACT_ALLOW",
                        .architectures = NO_WORDS,
                        .flags = NO_WORDS,
                        RULES({NAMES("getpid"), .action = actions[i]}),
                };
                st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

                cr_expect_eq(in_child(call_getpid, filter), 128 + SIGSYS, "%s", actions[i]);
        }
}

/* getpid(2) as a 32-bit program makes it. */
static long int80(long nr) {
        long result;

        __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr) : "memory", "r8", "r9", "r10", "r11");
        return result;
}

enum { I386_GETPID = 20, I386_NEWER = 4000 };

static int plain_int80(const void *data) {
        (void)data;
        return int80(I386_GETPID) == getpid() ? 0 : 1;
}

static int make_32_bit_calls(const void *data) {
        CHILD_CHECK(load(data) == 0);
        CHILD_CHECK(int80(I386_GETPID) == -7);
        CHILD_CHECK(int80(I386_NEWER) == -ENOSYS);
        return 0;
}

Test(seccomp, reaches_32_bit_calls) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .architectures = WORDS("SCMP_ARCH_X86"),
                .flags = NO_WORDS,
                RULES({NAMES("exit_group", "write"), .action = "SCMP_ACT_ALLOW"},
                      {NAMES("getpid"), .action = "SCMP_ACT_ERRNO", .errno_ret = 7,
                       .has_errno_ret = true}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        if (in_child(plain_int80, NULL) != 0)
                cr_skip_test("this kernel runs no 32-bit programs");
        cr_expect_eq(in_child(make_32_bit_calls, filter), 0);
}

struct asker {
        const struct rt_seccomp *filter;
        int socket_fd;
};

static int ask_supervisor(const void *data) {
        const struct asker *args = data;
        struct st_error err = {0};
        int listener_fd = load(args->filter);

        CHILD_CHECK(listener_fd >= 0);
        CHILD_OK(rt_seccomp_send_listener(args->socket_fd, listener_fd, "{\"state\"}", 9, &err),
                 err);
        close(listener_fd);
        CHILD_CHECK(syscall(SYS_getppid) == 4242);
        return 0;
}

/* Receive the listener, answer one call with 4242. Returns the text that came with it. */
static void supervise(int socket_fd, char text[static 64]) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct iovec iov = {text, 63};
        struct msghdr message = {.msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
        struct seccomp_notif call = {0};
        struct seccomp_notif_resp response = {.val = 4242};
        ssize_t n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
        st_autoclose int listener_fd = -1;

        cr_assert_gt(n, 0);
        text[n] = 0;
        cr_assert(CMSG_FIRSTHDR(&message));
        memcpy(&listener_fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof listener_fd);
        cr_assert_eq(ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &call), 0);
        cr_expect_eq(call.data.nr, SYS_getppid);
        response.id = call.id;
        cr_assert_eq(ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &response), 0);
}

Test(seccomp, hands_the_listener_to_a_supervisor, .timeout = 20) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ALLOW",
                .architectures = NO_WORDS,
                .listener_path = "/somewhere",
                .flags = WORDS("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
                               "SECCOMP_FILTER_FLAG_TSYNC"),
                RULES({NAMES("getppid"), .action = "SCMP_ACT_NOTIFY"}),
        };
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);
        int pair[2], status;
        char text[64];
        pid_t pid;

        cr_expect_eq(filter->flags,
                     SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        fflush(NULL);
        pid = fork();
        if (pid == 0) {
                const struct asker args = {filter, pair[1]};
                _exit(ask_supervisor(&args));
        }
        close(pair[1]);
        supervise(pair[0], text);
        cr_expect_str_eq(text, "{\"state\"}");
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_expect_eq(status, 0);
        close(pair[0]);
}

Test(seccomp, says_what_is_wrong_when_the_supervisor_is_gone) {
        struct st_error err = {0};
        int pair[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        close(pair[1]);
        cr_expect_eq(rt_seccomp_send_listener(pair[0], pair[0], "x", 1, &err), -EPIPE);
        cr_expect(strstr(err.msg, "linux.seccomp.listenerPath"), "%s", err.msg);
        close(pair[0]);
}

Test(seccomp, explains_a_load_that_the_kernel_refuses) {
        struct sock_filter code = {0xffff, 0, 0, 0};
        struct rt_seccomp filter = {.code = &code, .n_code = 1};
        struct st_error err = {0};

        cr_expect_eq(rt_seccomp_load(&filter, &err), -EINVAL);
        cr_expect(strstr(err.msg, "linux.seccomp: load 1 instructions"), "%s", err.msg);
        cr_expect_eq(err.kind, ST_CODE_SECCOMP);
}

Test(seccomp, stays_within_the_program_when_evaluating) {
        struct sock_filter jump_out[] = {{BPF_JMP | BPF_JA, 0, 0, 100},
                                         {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
        struct sock_filter load_out[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 64},
                                         {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
        struct sock_filter unaligned[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 3},
                                          {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
        struct sock_filter strange[] = {{BPF_ALU | BPF_ADD | BPF_K, 0, 0, 1},
                                        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
        struct sock_filter *const programs[] = {jump_out, load_out, unaligned, strange};

        for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
                struct rt_seccomp filter = {.code = programs[i], .n_code = 2};
                cr_expect_eq(native(&filter, 0), SECCOMP_RET_KILL_PROCESS, "program %zu", i);
        }
}

/* ---- features */

Test(seccomp, tells_its_features) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(4096);
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        const struct st_json *root, *flags;
        const char *text;
        size_t length;

        rt_seccomp_write_features(w, NULL);
        cr_assert_eq(st_json_writer_finish(w, &text, &length, NULL), 0);
        cr_assert_eq(st_json_parse(arena, "features", text, length, &root, NULL), 0);
        cr_expect(st_json_get(root, "enabled")->boolean);
        cr_expect_eq(st_json_get(root, "actions")->n_children, 9);
        cr_expect_eq(st_json_get(root, "operators")->n_children, 7);
        cr_expect(strstr(text, "\"SCMP_ARCH_X86_64\"") && strstr(text, "\"SCMP_ARCH_X32\"") &&
                  strstr(text, "\"SCMP_ARCH_AARCH64\""));
        cr_expect_not(strstr(text, "\"SCMP_ARCH_S390X\""), "of the other byte order");
        cr_expect_eq(st_json_get(root, "knownFlags")->n_children, 4);
        flags = st_json_get(root, "supportedFlags");
        cr_expect_geq(flags->n_children, 3);
}

static int tell_features_without_seccomp(const void *data) {
        struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);
        const char *text;
        size_t length;

        (void)data;
        CHILD_CHECK(block_call("seccomp", ENOSYS) == 0);
        rt_seccomp_write_features(w, NULL);
        CHILD_CHECK(st_json_writer_finish(w, &text, &length, NULL) == 0);
        CHILD_CHECK(strstr(text, "\"enabled\":false") && strstr(text, "\"supportedFlags\":[]"));
        st_json_writer_free(w);
        return 0;
}

Test(seccomp, tells_no_features_that_the_kernel_lacks) {
        cr_expect_eq(in_child(tell_features_without_seccomp, NULL), 0);
}

static int prepare_without_flag_support(const void *data) {
        struct st_seccomp spec = {.default_action = "SCMP_ACT_ALLOW",
                                  .architectures = NO_WORDS,
                                  .flags = WORDS("SECCOMP_FILTER_FLAG_LOG"),
                                  RULES({NAMES("getpid"), .action = "SCMP_ACT_ERRNO"})};
        struct rt_seccomp *filter = NULL;
        struct st_error err = {0};

        (void)data;
        CHILD_CHECK(block_call("seccomp", EINVAL) == 0);
        CHILD_CHECK(rt_seccomp_prepare(&spec, -1, &filter, &err) == -EOPNOTSUPP);
        CHILD_CHECK(strstr(err.msg,
                           "linux.seccomp.flags[0]: this kernel lacks SECCOMP_FILTER_FLAG_LOG"));
        CHILD_CHECK(err.kind == ST_CODE_UNSUPPORTED);
        return 0;
}

Test(seccomp, refuses_a_flag_that_the_kernel_lacks) {
        cr_expect_eq(in_child(prepare_without_flag_support, NULL), 0);
}
