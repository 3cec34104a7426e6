/* runtime/cgroup/limits.c: linux.resources into writes: which hierarchy each part goes to, and the
 * parts that are the same on v1 and v2. */
#include "devices.h"
#include "manager.h"

#include <string.h>

static int missing(struct st_error *err, const char *field, unsigned controller) {
        return rt_fail(err, ST_CODE_UNSUPPORTED, -EOPNOTSUPP,
                       "%s: this machine has no %s cgroup controller", field,
                       rt_controller_name(controller));
}

int rt_limits_refuse(struct st_error *err, const char *field, const char *why) {
        return rt_fail(err, ST_CODE_UNSUPPORTED, -EOPNOTSUPP, "%s: %s", field, why);
}

int rt_limits_need(struct rt_cgroup *cgroup, unsigned controller, const char *field,
                   struct rt_leaf **ret_leaf, struct st_error *err) {
        struct rt_leaf *leaf = rt_leaf_of(cgroup, controller);

        if (!leaf)
                return missing(err, field, controller);
        if (leaf->v2)
                cgroup->wanted |= controller;
        *ret_leaf = leaf;
        return 0;
}

static bool is_set(const struct st_optional_i64 *value) {
        return value->has && value->value != 0;
}

bool rt_swappiness_is_set(const struct st_memory *memory) {
        return memory->swappiness.has &&
               memory->swappiness.value != UINT64_MAX; /* -1 of older callers */
}

/* Is there anything that cannot be had without a memory controller? */
static bool memory_is_set(const struct st_memory *memory) {
        return is_set(&memory->limit) || is_set(&memory->reservation) || is_set(&memory->swap) ||
               is_set(&memory->kernel_tcp) || rt_swappiness_is_set(memory) ||
               memory->disable_oom_killer;
}

static int plan_memory(struct rt_cgroup *cgroup, const struct st_memory *memory,
                       enum rt_limits_use use, struct rt_writes *writes, struct st_error *err) {
        struct rt_leaf *leaf = rt_leaf_of(cgroup, RT_CTL_MEMORY);

        if (memory->kernel.has && memory->kernel.value > 0)
                cgroup->warning =
                        "linux.resources.memory.kernel is ignored: kernels since 5.16 have none";
        if (memory_is_set(memory)) {
                int r = rt_limits_need(cgroup, RT_CTL_MEMORY, "linux.resources.memory", &leaf, err);
                if (r < 0)
                        return r;
        }
        if (!leaf)
                return 0;
        return leaf->v2 ? rt_limits_v2_memory(cgroup, leaf, memory, use, writes, err)
                        : rt_limits_v1_memory(leaf, memory, use, writes, err);
}

static int plan_cpuset(struct rt_cgroup *cgroup, const struct st_cpu *cpu, struct rt_writes *writes,
                       struct st_error *err) {
        struct rt_leaf *leaf = NULL;
        int r;

        if ((!cpu->cpus || !*cpu->cpus) && (!cpu->mems || !*cpu->mems))
                return 0;
        r = rt_limits_need(cgroup, RT_CTL_CPUSET, "linux.resources.cpu.cpus", &leaf, err);
        if (r == 0 && cpu->cpus && *cpu->cpus)
                r = rt_writes_add(writes, leaf, "cpuset.cpus", "linux.resources.cpu.cpus",
                                  RT_WRITE_EARLY, "%s", cpu->cpus);
        if (r == 0 && cpu->mems && *cpu->mems)
                r = rt_writes_add(writes, leaf, "cpuset.mems", "linux.resources.cpu.mems",
                                  RT_WRITE_EARLY, "%s", cpu->mems);
        return r;
}

static bool cpu_is_set(const struct st_cpu *cpu) {
        return cpu->shares.has || cpu->period.has || cpu->quota.has || cpu->burst.has ||
               cpu->idle.has || cpu->realtime_period.has || cpu->realtime_runtime.has;
}

static int plan_cpu(struct rt_cgroup *cgroup, const struct st_cpu *cpu, enum rt_limits_use use,
                    struct rt_writes *writes, struct st_error *err) {
        struct rt_leaf *leaf = NULL;
        int r = plan_cpuset(cgroup, cpu, writes, err);

        if (r < 0 || !cpu_is_set(cpu))
                return r;
        r = rt_limits_need(cgroup, RT_CTL_CPU, "linux.resources.cpu", &leaf, err);
        if (r < 0)
                return r;
        return leaf->v2 ? rt_limits_v2_cpu(cgroup, leaf, cpu, use, writes, err)
                        : rt_limits_v1_cpu(leaf, cpu, writes, err);
}

static bool block_io_is_set(const struct st_block_io *io) {
        return (io->weight.has && io->weight.value) ||
               (io->leaf_weight.has && io->leaf_weight.value) || io->n_weight_devices ||
               io->n_read_bps || io->n_write_bps || io->n_read_iops || io->n_write_iops;
}

static int plan_block_io(struct rt_cgroup *cgroup, const struct st_block_io *io,
                         struct rt_writes *writes, struct st_error *err) {
        struct rt_leaf *leaf = NULL;
        int r = rt_limits_need(cgroup, RT_CTL_IO, "linux.resources.blockIO", &leaf, err);

        if (r < 0)
                return r;
        return leaf->v2 ? rt_limits_v2_block_io(leaf, io, writes, err)
                        : rt_limits_v1_block_io(leaf, io, writes);
}

/* 0 is written as 1, as runc does: systemd knows no TasksMax=0, and the init counts, so both refuse
 * any fork. */
static int plan_pids(struct rt_cgroup *cgroup, int64_t limit, struct rt_writes *writes,
                     struct st_error *err) {
        static const char field[] = "linux.resources.pids.limit";
        struct rt_leaf *leaf = NULL;
        int r = rt_limits_need(cgroup, RT_CTL_PIDS, field, &leaf, err);

        if (r < 0)
                return r;
        if (limit < 0)
                return rt_writes_add(writes, leaf, "pids.max", field, 0, "max");
        return rt_writes_add(writes, leaf, "pids.max", field, 0, "%lld",
                             (long long)(limit > 0 ? limit : 1));
}

/* Both the limit of what is used and, since Linux 5.7, of what is reserved (mmap of huge pages
 * reserves first). */
static int plan_hugepages(struct rt_cgroup *cgroup, const struct st_resources *resources,
                          struct rt_writes *writes, struct st_error *err) {
        static const char field[] = "linux.resources.hugepageLimits";
        struct rt_leaf *leaf = NULL;
        int r = rt_limits_need(cgroup, RT_CTL_HUGETLB, field, &leaf, err);

        for (size_t i = 0; i < resources->n_hugepages && r == 0; i++) {
                const struct st_hugepage_limit *limit = &resources->hugepages[i];
                const char *suffix = leaf->v2 ? "max" : "limit_in_bytes";
                char *file =
                        st_arena_printf(writes->arena, "hugetlb.%s.%s", limit->page_size, suffix);
                char *rsvd = st_arena_printf(writes->arena, "hugetlb.%s.rsvd.%s", limit->page_size,
                                             suffix);

                if (!file || !rsvd)
                        return -ENOMEM;
                r = rt_writes_add(writes, leaf, file, field, 0, "%llu",
                                  (unsigned long long)limit->limit);
                if (r == 0)
                        r = rt_writes_add(writes, leaf, rsvd, field, RT_WRITE_OPTIONAL, "%llu",
                                          (unsigned long long)limit->limit);
        }
        return r;
}

static int plan_rdma(struct rt_cgroup *cgroup, const struct st_resources *resources,
                     struct rt_writes *writes, struct st_error *err) {
        static const char field[] = "linux.resources.rdma";
        struct rt_leaf *leaf = NULL;
        int r = rt_limits_need(cgroup, RT_CTL_RDMA, field, &leaf, err);

        for (size_t i = 0; i < resources->n_rdma && r == 0; i++) {
                const struct st_rdma *rdma = &resources->rdma[i];
                char handles[48] = "", objects[48] = "";

                if (rdma->hca_handles.has)
                        (void)snprintf(handles, sizeof handles, " hca_handle=%llu",
                                       (unsigned long long)rdma->hca_handles.value);
                if (rdma->hca_objects.has)
                        (void)snprintf(objects, sizeof objects, " hca_object=%llu",
                                       (unsigned long long)rdma->hca_objects.value);
                if (*handles || *objects)
                        r = rt_writes_add(writes, leaf, "rdma.max", field, 0, "%s%s%s",
                                          rdma->device, handles, objects);
        }
        return r;
}

static int plan_network(struct rt_cgroup *cgroup, const struct st_resources *resources,
                        struct rt_writes *writes, struct st_error *err) {
        struct rt_leaf *leaf = NULL;
        int r = 0;

        if (resources->net_class_id.has && resources->net_class_id.value) {
                r = rt_limits_need(cgroup, RT_CTL_NET_CLS, "linux.resources.network.classID", &leaf,
                                   err);
                if (r == 0)
                        r = rt_writes_add(writes, leaf, "net_cls.classid",
                                          "linux.resources.network.classID", RT_WRITE_EARLY, "%llu",
                                          (unsigned long long)resources->net_class_id.value);
        }
        for (size_t i = 0; i < resources->n_net_priorities && r == 0; i++) {
                const struct st_net_priority *priority = &resources->net_priorities[i];

                r = rt_limits_need(cgroup, RT_CTL_NET_PRIO, "linux.resources.network.priorities",
                                   &leaf, err);
                if (r == 0)
                        r = rt_writes_add(writes, leaf, "net_prio.ifpriomap",
                                          "linux.resources.network.priorities", RT_WRITE_EARLY,
                                          "%s %u", priority->name, priority->priority);
        }
        return r;
}

/* Each line is a write of its own: that is how files such as io.max want them. */
static int plan_unified_key(struct rt_leaf *leaf, const struct st_string_pair *pair,
                            struct rt_writes *writes) {
        char *field = st_arena_printf(writes->arena, "linux.resources.unified[\"%s\"]", pair->key);
        char *file = st_arena_strdup(writes->arena, pair->key);
        const char *line = pair->value;

        if (!field || !file)
                return -ENOMEM;
        for (;;) {
                size_t length = strcspn(line, "\n");
                unsigned flags = strcmp(file, "memory.max") ? 0 : RT_WRITE_MEMORY_MAX;
                int r = rt_writes_add(writes, leaf, file, field, flags, "%.*s", (int)length, line);

                if (r < 0 || !line[length] || !line[length + 1])
                        return r;
                line += length + 1;
        }
}

static int plan_unified(struct rt_cgroup *cgroup, const struct st_resources *resources,
                        struct rt_writes *writes, struct st_error *err) {
        struct rt_leaf *leaf = rt_leaf_v2(cgroup);

        if (!leaf)
                return rt_limits_refuse(err, "linux.resources.unified",
                                        "this machine has no cgroup v2");
        for (size_t i = 0; i < resources->n_unified; i++) {
                const struct st_string_pair *pair = &resources->unified[i];
                unsigned bit = rt_controller_bit(pair->key, strcspn(pair->key, "."));
                int r;

                if (!*pair->key || *pair->key == '.' || strchr(pair->key, '/'))
                        return rt_fail(err, ST_CODE_CONFIG_INVALID, -EINVAL,
                                       "linux.resources.unified: \"%s\" is not the name of a file",
                                       pair->key);
                if (bit & leaf->controllers)
                        cgroup->wanted |= bit;
                r = plan_unified_key(leaf, pair, writes);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* An empty device list of an update means: leave them. At a start the standard rules apply all the
 * same. */
static int plan_devices(struct rt_cgroup *cgroup, const struct st_resources *resources,
                        enum rt_limits_use use, struct rt_writes *writes, struct st_error *err) {
        const struct st_device_rule *rules = resources ? resources->devices : NULL;
        size_t n = resources ? resources->n_devices : 0;
        struct rt_leaf *leaf = rt_leaf_of(cgroup, RT_CTL_DEVICES);
        int r;

        if (use == RT_LIMITS_UPDATE && n == 0)
                return 0;
        if (!leaf && !rt_leaf_v2(cgroup))
                return 0; /* no cgroup at all: rootless */
        r = rt_device_rules_new(cgroup->arena, rules, n, &cgroup->devices, err);
        if (r == 0 && leaf)
                r = rt_device_rules_plan_v1(cgroup->devices, cgroup, leaf, use, writes, err);
        return r;
}

static int plan_all(struct rt_cgroup *cgroup, const struct st_resources *resources,
                    enum rt_limits_use use, struct rt_writes *writes, struct st_error *err) {
        int r = 0;

        if (resources->memory)
                r = plan_memory(cgroup, resources->memory, use, writes, err);
        if (r == 0 && resources->cpu)
                r = plan_cpu(cgroup, resources->cpu, use, writes, err);
        if (r == 0 && resources->pids_limit.has)
                r = plan_pids(cgroup, resources->pids_limit.value, writes, err);
        if (r == 0 && resources->block_io && block_io_is_set(resources->block_io))
                r = plan_block_io(cgroup, resources->block_io, writes, err);
        if (r == 0 && resources->n_hugepages)
                r = plan_hugepages(cgroup, resources, writes, err);
        if (r == 0 && resources->n_rdma)
                r = plan_rdma(cgroup, resources, writes, err);
        if (r == 0)
                r = plan_network(cgroup, resources, writes, err);
        if (r == 0 && resources->n_unified)
                r = plan_unified(cgroup, resources, writes, err);
        return r;
}

int rt_limits_plan(struct rt_cgroup *cgroup, const struct st_resources *resources,
                   enum rt_limits_use use, struct rt_writes *writes, struct st_error *err) {
        int r = plan_devices(cgroup, resources, use, writes, err);

        if (r == 0 && resources)
                r = plan_all(cgroup, resources, use, writes, err);
        if (r == -ENOMEM && err && !err->code)
                return st_error_set(err, r, "plan the cgroup's limits");
        return r;
}
