#include "seccomp_private.h"

#include <stint/syscall.h>

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
        /* libseccomp 2.5 makes a tree of four calls a leaf; below this a list is as good, and with no rule at all
         * its tree is wrong (up to 2.5.4). */
        MIN_CALLS_FOR_TREE = 32,
        MAX_ERRNO = 4095,
        MAX_TRACE = 0xffff,
        N_ARGUMENTS = 6,
};

#define ROOT "linux.seccomp"

static int invalid(struct st_error *err, const char *path, const char *what) {
        return st_error_kind(err, st_error_set(err, -EINVAL, "%s: %s", path, what), ST_CODE_CONFIG_INVALID);
}

static int unknown(struct st_error *err, const char *path, const char *what, const char *name) {
        return st_error_kind(err, st_error_set(err, -EINVAL, "%s: unknown %s %s", path, what, name ? name : "(none)"),
                             ST_CODE_CONFIG_INVALID);
}

enum { PATH_ROOM = 80 };

static void rule_path(char path[static PATH_ROOM], size_t rule, const char *member) {
        (void)snprintf(path, PATH_ROOM, ROOT ".syscalls[%zu].%s", rule, member);
}

/* ---- actions */

static int action_of(const char *name, bool has_errno, uint32_t errno_ret, const char *field, const char *errno_field,
                     uint32_t *ret_action, struct st_error *err) {
        const struct rt_seccomp_word *word = name ? rt_seccomp_word(rt_seccomp_actions, name) : NULL;
        uint32_t highest;

        if (!word)
                return unknown(err, field, "action", name);
        if (word->value != SCMP_ACT_ERRNO(0) && word->value != SCMP_ACT_TRACE(0)) {
                if (has_errno) /* runtime-spec, "Seccomp": MUST fail */
                        return unknown(err, errno_field, "meaning with action", name);
                *ret_action = word->value;
                return 0;
        }
        highest = word->value == SCMP_ACT_TRACE(0) ? MAX_TRACE : MAX_ERRNO;
        if (has_errno && errno_ret > highest)
                return invalid(err, errno_field, "too large");
        *ret_action = word->value | (has_errno ? errno_ret : EPERM);
        return 0;
}

int rt_seccomp_rule_action(const struct st_seccomp *spec, size_t i, uint32_t *ret_action, struct st_error *err) {
        const struct st_seccomp_rule *rule = &spec->rules[i];
        char path[PATH_ROOM], errno_path[PATH_ROOM];

        rule_path(path, i, "action");
        rule_path(errno_path, i, "errnoRet");
        return action_of(rule->action, rule->has_errno_ret, rule->errno_ret, path, errno_path, ret_action, err);
}

static int default_action(const struct st_seccomp *spec, uint32_t *ret_action, struct st_error *err) {
        int r = action_of(spec->default_action, spec->has_default_errno_ret, spec->default_errno_ret,
                          ROOT ".defaultAction", ROOT ".defaultErrnoRet", ret_action, err);

        if (r < 0)
                return r;
        if (*ret_action == SCMP_ACT_NOTIFY) /* nobody could hand the listener over */
                return invalid(err, ROOT ".defaultAction", "SCMP_ACT_NOTIFY cannot be used as default action");
        return 0;
}

/* ---- architectures */

static int add_arch(struct rt_seccomp_arch_list *archs, uint32_t token) {
        for (size_t i = 0; i < archs->n; i++)
                if (archs->tokens[i] == token)
                        return 0;
        archs->tokens[archs->n++] = token;
        return 1;
}

static int add_archs(scmp_filter_ctx ctx, const struct st_seccomp *spec, struct rt_seccomp_arch_list *archs,
                     struct st_error *err) {
        (void)add_arch(archs, seccomp_arch_native());
        for (size_t i = 0; spec->architectures[i]; i++) {
                const struct rt_seccomp_word *word = rt_seccomp_word(rt_seccomp_archs, spec->architectures[i]);
                char path[64];
                int r;

                (void)snprintf(path, sizeof path, ROOT ".architectures[%zu]", i);
                if (!word)
                        return unknown(err, path, "architecture", spec->architectures[i]);
                if (add_arch(archs, word->value) == 0)
                        continue;
                r = seccomp_arch_add(ctx, word->value);
                if (r < 0) /* EDOM: the other byte order */
                        return st_error_code(err, r, "%s: libseccomp: add %s", path, word->name);
        }
        return 0;
}

/* ---- rules */

bool rt_seccomp_repeats_an_argument(const struct st_seccomp_rule *rule) {
        unsigned seen = 0;

        for (size_t i = 0; i < rule->n_args; i++) {
                unsigned bit = 1U << rule->args[i].index;
                if (seen & bit)
                        return true;
                seen |= bit;
        }
        return false;
}

static int condition_of(const struct st_seccomp_arg *arg, size_t rule, size_t i, struct scmp_arg_cmp *ret,
                        struct st_error *err) {
        const struct rt_seccomp_word *op = arg->op ? rt_seccomp_word(rt_seccomp_operators, arg->op) : NULL;
        char path[PATH_ROOM];

        if (op && arg->index < N_ARGUMENTS) {
                *ret = (struct scmp_arg_cmp){arg->index, (enum scmp_compare)op->value, arg->value, arg->value_two};
                return 0;
        }
        (void)snprintf(path, sizeof path, ROOT ".syscalls[%zu].args[%zu].%s", rule, i, op ? "index" : "op");
        return op ? invalid(err, path, "a system call has six arguments") : unknown(err, path, "operator", arg->op);
}

static int add_to_filter(scmp_filter_ctx ctx, uint32_t action, const char *name, const struct scmp_arg_cmp *conditions,
                         size_t n, struct st_error *err) {
        int r = seccomp_rule_add_array(ctx, action, seccomp_syscall_resolve_name(name), (unsigned)n, conditions);

        if (r < 0)
                return st_error_code(err, r, "libseccomp: add %s", name);
        return 0;
}

static int add_name(scmp_filter_ctx ctx, uint32_t action, const char *name, const struct scmp_arg_cmp *conditions,
                    size_t n, bool one_by_one, struct st_error *err) {
        if (seccomp_syscall_resolve_name(name) == __NR_SCMP_ERROR)
                return 0; /* seccomp_newer.c, or nobody, knows it */
        if (!one_by_one)
                return add_to_filter(ctx, action, name, conditions, n, err);
        for (size_t i = 0; i < n; i++) {
                int r = add_to_filter(ctx, action, name, &conditions[i], 1, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Kept for callers who test for it: runc reports the listener with write(2). */
static int check_notify(const struct st_seccomp_rule *rule, size_t i, struct st_error *err) {
        char path[PATH_ROOM];

        for (size_t j = 0; j < rule->n_names; j++) {
                if (strcmp(rule->names[j], "write"))
                        continue;
                rule_path(path, i, "action");
                return invalid(err, path, "SCMP_ACT_NOTIFY cannot be used for the write syscall");
        }
        return 0;
}

static int add_names(scmp_filter_ctx ctx, const struct st_seccomp_rule *rule, uint32_t action,
                     const struct scmp_arg_cmp *conditions, struct st_error *err) {
        bool one_by_one = rt_seccomp_repeats_an_argument(rule);

        for (size_t i = 0; i < rule->n_names; i++) {
                int r = add_name(ctx, action, rule->names[i], conditions, rule->n_args, one_by_one, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_rule(scmp_filter_ctx ctx, const struct st_seccomp *spec, size_t i, uint32_t action, uint32_t default_act,
                    struct st_error *err) {
        const struct st_seccomp_rule *rule = &spec->rules[i];
        st_autofree struct scmp_arg_cmp *conditions = calloc(rule->n_args + 1, sizeof *conditions);
        int r;

        if (!conditions)
                return st_error_set(err, -ENOMEM, ROOT ": allocate conditions");
        for (size_t j = 0; j < rule->n_args; j++) {
                r = condition_of(&rule->args[j], i, j, &conditions[j], err);
                if (r < 0)
                        return r;
        }
        if (action == default_act) /* libseccomp refuses what the default says already */
                return 0;
        r = add_names(ctx, rule, action, conditions, err);
        return r < 0 ? st_error_prefix(err, r, ROOT ".syscalls[%zu]", i) : 0;
}

static int add_rules(scmp_filter_ctx ctx, const struct st_seccomp *spec, uint32_t default_act, bool *ret_notify,
                     struct st_error *err) {
        for (size_t i = 0; i < spec->n_rules; i++) {
                uint32_t action;
                int r = rt_seccomp_rule_action(spec, i, &action, err);

                if (r == 0 && action == SCMP_ACT_NOTIFY) {
                        *ret_notify = true;
                        r = check_notify(&spec->rules[i], i, err);
                }
                if (r == 0)
                        r = add_rule(ctx, spec, i, action, default_act, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- the whole filter */

static size_t count_calls(const struct st_seccomp *spec) {
        size_t n = 0;

        for (size_t i = 0; i < spec->n_rules; i++)
                n += spec->rules[i].n_names;
        return n;
}

static int configure(scmp_filter_ctx ctx, const struct st_seccomp *spec, struct st_error *err) {
        int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0); /* the caller loads the code, not libseccomp */

        if (r == 0 && count_calls(spec) > MIN_CALLS_FOR_TREE)
                r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        return r < 0 ? st_error_code(err, r, ROOT ": libseccomp: set attributes") : 0;
}

static int append_file(struct rt_bpf *bpf, int fd, struct st_error *err) {
        struct stat st;
        void *code;

        if (fstat(fd, &st) < 0)
                return st_error_sys(err, ROOT ": stat the compiled filter");
        if (st.st_size == 0 || st.st_size % (off_t)sizeof(struct sock_filter))
                return st_error_code(err, -EIO, ROOT ": libseccomp: %lld bytes of code", (long long)st.st_size);
        code = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (code == MAP_FAILED)
                return st_error_sys(err, ROOT ": map the compiled filter");
        rt_bpf_append(bpf, code, (size_t)st.st_size / sizeof(struct sock_filter));
        (void)munmap(code, (size_t)st.st_size); /* a mapping of our own: cannot fail */
        return 0;
}

/* libseccomp 2.5 writes its code to a descriptor only. */
static int append_export(scmp_filter_ctx ctx, struct rt_bpf *bpf, struct st_error *err) {
        st_autoclose int fd = memfd_create("seccomp", MFD_CLOEXEC);
        int r;

        if (fd < 0)
                return st_error_sys(err, ROOT ": memfd_create");
        r = seccomp_export_bpf(ctx, fd);
        if (r < 0)
                return st_error_code(err, r, ROOT ": libseccomp: generate the filter");
        return append_file(bpf, fd, err);
}

static int build(scmp_filter_ctx ctx, const struct st_seccomp *spec, uint32_t action, struct rt_seccomp_arch_list *archs,
                 struct rt_bpf *bpf, bool *ret_notify, struct st_error *err) {
        int r = configure(ctx, spec, err);

        if (r == 0)
                r = add_archs(ctx, spec, archs, err);
        if (r == 0)
                r = add_rules(ctx, spec, action, ret_notify, err);
        if (r == 0)
                r = append_export(ctx, bpf, err);
        if (r == 0)
                r = rt_seccomp_answer_newer(spec, action, archs, bpf, err);
        if (r < 0)
                return r;
        if (bpf->failed)
                return st_error_set(err, -ENOMEM, ROOT ": allocate the filter");
        if (bpf->n > BPF_MAXINSNS)
                return st_error_set(err, -E2BIG, ROOT ": %zu instructions, the kernel takes %d", bpf->n, BPF_MAXINSNS);
        return 0;
}

int rt_seccomp_compile(const struct st_seccomp *spec, struct rt_bpf *ret_bpf, bool *ret_notify, struct st_error *err) {
        enum { N_ARCHS = 32 }; /* more than the table has */
        uint32_t tokens[N_ARCHS];
        struct rt_seccomp_arch_list archs = {.tokens = tokens};
        struct rt_bpf bpf = {0};
        scmp_filter_ctx ctx;
        bool notify = false;
        uint32_t action;
        int r = default_action(spec, &action, err);

        if (r < 0)
                return r;
        ctx = seccomp_init(action);
        if (!ctx)
                return st_error_set(err, -EINVAL, ROOT ".defaultAction: libseccomp or the kernel lacks %s", spec->default_action);
        r = build(ctx, spec, action, &archs, &bpf, &notify, err);
        seccomp_release(ctx);
        if (r < 0) {
                rt_bpf_deinit(&bpf);
                return st_error_kind(err, r, ST_CODE_SECCOMP);
        }
        *ret_bpf = bpf;
        *ret_notify = notify;
        return 0;
}
