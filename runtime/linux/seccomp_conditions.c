/* Rules with conditions on arguments. libseccomp could compile them, but up to 2.6.0 it merges
 * several rules on one call wrongly: it compares one argument where it has loaded another (2.5.4:
 * an argument that matches no rule got a rule's action), may never come back (two rules on a call
 * that the architecture lacks), and see GHSA-4q85-33p6-j5g6. Here each rule stands alone, in the
 * profile's order. */
#include "seccomp_private.h"

static void load_half(struct rt_bpf *bpf, uint32_t arg, bool high, uint32_t mask) {
        bool second = (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) == high;

        rt_bpf_load(bpf, offsetof(struct seccomp_data, args) + arg * 8 + (second ? 4 : 0));
        if (mask != UINT32_MAX)
                (void)rt_bpf_emit(bpf, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
}

/* Five or so instructions, a jump to @no, and the next one when the condition holds. */
static void emit_equal(struct rt_bpf *bpf, uint32_t arg, uint64_t mask, uint64_t value, bool negate,
                       struct rt_bpf_label *no) {
        uint32_t low_mask = (uint32_t)mask;
        uint8_t to_jump = low_mask == UINT32_MAX ? 2 : 3; /* over the low half's instructions */

        load_half(bpf, arg, true, (uint32_t)(mask >> 32));
        (void)rt_bpf_emit(bpf, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value >> 32), 0,
                          negate ? to_jump + 1 : to_jump);
        load_half(bpf, arg, false, low_mask);
        (void)rt_bpf_emit(bpf, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)value, !negate, negate);
        rt_bpf_jump(bpf, no);
}

/* arg > value, or arg >= value with @or_equal; or the opposite. */
static void emit_greater(struct rt_bpf *bpf, uint32_t arg, uint64_t value, bool or_equal,
                         bool negate, struct rt_bpf_label *no) {
        uint32_t high = (uint32_t)(value >> 32);

        load_half(bpf, arg, true, UINT32_MAX);
        (void)rt_bpf_emit(bpf, BPF_JMP | BPF_JGT | BPF_K, high, negate ? 3 : 4, 0);
        (void)rt_bpf_emit(bpf, BPF_JMP | BPF_JEQ | BPF_K, high, 0, negate ? 3 : 2);
        load_half(bpf, arg, false, UINT32_MAX);
        (void)rt_bpf_emit(bpf, BPF_JMP | (or_equal ? BPF_JGE : BPF_JGT) | BPF_K, (uint32_t)value,
                          !negate, negate);
        rt_bpf_jump(bpf, no);
}

static void emit_condition(struct rt_bpf *bpf, const struct st_seccomp_arg *arg,
                           struct rt_bpf_label *no) {
        const struct rt_seccomp_word *op =
                rt_seccomp_word(rt_seccomp_operators, arg->op); /* compile.c has checked it */

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

void rt_seccomp_emit_rule(struct rt_bpf *bpf, const struct st_seccomp_arg *args, size_t n_args,
                          uint32_t action) {
        struct rt_bpf_label no = {0};

        for (size_t i = 0; i < n_args; i++)
                emit_condition(bpf, &args[i], &no);
        rt_bpf_return(bpf, action);
        rt_bpf_land(bpf, &no);
}
