#include "capacity.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

static char dir[] = "/tmp/stint-capacity-XXXXXX";

static void setup(void) {
        cr_assert(mkdtemp(dir));
}

static void teardown(void) {
        st_ignore(st_remove_tree_at(AT_FDCWD, dir));
        st_test_no_leaks();
}

TestSuite(batch_capacity, .init = setup, .fini = teardown);

static void put(const char *path, const char *text) {
        char full[200];
        char *slash;
        FILE *file;

        (void)snprintf(full, sizeof full, "%s/%s", dir, path);
        slash = strrchr(full, '/');
        *slash = 0;
        cr_assert_eq(st_mkdir_p_at(AT_FDCWD, full, 0755), 0);
        *slash = '/';
        file = fopen(full, "w");
        cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static struct rt_capacity read_it(void) {
        struct rt_capacity capacity;
        struct st_error err = {0};
        char proc[100], cgroups[100];

        (void)snprintf(proc, sizeof proc, "%s/proc", dir);
        (void)snprintf(cgroups, sizeof cgroups, "%s/cg", dir);
        cr_assert_eq(rt_capacity_read(proc, cgroups, &capacity, &err), 0, "%s", err.msg);
        return capacity;
}

Test(batch_capacity, the_smallest_limit_on_the_way_up_counts) {
        struct rt_capacity capacity;

        put("proc/meminfo", "MemTotal:       4000000 kB\n");
        put("proc/self/cgroup", "0::/a/b\n");
        put("cg/a/b/cpu.max", "max 100000\n");
        put("cg/a/cpu.max", "50000 100000\n");
        put("cg/a/b/memory.max", "max\n");
        put("cg/a/memory.max", "1000000\n");
        capacity = read_it();
        cr_expect_eq(capacity.cpu_milli, 500);
        cr_expect_eq(capacity.memory_bytes, 1000000);
}

Test(batch_capacity, every_hierarchy_of_v1_has_its_own_path) {
        struct rt_capacity capacity;

        put("proc/meminfo", "MemTotal:       4000000 kB\n");
        put("proc/self/cgroup", "3:memory:/m\n2:cpu,cpuacct:/c\n1:name=systemd:/x\n0::/u\n");
        put("cg/memory/m/memory.limit_in_bytes", "2000000\n");
        put("cg/memory/memory.limit_in_bytes", "9223372036854771712\n");
        put("cg/cpu,cpuacct/c/cpu.cfs_quota_us", "25000\n");
        put("cg/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
        put("cg/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
        put("cg/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
        capacity = read_it();
        cr_expect_eq(capacity.cpu_milli, 250);
        cr_expect_eq(capacity.memory_bytes, 2000000);
}

Test(batch_capacity, without_limits_it_is_the_machine) {
        struct rt_capacity capacity;

        put("proc/meminfo", "MemTotal:       4000000 kB\n");
        put("proc/self/cgroup", "0::/\n");
        capacity = read_it();
        cr_expect_geq(capacity.cpu_milli, 1000);
        cr_expect_eq(capacity.memory_bytes, UINT64_C(4000000) * 1024);
}

Test(batch_capacity, slots_are_what_fits_and_at_least_one) {
        const struct rt_capacity capacity = {8000, UINT64_C(4) << 30};

        cr_expect_eq(rt_capacity_slots(&capacity, 0, 0), 8);
        cr_expect_eq(rt_capacity_slots(&capacity, 500, 0), 16);
        cr_expect_eq(rt_capacity_slots(&capacity, 3000, 0), 2);
        cr_expect_eq(rt_capacity_slots(&capacity, 0, UINT64_C(1) << 30), 4);
        cr_expect_eq(rt_capacity_slots(&capacity, 16000, 0), 1);
}
