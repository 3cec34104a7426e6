/* runtime/cgroup/unit_properties.c: limits in systemd's words.
 *
 * They are derived from what will be written to the cgroup's files, so config.json's typed fields
 * and its raw `unified` go the same way. What systemd has no word for is only written to the file,
 * and systemd leaves it alone. */
#include "devices.h"
#include "unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/parse.h>
#include <stint/scan.h>

int rt_properties_add(struct rt_properties *properties, const char *fmt, ...) {
        st_autofree char *text = NULL;
        va_list ap;
        int n;

        if (properties->n_items + 1 >= properties->n_room) {
                size_t room = properties->n_room ? 2 * properties->n_room : 32;
                char **items = st_arena_array(properties->arena, room, sizeof *items);
                if (!items)
                        return -ENOMEM;
                if (properties->n_items)
                        memcpy(items, properties->items, properties->n_items * sizeof *items);
                properties->items = items;
                properties->n_room = room;
        }
        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        properties->items[properties->n_items] = st_arena_strdup(properties->arena, text);
        if (!properties->items[properties->n_items])
                return -ENOMEM;
        properties->items[++properties->n_items] = NULL;
        return 0;
}

/* "max" and -1 are systemd's infinity. */
static int add_amount(struct rt_properties *properties, const char *name, const char *value) {
        uint64_t number;

        if (st_parse_u64(value, &number) < 0)
                number = UINT64_MAX;
        return rt_properties_add(properties, "%s=t:%llu", name, (unsigned long long)number);
}

static int add_cpus(struct rt_properties *properties, const char *name, const char *value) {
        return *value ? rt_properties_add(properties, "%s=list:%s", name, value) : 0;
}

static int add_tasks(struct rt_properties *properties, const char *name, const char *value) {
        return add_amount(properties, name,
                          strcmp(value, "0") ? value : "1"); /* systemd refuses 0 */
}

/* Since systemd 252 a weight of 0 means idle; an older one would refuse the unit. */
static int add_idle(struct rt_properties *properties, const char *name, const char *value) {
        return strcmp(value, "1") ? 0 : rt_properties_add(properties, "252+%s=t:0", name);
}

/* systemd counts in whole percents of a second: round up, so that the exact value fits below. */
static int add_quota(struct rt_properties *properties, uint64_t quota, uint64_t period) {
        uint64_t per_second = UINT64_MAX;

        if (quota != UINT64_MAX && period > 0 && quota < UINT64_MAX / 1000000) {
                per_second = quota * 1000000 / period;
                per_second = (per_second + 9999) / 10000 * 10000;
        }
        return rt_properties_add(properties, "CPUQuotaPerSecUSec=t:%llu",
                                 (unsigned long long)per_second);
}

static int add_cpu_max(struct rt_properties *properties, const char *name, const char *value) {
        uint64_t quota = UINT64_MAX, period = 100000; /* what is not there keeps the default */
        int r;

        (void)name;
        if (st_scan_text(&value, "max") || st_scan_u64(&value, &quota))
                (void)st_scan_u64(&value, &period);
        r = add_quota(properties, quota, period);
        return r < 0 ? r
                     : rt_properties_add(properties, "CPUQuotaPeriodUSec=t:%llu",
                                         (unsigned long long)period);
}

static const struct {
        const char *file, *name;
        bool memory;
        int (*add)(struct rt_properties *properties, const char *name, const char *value);
} table[] = {
        {"memory.max", "MemoryMax", true, add_amount},
        {"memory.high", "MemoryHigh", true, add_amount},
        {"memory.low", "MemoryLow", true, add_amount},
        {"memory.min", "MemoryMin", true, add_amount},
        {"memory.swap.max", "MemorySwapMax", true, add_amount},
        {"memory.limit_in_bytes", "MemoryLimit", true, add_amount},
        {"pids.max", "TasksMax", false, add_tasks},
        {"cpu.weight", "CPUWeight", false, add_amount},
        {"cpu.idle", "CPUWeight", false, add_idle},
        {"cpu.max", NULL, false, add_cpu_max},
        {"cpu.shares", "CPUShares", false, add_amount},
        {"cpuset.cpus", "AllowedCPUs", false, add_cpus},
        {"cpuset.mems", "AllowedMemoryNodes", false, add_cpus},
        {"blkio.bfq.weight", "BlockIOWeight", false, add_amount},
};

static const char *value_of(const struct rt_writes *writes, const char *file) {
        for (size_t i = writes->n_items; i-- > 0;)
                if (!strcmp(writes->items[i].file, file))
                        return writes->items[i].value;
        return NULL;
}

/* v1 has the quota and its period in two files. */
static int add_v1_quota(struct rt_properties *properties, const struct rt_writes *writes) {
        const char *quota_text = value_of(writes, "cpu.cfs_quota_us"),
                   *period_text = value_of(writes, "cpu.cfs_period_us");
        uint64_t quota, period = 100000;

        if (!quota_text)
                return 0;
        if (st_parse_u64(quota_text, &quota) < 0)
                quota = UINT64_MAX;
        if (period_text && st_parse_u64(period_text, &period) < 0)
                return -EINVAL;
        return add_quota(properties, quota, period);
}

/* "char-136", "/dev/char/1:3", "char-*"; false: systemd has no word for it. */
static bool print_device(const struct st_device_rule *rule, char *buf, size_t size) {
        const char *type = rule->type == ST_DEVICE_BLOCK ? "block" : "char";

        if (rule->major < 0 && rule->minor >= 0)
                return false;
        if (rule->major < 0)
                (void)snprintf(buf, size, "%s-*", type);
        else if (rule->minor < 0)
                (void)snprintf(buf, size, "%s-%lld", type, (long long)rule->major);
        else
                (void)snprintf(buf, size, "/dev/%s/%lld:%lld", type, (long long)rule->major,
                               (long long)rule->minor);
        return true;
}

/* systemd's program is a second one beside ours, and both must agree: it has to allow at least what
 * ours does. */
static int add_devices(struct rt_properties *properties, const struct rt_device_rules *rules) {
        char *list = st_arena_strdup(properties->arena, "");
        bool exact = !rules->default_allow;
        int r;

        for (size_t i = 0; i < rules->n_items && exact && list; i++) {
                const struct st_device_rule *rule = &rules->items[i];
                char name[64];

                if (!rule->allow)
                        continue;
                exact = print_device(rule, name, sizeof name);
                list = st_arena_printf(properties->arena, "%s%s%s %s%s%s", list, *list ? ";" : "",
                                       name, rule->read ? "r" : "", rule->write ? "w" : "",
                                       rule->mknod ? "m" : "");
        }
        if (!list)
                return -ENOMEM;
        r = rt_properties_add(properties, "DevicePolicy=s:%s", exact ? "strict" : "auto");
        if (r == 0)
                r = rt_properties_add(properties,
                                      "DeviceAllow=a(ss):"); /* empty: forget those of before */
        if (r == 0 && exact)
                r = rt_properties_add(properties, "DeviceAllow=a(ss):%s", list);
        return r;
}

int rt_properties_of_limits(struct rt_properties *properties, const struct rt_writes *writes,
                            const struct rt_device_rules *devices, enum rt_memory_part part) {
        int r = devices ? add_devices(properties, devices) : 0;

        for (size_t i = 0; i < writes->n_items && r == 0; i++)
                for (size_t k = 0; k < sizeof table / sizeof *table && r == 0; k++)
                        if (!strcmp(writes->items[i].file, table[k].file) &&
                            (part == RT_WITH_MEMORY || !table[k].memory))
                                r = table[k].add(properties, table[k].name, writes->items[i].value);
        return r < 0 ? r : add_v1_quota(properties, writes);
}
