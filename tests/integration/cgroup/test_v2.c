/* What is v2's alone. */
#include "box.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/fs.h>

static struct box box;

static void need_v2(void) {
        if (geteuid() != 0)
                cr_skip_test("needs root");
        if (rt_cgroup_detect() != RT_CGROUP_V2)
                cr_skip_test("needs cgroup v2");
}

TestSuite(v2, .init = need_v2, .timeout = 120);

static int leave_parent(struct box *b) {
        (void)b;
        return 0;
}

/* A cgroup with a process of its own, at /stint-busy-PID. */
static struct box busy;
static char busy_path[64], below_path[128];

static void make_busy(void) {
        struct st_error err = {0};

        (void)snprintf(busy_path, sizeof busy_path, "/stint-busy-%d", (int)getpid());
        (void)snprintf(below_path, sizeof below_path, "%s/stint-test-%d", busy_path, (int)getpid());
        cr_assert_eq(box_make(&busy, NULL, busy_path, &err), 0, "%s", err.msg);
        box_start(&busy, leave_parent);
}

Test(v2, a_parent_that_holds_processes_gives_no_controllers_and_says_so) {
        struct st_error err = {0};
        struct box refused;

        make_busy();
        cr_expect_eq(box_make(&refused, "{'memory': {'limit': 67108864}}", below_path, &err),
                     -EBUSY, "%s", err.msg);
        cr_expect(strstr(err.msg, "no memory controller for children of /sys/fs/cgroup"), "%s",
                  err.msg);
        cr_expect_eq(err.kind, ST_CODE_CGROUP);
        cr_expect(box_is_gone(refused.id));
        (void)rt_cgroup_free(refused.cgroup);
        (void)st_arena_free(refused.arena);
        cr_expect_str_eq(box_read(&busy, NULL, "cgroup.type"), "domain", "it is not made threaded");
        box_end(&busy);
}

Test(v2, without_limits_a_container_starts_below_such_a_parent) {
        struct st_error err = {0};

        make_busy();
        cr_assert_eq(box_make(&box, NULL, below_path, &err), 0, "%s", err.msg);
        box_start(&box, NULL);
        cr_expect(box_holds(&box, box.pid));
        box_end(&box);
        box_end(&busy);
}

Test(v2, below_a_threaded_cgroup_there_is_no_container) {
        struct st_error err = {0};
        struct box refused;
        char file[160];

        (void)snprintf(busy_path, sizeof busy_path, "/stint-busy-%d", (int)getpid());
        (void)snprintf(below_path, sizeof below_path, "%s/stint-test-%d", busy_path, (int)getpid());
        cr_assert_eq(box_make(&busy, NULL, busy_path, &err), 0, "%s", err.msg);
        (void)snprintf(file, sizeof file, "/sys/fs/cgroup%s/t", busy_path);
        cr_assert_eq(mkdir(file, 0755), 0);
        (void)strcat(file, "/cgroup.type");
        cr_assert_eq(st_write_knob_at(AT_FDCWD, file, "threaded"), 0);
        cr_expect_lt(box_make(&refused, NULL, below_path, &err), 0);
        cr_expect(strstr(err.msg, "threaded"), "%s", err.msg);
        (void)rt_cgroup_free(refused.cgroup);
        (void)st_arena_free(refused.arena);
        box_end(&busy);
}

Test(v2, a_delegated_leaf_belongs_to_the_containers_root) {
        struct rt_cgroup_request request = {.path = NULL, .delegate = true, .owner_uid = 12345};
        static const char *const theirs[] = {"", "/cgroup.procs", "/cgroup.subtree_control",
                                             "/cgroup.threads"};
        struct st_error err = {0};
        struct stat st;

        cr_assert_eq(box_make(&box, NULL, NULL, &err), 0); /* for an id and an arena */
        cr_assert_eq(rt_cgroup_destroy(box.cgroup, 1000, &err), 0);
        (void)rt_cgroup_free(box.cgroup);
        request.id = box.id;
        cr_assert_eq(rt_cgroup_plan(&request, &box.cgroup, &err), 0, "%s", err.msg);
        cr_assert_eq(rt_cgroup_create(box.cgroup, &err), 0, "%s", err.msg);
        for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++) {
                cr_assert_eq(stat(st_arena_printf(box.arena, "%s%s",
                                                  rt_cgroup_path(box.cgroup, NULL), theirs[i]),
                                  &st),
                             0);
                cr_expect_eq(st.st_uid, 12345, "%s", theirs[i]);
        }
        cr_assert_eq(
                stat(st_arena_printf(box.arena, "%s/memory.max", rt_cgroup_path(box.cgroup, NULL)),
                     &st),
                0);
        cr_expect_eq(st.st_uid, 0, "the limits are not theirs to raise");
        box_end(&box);
}

/* As systemd does in a container: its own processes in a child, controllers for all children. */
static int manage_cgroups(struct box *b) {
        const char *leaf = rt_cgroup_path(b->cgroup, NULL);
        char path[512];

        (void)snprintf(path, sizeof path, "%s/init.scope", leaf);
        if (mkdir(path, 0755) < 0)
                return 1;
        (void)strcat(path, "/cgroup.procs");
        if (st_write_knob_at(AT_FDCWD, path, "0") < 0)
                return 2;
        (void)snprintf(path, sizeof path, "%s/cgroup.subtree_control", leaf);
        if (st_write_knob_at(AT_FDCWD, path, "+memory") < 0)
                return 3;
        box_say(b);
        return pause();
}

Test(v2, a_leaf_that_its_init_manages_is_entered_beside_the_init) {
        struct rt_cgroup_request request = {.path = NULL};
        struct st_error err = {0};
        struct box second;

        box_run(&box, NULL, manage_cgroups);
        box_go(&box);
        box_hear(&box);
        second = box;
        request.id = box.id;
        cr_assert_eq(rt_cgroup_plan(&request, &second.cgroup, &err), 0, "%s", err.msg);
        cr_assert_eq(rt_cgroup_open_beside(second.cgroup, box.pid, &err), 0, "%s", err.msg);
        box_start(&second, NULL);
        cr_expect(strstr(box_read(&second, NULL, "cgroup.procs"),
                         st_arena_printf(box.arena, "%d", (int)second.pid)));
        cr_expect(strstr(rt_cgroup_path(second.cgroup, NULL), "/init.scope"));
        box_go(&second);
        cr_expect_eq(box_wait(&second), 0);
        (void)close(second.pidfd);
        (void)close(second.order_fd);
        (void)close(second.answer_fd);
        (void)rt_cgroup_free(second.cgroup);
        box_end(&box);
}

Test(v2, unified_is_written_line_by_line) {
        box_run(&box, "{'unified': {'memory.high': '50331648', 'pids.max': '11'}}", NULL);
        cr_expect_str_eq(box_read(&box, NULL, "memory.high"), "50331648");
        cr_expect_str_eq(box_read(&box, NULL, "pids.max"), "11");
        box_end(&box);
}

Test(v2, check_before_update_refuses_what_is_in_use) {
        struct st_error err = {0};

        box_run(&box, NULL, NULL);
        cr_expect_eq(rt_cgroup_update(box.cgroup,
                                      box_resources(&box, "{'memory': {'limit': 4096, "
                                                          "'checkBeforeUpdate': true}}"),
                                      &err),
                     -EBUSY);
        cr_expect_eq(err.kind, ST_CODE_LIMIT);
        cr_expect(strstr(err.msg, "memory.limit: 4096 bytes are too few"), "%s", err.msg);
        cr_expect_str_eq(box_read(&box, NULL, "memory.max"), "max");
        box_end(&box);
}

Test(v2, swap_without_memory_refers_to_the_limit_in_force) {
        struct st_error err = {0};

        box_run(&box, "{'memory': {'limit': 67108864}}", NULL);
        if (!*box_read(&box, NULL, "memory.swap.max"))
                cr_skip_test("needs swap accounting");
        cr_assert_eq(rt_cgroup_update(box.cgroup,
                                      box_resources(&box, "{'memory': {'swap': 100663296}}"), &err),
                     0, "%s", err.msg);
        cr_expect_str_eq(box_read(&box, NULL, "memory.swap.max"), "33554432");
        box_end(&box);
}
