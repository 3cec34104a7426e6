#include "leaks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <stint/error.h>

TestSuite(error, .fini = st_test_no_leaks);

Test(error, set_gives_back_the_code_and_keeps_the_message) {
        struct st_error err = {0};

        cr_expect_eq(st_error_set(&err, -EINVAL, "mount %s", "/proc"), -EINVAL);
        cr_expect_eq(err.code, -EINVAL);
        cr_expect_str_eq(err.msg, "mount /proc");
}

Test(error, sys_appends_the_reason_of_errno) {
        struct st_error err = {0};

        errno = ENOENT;
        cr_expect_eq(st_error_sys(&err, "open %s", "x"), -ENOENT);
        cr_expect_str_eq(err.msg, "open x: no such file or directory");
        cr_expect_eq(st_error_code(&err, -EPERM, "chown"), -EPERM);
        cr_expect_str_eq(err.msg, "chown: operation not permitted");
}

Test(error, prefix_goes_before_and_keeps_code_and_kind) {
        struct st_error err = {0};
        int r = st_error_kind(&err, st_error_set(&err, -EPERM, "inner"), ST_CODE_MOUNT);

        cr_expect_eq(st_error_prefix(&err, r, "create %s", "web"), -EPERM);
        cr_expect_str_eq(err.msg, "create web: inner");
        cr_expect_eq(err.code, -EPERM);
        cr_expect_eq(err.kind, ST_CODE_MOUNT);
}

Test(error, the_innermost_kind_stays) {
        struct st_error err = {0};

        st_error_kind(&err, st_error_set(&err, -EINVAL, "x"), ST_CODE_CONFIG_INVALID);
        st_error_kind(&err, -EINVAL, ST_CODE_INTERNAL);
        cr_expect_eq(err.kind, ST_CODE_CONFIG_INVALID);
}

Test(error, a_null_error_is_accepted_everywhere) {
        errno = EIO;
        cr_expect_eq(st_error_set(NULL, -EINVAL, "x"), -EINVAL);
        cr_expect_eq(st_error_sys(NULL, "x"), -EIO);
        cr_expect_eq(st_error_code(NULL, -EPERM, "x"), -EPERM);
        cr_expect_eq(st_error_prefix(NULL, -EPERM, "x"), -EPERM);
        cr_expect_eq(st_error_kind(NULL, -EPERM, ST_CODE_HOOK), -EPERM);
}

Test(error, long_messages_are_cut_not_overrun) {
        struct st_error err = {0};
        char text[2000];

        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = 0;
        st_error_set(&err, -EINVAL, "%s", text);
        cr_expect_eq(strlen(err.msg), sizeof err.msg - 1);
        st_error_prefix(&err, -EINVAL, "%s", text);
        cr_expect_eq(strlen(err.msg), sizeof err.msg - 1);
        errno = EIO;
        st_error_sys(&err, "%s", text);
        cr_expect_eq(strlen(err.msg), sizeof err.msg - 1);
}

Test(error, crosses_a_pipe_in_one_write) {
        cr_expect_leq(sizeof(struct st_error), PIPE_BUF);
}

Test(error, every_code_has_a_name_of_its_own) {
        for (int a = 0; a < _ST_CODE_MAX; a++) {
                cr_expect(st_error_code_name(a));
                for (int b = 0; b < a; b++)
                        cr_expect_str_neq(st_error_code_name(a), st_error_code_name(b));
        }
        cr_expect_str_eq(st_error_code_name(_ST_CODE_MAX), "system");
}

Test(error, texts_of_errno_are_glibcs) {
        cr_expect_str_eq(st_errno_text(EBUSY), "Device or resource busy");
        for (int error = 0; error < 140; error++)
                cr_expect_str_eq(st_errno_text(error),
                                 strerrordesc_np(error) ? strerrordesc_np(error) : "Unknown error");
        cr_expect_str_eq(st_errno_text(-1), "Unknown error");
}
