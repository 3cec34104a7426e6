/* ledger.h: what the files of the ledger share. */
#pragma once
#include <stint/arena.h>
#include <stint/ledger.h>

enum ledger_flag {
        LEDGER_WHOLE_CORES = 1 << 0,
        LEDGER_STRICT = 1 << 1,
        LEDGER_FROM_QUOTA = 1 << 2,
        LEDGER_MEMORY = 1 << 3,  /* cpuset.mems is ours to write */
        LEDGER_FROZEN = 1 << 4,  /* it has no CPUs, and is kept from running */
        LEDGER_PAUSED = 1 << 5,  /* somebody else froze it: it is not thawed when CPUs return */
        LEDGER_PENDING = 1 << 6, /* its cgroup has not been told yet */
        LEDGER_QUEUED = 1 << 7,  /* it waits for CPUs and has none */
        LEDGER_ALL_FLAGS = (1 << 8) - 1,
};

/* Strings are in the state's arena. */
struct ledger_entry {
        uint64_t token;
        const char *id, *tenant, *job, *cgroup, *freezer;
        enum rt_tier tier;
        unsigned n_asked, flags;
        pid_t pid;
        uint64_t start_time, pid_namespace; /* of the owner; the namespace's inode */
        struct rt_cpus cpus, within;
        struct rt_cpus memory_nodes; /* of the last choice; with LEDGER_MEMORY */
        bool gone;                   /* to be left out of the next file */
};

struct ledger_state {
        struct st_arena *arena;
        struct ledger_entry *entries;
        size_t n_entries, n_room;
        struct rt_cpus foreign; /* found by the scan */
        bool changed;           /* since it was read or written */
        bool written;           /* since it was opened */
        bool rebuild;           /* the file could not be believed */
};

struct rt_ledger {
        struct rt_ledger_options options;
        char *dir, *name; /* of the file */
        char *sysfs, *cgroup_root;
        int dir_fd, lock_fd;
        struct rt_topology *topology;
        char *online; /* what sysfs said when it was read */
        char boot_id[40];
        uint64_t pid_namespace;
        bool v2;
        char *cpuset_root; /* of the hierarchy that has cpusets; NULL: none */
};

/* --- ledger_text.c: an entry is a line --- */
struct ledger_entry *ledger_add(struct ledger_state *state);
/* The whole file. NULL when memory is out. */
char *ledger_print(const struct ledger_state *state, const char *boot_id, size_t *ret_length);
/* A line without its newline. NULL when memory is out. */
char *ledger_print_entry(const struct ledger_entry *entry);
/* @text is cut up. -EBADMSG: not a file of ours, or not whole; -ESTALE: of another boot;
 * -EPROTONOSUPPORT: of a newer version; -ENOMEM. */
int ledger_parse(char *text, size_t length, const char *boot_id, struct ledger_state *state);
/* -EBADMSG, -ENOMEM. Strings are copied. */
int ledger_parse_entry(char *line, struct st_arena *arena, struct ledger_entry *ret_entry);

/* --- ledger_file.c --- */
int ledger_lock(struct rt_ledger *ledger, struct st_error *err);
void ledger_unlock(struct rt_ledger *ledger);
/* What the file says. -ENOENT is an empty ledger and no error. */
int ledger_read(struct rt_ledger *ledger, struct ledger_state *state, struct st_error *err);
int ledger_write(struct rt_ledger *ledger, struct ledger_state *state, struct st_error *err);
void ledger_state_deinit(struct ledger_state *state);
/* A descriptor that is readable after a change. */
int ledger_watch(struct rt_ledger *ledger, struct st_error *err);
/* Wait for one, or until @msec have passed. */
int ledger_wait(int inotify_fd, unsigned msec);

/* --- ledger_cgroup.c: the kernel's side of an entry --- */
int ledger_find_hierarchy(struct rt_ledger *ledger, struct st_error *err);
/* Whether the cgroup bears the entry's mark. */
bool ledger_is_marked(const struct rt_ledger *ledger, const struct ledger_entry *entry);
/* The mark's text, or NULL. The caller frees it. */
char *ledger_read_mark(const struct rt_ledger *ledger, const char *path);
int ledger_write_mark(const struct rt_ledger *ledger, const struct ledger_entry *entry,
                      struct st_error *err);
/* Make the cgroup what the entry says: its CPUs, its memory nodes, whether it runs. */
int ledger_apply(const struct rt_ledger *ledger, struct ledger_entry *entry, struct st_error *err);
/* The other way round: the entry says what the cgroup has. */
void ledger_learn(struct ledger_entry *entry);
/* Its program has been executed: from then on it may be frozen. */
bool ledger_has_started(const struct rt_ledger *ledger, const struct ledger_entry *entry);
bool ledger_is_alive(const struct rt_ledger *ledger, const struct ledger_entry *entry);
/* What a cgroup may use: its own cpuset, or that of the nearest one above that has one. */
int ledger_allowed(const struct rt_ledger *ledger, const char *path, struct rt_cpus *ret_set,
                   struct st_error *err);
/* Keep of @nodes what the cgroup may have; none is "do not write it". */
void ledger_bound_nodes(const struct rt_ledger *ledger, const char *path, struct rt_cpus *nodes);
int ledger_read_cpus(int dir_fd, const char *file, struct rt_cpus *ret_set);

/* --- ledger_scan.c --- */
/* Fill state->foreign. @target, the path of a cgroup to be, and what is above it do not count. */
int ledger_scan(struct rt_ledger *ledger, struct ledger_state *state, const char *target,
                struct st_error *err);
/* Add what is marked and not in the state. */
int ledger_adopt(struct rt_ledger *ledger, struct ledger_state *state, struct st_error *err);

/* --- ledger_grant.c: choosing, and taking from others --- */
int ledger_topology(struct rt_ledger *ledger, struct st_error *err);
/* Choose for @entry and give it the CPUs; entries that lose some are changed and PENDING. */
int ledger_grant(struct rt_ledger *ledger, struct ledger_state *state, struct ledger_entry *entry,
                 struct rt_decision *ret_decision, struct st_error *err);
/* Choose only. */
int ledger_decide(struct rt_ledger *ledger, struct ledger_state *state,
                  const struct ledger_entry *entry, unsigned n_cpus, bool strict,
                  struct rt_decision *ret_decision, struct st_error *err);
/* Forget the dead. True: there were some. */
bool ledger_sweep(struct rt_ledger *ledger, struct ledger_state *state);
/* Give to who has less than it asked for. */
int ledger_settle(struct rt_ledger *ledger, struct ledger_state *state, struct st_error *err);
/* It has fewer CPUs than it asked for. */
bool ledger_is_short(const struct ledger_entry *entry);
/* Tell the cgroups of all PENDING entries: first those that lose CPUs. */
int ledger_apply_pending(struct rt_ledger *ledger, struct ledger_state *state,
                         struct st_error *err);

/* --- ledger.c: a session: lock, read, change, write, tell the kernel --- */
/* Our pid namespace, and where cpusets are. */
int ledger_know(struct rt_ledger *ledger, struct st_error *err);
int ledger_begin(struct rt_ledger *ledger, struct ledger_state *state, struct st_error *err);
/* Write what has changed, tell the cgroups, and write that they have been told. */
int ledger_commit(struct rt_ledger *ledger, struct ledger_state *state, struct st_error *err);
void ledger_end(struct rt_ledger *ledger, struct ledger_state *state);
struct ledger_entry *ledger_find(const struct ledger_state *state, uint64_t token);
/* A copy of the entries, and back to it, also in their cgroups. */
struct ledger_entry *ledger_save(const struct ledger_state *state, size_t *ret_n);
void ledger_restore(struct rt_ledger *ledger, struct ledger_state *state,
                    const struct ledger_entry *saved, size_t n_saved);
/* The bound of a task in @cgroup whose caller set @within, or NULL. */
int ledger_bound(struct rt_ledger *ledger, const char *cgroup, const struct rt_cpus *within,
                 struct rt_cpus *ret_bound, struct st_error *err);
