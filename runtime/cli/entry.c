/* The first instructions of the static program, before libc's start.
 *
 * A program that enters containers executes itself once more from a read-only clone of its mount
 * (stint/protect.h). libc's start-up is most of what a short program costs (41 CPUID instructions
 * with glibc 2.36, each a trap in a virtual machine), so this happens before it, with nothing but
 * system calls. Whatever does not work here is left to rt_protect_self().
 *
 * Nothing in this file may need libc: no memset that the compiler makes of an initializer, no stack
 * protector. */
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#define OPEN_TREE_CLOSE_ON_EXEC O_CLOEXEC

void stint_before_libc(uintptr_t *stack);

#if defined(__x86_64__)
__asm__(".globl stint_entry\n"
        "stint_entry:\n\t"
        "xor %ebp, %ebp\n\t"
        "mov %rsp, %rdi\n\t"
        "call stint_before_libc\n\t"
        "xor %edx, %edx\n\t" /* no function for atexit: the kernel leaves rdx 0 as well */
        "jmp _start\n");

static long call(long number, long a, long b, long c, long d, long e) {
        register long r10 __asm__("r10") = d;
        register long r8 __asm__("r8") = e;
        long r = number;

        __asm__ volatile("syscall"
                         : "+a"(r)
                         : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                         : "rcx", "r11", "memory");
        return r;
}
#elif defined(__aarch64__)
__asm__(".globl stint_entry\n"
        "stint_entry:\n\t"
        "mov x29, #0\n\t"
        "mov x30, #0\n\t"
        "mov x0, sp\n\t"
        "bl stint_before_libc\n\t"
        "mov x0, #0\n\t" /* no function for atexit */
        "b _start\n");

static long call(long number, long a, long b, long c, long d, long e) {
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
#endif

static bool is_word(const char *text, const char *word) {
        while (*text && *text == *word) {
                text++;
                word++;
        }
        return *text == *word;
}

/* Some word is a verb that enters a container. A file of that name makes it true as well, which
 * costs a little. */
static bool may_enter(char **argv) {
        for (; *argv; argv++)
                if (is_word(*argv, "run") || is_word(*argv, "create") || is_word(*argv, "exec") ||
                    is_word(*argv, "restore") || is_word(*argv, "batch"))
                        return true;
        return false;
}

static void execute_clone(int exe_fd, char **argv, char **envp) {
        struct mount_attr readonly;
        long tree_fd;

        readonly.attr_set = MOUNT_ATTR_RDONLY;
        readonly.attr_clr = 0;
        readonly.propagation = 0;
        readonly.userns_fd = 0;
        tree_fd = call(SYS_open_tree, exe_fd, (long)"",
                       AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOSE_ON_EXEC, 0, 0);
        if (tree_fd < 0)
                return;
        if (call(SYS_mount_setattr, tree_fd, (long)"", AT_EMPTY_PATH, (long)&readonly,
                 sizeof readonly) == 0)
                (void)call(SYS_execveat, tree_fd, (long)"", (long)argv, (long)envp, AT_EMPTY_PATH);
        (void)call(SYS_close, tree_fd, 0, 0, 0, 0);
}

void stint_before_libc(uintptr_t *stack) {
        char **argv = (char **)(stack + 1), **envp = argv + stack[0] + 1;
        struct statfs fs;
        long exe_fd;

        if (!stack[0] || !may_enter(argv + 1) || call(SYS_geteuid, 0, 0, 0, 0, 0) != 0)
                return;
        exe_fd = call(SYS_openat, AT_FDCWD, (long)"/proc/self/exe", O_RDONLY | O_CLOEXEC, 0, 0);
        if (exe_fd < 0)
                return;
        if (call(SYS_fstatfs, exe_fd, (long)&fs, 0, 0, 0) == 0 && !(fs.f_flags & ST_RDONLY))
                execute_clone((int)exe_fd, argv, envp);
        (void)call(SYS_close, exe_fd, 0, 0, 0, 0);
}
