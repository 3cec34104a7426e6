/* runtime/cgroup/systemd/variant.h: GVariant's text form, as annotations org.systemd.property.*
 * hold it, to D-Bus. */
#pragma once
#include <systemd/sd-bus.h>

/* Append @text ("true", "'a b'", "uint64 5", "['a', 'b']", "[('/dev/null', 'rw')]", "@as []") to @m
 * as a variant. Errors: -EINVAL, -ERANGE, -ENOMEM. */
int variant_append(sd_bus_message *m, const char *text);
/* The same for a duration in seconds, "5" or "2.5", as a variant of microseconds ('t'). */
int variant_append_usec(sd_bus_message *m, const char *text);
