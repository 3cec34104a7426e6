#include "fixture.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(cpus, .fini = st_test_no_leaks);

Test(cpus, what_is_parsed_prints_as_the_kernel_writes_it) {
        static const char *const lists[][2] = {
                {"", ""},
                {"\n", ""},
                {"0\n", "0"},
                {"0-3,8", "0-3,8"},
                {"8,0-3", "0-3,8"},
                {"1,2,3", "1-3"},
                {"0-2047", "0-2047"},
                {"63-64,2047", "63-64,2047"},
                {"0,1", "0-1"},
        };

        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
                struct rt_cpus set = cpus(lists[i][0]);
                cr_expect_str_eq(show(&set), lists[i][1]);
        }
}

Test(cpus, what_is_no_list_leaves_the_output_alone) {
        static const char *const lists[] = {"x",     "-1",   "0-", "3-1", "0,,1",
                                            "0\n\n", "0\n1", ",0", "0x1", "\n0"};
        struct rt_cpus set = cpus("5");

        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
                cr_expect_eq(rt_cpus_parse(lists[i], &set), -EINVAL, "%s", lists[i]);
        cr_expect_eq(rt_cpus_parse("2048", &set), -ERANGE);
        cr_expect_eq(rt_cpus_parse("0-99999999999999999999", &set), -ERANGE);
        cr_expect_str_eq(show(&set), "5");
}

Test(cpus, every_second_cpu_fits) {
        static char text[16384];
        struct rt_cpus set = {0}, again;

        for (unsigned cpu = 0; cpu < RT_MAX_CPUS; cpu += 2)
                rt_cpus_add(&set, cpu);
        rt_cpus_print(&set, text, sizeof text);
        cr_assert_eq(rt_cpus_parse(text, &again), 0);
        cr_expect(rt_cpus_equal(&set, &again));
        cr_expect_eq(rt_cpus_count(&again), RT_MAX_CPUS / 2);
}

Test(cpus, a_list_that_is_too_long_ends_with_dots) {
        struct rt_cpus set = cpus("0-3,8,100-200");

        for (size_t size = 1; size < 16; size++) {
                char buf[16];

                memset(buf, 'x', sizeof buf);
                rt_cpus_print(&set, buf, size);
                cr_expect_lt(strlen(buf), size);
                if (size == 14)
                        cr_expect_str_eq(buf, "0-3,8,100-200");
                else if (size >= 9 && size < 14)
                        cr_expect_str_eq(buf, "0-3,8...");
                else if (size >= 7 && size < 9)
                        cr_expect_str_eq(buf, "0-3...");
        }
}

Test(cpus, sets_are_sets) {
        struct rt_cpus a = cpus("0-3,64"), b = cpus("3,65"), both = a;

        cr_expect(rt_cpus_intersect(&a, &b));
        cr_expect_eq(rt_cpus_count_and(&a, &b), 1);
        rt_cpus_or(&both, &b);
        cr_expect_str_eq(show(&both), "0-3,64-65");
        cr_expect(rt_cpus_contain(&both, &a));
        cr_expect_not(rt_cpus_contain(&a, &both));
        rt_cpus_minus(&both, &b);
        cr_expect_str_eq(show(&both), "0-2,64");
        cr_expect_not(rt_cpus_intersect(&both, &b));
        rt_cpus_remove(&both, 64);
        rt_cpus_and(&both, &a);
        cr_expect_str_eq(show(&both), "0-2");
        cr_expect_eq(rt_cpus_next(&a, 4), 64);
        cr_expect_eq(rt_cpus_next(&a, 65), RT_MAX_CPUS);
        cr_expect_eq(rt_cpus_next(&a, RT_MAX_CPUS), RT_MAX_CPUS);
}
