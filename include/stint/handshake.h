/* include/stint/handshake.h: the messages between a runtime and the child that becomes the
 * task.
 *
 * One SOCK_SEQPACKET pair, close-on-exec at both ends: so "end of file without an error" is "execve
 * happened". */
#pragma once
#include <stdint.h>

#include <stint/error.h>

enum rt_message_type {
        RT_MSG_GO = 1,   /* parent -> child: continue from where you wait */
        RT_MSG_AT_HOOKS, /* child -> parent: namespaces and mounts are there, not yet entered; waits
                            for GO */
        RT_MSG_AT_LIMITS, /* child -> parent: prepared; the parent writes the limits; waits for GO
                           */
        RT_MSG_PARKED,    /* child -> parent: prepared; waits for GO, then for a start */
        RT_MSG_START,     /* starter -> child */
        RT_MSG_FAILED,    /* child -> parent or starter: error holds the reason; it exits now */
};

struct rt_message {
        uint32_t type;
        struct st_error error;
};

int rt_handshake_pair(int *ret_parent_fd, int *ret_child_fd, struct st_error *err) st_must_check;
/* Async-signal-safe; no SIGPIPE. Negative errno. */
int rt_handshake_send(int fd, enum rt_message_type type, const struct st_error *error);
/* 1: a message; 0: end of file; negative errno (-EAGAIN on a non-blocking descriptor). */
int rt_handshake_receive(int fd, struct rt_message *ret_message);
