/* runtime/cgroup/systemd/scope.h: the calls to systemd. They print why they fail to @why. */
#pragma once
#include <stddef.h>
#include <systemd/sd-bus.h>

enum scope_bus { SCOPE_SYSTEM, SCOPE_USER };
int scope_connect(enum scope_bus which, sd_bus **ret_bus, char *why, size_t why_size);
/* Make the scope and wait for systemd's job. *ret_cgroup: where systemd put it; the caller frees
 * it. */
int scope_start(sd_bus *bus, const char *unit, char *const *properties, char **ret_cgroup,
                char *why, size_t why_size);
int scope_set(sd_bus *bus, const char *unit, char *const *properties, char *why, size_t why_size);
/* A scope that is not there is stopped. */
int scope_stop(sd_bus *bus, const char *unit, char *why, size_t why_size);
