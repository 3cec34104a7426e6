/* runtime/batch/syncer.h: a process that waits for the disk (fdatasync(2)), so that nobody else
 * does. It ends with its maker. */
#pragma once
#include "loop.h"

#include <stdbool.h>
#include <stddef.h>

struct rt_syncer;

enum { SYNCER_FDS_MAX = 4 };
int rt_syncer_new(struct rt_loop *loop, const int *fds, size_t n_fds, struct rt_syncer **ret_syncer,
                  struct st_error *err) st_must_check;
/* Everything is synced once more, and the process has ended. */
struct rt_syncer *rt_syncer_free(struct rt_syncer *syncer);
/* Sync all descriptors, some time soon. false: it is at it still. */
bool rt_syncer_request(struct rt_syncer *syncer);
