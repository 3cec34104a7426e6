/* runtime/cgroup/manager.h: what the files of this directory share. Not for other directories.
 *
 * A container has one leaf a hierarchy. On v1 a hierarchy is one mount with one or more
 * controllers; v2 is one hierarchy with all of them; hybrid has both, and a controller belongs to
 * v2 only where v1 does not have it. What is to be written is a list of rt_write, formatted by the
 * plan, so that the writing itself is nothing but openat, write and close and may be done by a
 * cloned child. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stint/arena.h>
#include <stint/cgroup.h>

/* st_error_set() and st_error_code() with the class of the failure. */
#define rt_fail(err, kind, ...) st_error_kind(err, st_error_set(err, __VA_ARGS__), kind)
#define rt_fail_code(err, kind, ...) st_error_kind(err, st_error_code(err, __VA_ARGS__), kind)

/* Controllers as bits. rt_controller_names[] in hierarchy.c has their names in this order. */
enum rt_controller {
        RT_CTL_CPU = 1 << 0,
        RT_CTL_CPUSET = 1 << 1,
        RT_CTL_IO = 1 << 2, /* "blkio" on v1 */
        RT_CTL_MEMORY = 1 << 3,
        RT_CTL_PIDS = 1 << 4,
        RT_CTL_HUGETLB = 1 << 5,
        RT_CTL_RDMA = 1 << 6,
        RT_CTL_MISC = 1 << 7,
        RT_CTL_CPUACCT = 1 << 8, /* from here on v1 only */
        RT_CTL_DEVICES = 1 << 9,
        RT_CTL_FREEZER = 1 << 10,
        RT_CTL_NET_CLS = 1 << 11,
        RT_CTL_NET_PRIO = 1 << 12,
        RT_CTL_PERF = 1 << 13,
        RT_CTL_OTHER = 1 << 14, /* name=systemd and the like */
};
#define RT_CTL_V2                                                                                  \
        (RT_CTL_CPU | RT_CTL_CPUSET | RT_CTL_IO | RT_CTL_MEMORY | RT_CTL_PIDS | RT_CTL_HUGETLB |   \
         RT_CTL_RDMA | RT_CTL_MISC)

enum { RT_LEAVES_MAX = 20 }; /* v1 has 14 controllers at most, and named hierarchies */

/* Where this machine's cgroups are looked for: tests point it at a tree of their own. */
struct rt_cgroup_host {
        enum rt_cgroup_mode mode;
        const char *root; /* "/sys/fs/cgroup" */
        const char *proc; /* "/proc/self": its files `cgroup` and `mountinfo` are read */
        bool any_fs;      /* tests: the tree is no cgroup file system */
};

/* A hierarchy of the machine. */
struct rt_hierarchy {
        const char *names;    /* of /proc/self/cgroup: "cpu,cpuacct", "name=systemd", v2 "" */
        unsigned controllers; /* enum rt_controller bits */
        const char *mount;    /* mount point */
        const char *own;      /* this process's cgroup, relative to what is mounted */
};

struct rt_leaf {
        const char *names; /* of its hierarchy */
        unsigned controllers;
        bool v2;
        const char *path;    /* absolute, clean: no "." or ".." component */
        size_t mount_length; /* path[0..mount_length) is the mount point */
        int dir_fd;          /* O_PATH; -1 until rt_leaf_dir() */
        bool made;           /* by us, so a failed create removes it */
        bool dropped;        /* rootless: not ours to make */
};

enum rt_write_flag {
        RT_WRITE_EARLY = 1 << 0,      /* before a task enters; all others after prepare */
        RT_WRITE_OPTIONAL = 1 << 1,   /* the file may be missing: nobody asked for it by name */
        RT_WRITE_MEMORY_MAX = 1 << 2, /* v2 memory.max: see rt_memory_max_write() */
        RT_WRITE_DEVICE = 1 << 3, /* a device rule: left out where a user namespace refuses it */
};

/* One value for one file of one leaf. */
struct rt_write {
        struct rt_leaf *leaf;
        const char *file, *value;
        const char *other_file, *other_value; /* tried when @file is missing; NULL: none */
        const char *field;                    /* of config.json, for errors */
        unsigned flags;
};

struct rt_writes {
        struct st_arena *arena;
        struct rt_write *items;
        size_t n_items, n_room;
};

struct rt_device_rules;
struct rt_unit;

struct rt_cgroup {
        struct st_arena *arena;
        enum rt_cgroup_mode mode;
        enum rt_cgroup_driver driver;
        bool rootless, strict, delegate, any_fs;
        uid_t owner_uid;
        const char *root; /* "/sys/fs/cgroup" */
        int root_fd;      /* O_PATH of it; -1 until rt_cgroup_root_open() */
        bool made;        /* a container may be in it: killing is ours. Saved */
        bool not_ours;    /* making it failed, and what is there is somebody else's */
        struct rt_leaf leaves[RT_LEAVES_MAX];
        size_t n_leaves;
        int task_fds[RT_LEAVES_MAX];
        size_t n_task_fds;
        struct rt_writes writes;
        unsigned wanted;                 /* v2 controllers that a write needs */
        struct rt_device_rules *devices; /* NULL: leave devices alone */
        const char *warning;             /* rt_cgroup_warning() */
        struct rt_unit *unit;            /* systemd driver */
};

/* --- hierarchy.c --- */
unsigned rt_controller_bit(const char *name, size_t length);
unsigned rt_controller_bits(const char *names); /* "cpu,cpuacct" */
const char *rt_controller_name(unsigned bit);   /* of the lowest bit */
/* The hierarchies of @host; @want_own asks for ->own too (on v2 that costs a read of /proc). */
int rt_hierarchies_read(const struct rt_cgroup_host *host, struct st_arena *arena, bool want_own,
                        struct rt_hierarchy *ret, size_t *ret_n, struct st_error *err);

/* --- plan.c --- */
int rt_cgroup_plan_on(const struct rt_cgroup_host *host, const struct rt_cgroup_request *request,
                      struct rt_cgroup **ret_cgroup, struct st_error *err);
struct rt_cgroup *rt_cgroup_alloc(const char *root);
/* "/a/b" for "a//./x/../b/": absolute, no ".." above the root. NULL when memory is out. */
char *rt_path_clean(struct st_arena *arena, const char *path);

/* --- fs.c --- */
/* All that a leaf gets before a task enters, whoever made it. */
int rt_cgroup_furnish(struct rt_cgroup *cgroup, struct st_error *err);

/* --- enter.c --- */
/* A permission that a rootless runtime may lack without harm. */
bool rt_cgroup_is_denied(const struct rt_cgroup *cgroup, int r);
int rt_tasks_open(struct rt_cgroup *cgroup, struct st_error *err);

/* --- save.c --- */
int rt_cgroup_load_on(const char *root, const struct st_json *saved, struct rt_cgroup **ret_cgroup,
                      struct st_error *err);

/* --- leaf.c --- */
struct rt_leaf *rt_leaf_of(const struct rt_cgroup *cgroup, unsigned controllers); /* NULL: none */
struct rt_leaf *rt_leaf_v2(const struct rt_cgroup *cgroup);
#define RT_FOREACH_LEAF(leaf, cgroup)                                                              \
        for (struct rt_leaf *leaf = (struct rt_leaf *)(cgroup)->leaves;                            \
             leaf < (cgroup)->leaves + (cgroup)->n_leaves; leaf++)                                 \
                if (!leaf->dropped)

int rt_cgroup_root_open(struct rt_cgroup *cgroup);
/* Open @path, which is a leaf's path or above or below it, without following a symlink. */
int rt_path_open(struct rt_cgroup *cgroup, const char *path, int flags);
/* Open a file of the leaf, through its directory when that is open. */
int rt_leaf_open_file(struct rt_cgroup *cgroup, const struct rt_leaf *leaf, const char *file,
                      int flags);
/* The leaf's directory (O_PATH), opened once; a negative errno. Not for a cloned child. */
int rt_leaf_dir(struct rt_cgroup *cgroup, struct rt_leaf *leaf);
enum rt_leaf_use {
        RT_LEAF_NEW,    /* nobody may be in it */
        RT_LEAF_SHARED, /* systemd may have made it and put the container in */
};
/* Make the leaf and what is missing above it. */
int rt_leaf_make(struct rt_cgroup *cgroup, struct rt_leaf *leaf, enum rt_leaf_use use,
                 struct st_error *err);
/* Read a small file into @buf, NUL-terminated, the last newline cut. Negative errno. */
int rt_knob_read(int dir_fd, const char *file, char *buf, size_t size);
int rt_knob_read_u64(int dir_fd, const char *file, uint64_t *ret); /* "max" is UINT64_MAX */

/* --- cpuset.c (v1) --- */
/* Give the cpuset in @dir, the leaf or a directory above it, its parent's CPUs and memory nodes. */
int rt_cpuset_inherit(struct rt_cgroup *cgroup, struct rt_leaf *leaf, const char *dir,
                      struct st_error *err);

/* --- controllers.c (v2) --- */
int rt_controllers_enable(struct rt_cgroup *cgroup, struct rt_leaf *leaf, struct st_error *err);
int rt_leaf_delegate(struct rt_cgroup *cgroup, struct rt_leaf *leaf, struct st_error *err);

/* --- writes.c --- */
st_printf(6, 7) int rt_writes_add(struct rt_writes *writes, struct rt_leaf *leaf, const char *file,
                                  const char *field, unsigned flags, const char *value_fmt, ...);
/* The last one added, to set its other_file. */
struct rt_write *rt_writes_last(struct rt_writes *writes);
enum rt_pass { RT_PASS_EARLY, RT_PASS_LATE, RT_PASS_ALL };
/* Write them in order. One that the kernel refuses may depend on a later one (memory.limit and
 * memsw, quota and burst): it is tried once more after the others. Async-signal-safe once the root
 * and the v2 leaf are open. */
int rt_writes_apply(struct rt_cgroup *cgroup, const struct rt_writes *writes, enum rt_pass pass,
                    struct st_error *err);

/* --- limits.c, limits_v1.c, limits_v2.c --- */
enum rt_limits_use { RT_LIMITS_CREATE, RT_LIMITS_UPDATE };
/* Turn @resources into writes and cgroup->wanted. */
int rt_limits_plan(struct rt_cgroup *cgroup, const struct st_resources *resources,
                   enum rt_limits_use use, struct rt_writes *writes, struct st_error *err);
/* The leaf of a controller that @field needs, or an error; notes it in cgroup->wanted. */
int rt_limits_need(struct rt_cgroup *cgroup, unsigned controller, const char *field,
                   struct rt_leaf **ret_leaf, struct st_error *err);
int rt_limits_refuse(struct st_error *err, const char *field, const char *why);
bool rt_swappiness_is_set(const struct st_memory *memory);
int rt_limits_v1_memory(struct rt_leaf *leaf, const struct st_memory *memory,
                        enum rt_limits_use use, struct rt_writes *writes, struct st_error *err);
int rt_limits_v1_cpu(struct rt_leaf *leaf, const struct st_cpu *cpu, struct rt_writes *writes,
                     struct st_error *err);
int rt_limits_v1_block_io(struct rt_leaf *leaf, const struct st_block_io *io,
                          struct rt_writes *writes);
int rt_limits_v2_memory(struct rt_cgroup *cgroup, struct rt_leaf *leaf,
                        const struct st_memory *memory, enum rt_limits_use use,
                        struct rt_writes *writes, struct st_error *err);
int rt_limits_v2_cpu(struct rt_cgroup *cgroup, struct rt_leaf *leaf, const struct st_cpu *cpu,
                     enum rt_limits_use use, struct rt_writes *writes, struct st_error *err);
int rt_limits_v2_block_io(struct rt_leaf *leaf, const struct st_block_io *io,
                          struct rt_writes *writes, struct st_error *err);
uint64_t rt_weight_of_shares(uint64_t shares);
uint64_t rt_io_weight_of_blkio(uint64_t weight);

/* --- memory_max.c (v2): lower memory.max without the kernel killing for it --- */
int rt_memory_max_write(int dir_fd, const char *value, const char *field, struct st_error *err);

/* --- processes.c --- */
/* The processes of the leaf and below. Those that this pid namespace cannot see are left out. */
int rt_leaf_processes(struct rt_cgroup *cgroup, struct rt_leaf *leaf, pid_t **ret_pids,
                      size_t *ret_n);
/* The leaf whose processes are the container's. */
struct rt_leaf *rt_leaf_of_processes(const struct rt_cgroup *cgroup);
/* Signal all of the leaf and below. */
int rt_processes_signal(struct rt_cgroup *cgroup, struct rt_leaf *leaf, int signal);

/* --- freeze.c --- */
/* -EOPNOTSUPP: there is no freezer. */
int rt_freezer_set(struct rt_cgroup *cgroup, bool frozen);
/* 1: frozen or about to be; 0: not, or no freezer here. */
int rt_leaf_frozen(struct rt_cgroup *cgroup, struct rt_leaf *leaf);
