/* allocations.h: make allocations fail, and count what they take. For programs linked with
 * support_dep, whose calls of malloc(), calloc() and realloc() in static code come here (ld
 * --wrap). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* The allocation after @n more fails, once. */
void st_test_fail_allocation(size_t n);
/* Whether it has come to that; and back to normal. */
bool st_test_allocation_failed(void);

/* The largest sum of live bytes since the last st_test_count_from_here(). */
void st_test_count_from_here(void);
size_t st_test_peak_bytes(void);
