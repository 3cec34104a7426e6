/* include/stint/mounts.h: the container's mount tree: a plan made by the parent, carried out by the
 * child.
 *
 * All functions marked "child" are async-signal-safe: no allocation, raw system calls, everything
 * they need is in the plan. They act in a new (or joined) mount namespace. Targets are resolved
 * below a descriptor of the root and mounts are attached by descriptor (fsopen, open_tree,
 * move_mount: Linux 5.2; mount_setattr: 5.12, with a remount through procfs where it is missing).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include <stint/arena.h>
#include <stint/error.h>
#include <stint/spec.h>

/* ---- options ---- */
/* Every option name that rt_mount_options_parse() knows by itself, NULL-terminated: for `features`.
 */
extern const char *const rt_mount_option_names[];

struct rt_mount_options {
        uint64_t attr_set, attr_clear;         /* MOUNT_ATTR_* of this mount */
        uint64_t attr_set_rec, attr_clear_rec; /* likewise with AT_RECURSIVE ("rro", "rnosuid") */
        uint64_t propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE or 0 */
        bool propagation_rec;
        bool bind, rbind;
        bool remount;
        bool tmpcopyup;
        bool idmap, ridmap;
        bool source_nofollow;
        const char **data; /* what is left, for the file system: "size=64k", "newinstance" */
        size_t n_data;
};
/* Errors: -EINVAL when two options contradict each other in a way that the kernel would not report.
 */
int rt_mount_options_parse(struct st_arena *arena, const struct st_mount *mount,
                           struct rt_mount_options *ret, struct st_error *err) st_must_check;

/* ---- the plan ---- */
enum rt_mount_kind { RT_MOUNT_FS, RT_MOUNT_BIND, RT_MOUNT_CGROUP };

struct rt_cgroup_view {   /* one entry below a "cgroup" mount of v1 or hybrid */
        const char *name; /* directory name: "cpu,cpuacct", "unified" */
        const char *leaf; /* absolute host path of the container's leaf */
};

struct rt_mount_step {
        const struct st_mount *spec;
        struct rt_mount_options options;
        enum rt_mount_kind kind;
        const char *fs;     /* type for fsopen */
        const char *source; /* of a bind: absolute (a relative one is below the bundle) */
        int source_fd; /* a detached tree that the parent cloned, idmapped when asked; -1: the child
                          opens the source */
};

struct rt_mount_plan {
        struct rt_mount_step *steps;
        size_t n_steps;
        const struct rt_cgroup_view
                *cgroup_views; /* v1 and hybrid; none: cgroup2 alone, or no cgroup at all */
        size_t n_cgroup_views;
        const char *cgroup2_leaf; /* v2: host path of the leaf, which is bound; NULL: a new cgroup2
                                     mount */
        const char *mount_label;
        int proc_fd; /* set by rt_mounts_apply(): the procfs on /proc; -1: none */
};

/* Parent. Clones the trees that only the parent may clone (@open_sources: there is a new user
 * namespace and we are privileged) and those of idmapped mounts, whose mapping needs privilege over
 * the file system (Linux 5.12). */
int rt_mount_plan_make(struct st_arena *arena, const struct st_spec *spec, const char *bundle,
                       bool open_sources, struct rt_mount_plan *ret_plan,
                       struct st_error *err) st_must_check;
void rt_mount_plan_deinit(struct rt_mount_plan *plan);

/* ---- child ---- */
/* Carry out steps [first, end). */
int rt_mounts_apply(struct rt_mount_plan *plan, size_t first, size_t end, int root_fd,
                    struct st_error *err);

struct rt_rootfs {
        const char *path;     /* absolute */
        int tree_fd;          /* a detached tree from the parent; -1: the child clones the path */
        uint64_t propagation; /* linux.rootfsPropagation as MS_*, 0 when absent */
        bool propagation_rec;
        const char *parent_mount; /* "shared" only: the shared mount that holds path; NULL: it is
                                     not shared */
        bool readonly, no_pivot;
        uint64_t upper_bytes; /* not 0: an overlay on it, with its upper on a tmpfs of this size */
};
/* "shared", "rslave", ... to MS_* and recursion. Checked by the parser already. */
void rt_rootfs_propagation(const char *text, uint64_t *ret_flags, bool *ret_rec);
/* Make the namespace's mounts slaves (or as wanted), attach the root as a mount of its own. Returns
 * its descriptor. */
int rt_rootfs_attach(const struct rt_rootfs *rootfs, struct st_error *err);
/* Cover @lower_fd, which is attached in this namespace, with an overlay whose upper and work
 * directories are on a tmpfs of their own: writes take memory of the caller's cgroup and go with
 * the last process of the namespace. Returns the overlay's descriptor. */
int rt_overlay_attach(int lower_fd, uint64_t upper_bytes, struct st_error *err);
/* Make @root_fd the root and let go of the old one. */
int rt_rootfs_enter(const struct rt_rootfs *rootfs, int root_fd, struct st_error *err);
/* The last touches, after everything that writes into the root: propagation, read-only. */
int rt_rootfs_seal(const struct rt_rootfs *rootfs, int root_fd, struct st_error *err);

/* maskedPaths and readonlyPaths. @null_fd: the host's /dev/null, opened and verified before the
 * pivot (CVE-2025-31133: the container's may be a symlink). */
int rt_masks_apply(char *const *masked, char *const *readonly, int root_fd, int proc_fd,
                   int null_fd, struct st_error *err);
/* Open /dev/null and make sure that it is one. Negative errno with a message on failure. */
int rt_null_open(struct st_error *err);

/* /dev: default nodes, linux.devices, the usual symlinks. @bind: nodes cannot be made (user
 * namespace): bind the host's, or
 * @tree_fds[i] where that is not -1 (NULL: none). */
int rt_devices_make(const struct st_device *devices, size_t n, int root_fd, bool bind,
                    const int *tree_fds, struct st_error *err);
/* Make the mount on /dev read-only, not what is mounted below it. A /dev that is part of the root
 * is left to the root's own state. */
int rt_devices_seal(int root_fd, struct st_error *err);
/* In the parent, who has the right to: mounts of nodes for those of linux.devices that the host's
 * /dev has not, for a container in a user namespace. @fds: n_devices, -1 where the host has it; the
 * caller closes them, also after an error. */
int rt_device_nodes_make(const struct st_linux *lin, int *fds, struct st_error *err) st_must_check;
