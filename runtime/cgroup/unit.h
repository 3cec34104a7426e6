/* runtime/cgroup/unit.h: the systemd side of a container's cgroup: a transient scope. systemd.c and
 * systemd-none.c each have all of it but the names; only one of the two is built. */
#pragma once
#include "manager.h"

/* --- unit_name.c --- */
/* "/a.slice/a-b.slice" for "a-b.slice", "" for "-.slice". NULL: not the name of a slice, or memory
 * is out. */
char *rt_slice_path(struct st_arena *arena, const char *slice);
struct rt_unit_name {
        const char *slice; /* "system.slice" */
        const char *unit;  /* "stint-web.scope" */
};
/* "slice:prefix:name"; each part may be empty, and @cgroups_path NULL. */
int rt_unit_name_parse(struct st_arena *arena, const char *cgroups_path, const char *id, bool user,
                       struct rt_unit_name *ret, struct st_error *err);

/* --- systemd.c, systemd-none.c --- */
/* Set cgroup->unit. *ret_path: where the scope will be below each hierarchy. */
int rt_unit_plan(struct rt_cgroup *cgroup, const struct rt_cgroup_host *host,
                 const struct rt_cgroup_request *request, const char **ret_path,
                 struct st_error *err);
/* Tell systemd what @writes will write, or it would write its own values over them at the next
 * reload. */
int rt_unit_update(struct rt_cgroup *cgroup, const struct rt_writes *writes, struct st_error *err);
/* Stop the scope and forget its failed state; one that is gone is success. */
int rt_unit_stop(struct rt_cgroup *cgroup, struct st_error *err);
void rt_unit_save(const struct rt_unit *unit, struct st_json_writer *w);
int rt_unit_load(struct rt_cgroup *cgroup, const struct st_json *saved, struct st_error *err);

/* --- unit_properties.c --- */
/* Strings "Name=type:value" for stint-systemd (systemd/property.h). */
struct rt_properties {
        struct st_arena *arena;
        char **items; /* NULL-terminated */
        size_t n_items, n_room;
};
st_printf(2, 3) int rt_properties_add(struct rt_properties *properties, const char *fmt, ...);
enum rt_memory_part { RT_WITHOUT_MEMORY, RT_WITH_MEMORY };
/* What @writes and @devices (may be NULL) say in systemd's words. */
int rt_properties_of_limits(struct rt_properties *properties, const struct rt_writes *writes,
                            const struct rt_device_rules *devices, enum rt_memory_part part);
