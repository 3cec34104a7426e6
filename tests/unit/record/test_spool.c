#include "leaks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stint/cleanup.h>
#include <stint/spool.h>

static char dir[] = "/tmp/stint-spool-XXXXXX";
static char path[64];

static void setup(void) {
        cr_assert(mkdtemp(dir));
        (void)snprintf(path, sizeof path, "%s/lines", dir);
}

static void teardown(void) {
        (void)unlink(path);
        (void)rmdir(dir);
        st_test_no_leaks();
}

TestSuite(spool, .init = setup, .fini = teardown);

static void write_file(const char *text) {
        FILE *file = fopen(path, "w");

        cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static char *content(const struct rt_spool *spool) {
        char *text = NULL;
        size_t length;

        cr_assert_eq(rt_spool_read(spool, &text, &length, NULL), 0);
        return text;
}

Test(spool, lines_follow_each_other) {
        st_cleanup(rt_spool_freep) struct rt_spool *spool = NULL;
        struct st_error err = {0};
        st_autofree char *text = NULL;

        cr_assert_eq(rt_spool_open(path, RT_SPOOL_NEW, &spool, &err), 0, "%s", err.msg);
        cr_assert_eq(rt_spool_reserve(spool, 100, &err), 0, "%s", err.msg);
        cr_assert_eq(rt_spool_append(spool, "one\n", 4, &err), 0);
        rt_spool_release(spool, 100);
        cr_assert_eq(rt_spool_append(spool, "two\n", 4, &err), 0);
        text = content(spool);
        cr_expect_str_eq(text, "one\ntwo\n");
}

Test(spool, reserved_space_is_given_back_at_the_end) {
        struct rt_spool *spool = NULL;
        struct stat st;

        cr_assert_eq(rt_spool_open(path, RT_SPOOL_NEW, &spool, NULL), 0);
        cr_assert_eq(rt_spool_reserve(spool, 1 << 20, NULL), 0);
        cr_assert_eq(stat(path, &st), 0);
        cr_expect_geq(st.st_blocks * 512, 1 << 20);
        cr_expect_eq(st.st_size, 0);
        cr_assert_eq(rt_spool_append(spool, "x\n", 2, NULL), 0);
        rt_spool_free(spool);
        cr_assert_eq(stat(path, &st), 0);
        cr_expect_eq(st.st_size, 2);
        cr_expect_lt(st.st_blocks * 512, 1 << 20);
}

Test(spool, a_new_one_overwrites_nothing) {
        struct rt_spool *spool = NULL;
        struct st_error err = {0};

        write_file("old\n");
        cr_expect_eq(rt_spool_open(path, RT_SPOOL_NEW, &spool, &err), -EEXIST);
        cr_expect(strstr(err.msg, path), "%s", err.msg);
        cr_expect_null(spool);
}

Test(spool, what_a_crash_left_behind_the_last_line_is_cut) {
        static const struct {
                const char *before, *after;
        } cases[] = {
                {"", ""},
                {"half", ""},
                {"a\nb\nhal", "a\nb\n"},
                {"a\nb\n", "a\nb\n"},
                {"a\n\n\n\n", "a\n"},
                {"\n\n", ""},
                {"a\n\n\nha", "a\n"},
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                st_cleanup(rt_spool_freep) struct rt_spool *spool = NULL;
                st_autofree char *text = NULL;

                write_file(cases[i].before);
                cr_assert_eq(rt_spool_open(path, RT_SPOOL_CONTINUE, &spool, NULL), 0);
                text = content(spool);
                cr_expect_str_eq(text, cases[i].after, "case %zu: %s", i, text);
        }
}

Test(spool, a_tail_longer_than_a_read_is_cut) {
        st_cleanup(rt_spool_freep) struct rt_spool *spool = NULL;
        st_autofree char *text = malloc(200001), *left = NULL;

        cr_assert(text);
        memset(text, 'x', 200000);
        memcpy(text, "first\n", 6);
        text[200000] = 0;
        write_file(text);
        cr_assert_eq(rt_spool_open(path, RT_SPOOL_CONTINUE, &spool, NULL), 0);
        left = content(spool);
        cr_expect_str_eq(left, "first\n");
}

/* POSIX's locks are between processes. */
Test(spool, a_second_writer_is_refused_until_the_first_is_gone) {
        struct rt_spool *spool = NULL;
        int status;
        pid_t pid;

        cr_assert_eq(rt_spool_open(path, RT_SPOOL_NEW, &spool, NULL), 0);
        pid = fork();
        if (pid == 0)
                _exit(-rt_spool_open(path, RT_SPOOL_CONTINUE, &spool, NULL));
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == EBUSY);
        rt_spool_free(spool);
        spool = NULL;
        cr_assert_eq(rt_spool_open(path, RT_SPOOL_CONTINUE, &spool, NULL), 0);
        rt_spool_free(spool);
}

Test(spool, what_cannot_be_reserved_is_refused_and_what_was_is_kept) {
        st_cleanup(rt_spool_freep) struct rt_spool *spool = NULL;
        struct st_error err = {0};
        st_autofree char *text = NULL;

        cr_assert_eq(rt_spool_open(path, RT_SPOOL_NEW, &spool, &err), 0);
        cr_assert_eq(rt_spool_reserve(spool, 100, &err), 0, "%s", err.msg);
        cr_expect_lt(rt_spool_reserve(spool, (size_t)1 << 60, &err), 0);
        cr_expect(strstr(err.msg, path), "%s", err.msg);
        rt_spool_release(spool, 100);
        cr_expect_eq(rt_spool_append(spool, "kept\n", 5, &err), 0, "%s", err.msg);
        text = content(spool);
        cr_expect_str_eq(text, "kept\n");
}

Test(spool, only_regular_files) {
        struct rt_spool *spool = NULL;
        struct st_error err = {0};

        cr_expect_eq(rt_spool_open("/dev/null", RT_SPOOL_NEW, &spool, &err), -EINVAL);
        cr_expect(strstr(err.msg, "/dev/null"));
}
