#include <linux/seccomp.h>
#include <string.h>

#include <stint/seccomp.h>

/* What classic BPF for seccomp may do (kernel: seccomp_check_filter), as far as libseccomp and
 * seccomp_newer.c use it. */
static bool jump(const struct sock_filter *insn, uint32_t a, uint32_t *ret_skip) {
        bool holds;

        switch (BPF_OP(insn->code)) {
        case BPF_JA:
                *ret_skip = insn->k;
                return true;
        case BPF_JEQ:
                holds = a == insn->k;
                break;
        case BPF_JGT:
                holds = a > insn->k;
                break;
        case BPF_JGE:
                holds = a >= insn->k;
                break;
        case BPF_JSET:
                holds = a & insn->k;
                break;
        default:
                return false;
        }
        *ret_skip = holds ? insn->jt : insn->jf;
        return true;
}

uint32_t rt_seccomp_evaluate(const struct rt_seccomp *filter, const struct seccomp_data *data) {
        uint32_t a = 0;

        for (size_t pc = 0; pc < filter->n_code; pc++) {
                const struct sock_filter *insn = &filter->code[pc];
                uint32_t skip;

                switch (insn->code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        if (insn->k > sizeof *data - 4 || insn->k % 4)
                                return SECCOMP_RET_KILL_PROCESS;
                        memcpy(&a, (const char *)data + insn->k, 4);
                        break;
                case BPF_ALU | BPF_AND | BPF_K:
                        a &= insn->k;
                        break;
                case BPF_RET | BPF_K:
                        return insn->k;
                default:
                        if (BPF_CLASS(insn->code) != BPF_JMP || BPF_SRC(insn->code) != BPF_K ||
                            !jump(insn, a, &skip))
                                return SECCOMP_RET_KILL_PROCESS;
                        pc += skip;
                }
        }
        return SECCOMP_RET_KILL_PROCESS;
}
