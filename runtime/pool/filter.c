#include "filter.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include <stint/cleanup.h>
#include <stint/clone.h>
#include <stint/syscall.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#define NATIVE_ARCH 0 /* no filter says yes: it is loaded late */
#endif

/* ---- all paths of a filter ----
 *
 * While no argument has been looked at, the filter runs as it would. From there on the accumulator
 * may hold anything, and both sides of a jump are walked. Jumps go forward only, so each
 * instruction needs to be walked once in that state. */

struct walk {
        const struct rt_seccomp *filter;
        const struct seccomp_data *data;
        bool any_args;
        bool *seen; /* instructions walked with an unknown accumulator */
};

static bool walk_from(struct walk *walk, size_t pc, uint32_t a, bool known);

static bool is_argument(uint32_t offset) {
        return offset >= offsetof(struct seccomp_data, args) ||
               (offset >= offsetof(struct seccomp_data, instruction_pointer) &&
                offset < offsetof(struct seccomp_data, args));
}

static bool holds(const struct sock_filter *insn, uint32_t a) {
        switch (BPF_OP(insn->code)) {
        case BPF_JEQ:
                return a == insn->k;
        case BPF_JGT:
                return a > insn->k;
        case BPF_JGE:
                return a >= insn->k;
        default:
                return a & insn->k; /* BPF_JSET */
        }
}

static bool walk_jump(struct walk *walk, size_t pc, uint32_t a, bool known) {
        const struct sock_filter *insn = &walk->filter->code[pc];

        if (BPF_OP(insn->code) == BPF_JA)
                return walk_from(walk, pc + 1 + insn->k, a, known);
        if (known)
                return walk_from(walk, pc + 1 + (holds(insn, a) ? insn->jt : insn->jf), a, true);
        return walk_from(walk, pc + 1 + insn->jt, a, false) &&
               walk_from(walk, pc + 1 + insn->jf, a, false);
}

static bool walk_from(struct walk *walk, size_t pc, uint32_t a, bool known) {
        for (; pc < walk->filter->n_code; pc++) {
                const struct sock_filter *insn = &walk->filter->code[pc];

                if (!known && walk->seen[pc])
                        return true; /* no path from here has said no */
                if (!known)
                        walk->seen[pc] = true;
                switch (insn->code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        if (insn->k > sizeof *walk->data - 4)
                                return false;
                        memcpy(&a, (const char *)walk->data + insn->k, 4);
                        known = !(walk->any_args && is_argument(insn->k));
                        break;
                case BPF_ALU | BPF_AND | BPF_K:
                        a &= insn->k;
                        break;
                case BPF_RET | BPF_K:
                        return insn->k == SECCOMP_RET_ALLOW;
                default:
                        return BPF_CLASS(insn->code) == BPF_JMP && BPF_SRC(insn->code) == BPF_K &&
                               walk_jump(walk, pc, a, known);
                }
        }
        return false;
}

bool rt_filter_allows(const struct rt_seccomp *filter, int nr, const uint64_t *args) {
        struct seccomp_data data = {.nr = nr, .arch = NATIVE_ARCH};
        st_autofree bool *seen = calloc(filter->n_code, sizeof *seen);
        struct walk walk = {.filter = filter, .data = &data, .any_args = !args, .seen = seen};

        if (!seen)
                return false; /* late is always right */
        if (args)
                memcpy(data.args, args, sizeof data.args);
        return walk_from(&walk, 0, 0, true);
}

/* ---- what a parked process calls ---- */

static bool tells_somebody(const struct rt_seccomp *filter) {
        for (size_t i = 0; i < filter->n_code; i++) {
                uint32_t action = filter->code[i].k & SECCOMP_RET_ACTION_FULL;

                if (BPF_CLASS(filter->code[i].code) == BPF_RET &&
                    (action == SECCOMP_RET_TRACE || action == SECCOMP_RET_LOG ||
                     action == SECCOMP_RET_USER_NOTIF))
                        return true;
        }
        return false;
}

static bool allows_all(const struct rt_seccomp *filter, const int *calls, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!rt_filter_allows(filter, calls[i], NULL))
                        return false;
        return true;
}

static bool allows_prctl(const struct rt_seccomp *filter) {
        static const uint64_t calls[][6] = {
                {PR_SET_PDEATHSIG, SIGKILL},
                {PR_SET_KEEPCAPS, 1},
                {PR_SET_DUMPABLE, 0},
                {PR_SET_NO_NEW_PRIVS, 1},
                {PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL},
        };

        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
                if (!rt_filter_allows(filter, SYS_prctl, calls[i]))
                        return false;
        for (uint64_t cap = 0; cap <= CAP_LAST_CAP; cap++) {
                const uint64_t raise[6] = {PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap};
                if (!rt_filter_allows(filter, SYS_prctl, raise))
                        return false;
        }
        return true;
}

/* From the message to execve: see rt_task_settle_in() and rt_task_execute(). */
static const int task_calls[] = {
        SYS_recvmsg,       SYS_sendto,         SYS_close,     SYS_mmap,      SYS_munmap,
        SYS_dup3,          SYS_fcntl,          SYS_prlimit64, SYS_openat,    SYS_openat2,
        SYS_newfstatat,    SYS_fstat,          SYS_chdir,     SYS_fchdir,    SYS_getcwd,
        SYS_mkdirat,       SYS_read,           SYS_umask,     SYS_fchown,    SYS_setgroups,
        SYS_setresgid,     SYS_setresuid,      SYS_capset,    SYS_faccessat, SYS_execve,
        SYS_exit_group,    SYS_rt_sigprocmask, SYS_write,     SYS_setsid,    SYS_faccessat2,
        SYS_clock_gettime,
};
static const int init_calls[] = {
        SYS_ppoll,
        SYS_wait4,
        SYS_kill,
};
/* Emptying what the last task wrote, and looking at what it may have done to the first process. */
static const int reset_calls[] = {
        SYS_getdents64,        SYS_unlinkat,   SYS_fchmod,   SYS_flistxattr,
        SYS_fremovexattr,      SYS_shmctl,     SYS_msgctl,   SYS_semctl,
        SYS_getpriority,       SYS_ioprio_get, SYS_uname,    SYS_sched_getattr,
        SYS_sched_getaffinity, SYS_pread64,    SYS_pwrite64,
};

#define ALLOWS(filter, calls) allows_all(filter, calls, sizeof(calls) / sizeof *(calls))

bool rt_filter_allows_dispatch(const struct rt_seccomp *filter,
                               const struct rt_filter_needs *needs) {
        const uint64_t clone_args[6] = {st_vfork_flags()};
        const uint64_t keyring_args[6] = {KEYCTL_JOIN_SESSION_KEYRING};

        if (!NATIVE_ARCH || tells_somebody(filter))
                return false;
        if (!ALLOWS(filter, task_calls) || !allows_prctl(filter))
                return false;
        if (!needs->no_init &&
            (!ALLOWS(filter, init_calls) || !rt_filter_allows(filter, SYS_clone, clone_args)))
                return false;
        if (needs->reuse && !ALLOWS(filter, reset_calls))
                return false;
        return !needs->keyring || rt_filter_allows(filter, SYS_keyctl, keyring_args);
}
