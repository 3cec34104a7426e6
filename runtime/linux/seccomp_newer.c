/* System calls that are newer than libseccomp, and those that are newer than the profile.
 *
 * libseccomp only knows the names of its own time. Those in the table below are answered here: all architectures give
 * calls added since Linux 5.1 the same number.
 *
 * A profile lists the calls that its author knew. A C library that tries a newer one falls back to an older on ENOSYS,
 * but not on EPERM, nor after a kill. So numbers above the highest that the profile mentions for an architecture get
 * ENOSYS unless the default action lets calls through (a tracer or a log wants to see them) or is ENOSYS already.
 *
 * Both kinds match no rule of libseccomp's. So each of its returns of the default action (rules never return that, it
 * refuses them as redundant) becomes a jump to code of ours behind its own; calls with a rule pay nothing for it, neither when made nor
 * when the kernel tries every number at load. There is a section for each AUDIT_ARCH; x86_64 and x32 share one and
 * differ by a bit of the number. Conditional jumps skip one instruction; far ones are BPF_JA, whose offset has 32 bits. */
#include "seccomp_private.h"

#include <errno.h>
#include <string.h>

enum { X32_BIT = 0x40000000, ARM_PRIVATE = 0x0f0000 };

struct newer_call {
        const char *name;
        uint32_t number;
};

/* Later than libseccomp 2.5.4, ascending. A name that the linked libseccomp knows is left to it. */
static const struct newer_call newer_calls[] = {
        {"cachestat", 451},        {"fchmodat2", 452},      {"map_shadow_stack", 453},  {"futex_wake", 454},
        {"futex_wait", 455},       {"futex_requeue", 456},  {"statmount", 457},         {"listmount", 458},
        {"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
        {"setxattrat", 463},       {"getxattrat", 464},     {"listxattrat", 465},       {"removexattrat", 466},
        {"open_tree_attr", 467},   {"file_getattr", 468},   {"file_setattr", 469},      {"listns", 470},
};

enum { N_NEWER = sizeof newer_calls / sizeof *newer_calls };

struct epilogue {
        const struct st_seccomp *spec;
        uint32_t default_action;
        bool enosys;                   /* answer ENOSYS to calls newer than the profile */
        bool wanted[N_NEWER];          /* some rule names it, and libseccomp cannot */
        struct rt_bpf *bpf;
};

static uint32_t first_number(uint32_t arch) {
        switch (arch) {
        case SCMP_ARCH_X32:
                return X32_BIT;
        case SCMP_ARCH_MIPS:
        case SCMP_ARCH_MIPSEL:
                return 4000;
        case SCMP_ARCH_MIPS64:
        case SCMP_ARCH_MIPSEL64:
                return 5000;
        case SCMP_ARCH_MIPS64N32:
        case SCMP_ARCH_MIPSEL64N32:
                return 6000;
        default:
                return 0;
        }
}

static int newer_index(const char *name) {
        for (int i = 0; i < N_NEWER; i++)
                if (!strcmp(newer_calls[i].name, name))
                        return i;
        return -1;
}

static bool names(const struct st_seccomp_rule *rule, const char *name) {
        for (size_t i = 0; i < rule->n_names; i++)
                if (!strcmp(rule->names[i], name))
                        return true;
        return false;
}

/* ---- the highest number that the profile mentions */

static int64_t number_of(uint32_t arch, const char *name) {
        int number = seccomp_syscall_resolve_name_arch(arch, name);
        int newer;

        if (number >= 0)
                return arch == SCMP_ARCH_ARM && number >= ARM_PRIVATE ? -1 : number;
        newer = newer_index(name);
        return newer < 0 ? -1 : (int64_t)first_number(arch) + newer_calls[newer].number;
}

static int64_t highest_number(const struct st_seccomp *spec, uint32_t arch) {
        int64_t highest = -1;

        for (size_t i = 0; i < spec->n_rules; i++)
                for (size_t j = 0; j < spec->rules[i].n_names; j++) {
                        int64_t number = number_of(arch, spec->rules[i].names[j]);
                        if (number > highest)
                                highest = number;
                }
        return highest;
}

/* ---- rules on newer calls */

static void load(struct rt_bpf *bpf, size_t offset) {
        (void)rt_bpf_emit(bpf, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void load_half(struct rt_bpf *bpf, uint32_t arg, bool high, uint32_t mask) {
        bool second = (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) == high;

        load(bpf, offsetof(struct seccomp_data, args) + arg * 8 + (second ? 4 : 0));
        if (mask != UINT32_MAX)
                (void)rt_bpf_emit(bpf, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
}

/* Five or so instructions, a jump to @no, and the next one when the condition holds. */
static void emit_equal(struct rt_bpf *bpf, uint32_t arg, uint64_t mask, uint64_t value, bool negate, struct rt_bpf_label *no) {
        uint32_t low_mask = (uint32_t)mask;
        uint8_t to_jump = low_mask == UINT32_MAX ? 2 : 3; /* over the low half's instructions */

        load_half(bpf, arg, true, (uint32_t)(mask >> 32));
        (void)rt_bpf_emit(bpf, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value >> 32), 0, negate ? to_jump + 1 : to_jump);
        load_half(bpf, arg, false, low_mask);
        (void)rt_bpf_emit(bpf, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)value, !negate, negate);
        rt_bpf_jump(bpf, no);
}

/* arg > value, or arg >= value with @or_equal; or the opposite. */
static void emit_greater(struct rt_bpf *bpf, uint32_t arg, uint64_t value, bool or_equal, bool negate, struct rt_bpf_label *no) {
        uint32_t high = (uint32_t)(value >> 32);

        load_half(bpf, arg, true, UINT32_MAX);
        (void)rt_bpf_emit(bpf, BPF_JMP | BPF_JGT | BPF_K, high, negate ? 3 : 4, 0);
        (void)rt_bpf_emit(bpf, BPF_JMP | BPF_JEQ | BPF_K, high, 0, negate ? 3 : 2);
        load_half(bpf, arg, false, UINT32_MAX);
        (void)rt_bpf_emit(bpf, BPF_JMP | (or_equal ? BPF_JGE : BPF_JGT) | BPF_K, (uint32_t)value, !negate, negate);
        rt_bpf_jump(bpf, no);
}

static void emit_condition(struct rt_bpf *bpf, const struct st_seccomp_arg *arg, struct rt_bpf_label *no) {
        const struct rt_seccomp_word *op = rt_seccomp_word(rt_seccomp_operators, arg->op); /* compile.c has checked it */

        switch ((enum scmp_compare)op->value) {
        case SCMP_CMP_EQ:
        case SCMP_CMP_NE:
                emit_equal(bpf, arg->index, UINT64_MAX, arg->value, op->value == SCMP_CMP_NE, no);
                break;
        case SCMP_CMP_MASKED_EQ:
                emit_equal(bpf, arg->index, arg->value, arg->value_two & arg->value, false, no);
                break;
        case SCMP_CMP_GT:
        case SCMP_CMP_LE:
                emit_greater(bpf, arg->index, arg->value, false, op->value == SCMP_CMP_LE, no);
                break;
        case SCMP_CMP_GE:
        case SCMP_CMP_LT:
                emit_greater(bpf, arg->index, arg->value, true, op->value == SCMP_CMP_LT, no);
                break;
        case _SCMP_CMP_MIN:
        case _SCMP_CMP_MAX:
                break;
        }
}

static void emit_return(struct rt_bpf *bpf, uint32_t action) {
        (void)rt_bpf_emit(bpf, BPF_RET | BPF_K, action, 0, 0);
}

static void emit_rule(struct rt_bpf *bpf, const struct st_seccomp_arg *args, size_t n_args, uint32_t action) {
        struct rt_bpf_label no = {0};

        for (size_t i = 0; i < n_args; i++)
                emit_condition(bpf, &args[i], &no);
        emit_return(bpf, action);
        rt_bpf_land(bpf, &no);
}

/* As in libseccomp: a rule that equals the default says nothing, and one without conditions beats those with. */
static int find_unconditional(const struct epilogue *p, const char *name, uint32_t *ret_action, struct st_error *err) {
        for (size_t i = 0; i < p->spec->n_rules; i++) {
                const struct st_seccomp_rule *rule = &p->spec->rules[i];
                int r;

                if (rule->n_args > 0 || !names(rule, name))
                        continue;
                r = rt_seccomp_rule_action(p->spec, i, ret_action, err);
                if (r < 0)
                        return r;
                if (*ret_action != p->default_action)
                        return 1;
        }
        return 0;
}

static int emit_conditional(struct epilogue *p, const char *name, struct st_error *err) {
        for (size_t i = 0; i < p->spec->n_rules; i++) {
                const struct st_seccomp_rule *rule = &p->spec->rules[i];
                uint32_t action;
                int r;

                if (rule->n_args == 0 || !names(rule, name))
                        continue;
                r = rt_seccomp_rule_action(p->spec, i, &action, err);
                if (r < 0)
                        return r;
                if (action == p->default_action)
                        continue;
                if (!rt_seccomp_repeats_an_argument(rule))
                        emit_rule(p->bpf, rule->args, rule->n_args, action);
                else
                        for (size_t j = 0; j < rule->n_args; j++)
                                emit_rule(p->bpf, &rule->args[j], 1, action);
        }
        emit_return(p->bpf, p->default_action);
        return 0;
}

static int emit_newer_call(struct epilogue *p, const char *name, uint32_t number, struct st_error *err) {
        struct rt_bpf_label next = {0};
        uint32_t action;
        int r = find_unconditional(p, name, &action, err);

        if (r < 0)
                return r;
        if (r > 0) {
                (void)rt_bpf_emit(p->bpf, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
                emit_return(p->bpf, action);
                return 0;
        }
        (void)rt_bpf_emit(p->bpf, BPF_JMP | BPF_JEQ | BPF_K, number, 1, 0);
        rt_bpf_jump(p->bpf, &next);
        r = emit_conditional(p, name, err);
        rt_bpf_land(p->bpf, &next);
        return r;
}

static int emit_newer_calls(struct epilogue *p, uint32_t arch, struct st_error *err) {
        bool guarded = false;

        for (int i = 0; i < N_NEWER; i++) {
                uint32_t number = first_number(arch) + newer_calls[i].number;
                int r;

                if (!p->wanted[i])
                        continue;
                if (!guarded) { /* spare the calls that are merely denied this list */
                        (void)rt_bpf_emit(p->bpf, BPF_JMP | BPF_JGE | BPF_K, number, 1, 0);
                        emit_return(p->bpf, p->default_action);
                        guarded = true;
                }
                r = emit_newer_call(p, newer_calls[i].name, number, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- sections */

/* The accumulator holds the number. */
static int emit_numbers(struct epilogue *p, uint32_t arch, struct st_error *err) {
        int64_t highest = highest_number(p->spec, arch);
        int r = emit_newer_calls(p, arch, err);

        if (r < 0)
                return r;
        if (p->enosys && highest >= 0) {
                if (arch == SCMP_ARCH_ARM) { /* its private calls lie high above the others, and are old */
                        (void)rt_bpf_emit(p->bpf, BPF_JMP | BPF_JGE | BPF_K, ARM_PRIVATE, 0, 1);
                        emit_return(p->bpf, p->default_action);
                }
                (void)rt_bpf_emit(p->bpf, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)highest, 0, 1);
                emit_return(p->bpf, SCMP_ACT_ERRNO(ENOSYS));
        }
        emit_return(p->bpf, p->default_action);
        return 0;
}

static bool has_arch(const struct rt_seccomp_arch_list *archs, uint32_t token) {
        for (size_t i = 0; i < archs->n; i++)
                if (archs->tokens[i] == token)
                        return true;
        return false;
}

static int emit_section(struct epilogue *p, const struct rt_seccomp_arch_list *archs, uint32_t arch, struct st_error *err) {
        bool with_x32 = arch == SCMP_ARCH_X86_64 && has_arch(archs, SCMP_ARCH_X32);
        struct rt_bpf_label next = {0}, x32 = {0};
        int r;

        (void)rt_bpf_emit(p->bpf, BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0); /* a token but X32's is its AUDIT_ARCH */
        rt_bpf_jump(p->bpf, &next);
        load(p->bpf, offsetof(struct seccomp_data, nr));
        if (arch == SCMP_ARCH_X86_64) { /* when not listed, x32 comes here only if the default is that of bad architectures */
                (void)rt_bpf_emit(p->bpf, BPF_JMP | BPF_JSET | BPF_K, X32_BIT, 0, 1);
                if (with_x32)
                        rt_bpf_jump(p->bpf, &x32);
                else
                        emit_return(p->bpf, p->default_action);
        }
        r = emit_numbers(p, arch, err);
        if (r == 0 && with_x32) {
                rt_bpf_land(p->bpf, &x32);
                r = emit_numbers(p, SCMP_ARCH_X32, err);
        }
        rt_bpf_land(p->bpf, &next);
        return r;
}

static bool lets_through(uint32_t action) {
        uint32_t kind = action & SECCOMP_RET_ACTION_FULL;

        return kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG || kind == SECCOMP_RET_TRACE;
}

static bool find_wanted(struct epilogue *p) {
        bool any = false;

        for (size_t i = 0; i < p->spec->n_rules; i++)
                for (size_t j = 0; j < p->spec->rules[i].n_names; j++) {
                        const char *name = p->spec->rules[i].names[j];
                        int newer;

                        if (seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR)
                                continue;
                        newer = newer_index(name);
                        if (newer >= 0)
                                p->wanted[newer] = any = true;
                }
        return any;
}

static void redirect_default(struct rt_bpf *bpf, uint32_t default_action) {
        for (size_t i = 0; i < bpf->n; i++)
                if (bpf->code[i].code == (BPF_RET | BPF_K) && bpf->code[i].k == default_action)
                        bpf->code[i] = (struct sock_filter){.code = BPF_JMP | BPF_JA, .k = (uint32_t)(bpf->n - i - 1)};
}

int rt_seccomp_answer_newer(const struct st_seccomp *spec, uint32_t default_action,
                            const struct rt_seccomp_arch_list *archs, struct rt_bpf *bpf, struct st_error *err) {
        struct epilogue p = {
                .spec = spec,
                .default_action = default_action,
                .enosys = !lets_through(default_action) && default_action != SCMP_ACT_ERRNO(ENOSYS),
                .bpf = bpf,
        };

        if (!find_wanted(&p) && !p.enosys)
                return 0;
        redirect_default(bpf, default_action);
        load(bpf, offsetof(struct seccomp_data, arch));
        for (size_t i = 0; i < archs->n; i++) {
                int r;
                if (archs->tokens[i] == SCMP_ARCH_X32)
                        continue; /* in the section of x86_64 */
                r = emit_section(&p, archs, archs->tokens[i], err);
                if (r < 0)
                        return r;
        }
        emit_return(bpf, default_action);
        return 0;
}
