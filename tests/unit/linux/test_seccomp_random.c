/* Made-up profiles, compiled, against what the spec says about them: every number of every
 * architecture. */
#include "filters.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <string.h>

#include <stint/cleanup.h>

TestSuite(seccomp_random, .fini = st_test_no_leaks);

enum { MAX_RULES = 90, MAX_ARGS = 3, X32_BIT = 0x40000000 };

/* Calls of all times and places; none that 32-bit x86 multiplexes. The last are later than
 * libseccomp 2.5. */
static const char *const pool[] = {"read",
                                   "write",
                                   "open",
                                   "close",
                                   "stat",
                                   "poll",
                                   "lseek",
                                   "mmap",
                                   "mprotect",
                                   "munmap",
                                   "brk",
                                   "ioctl",
                                   "access",
                                   "pipe",
                                   "select",
                                   "madvise",
                                   "dup",
                                   "dup2",
                                   "pause",
                                   "nanosleep",
                                   "getpid",
                                   "sendfile",
                                   "clone",
                                   "fork",
                                   "vfork",
                                   "execve",
                                   "exit",
                                   "wait4",
                                   "kill",
                                   "uname",
                                   "fcntl",
                                   "flock",
                                   "fsync",
                                   "truncate",
                                   "getdents",
                                   "getcwd",
                                   "chdir",
                                   "rename",
                                   "mkdir",
                                   "rmdir",
                                   "link",
                                   "unlink",
                                   "symlink",
                                   "chmod",
                                   "chown",
                                   "umask",
                                   "getuid",
                                   "ptrace",
                                   "syslog",
                                   "setuid",
                                   "setgid",
                                   "getppid",
                                   "capset",
                                   "sigaltstack",
                                   "personality",
                                   "statfs",
                                   "sync",
                                   "mount",
                                   "umount2",
                                   "reboot",
                                   "gettid",
                                   "futex",
                                   "epoll_wait",
                                   "openat",
                                   "mkdirat",
                                   "unshare",
                                   "splice",
                                   "utimensat",
                                   "eventfd2",
                                   "dup3",
                                   "pipe2",
                                   "prlimit64",
                                   "setns",
                                   "getrandom",
                                   "memfd_create",
                                   "bpf",
                                   "execveat",
                                   "copy_file_range",
                                   "pkey_alloc",
                                   "statx",
                                   "rseq",
                                   "pidfd_send_signal",
                                   "io_uring_setup",
                                   "open_tree",
                                   "clone3",
                                   "openat2",
                                   "faccessat2",
                                   "mount_setattr",
                                   "landlock_restrict_self",
                                   "futex_waitv",
                                   "fcntl64",
                                   "mmap2",
                                   "socketcall_is_no_call",
                                   "cachestat",
                                   "fchmodat2",
                                   "futex_wait",
                                   "statmount",
                                   "mseal",
                                   "listxattrat",
                                   "file_setattr"};
static const char *const operators[] = {"SCMP_CMP_EQ",       "SCMP_CMP_NE", "SCMP_CMP_LT",
                                        "SCMP_CMP_LE",       "SCMP_CMP_GT", "SCMP_CMP_GE",
                                        "SCMP_CMP_MASKED_EQ"};
static const char *const actions[] = {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_TRAP",
                                      "SCMP_ACT_LOG", "SCMP_ACT_KILL_PROCESS"};
static const uint64_t values[] = {0, 1, 2, 3, 5, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define PICK(array) ((array)[next(COUNT(array))])

/* ---- a profile */

static uint64_t random_state;

static uint32_t next(size_t below) {
        random_state = random_state * 6364136223846793005 + 1442695040888963407;
        return (uint32_t)((random_state >> 33) % below);
}

struct profile {
        struct st_seccomp spec;
        struct st_seccomp_rule rules[MAX_RULES];
        struct st_seccomp_arg args[MAX_RULES][MAX_ARGS];
        char *names[MAX_RULES][2];
        char *flags[1];
};

/* A call has one action throughout: which of two wins is another test's. */
static const char *action_of(size_t name) {
        return actions[(name * 2654435761U >> 8) % COUNT(actions)];
}

static void make_rule(struct profile *p, size_t i) {
        struct st_seccomp_rule *rule = &p->rules[i];
        size_t name = next(COUNT(pool));

        p->names[i][0] = (char *)pool[name];
        *rule = (struct st_seccomp_rule) {
                .names = p->names[i], .n_names = 1, .action = action_of(name), .args = p->args[i]};
        rule->n_args = next(3) ? 0 : 1 + next(MAX_ARGS);
        for (size_t j = 0; j < rule->n_args; j++)
                rule->args[j] = (struct st_seccomp_arg) {next(4) ? (uint32_t)j : 1, PICK(values),
                                                         PICK(values), PICK(operators)};
}

static void make_profile(struct profile *p, uint64_t seed, char **architectures) {
        memset(p, 0, sizeof *p);
        random_state = seed * 0x9e3779b97f4a7c15;
        p->spec = (struct st_seccomp) {.default_action = PICK(actions),
                                       .architectures = architectures,
                                       .flags = p->flags,
                                       .rules = p->rules,
                                       .n_rules = next(5) ? next(MAX_RULES) : next(6)};
        for (size_t i = 0; i < p->spec.n_rules; i++)
                make_rule(p, i);
}

/* ---- what the spec says */

static uint32_t value_of(const char *action) {
        if (!strcmp(action, "SCMP_ACT_ALLOW"))
                return SCMP_ACT_ALLOW;
        if (!strcmp(action, "SCMP_ACT_ERRNO"))
                return SCMP_ACT_ERRNO(EPERM);
        if (!strcmp(action, "SCMP_ACT_TRAP"))
                return SCMP_ACT_TRAP;
        return !strcmp(action, "SCMP_ACT_LOG") ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS;
}

static bool holds(const struct st_seccomp_arg *arg, const struct seccomp_data *data) {
        uint64_t value = data->args[arg->index];

        if (!strcmp(arg->op, "SCMP_CMP_EQ"))
                return value == arg->value;
        if (!strcmp(arg->op, "SCMP_CMP_NE"))
                return value != arg->value;
        if (!strcmp(arg->op, "SCMP_CMP_LT"))
                return value < arg->value;
        if (!strcmp(arg->op, "SCMP_CMP_LE"))
                return value <= arg->value;
        if (!strcmp(arg->op, "SCMP_CMP_GT"))
                return value > arg->value;
        if (!strcmp(arg->op, "SCMP_CMP_GE"))
                return value >= arg->value;
        return (value & arg->value) == (arg->value_two & arg->value);
}

static bool repeats(const struct st_seccomp_rule *rule) {
        for (size_t i = 0; i < rule->n_args; i++)
                for (size_t j = 0; j < i; j++)
                        if (rule->args[i].index == rule->args[j].index)
                                return true;
        return false;
}

static bool matches(const struct st_seccomp_rule *rule, const struct seccomp_data *data) {
        bool any = repeats(rule);

        for (size_t i = 0; i < rule->n_args; i++)
                if (holds(&rule->args[i], data) == any)
                        return any;
        return !any;
}

static const struct {
        const char *name;
        int number;
} later[] = {
        {"cachestat", 451}, {"fchmodat2", 452},   {"futex_wait", 455},   {"statmount", 457},
        {"mseal", 462},     {"listxattrat", 465}, {"file_setattr", 469},
};

static int64_t number_of(uint32_t token, const char *name) {
        int number = seccomp_syscall_resolve_name_arch(token, name);

        for (size_t i = 0; i < COUNT(later); i++)
                if (!strcmp(later[i].name, name))
                        return (token == SCMP_ARCH_X32 ? X32_BIT : 0) + later[i].number;
        return number < 0 ? -1 : number;
}

static uint32_t expected(const struct st_seccomp *spec, uint32_t token,
                         const struct seccomp_data *data) {
        uint32_t unless = value_of(spec->default_action);
        int64_t highest = -1;

        for (size_t i = 0; i < spec->n_rules; i++) {
                const struct st_seccomp_rule *rule = &spec->rules[i];
                int64_t number = number_of(token, rule->names[0]);

                highest = number > highest ? number : highest;
                if (number == (int64_t)(uint32_t)data->nr && matches(rule, data))
                        return value_of(rule->action);
        }
        if (unless == SCMP_ACT_ALLOW || unless == SCMP_ACT_LOG || highest < 0 ||
            (int64_t)(uint32_t)data->nr <= highest)
                return unless;
        return SCMP_ACT_ERRNO(ENOSYS);
}

/* ---- the comparison */

struct world {
        uint32_t token, audit_arch, first;
};

static const struct world worlds[] = {
        {SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0}, {SCMP_ARCH_X32, AUDIT_ARCH_X86_64, X32_BIT},
        {SCMP_ARCH_X86, AUDIT_ARCH_I386, 0},      {SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0},
        {SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0},
};

static bool is_listed(const struct st_seccomp *spec, const struct world *world) {
        static const char *const names[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_X86",
                                            "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};

        if (world->token == seccomp_arch_native())
                return true;
        for (size_t i = 0; spec->architectures[i]; i++)
                if (!strcmp(spec->architectures[i], names[world - worlds]))
                        return true;
        return false;
}

static void compare(const struct profile *p, const struct rt_seccomp *filter,
                    const struct world *world, uint64_t seed) {
        bool listed = is_listed(&p->spec, world);

        for (uint32_t number = 0; number < 620; number++)
                for (int i = 0; i < 3; i++) {
                        struct seccomp_data data = {
                                .nr = (int)(world->first + number),
                                .arch = world->audit_arch,
                                .args = {PICK(values), PICK(values), PICK(values)}};
                        uint32_t want = listed ? expected(&p->spec, world->token, &data)
                                               : SCMP_ACT_KILL_THREAD;
                        uint32_t is = rt_seccomp_evaluate(filter, &data);

                        cr_assert_eq(
                                is, want,
                                "seed %llu, arch %#x, number %u (%llx %llx %llx): %#x, not %#x",
                                (unsigned long long)seed, world->token, number,
                                (unsigned long long)data.args[0], (unsigned long long)data.args[1],
                                (unsigned long long)data.args[2], is, want);
                }
}

static void check_profiles(char **architectures, uint64_t first_seed, uint64_t n) {
        for (uint64_t seed = first_seed; seed < first_seed + n; seed++) {
                st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = NULL;
                struct st_error err = {0};
                struct profile p;

                make_profile(&p, seed, architectures);
                cr_assert_eq(rt_seccomp_prepare(&p.spec, -1, &filter, &err), 0, "seed %llu: %s",
                             (unsigned long long)seed, err.msg);
                for (size_t i = 0; i < COUNT(worlds); i++)
                        compare(&p, filter, &worlds[i], seed);
        }
}

Test(seccomp_random, answers_as_the_spec_says_on_one_architecture) {
        check_profiles(NO_WORDS, 1, 60);
}

Test(seccomp_random, answers_as_the_spec_says_on_x86s_three) {
        check_profiles(WORDS("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"), 1000, 60);
}

Test(seccomp_random, answers_as_the_spec_says_on_arms_two) {
        check_profiles(WORDS("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"), 2000, 60);
}
