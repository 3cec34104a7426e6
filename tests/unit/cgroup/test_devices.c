/* Device rules: reduced, as v1 files, and as a BPF program that is run here. */
#include "../../../runtime/cgroup/devices.h"
#include "fake.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <stint/cleanup.h>

static struct fake fake;

static void set_up(void) {
        fake_init(&fake, RT_CGROUP_V1);
        fake_machine(&fake, "/");
}

static void tear_down(void) {
        fake_deinit(&fake);
        st_test_no_leaks();
}

TestSuite(devices, .init = set_up, .fini = tear_down);

static struct rt_device_rules *rules_of(const char *json) {
        const struct st_resources *resources =
                fake_resources(&fake, st_arena_printf(fake.arena, "{'devices': [%s]}", json));
        struct rt_device_rules *rules;
        struct st_error err = {0};

        cr_assert_eq(rt_device_rules_new(fake.arena, resources->devices, resources->n_devices,
                                         &rules, &err),
                     0, "%s", err.msg);
        return rules;
}

/* ---- a machine for the instructions that the assembler uses ---- */

static uint64_t mask32(uint64_t value) {
        return value & UINT32_MAX;
}

static bool jumps(const struct bpf_insn *i, uint64_t left, uint64_t right) {
        switch (BPF_OP(i->code)) {
        case BPF_JEQ:
                return left == right;
        case BPF_JSET:
                return left & right;
        case BPF_JNE:
                return left != right;
        default:
                cr_assert_fail("jump %x", i->code);
                return false;
        }
}

static uint64_t compute(const struct bpf_insn *i, uint64_t left, uint64_t right) {
        switch (BPF_OP(i->code)) {
        case BPF_MOV:
                return right;
        case BPF_AND:
                return left & right;
        case BPF_OR:
                return left | right;
        case BPF_LSH:
                return left << right;
        case BPF_RSH:
                return left >> right;
        default:
                cr_assert_fail("operation %x", i->code);
                return 0;
        }
}

static bool run(const struct bpf_insn *insns, int n, const struct bpf_cgroup_dev_ctx *ctx) {
        uint64_t r[11] = {[BPF_REG_1] = (uintptr_t)ctx};

        for (int pc = 0, steps = 0; pc < n && steps < 10000; pc++, steps++) {
                const struct bpf_insn *i = &insns[pc];
                uint64_t right = i->code & BPF_X ? r[i->src_reg] : (uint64_t)(int64_t)i->imm;

                switch (BPF_CLASS(i->code)) {
                case BPF_LDX:
                        r[i->dst_reg] = *(const uint32_t *)(r[i->src_reg] + (uint64_t)i->off);
                        break;
                case BPF_ALU64:
                        r[i->dst_reg] = compute(i, r[i->dst_reg], right);
                        break;
                case BPF_JMP32:
                        cr_assert_geq(i->off, 0, "a program without loops");
                        if (jumps(i, mask32(r[i->dst_reg]), mask32(right)))
                                pc += i->off;
                        break;
                case BPF_JMP:
                        if (BPF_OP(i->code) == BPF_EXIT)
                                return r[0];
                        cr_assert_eq(BPF_OP(i->code), BPF_JA);
                        cr_assert_geq(i->off, 0);
                        pc += i->off;
                        break;
                default:
                        cr_assert_fail("class %x", i->code);
                }
        }
        cr_assert_fail("the program does not end");
        return false;
}

static bool program_says(const struct rt_device_rules *rules, enum st_device_type type,
                         uint32_t major, uint32_t minor, unsigned access) {
        size_t room = rt_device_program_room(rules);
        st_autofree struct bpf_insn *insns = calloc(room, sizeof *insns);
        struct bpf_cgroup_dev_ctx ctx = {
                .access_type = access << 16 |
                               (type == ST_DEVICE_BLOCK ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
                .major = major,
                .minor = minor,
        };
        int n = rt_device_program(rules, insns, room);

        cr_assert(n > 0 && (size_t)n <= room);
        return run(insns, n, &ctx);
}

/* What v1's files would allow after these writes, by the kernel's rules. */
static bool files_say(const struct rt_cgroup *cgroup, enum st_device_type type, int64_t major,
                      int64_t minor, unsigned access) {
        bool default_allow = true;
        unsigned left = access;

        for (size_t i = 0; i < cgroup->writes.n_items; i++) {
                const struct rt_write *w = &cgroup->writes.items[i];
                bool allow = !strcmp(w->file, "devices.allow");
                char t, ma[24], mi[24], a[8];
                unsigned bits;

                if (!strcmp(w->value, "a")) {
                        default_allow = allow;
                        continue;
                }
                cr_assert_eq(sscanf(w->value, "%c %23[0-9*]:%23[0-9*] %7s", &t, ma, mi, a), 4);
                cr_assert_neq(allow, default_allow, "an exception says the other thing");
                if (t != (char)type || (*ma != '*' && strtoll(ma, NULL, 10) != major) ||
                    (*mi != '*' && strtoll(mi, NULL, 10) != minor))
                        continue;
                bits = (strchr(a, 'r') ? RT_DEV_READ : 0u) | (strchr(a, 'w') ? RT_DEV_WRITE : 0u) |
                       (strchr(a, 'm') ? RT_DEV_MKNOD : 0u);
                if (default_allow && (bits & access))
                        return false;
                left &= ~bits;
        }
        return default_allow || !left;
}

/* The meaning, without any cleverness. */
static bool model(const char *type_of, const struct st_device_rule *list, size_t n, int64_t major,
                  int64_t minor, unsigned access, bool initially) {
        for (unsigned bit = 1; bit <= 4; bit <<= 1) {
                bool allowed = initially;
                if (!(access & bit))
                        continue;
                for (size_t i = 0; i < n; i++)
                        if ((list[i].type == ST_DEVICE_ALL || (char)list[i].type == *type_of) &&
                            (list[i].major < 0 || list[i].major == major) &&
                            (list[i].minor < 0 || list[i].minor == minor) &&
                            (rt_device_access(&list[i]) & bit))
                                allowed = list[i].allow;
                if (!allowed)
                        return false;
        }
        return true;
}

Test(devices, the_standard_ones_are_always_allowed) {
        const struct rt_device_rules *rules = rules_of("");

        cr_expect_not(rules->default_allow);
        cr_expect(rt_device_rules_check(rules, ST_DEVICE_CHAR, 1, 3, RT_DEV_ALL));
        cr_expect(rt_device_rules_check(rules, ST_DEVICE_CHAR, 136, 77, RT_DEV_ALL));
        cr_expect(rt_device_rules_check(rules, ST_DEVICE_BLOCK, 8, 0, RT_DEV_MKNOD));
        cr_expect_not(rt_device_rules_check(rules, ST_DEVICE_BLOCK, 8, 0, RT_DEV_READ));
        cr_expect_not(rt_device_rules_check(rules, ST_DEVICE_CHAR, 1, 1, RT_DEV_READ), "mem");
        cr_expect_not(
                rt_device_rules_check(rules, ST_DEVICE_CHAR, 1, 1, RT_DEV_READ | RT_DEV_MKNOD));
}

Test(devices, a_privileged_container_has_no_rules_left) {
        cr_expect(rt_device_rules_allow_all(rules_of("{'allow': true, 'access': 'rwm'}")));
        cr_expect(rt_device_rules_allow_all(
                rules_of("{'allow': false, 'access': 'rwm'}, {'allow': true, 'access': 'rwm'}")));
        cr_expect_not(rt_device_rules_allow_all(
                rules_of("{'allow': true, 'access': 'rwm'}, "
                         "{'allow': false, 'type': 'b', 'major': 8, 'minor': 0, 'access': 'w'}")));
}

Test(devices, a_catch_all_with_less_access_is_no_catch_all) {
        const struct rt_device_rules *rules =
                rules_of("{'allow': true, 'type': 'a', 'access': 'r'}");

        cr_expect(rt_device_rules_check(rules, ST_DEVICE_BLOCK, 8, 0, RT_DEV_READ));
        cr_expect_not(rt_device_rules_check(rules, ST_DEVICE_BLOCK, 8, 0, RT_DEV_WRITE));
}

Test(devices, a_fifo_has_no_access_rule) {
        struct st_device_rule fifo = {true, ST_DEVICE_FIFO, 1, 1, true, true, true};
        struct rt_device_rules *rules;
        struct st_error err = {0};

        cr_expect_eq(rt_device_rules_new(fake.arena, &fifo, 1, &rules, &err), -EINVAL);
        cr_expect_eq(err.kind, ST_CODE_CONFIG_INVALID);
        cr_expect(strstr(err.msg, "linux.resources.devices[0]"), "%s", err.msg);
}

Test(devices, v1_cannot_except_one_of_several) {
        struct st_error err = {0};

        cr_expect_null(fake_plan(&fake,
                                 "{'devices': [{'allow': false, 'access': 'rwm'},"
                                 " {'allow': true, 'type': 'c', 'major': 10, 'access': 'rwm'},"
                                 " {'allow': false, 'type': 'c', 'major': 10, 'minor': 5, "
                                 "'access': 'w'}]}",
                                 &err));
        cr_expect_eq(err.kind, ST_CODE_UNSUPPORTED);
        cr_expect(strstr(err.msg, "linux.resources.devices"), "%s", err.msg);
}

Test(devices, v1_writes_the_catch_all_first) {
        struct st_error err = {0};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup =
                fake_plan(&fake, "{'devices': [{'allow': false, 'access': 'rwm'}]}", &err);

        cr_assert_not_null(cgroup);
        cr_expect_str_eq(cgroup->writes.items[0].file, "devices.deny");
        cr_expect_str_eq(cgroup->writes.items[0].value, "a");
        cr_expect_str_eq(cgroup->writes.items[1].value, "c *:* m");
        cr_expect_eq(cgroup->writes.n_items, 12);
}

static struct st_device_rule random_rule(void) {
        static const enum st_device_type types[] = {ST_DEVICE_CHAR, ST_DEVICE_BLOCK, ST_DEVICE_ALL};
        unsigned access = (unsigned)rand() % 8;

        return (struct st_device_rule) {
                .allow = rand() % 2,
                .type = types[rand() % 3],
                .major = rand() % 3 ? rand() % 3 : -1,
                .minor = rand() % 3 ? rand() % 3 : -1,
                .read = access & RT_DEV_READ,
                .write = access & RT_DEV_WRITE,
                .mknod = access & RT_DEV_MKNOD,
        };
}

static void compare(const struct st_device_rule *list, size_t n) {
        struct rt_device_rules *rules;
        struct st_error err = {0};
        struct st_resources resources = {.devices = (struct st_device_rule *)list, .n_devices = n};
        struct rt_cgroup_request request = {.id = "x", .path = "/x", .resources = &resources};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *v1 = NULL;

        cr_assert_eq(rt_device_rules_new(fake.arena, list, n, &rules, &err), 0);
        if (rt_cgroup_plan_on(&fake.host, &request, &v1, &err) < 0)
                cr_assert_eq(err.kind, ST_CODE_UNSUPPORTED, "%s", err.msg);
        for (int type = 0; type < 2; type++)
                for (int64_t major = 0; major < 3; major++)
                        for (int64_t minor = 0; minor < 3; minor++)
                                for (unsigned access = 1; access < 8; access++) {
                                        enum st_device_type t =
                                                type ? ST_DEVICE_BLOCK : ST_DEVICE_CHAR;
                                        unsigned rest = access & ~(unsigned)RT_DEV_MKNOD;
                                        /* the standard rules allow each mknod, and at 1:3 all */
                                        bool expected = model(type ? "b" : "c", list, n, major,
                                                              minor, rest, false);

                                        cr_assert_eq(rt_device_rules_check(rules, t, major, minor,
                                                                           access),
                                                     expected);
                                        cr_assert_eq(program_says(rules, t, (uint32_t)major,
                                                                  (uint32_t)minor, access),
                                                     expected);
                                        if (v1)
                                                cr_assert_eq(files_say(v1, t, major, minor, access),
                                                             expected);
                                }
}

Test(devices, rules_files_and_program_agree_with_the_model) {
        srand(7);
        for (int round = 0; round < 400; round++) {
                struct st_device_rule list[6];
                size_t n = (size_t)rand() % 7;

                for (size_t i = 0; i < n; i++)
                        list[i] = random_rule();
                compare(list, n);
        }
}

Test(devices, the_largest_numbers_are_compared_whole) {
        struct st_device_rule list[] = {
                {true, ST_DEVICE_BLOCK, 0xfff, 0xfffff, true, true, true},
                {true, ST_DEVICE_CHAR, 0x1000, 3, true, true, true}, /* no device has it */
                {true, ST_DEVICE_CHAR, 0, 0x100003, true, true, true},
        };
        struct rt_device_rules *rules;
        struct st_error err = {0};

        cr_assert_eq(rt_device_rules_new(fake.arena, list, 3, &rules, &err), 0);
        cr_expect(program_says(rules, ST_DEVICE_BLOCK, 0xfff, 0xfffff, RT_DEV_READ));
        cr_expect_not(program_says(rules, ST_DEVICE_BLOCK, 0xfff, 0xffffe, RT_DEV_READ));
        cr_expect_not(program_says(rules, ST_DEVICE_BLOCK, 0x7ff, 0xfffff, RT_DEV_READ));
        cr_expect_not(program_says(rules, ST_DEVICE_CHAR, 0, 3, RT_DEV_READ));
}

Test(devices, what_the_standard_ones_repeat_is_kept_once) {
        const struct rt_device_rules *once = rules_of("{'allow': false, 'access': 'rwm'}");
        const struct rt_device_rules *twice =
                rules_of("{'allow': false, 'access': 'rwm'}, {'allow': true, 'type': 'c', 'major': "
                         "1, 'minor': 3, 'access': 'rwm'}, {'allow': true, 'type': 'c', 'major': "
                         "136, 'minor': 7, 'access': 'rw'}");

        cr_expect_eq(once->n_items, 11);
        cr_expect_eq(twice->n_items, once->n_items);
}

Test(devices, an_update_on_v1_writes_what_changes_only) {
        struct st_error err = {0};
        struct rt_writes writes = {.arena = fake.arena};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = fake_plan(&fake, NULL, &err);
        const struct st_resources *resources = fake_resources(
                &fake, "{'devices': [{'allow': false, 'access': 'rwm'}, {'allow': true, 'type': "
                       "'b', 'major': 8, 'minor': 0, 'access': 'r'}]}");

        cr_assert_not_null(cgroup);
        fake_write(&fake, "root/devices/x/leaf/devices.list",
                   "c *:* m\nb *:* m\nc 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\nc 1:9 rwm\n"
                   "c 5:0 rwm\nc 5:2 rwm\nc 136:* rwm\nc 10:200 rwm\nb 7:0 rw\nb 8:0 w\n");
        cr_assert_eq(rt_limits_plan(cgroup, resources, RT_LIMITS_UPDATE, &writes, &err), 0, "%s",
                     err.msg);
        cr_assert_eq(writes.n_items, 3);
        cr_expect_str_eq(writes.items[0].file, "devices.allow");
        cr_expect_str_eq(writes.items[0].value, "b 8:0 r");
        cr_expect_str_eq(writes.items[1].file, "devices.deny");
        cr_expect_str_eq(writes.items[1].value, "b 7:0 rw");
        cr_expect_str_eq(writes.items[2].value, "b 8:0 w");
}

Test(devices, an_update_without_rules_leaves_them_alone) {
        struct st_error err = {0};
        struct rt_writes writes = {.arena = fake.arena};
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = fake_plan(&fake, NULL, &err);

        cr_assert_not_null(cgroup);
        cr_assert_eq(rt_limits_plan(cgroup, fake_resources(&fake, "{'pids': {'limit': 5}}"),
                                    RT_LIMITS_UPDATE, &writes, &err),
                     0);
        cr_expect_eq(writes.n_items, 1);
}
