/* What libseccomp's code leaves to ours, behind it.
 *
 * Newer calls: libseccomp only knows the names of its own time. Those in the table below are
 * answered here: all architectures give calls added since Linux 5.1 the same number.
 *
 * Conditions: seccomp_conditions.c says why none of them are libseccomp's.
 *
 * Calls newer than the profile: it lists the calls that its author knew. A C library that tries a
 * newer one falls back to an older on ENOSYS, but not on EPERM, nor after a kill. So numbers above
 * the highest that the profile mentions for an architecture get ENOSYS unless the default action
 * lets calls through (a tracer or a log wants to see them).
 *
 * None of these matches a rule of libseccomp's. So each of its returns of the default action (a
 * rule never returns that, it refuses those as redundant) becomes a jump to the epilogue; calls
 * with a plain rule pay nothing, neither when made nor when the kernel tries every number at load.
 * There is a section for each AUDIT_ARCH; x86_64 and x32 share one and differ by a bit of the
 * number. Conditional jumps skip a few instructions; far ones are BPF_JA, whose offset has 32 bits.
 */
#include "seccomp_private.h"

#include <errno.h>
#include <string.h>

enum { X32_BIT = 0x40000000, ARM_PRIVATE = 0x0f0000 };

struct newer_call {
        const char *name;
        uint32_t number;
};

/* Later than libseccomp 2.5.4. A name that the linked libseccomp knows is left to it. */
static const struct newer_call newer_calls[] = {
        {"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
        {"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
        {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
        {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
        {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
        {"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
        {"file_setattr", 469},      {"listns", 470},
};

struct own_call {
        const char *name;
        uint32_t number;
        uint32_t index; /* 0, or which of those that socketcall(2) or ipc(2), the number,
                           multiplexes */
};

enum { MAX_OWN = 1024 }; /* more than there are system calls */

struct epilogue {
        const struct st_seccomp *spec;
        const struct rt_seccomp_plan *plan;
        struct rt_bpf *bpf;
        struct own_call *own; /* of one architecture, ascending */
        size_t n_own;
};

/* ---- numbers */

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

static bool is_newer(const char *name) {
        return seccomp_syscall_resolve_name(name) == __NR_SCMP_ERROR;
}

/* -1: the architecture has no such call, or it is one of those that socketcall(2) or ipc(2)
 * multiplex. */
static int64_t number_of(uint32_t arch, const char *name) {
        if (!is_newer(name)) {
                int number = seccomp_syscall_resolve_name_arch(arch, name);
                return number < 0 ? -1 : number;
        }
        for (size_t i = 0; i < sizeof newer_calls / sizeof *newer_calls; i++)
                if (!strcmp(newer_calls[i].name, name))
                        return (int64_t)first_number(arch) + newer_calls[i].number;
        return -1;
}

bool rt_seccomp_is_ours(const struct st_seccomp_rule *rule, const char *name) {
        return rule->n_args > 0 || is_newer(name);
}

/* Where calls are multiplexed, libseccomp gives their names numbers below these (seccomp.h), and
 * does not tell the number that newer kernels have for the call itself but the other way round. */
static uint32_t index_of(uint32_t arch, const char *name) {
        int number = seccomp_syscall_resolve_name_arch(arch, name);

        if (number > -100 || number == __NR_SCMP_ERROR)
                return 0;
        return number > -200 ? (uint32_t)(-100 - number) : (uint32_t)(-200 - number);
}

static int64_t multiplexer_of(uint32_t arch, const char *name) {
        int number = index_of(arch, name) ? seccomp_syscall_resolve_name_rewrite(arch, name) : -1;

        return number < 0 ? -1 : number;
}

static int64_t direct_number_of(uint32_t arch, const char *name) {
        for (uint32_t i = 0; i < MAX_OWN; i++) {
                st_autofree char *other =
                        seccomp_syscall_resolve_num_arch(arch, (int)(first_number(arch) + i));
                if (other && !strcmp(other, name))
                        return first_number(arch) + i;
        }
        return -1;
}

/* ARM's private calls lie far above the others, and are old. */
static bool is_private(uint32_t arch, int64_t number) {
        return arch == SCMP_ARCH_ARM && number >= ARM_PRIVATE;
}

/* ---- the calls of an architecture that are ours */

static bool has_name(const struct st_seccomp_rule *rule, const char *name) {
        for (size_t i = 0; i < rule->n_names; i++)
                if (!strcmp(rule->names[i], name))
                        return true;
        return false;
}

/* As in libseccomp: a rule that equals the default says nothing, and one without conditions beats
 * those with. */
static bool says_something(const struct epilogue *e, size_t rule, uint32_t *ret_action) {
        return rt_seccomp_rule_action(e->spec, rule, ret_action, NULL) == 0 &&
               *ret_action != e->plan->default_action;
}

static bool find_unconditional(const struct epilogue *e, const char *name, uint32_t *ret_action) {
        for (size_t i = 0; i < e->spec->n_rules; i++)
                if (e->spec->rules[i].n_args == 0 && has_name(&e->spec->rules[i], name) &&
                    says_something(e, i, ret_action))
                        return true;
        return false;
}

static bool comes_before(const struct own_call *a, const struct own_call *b) {
        return a->number != b->number ? a->number < b->number : a->index < b->index;
}

static void add_own(struct epilogue *e, const char *name, int64_t number, uint32_t index) {
        const struct own_call call = {name, (uint32_t)number, index};
        size_t at = e->n_own;

        while (at > 0 && comes_before(&call, &e->own[at - 1]))
                at--;
        if (number < 0 || e->n_own == MAX_OWN || (at > 0 && !comes_before(&e->own[at - 1], &call)))
                return; /* no such call, or it is there */
        memmove(e->own + at + 1, e->own + at, (e->n_own - at) * sizeof *e->own);
        e->own[at] = call;
        e->n_own++;
}

static void add_name(struct epilogue *e, uint32_t arch, const char *name) {
        int64_t multiplexer = multiplexer_of(arch, name);

        if (multiplexer < 0) {
                add_own(e, name, number_of(arch, name), 0);
                return;
        }
        add_own(e, name, multiplexer, index_of(arch, name));
        add_own(e, name, direct_number_of(arch, name), 0);
}

static void collect_own(struct epilogue *e, uint32_t arch) {
        uint32_t action;

        e->n_own = 0;
        for (size_t i = 0; i < e->spec->n_rules; i++) {
                const struct st_seccomp_rule *rule = &e->spec->rules[i];
                for (size_t j = 0; j < rule->n_names && says_something(e, i, &action); j++)
                        if (rt_seccomp_is_ours(rule, rule->names[j]) &&
                            (is_newer(rule->names[j]) ||
                             !find_unconditional(e, rule->names[j], &action)))
                                add_name(e, arch, rule->names[j]);
        }
}

static void emit_conditional(struct epilogue *e, const char *name) {
        for (size_t i = 0; i < e->spec->n_rules; i++) {
                const struct st_seccomp_rule *rule = &e->spec->rules[i];
                uint32_t action;

                if (rule->n_args == 0 || !has_name(rule, name) || !says_something(e, i, &action))
                        continue;
                if (!rt_seccomp_repeats_an_argument(rule))
                        rt_seccomp_emit_rule(e->bpf, rule->args, rule->n_args, action);
                else
                        for (size_t j = 0; j < rule->n_args; j++)
                                rt_seccomp_emit_rule(e->bpf, &rule->args[j], 1, action);
        }
}

static bool lets_through(uint32_t action) {
        uint32_t kind = action & SECCOMP_RET_ACTION_FULL;

        return kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG || kind == SECCOMP_RET_TRACE;
}

/* The arguments are in the program's memory, out of sight: conditions on them count as met, and a
 * rule that lets the call through before one that does not (32-bit programs live on that). */
static void emit_multiplexed(struct epilogue *e, const struct own_call *call) {
        const struct st_seccomp_arg which = {.index = 0, .value = call->index, .op = "SCMP_CMP_EQ"};
        uint32_t action = e->plan->default_action;

        for (size_t i = 0; i < e->spec->n_rules; i++) {
                uint32_t other;
                if (has_name(&e->spec->rules[i], call->name) && says_something(e, i, &other) &&
                    (action == e->plan->default_action || lets_through(other)))
                        action = other;
                if (action != e->plan->default_action && lets_through(action))
                        break;
        }
        rt_seccomp_emit_rule(e->bpf, &which, 1, action);
}

/* The accumulator holds the number, here and behind. */
static void emit_own_call(struct epilogue *e, const struct own_call *call) {
        struct rt_bpf_label next = {0};
        uint32_t action;

        if (find_unconditional(e, call->name, &action)) {
                (void)rt_bpf_emit(e->bpf, BPF_JMP | BPF_JEQ | BPF_K, call->number, 0, 1);
                rt_bpf_return(e->bpf, action);
                return;
        }
        (void)rt_bpf_emit(e->bpf, BPF_JMP | BPF_JEQ | BPF_K, call->number, 1, 0);
        rt_bpf_jump(e->bpf, &next);
        if (call->index)
                emit_multiplexed(e, call);
        else
                emit_conditional(e, call->name);
        rt_bpf_load(e->bpf, offsetof(struct seccomp_data, nr));
        rt_bpf_land(e->bpf, &next);
}

/* ---- sections */

static int64_t highest_number(const struct epilogue *e, uint32_t arch) {
        int64_t highest = e->n_own > 0 ? (int64_t)e->own[e->n_own - 1].number : -1;

        if (is_private(arch, highest))
                highest = -1;
        for (size_t i = 0; i < e->spec->n_rules; i++)
                for (size_t j = 0; j < e->spec->rules[i].n_names; j++) {
                        int64_t number = number_of(arch, e->spec->rules[i].names[j]);
                        if (number > highest && !is_private(arch, number))
                                highest = number;
                }
        return highest;
}

static void emit_numbers(struct epilogue *e, uint32_t arch) {
        int64_t highest;

        collect_own(e, arch);
        highest = highest_number(e, arch);
        for (size_t i = 0; i < e->n_own; i++)
                emit_own_call(e, &e->own[i]);
        if (highest >= 0 && !lets_through(e->plan->default_action)) {
                if (arch == SCMP_ARCH_ARM) {
                        (void)rt_bpf_emit(e->bpf, BPF_JMP | BPF_JGE | BPF_K, ARM_PRIVATE, 0, 1);
                        rt_bpf_return(e->bpf, e->plan->default_action);
                }
                (void)rt_bpf_emit(e->bpf, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)highest, 0, 1);
                rt_bpf_return(e->bpf, SCMP_ACT_ERRNO(ENOSYS));
        }
        rt_bpf_return(e->bpf, e->plan->default_action);
}

static bool has_arch(const struct rt_seccomp_plan *plan, uint32_t token) {
        for (size_t i = 0; i < plan->n_archs; i++)
                if (plan->archs[i] == token)
                        return true;
        return false;
}

/* Every token but X32's is its AUDIT_ARCH. */
static void emit_section(struct epilogue *e, uint32_t arch) {
        bool with_x32 = arch == SCMP_ARCH_X86_64 && has_arch(e->plan, SCMP_ARCH_X32);
        struct rt_bpf_label next = {0}, x32 = {0};

        (void)rt_bpf_emit(e->bpf, BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0);
        rt_bpf_jump(e->bpf, &next);
        rt_bpf_load(e->bpf, offsetof(struct seccomp_data, nr));
        if (arch == SCMP_ARCH_X86_64) { /* when not listed, x32 comes here only if the default is
                                           that of bad architectures */
                (void)rt_bpf_emit(e->bpf, BPF_JMP | BPF_JSET | BPF_K, X32_BIT, 0, 1);
                if (with_x32)
                        rt_bpf_jump(e->bpf, &x32);
                else
                        rt_bpf_return(e->bpf, e->plan->default_action);
        }
        emit_numbers(e, arch);
        if (with_x32) {
                rt_bpf_land(e->bpf, &x32);
                emit_numbers(e, SCMP_ARCH_X32);
        }
        rt_bpf_land(e->bpf, &next);
}

static void redirect_default(struct rt_bpf *bpf, uint32_t default_action) {
        for (size_t i = 0; i < bpf->n; i++)
                if (bpf->code[i].code == (BPF_RET | BPF_K) && bpf->code[i].k == default_action)
                        bpf->code[i] = (struct sock_filter) {.code = BPF_JMP | BPF_JA,
                                                             .k = (uint32_t)(bpf->n - i - 1)};
}

int rt_seccomp_append_epilogue(const struct st_seccomp *spec, const struct rt_seccomp_plan *plan,
                               struct rt_bpf *bpf) {
        struct epilogue e = {
                .spec = spec, .plan = plan, .bpf = bpf, .own = calloc(MAX_OWN, sizeof *e.own)};

        if (!e.own)
                return -ENOMEM;
        redirect_default(bpf, plan->default_action);
        rt_bpf_load(bpf, offsetof(struct seccomp_data, arch));
        for (size_t i = 0; i < plan->n_archs; i++)
                if (plan->archs[i] != SCMP_ARCH_X32) /* in the section of x86_64 */
                        emit_section(&e, plan->archs[i]);
        rt_bpf_return(bpf, plan->default_action);
        free(e.own);
        return 0;
}
