/* include/stint/seccomp.h: linux.seccomp to a filter, compiled once and kept by content. */
#pragma once
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stint/error.h>
#include <stint/spec.h>

struct rt_seccomp {
        struct sock_filter *code; /* owned; may be a mapped cache file */
        size_t n_code;
        unsigned flags; /* SECCOMP_FILTER_FLAG_* for seccomp(2) */
        bool notify;    /* some rule answers SCMP_ACT_NOTIFY: load with a listener */
        void *mapping;  /* private: what code lives in */
        size_t mapping_size;
};

/**
 * @cache_dir_fd  a directory that only we write (below the state root), or -1: no cache. An entry
 * holds the whole key beside the code, so it is compared byte for byte and no hash has to be
 * trusted. A miss compiles and stores. Names that neither libseccomp nor this build knows are
 * skipped, as the spec wants. As in runc, calls above the highest number that the profile mentions
 * for an architecture get ENOSYS, unless the default action lets calls through (ALLOW, LOG, TRACE).
 * A damaged entry is a miss. Errors:
 * -EINVAL (action, operator, architecture or flag unknown: names the JSON path), -ENOMEM,
 * -EOPNOTSUPP (flag the kernel lacks).
 */
int rt_seccomp_prepare(const struct st_seccomp *spec, int cache_dir_fd,
                       struct rt_seccomp **ret_filter, struct st_error *err) st_must_check;
struct rt_seccomp *rt_seccomp_free(struct rt_seccomp *filter);
/* What the filter answers (SECCOMP_RET_*, with data) to a call: its code run here, not in the
 * kernel. */
uint32_t rt_seccomp_evaluate(const struct rt_seccomp *filter, const struct seccomp_data *data);
/* In the child, async-signal-safe. Needs no_new_privs or CAP_SYS_ADMIN. Returns 0, or the
 * listener's descriptor when filter->notify. */
int rt_seccomp_load(const struct rt_seccomp *filter, struct st_error *err) st_must_check;
/* In the child: connect to linux.seccomp.listenerPath (bound before the pivot: @socket_fd is a
 * connected socket), send the container process state JSON @state with @listener_fd attached (spec,
 * "The Container Process State"). */
int rt_seccomp_send_listener(int socket_fd, int listener_fd, const char *state, size_t length,
                             struct st_error *err) st_must_check;
/* The "linux.seccomp" object of `features`. */
void rt_seccomp_write_features(struct st_json_writer *w, const char *key);

ST_DEFINE_FREEP(struct rt_seccomp, rt_seccomp_free);
