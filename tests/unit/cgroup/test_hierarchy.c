#include "fake.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <string.h>

#include <stint/cleanup.h>

static struct fake fake;
static struct rt_hierarchy found[RT_LEAVES_MAX];
static size_t n_found;

static void tear_down(void) {
        fake_deinit(&fake);
        st_test_no_leaks();
}

TestSuite(hierarchy, .fini = tear_down);

static void look(const char *proc_cgroup, const char *mountinfo) {
        struct st_error err = {0};

        fake_write(&fake, "proc/cgroup", proc_cgroup);
        fake_write(&fake, "proc/mountinfo", mountinfo);
        cr_assert_eq(rt_hierarchies_read(&fake.host, fake.arena, true, found, &n_found, &err), 0,
                     "%s", err.msg);
}

Test(hierarchy, v1_directories_are_named_after_the_controllers) {
        fake_init(&fake, RT_CGROUP_V1);
        fake_mkdir(&fake, "root/cpu,cpuacct/a/b");
        fake_mkdir(&fake, "root/systemd");
        fake_mkdir(&fake, "root/unified"); /* nothing need be mounted there */
        look("4:cpu,cpuacct:/a/b\n1:name=systemd:/\n0::/\n", "");

        cr_assert_eq(n_found, 2, "v2's line is not for v1");
        cr_expect_str_eq(found[0].names, "cpu,cpuacct");
        cr_expect_eq(found[0].controllers, RT_CTL_CPU | RT_CTL_CPUACCT);
        cr_expect(strstr(found[0].mount, "/root/cpu,cpuacct"));
        cr_expect_str_eq(found[0].own, "/a/b");
        cr_expect_eq(found[1].controllers, RT_CTL_OTHER);
        cr_expect(strstr(found[1].mount, "/root/systemd"));
}

Test(hierarchy, one_that_is_not_mounted_is_left_out) {
        fake_init(&fake, RT_CGROUP_V1);
        fake_mkdir(&fake, "root/pids");
        look("4:pids:/\n3:debug:/\n", "");

        cr_assert_eq(n_found, 1);
        cr_expect_eq(found[0].controllers, RT_CTL_PIDS);
}

Test(hierarchy, one_that_is_elsewhere_is_found_in_mountinfo) {
        fake_init(&fake, RT_CGROUP_V1);
        look("4:cpu,cpuacct:/\n3:memory:/\n2:name=systemd:/\n",
             "30 1 0:1 / /other\\040place/cpu rw - cgroup cgroup rw,cpuacct,cpu\n"
             "31 1 0:2 / /mem2 rw - cgroup cgroup rw,memory_fake\n"
             "32 1 0:3 / /mem rw master:1 shared:2 - cgroup none rw,memory\n"
             "33 1 0:4 / /v2 rw - cgroup2 none rw,nsdelegate\n"
             "34 1 0:5 / /sd rw - cgroup none rw,xattr,name=systemd\n"
             "35 nonsense\n");

        cr_assert_eq(n_found, 3);
        cr_expect_str_eq(found[0].mount, "/other place/cpu");
        cr_expect_str_eq(found[1].mount, "/mem");
        cr_expect_str_eq(found[2].mount, "/sd");
}

Test(hierarchy, a_symlink_in_the_usual_place_is_not_taken) {
        fake_init(&fake, RT_CGROUP_V1);
        fake_mkdir(&fake, "root/cpu,cpuacct");
        cr_assert_eq(
                symlink("cpu,cpuacct", st_arena_printf(fake.arena, "%s/cpuacct,cpu", fake.root)),
                0);
        look("4:cpuacct,cpu:/\n", "30 1 0:1 / /real rw - cgroup cgroup rw,cpu,cpuacct\n");

        cr_assert_eq(n_found, 1);
        cr_expect_str_eq(found[0].mount, "/real");
}

Test(hierarchy, the_part_above_a_bound_subtree_is_taken_off_our_path) {
        fake_init(&fake, RT_CGROUP_V1);
        fake_mkdir(&fake, "root/memory");
        look("3:memory:/docker/abc/x\n",
             "32 1 0:3 /docker/abc /sys/fs/cgroup/memory rw - cgroup none rw,memory\n");

        cr_assert_eq(n_found, 1);
        cr_expect_str_eq(found[0].mount, "/sys/fs/cgroup/memory");
        cr_expect_str_eq(found[0].own, "/x");
}

Test(hierarchy, a_bound_sibling_shows_its_root_as_ours) {
        fake_init(&fake, RT_CGROUP_V1);
        look("3:memory:/docker/abcdef\n",
             "32 1 0:3 /docker/abc /sys/fs/cgroup/memory rw - cgroup none rw,memory\n");

        cr_assert_eq(n_found, 1);
        cr_expect_str_eq(found[0].own, "/");
}

Test(hierarchy, a_path_above_the_namespace_counts_as_its_root) {
        fake_init(&fake, RT_CGROUP_V2);
        look("0::/../outer\n", "");

        cr_assert_eq(n_found, 1);
        cr_expect_str_eq(found[0].own, "/");
}

Test(hierarchy, v2_has_what_v1_has_not_on_hybrid) {
        fake_init(&fake, RT_CGROUP_HYBRID);
        fake_mkdir(&fake, "root/cpu");
        fake_mkdir(&fake, "root/unified");
        look("2:cpu:/\n0::/\n", "");

        cr_assert_eq(n_found, 2);
        cr_expect_str_eq(found[1].names, "");
        cr_expect_eq(found[1].controllers, RT_CTL_V2 & ~RT_CTL_CPU);
        cr_expect(strstr(found[1].mount, "/root/unified"));
}

Test(hierarchy, v2_alone_needs_no_proc_for_an_absolute_path) {
        struct st_error err = {0};

        fake_init(&fake, RT_CGROUP_V2);
        cr_assert_eq(rt_hierarchies_read(&fake.host, fake.arena, false, found, &n_found, &err), 0);
        cr_assert_eq(n_found, 1);
        cr_expect_str_eq(found[0].mount, fake.root);
        cr_expect_null(found[0].own);
}

Test(hierarchy, long_lines_are_read_whole) {
        char *long_path;

        fake_init(&fake, RT_CGROUP_V2);
        long_path = st_arena_alloc(fake.arena, 6001);
        memset(long_path, 'a', 6000);
        long_path[0] = '/';
        for (int i = 200; i < 6000; i += 200)
                long_path[i] = '/';
        look(st_arena_printf(fake.arena, "5:pids:/\n0::%s\n", long_path),
             st_arena_printf(fake.arena, "33 1 0:4 / %s rw - cgroup2 none rw\n", fake.root));

        cr_assert_eq(n_found, 1);
        cr_expect_str_eq(found[0].own, long_path);
}

Test(hierarchy, a_missing_proc_is_an_error) {
        struct st_error err = {0};

        fake_init(&fake, RT_CGROUP_V1);
        cr_expect_eq(rt_hierarchies_read(&fake.host, fake.arena, true, found, &n_found, &err),
                     -ENOENT);
        cr_expect(strstr(err.msg, "/cgroup"), "%s", err.msg);
}

Test(hierarchy, names_of_controllers_go_both_ways) {
        fake_init(&fake, RT_CGROUP_V1);
        cr_expect_eq(rt_controller_bit("memory", 6), RT_CTL_MEMORY);
        cr_expect_eq(rt_controller_bit("memory.max", 6), RT_CTL_MEMORY);
        cr_expect_eq(rt_controller_bit("blkio", 5), RT_CTL_IO);
        cr_expect_eq(rt_controller_bit("mem", 3), RT_CTL_OTHER);
        cr_expect_str_eq(rt_controller_name(RT_CTL_IO | RT_CTL_PIDS), "io");
}
