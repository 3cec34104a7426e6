/* runtime/cgroup/systemd/property.h: properties of a unit, from arguments
 * "[VERSION+]Name=type:value". */
#pragma once
#include <systemd/sd-bus.h>

/* Append one as (sv). Types: s b t; au (comma separated); list ("0-3,7" as a bit mask, ay); a(ss)
 * ("path mode;..."); v (GVariant text). With VERSION and an older systemd (@version) nothing is
 * appended. A name that ends in Sec, with type v, becomes ...USec and its value microseconds.
 * Errors: -EINVAL, -ERANGE, -ENOMEM. */
int property_append(sd_bus_message *m, const char *argument, unsigned version);
/* The highest VERSION that an argument asks for. */
unsigned property_version(const char *argument);
