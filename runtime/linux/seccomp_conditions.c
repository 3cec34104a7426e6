/* Rules with conditions on arguments: each stands alone, in the profile's order. (libseccomp up to
 * 2.6.0 merges several rules on one call and compares one argument where it has loaded another: an
 * argument that matches no rule got a rule's action. It may never come back from two rules on a
 * call that the architecture lacks. See also GHSA-4q85-33p6-j5g6.) */
#include "seccomp_private.h"

#include <string.h>

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

/* Return @action when all conditions hold, else go on. */
static void emit_rule(struct rt_bpf *bpf, const struct st_seccomp_arg *args, size_t n_args,
                      uint32_t action) {
        struct rt_bpf_label no = {0};

        for (size_t i = 0; i < n_args; i++)
                emit_condition(bpf, &args[i], &no);
        rt_bpf_return(bpf, action);
        rt_bpf_land(bpf, &no);
}

/* ---- the rules on a call */

static bool says_something(const struct st_seccomp *spec, const struct rt_seccomp_plan *plan,
                           size_t rule, const char *name, uint32_t *ret_action) {
        bool found = false;

        for (size_t i = 0; i < spec->rules[rule].n_names && !found; i++)
                found = !strcmp(spec->rules[rule].names[i], name);
        return found && rt_seccomp_rule_action(spec, rule, ret_action, NULL) == 0 &&
               *ret_action != plan->default_action;
}

static void emit_conditional(struct rt_bpf *bpf, const struct st_seccomp *spec,
                             const struct rt_seccomp_plan *plan,
                             const struct rt_seccomp_call *call) {
        for (size_t i = 0; i < spec->n_rules; i++) {
                const struct st_seccomp_rule *rule = &spec->rules[i];
                uint32_t action;

                if (rule->n_args == 0 || !says_something(spec, plan, i, call->name, &action))
                        continue;
                if (!rt_seccomp_repeats_an_argument(rule))
                        emit_rule(bpf, rule->args, rule->n_args, action);
                else
                        for (size_t j = 0; j < rule->n_args; j++)
                                emit_rule(bpf, &rule->args[j], 1, action);
        }
}

bool rt_seccomp_lets_through(uint32_t action) {
        uint32_t kind = action & SECCOMP_RET_ACTION_FULL;

        return kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG || kind == SECCOMP_RET_TRACE;
}

/* The arguments are in the program's memory, out of sight: conditions on them count as met, and a
 * rule that lets the call through before one that does not (32-bit programs live on that). */
static uint32_t multiplexed_action(const struct st_seccomp *spec,
                                   const struct rt_seccomp_plan *plan,
                                   const struct rt_seccomp_call *call) {
        uint32_t action = plan->default_action, other;

        if (call->decided)
                return call->action;
        for (size_t i = 0; i < spec->n_rules; i++) {
                if (!says_something(spec, plan, i, call->name, &other))
                        continue;
                if (rt_seccomp_lets_through(other))
                        return other;
                if (action == plan->default_action)
                        action = other;
        }
        return action;
}

void rt_seccomp_emit_call(struct rt_bpf *bpf, const struct st_seccomp *spec,
                          const struct rt_seccomp_plan *plan, const struct rt_seccomp_call *call) {
        const struct st_seccomp_arg which = {.index = 0, .value = call->index, .op = "SCMP_CMP_EQ"};

        if (call->index)
                emit_rule(bpf, &which, 1, multiplexed_action(spec, plan, call));
        else
                emit_conditional(bpf, spec, plan, call);
}
