#include "fake.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <string.h>

#include <stint/cleanup.h>

static struct fake fake;

static void tear_down(void) {
        fake_deinit(&fake);
        st_test_no_leaks();
}

TestSuite(stats, .fini = tear_down);

static const char *stats(struct st_error *err) {
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = fake_plan(&fake, NULL, err);
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        const char *text;
        size_t length;

        cr_assert_not_null(cgroup, "%s", err->msg);
        if (rt_cgroup_write_stats(cgroup, w, NULL, err) < 0)
                return NULL;
        cr_assert_eq(st_json_writer_finish(w, &text, &length, err), 0, "%s", err->msg);
        return st_arena_strndup(fake.arena, text, length);
}

static void expect_part(const char *text, const char *part) {
        cr_expect(strstr(text, part), "no %s in %s", part, text);
}

#define V1 "root/memory/x/leaf/"
static void v1_machine(void) {
        static const char *const dirs[] = {"cpu,cpuacct", "cpuset", "memory",  "pids", "devices",
                                           "freezer",     "blkio",  "hugetlb", "rdma"};

        fake_init(&fake, RT_CGROUP_V1);
        fake_machine(&fake, "/");
        for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
                fake_mkdir(&fake, st_arena_printf(fake.arena, "root/%s/x/leaf", dirs[i]));
}

Test(stats, of_v1_memory) {
        struct st_error err = {0};
        const char *text;

        v1_machine();
        fake_write(&fake, V1 "memory.stat", "cache 4096\nrss 8192\n");
        fake_write(&fake, V1 "memory.usage_in_bytes", "12288\n");
        fake_write(&fake, V1 "memory.limit_in_bytes", "9223372036854771712\n");
        fake_write(&fake, V1 "memory.max_usage_in_bytes", "20480\n");
        fake_write(&fake, V1 "memory.failcnt", "3\n");
        text = stats(&err);
        cr_assert_not_null(text, "%s", err.msg);
        expect_part(text, "\"memory\":{\"cache\":4096,\"raw\":{\"cache\":4096,\"rss\":8192},"
                          "\"usage\":{\"limit\":9223372036854771712,\"usage\":12288,\"max\":20480,"
                          "\"failcnt\":3}}");
}

Test(stats, of_v1_cpu) {
        struct st_error err = {0};
        const char *text;

        v1_machine();
        fake_write(&fake, "root/cpu,cpuacct/x/leaf/cpuacct.usage", "3000\n");
        fake_write(&fake, "root/cpu,cpuacct/x/leaf/cpuacct.usage_percpu", "1000 2000 \n");
        fake_write(&fake, "root/cpu,cpuacct/x/leaf/cpuacct.usage_all",
                   "cpu user system\n0 1 2\n1 3 4\n");
        fake_write(&fake, "root/cpu,cpuacct/x/leaf/cpuacct.stat", "user 2\nsystem 1\n");
        fake_write(&fake, "root/cpu,cpuacct/x/leaf/cpu.stat",
                   "nr_periods 5\nnr_throttled 2\nthrottled_time 900\n");
        text = stats(&err);
        cr_assert_not_null(text, "%s", err.msg);
        expect_part(text, "\"cpu\":{\"usage\":{\"total\":3000,\"percpu\":[1000,2000],"
                          "\"percpu_kernel\":[2,4],\"percpu_user\":[1,3],\"kernel\":10000000,"
                          "\"user\":20000000},\"throttling\":{\"periods\":5,"
                          "\"throttledPeriods\":2,\"throttledTime\":900}}");
}

Test(stats, of_v1_blkio_take_the_first_file_with_devices) {
        struct st_error err = {0};
        const char *text;

        v1_machine();
        fake_write(&fake, "root/blkio/x/leaf/blkio.bfq.io_service_bytes_recursive", "Total 0\n");
        fake_write(&fake, "root/blkio/x/leaf/blkio.throttle.io_service_bytes_recursive",
                   "8:0 Read 100\n8:0 Write 0\nTotal 100\n");
        fake_write(&fake, "root/blkio/x/leaf/blkio.bfq.time_recursive", "8:16 7\n");
        text = stats(&err);
        cr_assert_not_null(text, "%s", err.msg);
        expect_part(text, "\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,\"op\":\"Read\","
                          "\"value\":100},{\"major\":8,\"op\":\"Write\"}],\"ioTimeRecursive\":"
                          "[{\"major\":8,\"minor\":16,\"value\":7}]}");
}

Test(stats, of_v1_pids_cpuset_hugetlb_and_rdma) {
        struct st_error err = {0};
        const char *text;

        v1_machine();
        fake_write(&fake, "root/pids/x/leaf/pids.current", "4\n");
        fake_write(&fake, "root/pids/x/leaf/pids.max", "64\n");
        fake_write(&fake, "root/cpuset/x/leaf/cpuset.cpus", "0-2,7\n");
        fake_write(&fake, "root/cpuset/x/leaf/cpuset.mems", "0\n");
        fake_write(&fake, "root/cpuset/x/leaf/cpuset.sched_relax_domain_level", "-1\n");
        fake_write(&fake, "root/hugetlb/x/leaf/hugetlb.2MB.usage_in_bytes", "1\n");
        fake_write(&fake, "root/hugetlb/x/leaf/hugetlb.2MB.max_usage_in_bytes", "2\n");
        fake_write(&fake, "root/hugetlb/x/leaf/hugetlb.2MB.failcnt", "3\n");
        fake_write(&fake, "root/rdma/x/leaf/rdma.current", "mlx5_0 hca_handle=2 hca_object=20\n");
        fake_write(&fake, "root/rdma/x/leaf/rdma.max", "mlx5_0 hca_handle=max hca_object=30\n");
        text = stats(&err);
        cr_assert_not_null(text, "%s", err.msg);
        expect_part(text, "\"pids\":{\"current\":4,\"limit\":64}");
        expect_part(text, "\"cpuset\":{\"cpus\":[0,1,2,7],\"cpu_exclusive\":0,\"mems\":[0],");
        expect_part(text, "\"sched_relax_domain_level\":-1}");
        expect_part(text, "\"hugetlb\":{\"2MB\":{\"usage\":1,\"max\":2,\"failcnt\":3}}");
        expect_part(text, "\"rdma\":{\"current\":[{\"device\":\"mlx5_0\",\"hcaHandles\":2,"
                          "\"hcaObjects\":20}],\"limit\":[{\"device\":\"mlx5_0\","
                          "\"hcaObjects\":30}]}");
}

#define V2 "root/x/leaf/"
Test(stats, of_v2) {
        struct st_error err = {0};
        const char *text;

        fake_init(&fake, RT_CGROUP_V2);
        fake_machine(&fake, "/");
        fake_write(&fake, V2 "cpu.stat",
                   "usage_usec 10\nuser_usec 6\nsystem_usec 4\nnr_periods 1\nnr_throttled 2\n"
                   "throttled_usec 3\n");
        fake_write(&fake, V2 "memory.stat", "anon 1\nfile 2\n");
        fake_write(&fake, V2 "memory.current", "100\n");
        fake_write(&fake, V2 "memory.max", "200\n");
        fake_write(&fake, V2 "memory.peak", "150\n");
        fake_write(&fake, V2 "memory.swap.current", "5\n");
        fake_write(&fake, V2 "memory.swap.max", "max\n");
        fake_write(&fake, V2 "memory.events", "low 0\nmax 9\noom_kill 1\n");
        fake_write(&fake, V2 "memory.pressure",
                   "some avg10=1.50 avg60=0.00 avg300=0.25 total=77\n"
                   "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
        fake_write(&fake, V2 "io.stat",
                   "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n252:0 \n");
        fake_write(&fake, V2 "pids.current", "3\n");
        fake_write(&fake, V2 "pids.max", "max\n");
        text = stats(&err);
        cr_assert_not_null(text, "%s", err.msg);
        expect_part(text, "\"cpu\":{\"usage\":{\"total\":10000,\"kernel\":4000,\"user\":6000},"
                          "\"throttling\":{\"periods\":1,\"throttledPeriods\":2,"
                          "\"throttledTime\":3000}}");
        expect_part(text, "\"usage\":{\"limit\":200,\"usage\":100,\"max\":150,\"failcnt\":9},"
                          "\"swap\":{\"limit\":18446744073709551615,\"usage\":105,\"failcnt\":0},"
                          "\"psi\":{\"some\":{\"avg10\":1.5,\"avg60\":0,\"avg300\":0.25,"
                          "\"total\":77},\"full\":{");
        expect_part(text, "\"ioServiceBytesRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":1},"
                          "{\"major\":8,\"op\":\"Write\",\"value\":2}]");
        expect_part(text, "\"pids\":{\"current\":3}");
        expect_part(text, "\"hugetlb\":{}");
}

Test(stats, of_a_leaf_with_no_controller_are_empty_objects) {
        struct st_error err = {0};
        const char *text;

        fake_init(&fake, RT_CGROUP_V2);
        fake_machine(&fake, "/");
        fake_mkdir(&fake, "root/x/leaf");
        text = stats(&err);
        cr_assert_not_null(text, "%s", err.msg);
        expect_part(text, "\"memory\":{}");
        expect_part(text, "\"blkio\":{}");
}

Test(stats, of_a_container_that_is_gone_are_an_error) {
        struct st_error err = {0};

        fake_init(&fake, RT_CGROUP_V2);
        fake_machine(&fake, "/");
        cr_expect_null(stats(&err));
        cr_expect_eq(err.code, -ENOENT);
        cr_expect(strstr(err.msg, "/x/leaf"), "%s", err.msg);
}
