/* swrk.h: one run of `criu swrk` and the conversation with it.
 *
 * criu gets one end of a SOCK_SEQPACKET pair as descriptor 3. It answers a request with one
 * message; before that it may ask us things (notifications), and goes on when it has the answer.
 *
 * criu finds the directories of a request below /proc/<pid>/fd of whoever made the pair, and mounts
 * in the work directory; so they have to be in its mount namespace. The pair is made in criu's own
 * process therefore, and numbers of descriptors mean criu's. */
#pragma once
#include "criu.pb-c.h"

#include <stdbool.h>
#include <sys/types.h>

#include <stint/error.h>

enum { SWRK_FIRST_FD = 4 }; /* where the descriptors begin that criu gets from us */

struct swrk {
        const char *program; /* borrowed */
        const char *log;     /* of criu, borrowed; NULL: it writes none */
        int fd;              /* -1: the conversation is over */
        pid_t pid;           /* 0: reaped */
        bool gave_up;        /* a listener failed: criu undoes what it did */
};
#define SWRK_INIT(criu)                                                                            \
        { .program = (criu), .fd = -1 }

/* @before runs in criu's process before criu does; NULL: nothing. */
struct swrk_start {
        const int *fds;
        size_t n_fds;
        int (*before)(void *data, struct st_error *err);
        void *data;
        bool keep_stdio; /* it gets our 0, 1 and 2, to give them to what it restores; else /dev/null
                          */
};
int swrk_begin(struct swrk *swrk, const struct swrk_start *start,
               struct st_error *err) st_must_check;

/* What criu asks. @fd came with it, -1: none; borrowed. An error makes criu give up. */
struct swrk_listener {
        int (*hear)(void *data, const CriuNotify *notify, int fd, struct st_error *err);
        void *data;
};
/* Ask and wait for the answer. @listener may be NULL; @ret_answer as well, else it is freed with
 * swrk_free_answer(). Errors: kind CRIU, with the last words of criu's log. */
int swrk_ask(struct swrk *swrk, const CriuReq *question, const struct swrk_listener *listener,
             CriuResp **ret_answer, struct st_error *err) st_must_check;
CriuResp *swrk_free_answer(CriuResp *answer);

/* Hang up and reap criu. @ret_status: of waitpid(2), may be NULL. Nothing to do twice. */
void swrk_end(struct swrk *swrk, int *ret_status);

/* ---- questions that have a run of their own ---- */
/* As old as @minimum (31600 is 3.16) at least. */
int swrk_check_version(const char *program, int minimum, struct st_error *err) st_must_check;
/* Has what pre-dumps, and what lazy pages, need. */
int swrk_check_features(const char *program, bool mem_track, bool lazy_pages,
                        struct st_error *err) st_must_check;
