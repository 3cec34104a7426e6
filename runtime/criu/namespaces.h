/* namespaces.h: namespaces that linux.namespaces names by path: they are not the container's to
 * save, and are there already when it is restored. */
#pragma once
#include "call.h"

#include <stint/spec.h>

/* dump: those that criu has to leave alone, by the inode of what the init is in. */
int namespaces_name(struct call *call, const struct st_spec *spec, pid_t pid,
                    struct st_error *err) st_must_check;
/* restore: open them for criu, or have it join them. */
int namespaces_provide(struct call *call, const struct st_spec *spec,
                       struct st_error *err) st_must_check;
