/* ledger_grant.c: choosing on the ledger, and taking from lower tiers. The choice itself is
 * rt_placement_decide(), which the simulation runs, too. */
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/fs.h>

/* ---- the machine ---- */

/* Read again when CPUs went offline or came back. */
int ledger_topology(struct rt_ledger *l, struct st_error *err) {
        st_autofree char *path = NULL, *online = NULL;
        int r;

        if (asprintf(&path, "%s/devices/system/cpu/online", l->sysfs) < 0) {
                path = NULL;
                return st_error_set(err, -ENOMEM, "read the topology");
        }
        r = st_read_file_at(AT_FDCWD, path, 1 << 16, &online, NULL, err);
        if (r < 0)
                return r;
        if (l->topology && !strcmp(l->online, online))
                return 0;
        l->topology = rt_topology_free(l->topology);
        r = rt_topology_read(l->sysfs, &l->topology, err);
        if (r < 0)
                return r;
        free(l->online);
        l->online = st_take(online);
        return 0;
}

/* ---- choosing ---- */

/* Who has what, but for @entry itself. One more than the entries: the cpusets of others. */
struct holdings {
        struct rt_holding *items;
        struct ledger_entry **entries; /* of the same index; NULL: others' */
        size_t n;
};

static void free_holdings(struct holdings *h) {
        free(h->items);
        free(h->entries);
}

static bool holds(const struct ledger_entry *e) {
        return !e->gone && !(e->flags & LEDGER_QUEUED) && !rt_cpus_is_empty(&e->cpus);
}

static int collect(struct ledger_state *state, const struct ledger_entry *without,
                   struct holdings *h) {
        *h = (struct holdings) {
                .items = calloc(state->n_entries + 1, sizeof *h->items),
                .entries = calloc(state->n_entries + 1, sizeof *h->entries),
        };
        if (!h->items || !h->entries)
                return -ENOMEM;
        if (!rt_cpus_is_empty(&state->foreign))
                h->items[h->n++].cpus = state->foreign;
        for (size_t i = 0; i < state->n_entries; i++) {
                struct ledger_entry *e = &state->entries[i];

                if (!holds(e) || e->token == without->token)
                        continue;
                h->entries[h->n] = e;
                h->items[h->n++] = (struct rt_holding) {
                        .cpus = e->cpus, .tier = e->tier, .tenant = e->tenant, .job = e->job};
        }
        return 0;
}

/* What a choice leaves a best-effort task with nothing that has not begun to run: frozen now, it
 * would hold up who starts it. Like a shared task it keeps a core; then the choice is made again.
 */
static bool spare_unstarted(const struct rt_ledger *l, struct holdings *h,
                            const struct rt_request *request, const struct rt_cpus *cpus) {
        bool spared = false;

        for (size_t i = 0; i < h->n; i++) {
                struct rt_cpus left = rt_placement_left(l->topology, request, cpus, &h->items[i]);

                if (h->items[i].tier != RT_TIER_BEST_EFFORT || !rt_cpus_is_empty(&left) ||
                    (h->entries[i]->freezer && ledger_has_started(l, h->entries[i])))
                        continue;
                h->items[i].tier = RT_TIER_SHARED;
                spared = true;
        }
        return spared;
}

static struct rt_request request_of(const struct ledger_entry *e, unsigned n_cpus, bool strict) {
        return (struct rt_request) {
                .n_cpus = n_cpus,
                .tier = e->tier,
                .tenant = e->tenant,
                .job = e->job,
                .whole_cores = e->flags & LEDGER_WHOLE_CORES,
                .strict = strict,
                .within = rt_cpus_is_empty(&e->within) ? NULL : &e->within,
        };
}

static int choose(struct rt_ledger *l, struct holdings *h, const struct rt_request *request,
                  struct rt_decision *ret_decision, struct st_error *err) {
        int r;

        do
                r = rt_placement_decide(l->topology, h->items, h->n, request, ret_decision, err);
        while (r == 0 && ret_decision->n_displaced > 0 &&
               spare_unstarted(l, h, request, &ret_decision->cpus));
        return r;
}

int ledger_decide(struct rt_ledger *l, struct ledger_state *state, const struct ledger_entry *entry,
                  unsigned n_cpus, bool strict, struct rt_decision *ret_decision,
                  struct st_error *err) {
        __attribute__((cleanup(free_holdings))) struct holdings h;
        struct rt_request request = request_of(entry, n_cpus, strict);
        int r = collect(state, entry, &h);

        if (r < 0)
                return st_error_set(err, r, "choose CPUs");
        return choose(l, &h, &request, ret_decision, err);
}

/* ---- taking ---- */

static void give(struct ledger_entry *e, const struct rt_cpus *cpus) {
        e->cpus = *cpus;
        e->flags |= LEDGER_PENDING;
        if (rt_cpus_is_empty(cpus))
                e->flags |= LEDGER_FROZEN;
        else
                e->flags &= ~(unsigned)LEDGER_FROZEN;
}

static void displace(struct rt_ledger *l, struct ledger_state *state,
                     const struct ledger_entry *entry, const struct rt_cpus *cpus) {
        struct rt_request request = request_of(entry, entry->n_asked, false);

        for (size_t i = 0; i < state->n_entries; i++) {
                struct ledger_entry *e = &state->entries[i];
                struct rt_holding holding = {.cpus = e->cpus, .tier = e->tier, .tenant = e->tenant};
                struct rt_cpus left;

                if (!holds(e) || e->token == entry->token)
                        continue;
                left = rt_placement_left(l->topology, &request, cpus, &holding);
                if (!rt_cpus_equal(&left, &e->cpus))
                        give(e, &left);
        }
}

/* The dead are looked for only when they would change the answer: telling is a few system calls
 * each. */
static bool is_perfect(int r, const struct rt_decision *decision) {
        return r == 0 && decision->n_displaced == 0 && decision->n_domains <= decision->min_domains;
}

bool ledger_sweep(struct rt_ledger *l, struct ledger_state *state) {
        bool any = false;

        for (size_t i = 0; i < state->n_entries; i++) {
                struct ledger_entry *e = &state->entries[i];

                if (e->gone || ledger_is_alive(l, e))
                        continue;
                e->gone = any = true;
        }
        state->changed |= any;
        return any;
}

static void take(struct rt_ledger *l, struct ledger_state *state, struct ledger_entry *entry,
                 const struct rt_decision *decision) {
        displace(l, state, entry, &decision->cpus);
        give(entry, &decision->cpus);
        if (entry->flags & LEDGER_MEMORY)
                entry->memory_nodes = decision->memory_nodes;
        state->changed = true;
}

int ledger_grant(struct rt_ledger *l, struct ledger_state *state, struct ledger_entry *entry,
                 struct rt_decision *ret_decision, struct st_error *err) {
        bool strict = entry->flags & LEDGER_STRICT;
        struct st_error why = {0};
        int r = ledger_decide(l, state, entry, entry->n_asked, strict, ret_decision, &why);

        if (!is_perfect(r, ret_decision) && r != -ENOSPC && ledger_sweep(l, state)) {
                why = (struct st_error) {0};
                r = ledger_decide(l, state, entry, entry->n_asked, strict, ret_decision, &why);
        }
        if (r < 0) {
                if (err)
                        *err = why;
                return r;
        }
        take(l, state, entry, ret_decision);
        return 0;
}

/* ---- giving back ---- */

bool ledger_is_short(const struct ledger_entry *e) {
        return !e->gone && !(e->flags & LEDGER_QUEUED) && rt_cpus_count(&e->cpus) < e->n_asked;
}

/* CPUs that went offline are not had any more. */
static unsigned count_online(const struct rt_ledger *l, const struct ledger_entry *e) {
        return rt_cpus_count_and(&e->cpus, &l->topology->cpus);
}

/* As many as there are, but more than now. */
static int settle_one(struct rt_ledger *l, struct ledger_state *state, struct ledger_entry *e,
                      struct st_error *err) {
        unsigned has = count_online(l, e);

        for (unsigned n = e->n_asked; n > has; n--) {
                struct rt_decision decision;
                struct st_error why = {0};
                int r = ledger_decide(l, state, e, n, false, &decision, &why);

                if (r == 0) {
                        take(l, state, e, &decision);
                        return 0;
                }
                if (r != -EBUSY && r != -ENOSPC)
                        return st_error_set(err, r, "%s", why.msg);
        }
        return 0;
}

int ledger_settle(struct rt_ledger *l, struct ledger_state *state, struct st_error *err) {
        int r = 0;

        for (enum rt_tier tier = 0; tier < RT_N_TIERS; tier++) {
                for (size_t i = 0; r == 0 && i < state->n_entries; i++) {
                        struct ledger_entry *e = &state->entries[i];

                        if (e->tier == tier && !e->gone && !(e->flags & LEDGER_QUEUED))
                                r = settle_one(l, state, e, err);
                }
        }
        return r;
}

/* ---- telling the kernel ---- */

/* A cgroup that is not made yet is told by its maker; one that is gone needs to be told nothing. */
static int apply_all(struct rt_ledger *l, struct ledger_state *state, bool shrinking,
                     struct st_error *err) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < state->n_entries; i++) {
                struct ledger_entry *e = &state->entries[i];

                if (e->gone || !(e->flags & LEDGER_PENDING) ||
                    (ledger_is_short(e) || e->flags & LEDGER_FROZEN) != shrinking)
                        continue;
                r = ledger_apply(l, e, err);
                state->changed |= r == 0;
                r = r == -ENOENT || r == -ENODEV ? 0 : r;
        }
        return r;
}

int ledger_apply_pending(struct rt_ledger *l, struct ledger_state *state, struct st_error *err) {
        int r = apply_all(l, state, true, err);

        return r < 0 ? r : apply_all(l, state, false, err);
}
