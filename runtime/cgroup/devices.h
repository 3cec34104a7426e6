/* runtime/cgroup/devices.h: which devices a container may use: the rules, and the two ways to
 * enforce them. */
#pragma once
#include "manager.h"

#include <linux/bpf.h>

/* The last rule that matches decides, for each of read, write and mknod by itself; where none
 * matches, default_allow does. Types in items are 'c' and 'b' only. */
struct rt_device_rules {
        bool default_allow;
        struct st_device_rule *items;
        size_t n_items;
};

enum { RT_DEV_MKNOD = 1, RT_DEV_READ = 2, RT_DEV_WRITE = 4, RT_DEV_ALL = 7 }; /* BPF_DEVCG_ACC_* */

static inline unsigned rt_device_access(const struct st_device_rule *rule) {
        return (rule->mknod ? RT_DEV_MKNOD : 0u) | (rule->read ? RT_DEV_READ : 0u) |
               (rule->write ? RT_DEV_WRITE : 0u);
}

/* Reduce a config's rules, with the standard ones after them (mknod of anything, null, zero, full,
 * random, urandom, tty, ptmx, pts, tun: what runc allows every container). */
int rt_device_rules_new(struct st_arena *arena, const struct st_device_rule *rules, size_t n_rules,
                        struct rt_device_rules **ret_rules, struct st_error *err);
bool rt_device_rules_allow_all(const struct rt_device_rules *rules);
/* What the rules say; for tests, and the model of both ways. */
bool rt_device_rules_check(const struct rt_device_rules *rules, enum st_device_type type,
                           int64_t major, int64_t minor, unsigned access);

/* --- devices_v1.c: devices.allow and devices.deny --- */
int rt_device_rules_plan_v1(const struct rt_device_rules *rules, struct rt_cgroup *cgroup,
                            struct rt_leaf *leaf, enum rt_limits_use use, struct rt_writes *writes,
                            struct st_error *err);

/* --- devices_bpf.c: a BPF program on the v2 leaf --- */
/* Assemble into @insns; the number of instructions, or -E2BIG. */
int rt_device_program(const struct rt_device_rules *rules, struct bpf_insn *insns, size_t room);
size_t rt_device_program_room(const struct rt_device_rules *rules);
/* Load and attach, in place of a program that we attached before. */
int rt_device_program_attach(const struct rt_device_rules *rules, int leaf_fd,
                             enum rt_limits_use use, bool rootless, struct st_error *err);
