#include "../../../runtime/pool/reset.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stint/cleanup.h>

TestSuite(reset, .fini = st_test_no_leaks);

static char dir[64];

static int make_dir(void) {
        int fd;

        strcpy(dir, "/tmp/stint-reset-XXXXXX");
        cr_assert_not_null(mkdtemp(dir));
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cr_assert_geq(fd, 0);
        return fd;
}

static void make_file(int dir_fd, const char *name) {
        int fd = openat(dir_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

        cr_assert_geq(fd, 0);
        (void)close(fd);
}

static size_t count_fds(void) {
        st_autoclosedir DIR *fds = opendir("/proc/self/fd");
        size_t n = 0;

        while (readdir(fds))
                n++;
        return n;
}

Test(reset, an_empty_directory_stays) {
        st_autoclose int fd = make_dir();

        cr_expect_eq(rt_reset_empty_dir(fd, NULL), 0);
        cr_expect_eq(rmdir(dir), 0);
}

Test(reset, files_directories_and_links_go_and_what_links_lead_to_stays) {
        st_autoclose int fd = make_dir();
        struct st_error err = {0};
        char outside[80];

        (void)snprintf(outside, sizeof outside, "%s-outside", dir);
        cr_assert_eq(mkdir(outside, 0700), 0);
        for (int i = 0; i < 300; i++) { /* more than a listing holds */
                char name[32];
                (void)snprintf(name, sizeof name, "file-with-a-name-%d", i);
                make_file(fd, name);
        }
        cr_assert_eq(mkdirat(fd, "a", 0700), 0);
        cr_assert_eq(mkdirat(fd, "a/b", 0), 0);
        cr_assert_eq(mkdirat(fd, "a/c", 0700), 0);
        make_file(fd, "a/c/.hidden");
        make_file(fd, "a/...");
        cr_assert_eq(symlinkat(outside, fd, "a/link"), 0);
        cr_assert_eq(mkfifoat(fd, "fifo", 0600), 0);
        cr_expect_eq(rt_reset_empty_dir(fd, &err), 0, "%s", err.msg);
        cr_expect_eq(rmdir(dir), 0, "something is left");
        cr_expect_eq(rmdir(outside), 0);
}

Test(reset, a_tree_deeper_than_there_are_descriptors_goes) {
        st_autoclose int fd = make_dir();
        int at = dup(fd);
        size_t before;
        struct st_error err = {0};

        for (int i = 0; i < 3000; i++) {
                int below;
                cr_assert_eq(mkdirat(at, "d", 0700), 0);
                below = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                cr_assert_geq(below, 0);
                (void)close(at);
                at = below;
        }
        (void)close(at);
        before = count_fds();
        cr_expect_eq(rt_reset_empty_dir(fd, &err), 0, "%s", err.msg);
        cr_expect_eq(count_fds(), before);
        cr_expect_eq(rmdir(dir), 0);
}
