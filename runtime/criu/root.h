/* root.h: the root that criu builds the container's mounts on. */
#pragma once
#include <stint/arena.h>
#include <stint/error.h>
#include <stint/spec.h>

struct root {
        const char *path;        /* of the config */
        const char *mount_point; /* an empty directory: criu wants a mount of its own, with nothing
                                    over its parent */
        const char *bundle;
        const struct st_spec *spec;
        struct st_arena *arena;
};

/* In criu's process, before criu: a mount namespace that ends with criu, the mount points that an
 * image may lack, the root bound to root->mount_point. */
int root_prepare(const struct root *root, struct st_error *err);
