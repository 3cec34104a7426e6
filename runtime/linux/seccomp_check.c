/* linux.seccomp, word by word: what is wrong is an error with its JSON path before anything is
 * compiled. */
#include "seccomp_private.h"

#include <errno.h>
#include <linux/audit.h>
#include <string.h>

enum {
        MAX_ERRNO = 4095,
        MAX_TRACE = 0xffff,
        N_ARGUMENTS = 6,
        MAX_NAMES = 16 << 10, /* in all rules; a program has 4096 instructions */
};

#define ROOT "linux.seccomp"

static int invalid(struct st_error *err, const char *path, const char *what) {
        return st_error_kind(err, st_error_set(err, -EINVAL, "%s: %s", path, what),
                             ST_CODE_CONFIG_INVALID);
}

static int unknown(struct st_error *err, const char *path, const char *what, const char *name) {
        return st_error_kind(
                err,
                st_error_set(err, -EINVAL, "%s: unknown %s %s", path, what, name ? name : "(none)"),
                ST_CODE_CONFIG_INVALID);
}

enum { PATH_ROOM = 80 };

static void rule_path(char path[static PATH_ROOM], size_t rule, const char *member) {
        (void)snprintf(path, PATH_ROOM, ROOT ".syscalls[%zu].%s", rule, member);
}

/* ---- actions */

static int action_of(const char *name, bool has_errno, uint32_t errno_ret, const char *field,
                     const char *errno_field, uint32_t *ret_action, struct st_error *err) {
        const struct rt_seccomp_word *word =
                name ? rt_seccomp_word(rt_seccomp_actions, name) : NULL;
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

int rt_seccomp_rule_action(const struct st_seccomp *spec, size_t i, uint32_t *ret_action,
                           struct st_error *err) {
        const struct st_seccomp_rule *rule = &spec->rules[i];
        char path[PATH_ROOM], errno_path[PATH_ROOM];

        rule_path(path, i, "action");
        rule_path(errno_path, i, "errnoRet");
        return action_of(rule->action, rule->has_errno_ret, rule->errno_ret, path, errno_path,
                         ret_action, err);
}

static int default_action(const struct st_seccomp *spec, uint32_t *ret_action,
                          struct st_error *err) {
        int r = action_of(spec->default_action, spec->has_default_errno_ret,
                          spec->default_errno_ret, ROOT ".defaultAction", ROOT ".defaultErrnoRet",
                          ret_action, err);

        if (r < 0)
                return r;
        if (*ret_action == SCMP_ACT_NOTIFY) /* nobody could hand the listener over */
                return invalid(err, ROOT ".defaultAction",
                               "SCMP_ACT_NOTIFY cannot be used as default action");
        return 0;
}

/* ---- architectures */

bool rt_seccomp_is_our_order(uint32_t token) {
        return !((token ^ seccomp_arch_native()) & __AUDIT_ARCH_LE);
}

static void add_arch(struct rt_seccomp_plan *plan, uint32_t token) {
        for (size_t i = 0; i < plan->n_archs; i++)
                if (plan->archs[i] == token)
                        return;
        plan->archs[plan->n_archs++] = token; /* there is room for all that the table has */
}

static int read_archs(const struct st_seccomp *spec, struct rt_seccomp_plan *plan,
                      struct st_error *err) {
        add_arch(plan, seccomp_arch_native());
        for (size_t i = 0; spec->architectures[i]; i++) {
                const struct rt_seccomp_word *word =
                        rt_seccomp_word(rt_seccomp_archs, spec->architectures[i]);
                char path[PATH_ROOM];

                (void)snprintf(path, sizeof path, ROOT ".architectures[%zu]", i);
                if (!word)
                        return unknown(err, path, "architecture", spec->architectures[i]);
                if (!rt_seccomp_is_our_order(word->value))
                        return st_error_kind(err,
                                             st_error_set(err, -EDOM,
                                                          "%s: %s has another byte order", path,
                                                          word->name),
                                             ST_CODE_CONFIG_INVALID);
                add_arch(plan, word->value);
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

static int check_args(const struct st_seccomp_rule *rule, size_t i, struct st_error *err) {
        for (size_t j = 0; j < rule->n_args; j++) {
                const struct st_seccomp_arg *arg = &rule->args[j];
                bool known = arg->op && rt_seccomp_word(rt_seccomp_operators, arg->op);
                char path[PATH_ROOM];

                if (known && arg->index < N_ARGUMENTS)
                        continue;
                (void)snprintf(path, sizeof path, ROOT ".syscalls[%zu].args[%zu].%s", i, j,
                               known ? "index" : "op");
                return known ? invalid(err, path, "a system call has six arguments")
                             : unknown(err, path, "operator", arg->op);
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

static int check_rules(const struct st_seccomp *spec, struct rt_seccomp_plan *plan,
                       struct st_error *err) {
        for (size_t i = 0; i < spec->n_rules; i++) {
                uint32_t action;
                int r = rt_seccomp_rule_action(spec, i, &action, err);

                if (r == 0)
                        r = check_args(&spec->rules[i], i, err);
                if (r == 0 && action == SCMP_ACT_NOTIFY) {
                        plan->notify = true;
                        r = check_notify(&spec->rules[i], i, err);
                }
                if (r < 0)
                        return r;
                plan->n_names += spec->rules[i].n_names;
        }
        if (plan->n_names > MAX_NAMES)
                return st_error_kind(err,
                                     st_error_set(err, -E2BIG,
                                                  ROOT ".syscalls: %zu names in all, over %d",
                                                  plan->n_names, MAX_NAMES),
                                     ST_CODE_CONFIG_INVALID);
        return 0;
}

int rt_seccomp_check(const struct st_seccomp *spec, struct rt_seccomp_plan *ret_plan,
                     struct st_error *err) {
        struct rt_seccomp_plan plan = {0};
        int r = default_action(spec, &plan.default_action, err);

        if (r == 0)
                r = read_archs(spec, &plan, err);
        if (r == 0)
                r = check_rules(spec, &plan, err);
        if (r < 0)
                return r;
        *ret_plan = plan;
        return 0;
}
