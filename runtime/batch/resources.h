/* runtime/batch/resources.h: counted resources ("gpu=4"): which instances are whose. */
#pragma once
#include "task.h"

#include <stint/exit_record.h>

struct rt_resources;

/* @texts: "NAME=COUNT"; NULL-terminated. Errors: -EINVAL. */
int rt_resources_new(const char *const *texts, struct rt_resources **ret_resources,
                     struct st_error *err) st_must_check;
struct rt_resources *rt_resources_free(struct rt_resources *resources);
ST_DEFINE_FREEP(struct rt_resources, rt_resources_free);

/* "NAME=COUNT" of a task, in @arena. */
int rt_need_parse(struct st_arena *arena, const char *text, struct rt_need *ret,
                  struct st_error *err) st_must_check;

struct rt_assignment { /* one task's, freed by rt_resources_give_back() */
        struct rt_record_resource *items;
        size_t n_items;
};
/**
 * Assign all that @needs wants, or nothing.
 * Returns 1 when it is assigned, 0: not now. Errors: -ENOENT, -ENOSPC: never; the message says why.
 */
int rt_resources_take(struct rt_resources *resources, const struct rt_need *needs, size_t n_needs,
                      struct rt_assignment *ret_assignment, struct st_error *err) st_must_check;
void rt_resources_give_back(struct rt_resources *resources, struct rt_assignment *assignment);
/* "STINT_RESOURCE_GPU=0,2" of an item, in @arena; NULL when memory is out. */
char *rt_resource_variable(struct st_arena *arena, const struct rt_record_resource *item);
