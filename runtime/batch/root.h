/* runtime/batch/root.h: the writable root of one task: an overlay over the bundle's root, whose
 * upper directory is in memory (charged to who writes) or in a scratch directory.
 *
 * Mounted in the batch's own mount namespace: whatever kills the batch, no mount is left. */
#pragma once
#include <stdint.h>

#include <stint/cleanup.h>
#include <stint/error.h>

struct rt_root;

struct rt_root_options {
        const char *lower;       /* the bundle's root, absolute */
        const char *dir;         /* a directory of ours: one below it is made for each root */
        const char *scratch_dir; /* NULL: memory */
        uint64_t bytes;          /* 0: the kernel's default for tmpfs */
        const char *name;
};
int rt_root_mount(const struct rt_root_options *options, struct rt_root **ret_root,
                  struct st_error *err) st_must_check;
const char *rt_root_path(const struct rt_root *root);
/* Unmount, and remove what was written. Errors have nobody to care: the namespace goes as well. */
struct rt_root *rt_root_free(struct rt_root *root);
ST_DEFINE_FREEP(struct rt_root, rt_root_free);
