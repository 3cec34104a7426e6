#include "leaks.h"
#include "outputs.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(batch_outputs, .fini = st_test_no_leaks);

#define STREAM "JOB_OUT a=1\nJOB_OUTb=2\n JOB_OUT c=3\nJOB_OUT d=x=y\r\nJOB_OUT =z\nJOB_OUT a=4"

static void expect_all(struct rt_outputs *outputs) {
        size_t n;
        const struct st_string_pair *pairs = rt_outputs_pairs(outputs, &n);

        cr_assert_eq(n, 2);
        cr_expect_str_eq(pairs[0].key, "a");
        cr_expect_str_eq(pairs[0].value, "4");
        cr_expect_str_eq(pairs[1].key, "d");
        cr_expect_str_eq(pairs[1].value, "x=y");
}

Test(batch_outputs, a_stream_may_be_cut_anywhere) {
        for (size_t at = 0; at <= strlen(STREAM); at++) {
                st_cleanup(rt_outputs_freep) struct rt_outputs *outputs = NULL;

                cr_assert_eq(rt_outputs_new("JOB_OUT", &outputs, NULL), 0);
                rt_outputs_feed(outputs, STREAM, at);
                rt_outputs_feed(outputs, STREAM + at, strlen(STREAM) - at);
                expect_all(outputs);
        }
}

Test(batch_outputs, what_is_no_text_has_question_marks) {
        static const char stream[] = "O k\xff=a\0b\xc3\xa9\xed\xa0\x80\xf0\x9f\x98\x80\n";
        st_cleanup(rt_outputs_freep) struct rt_outputs *outputs = NULL;
        const struct st_string_pair *pairs;
        size_t n;

        cr_assert_eq(rt_outputs_new("O", &outputs, NULL), 0);
        rt_outputs_feed(outputs, stream, sizeof stream - 1);
        pairs = rt_outputs_pairs(outputs, &n);
        cr_assert_eq(n, 1);
        cr_expect_str_eq(pairs[0].key, "k?");
        cr_expect_str_eq(pairs[0].value, "a?b\xc3\xa9???\xf0\x9f\x98\x80");
}

Test(batch_outputs, long_lines_and_too_many_are_left_out) {
        st_cleanup(rt_outputs_freep) struct rt_outputs *outputs = NULL;
        char line[RT_OUTPUTS_LINE_MAX + 10];
        size_t n, bytes = 0;
        const struct st_string_pair *pairs;

        cr_assert_eq(rt_outputs_new("O", &outputs, NULL), 0);
        memset(line, 'x', sizeof line);
        memcpy(line, "O long=", 7);
        line[sizeof line - 1] = '\n';
        rt_outputs_feed(outputs, line, sizeof line);
        for (unsigned i = 0; i < 2000; i++) {
                int length = snprintf(line, sizeof line, "O key%u=value\n", i);
                rt_outputs_feed(outputs, line, (size_t)length);
        }
        pairs = rt_outputs_pairs(outputs, &n);
        cr_assert_gt(n, 100);
        for (size_t i = 0; i < n; i++) {
                bytes += strlen(pairs[i].key) + strlen(pairs[i].value);
                cr_expect_str_neq(pairs[i].key, "long");
        }
        cr_expect_leq(bytes, RT_OUTPUTS_MAX_BYTES);
}
