/* include/stint/process.h: what `process` asks of the process itself, applied by the child on its way to execve.
 *
 * All are async-signal-safe (no allocation, raw system calls) and act on the calling process. @proc_fd is a procfs
 * that is ours: never a path in the container (CVE-2019-16884, CVE-2025-52881); opened with rt_proc_open(). */
#pragma once
#include <stint/error.h>
#include <stint/spec.h>
#include <stdint.h>

/* A detached procfs of the caller's pid namespace with subset=pid where the kernel has it (fsopen), else the host's
 * /proc verified by fstatfs. O_PATH. Negative errno. */
int rt_proc_open(void);

int rt_rlimits_apply(const struct st_process *process, struct st_error *err);
int rt_scheduler_apply(const struct st_scheduler *scheduler, struct st_error *err);
int rt_io_priority_apply(const struct st_io_priority *priority, struct st_error *err);
/* @field names the list in errors. */
int rt_affinity_apply(const char *cpu_list, const char *field, struct st_error *err);
int rt_memory_policy_apply(const struct st_memory_policy *policy, struct st_error *err);
int rt_personality_apply(const struct st_personality *personality, struct st_error *err);
int rt_oom_score_adj_apply(int proc_fd, int value, struct st_error *err);
/* A fresh session keyring named "_ses.<id>", labelled when an SELinux label is set. -ENOSYS from the kernel is no error. */
int rt_keyring_join(int proc_fd, const char *id, const char *selinux_label, struct st_error *err);

/* LSM labels for the next execve, written to <proc>/self/attr (apparmor/exec, exec). */
int rt_lsm_apply(int proc_fd, const char *apparmor_profile, const char *selinux_label, struct st_error *err);
bool rt_apparmor_enabled(void);
bool rt_selinux_enabled(void);

/* Bounding set first, while CAP_SETPCAP is there; then uid, gid, groups with keepcaps; then the other four sets.
 * @last_cap from rt_caps_last(), read by the parent. An ambient capability that the kernel refuses is an error. */
int rt_caps_last(void);
int rt_caps_drop_bounding(const struct st_capabilities *caps, int last_cap, struct st_error *err);
int rt_caps_apply(const struct st_capabilities *caps, int last_cap, struct st_error *err);
/* setgroups, setresgid, setresuid. @keep_groups: rootless without a map of groups (setgroups is denied). */
int rt_user_apply(const struct st_user *user, bool keep_groups, struct st_error *err);

/* linux.sysctl: names checked against the namespaces that are new (parent), then written below <proc>/sys (child). */
int rt_sysctl_check(const struct st_spec *spec, struct st_error *err);
int rt_sysctl_apply(int proc_fd, const struct st_string_pair *sysctl, size_t n, struct st_error *err);
