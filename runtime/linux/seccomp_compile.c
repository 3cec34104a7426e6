/* A profile's code: for each architecture a binary tree over ranges of call numbers.
 *
 * libseccomp is asked for numbers only. Its tree has four calls a leaf and three instructions a
 * call; a container's profile allows nearly all of them, so that ranges make a program of a third
 * the size, and most of the time that the kernel takes to load a filter goes by its size.
 *
 * Calls newer than the profile: it lists the calls that its author knew. A C library that tries a
 * newer one falls back to an older on ENOSYS, but not on EPERM, nor after a kill. So numbers above
 * the highest that the profile mentions for an architecture get ENOSYS unless the default action
 * lets calls through (a tracer or a log wants to see them).
 *
 * There is a section for each AUDIT_ARCH; x86_64 and x32 share one and differ by a bit of the
 * number. Conditional jumps skip up to 255 instructions; far ones are BPF_JA, whose offset has 32
 * bits. */
#include "seccomp_private.h"

#include <errno.h>
#include <string.h>

enum {
        X32_BIT = 0x40000000,
        ARM_PRIVATE = 0x0f0000, /* ARM's private calls lie far above the others, and are old */
        NEAR_LEAVES = 100,      /* a tree of so many is less than 200 instructions */
};

#define ROOT "linux.seccomp"

/* Numbers from @first up to the next range's: one action, or (@calls) code of their own. */
struct range {
        uint32_t first, action;
        const struct rt_seccomp_call *calls; /* the @n_calls that share the number @first */
        size_t n_calls;
        struct rt_bpf_label code;
};

struct section {
        const struct st_seccomp *spec;
        const struct rt_seccomp_plan *plan;
        struct rt_bpf *bpf;
        struct range *ranges;
        size_t n_ranges;
};

/* ---- ranges */

static void add_range(struct section *s, const struct range *range) {
        const struct range *last = s->n_ranges > 0 ? &s->ranges[s->n_ranges - 1] : NULL;

        if (last && last->first == range->first) { /* it is empty */
                s->n_ranges--;
                last = s->n_ranges > 0 ? last - 1 : NULL;
        }
        if (!last || last->calls || range->calls || last->action != range->action)
                s->ranges[s->n_ranges++] = *range;
}

static void add_action(struct section *s, uint32_t first, uint32_t action) {
        add_range(s, &(struct range) {.first = first, .action = action});
}

static size_t count_same_number(const struct rt_seccomp_calls *calls, size_t first) {
        size_t n = 1;

        while (first + n < calls->n && calls->list[first + n].number == calls->list[first].number)
                n++;
        return n;
}

static void add_number(struct section *s, const struct rt_seccomp_call *calls, size_t n) {
        bool plain = n == 1 && !calls->conditional && !calls->index;

        if (plain || (calls->decided && !calls->index))
                add_action(s, calls->number, calls->action);
        else
                add_range(s,
                          &(struct range) {.first = calls->number, .calls = calls, .n_calls = n});
        add_action(s, calls->number + 1, s->plan->default_action);
}

static void add_calls(struct section *s, uint32_t arch, const struct rt_seccomp_calls *calls) {
        bool enosys = !rt_seccomp_lets_through(s->plan->default_action) && calls->n > 0;
        size_t i = 0;

        add_action(s, arch == SCMP_ARCH_X32 ? X32_BIT : 0, s->plan->default_action);
        for (; i < calls->n; i += count_same_number(calls, i)) {
                if (arch == SCMP_ARCH_ARM && calls->list[i].number >= ARM_PRIVATE)
                        break;
                add_number(s, &calls->list[i], count_same_number(calls, i));
        }
        if (enosys && i > 0)
                add_action(s, calls->list[i - 1].number + 1, SCMP_ACT_ERRNO(ENOSYS));
        if (arch == SCMP_ARCH_ARM)
                add_action(s, ARM_PRIVATE, s->plan->default_action);
        for (; i < calls->n; i += count_same_number(calls, i))
                add_number(s, &calls->list[i], count_same_number(calls, i));
}

/* ---- code */

/* From a node of a small tree, when its comparison holds (@taken) or not, to a leaf. */
struct edge {
        size_t from, to;
        bool taken;
        struct range *leaf;
};

struct edges {
        struct edge list[NEAR_LEAVES];
        size_t n;
};

static void emit_leaf(struct section *s, struct range *leaf) {
        if (leaf->calls)
                rt_bpf_jump(s->bpf, &leaf->code);
        else
                rt_bpf_return(s->bpf, leaf->action);
}

static void aim(struct rt_bpf *bpf, size_t from, bool taken, size_t to) {
        uint8_t offset = (uint8_t)(to - from - 1);

        if (bpf->failed)
                return;
        if (taken)
                bpf->code[from].jt = offset;
        else
                bpf->code[from].jf = offset;
}

static void emit_nodes(struct section *s, struct range *ranges, size_t n, struct edges *edges) {
        size_t middle = n / 2;
        size_t at = rt_bpf_emit(s->bpf, BPF_JMP | BPF_JGE | BPF_K, ranges[middle].first, 0, 0);

        for (int taken = 0; taken <= 1; taken++) {
                struct range *half = taken ? ranges + middle : ranges;
                size_t n_half = taken ? n - middle : middle;

                if (n_half == 1) {
                        edges->list[edges->n++] =
                                (struct edge) {.from = at, .taken = taken, .leaf = half};
                        continue;
                }
                aim(s->bpf, at, taken, s->bpf->n);
                emit_nodes(s, half, n_half, edges);
        }
}

static bool is_same_leaf(const struct range *a, const struct range *b) {
        return a == b || (!a->calls && !b->calls && a->action == b->action);
}

/* Behind the nodes, each answer once. */
static void emit_leaves(struct section *s, struct edges *edges) {
        for (size_t i = 0; i < edges->n; i++) {
                struct edge *edge = &edges->list[i];
                size_t j = 0;

                while (j < i && !is_same_leaf(edges->list[j].leaf, edge->leaf))
                        j++;
                edge->to = j < i ? edges->list[j].to : s->bpf->n;
                if (j == i)
                        emit_leaf(s, edge->leaf);
                aim(s->bpf, edge->from, edge->taken, edge->to);
        }
}

/* The accumulator holds the number. */
static void emit_tree(struct section *s, struct range *ranges, size_t n) {
        struct rt_bpf_label right = {0};
        struct edges edges = {0};

        if (n == 1) {
                emit_leaf(s, ranges);
        } else if (n <= NEAR_LEAVES) {
                emit_nodes(s, ranges, n, &edges);
                emit_leaves(s, &edges);
        } else {
                (void)rt_bpf_emit(s->bpf, BPF_JMP | BPF_JGE | BPF_K, ranges[n / 2].first, 0, 1);
                rt_bpf_jump(s->bpf, &right);
                emit_tree(s, ranges, n / 2);
                rt_bpf_land(s->bpf, &right);
                emit_tree(s, ranges + n / 2, n - n / 2);
        }
}

static void emit_conditions(struct section *s) {
        for (size_t i = 0; i < s->n_ranges; i++) {
                struct range *range = &s->ranges[i];

                if (!range->calls)
                        continue;
                rt_bpf_land(s->bpf, &range->code);
                for (size_t j = 0; j < range->n_calls; j++)
                        rt_seccomp_emit_call(s->bpf, s->spec, s->plan, &range->calls[j]);
                rt_bpf_return(s->bpf, s->plan->default_action);
        }
}

/* ---- sections */

static bool has_arch(const struct rt_seccomp_plan *plan, uint32_t token) {
        for (size_t i = 0; i < plan->n_archs; i++)
                if (plan->archs[i] == token)
                        return true;
        return false;
}

/* What libseccomp makes of x32 calls when x32 is not listed; number -1, which a tracer uses to skip
 * a call, is none of them. */
static void refuse_x32(struct section *s) {
        uint32_t above = s->ranges[s->n_ranges - 1].action;

        add_action(s, X32_BIT, SCMP_ACT_KILL_THREAD);
        add_action(s, UINT32_MAX, above);
}

static int make_ranges(struct section *s, uint32_t arch, struct rt_seccomp_calls calls[static 2]) {
        bool x32 = arch == SCMP_ARCH_X86_64 && has_arch(s->plan, SCMP_ARCH_X32);
        int r = rt_seccomp_calls_collect(s->spec, s->plan, arch, &calls[0]);

        if (r == 0 && x32)
                r = rt_seccomp_calls_collect(s->spec, s->plan, SCMP_ARCH_X32, &calls[1]);
        if (r < 0)
                return r;
        /* a call makes two ranges at most, an architecture three more */
        s->ranges = calloc(2 * (calls[0].n + calls[1].n) + 8, sizeof *s->ranges);
        if (!s->ranges)
                return -ENOMEM;
        add_calls(s, arch, &calls[0]);
        if (x32)
                add_calls(s, SCMP_ARCH_X32, &calls[1]);
        else if (arch == SCMP_ARCH_X86_64)
                refuse_x32(s);
        return 0;
}

/* Every token but X32's is its AUDIT_ARCH. */
static int emit_section(const struct st_seccomp *spec, const struct rt_seccomp_plan *plan,
                        uint32_t arch, struct rt_bpf *bpf) {
        struct section s = {.spec = spec, .plan = plan, .bpf = bpf};
        struct rt_seccomp_calls calls[2] = {0};
        struct rt_bpf_label next = {0};
        int r = make_ranges(&s, arch, calls);

        if (r == 0) {
                (void)rt_bpf_emit(bpf, BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0);
                rt_bpf_jump(bpf, &next);
                rt_bpf_load(bpf, offsetof(struct seccomp_data, nr));
                emit_tree(&s, s.ranges, s.n_ranges);
                emit_conditions(&s);
                rt_bpf_land(bpf, &next);
        }
        free(s.ranges);
        rt_seccomp_calls_deinit(&calls[0]);
        rt_seccomp_calls_deinit(&calls[1]);
        return r;
}

static int emit_program(const struct st_seccomp *spec, const struct rt_seccomp_plan *plan,
                        struct rt_bpf *bpf) {
        rt_bpf_load(bpf, offsetof(struct seccomp_data, arch));
        for (size_t i = 0; i < plan->n_archs; i++) {
                int r = plan->archs[i] == SCMP_ARCH_X32
                                ? 0 /* in the section of x86_64 */
                                : emit_section(spec, plan, plan->archs[i], bpf);
                if (r < 0)
                        return r;
        }
        rt_bpf_return(bpf, SCMP_ACT_KILL_THREAD); /* an architecture that is not listed */
        return bpf->failed ? -ENOMEM : 0;
}

int rt_seccomp_compile(const struct st_seccomp *spec, const struct rt_seccomp_plan *plan,
                       struct rt_bpf *ret_bpf, struct st_error *err) {
        struct rt_bpf bpf = {0};
        int r = emit_program(spec, plan, &bpf);

        if (r < 0)
                r = st_error_set(err, r, ROOT ": allocate the filter");
        else if (bpf.n > BPF_MAXINSNS)
                r = st_error_set(err, -E2BIG, ROOT ": %zu instructions, the kernel takes %d", bpf.n,
                                 BPF_MAXINSNS);
        if (r < 0) {
                rt_bpf_deinit(&bpf);
                return st_error_kind(err, r, ST_CODE_SECCOMP);
        }
        *ret_bpf = bpf;
        return 0;
}
