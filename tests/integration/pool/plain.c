/* plain: a task that makes one system call, exit_group(0): it runs under the narrowest filter. */
_Noreturn void _start(void);

_Noreturn void _start(void) {
#if defined __x86_64__
        __asm__ volatile("syscall" : : "a"(231), "D"(0));
#elif defined __aarch64__
        register long number __asm__("x8") = 94, status __asm__("x0") = 0;

        __asm__ volatile("svc 0" : : "r"(number), "r"(status));
#else
#error "plain: exit_group(0) is missing for this machine"
#endif
        __builtin_unreachable();
}
