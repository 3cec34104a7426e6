/* streams.h: the container's descriptors 0, 1 and 2 lead outside: descriptors.json in the image
 * says what they were, so that a restore can put the caller's in their place. An array of three
 * strings, as runc writes it. */
#pragma once
#include "call.h"

#include <stint/spec.h>

/* dump: write the file; what is no pipe and lies outside the container's mounts is named to criu.
 */
int streams_save(struct call *call, pid_t pid, struct st_error *err) st_must_check;
/* restore: read it. criu has our 0, 1 and 2 under the same numbers. */
int streams_provide(struct call *call, const struct st_spec *spec,
                    struct st_error *err) st_must_check;
