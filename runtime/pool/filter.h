/* runtime/pool/filter.h: whether a seccomp filter may be loaded before its slot is parked. */
#pragma once
#include <stdbool.h>

#include <stint/seccomp.h>

struct rt_filter_needs {
        bool no_init;   /* the slot's first process executes the task itself */
        bool reuse;     /* it runs several */
        bool keyring;   /* it joins a session keyring for each */
        bool new_privs; /* no_new_privs is not set: rights are regained */
};

/* Whether every call that a parked process makes from there on is allowed, whatever its arguments
 * where they are not ours to know, and nobody is to be asked or told about any call (NOTIFY, TRACE,
 * LOG). The filter's code is run here, on all its paths. */
bool rt_filter_allows_dispatch(const struct rt_seccomp *filter,
                               const struct rt_filter_needs *needs);
/* One call of this machine's own architecture; @args: six, or NULL: any. */
bool rt_filter_allows(const struct rt_seccomp *filter, int nr, const uint64_t *args);
