/* One clone3 with every namespace flag that allows it.
 *
 * Three things cannot be flags: joined user and pid namespaces and a new time namespace only change
 * what the *next* child gets, and setns(2) into a user namespace would change the caller. A stage
 * process does these and clones the init with CLONE_PARENT, so that the caller is its parent and
 * reaps it. */
#include "launch.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <stint/cleanup.h>
#include <stint/handshake.h>
#include <stint/syscall.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

enum { SHARED_STACK = 256 * 1024 };

static struct clone_args init_args(const struct rt_init *init, int *pidfd) {
        struct clone_args args = {
                .flags = init->namespaces.clone_flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
                .pidfd = (uint64_t)(uintptr_t)pidfd,
                .exit_signal = SIGCHLD,
        };
        int cgroup_fd = init->cgroup ? rt_cgroup_clone_fd(init->cgroup) : -1;

        if (cgroup_fd >= 0) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (uint64_t)cgroup_fd;
        }
        return args;
}

static int clone_error(struct st_error *err, const struct clone_args *args) {
        if (errno == EINVAL || errno == ENOSYS)
                return st_error_kind(
                        err,
                        st_error_sys(err,
                                     "clone with namespaces %#llx (this kernel lacks one of them?)",
                                     (unsigned long long)args->flags),
                        ST_CODE_UNSUPPORTED);
        return st_error_kind(
                err,
                st_error_sys(err, "clone with namespaces %#llx", (unsigned long long)args->flags),
                ST_CODE_NAMESPACE);
}

/* From its first moment in a pid namespace that others are in: they may trace a process whose user
 * namespace is theirs, or was made by one of their number, and which still holds what is the
 * machine's (CVE-2016-9962). An ordinary caller has files of ours still to write, which would be
 * root's. */
static void hide(const struct rt_init *init, bool caller_is_root) {
        if (caller_is_root ||
            !((init->namespaces.clone_flags & CLONE_NEWUSER) || init->namespaces.new_time))
                (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* cannot fail, and init.c asks again */
}

/* ---- with the caller's memory ---- */

#if defined(__x86_64__) &&                                                                         \
        !defined(__SANITIZE_ADDRESS__) /* which knows its thread's own stack only */
/* clone3(2) on a stack of its own and a call, in one piece: between the two there is no frame to
 * return to. */
static long clone_and_call(struct clone_args *args, void (*fn)(void *), void *data) {
        register long r __asm__("rax") = SYS_clone3;
        register void *fn_reg __asm__("r12") = (void *)fn;
        register void *data_reg __asm__("r13") = data;

        __asm__ volatile("syscall\n\t"
                         "test %%rax, %%rax\n\t"
                         "jnz 1f\n\t"
                         "xor %%ebp, %%ebp\n\t"
                         "mov %%r13, %%rdi\n\t"
                         "call *%%r12\n\t"
                         "hlt\n"
                         "1:"
                         : "+r"(r)
                         : "D"(args), "S"(sizeof *args), "r"(fn_reg), "r"(data_reg)
                         : "rcx", "r11", "memory", "cc");
        return r;
}
#elif defined(__aarch64__)
static long clone_and_call(struct clone_args *args, void (*fn)(void *), void *data) {
        register long x8 __asm__("x8") = SYS_clone3;
        register long x0 __asm__("x0") = (long)args;
        register long x1 __asm__("x1") = sizeof *args;
        register void *fn_reg __asm__("x19") = (void *)fn;
        register void *data_reg __asm__("x20") = data;

        __asm__ volatile("svc #0\n\t"
                         "cbnz x0, 1f\n\t"
                         "mov x29, xzr\n\t"
                         "mov x0, x20\n\t"
                         "blr x19\n\t"
                         "brk #0\n"
                         "1:"
                         : "+r"(x0)
                         : "r"(x8), "r"(x1), "r"(fn_reg), "r"(data_reg)
                         : "memory", "cc");
        return x0;
}
#else
#define NO_SHARED_MEMORY 1
static long clone_and_call(struct clone_args *args, void (*fn)(void *), void *data) {
        (void)args, (void)fn, (void)data;
        return -ENOSYS; /* rt_launch_can_share() says so */
}
#endif

static void call_init(void *data) {
        rt_init_main(data);
}

static int launch_shared(struct rt_init *init, struct rt_child *ret_child, struct st_error *err) {
        int pidfd = -1;
        struct clone_args args = init_args(init, &pidfd);
        void *stack = mmap(NULL, SHARED_STACK, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        long pid;

        if (stack == MAP_FAILED)
                return st_error_sys(err, "allocate a stack");
        args.flags |= CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID;
        args.stack = (uint64_t)(uintptr_t)stack;
        args.stack_size = SHARED_STACK;
        args.parent_tid = (uint64_t)(uintptr_t)&init->record
                                  .pid; /* before the child runs, which finds it in there */
        pid = clone_and_call(&args, call_init, init);
        (void)munmap(stack, SHARED_STACK);
        if (pid < 0) {
                errno = (int)-pid;
                return clone_error(err, &args);
        }
        *ret_child = (struct rt_child) {.pid = (pid_t)pid, .pidfd = pidfd};
        return 0;
}

/* ---- a copy ---- */

static int launch_copied(struct rt_init *init, struct rt_child *ret_child, struct st_error *err) {
        int pidfd = -1;
        struct clone_args args = init_args(init, &pidfd);
        bool caller_is_root = geteuid() == 0;
        pid_t pid = st_clone3(&args);

        if (pid == 0) {
                hide(init, caller_is_root);
                rt_init_main(init);
        }
        if (pid < 0)
                return clone_error(err, &args);
        *ret_child = (struct rt_child) {.pid = pid, .pidfd = pidfd};
        return 0;
}

/* ---- through a stage process ---- */

struct stage_result {
        pid_t pid;
        int pidfd;
        struct st_error error;
};

static int stage_join(const struct rt_init *init, struct st_error *err) {
        const struct st_linux *lin = &init->spec->linux_;
        int r = rt_namespaces_join(&init->namespaces,
                                   1u << ST_NS_USER | 1u << ST_NS_PID | 1u << ST_NS_TIME, err);

        if (r >= 0 && init->namespaces.new_time)
                r = rt_time_namespace_make(&lin->monotonic, &lin->boottime, err);
        return r;
}

/* CLONE_FILES: the pidfd lands in the caller's table. CLONE_PARENT: so does the child. The stage
 * has its own copy of the memory, since setns(2) into time and user namespaces refuses a shared
 * one. */
_Noreturn static void stage_main(struct rt_init *init, struct stage_result *result) {
        struct clone_args args;

        hide(init, geteuid() == 0);
        if (stage_join(init, &result->error) >= 0) {
                args = init_args(init, &result->pidfd);
                args.flags |= CLONE_PARENT;
                args.exit_signal = 0; /* inherited with CLONE_PARENT; anything else is EINVAL */
                pid_t pid = st_clone3(&args);
                if (pid == 0)
                        rt_init_main(init);
                if (pid < 0)
                        (void)clone_error(&result->error, &args);
                result->pid = pid; /* by the stage alone: the page is the child's too */
        }
        syscall(SYS_exit_group, 0);
        __builtin_unreachable();
}

static int run_stage(struct rt_init *init, struct stage_result *result, struct st_error *err) {
        st_autoclose int pidfd = -1;
        struct clone_args args = {
                .flags = CLONE_PIDFD | CLONE_FILES | CLONE_CLEAR_SIGHAND,
                .pidfd = (uint64_t)(uintptr_t)&pidfd,
                .exit_signal = SIGCHLD,
        };
        siginfo_t info = {0};
        pid_t pid = st_clone3(&args);

        if (pid == 0)
                stage_main(init, result);
        if (pid < 0)
                return st_error_sys(err, "clone the stage process");
        while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
                if (errno != EINTR)
                        return st_error_sys(err, "wait for the stage process");
        if (info.si_code != CLD_EXITED)
                return st_error_set(err, -EIO, "the stage process was killed by signal %d",
                                    info.si_status);
        return 0;
}

static int launch_staged(struct rt_init *init, struct rt_child *ret_child, struct st_error *err) {
        struct stage_result *result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE,
                                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        int r;

        if (result == MAP_FAILED)
                return st_error_sys(err, "allocate a page");
        result->pidfd = -1;
        r = run_stage(init, result, err);
        if (r >= 0 && result->error.code < 0) {
                if (err)
                        *err = result->error;
                r = result->error.code;
        }
        if (r >= 0)
                *ret_child = (struct rt_child) {.pid = result->pid, .pidfd = result->pidfd};
        (void)munmap(result, sizeof *result);
        return r;
}

static bool needs_stage(const struct rt_namespaces *namespaces) {
        return namespaces->new_time || rt_namespaces_joins(namespaces, ST_NS_USER) ||
               rt_namespaces_joins(namespaces, ST_NS_PID) ||
               rt_namespaces_joins(namespaces, ST_NS_TIME);
}

bool rt_launch_can_share(const struct rt_namespaces *namespaces) {
#ifdef NO_SHARED_MEMORY
        (void)namespaces;
        return false;
#else
        return !needs_stage(namespaces);
#endif
}

int rt_launch(struct rt_init *init, struct rt_child *ret_child, struct st_error *err) {
        if (needs_stage(&init->namespaces))
                return launch_staged(init, ret_child, err);
        return init->shares_memory ? launch_shared(init, ret_child, err)
                                   : launch_copied(init, ret_child, err);
}
