#include "leaks.h"

#include <criterion/criterion.h>
#include <string.h>

#include <stint/spec.h>

TestSuite(cpu_list, .fini = st_test_no_leaks);

Test(cpu_list, sets_the_bits_that_are_listed) {
        uint64_t mask[3];

        cr_expect_eq(st_parse_cpu_list("0-3,7", mask, 3), 0);
        cr_expect_eq(mask[0], 0x8f);
        cr_expect_eq(mask[1] | mask[2], 0, "the rest is cleared");
        cr_expect_eq(st_parse_cpu_list("0", mask, 3), 0);
        cr_expect_eq(mask[0], 1);
        cr_expect_eq(st_parse_cpu_list("63-64", mask, 3), 0);
        cr_expect_eq(mask[0], UINT64_C(1) << 63);
        cr_expect_eq(mask[1], 1);
        cr_expect_eq(st_parse_cpu_list("1-190", mask, 3), 0);
        cr_expect_eq(mask[0], UINT64_MAX - 1);
        cr_expect_eq(mask[1], UINT64_MAX);
        cr_expect_eq(mask[2], UINT64_MAX >> 1);
        cr_expect_eq(st_parse_cpu_list("5-5,5", mask, 3), 0);
        cr_expect_eq(mask[0], 0x20);
        cr_expect_eq(st_parse_cpu_list(" 1 , 2 ", mask, 3), 0);
        cr_expect_eq(mask[0], 6);
}

Test(cpu_list, equals_a_bit_by_bit_set_for_every_range) {
        for (unsigned first = 0; first < 192; first += 7) {
                for (unsigned last = first; last < 192; last++) {
                        uint64_t mask[3], want[3] = {0};
                        char text[20];
                        (void)sprintf(text, "%u-%u", first, last);
                        for (unsigned i = first; i <= last; i++)
                                want[i / 64] |= UINT64_C(1) << (i % 64);
                        cr_assert_eq(st_parse_cpu_list(text, mask, 3), 0);
                        cr_assert_arr_eq(mask, want, sizeof mask, "%s", text);
                }
        }
}

Test(cpu_list, refuses_what_is_no_list) {
        static const char *const bad[] = {"",      " ",   ",",     "1,", ",1",  "1,,2", "-1",
                                          "1-",    "3-1", "1-2-3", "a",  "0x1", "1 2",  "1- 2",
                                          "0-3:2", "all", "1\n",   "+1", "1;2"};
        uint64_t mask[1];

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                cr_expect_eq(st_parse_cpu_list(bad[i], mask, 1), -EINVAL, "accepted \"%s\"",
                             bad[i]);
}

Test(cpu_list, refuses_what_the_mask_cannot_hold) {
        uint64_t mask[2];

        cr_expect_eq(st_parse_cpu_list("127", mask, 2), 0);
        cr_expect_eq(st_parse_cpu_list("128", mask, 2), -ERANGE);
        cr_expect_eq(st_parse_cpu_list("0-128", mask, 2), -ERANGE);
        cr_expect_eq(st_parse_cpu_list("99999999999999999999999999", mask, 2), -ERANGE);
}
