/* runtime/cgroup/devices_bpf.c: device rules as a BPF program of a v2 cgroup.
 *
 * The rules are read from the last to the first. The program keeps in r3 the access that is still
 * to be decided: a deny that touches it ends with 0, an allow takes its part away and ends with 1
 * when nothing is left. */
#include "devices.h"

#include <string.h>
#include <sys/resource.h>

#include <stint/cleanup.h>
#include <stint/syscall.h>

#define PROGRAM_NAME "stint_device"
enum { PROLOGUE = 6, EPILOGUE = 2, RULE_MAX = 8, PROGRAMS_MAX = 64 };

_Static_assert((int)RT_DEV_MKNOD == BPF_DEVCG_ACC_MKNOD && (int)RT_DEV_READ == BPF_DEVCG_ACC_READ &&
                       (int)RT_DEV_WRITE == BPF_DEVCG_ACC_WRITE,
               "access bits are the kernel's");

struct assembler {
        struct bpf_insn *insns;
        size_t n;
};

static void emit(struct assembler *as, int code, int dst, int src, int off, int32_t imm) {
        as->insns[as->n++] = (struct bpf_insn) {.code = (uint8_t)code,
                                                .dst_reg = (uint8_t)(dst & 15),
                                                .src_reg = (uint8_t)(src & 15),
                                                .off = (int16_t)off,
                                                .imm = imm};
}

static void emit_return(struct assembler *as, int value) {
        emit(as, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value);
        emit(as, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* r2 type, r3 access, r4 major, r5 minor */
static void emit_prologue(struct assembler *as) {
        emit(as, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
             offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
        emit(as, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
        emit(as, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
        emit(as, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
        emit(as, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1,
             offsetof(struct bpf_cgroup_dev_ctx, major), 0);
        emit(as, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1,
             offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
}

/* Each test jumps to the next rule; the distance is filled in when it is known. 32 bit compares, so
 * that a large number is not sign-extended. */
static void emit_rule(struct assembler *as, const struct st_device_rule *rule) {
        size_t jumps[4], n_jumps = 0;
        int32_t access = (int32_t)rt_device_access(rule);

        jumps[n_jumps++] = as->n;
        emit(as, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_2, 0, 0,
             rule->type == ST_DEVICE_BLOCK ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
        if (rule->major >= 0) {
                jumps[n_jumps++] = as->n;
                emit(as, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_4, 0, 0,
                     (int32_t)(uint32_t)rule->major);
        }
        if (rule->minor >= 0) {
                jumps[n_jumps++] = as->n;
                emit(as, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_5, 0, 0,
                     (int32_t)(uint32_t)rule->minor);
        }
        if (rule->allow && access != RT_DEV_ALL) {
                emit(as, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0, RT_DEV_ALL & ~access);
                jumps[n_jumps++] = as->n;
                emit(as, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_3, 0, 0, 0);
        } else if (!rule->allow && access != RT_DEV_ALL) {
                emit(as, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
                emit(as, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, access);
                jumps[n_jumps++] = as->n;
                emit(as, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0);
        }
        emit_return(as, rule->allow);
        for (size_t i = 0; i < n_jumps; i++)
                as->insns[jumps[i]].off = (int16_t)(as->n - jumps[i] - 1);
}

size_t rt_device_program_room(const struct rt_device_rules *rules) {
        return PROLOGUE + RULE_MAX * rules->n_items + EPILOGUE;
}

int rt_device_program(const struct rt_device_rules *rules, struct bpf_insn *insns, size_t room) {
        struct assembler as = {.insns = insns};

        if (room < rt_device_program_room(rules))
                return -E2BIG;
        emit_prologue(&as);
        for (size_t i = rules->n_items; i-- > 0;)
                if (rt_device_access(&rules->items[i]))
                        emit_rule(&as, &rules->items[i]);
        emit_return(&as, rules->default_allow);
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
        int r;

        if (!insns)
                return st_error_set(err, -ENOMEM, "assemble the device rules");
        prog_fd = load(insns, rt_device_program(rules, insns, room));
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
