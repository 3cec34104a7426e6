#include "../../../runtime/pool/filter.h"
#include "../linux/filters.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <linux/seccomp.h>

#include <stint/cleanup.h>
#include <stint/syscall.h>

TestSuite(filter, .fini = st_test_no_leaks);

static const struct rt_filter_needs all_needs = {.reuse = true, .keyring = true};

static struct rt_seccomp *prepare(const struct st_seccomp *spec) {
        struct rt_seccomp *filter = NULL;
        struct st_error err = {0};

        cr_assert_eq(rt_seccomp_prepare(spec, -1, &filter, &err), 0, "%s", err.msg);
        return filter;
}

Test(filter, one_that_allows_all_may_be_loaded_early) {
        struct st_seccomp spec = {.default_action = "SCMP_ACT_ALLOW",
                                  .architectures = NO_WORDS,
                                  .flags = NO_WORDS,
                                  RULES({NAMES("reboot"), .action = "SCMP_ACT_ERRNO"})};
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect(rt_filter_allows_dispatch(filter, &all_needs));
        cr_expect_not(rt_filter_allows(filter, SYS_reboot, NULL));
}

Test(filter, one_that_allows_three_calls_may_not) {
        struct st_seccomp spec = {
                .default_action = "SCMP_ACT_ERRNO",
                .architectures = NO_WORDS,
                .flags = NO_WORDS,
                RULES({NAMES("execve", "exit_group", "write"), .action = "SCMP_ACT_ALLOW"})};
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect_not(rt_filter_allows_dispatch(filter, &all_needs));
        cr_expect(rt_filter_allows(filter, SYS_write, NULL));
        cr_expect_not(rt_filter_allows(filter, SYS_read, NULL));
}

static bool early_without(const char *name, const struct rt_filter_needs *needs) {
        struct st_seccomp spec = {.default_action = "SCMP_ACT_ALLOW",
                                  .architectures = NO_WORDS,
                                  .flags = NO_WORDS,
                                  RULES({NAMES(name), .action = "SCMP_ACT_ERRNO"})};
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        return rt_filter_allows_dispatch(filter, needs);
}

Test(filter, what_is_needed_depends_on_what_the_process_does) {
        const struct rt_filter_needs fresh = {0}, once = {.no_init = true},
                                     reused = {.reuse = true}, keyring = {.keyring = true};

        cr_expect_not(early_without("execve", &once));
        cr_expect_not(early_without("prctl", &fresh));
        cr_expect_not(early_without("wait4", &fresh));
        cr_expect(early_without("wait4", &once));
        cr_expect_not(early_without("clone", &fresh));
        cr_expect(early_without("clone3", &fresh), "its flags cannot be seen: not used");
        cr_expect_not(early_without("shmctl", &reused));
        cr_expect(early_without("shmctl", &fresh));
        cr_expect_not(early_without("keyctl", &keyring));
        cr_expect(early_without("keyctl", &fresh));
}

Test(filter, a_rule_on_an_argument_that_is_not_ours_to_know_counts_as_a_no) {
        struct st_seccomp spec = {.default_action = "SCMP_ACT_ALLOW",
                                  .architectures = NO_WORDS,
                                  .flags = NO_WORDS,
                                  RULES({NAMES("setresuid"), .action = "SCMP_ACT_ERRNO",
                                         ARGS({.index = 0, .op = "SCMP_CMP_EQ", .value = 77})})};
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);
        const uint64_t zero[6] = {0}, seventy_seven[6] = {77};

        cr_expect(rt_filter_allows(filter, SYS_setresuid, zero));
        cr_expect_not(rt_filter_allows(filter, SYS_setresuid, seventy_seven));
        cr_expect_not(rt_filter_allows(filter, SYS_setresuid, NULL));
        cr_expect_not(rt_filter_allows_dispatch(filter, &all_needs));
}

Test(filter, a_rule_on_an_argument_that_is_known_is_asked_with_it) {
        struct st_seccomp spec = {.default_action = "SCMP_ACT_ALLOW",
                                  .architectures = NO_WORDS,
                                  .flags = NO_WORDS,
                                  RULES({NAMES("clone"), .action = "SCMP_ACT_ERRNO",
                                         ARGS({.index = 0,
                                               .op = "SCMP_CMP_MASKED_EQ",
                                               .value = 0x10000000,
                                               .value_two = 0x10000000})})}; /* CLONE_NEWUSER */
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

        cr_expect(rt_filter_allows_dispatch(filter, &all_needs));
        cr_expect_not(rt_filter_allows(filter, SYS_clone, NULL));
}

Test(filter, one_that_logs_or_traces_is_loaded_late) {
        static const char *const actions[] = {"SCMP_ACT_LOG", "SCMP_ACT_TRACE"};

        for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
                struct st_seccomp spec = {.default_action = "SCMP_ACT_ALLOW",
                                          .architectures = NO_WORDS,
                                          .flags = NO_WORDS,
                                          RULES({NAMES("reboot"), .action = actions[i]})};
                st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(&spec);

                cr_expect_not(rt_filter_allows_dispatch(filter, &all_needs), "%s", actions[i]);
        }
}
