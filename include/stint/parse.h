/* include/stint/parse.h: text to numbers, whole and in range, or an error. */
#pragma once
#include <stdint.h>

/* Decimal digits only (and a leading '-' for signed): no blanks, no sign games. -EINVAL, -ERANGE.
 */
int st_parse_u64(const char *text, uint64_t *ret);
int st_parse_i64(const char *text, int64_t *ret);
int st_parse_u32(const char *text, uint32_t *ret);
int st_parse_int(const char *text, int *ret);
/* Octal digits: file modes. */
int st_parse_octal(const char *text, uint32_t *ret);
/* "300ms", "1.5h", "1m30s", as Go programs write times: numbers with a unit of ns, us, ms, s, m, h;
 * or "0". */
int st_parse_duration(const char *text, uint64_t *ret_nsec);
/* "512", "4k", "10M", "1GiB" in powers of 1024. */
int st_parse_size(const char *text, int64_t *ret);
