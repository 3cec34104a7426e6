/* runtime/linux/rdt_schemata.h: what a schemata file says, and whether it says what is wanted. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Lines such as "L3:0=7ff;1=7ff". Whether @existing, as the kernel shows it, has every value of
 * @wanted: blanks, leading zeros, the case of digits and the order say nothing, and a bandwidth
 * ("MB") counts as rounded up to @bandwidth_step. */
bool rt_rdt_schemata_match(const char *wanted, const char *existing, uint64_t bandwidth_step);
