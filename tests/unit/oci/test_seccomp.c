#include "config.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <string.h>

#include <stint/spec.h>

TestSuite(seccomp, .fini = st_test_no_leaks);

Test(seccomp, reads_every_member) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                st_test_config("'linux': {'seccomp': {'defaultAction': 'SCMP_ACT_ERRNO', "
                               "'defaultErrnoRet': 38, 'architectures': ['SCMP_ARCH_X86_64'],"
                               " 'flags': ['SECCOMP_FILTER_FLAG_LOG'], 'listenerPath': '/run/s', "
                               "'listenerMetadata': 'm', 'syscalls': ["
                               " {'names': ['read', 'write'], 'action': 'SCMP_ACT_ALLOW'},"
                               " {'names': ['clone'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 0, "
                               "'args': [{'index': 5, 'value': 18446744073709551615,"
                               " 'valueTwo': 7, 'op': 'SCMP_CMP_MASKED_EQ'}, {'index': 0, 'value': "
                               "0, 'op': 'SCMP_CMP_EQ'}]}]}}");
        const struct st_seccomp *s = spec->linux_.seccomp;

        cr_assert(s);
        cr_expect_str_eq(s->default_action, "SCMP_ACT_ERRNO");
        cr_expect(s->has_default_errno_ret);
        cr_expect_eq(s->default_errno_ret, 38);
        cr_expect_str_eq(s->architectures[0], "SCMP_ARCH_X86_64");
        cr_expect_null(s->architectures[1]);
        cr_expect_str_eq(s->flags[0], "SECCOMP_FILTER_FLAG_LOG");
        cr_expect_str_eq(s->listener_path, "/run/s");
        cr_expect_str_eq(s->listener_metadata, "m");
        cr_assert_eq(s->n_rules, 2);
        cr_expect_eq(s->rules[0].n_names, 2);
        cr_expect_str_eq(s->rules[0].names[1], "write");
        cr_expect_null(s->rules[0].names[2]);
        cr_expect_not(s->rules[0].has_errno_ret);
        cr_expect_eq(s->rules[0].n_args, 0);
        cr_expect_str_eq(s->rules[1].action, "SCMP_ACT_ERRNO");
        cr_expect(s->rules[1].has_errno_ret);
        cr_expect_eq(s->rules[1].errno_ret, 0);
        cr_assert_eq(s->rules[1].n_args, 2);
        cr_expect_eq(s->rules[1].args[0].index, 5);
        cr_expect_eq(s->rules[1].args[0].value, UINT64_MAX);
        cr_expect_eq(s->rules[1].args[0].value_two, 7);
        cr_expect_str_eq(s->rules[1].args[0].op, "SCMP_CMP_MASKED_EQ");
}

Test(seccomp, absent_lists_are_empty) {
        st_cleanup(st_spec_freep) struct st_spec *spec = st_test_config(
                "'linux': {'seccomp': {'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': null}}");
        const struct st_seccomp *s = spec->linux_.seccomp;

        cr_assert(s->architectures && s->flags);
        cr_expect_null(s->architectures[0]);
        cr_expect_null(s->flags[0]);
        cr_expect_eq(s->n_rules, 0);
        cr_expect_not(s->has_default_errno_ret);
        cr_expect_null(s->listener_path);
}

#define SOCKET_108                                                                                 \
        "/234567890123456789012345678901234567890123456789012345678901234567890123456789012345678" \
        "90123456789012345678"
static const struct st_test_refusal refusals[] = {
        {"[]", "linux.seccomp: an array is not an object"},
        {"{}", "linux.seccomp.defaultAction: is missing: a string is required"},
        {"{'defaultAction': 1}", "linux.seccomp.defaultAction: 1 is not a string"},
        {"{'defaultAction': 'A', 'defaultErrnoRet': 65536}",
         "linux.seccomp.defaultErrnoRet: 65536 is not in 0..65535"},
        {"{'defaultAction': 'A', 'defaultErrnoRet': -1}",
         "linux.seccomp.defaultErrnoRet: -1 is not in 0..65535"},
        {"{'defaultAction': 'A', 'architectures': 'x'}",
         "linux.seccomp.architectures: \"x\" is not an array"},
        {"{'defaultAction': 'A', 'architectures': ['']}",
         "linux.seccomp.architectures[0]: \"\" is empty"},
        {"{'defaultAction': 'A', 'flags': ['']}", "linux.seccomp.flags[0]: \"\" is empty"},
        {"{'defaultAction': 'A', 'flags': [1]}", "linux.seccomp.flags[0]: 1 is not a string"},
        {"{'defaultAction': 'A', 'listenerPath': 1}",
         "linux.seccomp.listenerPath: 1 is not a string"},
        {"{'defaultAction': 'A', 'listenerPath': '" SOCKET_108 "'}",
         "linux.seccomp.listenerPath: \"/23456789012345678901234567890123456789012345...\" is "
         "longer than a socket's name can be, 107 bytes"},
        {"{'defaultAction': 'A', 'listenerMetadata': 'm'}",
         "linux.seccomp.listenerPath: is missing: a socket for listenerMetadata is required"},
        {"{'defaultAction': 'A', 'syscalls': {}}",
         "linux.seccomp.syscalls: an object is not an array"},
        {"{'defaultAction': 'A', 'syscalls': ['read']}",
         "linux.seccomp.syscalls[0]: \"read\" is not an object"},
        {"{'defaultAction': 'A', 'syscalls': [{'action': 'A'}]}",
         "linux.seccomp.syscalls[0].names: is missing: at least one system call is required"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': [], 'action': 'A'}]}",
         "linux.seccomp.syscalls[0].names: is missing: at least one system call is required"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': ['read', ''], 'action': 'A'}]}",
         "linux.seccomp.syscalls[0].names[1]: \"\" is empty"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': [0], 'action': 'A'}]}",
         "linux.seccomp.syscalls[0].names[0]: 0 is not a string"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': ['read']}]}",
         "linux.seccomp.syscalls[0].action: is missing: a string is required"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': ['read'], 'action': 'A', 'errnoRet': "
         "65536}]}",
         "linux.seccomp.syscalls[0].errnoRet: 65536 is not in 0..65535"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': ['read'], 'action': 'A', 'args': {}}]}",
         "linux.seccomp.syscalls[0].args: an object is not an array"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': ['read'], 'action': 'A', 'args': [1]}]}",
         "linux.seccomp.syscalls[0].args[0]: 1 is not an object"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': ['read'], 'action': 'A', 'args': "
         "[{'value': 1, 'op': 'E'}]}]}",
         "linux.seccomp.syscalls[0].args[0].index: is missing: an integer is required"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': ['read'], 'action': 'A', 'args': "
         "[{'index': 6, 'value': 1, 'op': 'E'}]}]}",
         "linux.seccomp.syscalls[0].args[0].index: 6 is not in 0..5"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': ['read'], 'action': 'A', 'args': "
         "[{'index': 0, 'op': 'E'}]}]}",
         "linux.seccomp.syscalls[0].args[0].value: is missing: an integer is required"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': ['read'], 'action': 'A', 'args': "
         "[{'index': 0, 'value': 18446744073709551616, 'op': 'E'}]}]}",
         "linux.seccomp.syscalls[0].args[0].value: 18446744073709551616 is not in "
         "0..18446744073709551615"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': ['read'], 'action': 'A', 'args': "
         "[{'index': 0, 'value': 1, 'valueTwo': -1, 'op': 'E'}]}]}",
         "linux.seccomp.syscalls[0].args[0].valueTwo: -1 is not in 0..18446744073709551615"},
        {"{'defaultAction': 'A', 'syscalls': [{'names': ['read'], 'action': 'A', 'args': "
         "[{'index': 0, 'value': 1}]}]}",
         "linux.seccomp.syscalls[0].args[0].op: is missing: a string is required"},
};

Test(seccomp, refuses_bad_members) {
        st_test_refused("'linux': {'seccomp': ", "}", refusals, ST_TEST_N(refusals));
}
