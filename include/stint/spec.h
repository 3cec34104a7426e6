/* include/stint/spec.h: the typed config.json of OCI runtime-spec 1.3.0 (Linux), checked, no system
 * calls.
 *
 * Everything hangs in one arena that the spec owns; st_spec_free() frees all of it. Strings are
 * NUL-terminated, arrays have an n_ count, string vectors are NULL-terminated as execve(2) wants
 * them. Absent: pointers are NULL, and optional scalars carry a has_ flag. Unknown members are
 * ignored (spec, "Extensibility"), but a known member of the wrong type or range is an error that
 * names its JSON path. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <stint/arena.h>
#include <stint/error.h>
#include <stint/json.h>

struct st_string_pair {
        const char *key, *value;
};

struct st_optional_u64 {
        uint64_t value;
        bool has;
};

struct st_optional_i64 {
        int64_t value;
        bool has;
};

struct st_id_mapping {
        uint32_t container_id, host_id, size;
};

struct st_id_mappings {
        struct st_id_mapping *items;
        size_t n_items;
};

/* ---- process ---- */
struct st_capabilities { /* bit n is capability n (capability.h); has_ tells an absent set from an
                            empty one */
        uint64_t bounding, effective, inheritable, permitted, ambient;
        bool present;   /* process.capabilities is there at all */
        char **unknown; /* names this build does not know: warned about, NULL-terminated, may be
                           NULL */
};

struct st_rlimit {
        int resource;     /* RLIMIT_*; the name is checked by the parser */
        const char *name; /* "RLIMIT_NOFILE" */
        uint64_t soft, hard;
};

struct st_scheduler {    /* sched_setattr(2) */
        uint32_t policy; /* SCHED_* */
        int32_t nice;
        uint32_t priority;
        uint64_t flags; /* SCHED_FLAG_* */
        uint64_t runtime, deadline, period;
};

struct st_io_priority {
        int io_class; /* IOPRIO_CLASS_* */
        int priority; /* 0..7 */
};

struct st_user {
        uint32_t uid, gid;
        uint32_t umask;
        bool has_umask;
        gid_t *additional_gids;
        size_t n_additional_gids;
};

struct st_process {
        bool terminal;
        uint16_t console_height, console_width; /* 0 when absent */
        struct st_user user;
        char **args; /* NULL-terminated; NULL when absent */
        char **env;  /* NULL-terminated, never NULL */
        size_t n_args, n_env;
        const char *cwd;
        struct st_capabilities caps;
        struct st_rlimit *rlimits;
        size_t n_rlimits;
        bool no_new_privileges;
        const char *apparmor_profile, *selinux_label;
        int oom_score_adj;
        bool has_oom_score_adj;
        struct st_scheduler *scheduler;                                  /* NULL when absent */
        struct st_io_priority *io_priority;                              /* NULL when absent */
        const char *exec_cpu_affinity_initial, *exec_cpu_affinity_final; /* CPU lists, checked */
};

/* ---- mounts ---- */
struct st_mount {
        const char *destination; /* as written; a relative one is below "/" (spec 1.2) */
        const char *type;        /* NULL when absent */
        const char *source;      /* NULL when absent */
        char **options; /* NULL-terminated, never NULL; meaning is runtime/linux/mount_options.c */
        size_t n_options;
        struct st_id_mappings uid_mappings, gid_mappings;
};

/* ---- hooks ---- */
struct st_hook {
        const char *path;     /* absolute */
        char **args;          /* NULL-terminated; NULL when absent (then argv is {path}) */
        char **env;           /* NULL-terminated, never NULL: exactly this environment */
        unsigned timeout_sec; /* 0: none */
};

enum st_hook_kind {
        ST_HOOK_PRESTART,
        ST_HOOK_CREATE_RUNTIME,
        ST_HOOK_CREATE_CONTAINER,
        ST_HOOK_START_CONTAINER,
        ST_HOOK_POSTSTART,
        ST_HOOK_POSTSTOP,
        _ST_HOOK_MAX
};

struct st_hooks {
        struct st_hook *items;
        size_t n_items;
};

/* ---- linux ---- */
enum st_namespace_kind {
        ST_NS_USER,
        ST_NS_PID,
        ST_NS_NETWORK,
        ST_NS_MOUNT,
        ST_NS_IPC,
        ST_NS_UTS,
        ST_NS_CGROUP,
        ST_NS_TIME,
        _ST_NS_MAX
};

struct st_namespace {
        bool wanted;      /* listed in linux.namespaces */
        const char *path; /* NULL: a new one */
};

struct st_time_offset {
        bool present;
        int64_t secs;
        uint32_t nanosecs;
};

enum st_device_type {
        ST_DEVICE_CHAR = 'c',
        ST_DEVICE_BLOCK = 'b',
        ST_DEVICE_FIFO = 'p',
        ST_DEVICE_ALL = 'a'
};

struct st_device {
        const char *path;         /* absolute, in the container */
        enum st_device_type type; /* "u" is read as 'c' */
        int64_t major, minor;
        uint32_t file_mode;
        bool has_file_mode;
        uint32_t uid, gid;
        bool has_uid, has_gid;
};

struct st_device_rule {
        bool allow;
        enum st_device_type type;
        int64_t major, minor; /* -1: any */
        bool read, write, mknod;
};

struct st_net_device {
        const char *host_name;
        const char *container_name; /* NULL: unchanged */
};

struct st_memory {
        struct st_optional_i64 limit, reservation, swap, kernel,
                kernel_tcp; /* bytes; -1: no limit */
        struct st_optional_u64 swappiness;
        bool disable_oom_killer, has_disable_oom_killer;
        bool use_hierarchy, has_use_hierarchy;
        bool check_before_update, has_check_before_update;
};

struct st_cpu {
        struct st_optional_u64 shares, period, realtime_period;
        struct st_optional_i64 quota, realtime_runtime, idle;
        bool idle_or_weight; /* not of the config: a kernel without cpu.idle gets the least weight
                              */
        struct st_optional_u64 burst;
        const char *cpus, *mems;
};

struct st_weight_device {
        int64_t major, minor;
        struct st_optional_u64 weight, leaf_weight;
};

struct st_throttle_device {
        int64_t major, minor;
        uint64_t rate;
};

struct st_block_io {
        struct st_optional_u64 weight, leaf_weight;
        struct st_weight_device *weight_devices;
        size_t n_weight_devices;
        struct st_throttle_device *read_bps, *write_bps, *read_iops, *write_iops;
        size_t n_read_bps, n_write_bps, n_read_iops, n_write_iops;
};

struct st_hugepage_limit {
        const char *page_size; /* "2MB", checked: digits and KB, MB or GB */
        uint64_t limit;
};

struct st_net_priority {
        const char *name;
        uint32_t priority;
};

struct st_rdma {
        const char *device;
        struct st_optional_u64 hca_handles, hca_objects;
};

struct st_resources {
        struct st_device_rule *devices;
        size_t n_devices;
        struct st_memory *memory; /* NULL when absent; likewise below */
        struct st_cpu *cpu;
        struct st_optional_i64 pids_limit;
        struct st_block_io *block_io;
        struct st_hugepage_limit *hugepages;
        size_t n_hugepages;
        struct st_optional_u64 net_class_id;
        struct st_net_priority *net_priorities;
        size_t n_net_priorities;
        struct st_rdma *rdma;
        size_t n_rdma;
        struct st_string_pair *unified;
        size_t n_unified;
};

/* Seccomp is kept by name: which names and actions exist is libseccomp's to say
 * (runtime/linux/seccomp.c). */
struct st_seccomp_arg {
        uint32_t index; /* 0..5 */
        uint64_t value, value_two;
        const char *op; /* "SCMP_CMP_EQ" ... */
};

struct st_seccomp_rule {
        char **names; /* NULL-terminated */
        size_t n_names;
        const char *action; /* "SCMP_ACT_ALLOW" ... */
        uint32_t errno_ret;
        bool has_errno_ret;
        struct st_seccomp_arg *args;
        size_t n_args;
};

struct st_seccomp {
        const char *default_action;
        uint32_t default_errno_ret;
        bool has_default_errno_ret;
        char **architectures; /* NULL-terminated, never NULL */
        char **flags;         /* NULL-terminated, never NULL */
        const char *listener_path, *listener_metadata;
        struct st_seccomp_rule *rules;
        size_t n_rules;
};

struct st_rdt {
        const char *clos_id, *l3_cache_schema, *mem_bw_schema;
        char **schemata; /* NULL-terminated, may be NULL */
        bool enable_monitoring;
};

struct st_memory_policy {
        int mode;          /* MPOL_* */
        unsigned flags;    /* MPOL_F_* */
        const char *nodes; /* list such as "0-3,7", checked; NULL when absent */
};

struct st_personality {
        uint32_t domain; /* PER_LINUX or PER_LINUX32 */
};

struct st_linux {
        struct st_namespace namespaces[_ST_NS_MAX];
        struct st_id_mappings uid_mappings, gid_mappings;
        struct st_time_offset monotonic, boottime;
        struct st_device *devices;
        size_t n_devices;
        struct st_net_device *net_devices;
        size_t n_net_devices;
        const char *cgroups_path;
        struct st_resources *resources; /* NULL when absent */
        struct st_rdt *intel_rdt;       /* NULL when absent */
        struct st_memory_policy *memory_policy;
        struct st_personality *personality;
        struct st_string_pair *sysctl;
        size_t n_sysctl;
        struct st_seccomp *seccomp;     /* NULL when absent */
        const char *rootfs_propagation; /* checked: shared, slave, private, unbindable and their r
                                           forms */
        char **masked_paths, **readonly_paths; /* NULL-terminated, never NULL */
        const char *mount_label;
};

struct st_spec {
        struct st_arena *arena;
        const char *oci_version;
        const char *root_path;
        bool root_readonly;
        struct st_process *process; /* NULL when absent: allowed for create, an error at start */
        const char *hostname, *domainname;
        struct st_mount *mounts;
        size_t n_mounts;
        struct st_hooks hooks[_ST_HOOK_MAX];
        struct st_string_pair *annotations;
        size_t n_annotations;
        struct st_linux
                linux_; /* "linux" is a macro of gnu17; absent: all zero, its vectors empty */
};

/* Read a whole config. @name is what errors call it ("config.json").
 * Errors: -EINVAL (kind CONFIG_INVALID, the message holds the JSON path), -E2BIG, -ENOMEM. */
int st_spec_parse(const char *name, const char *text, size_t length, struct st_spec **ret_spec,
                  struct st_error *err) st_must_check;
struct st_spec *st_spec_free(struct st_spec *spec);

/* A process object alone (`exec --process`), and a resources object alone (`update --resources`).
 * Everything lives in @arena. */
int st_process_parse(struct st_arena *arena, const char *name, const char *text, size_t length,
                     struct st_process **ret_process, struct st_error *err) st_must_check;
int st_resources_parse(struct st_arena *arena, const char *name, const char *text, size_t length,
                       struct st_resources **ret_resources, struct st_error *err) st_must_check;

/* The value of an annotation, or NULL. */
const char *st_spec_annotation(const struct st_spec *spec, const char *key);

/* "pid", "network", ... as config.json writes them; and the CLONE_NEW* flag of a kind. */
const char *st_namespace_name(enum st_namespace_kind kind);
const char *st_hook_name(enum st_hook_kind kind);
/* "CAP_CHOWN" (case-insensitive) to its number, or -1; and back, or NULL. */
int st_capability_number(const char *name);
const char *st_capability_name(int number);
int st_rlimit_number(const char *name);
const char *st_rlimit_name(int number); /* NULL: there is none */

/* A CPU or node list ("0-3,7") into a bit mask of @n_words 64-bit words. Errors: -EINVAL, -ERANGE.
 */
int st_parse_cpu_list(const char *text, uint64_t *mask, size_t n_words);

ST_DEFINE_FREEP(struct st_spec, st_spec_free);
