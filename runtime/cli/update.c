#include "cli.h"

#include <errno.h>
#include <string.h>

#include <stint/cleanup.h>

static const char *resources_file;
static struct st_memory memory;
static struct st_cpu cpu;
static struct st_block_io block_io;
static struct st_resources resources;
static struct rt_rdt_update rdt;
static struct st_optional_i64 kernel_memory, kernel_tcp_memory;

static const struct cli_option options[] = {
        {"resources", 'r', CLI_TEXT(&resources_file), "FILE",
         "read linux.resources (JSON) here; \"-\": stdin"},
        {"memory", 0, CLI_SIZE(&memory.limit), "BYTES", "memory limit (also \"512M\"; -1: none)"},
        {"memory-reservation", 0, CLI_SIZE(&memory.reservation), "BYTES", "soft memory limit"},
        {"memory-swap", 0, CLI_SIZE(&memory.swap), "BYTES", "limit of memory plus swap (-1: none)"},
        {"pids-limit", 0, CLI_I64(&resources.pids_limit), "N", "how many tasks (-1: no limit)"},
        {"cpu-quota", 0, CLI_I64(&cpu.quota), "USEC", "CPU time in each period (-1: no limit)"},
        {"cpu-period", 0, CLI_U64(&cpu.period), "USEC", "the period of the quota"},
        {"cpu-burst", 0, CLI_U64(&cpu.burst), "USEC", "unused quota that may be saved up"},
        {"cpu-share", 0, CLI_U64(&cpu.shares), "N", "weight against other cgroups"},
        {"cpu-shares", 0, CLI_U64(&cpu.shares), "N", NULL},
        {"cpu-idle", 0, CLI_I64(&cpu.idle), "N", "1: run only when nothing else does; 0: normal"},
        {"cpu-rt-period", 0, CLI_U64(&cpu.realtime_period), "USEC",
         "period of real-time tasks (v1)"},
        {"cpu-rt-runtime", 0, CLI_I64(&cpu.realtime_runtime), "USEC",
         "their time in each period (v1)"},
        {"cpuset-cpus", 0, CLI_TEXT(&cpu.cpus), "LIST", "CPUs, such as 0-3,7"},
        {"cpuset-mems", 0, CLI_TEXT(&cpu.mems), "LIST", "memory nodes"},
        {"blkio-weight", 0, CLI_U64(&block_io.weight), "N", "block I/O weight, 10 to 1000"},
        {"l3-cache-schema", 0, CLI_TEXT(&rdt.l3_cache_schema), "TEXT", "Intel RDT L3 line"},
        {"mem-bw-schema", 0, CLI_TEXT(&rdt.mem_bw_schema), "TEXT", "Intel RDT MB line"},
        {"kernel-memory", 0, CLI_SIZE(&kernel_memory), "BYTES", NULL},
        {"kernel-memory-tcp", 0, CLI_SIZE(&kernel_tcp_memory), "BYTES", NULL},
        {0},
};

static int read_resources(struct st_arena *arena, const struct st_resources **ret_resources,
                          struct st_error *err) {
        const char *name = strcmp(resources_file, "-") ? resources_file : "standard input";
        st_autofree char *text = NULL;
        struct st_resources *parsed;
        size_t length;
        int r = cli_read_input(resources_file, &text, &length, err);

        if (r == 0)
                r = st_resources_parse(arena, name, text, length, &parsed, err);
        if (r == 0)
                *ret_resources = parsed;
        return r;
}

static const struct st_resources *resources_from_options(void) {
        if (memory.limit.has || memory.reservation.has || memory.swap.has)
                resources.memory = &memory;
        if (cpu.quota.has || cpu.period.has || cpu.burst.has || cpu.shares.has || cpu.idle.has ||
            cpu.realtime_period.has || cpu.realtime_runtime.has || cpu.cpus || cpu.mems)
                resources.cpu = &cpu;
        if (block_io.weight.has)
                resources.block_io = &block_io;
        return &resources;
}

static int check_options(struct cli *cli, struct st_error *err) {
        if (block_io.weight.has && (block_io.weight.value < 10 || block_io.weight.value > 1000))
                return cli_usage_error(
                        err, "invalid value \"%llu\" for flag -blkio-weight: value out of range",
                        (unsigned long long)block_io.weight.value);
        if (kernel_memory.has || kernel_tcp_memory.has)
                cli_warn(cli,
                         "update: kernel memory limits are ignored: Linux has none since 5.16");
        return 0;
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(4096);
        const struct st_resources *wanted = resources_from_options();
        int r;

        if (!arena)
                return st_error_set(err, -ENOMEM, "allocate the resources");
        r = check_options(cli, err);
        if (r == 0 && resources_file)
                r = read_resources(arena, &wanted, err);
        if (r == 0)
                r = cli_open_container(cli, operands[0], &runtime, &container, err);
        return r < 0 ? r : rt_container_update(container, wanted, &rdt, err);
}

const struct cli_verb cli_update = {
        .name = "update",
        .operands = "ID",
        .summary = "change a container's limits",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
        .run = run,
};
