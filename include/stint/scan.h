/* include/stint/scan.h: reading a line of the kernel's from front to back.
 *
 * Each function skips blanks and tabs, takes one thing off the front of *@at and says whether it
 * was there; where it was not, *@at stays. (sscanf(3) would do, but has no answer to a number out
 * of range, and brings a tenth of a static program.) */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal digits; false also above UINT64_MAX. */
bool st_scan_u64(const char **at, uint64_t *ret);
/* Exactly @text. */
bool st_scan_text(const char **at, const char *text);
/* What goes up to a blank, a tab or the end of the line, with a NUL behind it in @buf; false when
 * it does not fit. */
bool st_scan_word(const char **at, char *buf, size_t size);
