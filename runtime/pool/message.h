/* runtime/pool/message.h: what a keeper and the first process of a slot say to each other.
 *
 * One SOCK_SEQPACKET pair, the handshake's: types from 256 on are the pool's. Both ends are ours,
 * but the slot's lives where tasks live, so each reads the other's messages as strangers'. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <stint/pool.h>

enum rt_pool_message {
        RT_POOL_READY = 256, /* slot -> keeper: parked; again after a reset */
        RT_POOL_DISPATCH,    /* keeper -> slot: struct rt_dispatch_header and what follows it */
        RT_POOL_ENDED,       /* slot -> keeper: struct rt_pool_ended_message */
        RT_POOL_SIGNAL,      /* keeper -> slot: struct rt_pool_order */
        RT_POOL_KILL,        /* keeper -> slot: every process but the slot's own */
        RT_POOL_DAMAGED,     /* slot -> keeper: a handshake message: it cannot be parked again */
};

struct rt_pool_order {
        uint32_t type;
        int32_t signal;
};

/* How the task ended: wait4(2)'s words. */
struct rt_pool_ended_message {
        uint32_t type;
        int32_t status;
        uint64_t started_nsec, exited_nsec;
        uint64_t user_nsec, system_nsec, max_rss_kib;
        uint32_t executed; /* 0: it never was: @error */
        struct st_error error;
};

/* ---- dispatch ---- */

enum {
        RT_DISPATCH_INLINE_MAX = 32 * 1024, /* larger ones come in a memfd, a fourth descriptor */
        RT_DISPATCH_MAX = 8 << 20,          /* execve(2) takes 6 MiB at most */
        RT_DISPATCH_GROUPS_MAX = 65536,     /* NGROUPS_MAX */
        RT_DISPATCH_RLIMITS_MAX = 64,
};

/* Behind it, without gaps: rlimits, groups, then NUL-terminated strings: id, cwd, hostname, args,
 * env. */
struct rt_dispatch_header {
        uint32_t type;
        uint32_t size; /* of all of it; the message is only the header when it is in a memfd */
        uint32_t in_memfd;
        uint32_t n_args, n_env, n_groups, n_rlimits;
        uint32_t uid, gid, umask, has_umask;
        uint32_t home; /* 1 + the index in env of a HOME= with room behind it, or 0 */
};

struct rt_dispatch_rlimit {
        uint64_t soft, hard;
        uint32_t resource, unused;
};

/* A dispatch as the child uses it: pointers into the region. */
struct rt_dispatch {
        const char *id, *cwd, *hostname; /* hostname: "" means the slot's */
        char **argv, **envp;
        char *home; /* room behind HOME=, or NULL */
        struct st_user user;
        struct st_rlimit *rlimits;
        size_t n_rlimits;
};

/* @process gives what @task leaves out. @name names the task's session keyring: nobody else's. The
 * caller frees *ret_message. Errors: -E2BIG, -EINVAL, -ENOMEM. */
int rt_dispatch_encode(const struct rt_slot_task *task, const struct st_process *process,
                       const char *name, char **ret_message, size_t *ret_size,
                       struct st_error *err) st_must_check;
/* How much room decode needs behind @size bytes, for pointers. */
size_t rt_dispatch_room(const struct rt_dispatch_header *header);
/* @region: @size bytes of message and room behind them; 8-byte aligned. Async-signal-safe.
 * -EPROTO: it is not one. */
int rt_dispatch_decode(void *region, size_t size, size_t room, struct rt_dispatch *ret_dispatch);
