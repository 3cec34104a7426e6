#include <criterion/criterion.h>
#include <stdio.h>

#include <stint/clock.h>

/* Every day of the years 1970 to 2500, and some seconds of it. */
Test(clock, agrees_with_the_c_library) {
        for (time_t day = 0; day < 531 * 366L; day++) {
                const struct timespec time = {.tv_sec = day * 86400 + day * 7919 % 86400,
                                              .tv_nsec = 5};
                char is[ST_RFC3339_ROOM], want[ST_RFC3339_ROOM];
                struct tm tm;

                gmtime_r(&time.tv_sec, &tm);
                strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%SZ", &tm);
                cr_assert_str_eq(st_format_rfc3339(&time, false, is), want);
        }
}

Test(clock, writes_nine_digits_of_a_second) {
        char text[ST_RFC3339_ROOM];

        cr_expect_str_eq(st_format_rfc3339(&(struct timespec) {951782400, 7}, true, text),
                         "2000-02-29T00:00:00.000000007Z");
        cr_expect_str_eq(
                st_format_rfc3339(&(struct timespec) {253402300799, 999999999}, true, text),
                "9999-12-31T23:59:59.999999999Z");
}
