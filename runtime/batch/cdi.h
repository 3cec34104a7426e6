/* runtime/batch/cdi.h: Container Device Interface: what a vendor's spec says a container needs for
 * a device ("vendor.com/class=name"). */
#pragma once
#include <stint/arena.h>
#include <stint/error.h>
#include <stint/json.h>
#include <stint/spec.h>

struct rt_cdi_node {
        const char *path, *host_path;
        enum st_device_type type;
        int64_t major, minor;
        uint32_t file_mode, uid, gid;
        bool has_file_mode, has_uid, has_gid;
        const char *permissions; /* "rwm" */
};

struct rt_cdi_mount {
        const char *host_path, *container_path, *type;
        char **options; /* NULL-terminated */
};

struct rt_cdi_hook {
        enum st_hook_kind kind;
        const char *path;
        char **args, **env; /* NULL: none */
        uint32_t timeout_sec;
};

/* Of one device, or of several after another. */
struct rt_cdi_edits {
        char **env;
        size_t n_env;
        struct rt_cdi_node *nodes;
        size_t n_nodes;
        struct rt_cdi_mount *mounts;
        size_t n_mounts;
        struct rt_cdi_hook *hooks;
        size_t n_hooks;
        uint32_t *gids;
        size_t n_gids;
};

/* A spec as text: those of its edits that the device @device_name asks for are appended to @edits,
 * in @arena. @kind: "vendor.com/class". @name is what errors call the file.
 * Returns 1, or 0: the spec is of another kind or has no such device. Errors: -EINVAL. */
int rt_cdi_parse(struct st_arena *arena, const char *name, const char *text, size_t length,
                 const char *kind, const char *device_name, struct rt_cdi_edits *edits,
                 struct st_error *err) st_must_check;
/**
 * Look for "vendor.com/class=name" in the specs of @dirs (NULL-terminated; later directories win),
 * and ask the kernel for the numbers of its nodes.
 * Errors: -EINVAL the name or a spec is malformed; -ENOENT no spec has the device.
 */
int rt_cdi_find(struct st_arena *arena, const char *const *dirs, const char *device,
                struct rt_cdi_edits *edits, struct st_error *err) st_must_check;
extern const char *const rt_cdi_default_dirs[]; /* /etc/cdi, /var/run/cdi */
