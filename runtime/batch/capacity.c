#include "capacity.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/scan.h>

enum { MILLI = 1000, PATH_ROOM = 4096, SLOTS_MAX = 4096, CPU_SET_CPUS = 8192 };

/* The numbers at the beginning of a file, which may be missing: then there is no limit. */
static unsigned read_numbers(const char *dir, const char *file, uint64_t numbers[static 2]) {
        st_autofree char *text = NULL;
        char path[PATH_ROOM];
        const char *at;
        unsigned n = 0;

        if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path ||
            st_read_file_at(AT_FDCWD, path, 4096, &text, NULL, NULL) < 0)
                return 0;
        for (at = text; n < 2 && st_scan_u64(&at, &numbers[n]); n++)
                ;
        return n;
}

static void lower_to(uint64_t *value, uint64_t limit) {
        if (limit > 0 && limit < *value)
                *value = limit;
}

/* "max 100000" has no number in front, and v1's -1 neither. */
static void look_at(const char *dir, struct rt_capacity *capacity) {
        uint64_t numbers[2], period[2];

        if (read_numbers(dir, "cpu.max", numbers) == 2 && numbers[1])
                lower_to(&capacity->cpu_milli, numbers[0] * MILLI / numbers[1]);
        if (read_numbers(dir, "cpu.cfs_quota_us", numbers) >= 1 &&
            read_numbers(dir, "cpu.cfs_period_us", period) >= 1 && period[0])
                lower_to(&capacity->cpu_milli, numbers[0] * MILLI / period[0]);
        if (read_numbers(dir, "memory.max", numbers) >= 1)
                lower_to(&capacity->memory_bytes, numbers[0]);
        if (read_numbers(dir, "memory.limit_in_bytes", numbers) >= 1)
                lower_to(&capacity->memory_bytes, numbers[0]);
}

/* From a cgroup up to its hierarchy's root: the smallest counts. */
static void look_upwards(const char *mount, const char *path, struct rt_capacity *capacity) {
        char dir[PATH_ROOM];
        size_t top = strlen(mount);

        if (snprintf(dir, sizeof dir, "%s%s", mount, path) >= (int)sizeof dir)
                return;
        for (;;) {
                char *slash;

                look_at(dir, capacity);
                slash = strrchr(dir, '/');
                if (strlen(dir) <= top || !slash || slash < dir + top)
                        return;
                *slash = 0;
        }
}

/* A line of /proc/self/cgroup: "4:memory:/user", "0::/user". The hierarchy is where everybody
 * mounts it. */
static void look_at_line(const char *cgroups, char *line, struct rt_capacity *capacity) {
        char *names, *path;
        char mount[PATH_ROOM];

        (void)strsep(&line, ":");
        names = strsep(&line, ":");
        path = line;
        if (!names || !path || strstr(path, "/.."))
                return;
        if (*names) {
                if (snprintf(mount, sizeof mount, "%s/%s", cgroups, names) < (int)sizeof mount)
                        look_upwards(mount, path, capacity);
                return;
        }
        look_upwards(cgroups, path, capacity);
        if (snprintf(mount, sizeof mount, "%s/unified", cgroups) < (int)sizeof mount)
                look_upwards(mount, path, capacity);
}

static uint64_t count_cpus(void) {
        cpu_set_t *set = CPU_ALLOC(CPU_SET_CPUS);
        size_t size = CPU_ALLOC_SIZE(CPU_SET_CPUS);
        uint64_t n = 1;

        if (set && sched_getaffinity(0, size, set) == 0)
                n = (uint64_t)CPU_COUNT_S(size, set);
        CPU_FREE(set);
        return n;
}

static uint64_t total_memory(const char *proc) {
        st_autofree char *text = NULL;
        char path[PATH_ROOM];
        const char *at = text;
        uint64_t kib = 0;

        if (snprintf(path, sizeof path, "%s/meminfo", proc) >= (int)sizeof path ||
            st_read_file_at(AT_FDCWD, path, 64 << 10, &text, NULL, NULL) < 0)
                return UINT64_MAX;
        at = strstr(text, "MemTotal:");
        if (at)
                at += strlen("MemTotal:");
        return at && st_scan_u64(&at, &kib) ? kib * 1024 : UINT64_MAX;
}

int rt_capacity_read(const char *proc, const char *cgroups, struct rt_capacity *ret_capacity,
                     struct st_error *err) {
        struct rt_capacity capacity = {count_cpus() * MILLI, total_memory(proc)};
        st_autofree char *text = NULL;
        char path[PATH_ROOM];
        int r;

        if (snprintf(path, sizeof path, "%s/self/cgroup", proc) >= (int)sizeof path)
                return st_error_code(err, -ENAMETOOLONG, "read %s/self/cgroup", proc);
        r = st_read_file_at(AT_FDCWD, path, 64 << 10, &text, NULL, err);
        if (r < 0)
                return r;
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
                look_at_line(cgroups, line, &capacity);
        *ret_capacity = capacity;
        return 0;
}

unsigned rt_capacity_slots(const struct rt_capacity *capacity, uint64_t cpu_milli,
                           uint64_t memory_bytes) {
        uint64_t slots = capacity->cpu_milli / (cpu_milli ? cpu_milli : MILLI);

        if (memory_bytes && capacity->memory_bytes / memory_bytes < slots)
                slots = capacity->memory_bytes / memory_bytes;
        if (slots > SLOTS_MAX)
                slots = SLOTS_MAX;
        return slots ? (unsigned)slots : 1;
}
