/* linux.resources to files, on v1 and v2: the table is the specification. */
#include "fake.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>

#include <stint/cleanup.h>

static struct fake fake;

static void tear_down(void) {
        fake_deinit(&fake);
        st_test_no_leaks();
}

TestSuite(limits, .fini = tear_down);

static const struct {
        const char *resources, *v1, *v2; /* NULL: refused */
} table[] = {
        {"{}", "", ""},
        {"{'memory': {'limit': 536870912}}", "memory.limit_in_bytes=536870912",
         "memory.max=536870912"},
        {"{'memory': {'limit': 0, 'swap': 0, 'reservation': 0}}", "", ""},
        {"{'memory': {'limit': 100, 'swap': 150}}",
         "memory.limit_in_bytes=100; memory.memsw.limit_in_bytes=150",
         "memory.swap.max=50; memory.max=100"},
        {"{'memory': {'limit': 100, 'swap': 100}}",
         "memory.limit_in_bytes=100; memory.memsw.limit_in_bytes=100",
         "memory.swap.max=0; memory.max=100"},
        {"{'memory': {'limit': 100, 'swap': -1}}",
         "memory.limit_in_bytes=100; memory.memsw.limit_in_bytes=-1",
         "memory.swap.max=max; memory.max=100"},
        {"{'memory': {'limit': -1}}", "memory.limit_in_bytes=-1; memory.memsw.limit_in_bytes=-1",
         "memory.swap.max=max; memory.max=max"},
        {"{'memory': {'limit': -1, 'swap': 500}}",
         "memory.limit_in_bytes=-1; memory.memsw.limit_in_bytes=500",
         "memory.swap.max=500; memory.max=max"},
        {"{'memory': {'swap': 150}}", "memory.memsw.limit_in_bytes=150", NULL},
        {"{'memory': {'limit': 150, 'swap': 100}}",
         "memory.limit_in_bytes=150; memory.memsw.limit_in_bytes=100", NULL},
        {"{'memory': {'reservation': 77}}", "memory.soft_limit_in_bytes=77", "memory.low=77"},
        {"{'memory': {'reservation': -1}}", "memory.soft_limit_in_bytes=-1", "memory.low=max"},
        {"{'memory': {'kernel': 5}}", "", ""},
        {"{'memory': {'kernelTCP': 5}}", "memory.kmem.tcp.limit_in_bytes=5", NULL},
        {"{'memory': {'swappiness': 60}}", "memory.swappiness=60", NULL},
        {"{'memory': {'disableOOMKiller': true}}", "memory.oom_control=1", NULL},
        {"{'memory': {'disableOOMKiller': false}}", "", ""},
        {"{'memory': {'useHierarchy': true}}", "!memory.use_hierarchy=1", ""},
        {"{'memory': {'useHierarchy': false}}", "!memory.use_hierarchy=0", NULL},
        {"{'cpu': {'shares': 1024}}", "cpu.shares=1024", "cpu.weight=100"},
        {"{'cpu': {'shares': 2}}", "cpu.shares=2", "cpu.weight=1"},
        {"{'cpu': {'shares': 262144}}", "cpu.shares=262144", "cpu.weight=10000"},
        {"{'cpu': {'shares': 0}}", "", ""},
        {"{'cpu': {'shares': 1}}", NULL, "cpu.weight=1"},
        {"{'cpu': {'quota': 50000, 'period': 200000}}",
         "cpu.cfs_period_us=200000; cpu.cfs_quota_us=50000", "cpu.max=50000 200000"},
        {"{'cpu': {'quota': 50000}}", "cpu.cfs_quota_us=50000", "cpu.max=50000"},
        {"{'cpu': {'quota': -1}}", "cpu.cfs_quota_us=-1", "cpu.max=max"},
        {"{'cpu': {'period': 50000}}", "cpu.cfs_period_us=50000", "cpu.max=max 50000"},
        {"{'cpu': {'quota': 9, 'burst': 0}}", "cpu.cfs_quota_us=9; cpu.cfs_burst_us=0",
         "cpu.max=9; cpu.max.burst=0"},
        {"{'cpu': {'shares': 1024, 'idle': 1}}", "cpu.shares=1024; cpu.idle=1",
         "cpu.weight=100; cpu.idle=1"},
        {"{'cpu': {'realtimePeriod': 1000, 'realtimeRuntime': 500}}",
         "!cpu.rt_period_us=1000; !cpu.rt_runtime_us=500", NULL},
        {"{'cpu': {'realtimePeriod': 0, 'realtimeRuntime': 0}}", "", ""},
        {"{'cpu': {'cpus': '0-3', 'mems': '0'}}", "!cpuset.cpus=0-3; !cpuset.mems=0",
         "!cpuset.cpus=0-3; !cpuset.mems=0"},
        {"{'cpu': {'cpus': '', 'mems': ''}}", "", ""},
        {"{'pids': {'limit': 64}}", "pids.max=64", "pids.max=64"},
        {"{'pids': {'limit': -1}}", "pids.max=max", "pids.max=max"},
        {"{'pids': {'limit': 0}}", "pids.max=1", "pids.max=1"},
        {"{'blockIO': {'weight': 500}}", "blkio.bfq.weight=500", "io.bfq.weight=500"},
        {"{'blockIO': {'weight': 5}}", "blkio.bfq.weight=5", NULL},
        {"{'blockIO': {'leafWeight': 500}}", "blkio.leaf_weight=500", NULL},
        {"{'blockIO': {'weightDevice': [{'major': 8, 'minor': 0, 'weight': 100}]}}",
         "blkio.bfq.weight_device=8:0 100", "io.bfq.weight=8:0 100"},
        {"{'blockIO': {'weightDevice': [{'major': 8, 'minor': 0, 'leafWeight': 100}]}}",
         "blkio.leaf_weight_device=8:0 100", NULL},
        {"{'blockIO': {'throttleReadBpsDevice': [{'major': 8, 'minor': 0, 'rate': 10}],"
         " 'throttleWriteBpsDevice': [{'major': 8, 'minor': 16, 'rate': 11}],"
         " 'throttleReadIOPSDevice': [{'major': 8, 'minor': 0, 'rate': 12}],"
         " 'throttleWriteIOPSDevice': [{'major': 8, 'minor': 0, 'rate': 0}]}}",
         "blkio.throttle.read_bps_device=8:0 10; blkio.throttle.write_bps_device=8:16 11; "
         "blkio.throttle.read_iops_device=8:0 12; blkio.throttle.write_iops_device=8:0 0",
         "io.max=8:0 rbps=10; io.max=8:16 wbps=11; io.max=8:0 riops=12; io.max=8:0 wiops=max"},
        {"{'hugepageLimits': [{'pageSize': '2MB', 'limit': 4194304}]}",
         "hugetlb.2MB.limit_in_bytes=4194304; hugetlb.2MB.rsvd.limit_in_bytes=4194304",
         "hugetlb.2MB.max=4194304; hugetlb.2MB.rsvd.max=4194304"},
        {"{'network': {'classID': 1048577}}", "!net_cls.classid=1048577", NULL},
        {"{'network': {'priorities': [{'name': 'eth0', 'priority': 5}]}}",
         "!net_prio.ifpriomap=eth0 5", NULL},
        {"{'rdma': {'mlx5_0': {'hcaHandles': 3}}}", "rdma.max=mlx5_0 hca_handle=3",
         "rdma.max=mlx5_0 hca_handle=3"},
        {"{'rdma': {'mlx5_0': {'hcaHandles': 3, 'hcaObjects': 9}}}",
         "rdma.max=mlx5_0 hca_handle=3 hca_object=9", "rdma.max=mlx5_0 hca_handle=3 hca_object=9"},
        {"{'unified': {'memory.high': '1048576'}}", NULL, "memory.high=1048576"},
        {"{'unified': {'io.max': '8:0 rbps=1\\n8:16 wbps=2\\n'}}", NULL,
         "io.max=8:0 rbps=1; io.max=8:16 wbps=2"},
};

static void expect(enum rt_cgroup_mode mode) {
        fake_init(&fake, mode);
        fake_machine(&fake, "/");
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                const char *expected = mode == RT_CGROUP_V2 ? table[i].v2 : table[i].v1;
                struct st_error err = {0};
                st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup =
                        fake_plan(&fake, table[i].resources, &err);

                if (!expected) {
                        cr_expect_null(cgroup, "%s", table[i].resources);
                        cr_expect(!strncmp(err.msg, "linux.resources.", 16), "%s", err.msg);
                        cr_expect_neq(err.kind, ST_CODE_NONE);
                        continue;
                }
                cr_expect_not_null(cgroup, "%s: %s", table[i].resources, err.msg);
                if (cgroup)
                        cr_expect_str_eq(fake_writes(&fake, cgroup), expected, "of %s: %s",
                                         table[i].resources, fake_writes(&fake, cgroup));
        }
}

Test(limits, of_the_table_on_v1) {
        expect(RT_CGROUP_V1);
}

Test(limits, of_the_table_on_v2) {
        expect(RT_CGROUP_V2);
}

Test(limits, a_unified_key_never_leads_out_of_the_leaf) {
        static const char *const keys[] = {"../x", "a/b", "", ".", ".."};

        fake_init(&fake, RT_CGROUP_V2);
        fake_machine(&fake, "/");
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
                struct st_string_pair pair = {keys[i], "1"};
                struct st_resources resources = {.unified = &pair, .n_unified = 1};
                struct rt_cgroup_request request = {
                        .id = "x", .path = "/x", .resources = &resources};
                struct rt_cgroup *cgroup = NULL;
                struct st_error err = {0};

                cr_expect_eq(rt_cgroup_plan_on(&fake.host, &request, &cgroup, &err), -EINVAL);
                cr_expect_eq(err.kind, ST_CODE_CONFIG_INVALID);
        }
}

Test(limits, hybrid_takes_unified_and_v1_fields_alike) {
        struct st_error err = {0};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = NULL;

        fake_init(&fake, RT_CGROUP_HYBRID);
        fake_machine(&fake, "/");
        cgroup = fake_plan(&fake, "{'memory': {'limit': 9}, 'unified': {'misc.max': 'x 1'}}", &err);
        cr_assert_not_null(cgroup, "%s", err.msg);
        cr_expect_str_eq(fake_writes(&fake, cgroup), "memory.limit_in_bytes=9; misc.max=x 1");
        cr_expect_eq(cgroup->wanted, RT_CTL_MISC);
}

Test(limits, a_controller_that_v1_lacks_is_used_on_v2_of_a_hybrid) {
        struct st_error err = {0};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = NULL;

        fake_init(&fake, RT_CGROUP_HYBRID);
        fake_mkdir(&fake, "root/pids");
        fake_mkdir(&fake, "root/unified");
        fake_write(&fake, "proc/cgroup", "2:pids:/\n0::/\n");
        cgroup = fake_plan(&fake, "{'memory': {'limit': 9}, 'pids': {'limit': 3}}", &err);
        cr_assert_not_null(cgroup, "%s", err.msg);
        cr_expect_str_eq(fake_writes(&fake, cgroup), "memory.max=9; pids.max=3");
        cr_expect_eq(cgroup->wanted, RT_CTL_MEMORY);
        cr_expect(cgroup->writes.items[0].leaf->v2 || cgroup->writes.items[1].leaf->v2);
}

Test(limits, kernel_memory_is_warned_about) {
        struct st_error err = {0};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = NULL;

        fake_init(&fake, RT_CGROUP_V1);
        fake_machine(&fake, "/");
        cgroup = fake_plan(&fake, "{'memory': {'kernel': 5}}", &err);
        cr_assert_not_null(cgroup);
        cr_expect(strstr(rt_cgroup_warning(cgroup), "memory.kernel"));
}

Test(limits, weights_follow_the_curve_and_never_fall) {
        uint64_t last = 0;

        fake_init(&fake, RT_CGROUP_V2);
        for (uint64_t shares = 0; shares <= 300000; shares++) {
                uint64_t weight = rt_weight_of_shares(shares);
                cr_assert(weight >= last && weight >= 1 && weight <= 10000, "%lu: %lu",
                          (unsigned long)shares, (unsigned long)weight);
                last = weight;
        }
        cr_expect_eq(rt_weight_of_shares(512), 59);
        cr_expect_eq(rt_weight_of_shares(2048), 174);
        cr_expect_eq(rt_weight_of_shares(100000), 4340);
        cr_expect_eq(rt_io_weight_of_blkio(10), 1);
        cr_expect_eq(rt_io_weight_of_blkio(1000), 10000);
}

Test(limits, a_smaller_memory_max_than_what_is_used_is_refused_and_memory_high_left_as_it_was) {
        struct st_error err = {0};
        int fd;

        fake_init(&fake, RT_CGROUP_V2);
        fake_write(&fake, "leaf/memory.max", "");
        fake_write(&fake, "leaf/memory.high", "max\n");
        fake_write(&fake, "leaf/memory.current", "700000\n");
        fd = open(st_arena_printf(fake.arena, "%s/leaf", fake.dir), O_PATH | O_CLOEXEC);
        cr_assert_geq(fd, 0);
        cr_expect_eq(rt_memory_max_write(fd, "524288", "linux.resources.memory.limit", &err),
                     -EBUSY);
        cr_expect_eq(err.kind, ST_CODE_LIMIT);
        cr_expect_str_eq(err.msg, "linux.resources.memory.limit: 524288 bytes are too few: 700000 "
                                  "are in use already");
        cr_expect_str_eq(fake_read(&fake, "leaf/memory.max"), "");
        /* a plain file appends what a cgroup file replaces */
        cr_expect_str_eq(fake_read(&fake, "leaf/memory.high"), "max\n524288max\n");
        cr_expect_eq(rt_memory_max_write(fd, "700000", "f", &err), 0);
        cr_expect_str_eq(fake_read(&fake, "leaf/memory.max"), "700000");
        (void)close(fd);
}
