/* runtime/batch/setup.h: from options to what the batch works with. */
#pragma once
#include "state.h"

/* The batch's config.json, the environment, the defaults of tasks, the template. */
int rt_setup_tasks(struct rt_batch *batch, struct st_error *err) st_must_check;
/* A place of our own for roots; nobody else sees what is mounted there. */
int rt_setup_root_dir(struct rt_batch *batch, struct st_error *err) st_must_check;
/* The number of slots. */
int rt_setup_slots(struct rt_batch *batch, struct st_error *err) st_must_check;
