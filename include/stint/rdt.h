/* include/stint/rdt.h: linux.intelRdt on a mounted resctrl. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include <stint/error.h>
#include <stint/spec.h>

struct rt_rdt {             /* what state.json keeps */
        char *clos_path;    /* absolute; NULL: none */
        char *monitor_path; /* absolute; NULL: none */
        bool remove_clos;   /* we made it: remove it at delete */
};

/* @resctrl_root "/sys/fs/resctrl" outside tests. Makes the class and the monitoring group, writes
 * schemata, checks a class that existed against the wanted schemata (spec: a mismatch is an error).
 * -EOPNOTSUPP, kind UNSUPPORTED, when resctrl is not mounted. */
int rt_rdt_create(const struct st_rdt *spec, const char *id, const char *resctrl_root,
                  struct rt_rdt *ret_rdt, struct st_error *err) st_must_check;
int rt_rdt_attach(const struct rt_rdt *rdt, pid_t pid, struct st_error *err) st_must_check;
int rt_rdt_update(const struct rt_rdt *rdt, const char *l3_schema, const char *mem_bw_schema,
                  struct st_error *err) st_must_check;
void rt_rdt_write_stats(const struct rt_rdt *rdt, struct st_json_writer *w, const char *key);
int rt_rdt_destroy(struct rt_rdt *rdt, struct st_error *err);
void rt_rdt_deinit(struct rt_rdt *rdt);
void rt_rdt_write_features(struct st_json_writer *w, const char *key);
