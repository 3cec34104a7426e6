/* tests/support/probe/json.h: writes JSON to standard output, one value a line.
 *
 * Deliberately not the project's own writer: what judges the runtime shares no code with it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* @key is NULL inside an array and at the top; a line ends when the outermost value is closed. */
void json_open(const char *key, char bracket);
void json_close(char bracket);
void json_string(const char *key, const char *value); /* NULL value: null */
void json_bytes(const char *key, const char *value, unsigned long n);
void json_number(const char *key, int64_t value);
void json_unsigned(const char *key, uint64_t value);
void json_bool(const char *key, bool value);
/* The symbol of an errno ("EPERM"), null for 0. */
void json_errno(const char *key, int error);
