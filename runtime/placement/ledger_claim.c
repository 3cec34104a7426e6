/* ledger_claim.c: from what a task asks for to its CPUs: at once, or in a queue. */
#include "ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <stint/process_id.h>

/* An owner that is killed changes no file: nobody is woken, so who waits looks again after this. */
enum { LOOK_AGAIN_MSEC = 1000 };

static uint64_t now_msec(void) {
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int make_token(uint64_t *ret, struct st_error *err) {
        do {
                if (getrandom(ret, sizeof *ret, 0) != sizeof *ret)
                        return st_error_sys(err, "make a token");
        } while (*ret == 0);
        return 0;
}

/* What the claim says, with strings that the claim keeps. */
static int make_entry(struct rt_ledger *l, const struct rt_claim *claim, struct ledger_entry *ret,
                      struct st_error *err) {
        struct ledger_entry e = {
                .id = claim->id,
                .tenant = claim->tenant,
                .job = claim->job,
                .cgroup = claim->cgroup,
                .freezer = claim->freezer,
                .tier = claim->tier,
                .n_asked = claim->n_cpus,
                .flags = (claim->whole_cores ? LEDGER_WHOLE_CORES : 0u) |
                         (claim->strict ? LEDGER_STRICT : 0u) |
                         (claim->from_quota ? LEDGER_FROM_QUOTA : 0u) |
                         (claim->bind_memory ? LEDGER_MEMORY : 0u),
                .pid = claim->owner ? claim->owner : getpid(),
                .pid_namespace = l->pid_namespace,
        };
        int r = make_token(&e.token, err);

        e.start_time = rt_start_time(e.pid);
        if (r == 0 && e.start_time == 0)
                r = st_error_sys(err, "look at process %d, for whom CPUs are claimed", (int)e.pid);
        if (r == 0)
                r = ledger_bound(l, claim->cgroup, claim->within, &e.within, err);
        if (r == 0)
                *ret = e;
        return r;
}

/* Choose, take, write down, and tell those who lose CPUs. */
static int grant(struct rt_ledger *l, struct ledger_state *state, struct ledger_entry *entry,
                 struct rt_decision *ret_decision, struct st_error *err) {
        int r = ledger_scan(l, state, entry->cgroup, err);

        if (r == 0)
                r = ledger_grant(l, state, entry, ret_decision, err);
        if (r < 0)
                return r;
        /* its maker gives it these CPUs; only what changes from now on is to be told */
        entry->flags &= ~(unsigned)(LEDGER_PENDING | LEDGER_QUEUED);
        if (ret_decision->n_displaced > 0)
                r = ledger_settle(l, state, err);
        return r == 0 ? ledger_commit(l, state, err) : r;
}

/* The entry in the state; a queued one may be there already. */
static struct ledger_entry *place_in(struct ledger_state *state,
                                     const struct ledger_entry *wanted) {
        struct ledger_entry *entry = ledger_find(state, wanted->token);

        if (!entry && (entry = ledger_add(state)))
                *entry = *wanted;
        return entry;
}

/* Who came first and still waits goes first. */
static bool is_first(struct rt_ledger *l, const struct ledger_state *state, uint64_t token) {
        for (size_t i = 0; i < state->n_entries; i++) {
                const struct ledger_entry *e = &state->entries[i];

                if (e->token == token)
                        break;
                if (!e->gone && e->flags & LEDGER_QUEUED && ledger_is_alive(l, e))
                        return false;
        }
        return true;
}

static int try(struct rt_ledger *l, struct ledger_state *state, const struct ledger_entry *wanted,
               struct rt_decision *ret_decision, struct st_error *err) {
        size_t n_saved;
        st_autofree struct ledger_entry *saved = ledger_save(state, &n_saved);
        struct ledger_entry *entry;
        int r;

        if (!saved)
                return st_error_set(err, -ENOMEM, "claim CPUs");
        if (ledger_find(state, wanted->token) && !is_first(l, state, wanted->token))
                return st_error_set(err, -EBUSY, "others wait for CPUs since longer");
        entry = place_in(state, wanted);
        if (!entry)
                return st_error_set(err, -ENOMEM, "claim CPUs");
        r = grant(l, state, entry, ret_decision, err);
        if (r < 0)
                ledger_restore(l, state, saved, n_saved);
        return r;
}

static int join_queue(struct rt_ledger *l, struct ledger_state *state,
                      const struct ledger_entry *wanted, struct st_error *err) {
        struct ledger_entry *entry = ledger_find(state, wanted->token);

        if (entry)
                return ledger_commit(l, state, err);
        entry = place_in(state, wanted);
        if (!entry)
                return st_error_set(err, -ENOMEM, "wait for CPUs");
        entry->flags |= LEDGER_QUEUED;
        state->changed = true;
        return ledger_commit(l, state, err);
}

static void leave_queue(struct ledger_state *state, uint64_t token) {
        struct ledger_entry *entry = ledger_find(state, token);

        if (entry)
                entry->gone = state->changed = true;
}

/* One look at the ledger. -EBUSY with *ret_waits: it is in the queue now. */
static int attempt(struct rt_ledger *l, const struct ledger_entry *wanted, bool may_wait,
                   struct rt_decision *ret_decision, bool *ret_waits, struct st_error *err) {
        struct ledger_state state;
        struct st_error why = {0};
        int r = ledger_begin(l, &state, err), q = 0;

        if (r < 0)
                return r;
        r = try(l, &state, wanted, ret_decision, &why);
        *ret_waits = r == -EBUSY && may_wait;
        if (*ret_waits)
                q = join_queue(l, &state, wanted, &why);
        else if (r < 0) {
                leave_queue(&state, wanted->token);
                st_ignore(ledger_commit(l, &state, NULL)); /* the refusal is what counts */
        }
        ledger_end(l, &state);
        if (r < 0 && err)
                *err = why;
        return q < 0 ? q : r;
}

static int wait_for_cpus(struct rt_ledger *l, const struct ledger_entry *wanted, unsigned msec,
                         struct rt_decision *ret_decision, struct st_error *err) {
        uint64_t end = now_msec() + msec;
        st_autoclose int watch_fd = -1;

        for (;;) {
                uint64_t now = now_msec(), left = now < end ? end - now : 0;
                struct st_error why = {0};
                bool waits;
                int r = attempt(l, wanted, left > 0, ret_decision, &waits, &why);

                if (r < 0 && err)
                        *err = why;
                if (r != -EBUSY || !waits)
                        return r == -EBUSY ? st_error_prefix(err, r, "after %u ms", msec) : r;
                if (watch_fd < 0) { /* what changed before it is seen by looking once more */
                        watch_fd = ledger_watch(l, err);
                        if (watch_fd < 0)
                                return watch_fd;
                        continue;
                }
                r = ledger_wait(watch_fd,
                                (unsigned)(left < LOOK_AGAIN_MSEC ? left : LOOK_AGAIN_MSEC));
                if (r < 0)
                        return st_error_code(err, r, "wait for CPUs");
        }
}

int rt_ledger_claim(struct rt_ledger *l, const struct rt_claim *claim, struct rt_grant *ret_grant,
                    struct st_error *err) {
        struct rt_decision decision;
        struct ledger_entry wanted;
        bool waits;
        int r = ledger_know(l, err);

        if (r == 0)
                r = ledger_topology(l, err);
        if (r == 0)
                r = make_entry(l, claim, &wanted, err);
        if (r < 0)
                return r;
        r = claim->wait_msec ? wait_for_cpus(l, &wanted, claim->wait_msec, &decision, err)
                             : attempt(l, &wanted, false, &decision, &waits, err);
        if (r < 0)
                return r;
        if (claim->bind_memory)
                ledger_bound_nodes(l, claim->cgroup, &decision.memory_nodes);
        *ret_grant = (struct rt_grant) {
                .token = wanted.token, .tier = wanted.tier, .decision = decision};
        return 0;
}

int rt_ledger_bind(struct rt_ledger *l, uint64_t token, struct st_error *err) {
        struct ledger_state state;
        struct ledger_entry *entry;
        int r = ledger_begin(l, &state, err);

        if (r < 0)
                return r;
        entry = ledger_find(&state, token);
        r = entry ? ledger_write_mark(l, entry, err)
                  : st_error_set(err, -ENOENT, "the CPUs of this task were given to others");
        if (r == 0)
                r = ledger_commit(l, &state, err);
        ledger_end(l, &state);
        return r;
}
