#include <stint/process.h>
#include <stint/syscall.h>

enum { CPU_WORDS = 8192 / 64 }; /* the largest NR_CPUS that the kernel can be built with */

int rt_affinity_apply(const char *cpu_list, const char *field, struct st_error *err) {
        uint64_t mask[CPU_WORDS] = {0};
        int r = st_parse_cpu_list(cpu_list, mask, CPU_WORDS);

        if (r < 0)
                return st_error_code(err, r, "%s: CPU list %s", field, cpu_list);
        if (syscall(SYS_sched_setaffinity, 0, sizeof mask, mask) < 0)
                return st_error_sys(err, "%s: sched_setaffinity to CPUs %s", field, cpu_list);
        return 0;
}
