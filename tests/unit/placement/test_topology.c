#include "../../support/topologies/topologies.h"
#include "fixture.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include <stint/fs.h>

TestSuite(topology, .fini = st_test_no_leaks);

/* What facts about these machines say, counted by hand. */
static const struct expectation {
        const char *machine;
        unsigned cpus, cores, nodes, packages, domains;
        enum rt_level level;
        const char *first_domain, *last_domain, *note;
} expectations[] = {
        {"epyc-9654-2s", 384, 192, 2, 2, 24, RT_LEVEL_L3, "0-7,192-199", "184-191,376-383", ""},
        {"epyc-7763-2s", 128, 128, 2, 2, 16, RT_LEVEL_L3, "0-7", "120-127", ""},
        {"epyc-7451-2s", 96, 48, 8, 2, 16, RT_LEVEL_L3, "0-2,48-50", "45-47,93-95", ""},
        {"epyc-7702p", 128, 64, 1, 1, 16, RT_LEVEL_L3, "0-3,64-67", "60-63,124-127", ""},
        {"strix-point", 24, 12, 1, 1, 2, RT_LEVEL_L3, "0-3,12-15", "4-11,16-23", ""},
        {"xeon-6230-2s", 80, 40, 2, 2, 2, RT_LEVEL_L3, "0-19,40-59", "20-39,60-79", ""},
        {"xeon-6140-2s", 72, 36, 2, 2, 2, RT_LEVEL_L3,
         "0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,"
         "34,36,38,40,42,44,46,48,50,52,54,56,58,60,62,64,66,68,70",
         NULL, ""},
        {"xeon-8490h-snc4", 120, 60, 4, 1, 4, RT_LEVEL_L3, "0-14,60-74", "45-59,105-119",
         "L3 split by NUMA node"},
        {"i7-12850hx", 24, 16, 1, 1, 1, RT_LEVEL_L3, "0-23", "0-23", "one L3 holds all CPUs"},
        {"altra-128", 128, 128, 1, 1, 1, RT_LEVEL_MACHINE, "0-127", "0-127",
         "no L3 in sysfs: machine instead"},
        {"graviton3", 64, 64, 1, 1, 1, RT_LEVEL_L3, "0-63", "0-63", "one L3 holds all CPUs"},
        {"gb10", 20, 20, 1, 1, 2, RT_LEVEL_L3, "0-9", "10-19", ""},
        {"guest-no-l3", 16, 16, 2, 2, 2, RT_LEVEL_DIE, "0-7", "8-15",
         "no L3 in sysfs: die instead"},
        {"guest-no-l3-clusters", 16, 16, 1, 1, 4, RT_LEVEL_CLUSTER, "0-3", "12-15",
         "no L3 in sysfs: cluster instead"},
        {"guest-flat", 8, 8, 1, 1, 1, RT_LEVEL_MACHINE, "0-7", "0-7",
         "no L3 in sysfs: machine instead"},
        {"guest-giant-l3", 32, 32, 2, 2, 2, RT_LEVEL_DIE, "0-15", "16-31",
         "an L3 that spans packages is not believed: die instead"},
        {"offline", 117, 59, 1, 1, 15, RT_LEVEL_L3, "0-2,64-66", "60-63,124-127", ""},
        {"restricted", 128, 64, 1, 1, 16, RT_LEVEL_L3, "0-3,64-67", "60-63,124-127", ""},
};

ParameterizedTestParameters(topology, machines_are_read_as_they_are) {
        static size_t rows[sizeof expectations / sizeof *expectations];

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                rows[i] = i;
        return cr_make_param_array(size_t, rows, sizeof rows / sizeof *rows);
}

ParameterizedTest(const size_t *row, topology, machines_are_read_as_they_are) {
        const struct expectation *want = &expectations[*row];
        FIXTURE(f, want->machine);
        const struct rt_topology *t = f.topology;

        cr_expect_eq(rt_cpus_count(&t->cpus), want->cpus, "%s: %s", want->machine, show(&t->cpus));
        cr_expect_eq(t->levels[RT_LEVEL_CORE].n, want->cores, "%s: %u cores", want->machine,
                     t->levels[RT_LEVEL_CORE].n);
        cr_expect_eq(t->levels[RT_LEVEL_NODE].n, want->nodes);
        cr_expect_eq(t->levels[RT_LEVEL_PACKAGE].n, want->packages);
        cr_expect_eq(t->domain_level, want->level, "%s: %s", want->machine,
                     rt_level_name(t->domain_level));
        cr_expect_str_eq(t->domain_note, want->note);
        cr_assert_eq(t->domains.n, want->domains, "%s: %u domains", want->machine, t->domains.n);
        cr_expect_str_eq(show(&t->domains.sets[0]), want->first_domain);
        if (want->last_domain)
                cr_expect_str_eq(show(&t->domains.sets[t->domains.n - 1]), want->last_domain);
}

Test(topology, no_machine_is_without_an_expectation) {
        size_t n = 0;

        while (st_topologies()[n])
                n++;
        cr_expect_eq(n, sizeof expectations / sizeof *expectations);
}

Test(topology, offline_cpus_are_told_apart) {
        FIXTURE(f, "offline");

        cr_expect_str_eq(show(&f.topology->offline), "3,8-11,67,72-75,100");
        cr_expect_eq(f.topology->levels[RT_LEVEL_CORE].of[3], RT_NO_GROUP);
        cr_expect_eq(f.topology->domains.of[3], RT_NO_GROUP);
        cr_expect_str_eq(show(&f.topology->domains.sets[2]), "12-15,76-79", "one is gone whole");
}

Test(topology, distances_are_those_of_the_table) {
        FIXTURE(f, "epyc-7451-2s");

        cr_expect_eq(rt_topology_distance(f.topology, 0, 0), 10);
        cr_expect_eq(rt_topology_distance(f.topology, 0, 3), 16);
        cr_expect_eq(rt_topology_distance(f.topology, 3, 4), 32);
        cr_expect_eq(f.topology->node_ids[7], 7);
}

Test(topology, unequal_cores_have_a_capacity) {
        FIXTURE(hybrid, "i7-12850hx");
        FIXTURE(gb10, "gb10");
        FIXTURE(plain, "graviton3");

        cr_expect(hybrid.topology->asymmetric);
        cr_expect_eq(hybrid.topology->capacity[0], 1024);
        cr_expect_eq(hybrid.topology->capacity[16], 600);
        cr_expect_str_eq(show(&hybrid.topology->levels[RT_LEVEL_L2].sets[8]), "16-19");
        cr_expect_eq(gb10.topology->capacity[0], 700);
        cr_expect_eq(gb10.topology->capacity[5], 1024);
        cr_expect_not(plain.topology->asymmetric);
        cr_expect_eq(plain.topology->capacity[63], 1024);
}

/* As x86 was before it had cpu_capacity. */
Test(topology, cores_of_the_atom_pmu_are_the_weaker_ones) {
        FILES(f, "graviton3");
        struct st_error err = {0};

        cr_assert_eq(st_mkdir_p_at(f.fd, "devices/cpu_atom", 0755), 0);
        fixture_put(&f, "devices/cpu_atom/cpus", "32-63\n");
        cr_assert_eq(rt_topology_read(f.path, &f.topology, &err), 0, "%s", err.msg);
        cr_expect(f.topology->asymmetric);
        cr_expect_lt(f.topology->capacity[32], f.topology->capacity[31]);
}

Test(topology, a_cpuset_narrows_every_level) {
        FIXTURE(f, "restricted");
        struct rt_cpus allowed = cpus("2-37,66-101"), none = cpus("500");
        struct st_error err = {0};

        cr_assert_eq(rt_topology_restrict(f.topology, &allowed, &err), 0, "%s", err.msg);
        cr_expect_eq(f.topology->domains.n, 10);
        cr_expect_str_eq(show(&f.topology->domains.sets[0]), "2-3,66-67");
        cr_expect_str_eq(show(&f.topology->domains.sets[9]), "36-37,100-101");
        cr_expect_eq(f.topology->domains.of[36], 9);
        cr_expect_eq(f.topology->domains.of[38], RT_NO_GROUP);
        cr_expect_eq(f.topology->levels[RT_LEVEL_CORE].n, 36);
        cr_expect_eq(rt_topology_restrict(f.topology, &none, &err), -ENODEV);
        cr_expect(strstr(err.msg, "500"), "%s", err.msg);
        cr_expect_eq(rt_cpus_count(&f.topology->cpus), 72, "nothing is changed");
}

Test(topology, ids_serve_where_a_cache_lists_no_cpus) {
        FILES(f, "gb10");
        struct st_error err = {0};

        for (unsigned cpu = 0; cpu < 20; cpu++) {
                char path[80];
                (void)snprintf(path, sizeof path,
                               "devices/system/cpu/cpu%u/cache/index2/shared_cpu_list", cpu);
                fixture_drop(&f, path);
        }
        cr_assert_eq(rt_topology_read(f.path, &f.topology, &err), 0, "%s", err.msg);
        cr_expect_eq(f.topology->domain_level, RT_LEVEL_L3);
        cr_expect_str_eq(show(&f.topology->domains.sets[1]), "10-19");
}

Test(topology, kernels_without_numa_and_topology_have_one_of_each) {
        FILES(f, "guest-flat");
        struct st_error err = {0};

        fixture_drop(&f, "devices/system/node");
        for (unsigned cpu = 0; cpu < 8; cpu++) {
                char path[80];
                (void)snprintf(path, sizeof path, "devices/system/cpu/cpu%u/topology", cpu);
                fixture_drop(&f, path);
        }
        cr_assert_eq(rt_topology_read(f.path, &f.topology, &err), 0, "%s", err.msg);
        cr_expect_eq(f.topology->levels[RT_LEVEL_NODE].n, 1);
        cr_expect_eq(f.topology->levels[RT_LEVEL_PACKAGE].n, 1);
        cr_expect_eq(f.topology->levels[RT_LEVEL_CORE].n, 8);
        cr_expect_eq(rt_topology_distance(f.topology, 0, 0), 10);
        cr_expect(f.topology->node_has_memory[0]);
}

Test(topology, older_names_of_the_files_do) {
        FILES(f, "guest-no-l3-clusters");
        struct st_error err = {0};

        fixture_drop(&f, "devices/system/cpu/cpu0/topology/core_cpus_list");
        fixture_put(&f, "devices/system/cpu/cpu0/topology/thread_siblings_list", "0-1\n");
        cr_assert_eq(rt_topology_read(f.path, &f.topology, &err), 0, "%s", err.msg);
        cr_expect_str_eq(show(&f.topology->levels[RT_LEVEL_CORE].sets[0]), "0-1");
}

Test(topology, a_node_of_memory_alone_is_no_place) {
        FILES(f, "guest-flat");
        struct st_error err = {0};

        fixture_put(&f, "devices/system/node/online", "0,2\n");
        fixture_put(&f, "devices/system/node/node0/distance", "10 17\n");
        cr_assert_eq(st_mkdir_p_at(f.fd, "devices/system/node/node2", 0755), 0);
        fixture_put(&f, "devices/system/node/node2/cpulist", "\n");
        fixture_put(&f, "devices/system/node/node2/distance", "17 10\n");
        fixture_put(&f, "devices/system/node/has_memory", "2\n");
        cr_assert_eq(rt_topology_read(f.path, &f.topology, &err), 0, "%s", err.msg);
        cr_expect_eq(f.topology->domain_level, RT_LEVEL_MACHINE);
        cr_expect_eq(f.topology->node_ids[1], 2);
        cr_expect_not(f.topology->node_has_memory[0]);
        cr_expect_eq(rt_topology_distance(f.topology, 1, 0), 17);
}

static const struct damage {
        const char *path, *text, *says;
        int code;
} damages[] = {
        {"devices/system/cpu/online", "0-x\n", "cpu/online: \"0-x\"", -EINVAL},
        {"devices/system/cpu/online", "\n", "cpu/online: no CPU", -ENOENT},
        {"devices/system/cpu/online", "0-5000\n", "\"0-5000\"", -ERANGE},
        {"devices/system/cpu/cpu0/topology/core_cpus_list", "1\n",
         "cpu0/topology/core_cpus_list: \"1\" lacks", -EINVAL},
        {"devices/system/cpu/cpu5/topology/core_cpus_list", "4-5\n",
         "cpu5/topology/core_cpus_list: \"4-5\" has CPUs", -EINVAL},
        {"devices/system/cpu/cpu0/topology/core_cpus_list", "0,2,4,6,8,10\n",
         "lies in two L3 groups", -EINVAL},
        {"devices/system/cpu/cpu0/cache/index2/level", "three\n", "index2/level: \"three\"",
         -EINVAL},
        {"devices/system/cpu/cpu10/cache/index2/shared_cpu_list", "9-19\n", "\"9-19\" has CPUs",
         -EINVAL},
        {"devices/system/cpu/cpu7/cpu_capacity", "0\n", "cpu7/cpu_capacity: 0", -EINVAL},
        {"devices/system/cpu/cpu7/cpu_capacity", "1025\n", "cpu7/cpu_capacity: 1025", -EINVAL},
        {"devices/system/node/online", "zero\n", "node/online: \"zero\"", -EINVAL},
        {"devices/system/node/node0/cpulist", "0-8\n", "in no node", -EINVAL},
        {"devices/system/node/node0/distance", "9\n", "node0/distance: \"9\"", -EINVAL},
        {"devices/system/node/node0/distance", "\n", "node0/distance: \"\"", -EINVAL},
        {"devices/system/node/node0/distance", "256\n", "node0/distance: \"256\"", -EINVAL},
};

ParameterizedTestParameters(topology, damage_is_named) {
        static size_t rows[sizeof damages / sizeof *damages];

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                rows[i] = i;
        return cr_make_param_array(size_t, rows, sizeof rows / sizeof *rows);
}

ParameterizedTest(const size_t *row, topology, damage_is_named) {
        const struct damage *damage = &damages[*row];
        FILES(f, "gb10");
        struct st_error err = {0};

        fixture_put(&f, damage->path, damage->text);
        cr_expect_eq(rt_topology_read(f.path, &f.topology, &err), damage->code, "%s: %s",
                     damage->path, err.msg);
        cr_expect(strstr(err.msg, damage->says), "wanted %s: %s", damage->says, err.msg);
        cr_expect_null(f.topology);
}

Test(topology, this_machine_is_read) {
        st_cleanup(rt_topology_freep) struct rt_topology *topology = NULL;
        struct st_error err = {0};

        if (access("/sys/devices/system/cpu/online", R_OK) < 0)
                cr_skip("no sysfs");
        cr_assert_eq(rt_topology_read("/sys", &topology, &err), 0, "%s", err.msg);
        cr_expect_gt(topology->domains.n, 0);
}
