/* runtime/batch/dry_run.h: --dry-run. */
#pragma once
#include "state.h"

/* Print the tasks in the order in which they would start, one at a time. */
int rt_dry_run(struct rt_batch *batch, struct st_error *err) st_must_check;
