/* runtime/cgroup/limits_v1.c: memory, cpu and blockIO of linux.resources as v1's files. 0 is "not
 * set" where runc treats it so. */
#include "manager.h"

#include <stdio.h>

#define FIELD "linux.resources."

static int add_bytes(struct rt_writes *writes, struct rt_leaf *leaf, const char *file,
                     const char *field, const struct st_optional_i64 *bytes) {
        if (!bytes->has || bytes->value == 0)
                return 0;
        return rt_writes_add(writes, leaf, file, field, 0, "%lld", (long long)bytes->value);
}

/* memory before memsw: a new leaf has none of both, and the kernel keeps memory <= memsw. For an
 * update that raises both the first is refused and tried again after the second. */
static int add_limits(struct rt_writes *writes, struct rt_leaf *leaf,
                      const struct st_memory *memory) {
        int r = add_bytes(writes, leaf, "memory.limit_in_bytes", FIELD "memory.limit",
                          &memory->limit);

        if (r < 0)
                return r;
        if (memory->limit.has && memory->limit.value == -1 &&
            (!memory->swap.has || memory->swap.value == 0))
                return rt_writes_add(writes, leaf, "memory.memsw.limit_in_bytes",
                                     FIELD "memory.limit", RT_WRITE_OPTIONAL,
                                     "-1"); /* no limit of memory means none of the sum */
        return add_bytes(writes, leaf, "memory.memsw.limit_in_bytes", FIELD "memory.swap",
                         &memory->swap);
}

int rt_limits_v1_memory(struct rt_leaf *leaf, const struct st_memory *memory,
                        enum rt_limits_use use, struct rt_writes *writes, struct st_error *err) {
        int r = 0;

        if (memory->has_use_hierarchy) /* before any child: this is early */
                r = rt_writes_add(writes, leaf, "memory.use_hierarchy", FIELD "memory.useHierarchy",
                                  RT_WRITE_EARLY, "%d", memory->use_hierarchy);
        if (r == 0)
                r = add_limits(writes, leaf, memory);
        if (r == 0)
                r = add_bytes(writes, leaf, "memory.soft_limit_in_bytes",
                              FIELD "memory.reservation", &memory->reservation);
        if (r == 0)
                r = add_bytes(writes, leaf, "memory.kmem.tcp.limit_in_bytes",
                              FIELD "memory.kernelTCP", &memory->kernel_tcp);
        if (r == 0 && rt_swappiness_is_set(memory)) {
                if (memory->swappiness.value > 100)
                        return rt_fail(err, ST_CODE_CONFIG_INVALID, -ERANGE,
                                       FIELD "memory.swappiness: %llu is not from 0 to 100",
                                       (unsigned long long)memory->swappiness.value);
                r = rt_writes_add(writes, leaf, "memory.swappiness", FIELD "memory.swappiness", 0,
                                  "%llu", (unsigned long long)memory->swappiness.value);
        }
        if (r == 0 && (memory->disable_oom_killer ||
                       (memory->has_disable_oom_killer && use == RT_LIMITS_UPDATE)))
                r = rt_writes_add(writes, leaf, "memory.oom_control",
                                  FIELD "memory.disableOOMKiller", 0, "%d",
                                  memory->disable_oom_killer);
        return r;
}

static int add_u64(struct rt_writes *writes, struct rt_leaf *leaf, const char *file,
                   const char *field, unsigned flags, const struct st_optional_u64 *value) {
        if (!value->has || value->value == 0)
                return 0;
        return rt_writes_add(writes, leaf, file, field, flags, "%llu",
                             (unsigned long long)value->value);
}

/* A task with a real-time policy may enter only where there is real-time budget: early. */
static int add_realtime(struct rt_writes *writes, struct rt_leaf *leaf, const struct st_cpu *cpu) {
        int r = add_u64(writes, leaf, "cpu.rt_period_us", FIELD "cpu.realtimePeriod",
                        RT_WRITE_EARLY, &cpu->realtime_period);

        if (r < 0 || !cpu->realtime_runtime.has || cpu->realtime_runtime.value == 0)
                return r;
        return rt_writes_add(writes, leaf, "cpu.rt_runtime_us", FIELD "cpu.realtimeRuntime",
                             RT_WRITE_EARLY, "%lld", (long long)cpu->realtime_runtime.value);
}

/* The kernel would take any number and quietly use the nearest that it allows. */
static int check_shares(const struct st_cpu *cpu, struct st_error *err) {
        if (!cpu->shares.has || cpu->shares.value == 0 ||
            (cpu->shares.value >= 2 && cpu->shares.value <= 262144))
                return 0;
        return rt_fail(err, ST_CODE_LIMIT, -ERANGE,
                       FIELD "cpu.shares: %llu is not from 2 to 262144",
                       (unsigned long long)cpu->shares.value);
}

int rt_limits_v1_cpu(struct rt_leaf *leaf, const struct st_cpu *cpu, struct rt_writes *writes,
                     struct st_error *err) {
        int r = check_shares(cpu, err);

        if (r == 0)
                r = add_realtime(writes, leaf, cpu);
        if (r == 0)
                r = add_u64(writes, leaf, "cpu.shares", FIELD "cpu.shares", 0, &cpu->shares);
        if (r == 0)
                r = add_u64(writes, leaf, "cpu.cfs_period_us", FIELD "cpu.period", 0, &cpu->period);
        if (r == 0)
                r = add_bytes(writes, leaf, "cpu.cfs_quota_us", FIELD "cpu.quota", &cpu->quota);
        if (r == 0 && cpu->burst.has)
                r = rt_writes_add(writes, leaf, "cpu.cfs_burst_us", FIELD "cpu.burst", 0, "%llu",
                                  (unsigned long long)cpu->burst.value);
        if (r == 0 && cpu->idle.has) /* after the shares, which an idle group refuses */
                r = rt_writes_add(writes, leaf, "cpu.idle", FIELD "cpu.idle", 0, "%lld",
                                  (long long)cpu->idle.value);
        return r;
}

/* The bfq scheduler's name for a weight, with the plain one where there is none. */
static int add_weight(struct rt_writes *writes, struct rt_leaf *leaf, const char *bfq,
                      const char *plain, const char *field, const char *value) {
        int r = rt_writes_add(writes, leaf, bfq, field, 0, "%s", value);

        if (r < 0)
                return r;
        rt_writes_last(writes)->other_file = plain;
        rt_writes_last(writes)->other_value = rt_writes_last(writes)->value;
        return 0;
}

static int add_device_weights(struct rt_writes *writes, struct rt_leaf *leaf,
                              const struct st_weight_device *device) {
        char text[80];
        int r = 0;

        if (device->weight.has) {
                (void)snprintf(text, sizeof text, "%lld:%lld %llu", (long long)device->major,
                               (long long)device->minor, (unsigned long long)device->weight.value);
                r = add_weight(writes, leaf, "blkio.bfq.weight_device", "blkio.weight_device",
                               FIELD "blockIO.weightDevice", text);
        }
        if (r == 0 && device->leaf_weight.has)
                r = rt_writes_add(writes, leaf, "blkio.leaf_weight_device",
                                  FIELD "blockIO.weightDevice", 0, "%lld:%lld %llu",
                                  (long long)device->major, (long long)device->minor,
                                  (unsigned long long)device->leaf_weight.value);
        return r;
}

static int add_throttle(struct rt_writes *writes, struct rt_leaf *leaf, const char *file,
                        const char *field, const struct st_throttle_device *devices, size_t n) {
        for (size_t i = 0; i < n; i++) {
                int r = rt_writes_add(writes, leaf, file, field, 0, "%lld:%lld %llu",
                                      (long long)devices[i].major, (long long)devices[i].minor,
                                      (unsigned long long)devices[i].rate);
                if (r < 0)
                        return r;
        }
        return 0;
}

int rt_limits_v1_block_io(struct rt_leaf *leaf, const struct st_block_io *io,
                          struct rt_writes *writes) {
        int r = 0;

        if (io->weight.has && io->weight.value) {
                char text[24];
                (void)snprintf(text, sizeof text, "%llu", (unsigned long long)io->weight.value);
                r = add_weight(writes, leaf, "blkio.bfq.weight", "blkio.weight",
                               FIELD "blockIO.weight", text);
        }
        if (r == 0)
                r = add_u64(writes, leaf, "blkio.leaf_weight", FIELD "blockIO.leafWeight", 0,
                            &io->leaf_weight);
        for (size_t i = 0; i < io->n_weight_devices && r == 0; i++)
                r = add_device_weights(writes, leaf, &io->weight_devices[i]);
        if (r == 0)
                r = add_throttle(writes, leaf, "blkio.throttle.read_bps_device",
                                 FIELD "blockIO.throttleReadBpsDevice", io->read_bps,
                                 io->n_read_bps);
        if (r == 0)
                r = add_throttle(writes, leaf, "blkio.throttle.write_bps_device",
                                 FIELD "blockIO.throttleWriteBpsDevice", io->write_bps,
                                 io->n_write_bps);
        if (r == 0)
                r = add_throttle(writes, leaf, "blkio.throttle.read_iops_device",
                                 FIELD "blockIO.throttleReadIOPSDevice", io->read_iops,
                                 io->n_read_iops);
        if (r == 0)
                r = add_throttle(writes, leaf, "blkio.throttle.write_iops_device",
                                 FIELD "blockIO.throttleWriteIOPSDevice", io->write_iops,
                                 io->n_write_iops);
        return r;
}
