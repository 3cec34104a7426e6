/* fake.h: a machine's cgroups as plain files below a temporary directory, and resources from text.
 */
#pragma once
#include "../../../runtime/cgroup/manager.h"

#include <stint/spec.h>

struct fake {
        char dir[64]; /* temporary */
        char root[80], proc[80];
        struct rt_cgroup_host host;
        struct st_arena *arena;
};

void fake_init(struct fake *fake, enum rt_cgroup_mode mode);
void fake_deinit(struct fake *fake);
/* A file below the fake's directory, such as "root/cpu/a/cpu.shares"; makes the directories. */
void fake_write(struct fake *fake, const char *path, const char *text);
void fake_mkdir(struct fake *fake, const char *path);
/* Its content; freed with the fake. */
const char *fake_read(struct fake *fake, const char *path);
/* All usual hierarchies of the mode, and us in @own in each. */
void fake_machine(struct fake *fake, const char *own);

/* A resources object, in single quotes; lives in the fake. */
const struct st_resources *fake_resources(struct fake *fake, const char *json);
/* A plan with these resources (NULL: none) at /x/leaf. */
struct rt_cgroup *fake_plan(struct fake *fake, const char *json, struct st_error *err);
/* "file=value" of each write that is not a device's, joined by "; ", early ones with "!" in front.
 */
const char *fake_writes(struct fake *fake, const struct rt_cgroup *cgroup);
