#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <stint/clone.h>
#include <stint/syscall.h>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define SHARES_MEMORY 1
/* The system call and the call in one piece: between the two there is no frame to return to. */
static long clone_and_call(unsigned long flags, void *top, int (*fn)(void *), void *data) {
        register long r __asm__("rax") = SYS_clone;
        register unsigned long flags_reg __asm__("rdi") = flags;
        register void *top_reg __asm__("rsi") = top;
        register long ptid __asm__("rdx") = 0, ctid __asm__("r10") = 0, tls __asm__("r8") = 0;
        register void *fn_reg __asm__("r12") = (void *)fn;
        register void *data_reg __asm__("r13") = data;

        __asm__ volatile("syscall\n\t"
                         "test %%rax, %%rax\n\t"
                         "jnz 1f\n\t"
                         "xor %%ebp, %%ebp\n\t"
                         "mov %%r13, %%rdi\n\t"
                         "call *%%r12\n\t"
                         "mov %%eax, %%edi\n\t"
                         "mov %[exit], %%eax\n\t"
                         "syscall\n\t"
                         "hlt\n"
                         "1:"
                         : "+r"(r)
                         : "r"(flags_reg), "r"(top_reg), "r"(ptid), "r"(ctid), "r"(tls),
                           "r"(fn_reg), "r"(data_reg), [exit] "i"(SYS_exit_group)
                         : "rcx", "r11", "memory", "cc");
        return r;
}
#elif defined(__aarch64__) && !defined(__SANITIZE_ADDRESS__)
#define SHARES_MEMORY 1
static long clone_and_call(unsigned long flags, void *top, int (*fn)(void *), void *data) {
        register long x8 __asm__("x8") = SYS_clone;
        register long x0 __asm__("x0") = (long)flags;
        register void *x1 __asm__("x1") = top;
        register long x2 __asm__("x2") = 0, x3 __asm__("x3") = 0, x4 __asm__("x4") = 0;
        register void *fn_reg __asm__("x19") = (void *)fn;
        register void *data_reg __asm__("x20") = data;

        __asm__ volatile("svc #0\n\t"
                         "cbnz x0, 1f\n\t"
                         "mov x29, xzr\n\t"
                         "mov x0, x20\n\t"
                         "blr x19\n\t"
                         "mov x8, %[exit]\n\t"
                         "svc #0\n\t"
                         "brk #0\n"
                         "1:"
                         : "+r"(x0), "+r"(x8)
                         : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(fn_reg),
                           "r"(data_reg), [exit] "i"(SYS_exit_group)
                         : "memory", "cc");
        return x0;
}
#endif

#ifdef SHARES_MEMORY

unsigned long st_vfork_flags(void) {
        return CLONE_VM | CLONE_VFORK | SIGCHLD;
}

pid_t st_vfork_call(void *stack, int (*fn)(void *data), void *data) {
        return (pid_t)clone_and_call(st_vfork_flags(), (char *)stack + ST_VFORK_STACK, fn, data);
}

#else

unsigned long st_vfork_flags(void) {
        return SIGCHLD;
}

pid_t st_vfork_call(void *stack, int (*fn)(void *data), void *data) {
        long pid = syscall(SYS_clone, st_vfork_flags(), NULL, NULL, NULL, NULL);

        (void)stack;
        if (pid == 0) {
                syscall(SYS_exit_group, fn(data));
                __builtin_unreachable();
        }
        return pid < 0 ? -errno : (pid_t)pid;
}

#endif
