#include "config.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <string.h>

#include <stint/spec.h>

TestSuite(resources, .fini = st_test_no_leaks);

static struct st_spec *config(const char *resources) {
        st_autofree char *members = NULL;

        cr_assert(asprintf(&members, "'linux': {'resources': {%s}}", resources) > 0);
        return st_test_config(members);
}

Test(resources, reads_device_rules) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                config("'devices': [{'allow': false, 'access': 'rwm'}, {'allow': true, 'type': "
                       "'c', 'major': 10, 'minor': 229, 'access': 'rw'},"
                       " {'allow': true, 'type': 'b', 'major': 8, 'minor': -1, 'access': 'm'}, "
                       "{'allow': true, 'type': '', 'major': null, 'access': 'r'}]");
        const struct st_device_rule *d = spec->linux_.resources->devices;

        cr_assert_eq(spec->linux_.resources->n_devices, 4);
        cr_expect_not(d[0].allow);
        cr_expect_eq(d[0].type, ST_DEVICE_ALL);
        cr_expect_eq(d[0].major, -1);
        cr_expect_eq(d[0].minor, -1);
        cr_expect(d[0].read && d[0].write && d[0].mknod);
        cr_expect(d[1].allow);
        cr_expect_eq(d[1].type, ST_DEVICE_CHAR);
        cr_expect_eq(d[1].major, 10);
        cr_expect_eq(d[1].minor, 229);
        cr_expect(d[1].read && d[1].write && !d[1].mknod);
        cr_expect_eq(d[2].type, ST_DEVICE_BLOCK);
        cr_expect_eq(d[2].minor, -1);
        cr_expect(!d[2].read && !d[2].write && d[2].mknod);
        cr_expect_eq(d[3].type, ST_DEVICE_ALL);
        cr_expect_eq(d[3].major, -1);
}

Test(resources, reads_memory_and_cpu) {
        st_cleanup(st_spec_freep) struct st_spec *spec = config(
                "'memory': {'limit': 536870912, 'reservation': 0, 'swap': -1, 'kernel': -1, "
                "'kernelTCP': 5, 'swappiness': 100,"
                " 'disableOOMKiller': false, 'useHierarchy': true, 'checkBeforeUpdate': true},"
                " 'cpu': {'shares': 1024, 'quota': -1, 'burst': 7, 'period': 500000, "
                "'realtimeRuntime': 950000, 'realtimePeriod': 1000000,"
                " 'cpus': '2-3', 'mems': '0-7', 'idle': 1}, 'pids': {'limit': -1}");
        const struct st_memory *m = spec->linux_.resources->memory;
        const struct st_cpu *c = spec->linux_.resources->cpu;

        cr_assert(m && c);
        cr_expect(m->limit.has && m->limit.value == 536870912);
        cr_expect(m->reservation.has && m->reservation.value == 0);
        cr_expect(m->swap.has && m->swap.value == -1);
        cr_expect(m->kernel.has && m->kernel.value == -1);
        cr_expect(m->kernel_tcp.has && m->kernel_tcp.value == 5);
        cr_expect(m->swappiness.has && m->swappiness.value == 100);
        cr_expect(m->has_disable_oom_killer && !m->disable_oom_killer);
        cr_expect(m->has_use_hierarchy && m->use_hierarchy);
        cr_expect(m->has_check_before_update && m->check_before_update);
        cr_expect(c->shares.has && c->shares.value == 1024);
        cr_expect(c->quota.has && c->quota.value == -1);
        cr_expect(c->burst.has && c->burst.value == 7);
        cr_expect(c->period.has && c->period.value == 500000);
        cr_expect(c->realtime_runtime.has && c->realtime_runtime.value == 950000);
        cr_expect(c->realtime_period.has && c->realtime_period.value == 1000000);
        cr_expect(c->idle.has && c->idle.value == 1);
        cr_expect_str_eq(c->cpus, "2-3");
        cr_expect_str_eq(c->mems, "0-7");
        cr_expect(spec->linux_.resources->pids_limit.has);
        cr_expect_eq(spec->linux_.resources->pids_limit.value, -1);
}

Test(resources, absent_members_are_absent) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                config("'memory': {'limit': null}, 'cpu': {'cpus': ''}, 'pids': {}, 'network': {}, "
                       "'blockIO': {}, 'devices': null");
        const struct st_resources *r = spec->linux_.resources;

        cr_expect_not(r->memory->limit.has || r->memory->swap.has ||
                      r->memory->has_disable_oom_killer);
        cr_expect_not(r->cpu->shares.has || r->cpu->quota.has || r->cpu->idle.has);
        cr_expect_null(r->cpu->cpus);
        cr_expect_not(r->pids_limit.has || r->net_class_id.has || r->block_io->weight.has);
        cr_expect_eq(r->n_devices + r->n_hugepages + r->n_net_priorities + r->n_rdma + r->n_unified,
                     0);
}

Test(resources, reads_block_io) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                config("'blockIO': {'weight': 10, 'leafWeight': 1000, 'weightDevice': [{'major': "
                       "8, 'minor': 0, 'weight': 500, 'leafWeight': 300},"
                       " {'major': 8, 'minor': 16, 'leafWeight': 0}], 'throttleReadBpsDevice': "
                       "[{'major': 8, 'minor': 1, 'rate': 600}],"
                       " 'throttleWriteBpsDevice': [{'major': 8, 'minor': 2, 'rate': "
                       "18446744073709551615}],"
                       " 'throttleReadIOPSDevice': [{'major': 8, 'minor': 3, 'rate': 0}, {'major': "
                       "9, 'minor': 3, 'rate': 1}],"
                       " 'throttleWriteIOPSDevice': [{'major': 8, 'minor': 4, 'rate': 300}]}");
        const struct st_block_io *io = spec->linux_.resources->block_io;

        cr_assert(io);
        cr_expect_eq(io->weight.value, 10);
        cr_expect_eq(io->leaf_weight.value, 1000);
        cr_assert_eq(io->n_weight_devices, 2);
        cr_expect_eq(io->weight_devices[0].weight.value, 500);
        cr_expect_not(io->weight_devices[1].weight.has);
        cr_expect(io->weight_devices[1].leaf_weight.has);
        cr_expect_eq(io->weight_devices[1].minor, 16);
        cr_expect_eq(io->n_read_bps, 1);
        cr_expect_eq(io->read_bps[0].rate, 600);
        cr_expect_eq(io->n_write_bps, 1);
        cr_expect_eq(io->write_bps[0].rate, UINT64_MAX);
        cr_expect_eq(io->n_read_iops, 2);
        cr_expect_eq(io->read_iops[1].major, 9);
        cr_expect_eq(io->n_write_iops, 1);
        cr_expect_eq(io->write_iops[0].minor, 4);
}

Test(resources, reads_the_smaller_controllers) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                config("'hugepageLimits': [{'pageSize': '2MB', 'limit': 209715200}, {'pageSize': "
                       "'64KB', 'limit': 0}],"
                       " 'network': {'classID': 4294967295, 'priorities': [{'name': 'eth0', "
                       "'priority': 500}, {'name': 'eth1', 'priority': 0}]},"
                       " 'rdma': {'mlx5_1': {'hcaHandles': 3, 'hcaObjects': 10000}, 'rxe3': "
                       "{'hcaObjects': 4294967295}},"
                       " 'unified': {'memory.high': '1G', 'hugetlb.1GB.max': '1', 'io.max': '8:0 "
                       "rbps=1\\n8:1 rbps=2'}");
        const struct st_resources *r = spec->linux_.resources;

        cr_assert_eq(r->n_hugepages, 2);
        cr_expect_str_eq(r->hugepages[0].page_size, "2MB");
        cr_expect_eq(r->hugepages[0].limit, 209715200);
        cr_expect_eq(r->net_class_id.value, UINT32_MAX);
        cr_assert_eq(r->n_net_priorities, 2);
        cr_expect_str_eq(r->net_priorities[0].name, "eth0");
        cr_expect_eq(r->net_priorities[0].priority, 500);
        cr_assert_eq(r->n_rdma, 2);
        cr_expect_str_eq(r->rdma[0].device, "mlx5_1");
        cr_expect_eq(r->rdma[0].hca_handles.value, 3);
        cr_expect_not(r->rdma[1].hca_handles.has);
        cr_expect_eq(r->rdma[1].hca_objects.value, UINT32_MAX);
        cr_assert_eq(r->n_unified, 3);
        cr_expect_str_eq(r->unified[1].key, "hugetlb.1GB.max");
        cr_expect_str_eq(r->unified[2].value, "8:0 rbps=1\n8:1 rbps=2");
}

#define INT64_RANGE "-1..9223372036854775807"
#define UINT64_RANGE "0..18446744073709551615"
static const struct st_test_refusal refusals[] = {
        {"'devices': {}", "linux.resources.devices: an object is not an array"},
        {"'devices': [1]", "linux.resources.devices[0]: 1 is not an object"},
        {"'devices': [{'access': 'rwm'}]",
         "linux.resources.devices[0].allow: is missing: true or false is required"},
        {"'devices': [{'allow': 'yes', 'access': 'r'}]",
         "linux.resources.devices[0].allow: \"yes\" is not true or false"},
        {"'devices': [{'allow': true}]",
         "linux.resources.devices[0].access: is missing: a string is required"},
        {"'devices': [{'allow': true, 'access': ''}]",
         "linux.resources.devices[0].access: is missing: a string is required"},
        {"'devices': [{'allow': true, 'access': 'rx'}]",
         "linux.resources.devices[0].access: \"rx\" has a letter other than r, w and m"},
        {"'devices': [{'allow': true, 'access': 'r', 'type': 'p'}]",
         "linux.resources.devices[0].type: \"p\" is not one of a, c, b"},
        {"'devices': [{'allow': true, 'access': 'r', 'type': 1}]",
         "linux.resources.devices[0].type: 1 is not a string"},
        {"'devices': [{'allow': true, 'access': 'r', 'major': -2}]",
         "linux.resources.devices[0].major: -2 is not in -1..4095"},
        {"'devices': [{'allow': true, 'access': 'r', 'minor': 1048576}]",
         "linux.resources.devices[0].minor: 1048576 is not in -1..1048575"},
        {"'memory': 1", "linux.resources.memory: 1 is not an object"},
        {"'memory': {'limit': -2}", "linux.resources.memory.limit: -2 is not in " INT64_RANGE},
        {"'memory': {'limit': 9223372036854775808}",
         "linux.resources.memory.limit: 9223372036854775808 is not in " INT64_RANGE},
        {"'memory': {'limit': '1G'}", "linux.resources.memory.limit: \"1G\" is not an integer"},
        {"'memory': {'limit': 1e9}", "linux.resources.memory.limit: 1e9 is not an integer"},
        {"'memory': {'reservation': -2}",
         "linux.resources.memory.reservation: -2 is not in " INT64_RANGE},
        {"'memory': {'swap': -2}", "linux.resources.memory.swap: -2 is not in " INT64_RANGE},
        {"'memory': {'kernel': -2}", "linux.resources.memory.kernel: -2 is not in " INT64_RANGE},
        {"'memory': {'kernelTCP': -2}",
         "linux.resources.memory.kernelTCP: -2 is not in " INT64_RANGE},
        {"'memory': {'swappiness': 101}",
         "linux.resources.memory.swappiness: 101 is not in 0..100"},
        {"'memory': {'swappiness': -1}", "linux.resources.memory.swappiness: -1 is not in 0..100"},
        {"'memory': {'disableOOMKiller': 0}",
         "linux.resources.memory.disableOOMKiller: 0 is not true or false"},
        {"'memory': {'useHierarchy': 0}",
         "linux.resources.memory.useHierarchy: 0 is not true or false"},
        {"'memory': {'checkBeforeUpdate': 0}",
         "linux.resources.memory.checkBeforeUpdate: 0 is not true or false"},
        {"'cpu': []", "linux.resources.cpu: an array is not an object"},
        {"'cpu': {'shares': -1}", "linux.resources.cpu.shares: -1 is not in " UINT64_RANGE},
        {"'cpu': {'quota': -2}", "linux.resources.cpu.quota: -2 is not in " INT64_RANGE},
        {"'cpu': {'period': -1}", "linux.resources.cpu.period: -1 is not in " UINT64_RANGE},
        {"'cpu': {'period': 0.5}", "linux.resources.cpu.period: 0.5 is not an integer"},
        {"'cpu': {'realtimeRuntime': -2}",
         "linux.resources.cpu.realtimeRuntime: -2 is not in " INT64_RANGE},
        {"'cpu': {'realtimePeriod': -1}",
         "linux.resources.cpu.realtimePeriod: -1 is not in " UINT64_RANGE},
        {"'cpu': {'idle': 2}", "linux.resources.cpu.idle: 2 is not in 0..1"},
        {"'cpu': {'idle': true}", "linux.resources.cpu.idle: true is not an integer"},
        {"'cpu': {'cpus': '0-'}",
         "linux.resources.cpu.cpus: \"0-\" is not a list such as \"0-3,7\" below 8192"},
        {"'cpu': {'mems': '1024'}",
         "linux.resources.cpu.mems: \"1024\" is not a list such as \"0-3,7\" below 1024"},
        {"'cpu': {'burst': 11, 'quota': 10}",
         "linux.resources.cpu.burst: 11 is more than the quota"},
        {"'cpu': {'burst': 10, 'quota': 10}", NULL},
        {"'cpu': {'burst': 10, 'quota': -1}", NULL},
        {"'pids': 5", "linux.resources.pids: 5 is not an object"},
        {"'pids': {'limit': -2}", "linux.resources.pids.limit: -2 is not in " INT64_RANGE},
        {"'pids': {'limit': 0}", NULL},
        {"'blockIO': []", "linux.resources.blockIO: an array is not an object"},
        {"'blockIO': {'weight': 1001}", "linux.resources.blockIO.weight: 1001 is not in 0..1000"},
        {"'blockIO': {'leafWeight': -1}",
         "linux.resources.blockIO.leafWeight: -1 is not in 0..1000"},
        {"'blockIO': {'weightDevice': [{'minor': 0, 'weight': 5}]}",
         "linux.resources.blockIO.weightDevice[0].major: is missing: an integer is required"},
        {"'blockIO': {'weightDevice': [{'major': 8, 'weight': 5}]}",
         "linux.resources.blockIO.weightDevice[0].minor: is missing: an integer is required"},
        {"'blockIO': {'weightDevice': [{'major': 8, 'minor': 0}]}",
         "linux.resources.blockIO.weightDevice[0]: an object has neither weight nor leafWeight"},
        {"'blockIO': {'weightDevice': [5]}",
         "linux.resources.blockIO.weightDevice[0]: 5 is not an object"},
        {"'blockIO': {'weightDevice': 5}",
         "linux.resources.blockIO.weightDevice: 5 is not an array"},
        {"'blockIO': {'throttleReadBpsDevice': [{'major': 8, 'minor': 0}]}",
         "linux.resources.blockIO.throttleReadBpsDevice[0].rate: is missing: an integer is "
         "required"},
        {"'blockIO': {'throttleWriteBpsDevice': [{'major': 8, 'minor': 0, 'rate': -1}]}",
         "linux.resources.blockIO.throttleWriteBpsDevice[0].rate: -1 is not in " UINT64_RANGE},
        {"'blockIO': {'throttleReadIOPSDevice': [{'major': -1, 'minor': 0, 'rate': 1}]}",
         "linux.resources.blockIO.throttleReadIOPSDevice[0].major: -1 is not in 0..4095"},
        {"'blockIO': {'throttleWriteIOPSDevice': {}}",
         "linux.resources.blockIO.throttleWriteIOPSDevice: an object is not an array"},
        {"'blockIO': {'throttleWriteIOPSDevice': ['x']}",
         "linux.resources.blockIO.throttleWriteIOPSDevice[0]: \"x\" is not an object"},
        {"'hugepageLimits': {}", "linux.resources.hugepageLimits: an object is not an array"},
        {"'hugepageLimits': ['2MB']",
         "linux.resources.hugepageLimits[0]: \"2MB\" is not an object"},
        {"'hugepageLimits': [{'limit': 1}]",
         "linux.resources.hugepageLimits[0].pageSize: is missing: a string is required"},
        {"'hugepageLimits': [{'pageSize': '2MB'}]",
         "linux.resources.hugepageLimits[0].limit: is missing: an integer is required"},
        {"'hugepageLimits': [{'pageSize': '64kB', 'limit': 1}]",
         "linux.resources.hugepageLimits[0].pageSize: \"64kB\" is not a size such as \"2MB\", in "
         "KB, MB or GB"},
        {"'hugepageLimits': [{'pageSize': 'MB', 'limit': 1}]",
         "linux.resources.hugepageLimits[0].pageSize: \"MB\" is not a size such as \"2MB\", in KB, "
         "MB or GB"},
        {"'hugepageLimits': [{'pageSize': '02MB', 'limit': 1}]",
         "linux.resources.hugepageLimits[0].pageSize: \"02MB\" is not a size such as \"2MB\", in "
         "KB, MB or GB"},
        {"'hugepageLimits': [{'pageSize': '2MiB', 'limit': 1}]",
         "linux.resources.hugepageLimits[0].pageSize: \"2MiB\" is not a size such as \"2MB\", in "
         "KB, MB or GB"},
        {"'hugepageLimits': [{'pageSize': '2', 'limit': 1}]",
         "linux.resources.hugepageLimits[0].pageSize: \"2\" is not a size such as \"2MB\", in KB, "
         "MB or GB"},
        {"'hugepageLimits': [{'pageSize': '../2MB', 'limit': 1}]",
         "linux.resources.hugepageLimits[0].pageSize: \"../2MB\" is not a size such as \"2MB\", in "
         "KB, MB or GB"},
        {"'network': 1", "linux.resources.network: 1 is not an object"},
        {"'network': {'classID': 4294967296}",
         "linux.resources.network.classID: 4294967296 is not in 0..4294967295"},
        {"'network': {'priorities': {}}",
         "linux.resources.network.priorities: an object is not an array"},
        {"'network': {'priorities': [1]}",
         "linux.resources.network.priorities[0]: 1 is not an object"},
        {"'network': {'priorities': [{'priority': 1}]}",
         "linux.resources.network.priorities[0].name: is missing: a string is required"},
        {"'network': {'priorities': [{'name': 'a b', 'priority': 1}]}",
         "linux.resources.network.priorities[0].name: \"a b\" is not an interface name: no '/', "
         "':' or blank may be in it"},
        {"'network': {'priorities': [{'name': 'a'}]}",
         "linux.resources.network.priorities[0].priority: is missing: an integer is required"},
        {"'rdma': []", "linux.resources.rdma: an array is not an object"},
        {"'rdma': {'mlx': 1}", "linux.resources.rdma.mlx: 1 is not an object"},
        {"'rdma': {'mlx': {}}",
         "linux.resources.rdma.mlx: an object has neither hcaHandles nor hcaObjects"},
        {"'rdma': {'mlx': {'hcaHandles': 'x'}}",
         "linux.resources.rdma.mlx.hcaHandles: \"x\" is not an integer"},
        {"'rdma': {'mlx': {'hcaObjects': 4294967296}}",
         "linux.resources.rdma.mlx.hcaObjects: 4294967296 is not in 0..4294967295"},
        {"'rdma': {'a b': {'hcaObjects': 1}}", "linux.resources.rdma[\"a b\"]: the key is not the "
                                               "name of an RDMA device, such as \"mlx5_1\""},
        {"'unified': []", "linux.resources.unified: an array is not an object"},
        {"'unified': {'memory.high': 1}",
         "linux.resources.unified[\"memory.high\"]: 1 is not a string"},
        {"'unified': {'memory': '1'}", "linux.resources.unified.memory: the key is not the name of "
                                       "a cgroup file, such as \"memory.high\""},
        {"'unified': {'': '1'}", "linux.resources.unified[\"\"]: the key is not the name of a "
                                 "cgroup file, such as \"memory.high\""},
        {"'unified': {'..': '1'}", "linux.resources.unified[\"..\"]: the key is not the name of a "
                                   "cgroup file, such as \"memory.high\""},
        {"'unified': {'memory.': '1'}", "linux.resources.unified[\"memory.\"]: the key is not the "
                                        "name of a cgroup file, such as \"memory.high\""},
        {"'unified': {'../memory.high': '1'}",
         "linux.resources.unified[\"../memory.high\"]: the key is not the name of a cgroup file, "
         "such as \"memory.high\""},
        {"'unified': {'memory.high/x': '1'}",
         "linux.resources.unified[\"memory.high/x\"]: the key is not the name of a cgroup file, "
         "such as \"memory.high\""},
        {"'unified': {'cgroup.procs': '1'}",
         "linux.resources.unified[\"cgroup.procs\"]: the key is a file that sets no limit"},
        {"'unified': {'cgroup.kill': '1'}",
         "linux.resources.unified[\"cgroup.kill\"]: the key is a file that sets no limit"},
        {"'unified': {'cgroup.max.depth': '1'}", NULL},
};

Test(resources, refuses_bad_members) {
        st_test_refused("'linux': {'resources': {", "}}", refusals, ST_TEST_N(refusals));
}

Test(resources, refuses_a_resources_member_that_is_no_object) {
        static const struct st_test_refusal row = {"'linux': {'resources': []}",
                                                   "linux.resources: an array is not an object"};

        st_test_refused("", "", &row, 1);
}
