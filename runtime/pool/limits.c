/* The limits of a task, over those of its slot's config. */
#include "internal.h"

/* What a task may set that the next one has to find as it was. */
enum {
        HAS_MEMORY = 1 << 0,
        HAS_RESERVATION = 1 << 1,
        HAS_SWAP = 1 << 2,
        HAS_SHARES = 1 << 3,
        HAS_QUOTA = 1 << 4,
        HAS_PERIOD = 1 << 5,
        HAS_CPUS = 1 << 6,
        HAS_MEMS = 1 << 7,
        HAS_PIDS = 1 << 8,
        HAS_OTHERS = 1 << 9, /* what has no value that takes it back */
};

static unsigned has_of_memory(const struct st_memory *memory) {
        if (!memory)
                return 0;
        return (memory->limit.has ? HAS_MEMORY : 0) |
               (memory->reservation.has ? HAS_RESERVATION : 0) | (memory->swap.has ? HAS_SWAP : 0) |
               (memory->kernel.has || memory->kernel_tcp.has || memory->swappiness.has ||
                                memory->has_disable_oom_killer
                        ? HAS_OTHERS
                        : 0);
}

static unsigned has_of_cpu(const struct st_cpu *cpu) {
        if (!cpu)
                return 0;
        return (cpu->shares.has ? HAS_SHARES : 0) | (cpu->quota.has ? HAS_QUOTA : 0) |
               (cpu->period.has ? HAS_PERIOD : 0) | (cpu->cpus ? HAS_CPUS : 0) |
               (cpu->mems ? HAS_MEMS : 0) |
               (cpu->idle.has || cpu->burst.has || cpu->realtime_period.has ||
                                cpu->realtime_runtime.has
                        ? HAS_OTHERS
                        : 0);
}

static unsigned has_of(const struct st_resources *resources) {
        if (!resources)
                return 0;
        return has_of_memory(resources->memory) | has_of_cpu(resources->cpu) |
               (resources->pids_limit.has ? HAS_PIDS : 0) |
               (resources->n_devices || resources->block_io || resources->n_hugepages ||
                                resources->net_class_id.has || resources->n_net_priorities ||
                                resources->n_rdma || resources->n_unified
                        ? HAS_OTHERS
                        : 0);
}

static void merge_memory(struct st_memory *to, const struct st_memory *task) {
        if (task->limit.has)
                to->limit = task->limit;
        if (task->reservation.has)
                to->reservation = task->reservation;
        if (task->swap.has)
                to->swap = task->swap;
}

static void merge_cpu(struct st_cpu *to, const struct st_cpu *task) {
        if (task->shares.has)
                to->shares = task->shares;
        if (task->quota.has)
                to->quota = task->quota;
        if (task->period.has)
                to->period = task->period;
        if (task->cpus)
                to->cpus = task->cpus;
        if (task->mems)
                to->mems = task->mems;
}

static int refuse(struct st_error *err, const char *why) {
        return st_error_kind(err, st_error_set(err, -EOPNOTSUPP, "resources: %s", why),
                             ST_CODE_UNSUPPORTED);
}

/* The config's, or those that the slot was bound to. */
static void add_domain(const struct rt_slot *slot, struct st_cpu *cpu) {
        if (slot->domain < 0)
                return;
        cpu->cpus = slot->pool->domains[slot->domain].cpus;
        if (slot->pool->domains[slot->domain].mems)
                cpu->mems = slot->pool->domains[slot->domain].mems;
}

int rt_slot_limit(struct rt_slot *slot, const struct st_resources *resources,
                  struct st_error *err) {
        static const struct st_resources none = {0};
        const struct st_resources *config =
                rt_blueprint_spec(slot->pool->blueprint)->linux_.resources;
        struct st_memory memory =
                config && config->memory ? *config->memory : (struct st_memory) {0};
        struct st_cpu cpu = config && config->cpu ? *config->cpu : (struct st_cpu) {0};
        unsigned has = has_of(resources), known = has_of(config);
        struct st_resources merged = resources ? *resources : none;

        if (!has && !slot->limits)
                return 0;
        if (!slot->cgroup || rt_cgroup_mode_of(slot->cgroup) == RT_CGROUP_NONE)
                return refuse(err, "the slot has no cgroup");
        if (slot->parked.reuse && (has & HAS_OTHERS))
                return refuse(err,
                              "a slot that runs several tasks takes memory, cpu and pids only");
        add_domain(slot, &cpu);
        known |= slot->domain < 0 ? 0 : HAS_CPUS;
        if (slot->limits & ~has & ~known)
                return refuse(err, "the slot's last task set a limit that nothing takes back");
        if (resources && resources->memory)
                merge_memory(&memory, resources->memory);
        if (resources && resources->cpu)
                merge_cpu(&cpu, resources->cpu);
        if (!(has & HAS_OTHERS) || !resources->memory || slot->parked.reuse)
                merged.memory = &memory;
        if (!(has & HAS_OTHERS) || !resources->cpu || slot->parked.reuse)
                merged.cpu = &cpu;
        if (!merged.pids_limit.has && config)
                merged.pids_limit = config->pids_limit; /* with pid 1 already */
        else if (merged.pids_limit.has && merged.pids_limit.value > 0)
                merged.pids_limit.value += !slot->pool->no_init;
        slot->limits = has;
        return rt_cgroup_update(slot->cgroup, &merged, err);
}
