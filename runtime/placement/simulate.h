/* simulate.h: a trace, and what a policy sees of the node. */
#pragma once
#include <stint/arena.h>
#include <stint/placement.h>

struct rt_trace {
        struct st_arena *arena; /* of all texts */
        struct trace_event {
                bool starts;
                unsigned task;
        } * events;
        struct rt_request *tasks;
        size_t n_events, n_tasks;
};

/* The node while a trace runs. Holdings of tasks that ended are gone. */
struct node {
        const struct rt_topology *t;
        struct rt_holding *holdings;
        unsigned *owners; /* the task of a holding */
        size_t n_holdings;
        uint64_t seed;
};

/* Choose the CPUs: 0, or -EBUSY when there are too few. The others know no tiers and no tenants. */
int peer_nomad(struct node *node, const struct rt_request *request, struct rt_decision *ret);
int peer_kubelet_packed(struct node *node, const struct rt_request *request,
                        struct rt_decision *ret);
int peer_kubelet_uncore(struct node *node, const struct rt_request *request,
                        struct rt_decision *ret);
int peer_random(struct node *node, const struct rt_request *request, struct rt_decision *ret);

/* The largest number of aligned tasks that any sequence of choices reaches; tenants are not looked
 * at. -E2BIG: too many to try. */
int optimum_find(const struct rt_topology *topology, const struct rt_trace *trace,
                 struct rt_simulation *ret);
