/* include/stint/ledger.h: the node's ledger of CPUs: who has which, shared by every stint process.
 *
 * One file under a lock, `/run/stint/.cpus`. An entry names its owner (pid, start time, pid
 * namespace) and a cgroup, which bears a mark with the entry in it; it is free when owner and
 * cgroup are gone. The kernel is the truth: a file that is torn or foreign is made again from the
 * marks, and CPUs in a narrower cpuset of a cgroup without a mark of ours count as taken.
 *
 * A grant may take CPUs from tasks of lower tiers: their cpusets are written, and those left with
 * none frozen, before the call returns. */
#pragma once
#include <sys/types.h>

#include <stint/placement.h>

struct rt_ledger;

struct rt_ledger_options {
        const char *path;           /* NULL: /run/stint/.cpus */
        const char *sysfs;          /* NULL: /sys */
        const char *cgroup_root;    /* NULL: /sys/fs/cgroup */
        const struct rt_cpus *cpus; /* what may be given away at all; NULL: all that are online */
        const char *const *ignored; /* cgroups of others, below the root, whose cpusets do not
                                       count; ends with NULL, or NULL */
        bool plain_files;           /* tests: the cgroups are plain directories */
};

/* Opens nothing yet. @cpus and @ignored are borrowed until the ledger is freed. NULL: no memory. */
struct rt_ledger *rt_ledger_new(const struct rt_ledger_options *options);
struct rt_ledger *rt_ledger_free(struct rt_ledger *ledger);
ST_DEFINE_FREEP(struct rt_ledger, rt_ledger_free);

/* What a task asks for. */
struct rt_claim {
        const char *id;      /* for people; what identifies a claim is its token */
        const char *tenant;  /* not NULL */
        const char *job;     /* NULL: none */
        const char *cgroup;  /* absolute path of the leaf that has, or will have, its cpuset */
        const char *freezer; /* likewise of the leaf that freezes it; NULL: it cannot be frozen */
        unsigned n_cpus;
        enum rt_tier tier;
        bool whole_cores, strict;
        bool from_quota;              /* n_cpus follows the CPU quota */
        bool bind_memory;             /* the ledger writes cpuset.mems, too */
        const struct rt_cpus *within; /* the cpuset that the caller set; NULL: none */
        pid_t owner;                  /* 0: this process */
        unsigned wait_msec;           /* how long to queue for CPUs; 0: refuse at once */
};

struct rt_grant {
        uint64_t token; /* not 0 */
        enum rt_tier tier;
        struct rt_decision decision;
};

/**
 * Take CPUs. The caller then makes the cgroup with them and calls rt_ledger_bind() before a task
 * enters, or gives them back.
 * Errors: those of rt_placement_decide() (with wait_msec: -EBUSY after that time); -EACCES, -EPERM,
 * -EROFS, -ENOENT: the ledger is out of reach; -EPROTONOSUPPORT: a newer stint wrote it.
 */
int rt_ledger_claim(struct rt_ledger *ledger, const struct rt_claim *claim,
                    struct rt_grant *ret_grant, struct st_error *err) st_must_check;
/* The cgroup is there: mark it, and write what has changed since the claim. */
int rt_ledger_bind(struct rt_ledger *ledger, uint64_t token, struct st_error *err) st_must_check;
/* The task and its cgroup are gone: others get its CPUs. A token that is not there is no error. */
int rt_ledger_release(struct rt_ledger *ledger, uint64_t token, struct st_error *err) st_must_check;

struct rt_ledger_change {
        unsigned n_cpus;              /* 0: as it was */
        unsigned n_from_quota;        /* likewise; for a task whose n_cpus follows its quota */
        const struct rt_cpus *within; /* NULL: as it was */
};
/* Choose again for a task that runs, and write its cpuset. It asks for no more than @within has.
 * -ENOENT: no such token; others as rt_ledger_claim(), and then it keeps what it had. */
int rt_ledger_change(struct rt_ledger *ledger, uint64_t token,
                     const struct rt_ledger_change *change, struct rt_grant *ret_grant,
                     struct st_error *err) st_must_check;
/* A caller pauses or resumes it. 1: it stays, or has to stay, frozen, since it has no CPUs; 0: do
 * it; it is not frozen by the ledger. */
int rt_ledger_pause(struct rt_ledger *ledger, uint64_t token, bool paused,
                    struct st_error *err) st_must_check;
/* Give tasks that lost CPUs new ones, and move those that are spread over more domains than they
 * need, or whose move empties a domain. */
int rt_ledger_repack(struct rt_ledger *ledger, unsigned *ret_n_moved,
                     struct st_error *err) st_must_check;

/* ---- looking ---- */

struct rt_ledger_task {
        const char *id, *tenant, *job, *cgroup; /* job, cgroup: NULL for none */
        enum rt_tier tier;
        unsigned n_cpus; /* asked for */
        bool frozen, queued;
        pid_t owner;
        struct rt_cpus cpus;
};

struct rt_ledger_view {
        struct rt_ledger_task *tasks;
        size_t n_tasks;
        struct rt_cpus foreign; /* in cpusets of others */
        struct st_arena *arena;
};

/* Dead entries are left out. Writes nothing, and needs no right but to read. */
int rt_ledger_look(struct rt_ledger *ledger, struct rt_ledger_view *ret_view,
                   struct st_error *err) st_must_check;
void rt_ledger_view_deinit(struct rt_ledger_view *view);
/* The machine as the ledger sees it; borrowed. */
int rt_ledger_topology(struct rt_ledger *ledger, const struct rt_topology **ret_topology,
                       struct st_error *err) st_must_check;
