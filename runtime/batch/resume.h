/* runtime/batch/resume.h: going on after a run that was broken off. */
#pragma once
#include "state.h"

/* End and remove the containers and cgroups of dead runs. */
int rt_resume_clean(struct rt_batch *batch, const struct rt_history *history,
                    struct st_error *err) st_must_check;
/* Write a record, `lost`, for each start that has none. */
int rt_resume_close(struct rt_batch *batch, const struct rt_history *history,
                    struct st_error *err) st_must_check;
/* Tell the graph what has ended, and how often what has not was tried. */
int rt_resume_remember(struct rt_batch *batch, const struct rt_history *history,
                       struct st_error *err) st_must_check;
/* Remove the cgroup that holds those of the run @name. */
void rt_resume_remove_cgroup(struct rt_batch *batch, const char *name);
