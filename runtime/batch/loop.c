/* One event at a time: a callback may free any source but those of the kernel's queue, which is
 * asked again. */
#include "loop.h"

#include <sys/epoll.h>
#include <time.h>

struct rt_loop {
        int epoll_fd;
};

enum { NSEC_PER_MSEC = 1000000 };
#define LONGEST_NSEC ((uint64_t)3600 * 1000 * NSEC_PER_MSEC)

static uint64_t now_nsec(clockid_t clock) {
        struct timespec now;

        (void)clock_gettime(clock, &now); /* both clocks are always there */
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t rt_monotonic_nsec(void) {
        return now_nsec(CLOCK_MONOTONIC);
}

uint64_t rt_realtime_nsec(void) {
        return now_nsec(CLOCK_REALTIME);
}

int rt_loop_new(struct rt_loop **ret_loop, struct st_error *err) {
        st_cleanup(rt_loop_freep) struct rt_loop *loop = calloc(1, sizeof *loop);

        if (!loop)
                return st_error_set(err, -ENOMEM, "make a loop");
        loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (loop->epoll_fd < 0)
                return st_error_sys(err, "make a loop");
        *ret_loop = st_take(loop);
        return 0;
}

struct rt_loop *rt_loop_free(struct rt_loop *loop) {
        if (!loop)
                return NULL;
        (void)st_close(loop->epoll_fd);
        free(loop);
        return NULL;
}

int rt_loop_add(struct rt_loop *loop, struct rt_source *source, int fd, struct st_error *err) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

        if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
                return st_error_sys(err, "wait for descriptor %d", fd);
        source->fd = fd;
        return 0;
}

void rt_loop_remove(struct rt_loop *loop, struct rt_source *source) {
        if (source->fd >= 0)
                (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
        source->fd = -1;
}

/* Rounded up, so that a deadline has passed when the wait ends. */
static int msec_until(uint64_t deadline_nsec) {
        uint64_t now = rt_monotonic_nsec(), left;

        if (deadline_nsec == UINT64_MAX)
                return -1;
        left = deadline_nsec > now ? deadline_nsec - now : 0;
        if (left > LONGEST_NSEC)
                left = LONGEST_NSEC;
        return (int)((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC);
}

int rt_loop_turn(struct rt_loop *loop, uint64_t deadline_nsec, struct st_error *err) {
        struct epoll_event event;
        int n = epoll_wait(loop->epoll_fd, &event, 1, msec_until(deadline_nsec));

        if (n < 0)
                return errno == EINTR ? 0 : st_error_sys(err, "wait for tasks");
        if (n > 0) {
                const struct rt_source *source = event.data.ptr;
                source->ready(source->data);
        }
        return 0;
}
