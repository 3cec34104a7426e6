/* A profile made of the input's bytes, compiled: whatever it says, the outcome is an error with a
 * place or a program that the kernel would take, which answers every call. */
#include "../../runtime/linux/seccomp_private.h"
#include "target.h"

#include <string.h>

enum { MAX_RULES = 40, MAX_ARGS = 4 };

struct input {
        const uint8_t *data;
        size_t size;
};

static uint64_t take(struct input *in, size_t n) {
        uint64_t value = 0;

        for (; n > 0 && in->size > 0; n--, in->size--)
                value = value << 8 | *in->data++;
        return value;
}

#define PICK(in, words) ((words)[take(in, 1) % (sizeof(words) / sizeof *(words))])

static const char *const actions[] = {"SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO",  "SCMP_ACT_KILL",
                                      "SCMP_ACT_TRAP",         "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE",
                                      "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_LOG",    "SCMP_ACT_NONE"};
static const char *const operators[] = {
        "SCMP_CMP_EQ", "SCMP_CMP_NE", "SCMP_CMP_LT",        "SCMP_CMP_LE",
        "SCMP_CMP_GT", "SCMP_CMP_GE", "SCMP_CMP_MASKED_EQ", ""};
static const char *const archs[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86",     "SCMP_ARCH_X32",
                                    "SCMP_ARCH_ARM",    "SCMP_ARCH_AARCH64", "SCMP_ARCH_RISCV64",
                                    "SCMP_ARCH_MIPSEL", "SCMP_ARCH_S390X"};
static const char *const names[] = {
        "read",        "write",   "open",  "socket", "bind",      "shmat",   "clone",
        "personality", "execve",  "mseal", "listns", "cachestat", "mmap",    "ioctl",
        "sendmsg",     "set_tls", "futex", "none",   "mmap2",     "openat2", "socketcall"};

static struct st_seccomp_arg args[MAX_RULES][MAX_ARGS];
static struct st_seccomp_rule rules[MAX_RULES];
static char *rule_names[MAX_RULES][2], *arch_names[4], *no_words[1];

static void make_rule(struct input *in, size_t i) {
        struct st_seccomp_rule *rule = &rules[i];
        uint8_t shape = (uint8_t)take(in, 1);

        rule_names[i][0] = (char *)PICK(in, names);
        *rule = (struct st_seccomp_rule) {.names = rule_names[i], .n_names = 1, .args = args[i]};
        rule->action = PICK(in, actions);
        rule->has_errno_ret = shape & 0x80;
        rule->errno_ret = rule->has_errno_ret ? (uint32_t)take(in, 2) : 0;
        rule->n_args = shape % (MAX_ARGS + 1);
        for (size_t j = 0; j < rule->n_args; j++) {
                struct st_seccomp_arg *arg = &args[i][j];
                arg->index = (uint32_t)take(in, 1) % 7;
                arg->op = PICK(in, operators);
                arg->value = take(in, shape & 0x40 ? 8 : 1);
                arg->value_two = take(in, shape & 0x40 ? 8 : 1);
        }
}

static struct st_seccomp make_spec(struct input *in) {
        struct st_seccomp spec = {.architectures = arch_names, .flags = no_words, .rules = rules};
        size_t n_archs = take(in, 1) % 4;

        spec.default_action = PICK(in, actions);
        for (size_t i = 0; i < n_archs; i++)
                arch_names[i] = (char *)PICK(in, archs);
        arch_names[n_archs] = NULL;
        while (in->size > 0 && spec.n_rules < MAX_RULES)
                make_rule(in, spec.n_rules++);
        return spec;
}

/* As the kernel's checker: no jump out, and no way off the end. */
static void must_be_sound(const struct rt_bpf *bpf) {
        MUST(bpf->n > 0 && bpf->n <= BPF_MAXINSNS);
        MUST(bpf->code[bpf->n - 1].code == (BPF_RET | BPF_K));
        for (size_t i = 0; i < bpf->n; i++) {
                const struct sock_filter *insn = &bpf->code[i];
                if (BPF_CLASS(insn->code) != BPF_JMP)
                        continue;
                if (BPF_OP(insn->code) == BPF_JA)
                        MUST(insn->k < bpf->n - i - 1);
                else
                        MUST(insn->jt < bpf->n - i - 1 && insn->jf < bpf->n - i - 1);
        }
}

static bool is_answer(uint32_t action) {
        switch (action & SECCOMP_RET_ACTION_FULL) {
        case SECCOMP_RET_KILL_PROCESS:
        case SECCOMP_RET_KILL_THREAD:
        case SECCOMP_RET_TRAP:
        case SECCOMP_RET_ERRNO:
        case SECCOMP_RET_USER_NOTIF:
        case SECCOMP_RET_TRACE:
        case SECCOMP_RET_LOG:
        case SECCOMP_RET_ALLOW:
                return true;
        default:
                return false;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input in = {data, size};
        struct st_seccomp spec = make_spec(&in);
        struct rt_seccomp_plan plan;
        struct st_error err = {0};
        struct rt_bpf bpf;
        int r = rt_seccomp_check(&spec, &plan, &err);

        if (r == 0)
                r = rt_seccomp_compile(&spec, &plan, &bpf, &err);
        if (r < 0) {
                MUST(!strncmp(err.msg, "linux.seccomp", 13) && err.kind != ST_CODE_NONE);
                return 0;
        }
        must_be_sound(&bpf);
        for (int nr = -1; nr < 480; nr++) {
                const struct rt_seccomp filter = {.code = bpf.code, .n_code = bpf.n};
                const struct seccomp_data call = {
                        .nr = nr, .arch = AUDIT_ARCH_X86_64, .args = {size, 1, 2}};
                MUST(is_answer(rt_seccomp_evaluate(&filter, &call)));
        }
        rt_bpf_deinit(&bpf);
        return 0;
}
