/* runtime/batch/loop.h: one thread's descriptors and deadlines. */
#pragma once
#include <stdint.h>

#include <stint/cleanup.h>
#include <stint/error.h>

struct rt_loop;

/* What waits for a descriptor; embedded in its owner. */
struct rt_source {
        int fd; /* borrowed; -1: not registered */
        void (*ready)(void *data);
        void *data;
};
#define RT_SOURCE_INIT                                                                             \
        { .fd = -1 }

int rt_loop_new(struct rt_loop **ret_loop, struct st_error *err) st_must_check;
struct rt_loop *rt_loop_free(struct rt_loop *loop);
ST_DEFINE_FREEP(struct rt_loop, rt_loop_free);

/* Call source->ready(source->data) when @fd is readable. -EPERM: it is a regular file. */
int rt_loop_add(struct rt_loop *loop, struct rt_source *source, int fd,
                struct st_error *err) st_must_check;
/* Also one that is not in. Before its descriptor is closed: copies of it in other processes would
 * keep it in the queue. */
void rt_loop_remove(struct rt_loop *loop, struct rt_source *source);
/* One descriptor's call, or none when @deadline_nsec (CLOCK_MONOTONIC; UINT64_MAX: none) passes. */
int rt_loop_turn(struct rt_loop *loop, uint64_t deadline_nsec, struct st_error *err) st_must_check;

uint64_t rt_monotonic_nsec(void);
uint64_t rt_realtime_nsec(void);
