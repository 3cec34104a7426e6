/* runtime/cgroup/devices_bpf.c: device rules as a BPF program of a v2 cgroup.
 *
 * The rules are read from the last to the first, once for character and once for block devices. r3
 * holds the access that is still to be decided: a deny that touches it ends with 0, an allow takes
 * its part away and ends with 1 when nothing is left.
 *
 * Loading costs what the kernel's verifier walks, and it walks every path that it cannot tell from
 * one that it has seen. A test of major and then of minor tells it much that differs from path to
 * path (five times the time for the standard rules); one compare of both as one number, of which
 * the path on learns nothing, leaves a single path. */
#include "devices.h"

#include <string.h>
#include <sys/resource.h>

#include <stint/cleanup.h>
#include <stint/syscall.h>

#define PROGRAM_NAME "stint_device"
enum { PROLOGUE = 10, SECTION_END = 4, RULE_MAX = 5, PROGRAMS_MAX = 64 };
enum { MINOR_BITS = 20, MAJOR_MAX = 0xfff, MINOR_MAX = 0xfffff }; /* the kernel's dev_t */
enum { ACCESS = BPF_REG_3, MAJOR = BPF_REG_4, MINOR = BPF_REG_5, BOTH = BPF_REG_6 };

_Static_assert((int)RT_DEV_MKNOD == BPF_DEVCG_ACC_MKNOD && (int)RT_DEV_READ == BPF_DEVCG_ACC_READ &&
                       (int)RT_DEV_WRITE == BPF_DEVCG_ACC_WRITE,
               "access bits are the kernel's");

struct assembler {
        struct bpf_insn *insns;
        size_t n;
};

static size_t emit(struct assembler *as, int code, int dst, int src, int off, int32_t imm) {
        as->insns[as->n] = (struct bpf_insn) {.code = (uint8_t)code,
                                              .dst_reg = (uint8_t)(dst & 15),
                                              .src_reg = (uint8_t)(src & 15),
                                              .off = (int16_t)off,
                                              .imm = imm};
        return as->n++;
}

static void emit_return(struct assembler *as, int value) {
        emit(as, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value);
        emit(as, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Let the jump at @jump lead to the next instruction. */
static void land(struct assembler *as, size_t jump) {
        as->insns[jump].off = (int16_t)(as->n - jump - 1);
}

/* The jump that is taken for character devices. */
static size_t emit_prologue(struct assembler *as) {
        const int load = BPF_LDX | BPF_MEM | BPF_W;

        emit(as, load, BPF_REG_2, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
        emit(as, load, MAJOR, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, major), 0);
        emit(as, load, MINOR, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
        emit(as, BPF_ALU64 | BPF_MOV | BPF_X, ACCESS, BPF_REG_2, 0, 0);
        emit(as, BPF_ALU64 | BPF_RSH | BPF_K, ACCESS, 0, 0, 16);
        emit(as, BPF_ALU64 | BPF_MOV | BPF_X, BOTH, MAJOR, 0, 0);
        emit(as, BPF_ALU64 | BPF_LSH | BPF_K, BOTH, 0, 0, MINOR_BITS);
        emit(as, BPF_ALU64 | BPF_OR | BPF_X, BOTH, MINOR, 0, 0);
        emit(as, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
        return emit(as, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_2, 0, 0, BPF_DEVCG_DEV_CHAR);
}

/* What a rule compares. */
static void operand_of(const struct st_device_rule *rule, int *ret_reg, int32_t *ret_value) {
        if (rule->major >= 0 && rule->minor >= 0) {
                *ret_reg = BOTH;
                *ret_value = (int32_t)((uint32_t)rule->major << MINOR_BITS | (uint32_t)rule->minor);
        } else if (rule->major >= 0) {
                *ret_reg = MAJOR;
                *ret_value = (int32_t)rule->major;
        } else {
                *ret_reg = MINOR;
                *ret_value = (int32_t)rule->minor;
        }
}

/* Jumps to the section's ends, which are not known yet: marked by an offset of their own. */
enum { TO_ALLOW = -1, TO_DENY = -2 };

/* Not all of read, write and mknod. */
static void emit_part(struct assembler *as, const struct st_device_rule *rule) {
        int32_t access = (int32_t)rt_device_access(rule);

        if (rule->allow) {
                emit(as, BPF_ALU64 | BPF_AND | BPF_K, ACCESS, 0, 0, RT_DEV_ALL & ~access);
                emit(as, BPF_JMP32 | BPF_JEQ | BPF_K, ACCESS, 0, TO_ALLOW, 0);
        } else {
                emit(as, BPF_JMP32 | BPF_JSET | BPF_K, ACCESS, 0, TO_DENY, access);
        }
}

/* False: the rule matches whatever comes here, and what would follow cannot be reached. */
static bool emit_rule(struct assembler *as, const struct st_device_rule *rule) {
        bool any = rule->major < 0 && rule->minor < 0;
        bool all = rt_device_access(rule) == RT_DEV_ALL;
        int end = rule->allow ? TO_ALLOW : TO_DENY, reg;
        size_t jump = SIZE_MAX;
        int32_t value;

        if (any && all) {
                emit(as, BPF_JMP | BPF_JA, 0, 0, end, 0);
                return false;
        }
        if (!any)
                operand_of(rule, &reg, &value);
        if (all) {
                emit(as, BPF_JMP32 | BPF_JEQ | BPF_K, reg, 0, end, value);
                return true;
        }
        if (!any)
                jump = emit(as, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, value);
        emit_part(as, rule);
        if (!any)
                land(as, jump);
        return true;
}

/* Both ends, but only what is jumped to: the verifier refuses code that cannot be reached. */
static void emit_end(struct assembler *as, size_t start, int marker, int value, bool falls_in) {
        bool used = falls_in;

        for (size_t i = start; i < as->n; i++)
                if (BPF_CLASS(as->insns[i].code) != BPF_ALU64 && as->insns[i].off == marker) {
                        land(as, i);
                        used = true;
                }
        if (used)
                emit_return(as, value);
}

static bool can_match(const struct st_device_rule *rule, enum st_device_type type) {
        return rule->type == type && rt_device_access(rule) && rule->major <= MAJOR_MAX &&
               rule->minor <= MINOR_MAX;
}

static void emit_section(struct assembler *as, const struct rt_device_rules *rules,
                         enum st_device_type type) {
        size_t start = as->n;
        bool goes_on = true;

        for (size_t i = rules->n_items; i-- > 0 && goes_on;)
                if (can_match(&rules->items[i], type))
                        goes_on = emit_rule(as, &rules->items[i]);
        emit_end(as, start, rules->default_allow ? TO_ALLOW : TO_DENY, rules->default_allow,
                 goes_on);
        emit_end(as, start, rules->default_allow ? TO_DENY : TO_ALLOW, !rules->default_allow,
                 false);
}

size_t rt_device_program_room(const struct rt_device_rules *rules) {
        return PROLOGUE + RULE_MAX * rules->n_items + 2 * SECTION_END;
}

int rt_device_program(const struct rt_device_rules *rules, struct bpf_insn *insns, size_t room) {
        struct assembler as = {.insns = insns};
        size_t to_char;

        if (room < rt_device_program_room(rules) || room > INT16_MAX)
                return -E2BIG; /* a jump is 16 bits wide */
        to_char = emit_prologue(&as);
        emit_section(&as, rules, ST_DEVICE_BLOCK);
        land(&as, to_char);
        emit_section(&as, rules, ST_DEVICE_CHAR);
        return (int)as.n;
}

static int sys_bpf(int command, union bpf_attr *attr) {
        int r = (int)syscall(SYS_bpf, command, attr, sizeof *attr);

        return r < 0 ? -errno : r;
}

static int load_once(const struct bpf_insn *insns, int n) {
        union bpf_attr attr;

        memset(&attr, 0, sizeof attr);
        attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
        attr.expected_attach_type = BPF_CGROUP_DEVICE;
        attr.insns = (uintptr_t)insns;
        attr.insn_cnt = (uint32_t)n;
        attr.license = (uintptr_t) "Apache-2.0";
        memcpy(attr.prog_name, PROGRAM_NAME, sizeof PROGRAM_NAME);
        return sys_bpf(BPF_PROG_LOAD, &attr);
}

/* Until Linux 5.11 is the oldest: programs counted as locked memory, and the usual limit is soon
 * used up. */
static int load(const struct bpf_insn *insns, int n) {
        struct rlimit before, raised;
        int fd = load_once(insns, n);

        if (fd != -EPERM || getrlimit(RLIMIT_MEMLOCK, &before) < 0 ||
            before.rlim_cur == before.rlim_max)
                return fd;
        raised = before;
        raised.rlim_cur = raised.rlim_max;
        if (setrlimit(RLIMIT_MEMLOCK, &raised) < 0)
                return fd;
        fd = load_once(insns, n);
        (void)setrlimit(RLIMIT_MEMLOCK, &before); /* lowering to what it was cannot fail */
        return fd;
}

/* Is the program one of ours? Others (systemd's, an outer runtime's) stay: all attached programs
 * must agree. */
static bool is_ours(int fd) {
        struct bpf_prog_info info = {0};
        union bpf_attr attr;

        memset(&attr, 0, sizeof attr);
        attr.info.bpf_fd = (uint32_t)fd;
        attr.info.info_len = sizeof info;
        attr.info.info = (uintptr_t)&info;
        return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) >= 0 && !strcmp(info.name, PROGRAM_NAME);
}

/* The program that we attached to the leaf before; -1: none. */
static int find_ours(int leaf_fd) {
        uint32_t ids[PROGRAMS_MAX];
        union bpf_attr attr;

        memset(&attr, 0, sizeof attr);
        attr.query.target_fd = (uint32_t)leaf_fd;
        attr.query.attach_type = BPF_CGROUP_DEVICE;
        attr.query.prog_ids = (uintptr_t)ids;
        attr.query.prog_cnt = PROGRAMS_MAX;
        if (sys_bpf(BPF_PROG_QUERY, &attr) < 0)
                return -1;
        for (uint32_t i = 0; i < attr.query.prog_cnt; i++) {
                union bpf_attr get;
                int fd;

                memset(&get, 0, sizeof get);
                get.prog_id = ids[i];
                fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &get);
                if (fd >= 0 && is_ours(fd))
                        return fd;
                (void)st_close(fd);
        }
        return -1;
}

static int attach(int leaf_fd, int prog_fd, int replace_fd) {
        union bpf_attr attr;

        memset(&attr, 0, sizeof attr);
        attr.target_fd = (uint32_t)leaf_fd;
        attr.attach_bpf_fd = (uint32_t)prog_fd;
        attr.attach_type = BPF_CGROUP_DEVICE;
        attr.attach_flags = BPF_F_ALLOW_MULTI;
        if (replace_fd >= 0) {
                attr.attach_flags |= BPF_F_REPLACE;
                attr.replace_bpf_fd = (uint32_t)replace_fd;
        }
        return sys_bpf(BPF_PROG_ATTACH, &attr);
}

int rt_device_program_attach(const struct rt_device_rules *rules, int leaf_fd,
                             enum rt_limits_use use, bool rootless, struct st_error *err) {
        size_t room = rt_device_program_room(rules);
        st_autofree struct bpf_insn *insns = calloc(room, sizeof *insns);
        st_autoclose int prog_fd = -1, old_fd = -1;
        int n, r;

        if (!insns)
                return st_error_set(err, -ENOMEM, "assemble the device rules");
        n = rt_device_program(rules, insns, room);
        if (n < 0)
                return st_error_set(err, n, "linux.resources.devices: too many rules");
        prog_fd = load(insns, n);
        if (prog_fd == -EPERM && (rootless || rt_in_user_namespace()))
                return 0; /* nobody there can make or open a device that matters */
        if (prog_fd < 0)
                return st_error_code(
                        err, prog_fd,
                        "linux.resources.devices: load the device rules into the kernel");
        if (use == RT_LIMITS_UPDATE)
                old_fd = find_ours(leaf_fd);
        r = attach(leaf_fd, prog_fd, old_fd);
        if (r < 0)
                return st_error_code(
                        err, r, "linux.resources.devices: attach the device rules to the cgroup");
        return 0;
}
