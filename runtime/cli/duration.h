/* duration.h: times as Go programs write them. */
#pragma once
#include <stdint.h>

/* "300ms", "1.5h", "1m30s": numbers with a unit of ns, us, ms, s, m, h; or "0". -EINVAL, -ERANGE.
 */
int cli_duration_parse(const char *text, uint64_t *ret_nsec);
