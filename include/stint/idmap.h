/* include/stint/idmap.h: id maps of user namespaces. In the parent. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include <stint/error.h>
#include <stint/spec.h>

/* Write the maps of @pid's new user namespace. Without privilege: by newuidmap(1) and newgidmap(1),
 * or, for one id of one's own, directly with setgroups denied. Errors name linux.uidMappings. */
int rt_idmap_write(pid_t pid, const struct st_id_mappings *uids, const struct st_id_mappings *gids,
                   struct st_error *err) st_must_check;
/* Whether that will have to deny setgroups(2), as user_namespaces(7) demands of one who maps only
 * himself. */
bool rt_idmap_denies_setgroups(const struct st_id_mappings *uids,
                               const struct st_id_mappings *gids);

/* A descriptor of a user namespace with these maps (for idmapped mounts), or of the one at @path
 * when not NULL. */
int rt_idmap_open_userns(const char *path, const struct st_id_mappings *uids,
                         const struct st_id_mappings *gids, struct st_error *err) st_must_check;

/* The host id of a container id, or -1 when it is not mapped. */
int64_t rt_idmap_to_host(const struct st_id_mappings *mappings, uint32_t id);
