/* The calls of an architecture that a profile speaks of, by number.
 *
 * Newer calls: libseccomp only knows the names of its own time. Those in the table below come
 * after it: all architectures give calls added since Linux 5.1 the same number.
 *
 * Multiplexed calls: where an architecture has (or had) socket(2) and the like behind socketcall(2)
 * or ipc(2), libseccomp gives their names numbers below -100 (seccomp.h); newer kernels have most
 * of them as calls of their own too. Such a name stands for both.
 *
 * Of several rules on a call the first without conditions counts, as in libseccomp, and it beats
 * those with conditions. One whose action is the default says nothing. */
#include "seccomp_private.h"

#include <errno.h>
#include <string.h>

enum { X32_BIT = 0x40000000, MAX_NUMBERS = 1024 }; /* more than there are system calls */

struct newer_call {
        const char *name;
        uint32_t number;
};

/* Later than libseccomp 2.5.4. A name that the linked libseccomp knows is left to it. */
static const struct newer_call newer_calls[] = {
        {"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
        {"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
        {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
        {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
        {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
        {"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
        {"file_setattr", 469},      {"listns", 470},
};

struct collector {
        struct rt_seccomp_calls calls;
        uint32_t arch;
        char **direct; /* MAX_NUMBERS names by number - first_number(), made when needed */
};

/* ---- numbers */

static uint32_t first_number(uint32_t arch) {
        switch (arch) {
        case SCMP_ARCH_X32:
                return X32_BIT;
        case SCMP_ARCH_MIPS:
        case SCMP_ARCH_MIPSEL:
                return 4000;
        case SCMP_ARCH_MIPS64:
        case SCMP_ARCH_MIPSEL64:
                return 5000;
        case SCMP_ARCH_MIPS64N32:
        case SCMP_ARCH_MIPSEL64N32:
                return 6000;
        default:
                return 0;
        }
}

static int64_t newer_number(uint32_t arch, const char *name) {
        for (size_t i = 0; i < sizeof newer_calls / sizeof *newer_calls; i++)
                if (!strcmp(newer_calls[i].name, name))
                        return (int64_t)first_number(arch) + newer_calls[i].number;
        return -1;
}

static int name_numbers(struct collector *c) {
        c->direct = calloc(MAX_NUMBERS, sizeof *c->direct);
        if (!c->direct)
                return -ENOMEM;
        for (uint32_t i = 0; i < MAX_NUMBERS; i++) {
                errno = 0; /* no such call is no error */
                c->direct[i] =
                        seccomp_syscall_resolve_num_arch(c->arch, (int)(first_number(c->arch) + i));
                if (!c->direct[i] && errno == ENOMEM)
                        return -ENOMEM;
        }
        return 0;
}

/* libseccomp does not tell the number of a call that was multiplexed once, only the name of a
 * number. */
static int64_t direct_number(const struct collector *c, const char *name) {
        for (uint32_t i = 0; i < MAX_NUMBERS; i++)
                if (c->direct[i] && !strcmp(c->direct[i], name))
                        return first_number(c->arch) + i;
        return -1;
}

/* ---- the list */

static bool comes_before(const struct rt_seccomp_call *a, const struct rt_seccomp_call *b) {
        return a->number != b->number ? a->number < b->number : a->index < b->index;
}

static void note_rule(struct rt_seccomp_call *call, bool conditional, bool says_something,
                      uint32_t action) {
        if (!says_something || call->decided)
                return;
        if (conditional) {
                call->conditional = true;
                return;
        }
        call->decided = true;
        call->action = action;
}

/* Find the call in the ascending list, or put it there. */
static struct rt_seccomp_call *add_call(struct rt_seccomp_calls *calls,
                                        const struct rt_seccomp_call *call) {
        size_t low = 0, high = calls->n;

        while (low < high) {
                size_t middle = (low + high) / 2;
                if (comes_before(&calls->list[middle], call))
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low < calls->n && !comes_before(call, &calls->list[low]))
                return &calls->list[low];
        if (calls->n == MAX_NUMBERS)
                return NULL;
        memmove(calls->list + low + 1, calls->list + low, (calls->n - low) * sizeof *calls->list);
        calls->list[low] = *call;
        calls->n++;
        return &calls->list[low];
}

struct statement {
        const char *name;
        bool conditional, says_something;
        uint32_t action;
};

static void state(struct collector *c, const struct statement *s, int64_t number, uint32_t index) {
        const struct rt_seccomp_call call = {.name = s->name,
                                             .number = (uint32_t)number,
                                             .index = index,
                                             .action = c->calls.action};
        struct rt_seccomp_call *there = number < 0 ? NULL : add_call(&c->calls, &call);

        if (there)
                note_rule(there, s->conditional, s->says_something, s->action);
}

static int state_multiplexed(struct collector *c, const struct statement *s, int number) {
        uint32_t index = (uint32_t)(number > -200 ? -100 - number : -200 - number);

        if (!c->direct && name_numbers(c) < 0)
                return -ENOMEM;
        state(c, s, seccomp_syscall_resolve_name_rewrite(c->arch, s->name), index);
        state(c, s, direct_number(c, s->name), 0);
        return 0;
}

static int add_name(struct collector *c, const struct statement *s) {
        int number = seccomp_syscall_resolve_name_arch(c->arch, s->name);

        if (number == __NR_SCMP_ERROR)
                state(c, s, newer_number(c->arch, s->name), 0);
        else if (number <= -100 && number > -300)
                return state_multiplexed(c, s, number);
        else
                state(c, s, number, 0);
        return 0;
}

static int add_rule(struct collector *c, const struct st_seccomp *spec, size_t i) {
        const struct st_seccomp_rule *rule = &spec->rules[i];
        struct statement s = {.conditional = rule->n_args > 0};
        int r = rt_seccomp_rule_action(spec, i, &s.action, NULL);

        s.says_something = s.action != c->calls.action;
        for (size_t j = 0; r == 0 && j < rule->n_names; j++) {
                s.name = rule->names[j];
                r = add_name(c, &s);
        }
        return r;
}

static void drop_names(struct collector *c) {
        for (uint32_t i = 0; c->direct && i < MAX_NUMBERS; i++)
                free(c->direct[i]);
        free(c->direct);
}

int rt_seccomp_calls_collect(const struct st_seccomp *spec, const struct rt_seccomp_plan *plan,
                             uint32_t arch, struct rt_seccomp_calls *ret_calls) {
        struct collector c = {.arch = arch, .calls = {.action = plan->default_action}};
        int r = 0;

        c.calls.list = calloc(MAX_NUMBERS, sizeof *c.calls.list);
        if (!c.calls.list)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < spec->n_rules; i++)
                r = add_rule(&c, spec, i);
        drop_names(&c);
        if (r < 0) {
                rt_seccomp_calls_deinit(&c.calls);
                return r;
        }
        *ret_calls = c.calls;
        return 0;
}

void rt_seccomp_calls_deinit(struct rt_seccomp_calls *calls) {
        free(calls->list);
        *calls = (struct rt_seccomp_calls) {0};
}
