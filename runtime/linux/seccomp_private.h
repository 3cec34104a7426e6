/* runtime/linux/seccomp_private.h: between the files of the seccomp compiler. */
#pragma once
#include <seccomp.h>

#include <stint/cleanup.h>
#include <stint/seccomp.h>

/* ---- seccomp_tables.c: the spec's words */

struct rt_seccomp_word {
        const char *name;
        uint32_t value;
};

extern const struct rt_seccomp_word rt_seccomp_actions[], rt_seccomp_operators[],
        rt_seccomp_archs[],
        rt_seccomp_flags[]; /* each ends with a NULL name and is sorted by name */
/* NULL: not in the table. */
const struct rt_seccomp_word *rt_seccomp_word(const struct rt_seccomp_word *table,
                                              const char *name);

/* ---- seccomp_program.c: a BPF program that grows */

struct rt_bpf {
        struct sock_filter *code;
        size_t n, room;
        bool failed; /* memory is out: looked at once, at the end */
};

void rt_bpf_deinit(struct rt_bpf *bpf);
/* Add one instruction; returns its index. Conditional jumps skip @jt or @jf instructions. */
size_t rt_bpf_emit(struct rt_bpf *bpf, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf);
/* Load a word of struct seccomp_data; return an action. */
void rt_bpf_load(struct rt_bpf *bpf, size_t offset);
void rt_bpf_return(struct rt_bpf *bpf, uint32_t action);

/* Forward jumps to one place that is not known yet: a chain through their own k fields. */
struct rt_bpf_label {
        size_t last; /* index + 1 of the last jump; 0: none */
};

void rt_bpf_jump(struct rt_bpf *bpf, struct rt_bpf_label *to);
/* Here it is: the next instruction. */
void rt_bpf_land(struct rt_bpf *bpf, struct rt_bpf_label *label);

/* ---- seccomp_check.c */

struct rt_seccomp_plan {
        uint32_t default_action;
        uint32_t archs[32]; /* SCMP_ARCH_* tokens, each once, the native one first */
        size_t n_archs;
        size_t n_names; /* in all rules */
        bool notify;
};

/* Whether an architecture (SCMP_ARCH_*) has this machine's byte order. */
bool rt_seccomp_is_our_order(uint32_t token);
/* Errors: -EINVAL, -E2BIG, -EDOM, naming the JSON path. */
int rt_seccomp_check(const struct st_seccomp *spec, struct rt_seccomp_plan *ret_plan,
                     struct st_error *err) st_must_check;
/* The return value of rule @i; cannot fail once the spec is checked. */
int rt_seccomp_rule_action(const struct st_seccomp *spec, size_t i, uint32_t *ret_action,
                           struct st_error *err) st_must_check;
/* Two conditions on one argument of a rule hold one or the other, as in runc: each becomes a rule
 * of its own. */
bool rt_seccomp_repeats_an_argument(const struct st_seccomp_rule *rule);

/* ---- seccomp_calls.c */

struct rt_seccomp_call {
        const char *name; /* the spec's */
        uint32_t number;
        uint32_t index; /* 0, or which of those that socketcall(2) or ipc(2), the number,
                           multiplexes */
        uint32_t action;
        bool decided;     /* by a rule without conditions: @action is the answer */
        bool conditional; /* some rule has conditions */
};

struct rt_seccomp_calls {
        struct rt_seccomp_call *list; /* ascending by number and index */
        size_t n;
        uint32_t action; /* the default */
};

/* What the rules mention that architecture @arch has. Errors: -ENOMEM. */
int rt_seccomp_calls_collect(const struct st_seccomp *spec, const struct rt_seccomp_plan *plan,
                             uint32_t arch, struct rt_seccomp_calls *ret_calls) st_must_check;
void rt_seccomp_calls_deinit(struct rt_seccomp_calls *calls);

/* ---- seccomp_conditions.c */

/* Return the action of the rule on @call that matches, if one does, else go on with the next
 * instruction. The accumulator holds the number only before the first condition. */
void rt_seccomp_emit_call(struct rt_bpf *bpf, const struct st_seccomp *spec,
                          const struct rt_seccomp_plan *plan, const struct rt_seccomp_call *call);
/* Whether the action lets a call be made. */
bool rt_seccomp_lets_through(uint32_t action);

/* ---- seccomp_compile.c */

int rt_seccomp_compile(const struct st_seccomp *spec, const struct rt_seccomp_plan *plan,
                       struct rt_bpf *ret_bpf, struct st_error *err) st_must_check;

/* ---- seccomp_cache.c */

struct rt_seccomp_key {
        unsigned char *bytes;
        size_t length, room;
        bool failed;
};

/* Everything that the compiled code depends on, in one unambiguous string of bytes. Errors:
 * -ENOMEM. */
int rt_seccomp_key_build(const struct st_seccomp *spec,
                         struct rt_seccomp_key *ret_key) st_must_check;
void rt_seccomp_key_deinit(struct rt_seccomp_key *key);
/* 0 and a filter whose code lies in a mapped file, or -ENOENT (also for an entry that is damaged or
 * not ours alone). */
int rt_seccomp_cache_find(int dir_fd, const struct rt_seccomp_key *key,
                          struct rt_seccomp **ret_filter) st_must_check;
/* Whether @size bytes at @data are an intact entry for @key. */
bool rt_seccomp_entry_fits(const void *data, size_t size, const struct rt_seccomp_key *key);
/* Make place (64 entries at most, the oldest go) and write. A failure costs the next start a
 * compilation, nothing else. */
int rt_seccomp_cache_store(int dir_fd, const struct rt_seccomp_key *key,
                           const struct rt_seccomp *filter);
