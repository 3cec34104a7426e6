#include "leaks.h"

#include <criterion/criterion.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>

#include <stint/spec.h>

TestSuite(names, .fini = st_test_no_leaks);

Test(names, every_capability_goes_there_and_back) {
        for (int number = 0; number <= CAP_LAST_CAP; number++) {
                const char *name = st_capability_name(number);
                cr_assert(name);
                cr_expect_eq(st_capability_number(name), number, "%s", name);
        }
        cr_expect_eq(st_capability_number("CAP_CHOWN"), CAP_CHOWN);
        cr_expect_eq(st_capability_number("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
        cr_expect_eq(st_capability_number("CAP_CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
        cr_expect_eq(st_capability_number("cap_net_bind_service"), CAP_NET_BIND_SERVICE);
}

Test(names, unknown_capabilities_are_unknown) {
        static const char *const names[] = {"",         "CAP_",       "CAP",     "CHOWN",
                                            "CAP_CHOW", "CAP_CHOWNX", "CAP_ALL", "CAP CHOWN"};

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                cr_expect_eq(st_capability_number(names[i]), -1, "\"%s\"", names[i]);
        cr_expect_null(st_capability_name(-1));
        cr_expect_null(st_capability_name(CAP_LAST_CAP + 1));
        cr_expect_null(st_capability_name(64));
}

Test(names, rlimits_are_those_of_the_kernel) {
        cr_expect_eq(st_rlimit_number("RLIMIT_NOFILE"), RLIMIT_NOFILE);
        cr_expect_eq(st_rlimit_number("RLIMIT_RTTIME"), RLIMIT_RTTIME);
        cr_expect_eq(st_rlimit_number("RLIMIT_AS"), RLIMIT_AS);
        cr_expect_eq(st_rlimit_number("rlimit_nofile"), -1);
        cr_expect_eq(st_rlimit_number("NOFILE"), -1);
        cr_expect_eq(st_rlimit_number("RLIMIT_OFILE"), -1);
        cr_expect_eq(st_rlimit_number(""), -1);
}

Test(names, there_is_one_name_for_every_rlimit) {
        static const char *const names[] = {
                "RLIMIT_CPU",      "RLIMIT_FSIZE", "RLIMIT_DATA",   "RLIMIT_STACK",
                "RLIMIT_CORE",     "RLIMIT_RSS",   "RLIMIT_NPROC",  "RLIMIT_NOFILE",
                "RLIMIT_MEMLOCK",  "RLIMIT_AS",    "RLIMIT_LOCKS",  "RLIMIT_SIGPENDING",
                "RLIMIT_MSGQUEUE", "RLIMIT_NICE",  "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
        };

        cr_assert_eq(sizeof names / sizeof *names, RLIM_NLIMITS);
        for (int i = 0; i < RLIM_NLIMITS; i++)
                cr_expect_eq(st_rlimit_number(names[i]), i, "%s", names[i]);
}

Test(names, namespaces_and_hooks_have_the_spec_s_names) {
        cr_expect_str_eq(st_namespace_name(ST_NS_NETWORK), "network");
        cr_expect_str_eq(st_namespace_name(ST_NS_TIME), "time");
        cr_expect_str_eq(st_hook_name(ST_HOOK_CREATE_RUNTIME), "createRuntime");
        cr_expect_str_eq(st_hook_name(ST_HOOK_POSTSTOP), "poststop");
        for (int kind = 0; kind < _ST_NS_MAX; kind++)
                cr_expect(st_namespace_name(kind));
        for (int kind = 0; kind < _ST_HOOK_MAX; kind++)
                cr_expect(st_hook_name(kind));
}
