/* runtime/pool/internal.h: what pool.c, slot.c, life.c and limits.c share: the keeper's side. */
#pragma once
#include "journal.h"
#include "message.h"
#include "parked.h"

enum rt_slot_state {
        RT_SLOT_PREPARING, /* its first process makes namespaces and mounts */
        RT_SLOT_PARKED,    /* ready */
        RT_SLOT_TAKEN,     /* the caller's, without a task */
        RT_SLOT_RUNNING,   /* a task was sent */
        RT_SLOT_ENDED,     /* the task has ended, and the caller does not know */
        RT_SLOT_TOLD,      /* it does */
        RT_SLOT_RESETTING, /* the caller is done with it: it will be parked again */
        RT_SLOT_RETIRING,  /* it ends */
        _RT_SLOT_STATES
};

/* A descriptor of the pool's epoll set. */
struct rt_source {
        struct rt_slot *slot;
        void (*handle)(struct rt_slot *slot);
        int fd; /* borrowed; -1: not watched */
};

/* A first process, or a task beside one: what was cloned, until it is reaped. */
struct rt_slot_process {
        pid_t pid; /* 0: there is none */
        int pidfd, sync_fd;
        struct rt_source hears, ends;
};

struct rt_slot {
        struct rt_pool *pool;
        struct rt_slot *prev, *next; /* in the list of its state */
        char *name, *guest_name;
        enum rt_slot_state state;
        int domain;
        struct rt_cgroup *cgroup; /* NULL: none */
        struct rt_parked parked;
        /* pid 1; and with RT_GRADE_SCRUBBED the task's own process, which joins pid 1's namespaces
         */
        struct rt_slot_process init, guest;
        void *data;
        unsigned n_tasks;

        bool used;       /* it has received something of a task: never again as fresh */
        bool killed;     /* by us */
        bool clean;      /* it has said that it is ready for the next */
        bool damaged;    /* it cannot be used again */
        unsigned limits; /* enum bits of limits.c: what the last task set */

        /* of the task */
        struct rt_exit exit;
        struct st_error failure; /* code 0: it was executed */
        uint64_t dispatched_nsec, started_nsec, exited_nsec;
        struct rt_cgroup_counters before; /* it came to the slot */
        bool peak_is_slots;
        unsigned tries; /* to remove its cgroup */
};

struct rt_pool {
        struct rt_runtime *runtime;
        struct rt_blueprint *blueprint;
        struct rt_journal journal;
        char *name;
        enum rt_grade grade;
        bool no_init, early_filter, keyring_each, can_rename;
        unsigned max_parked, max_slots;
        struct rt_pool_domain *domains;
        size_t n_domains;
        int epoll_fd, timer_fd, null_fd;
        bool timer_runs;

        struct rt_slot *slots[_RT_SLOT_STATES];
        unsigned n_slots[_RT_SLOT_STATES];
        uint64_t n_begun;
        char *arguments; /* our own command line, in our memory */
        size_t arguments_size;
        bool counts; /* somebody has asked for rt_slot_usage(): slots keep what was before */
        struct rt_pool_stats stats;
        struct st_error failure;              /* of a slot, to be told by rt_pool_advance() */
        const char *dirs[RT_PARKED_DIRS_MAX]; /* mount points that a reset empties */
        size_t n_dirs;
};

/* --- pool.c --- */
void rt_slot_enter(struct rt_slot *slot, enum rt_slot_state state);
int rt_source_watch(struct rt_pool *pool, struct rt_source *source, int fd);
void rt_source_unwatch(struct rt_pool *pool, struct rt_source *source);
/* Something could not be removed: try again soon. */
void rt_pool_try_again(struct rt_pool *pool);
uint64_t rt_pool_now_nsec(void);

/* --- life.c: a slot's way from its clone to its end, but for what the caller does --- */
int rt_slot_begin(struct rt_pool *pool, int domain, struct st_error *err) st_must_check;
void rt_slot_park(struct rt_slot *slot);
void rt_slot_reset(struct rt_slot *slot);
/* End it in the background, whatever it does. */
void rt_slot_retire(struct rt_slot *slot);
/* All its processes are reaped: remove its cgroup and free it. false: not yet. */
bool rt_slot_bury(struct rt_slot *slot);
/* An order to its first process. Negative errno. */
int rt_slot_order(const struct rt_slot *slot, enum rt_pool_message type, int signal);

/* --- limits.c --- */
/* Write @resources over the config's limits. Errors: see rt_slot_dispatch(). */
int rt_slot_limit(struct rt_slot *slot, const struct st_resources *resources,
                  struct st_error *err) st_must_check;
