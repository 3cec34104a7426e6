#include "allocations.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

static char directory[] = "/tmp/st-test-fs-XXXXXX";
static int dir_fd = -1;

static void set_up(void) {
        cr_assert(mkdtemp(directory));
        dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cr_assert_geq(dir_fd, 0);
}

static void tear_down(void) {
        dir_fd = st_close(dir_fd);
        cr_expect_eq(st_remove_tree_at(AT_FDCWD, directory), 0);
        st_test_no_leaks();
}

TestSuite(fs, .init = set_up, .fini = tear_down);

static void write_file(const char *name, const char *data, size_t length) {
        struct st_error err = {0};

        cr_assert_eq(st_replace_file_at(dir_fd, name, data, length, 0600, &err), 0, "%s", err.msg);
}

Test(fs, reads_back_what_was_written) {
        static const size_t sizes[] = {0, 1, 4094, 4095, 4096, 4097, 100000};
        static char data[100000];

        memset(data, 'x', sizeof data);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                st_autofree char *text = NULL;
                struct st_error err = {0};
                size_t length = 1;
                write_file("file", data, sizes[i]);
                cr_assert_eq(st_read_file_at(dir_fd, "file", sizeof data, &text, &length, &err), 0,
                             "%s", err.msg);
                cr_expect_eq(length, sizes[i]);
                cr_expect_eq(strlen(text), sizes[i]);
        }
}

Test(fs, reads_files_whose_size_reads_0) {
        st_autofree char *text = NULL;
        size_t length = 0;

        cr_assert_eq(st_read_file_at(AT_FDCWD, "/proc/self/status", 1 << 20, &text, &length, NULL),
                     0);
        cr_expect(!strncmp(text, "Name:", 5));
        cr_expect_eq(strlen(text), length);
}

Test(fs, refuses_a_file_over_the_limit) {
        st_autofree char *text = NULL;
        struct st_error err = {0};

        write_file("file", "0123456789", 10);
        cr_expect_eq(st_read_file_at(dir_fd, "file", 9, &text, NULL, &err), -EFBIG);
        cr_expect_str_eq(err.msg, "read file: more than 9 bytes");
        cr_expect_null(text);
        cr_expect_eq(st_read_file_at(dir_fd, "file", 10, &text, NULL, &err), 0);
}

Test(fs, names_the_file_that_is_not_there) {
        st_autofree char *text = NULL;
        struct st_error err = {0};

        cr_expect_eq(st_read_file_at(dir_fd, "missing", 9, &text, NULL, &err), -ENOENT);
        cr_expect(strstr(err.msg, "open missing: no such file"), "message was: %s", err.msg);
}

Test(fs, reading_reports_each_failed_allocation) {
        static char data[20000];

        memset(data, 'x', sizeof data);
        write_file("file", data, sizeof data);
        for (size_t n = 0;; n++) {
                char *text = NULL;
                int r;
                st_test_fail_allocation(n);
                r = st_read_file_at(dir_fd, "file", sizeof data, &text, NULL, NULL);
                free(text);
                if (!st_test_allocation_failed()) {
                        cr_expect_eq(r, 0);
                        break;
                }
                cr_expect_eq(r, -ENOMEM);
                cr_expect_null(text);
        }
}

Test(fs, replaces_a_file_and_leaves_nothing_beside_it) {
        st_autofree char *text = NULL;

        write_file("state.json", "old and long", 12);
        write_file("state.json", "new", 3);
        cr_assert_eq(st_read_file_at(dir_fd, "state.json", 100, &text, NULL, NULL), 0);
        cr_expect_str_eq(text, "new");
        cr_expect_eq(unlinkat(dir_fd, "state.json", 0), 0);
        cr_expect_eq(rmdir(directory), 0, "something was left");
        cr_assert_eq(mkdir(directory, 0700), 0); /* for tear_down() */
}

Test(fs, a_failed_replace_keeps_the_old_file) {
        struct st_error err = {0};

        cr_assert_eq(mkdirat(dir_fd, "taken", 0700), 0);
        cr_expect_lt(st_replace_file_at(dir_fd, "taken", "x", 1, 0600, &err), 0);
        cr_expect(strstr(err.msg, "taken"), "message was: %s", err.msg);
        cr_expect_eq(faccessat(dir_fd, "taken", F_OK, 0), 0);
}

Test(fs, knobs_must_exist) {
        st_autofree char *text = NULL;

        cr_expect_eq(st_write_knob_at(dir_fd, "knob", "1"), -ENOENT);
        write_file("knob", "", 0);
        cr_expect_eq(st_write_knob_at(dir_fd, "knob", "100"), 0);
        cr_assert_eq(st_read_file_at(dir_fd, "knob", 100, &text, NULL, NULL), 0);
        cr_expect_str_eq(text, "100");
}

Test(fs, makes_missing_parents) {
        cr_expect_eq(st_mkdir_p_at(dir_fd, "a/b/c", 0755), 0);
        cr_expect_eq(st_mkdir_p_at(dir_fd, "a/b/c", 0755), 0, "a second time is no failure");
        cr_expect_eq(faccessat(dir_fd, "a/b/c", F_OK, 0), 0);
        write_file("file", "", 0);
        cr_expect_eq(st_mkdir_p_at(dir_fd, "file/below", 0755), -ENOTDIR);
}

Test(fs, removes_a_tree_but_follows_no_link) {
        cr_assert_eq(st_mkdir_p_at(dir_fd, "keep", 0700), 0);
        cr_assert_eq(mkdirat(dir_fd, "keep/file", 0700), 0);
        cr_assert_eq(st_mkdir_p_at(dir_fd, "tree/deep/deeper", 0700), 0);
        cr_assert_eq(symlinkat("../keep", dir_fd, "tree/link"), 0);
        cr_assert_eq(symlinkat("/nowhere", dir_fd, "tree/deep/dangling"), 0);
        cr_expect_eq(st_remove_tree_at(dir_fd, "tree"), 0);
        cr_expect_neq(faccessat(dir_fd, "tree", F_OK, AT_SYMLINK_NOFOLLOW), 0);
        cr_expect_eq(faccessat(dir_fd, "keep/file", F_OK, 0), 0);
        cr_expect_eq(st_remove_tree_at(dir_fd, "tree"), -ENOENT);
}
