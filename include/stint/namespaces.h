/* include/stint/namespaces.h: which namespaces are new, joined or inherited, as flags and
 * descriptors. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include <stint/error.h>
#include <stint/spec.h>

struct rt_namespaces {
        uint64_t clone_flags; /* CLONE_NEW* for clone3; never NEWCGROUP or NEWTIME, which are
                                 unshared */
        bool new_cgroup, new_time;
        int join_fds[_ST_NS_MAX]; /* -1: not joined; checked to be a namespace of that kind */
};

/* Parent. Errors name linux.namespaces and the path. */
int rt_namespaces_open(const struct st_namespace wanted[_ST_NS_MAX], struct rt_namespaces *ret,
                       struct st_error *err) st_must_check;
void rt_namespaces_deinit(struct rt_namespaces *namespaces);
bool rt_namespaces_joins(const struct rt_namespaces *namespaces, enum st_namespace_kind kind);
int rt_namespace_flag(enum st_namespace_kind kind); /* CLONE_NEW* */

/* Child. Join those of @kinds (a mask of 1 << kind) in an order that keeps the rights needed for
 * the next. */
int rt_namespaces_join(const struct rt_namespaces *namespaces, unsigned kinds,
                       struct st_error *err);
/* Unshare the time namespace and write its offsets; children are in it, the caller is not
 * (time_namespaces(7)). */
int rt_time_namespace_make(const struct st_time_offset *monotonic,
                           const struct st_time_offset *boottime, struct st_error *err);
