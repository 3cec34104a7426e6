/* runtime/batch/input.h: the lines of a file, or of a pipe that is still being written. */
#pragma once
#include <stint/cleanup.h>
#include <stint/error.h>

struct rt_input;

/* @path: "-" is standard input. */
int rt_input_open(const char *path, struct rt_input **ret_input,
                  struct st_error *err) st_must_check;
struct rt_input *rt_input_free(struct rt_input *input);
ST_DEFINE_FREEP(struct rt_input, rt_input_free);

/* What to poll while rt_input_next() has no line yet; -1: a regular file, which never waits. */
int rt_input_wait_fd(const struct rt_input *input);
/**
 * The next line that holds anything but blanks; comments begin with '#'. It stays valid until the
 * next call.
 * @ret_number  of the line in the file, from 1
 * Returns 1 with a line, 0 when none is there yet. Errors: -ENODATA the end; -E2BIG a line longer
 * than a MiB; what read(2) gives.
 */
int rt_input_next(struct rt_input *input, const char **ret_line, size_t *ret_length,
                  unsigned *ret_number, struct st_error *err) st_must_check;
/* The lines of a regular file that rt_input_next() will give; 0: unknown. */
unsigned rt_input_total(const struct rt_input *input);
const char *rt_input_name(const struct rt_input *input);
