/* runtime/cgroup/limits_v2.c: memory, cpu and blockIO of linux.resources as v2's files. The fields
 * were made for v1, so most are converted; 0 is "not set" where runc treats it so. */
#include "manager.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <stint/parse.h>

#define FIELD "linux.resources."

static int add_bytes(struct rt_writes *writes, struct rt_leaf *leaf, const char *file,
                     const char *field, unsigned flags, int64_t bytes) {
        if (bytes < 0)
                return rt_writes_add(writes, leaf, file, field, flags, "max");
        return rt_writes_add(writes, leaf, file, field, flags, "%lld", (long long)bytes);
}

/* What v1 can do and v2 cannot. */
static int refuse_memory(const struct st_memory *memory, struct st_error *err) {
        if (rt_swappiness_is_set(memory))
                return rt_limits_refuse(err, FIELD "memory.swappiness",
                                        "cgroup v2 has no swappiness");
        if (memory->disable_oom_killer)
                return rt_limits_refuse(err, FIELD "memory.disableOOMKiller",
                                        "cgroup v2 cannot disable the OOM killer");
        if (memory->kernel_tcp.has && memory->kernel_tcp.value > 0)
                return rt_limits_refuse(err, FIELD "memory.kernelTCP",
                                        "cgroup v2 has no limit of TCP buffers");
        if (memory->has_use_hierarchy && !memory->use_hierarchy)
                return rt_limits_refuse(err, FIELD "memory.useHierarchy",
                                        "cgroup v2 is always hierarchical");
        return 0;
}

static int bad_swap(struct st_error *err, const char *why) {
        return rt_fail(err, ST_CODE_LIMIT, -EINVAL, FIELD "memory.swap: %s", why);
}

/* The memory limit that a new swap limit refers to: the one set with it, else the one in force. */
static int limit_of(struct rt_cgroup *cgroup, struct rt_leaf *leaf, const struct st_memory *memory,
                    enum rt_limits_use use, int64_t *ret_limit) {
        uint64_t current;
        int dir_fd;

        *ret_limit = memory->limit.has ? memory->limit.value : 0;
        if (*ret_limit || use == RT_LIMITS_CREATE)
                return 0;
        dir_fd = rt_leaf_dir(cgroup, leaf);
        if (dir_fd < 0 || rt_knob_read_u64(dir_fd, "memory.max", &current) < 0)
                return 0; /* the write of memory.swap.max will tell */
        *ret_limit = current > INT64_MAX ? -1 : (int64_t)current;
        return 0;
}

/* The field is memory and swap together, v2's file is swap alone. A missing file (no swap in this
 * kernel) is an error only for a limit that means something without swap. */
static int add_swap(struct rt_cgroup *cgroup, struct rt_leaf *leaf, const struct st_memory *memory,
                    enum rt_limits_use use, struct rt_writes *writes, struct st_error *err) {
        int64_t swap = memory->swap.has ? memory->swap.value : 0, limit;
        int r = limit_of(cgroup, leaf, memory, use, &limit);

        if (r < 0)
                return r;
        if (swap == 0 && memory->limit.has && memory->limit.value == -1)
                swap = -1; /* as v1: no limit of memory means none of the sum */
        if (swap == 0)
                return 0;
        if (swap > 0 && limit == 0)
                return bad_swap(err, "it needs memory.limit too");
        if (swap > 0 && limit > 0 && swap < limit)
                return bad_swap(err, "memory and swap together are less than memory.limit");
        if (swap > 0 && limit > 0)
                swap -= limit;
        return add_bytes(writes, leaf, "memory.swap.max", FIELD "memory.swap",
                         swap <= 0 ? RT_WRITE_OPTIONAL : 0, swap);
}

/* checkBeforeUpdate: refuse instead of letting the kernel reclaim and kill. */
static int check_usage(struct rt_cgroup *cgroup, struct rt_leaf *leaf,
                       const struct st_memory *memory, struct st_error *err) {
        uint64_t usage;
        int dir_fd;

        if (!memory->check_before_update || !memory->limit.has || memory->limit.value <= 0)
                return 0;
        dir_fd = rt_leaf_dir(cgroup, leaf);
        if (dir_fd < 0 || rt_knob_read_u64(dir_fd, "memory.current", &usage) < 0)
                return 0; /* nothing in use: no controller there yet */
        if (usage <= (uint64_t)memory->limit.value)
                return 0;
        return rt_fail(err, ST_CODE_LIMIT, -EBUSY,
                       FIELD "memory.limit: %lld bytes are too few: %llu are in use",
                       (long long)memory->limit.value, (unsigned long long)usage);
}

int rt_limits_v2_memory(struct rt_cgroup *cgroup, struct rt_leaf *leaf,
                        const struct st_memory *memory, enum rt_limits_use use,
                        struct rt_writes *writes, struct st_error *err) {
        /* An update writes memory.max at once, as the kernel's users expect of it; a start must not
         * kill. */
        unsigned max_flags = use == RT_LIMITS_CREATE ? RT_WRITE_MEMORY_MAX : 0;
        int r = refuse_memory(memory, err);

        if (r == 0 && use == RT_LIMITS_UPDATE)
                r = check_usage(cgroup, leaf, memory, err);
        if (r == 0)
                r = add_swap(cgroup, leaf, memory, use, writes, err);
        if (r == 0 && memory->limit.has && memory->limit.value)
                r = add_bytes(writes, leaf, "memory.max", FIELD "memory.limit", max_flags,
                              memory->limit.value);
        if (r == 0 && memory->reservation.has && memory->reservation.value)
                r = add_bytes(writes, leaf, "memory.low", FIELD "memory.reservation", 0,
                              memory->reservation.value);
        return r;
}

/* 2..262144 to 1..10000 such that the defaults, 1024 and 100, meet. runc (since 1.3.2) and crun
 * (since 1.23) use this curve; the older linear one made of a default container 39, less than every
 * other cgroup's default. */
uint64_t rt_weight_of_shares(uint64_t shares) {
        double l;

        if (shares <= 2)
                return 1;
        if (shares >= 262144)
                return 10000;
        l = log2((double)shares);
        return (uint64_t)ceil(
                exp2(((l * l + 125 * l) / 612.0 - 7.0 / 34.0) * 3.321928094887362 /* log2(10) */));
}

/* 10..1000 to 1..10000. */
uint64_t rt_io_weight_of_blkio(uint64_t weight) {
        return 1 + (weight - 10) * 9999 / 990;
}

/* cpu.max is "QUOTA PERIOD"; of an update that sets one of them the other stays. */
static int add_cpu_max(struct rt_cgroup *cgroup, struct rt_leaf *leaf, const struct st_cpu *cpu,
                       enum rt_limits_use use, struct rt_writes *writes) {
        bool has_quota = cpu->quota.has && cpu->quota.value,
             has_period = cpu->period.has && cpu->period.value;
        char quota[48] = "max";

        if (!has_quota && !has_period)
                return 0;
        if (has_quota && cpu->quota.value > 0) {
                (void)snprintf(quota, sizeof quota, "%lld", (long long)cpu->quota.value);
        } else if (!has_quota && use == RT_LIMITS_UPDATE) {
                int dir_fd = rt_leaf_dir(cgroup, leaf);
                if (dir_fd >= 0 && rt_knob_read(dir_fd, "cpu.max", quota, sizeof quota) == 0)
                        quota[strcspn(quota, " ")] = 0;
        }
        if (!has_period) /* the kernel leaves the period alone when it is not given */
                return rt_writes_add(writes, leaf, "cpu.max", FIELD "cpu.quota", 0, "%s", quota);
        return rt_writes_add(writes, leaf, "cpu.max",
                             has_quota ? FIELD "cpu.quota" : FIELD "cpu.period", 0, "%s %llu",
                             quota, (unsigned long long)cpu->period.value);
}

int rt_limits_v2_cpu(struct rt_cgroup *cgroup, struct rt_leaf *leaf, const struct st_cpu *cpu,
                     enum rt_limits_use use, struct rt_writes *writes, struct st_error *err) {
        int r = 0;

        if (cpu->realtime_runtime.has && cpu->realtime_runtime.value)
                return rt_limits_refuse(err, FIELD "cpu.realtimeRuntime",
                                        "cgroup v2 has no real-time budget");
        if (cpu->realtime_period.has && cpu->realtime_period.value)
                return rt_limits_refuse(err, FIELD "cpu.realtimePeriod",
                                        "cgroup v2 has no real-time budget");
        if (cpu->shares.has && cpu->shares.value)
                r = rt_writes_add(writes, leaf, "cpu.weight", FIELD "cpu.shares", 0, "%llu",
                                  (unsigned long long)rt_weight_of_shares(cpu->shares.value));
        if (r == 0)
                r = add_cpu_max(cgroup, leaf, cpu, use, writes);
        if (r == 0 && cpu->burst.has)
                r = rt_writes_add(writes, leaf, "cpu.max.burst", FIELD "cpu.burst", 0, "%llu",
                                  (unsigned long long)cpu->burst.value);
        if (r == 0 && cpu->idle.has) /* after the weight, which an idle group refuses */
                r = rt_writes_add(writes, leaf, "cpu.idle", FIELD "cpu.idle", 0, "%lld",
                                  (long long)cpu->idle.value);
        if (r == 0 && cpu->idle.has && cpu->idle_or_weight) { /* until Linux 5.15 is the oldest */
                rt_writes_last(writes)->other_file = "cpu.weight";
                rt_writes_last(writes)->other_value = "1";
        }
        return r;
}

/* bfq has a weight of its own, on blkio's scale; io.weight is iocost's. */
static int add_weight(struct rt_writes *writes, struct rt_leaf *leaf, const char *field,
                      const char *device, uint64_t weight, struct st_error *err) {
        struct rt_write *w;
        int r;

        if (weight < 10 || weight > 1000)
                return rt_fail(err, ST_CODE_LIMIT, -ERANGE, "%s: %llu is not from 10 to 1000",
                               field, (unsigned long long)weight);
        r = rt_writes_add(writes, leaf, "io.bfq.weight", field, 0, "%s%llu", device,
                          (unsigned long long)weight);
        if (r < 0)
                return r;
        w = rt_writes_last(writes);
        w->other_file = "io.weight";
        w->other_value = st_arena_printf(writes->arena, "%s%llu", device,
                                         (unsigned long long)rt_io_weight_of_blkio(weight));
        return w->other_value ? 0 : -ENOMEM;
}

static int add_device_weight(struct rt_writes *writes, struct rt_leaf *leaf,
                             const struct st_weight_device *device, struct st_error *err) {
        char name[48];

        if (device->leaf_weight.has && device->leaf_weight.value)
                return rt_limits_refuse(err, FIELD "blockIO.weightDevice",
                                        "cgroup v2 has no leaf weight");
        if (!device->weight.has)
                return 0;
        (void)snprintf(name, sizeof name, "%lld:%lld ", (long long)device->major,
                       (long long)device->minor);
        return add_weight(writes, leaf, FIELD "blockIO.weightDevice", name, device->weight.value,
                          err);
}

static int add_throttle(struct rt_writes *writes, struct rt_leaf *leaf, const char *key,
                        const char *field, const struct st_throttle_device *devices, size_t n) {
        for (size_t i = 0; i < n; i++) {
                long long major = devices[i].major, minor = devices[i].minor;
                unsigned long long rate = devices[i].rate;
                int r;
                if (rate == 0) /* v1's way to say that there is no limit */
                        r = rt_writes_add(writes, leaf, "io.max", field, 0, "%lld:%lld %s=max",
                                          major, minor, key);
                else
                        r = rt_writes_add(writes, leaf, "io.max", field, 0, "%lld:%lld %s=%llu",
                                          major, minor, key, rate);
                if (r < 0)
                        return r;
        }
        return 0;
}

int rt_limits_v2_block_io(struct rt_leaf *leaf, const struct st_block_io *io,
                          struct rt_writes *writes, struct st_error *err) {
        int r = 0;

        if (io->leaf_weight.has && io->leaf_weight.value)
                return rt_limits_refuse(err, FIELD "blockIO.leafWeight",
                                        "cgroup v2 has no leaf weight");
        if (io->weight.has && io->weight.value)
                r = add_weight(writes, leaf, FIELD "blockIO.weight", "", io->weight.value, err);
        for (size_t i = 0; i < io->n_weight_devices && r == 0; i++)
                r = add_device_weight(writes, leaf, &io->weight_devices[i], err);
        if (r == 0)
                r = add_throttle(writes, leaf, "rbps", FIELD "blockIO.throttleReadBpsDevice",
                                 io->read_bps, io->n_read_bps);
        if (r == 0)
                r = add_throttle(writes, leaf, "wbps", FIELD "blockIO.throttleWriteBpsDevice",
                                 io->write_bps, io->n_write_bps);
        if (r == 0)
                r = add_throttle(writes, leaf, "riops", FIELD "blockIO.throttleReadIOPSDevice",
                                 io->read_iops, io->n_read_iops);
        if (r == 0)
                r = add_throttle(writes, leaf, "wiops", FIELD "blockIO.throttleWriteIOPSDevice",
                                 io->write_iops, io->n_write_iops);
        return r;
}
