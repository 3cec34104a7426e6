/* include/stint/cleanup.h: release on scope exit, and handing ownership over. Cleanup never changes
 * errno. */
#pragma once
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define st_cleanup(fn) __attribute__((cleanup(fn)))
#define st_autofree st_cleanup(st_freep_)
#define st_autoclose st_cleanup(st_closep_)
#define st_autofclose st_cleanup(st_fclosep_)
#define st_autoclosedir st_cleanup(st_closedirp_)

/* Define TYPE's FREE-p for st_cleanup(): destructors accept NULL. */
#define ST_DEFINE_FREEP(type, free_fn)                                                             \
        static inline void free_fn##p(type **p) {                                                  \
                int saved_errno_ = errno;                                                          \
                if (*p)                                                                            \
                        free_fn(*p);                                                               \
                errno = saved_errno_;                                                              \
        }                                                                                          \
        struct st_need_semicolon_

/* Give a pointer away: the variable becomes NULL. */
#define st_take(p)                                                                                 \
        ({                                                                                         \
                __typeof__(p) taken_ = (p);                                                        \
                (p) = NULL;                                                                        \
                taken_;                                                                            \
        })
/* Give a descriptor away: the variable becomes -1. */
#define st_take_fd(fd)                                                                             \
        ({                                                                                         \
                int taken_fd_ = (fd);                                                              \
                (fd) = -1;                                                                         \
                taken_fd_;                                                                         \
        })

static inline void st_freep_(void *p) {
        int saved_errno = errno;
        free(*(void **)p);
        errno = saved_errno;
}

/* Close unless -1 and return -1, so that `fd = st_close(fd)` leaves no stale number. */
static inline int st_close(int fd) {
        int saved_errno = errno;
        if (fd >= 0)
                (void)close(fd); /* on Linux the number is free even when close() fails */
        errno = saved_errno;
        return -1;
}

static inline void st_closep_(int *fd) {
        *fd = st_close(*fd);
}

static inline void st_fclosep_(FILE **f) {
        int saved_errno = errno;
        if (*f)
                (void)fclose(*f); /* who writes through a FILE flushes and checks before this */
        errno = saved_errno;
}

static inline void st_closedirp_(DIR **d) {
        int saved_errno = errno;
        if (*d)
                (void)closedir(*d);
        errno = saved_errno;
}
