#include "histogram.h"
#include "leaks.h"
#include "resources.h"

#include <criterion/criterion.h>

TestSuite(batch_resources, .fini = st_test_no_leaks);

Test(batch_resources, instances_are_given_once) {
        const char *const texts[] = {"gpu=3", "lic=1", NULL};
        const struct rt_need two = {"gpu", 2}, one = {"gpu", 1}, four = {"gpu", 4}, no = {"x", 1};
        st_cleanup(rt_resources_freep) struct rt_resources *resources = NULL;
        struct rt_assignment a, b, c;
        struct st_error err = {0};

        cr_assert_eq(rt_resources_new(texts, &resources, &err), 0, "%s", err.msg);
        cr_assert_eq(rt_resources_take(resources, &two, 1, &a, &err), 1);
        cr_expect_eq(a.items[0].instances[1], 1);
        cr_expect_eq(rt_resources_take(resources, &two, 1, &b, &err), 0);
        cr_assert_eq(rt_resources_take(resources, &one, 1, &b, &err), 1);
        cr_expect_eq(b.items[0].instances[0], 2);
        rt_resources_give_back(resources, &a);
        cr_assert_eq(rt_resources_take(resources, &one, 1, &c, &err), 1);
        cr_expect_eq(c.items[0].instances[0], 0);
        rt_resources_give_back(resources, &b);
        rt_resources_give_back(resources, &c);
        cr_expect_lt(rt_resources_take(resources, &four, 1, &c, &err), 0);
        cr_expect_lt(rt_resources_take(resources, &no, 1, &c, &err), 0);
}

Test(batch_resources, what_is_none_is_an_error) {
        static const char *const bad[] = {"", "=1", "a b=1", "gpu=x", "gpu=-1", "gpu=99999"};

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                const char *const texts[] = {bad[i], NULL};
                struct rt_resources *resources = NULL;

                cr_expect_lt(rt_resources_new(texts, &resources, NULL), 0, "%s", bad[i]);
        }
}

Test(batch_resources, quantiles_are_within_a_quarter) {
        struct rt_histogram histogram = {0};

        for (uint64_t i = 1; i <= 1000; i++)
                rt_histogram_add(&histogram, i * 1000);
        cr_expect_eq(histogram.max_nsec, 1000000);
        for (double part = 0.1; part < 1; part += 0.1) {
                double found = (double)rt_histogram_quantile(&histogram, part);

                cr_expect(found >= part * 1e6 && found <= part * 1e6 * 1.25, "%f: %f", part, found);
        }
        cr_expect_eq(rt_histogram_quantile(&(struct rt_histogram) {0}, 0.5), 0);
}
