/* log.h: what criu wrote down about a failure. */
#pragma once
#include <stddef.h>

/* The last error lines of criu's log, without their times, with "; " between them, as many as fit;
 * "" when there are none.
 * @path  NULL: there is no log */
void log_last_errors(const char *path, char *text, size_t size);
