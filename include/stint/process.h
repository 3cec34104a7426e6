/* include/stint/process.h: what `process` asks of the process itself, applied by the child on its
 * way to execve.
 *
 * All are async-signal-safe (no allocation, raw system calls) and act on the calling process.
 * @proc_fd is a procfs that is ours: never a path in the container (CVE-2019-16884,
 * CVE-2025-52881); opened with rt_proc_open(). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include <stint/error.h>
#include <stint/spec.h>

/* A detached procfs of the caller's pid namespace with subset=pid where the kernel has it (fsopen),
 * else the host's /proc verified by fstatfs. O_PATH-like: a directory. Negative errno. subset=pid
 * shows processes only; rt_sysctl_apply() needs rt_proc_open_whole(), or the descriptor of a procfs
 * that was just made for the container (fsmount) and is not attached yet. */
int rt_proc_open(void);
int rt_proc_open_whole(void);

int rt_rlimits_apply(const struct st_process *process, struct st_error *err);
int rt_scheduler_apply(const struct st_scheduler *scheduler, struct st_error *err);
int rt_io_priority_apply(const struct st_io_priority *priority, struct st_error *err);
/* @field names the list in errors. */
int rt_affinity_apply(const char *cpu_list, const char *field, struct st_error *err);
int rt_memory_policy_apply(const struct st_memory_policy *policy, struct st_error *err);
int rt_personality_apply(const struct st_personality *personality, struct st_error *err);
int rt_oom_score_adj_apply(int proc_fd, int value, struct st_error *err);
/* A fresh session keyring named "_ses.<id>", labelled when an SELinux label is set. -ENOSYS from
 * the kernel is no error. */
int rt_keyring_join(int proc_fd, const char *id, const char *selinux_label, struct st_error *err);

/* In the parent: a label for a module that is not enabled is an error that names the field. "" asks
 * for nothing. */
int rt_lsm_check(const struct st_process *process, struct st_error *err);
/* LSM labels for the next execve, written to <proc>/thread-self/attr (apparmor/exec, exec). */
int rt_lsm_apply(int proc_fd, const char *apparmor_profile, const char *selinux_label,
                 struct st_error *err);
bool rt_apparmor_enabled(void);
bool rt_selinux_enabled(void);

/* Bounding set first, while CAP_SETPCAP is there; then user and groups; then the other four sets.
 * Absent capabilities (caps->present false) are empty sets, as in runc. @last_cap is
 * rt_caps_last(), which any process may ask (two system calls). */
int rt_caps_last(void);
int rt_caps_drop_bounding(const struct st_capabilities *caps, int last_cap, struct st_error *err);
int rt_caps_apply(const struct st_capabilities *caps, int last_cap, struct st_error *err);
/* Ambient capabilities that the kernel cannot raise, since they are not permitted and inheritable
 * too. They are left out, as runc does (`runc spec` of 1.1 writes such a config); the parent may
 * warn. Any other that the kernel refuses is an error. */
uint64_t rt_caps_unraisable(const struct st_capabilities *caps);
/* PR_SET_KEEPCAPS (for a uid other than 0; execve clears it), setgroups, setresgid, setresuid. The
 * umask is the caller's.
 * @keep_groups: rootless without a map of groups (setgroups is denied). */
int rt_user_apply(const struct st_user *user, bool keep_groups, struct st_error *err);

/* linux.sysctl: names checked against the namespaces that are new (parent), then written below
 * <proc>/sys (child). */
int rt_sysctl_check(const struct st_spec *spec, struct st_error *err);
int rt_sysctl_apply(int proc_fd, const struct st_string_pair *sysctl, size_t n,
                    struct st_error *err);
