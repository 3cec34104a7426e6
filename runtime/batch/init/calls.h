/* runtime/batch/init/calls.h: system calls and the entry of a program without libc. */
#pragma once
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#define INLINE static inline __attribute__((always_inline, unused))

#if defined(__x86_64__)
__asm__(".globl _start\n"
        "_start:\n\t"
        "xor %ebp, %ebp\n\t"
        "mov %rsp, %rdi\n\t"
        "and $-16, %rsp\n\t"
        "call init_main\n");

INLINE long call5(long number, long a, long b, long c, long d, long e) {
        register long r10 __asm__("r10") = d;
        register long r8 __asm__("r8") = e;
        long r = number;

        __asm__ volatile("syscall"
                         : "+a"(r)
                         : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                         : "rcx", "r11", "memory");
        return r;
}
/* The order of clone(2)'s last two arguments is the machine's own, but both are 0 here. */
#elif defined(__aarch64__)
__asm__(".globl _start\n"
        "_start:\n\t"
        "mov x29, #0\n\t"
        "mov x30, #0\n\t"
        "mov x0, sp\n\t"
        "b init_main\n");

INLINE long call5(long number, long a, long b, long c, long d, long e) {
        register long x8 __asm__("x8") = number;
        register long x0 __asm__("x0") = a;
        register long x1 __asm__("x1") = b;
        register long x2 __asm__("x2") = c;
        register long x3 __asm__("x3") = d;
        register long x4 __asm__("x4") = e;

        __asm__ volatile("svc #0"
                         : "+r"(x0)
                         : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
                         : "memory");
        return x0;
}
#else
#error "this machine's system calls are not known here"
#endif

INLINE long call4(long number, long a, long b, long c, long d) {
        return call5(number, a, b, c, d, 0);
}
INLINE long call3(long number, long a, long b, long c) {
        return call5(number, a, b, c, 0, 0);
}
INLINE long call2(long number, long a, long b) {
        return call5(number, a, b, 0, 0, 0);
}
INLINE long call0(long number) {
        return call5(number, 0, 0, 0, 0, 0);
}
INLINE long clone_vfork(void) {
        return call5(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
}
_Noreturn INLINE void exit_now(int code) {
        for (;;)
                (void)call2(SYS_exit_group, code, 0);
}
