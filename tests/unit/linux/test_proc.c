#include "../../../runtime/linux/proc.h"
#include "child.h"
#include "filters.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <stint/process.h>
#include <stint/syscall.h>

static void need_root(void) {
        if (geteuid() != 0)
                cr_skip_test("needs root");
}

TestSuite(proc, .init = need_root, .fini = st_test_no_leaks);

static bool is_procfs(int fd) {
        struct statfs fs;

        return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static int private_mounts(void) {
        if (unshare(CLONE_NEWNS) < 0)
                return -1;
        return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* ---- the procfs */

Test(proc, mounts_one_of_its_own_with_processes_only) {
        int fd = rt_proc_open();

        cr_assert_geq(fd, 0);
        cr_expect(is_procfs(fd));
        cr_expect_eq(faccessat(fd, "self/attr", F_OK, 0), 0);
        cr_expect_eq(faccessat(fd, "sys", F_OK, 0), -1);
        cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
}

Test(proc, mounts_a_whole_one) {
        int fd = rt_proc_open_whole();

        cr_assert_geq(fd, 0);
        cr_expect(is_procfs(fd));
        cr_expect_eq(faccessat(fd, "sys/kernel/hostname", F_OK, 0), 0);
        close(fd);
}

static int fall_back_to_the_host(const void *data) {
        int fd;

        (void)data;
        CHILD_CHECK(block_call("fsopen", ENOSYS) == 0);
        fd = rt_proc_open();
        CHILD_CHECK(fd >= 0);
        CHILD_CHECK(is_procfs(fd));
        CHILD_CHECK(faccessat(fd, "sys", F_OK, 0) == 0);
        return 0;
}

Test(proc, takes_the_hosts_where_it_cannot_mount) {
        cr_expect_eq(in_child(fall_back_to_the_host, NULL), 0);
}

static int find_something_else(const void *data) {
        CHILD_CHECK(private_mounts() == 0);
        CHILD_CHECK(mount(data, "/proc", data ? NULL : "tmpfs", data ? MS_BIND : 0, NULL) == 0);
        CHILD_CHECK(block_call("fsopen", ENOSYS) == 0);
        CHILD_CHECK(rt_proc_open() == -EXDEV);
        CHILD_CHECK(rt_proc_open_whole() == -EXDEV);
        return 0;
}

Test(proc, refuses_what_is_not_the_root_of_a_procfs) {
        cr_expect_eq(in_child(find_something_else, NULL), 0, "a tmpfs");
        cr_expect_eq(in_child(find_something_else, "/proc/1"), 0, "a directory of procfs");
}

/* ---- files in it */

static int own_score(int proc_fd) {
        char text[16] = "";
        int fd = openat(proc_fd, "self/oom_score_adj", O_RDONLY | O_CLOEXEC);

        if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
                return -10000;
        close(fd);
        return atoi(text);
}

static int set_score(const void *data) {
        const char *blocked = data;
        struct st_error err = {0};
        int proc_fd;

        CHILD_CHECK(!blocked || block_call("openat2", *blocked == 'p' ? EPERM : ENOSYS) == 0);
        proc_fd = rt_proc_open();
        CHILD_CHECK(proc_fd >= 0);
        CHILD_OK(rt_oom_score_adj_apply(proc_fd, 321, &err), err);
        CHILD_CHECK(own_score(proc_fd) == 321);
        CHILD_CHECK(rt_oom_score_adj_apply(proc_fd, 5000, &err) == -EINVAL);
        CHILD_CHECK(strstr(err.msg, "process.oomScoreAdj: write 5000"));
        return 0;
}

Test(proc, writes_a_file) {
        cr_expect_eq(in_child(set_score, NULL), 0);
        cr_expect_eq(in_child(set_score, "enosys"), 0, "without openat2");
        cr_expect_eq(in_child(set_score, "permission"), 0, "with openat2 denied");
}

struct cover {
        const char *source, *target; /* a bind mount over a file of procfs */
        bool without_openat2;
};

static int write_under_cover(const void *data) {
        const struct cover *cover = data;
        int proc_fd, before;

        CHILD_CHECK(private_mounts() == 0);
        before = own_score(AT_FDCWD); /* of nothing: the directory is wrong */
        CHILD_CHECK(mount(cover->source, cover->target, NULL, MS_BIND, NULL) == 0);
        proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        CHILD_CHECK(proc_fd >= 0 && before == -10000);
        CHILD_CHECK(!cover->without_openat2 || block_call("openat2", ENOSYS) == 0);
        CHILD_CHECK(rt_proc_write(proc_fd, "self/oom_score_adj", "99", 2) == -EXDEV);
        return 0;
}

Test(proc, never_writes_to_what_is_mounted_over_a_file) {
        const struct cover covers[] = {
                {"/dev/null", "/proc/self/oom_score_adj", false},
                {"/dev/null", "/proc/self/oom_score_adj", true},
                {"/proc/self/comm", "/proc/self/oom_score_adj",
                 false}, /* procfs too: only the mount tells */
                {"/proc/self/comm", "/proc/self/oom_score_adj", true},
                {"/tmp", "/proc/self", false},
                {"/tmp", "/proc/self", true},
        };

        for (size_t i = 0; i < sizeof covers / sizeof *covers; i++)
                cr_expect_eq(in_child(write_under_cover, &covers[i]), 0, "%s over %s%s",
                             covers[i].source, covers[i].target,
                             covers[i].without_openat2 ? ", without openat2" : "");
}

static int leave_the_procfs(const void *data) {
        int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

        CHILD_CHECK(!data || block_call("openat2", ENOSYS) == 0);
        CHILD_CHECK(rt_proc_open_file(proc_fd, "self/cwd", O_RDONLY) < 0);
        CHILD_CHECK(rt_proc_open_file(proc_fd, "self/root/etc/passwd", O_RDONLY) < 0);
        CHILD_CHECK(rt_proc_open_file(proc_fd, "../etc/passwd", O_RDONLY) < 0);
        CHILD_CHECK(rt_proc_open_file(proc_fd, "self/fd/0", O_RDONLY) < 0);
        CHILD_CHECK(rt_proc_open_file(proc_fd, "/etc/passwd", O_RDONLY) < 0);
        CHILD_CHECK(rt_proc_open_file(proc_fd, "self/no-such-file", O_RDONLY) == -ENOENT);
        CHILD_CHECK(rt_proc_open_file(proc_fd, "self/comm", O_RDONLY) >= 0);
        CHILD_CHECK(rt_proc_open_file(proc_fd, "thread-self/attr/current", O_RDONLY) >= 0);
        return 0;
}

Test(proc, never_follows_a_way_out) {
        cr_expect_eq(in_child(leave_the_procfs, NULL), 0);
        cr_expect_eq(in_child(leave_the_procfs, "blocked"), 0, "without openat2");
}
