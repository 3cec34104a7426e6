/* ledger_change.c: what happens to a claim later: changed, paused, given back, moved. */
#include "ledger.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool any_short(const struct ledger_state *state) {
        for (size_t i = 0; i < state->n_entries; i++) {
                if (ledger_is_short(&state->entries[i]))
                        return true;
        }
        return false;
}

/* ---- the end ---- */

static int give_back(struct rt_ledger *l, struct ledger_state *state, struct st_error *err) {
        int r;

        if (!any_short(state))
                return 0;
        (void)ledger_sweep(l, state); /* the dead are not to get any */
        r = ledger_topology(l, err);
        if (r == 0)
                r = ledger_scan(l, state, NULL, err);
        return r == 0 ? ledger_settle(l, state, err) : r;
}

int rt_ledger_release(struct rt_ledger *l, uint64_t token, struct st_error *err) {
        struct ledger_state state;
        struct ledger_entry *entry;
        int r = ledger_begin(l, &state, err), settled;

        if (r < 0)
                return r;
        entry = ledger_find(&state, token);
        if (entry)
                entry->gone = state.changed = true;
        settled = give_back(l, &state, err);
        r = ledger_commit(l, &state, settled < 0 ? NULL : err);
        ledger_end(l, &state);
        return settled < 0 ? settled : r;
}

/* ---- changes ---- */

/* A task's own cpuset is ours and no bound: that of the cgroup above it is. */
static int bound_of(struct rt_ledger *l, const struct ledger_entry *entry,
                    const struct rt_cpus *within, struct rt_cpus *ret, struct st_error *err) {
        char above[PATH_MAX];
        int n = snprintf(above, sizeof above, "%s", entry->cgroup);
        char *slash = strrchr(above, '/');

        if (n >= (int)sizeof above || !slash)
                return st_error_code(err, -ENAMETOOLONG, "look at %s", entry->cgroup);
        *slash = 0;
        return ledger_bound(l, above, within, ret, err);
}

static int change(struct rt_ledger *l, struct ledger_state *state, struct ledger_entry *entry,
                  const struct rt_ledger_change *change, struct rt_decision *ret_decision,
                  struct st_error *err) {
        int r = 0;

        if (change->n_cpus)
                entry->n_asked = change->n_cpus;
        if (change->n_from_quota && entry->flags & LEDGER_FROM_QUOTA)
                entry->n_asked = change->n_from_quota;
        if (change->within)
                r = bound_of(l, entry, change->within, &entry->within, err);
        if (r == 0 && change->within && rt_cpus_count(&entry->within) < entry->n_asked)
                entry->n_asked = rt_cpus_count(&entry->within);
        if (r == 0)
                r = ledger_scan(l, state, entry->cgroup, err);
        if (r == 0)
                r = ledger_grant(l, state, entry, ret_decision, err);
        if (r == 0)
                r = ledger_settle(l, state, err);
        return r == 0 ? ledger_commit(l, state, err) : r;
}

int rt_ledger_change(struct rt_ledger *l, uint64_t token, const struct rt_ledger_change *wanted,
                     struct rt_grant *ret_grant, struct st_error *err) {
        st_autofree struct ledger_entry *saved = NULL;
        struct rt_decision decision;
        struct ledger_state state;
        struct ledger_entry *entry;
        enum rt_tier tier = RT_TIER_EXCLUSIVE;
        size_t n_saved;
        int r = ledger_topology(l, err);

        if (r == 0)
                r = ledger_begin(l, &state, err);
        if (r < 0)
                return r;
        saved = ledger_save(&state, &n_saved);
        entry = ledger_find(&state, token);
        if (!saved)
                r = st_error_set(err, -ENOMEM, "change the CPUs of a task");
        else if (!entry)
                r = st_error_set(err, -ENOENT, "the ledger of CPUs has no such task");
        else
                r = change(l, &state, entry, wanted, &decision, err);
        if (r < 0 && saved && entry)
                ledger_restore(l, &state, saved, n_saved);
        if (r == 0)
                tier = entry->tier;
        ledger_end(l, &state);
        if (r == 0)
                *ret_grant = (struct rt_grant) {.token = token, .tier = tier, .decision = decision};
        return r;
}

/* ---- pause and resume ---- */

int rt_ledger_pause(struct rt_ledger *l, uint64_t token, bool paused, struct st_error *err) {
        struct ledger_state state;
        struct ledger_entry *entry;
        int r = ledger_begin(l, &state, err);
        bool frozen;

        if (r < 0)
                return r;
        entry = ledger_find(&state, token);
        frozen = entry && entry->flags & LEDGER_FROZEN;
        if (frozen) {
                if (paused)
                        entry->flags |= LEDGER_PAUSED;
                else
                        entry->flags &= ~(unsigned)LEDGER_PAUSED;
                state.changed = true;
                r = ledger_write_mark(l, entry, err);
                if (r == 0)
                        r = ledger_commit(l, &state, err);
        }
        ledger_end(l, &state);
        return r < 0 ? r : frozen;
}

/* ---- repacking ---- */

/* How well all lie: domains and nodes that tasks are spread over, less domains that are empty. */
static long price_of(const struct rt_ledger *l, const struct ledger_state *state) {
        const struct rt_groups *domains = &l->topology->domains,
                               *nodes = &l->topology->levels[RT_LEVEL_NODE];
        struct rt_cpus held = state->foreign;
        long price = 0;

        for (size_t i = 0; i < state->n_entries; i++) {
                const struct ledger_entry *e = &state->entries[i];

                if (e->gone || e->flags & LEDGER_QUEUED)
                        continue;
                rt_cpus_or(&held, &e->cpus);
                for (unsigned k = 0; k < domains->n; k++)
                        price += rt_cpus_intersect(&domains->sets[k], &e->cpus) ? 4 : 0;
                for (unsigned k = 0; k < nodes->n; k++)
                        price += rt_cpus_intersect(&nodes->sets[k], &e->cpus) ? 4 : 0;
        }
        for (unsigned k = 0; k < domains->n; k++)
                price -= !rt_cpus_intersect(&domains->sets[k], &held);
        return price;
}

/* Move a task if that makes it better, told to the kernel at once: the next move may want the CPUs
 * that it leaves. */
static int move(struct rt_ledger *l, struct ledger_state *state, struct ledger_entry *e,
                bool *ret_moved, struct st_error *err) {
        struct rt_decision decision;
        struct ledger_entry before = *e;
        long price = price_of(l, state);
        int r = ledger_decide(l, state, e, e->n_asked, false, &decision, NULL);

        *ret_moved = false;
        if (r < 0 || decision.n_displaced > 0 || rt_cpus_equal(&decision.cpus, &e->cpus))
                return 0;
        e->cpus = decision.cpus;
        if (price_of(l, state) >= price) {
                *e = before;
                return 0;
        }
        if (e->flags & LEDGER_MEMORY)
                e->memory_nodes = decision.memory_nodes;
        e->flags |= LEDGER_PENDING;
        state->changed = *ret_moved = true;
        return ledger_commit(l, state, err);
}

static int move_all(struct rt_ledger *l, struct ledger_state *state, unsigned *ret_n_moved,
                    struct st_error *err) {
        bool again = true;

        while (again) { /* each move lowers the price, so it ends */
                again = false;
                for (size_t i = 0; i < state->n_entries; i++) {
                        struct ledger_entry *e = &state->entries[i];
                        bool moved;
                        int r;

                        if (e->gone || e->flags & (LEDGER_QUEUED | LEDGER_FROZEN) ||
                            !ledger_is_marked(l, e))
                                continue;
                        r = move(l, state, e, &moved, err);
                        if (r < 0)
                                return r;
                        *ret_n_moved += moved;
                        again |= moved;
                }
        }
        return 0;
}

static int repack(struct rt_ledger *l, struct ledger_state *state, unsigned *ret_n_moved,
                  struct st_error *err) {
        int r;

        (void)ledger_sweep(l, state);
        r = ledger_scan(l, state, NULL, err);
        if (r == 0)
                r = ledger_settle(l, state, err);
        for (size_t i = 0; i < state->n_entries; i++)
                *ret_n_moved += !state->entries[i].gone && state->entries[i].flags & LEDGER_PENDING;
        if (r == 0)
                r = ledger_commit(l, state, err);
        return r == 0 ? move_all(l, state, ret_n_moved, err) : r;
}

int rt_ledger_repack(struct rt_ledger *l, unsigned *ret_n_moved, struct st_error *err) {
        struct ledger_state state;
        unsigned n_moved = 0;
        int r = ledger_topology(l, err);

        if (r == 0)
                r = ledger_begin(l, &state, err);
        if (r < 0)
                return r;
        r = repack(l, &state, &n_moved, err);
        ledger_end(l, &state);
        if (r == 0)
                *ret_n_moved = n_moved;
        return r;
}
