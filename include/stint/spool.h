/* include/stint/spool.h: a file of lines that is written while tasks run and must not lose one.
 *
 * Space is reserved before a line can become necessary, so that a full disk refuses a start and
 * never an exit. A line is durable against the death of any process when rt_spool_append() has
 * returned. Against power loss it is so after fdatasync(2) by whoever holds the descriptor. One
 * process writes to a file at a time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stint/cleanup.h>
#include <stint/error.h>

struct rt_spool;

enum rt_spool_mode { RT_SPOOL_NEW, RT_SPOOL_CONTINUE };

/**
 * NEW: a file that exists and is not empty is an error (-EEXIST). CONTINUE: what it has stays, but
 * for what follows its last whole line, which a crash left.
 * Errors: -EBUSY another process writes to it; what open(2) gives.
 */
int rt_spool_open(const char *path, enum rt_spool_mode mode, struct rt_spool **ret_spool,
                  struct st_error *err) st_must_check;
/* Gives back the space that was reserved, and closes. */
struct rt_spool *rt_spool_free(struct rt_spool *spool);
ST_DEFINE_FREEP(struct rt_spool, rt_spool_free);

/* Borrowed, for fdatasync(2). */
int rt_spool_fd(const struct rt_spool *spool);
/* The whole lines that are there, for who continues; the caller frees them. */
int rt_spool_read(const struct rt_spool *spool, char **ret_text, size_t *ret_length,
                  struct st_error *err) st_must_check;

/* Promise room for @bytes more. -ENOSPC, -EDQUOT: there is none, and nothing is promised. */
int rt_spool_reserve(struct rt_spool *spool, size_t bytes, struct st_error *err) st_must_check;
/* A promise that is not needed any more, or is about to be used by rt_spool_append(). */
void rt_spool_release(struct rt_spool *spool, size_t bytes);
/* Append @line, which ends with a newline. */
int rt_spool_append(struct rt_spool *spool, const char *line, size_t length,
                    struct st_error *err) st_must_check;
