#include <criterion/criterion.h>

#include <stint/scan.h>

Test(scan, takes_one_thing_after_the_other) {
        const char *at = "8:16 \tRead 4096 rbytes=7\n";
        uint64_t major, minor, value, bytes;
        char op[8];

        cr_assert(st_scan_u64(&at, &major) && st_scan_text(&at, ":") && st_scan_u64(&at, &minor));
        cr_assert_not(st_scan_u64(&at, &value), "a word comes first");
        cr_assert(st_scan_word(&at, op, sizeof op) && st_scan_u64(&at, &value));
        cr_assert(st_scan_text(&at, "rbytes=") && st_scan_u64(&at, &bytes));
        cr_expect_eq(major, 8);
        cr_expect_eq(minor, 16);
        cr_expect_str_eq(op, "Read");
        cr_expect_eq(value, 4096);
        cr_expect_eq(bytes, 7);
        cr_expect_str_eq(at, "\n");
}

static void expect_no_number(const char *text) {
        const char *at = text;
        uint64_t value = 5;

        cr_expect_not(st_scan_u64(&at, &value), "%s", text);
        cr_expect_eq(value, 5);
        cr_expect_eq(at, text, "nothing was taken off %s", text);
}

Test(scan, leaves_what_is_no_number) {
        const char *at = "18446744073709551615";
        uint64_t value;

        cr_expect(st_scan_u64(&at, &value));
        cr_expect_eq(value, UINT64_MAX);
        expect_no_number("18446744073709551616");
        expect_no_number("99999999999999999999999");
        expect_no_number("-1");
        expect_no_number("+1");
        expect_no_number("x1");
        expect_no_number("  ");
        expect_no_number("");
        expect_no_number("\n1");
}

Test(scan, leaves_words_that_do_not_fit) {
        const char *const text = " four five", *at = text;
        char buf[5];

        cr_expect_not(st_scan_word(&at, buf, 4), "no room for the NUL");
        cr_expect_eq(at, text);
        cr_expect(st_scan_word(&at, buf, 5));
        cr_expect_str_eq(buf, "four");
        at = " \n";
        cr_expect_not(st_scan_word(&at, buf, sizeof buf));
        at = "fo";
        cr_expect_not(st_scan_text(&at, "four"), "the text ends before");
        cr_expect_str_eq(at, "fo");
}
