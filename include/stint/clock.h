/* include/stint/clock.h: the time of day as text. */
#pragma once
#include <stdbool.h>
#include <time.h>

enum { ST_RFC3339_ROOM = 40 };

/**
 * RFC 3339 in UTC, with nanoseconds when @fraction: "2026-11-22T08:33:23.000000001Z". By hand:
 * gmtime_r(3) of glibc reads /etc/localtime for nothing, seven system calls. Years 1970 to 9999.
 * Returns @buf.
 */
char *st_format_rfc3339(const struct timespec *time, bool fraction,
                        char buf[static ST_RFC3339_ROOM]);
