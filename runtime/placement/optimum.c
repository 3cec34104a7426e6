/* optimum.c: every sequence of choices is tried, with counts of CPUs in domains instead of CPUs.
 * What is refused does not depend on the choices: too few are free, wherever they lie. */
#include "simulate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DOMAINS = 8, MAX_STEPS = 20 * 1000 * 1000 };

struct search {
        const struct rt_topology *t;
        const struct rt_trace *trace;
        uint8_t (*shares)[MAX_DOMAINS]; /* of each task in each domain */
        unsigned *min_domains;          /* by task */
        unsigned *rest;                 /* placed starts from an event on */
        uint16_t size[MAX_DOMAINS], free[MAX_DOMAINS];
        unsigned n_domains, best;
        uint64_t n_steps;
};

static void go_on(struct search *s, size_t event, unsigned aligned);

static unsigned total_free(const struct search *s) {
        unsigned n = 0;

        for (unsigned i = 0; i < s->n_domains; i++)
                n += s->free[i];
        return n;
}

/* Whether a domain like this one was tried for the same event: both empty and equally large. */
static bool twin(const struct search *s, unsigned domain) {
        for (unsigned i = 0; i < domain; i++) {
                if (s->size[i] == s->size[domain] && s->free[i] == s->size[i] &&
                    s->free[domain] == s->size[domain])
                        return true;
        }
        return false;
}

/* Shares of @task in the domains from @domain on; @used are in use already. */
static void spread(struct search *s, size_t event, unsigned task, unsigned domain, unsigned wanted,
                   unsigned used, bool align, unsigned aligned) {
        unsigned most = wanted < s->free[domain] ? wanted : s->free[domain];

        if (wanted == 0) {
                bool is_aligned = used == s->min_domains[task];

                if (is_aligned == align)
                        go_on(s, event + 1, aligned + is_aligned);
                return;
        }
        if (domain == s->n_domains || (align && used == s->min_domains[task]))
                return;
        if (align && s->min_domains[task] == 1 && (most < wanted || twin(s, domain)))
                most = 0;
        for (unsigned share = most + 1; share-- > 0;) {
                if (align && s->min_domains[task] == 1 && share != 0 && share != wanted)
                        continue;
                s->shares[task][domain] = (uint8_t)share;
                s->free[domain] = (uint16_t)(s->free[domain] - share);
                spread(s, event, task, domain + 1, wanted - share, used + (share > 0), align,
                       aligned);
                s->free[domain] = (uint16_t)(s->free[domain] + share);
                s->shares[task][domain] = 0;
        }
}

static void go_on(struct search *s, size_t event, unsigned aligned) {
        const struct trace_event *e = &s->trace->events[event];

        if (++s->n_steps > MAX_STEPS ||
            (event < s->trace->n_events && aligned + s->rest[event] <= s->best))
                return;
        if (event == s->trace->n_events) {
                s->best = aligned > s->best ? aligned : s->best;
                return;
        }
        if (!e->starts) {
                uint8_t shares[MAX_DOMAINS];

                memcpy(shares, s->shares[e->task], sizeof shares);
                for (unsigned i = 0; i < s->n_domains; i++)
                        s->free[i] = (uint16_t)(s->free[i] + shares[i]);
                memset(s->shares[e->task], 0, sizeof shares);
                go_on(s, event + 1, aligned);
                memcpy(s->shares[e->task], shares, sizeof shares);
                for (unsigned i = 0; i < s->n_domains; i++)
                        s->free[i] = (uint16_t)(s->free[i] - shares[i]);
                return;
        }
        if (s->trace->tasks[e->task].n_cpus > total_free(s)) {
                go_on(s, event + 1, aligned);
                return;
        }
        spread(s, event, e->task, 0, s->trace->tasks[e->task].n_cpus, 0, true, aligned);
        spread(s, event, e->task, 0, s->trace->tasks[e->task].n_cpus, 0, false, aligned);
}

/* How many starts are placed from each event on, and how many are refused. */
static int count_placed(struct search *s, struct rt_simulation *ret) {
        unsigned free_cpus = total_free(s);
        st_autofree bool *held = calloc(s->trace->n_tasks + 1, sizeof *held);

        if (!held)
                return -ENOMEM;
        for (size_t i = 0; i < s->trace->n_events; i++) {
                const struct trace_event *e = &s->trace->events[i];
                unsigned n = s->trace->tasks[e->task].n_cpus;

                ret->n_starts += e->starts;
                if (!e->starts) {
                        free_cpus += held[e->task] ? n : 0;
                        continue;
                }
                held[e->task] = n <= free_cpus;
                free_cpus -= held[e->task] ? n : 0;
                ret->n_refused += !held[e->task];
                s->rest[i] = held[e->task];
        }
        for (size_t i = s->trace->n_events; i-- > 1;)
                s->rest[i - 1] += s->rest[i];
        return 0;
}

static int search_all(struct search *s, struct rt_simulation *ret) {
        struct rt_simulation found = {0};
        int r;

        for (size_t i = 0; i < s->trace->n_tasks; i++) {
                if (s->trace->tasks[i].n_cpus > UINT8_MAX)
                        return -E2BIG;
                s->min_domains[i] = rt_placement_min_domains(s->t, s->trace->tasks[i].n_cpus);
        }
        for (unsigned i = 0; i < s->n_domains; i++)
                s->size[i] = s->free[i] = (uint16_t)rt_cpus_count(&s->t->domains.sets[i]);
        r = count_placed(s, &found);
        if (r < 0)
                return r;
        go_on(s, 0, 0);
        if (s->n_steps > MAX_STEPS && s->best < s->rest[0])
                return -E2BIG;
        found.n_aligned = s->best;
        *ret = found;
        return 0;
}

int optimum_find(const struct rt_topology *topology, const struct rt_trace *trace,
                 struct rt_simulation *ret) {
        struct search s = {.t = topology, .trace = trace, .n_domains = topology->domains.n};
        int r = -ENOMEM;

        if (s.n_domains > MAX_DOMAINS)
                return -E2BIG;
        s.shares = calloc(trace->n_tasks + 1, sizeof *s.shares);
        s.min_domains = calloc(trace->n_tasks + 1, sizeof *s.min_domains);
        s.rest = calloc(trace->n_events + 1, sizeof *s.rest);
        if (s.shares && s.min_domains && s.rest)
                r = search_all(&s, ret);
        free(s.shares);
        free(s.min_domains);
        free(s.rest);
        return r;
}
