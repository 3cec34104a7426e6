/* runtime/batch/config.h: a config.json with some of its members replaced. Applied twice: to the
 * bundle's with what holds for the whole batch, and to the result with what is one task's. */
#pragma once
#include "cdi.h"

#include <stint/json.h>
#include <stint/placement.h>

enum rt_batch_network { RT_NETWORK_AS_CONFIGURED, RT_NETWORK_HOST, RT_NETWORK_NONE };

struct rt_bind {
        const char *source, *destination;
        bool readonly;
};

struct rt_config_edit { /* NULL, 0: as it is */
        char *const *args;
        char *const *env; /* NAME=VALUE, added or replaced */
        const char *cwd;
        bool has_user;
        uint32_t uid, gid;
        const char *root_path;
        const struct rt_bind *binds;
        size_t n_binds;
        enum rt_batch_network network;
        bool drop_user_namespace; /* the batch has made it */
        const char *cgroups_path;
        int64_t memory_bytes;
        uint64_t cpu_milli;
        const char *cpus; /* cpuset */
        bool best_effort;
        const struct rt_cdi_edits *devices;
};

/* The text is the caller's to free. Errors: -ENOMEM. */
int rt_config_render(const struct st_json *config, const struct rt_config_edit *edit,
                     char **ret_text, size_t *ret_length, struct st_error *err) st_must_check;

/* process.env of @config with @env added: NULL-terminated, in @arena; NULL when memory is out. */
char **rt_config_merge_env(struct st_arena *arena, const struct st_json *config, char *const *env);
/* "SRC[:DST[:ro]]" into @ret; the strings live in @arena. Errors: -EINVAL. */
int rt_bind_parse(struct st_arena *arena, const char *text, struct rt_bind *ret,
                  struct st_error *err) st_must_check;
