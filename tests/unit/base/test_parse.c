#include "leaks.h"

#include <criterion/criterion.h>
#include <errno.h>

#include <stint/parse.h>

TestSuite(parse, .fini = st_test_no_leaks);

Test(parse, u64_takes_digits_in_range_only) {
        uint64_t value = 7;

        cr_expect_eq(st_parse_u64("0", &value), 0);
        cr_expect_eq(value, 0);
        cr_expect_eq(st_parse_u64("18446744073709551615", &value), 0);
        cr_expect_eq(value, UINT64_MAX);
        value = 7;
        cr_expect_eq(st_parse_u64("18446744073709551616", &value), -ERANGE);
        cr_expect_eq(st_parse_u64("99999999999999999999999", &value), -ERANGE);
        cr_expect_eq(st_parse_u64("", &value), -EINVAL);
        cr_expect_eq(st_parse_u64("-1", &value), -EINVAL);
        cr_expect_eq(st_parse_u64("+1", &value), -EINVAL);
        cr_expect_eq(st_parse_u64(" 1", &value), -EINVAL);
        cr_expect_eq(st_parse_u64("1 ", &value), -EINVAL);
        cr_expect_eq(st_parse_u64("0x1", &value), -EINVAL);
        cr_expect_eq(value, 7, "the output was touched");
}

Test(parse, i64_takes_both_ends_of_its_range) {
        int64_t value = 7;

        cr_expect_eq(st_parse_i64("-9223372036854775808", &value), 0);
        cr_expect_eq(value, INT64_MIN);
        cr_expect_eq(st_parse_i64("9223372036854775807", &value), 0);
        cr_expect_eq(value, INT64_MAX);
        value = 7;
        cr_expect_eq(st_parse_i64("9223372036854775808", &value), -ERANGE);
        cr_expect_eq(st_parse_i64("-9223372036854775809", &value), -ERANGE);
        cr_expect_eq(st_parse_i64("-", &value), -EINVAL);
        cr_expect_eq(st_parse_i64("--1", &value), -EINVAL);
        cr_expect_eq(st_parse_i64("", &value), -EINVAL);
        cr_expect_eq(value, 7, "the output was touched");
}

Test(parse, u32_and_int_know_their_ranges) {
        uint32_t u = 0;
        int i = 0;

        cr_expect_eq(st_parse_u32("4294967295", &u), 0);
        cr_expect_eq(u, UINT32_MAX);
        cr_expect_eq(st_parse_u32("4294967296", &u), -ERANGE);
        cr_expect_eq(st_parse_int("-2147483648", &i), 0);
        cr_expect_eq(i, INT32_MIN);
        cr_expect_eq(st_parse_int("2147483648", &i), -ERANGE);
        cr_expect_eq(st_parse_int("x", &i), -EINVAL);
}

Test(parse, octal_takes_file_modes) {
        uint32_t mode = 0;

        cr_expect_eq(st_parse_octal("0755", &mode), 0);
        cr_expect_eq(mode, 0755);
        cr_expect_eq(st_parse_octal("8", &mode), -EINVAL);
        cr_expect_eq(st_parse_octal("", &mode), -EINVAL);
        cr_expect_eq(st_parse_octal("40000000000", &mode), -ERANGE);
}

Test(parse, size_takes_units_of_1024) {
        int64_t size = 0;

        cr_expect_eq(st_parse_size("512", &size), 0);
        cr_expect_eq(size, 512);
        cr_expect_eq(st_parse_size("4k", &size), 0);
        cr_expect_eq(size, 4096);
        cr_expect_eq(st_parse_size("10M", &size), 0);
        cr_expect_eq(size, 10 << 20);
        cr_expect_eq(st_parse_size("1GiB", &size), 0);
        cr_expect_eq(size, 1 << 30);
        cr_expect_eq(st_parse_size("2TB", &size), 0);
        cr_expect_eq(size, INT64_C(2) << 40);
        cr_expect_eq(st_parse_size("-1", &size), 0);
        cr_expect_eq(size, -1);
        cr_expect_eq(st_parse_size("7b", &size), 0);
        cr_expect_eq(size, 7);
}

Test(parse, size_refuses_what_is_no_size) {
        static const char *const bad[] = {"",     "k",     "1x", "1kk", "1 k",
                                          "1.5k", "1kiB2", "-",  "1i",  "--1"};
        int64_t size = 7;

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                cr_expect_eq(st_parse_size(bad[i], &size), -EINVAL, "accepted \"%s\"", bad[i]);
        cr_expect_eq(st_parse_size("9223372036854775807k", &size), -ERANGE);
        cr_expect_eq(size, 7, "the output was touched");
}
