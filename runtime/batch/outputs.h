/* runtime/batch/outputs.h: "PREFIX key=value" lines of a task's standard output, for its record. */
#pragma once
#include <stint/cleanup.h>
#include <stint/error.h>
#include <stint/spec.h>

struct rt_outputs;

/* What a record takes at most; what is more is left out. */
enum { RT_OUTPUTS_MAX_BYTES = 8 << 10, RT_OUTPUTS_LINE_MAX = 4 << 10 };

/* @prefix: "JOB_OUT"; borrowed. */
int rt_outputs_new(const char *prefix, struct rt_outputs **ret_outputs,
                   struct st_error *err) st_must_check;
struct rt_outputs *rt_outputs_free(struct rt_outputs *outputs);
ST_DEFINE_FREEP(struct rt_outputs, rt_outputs_free);

/* The next bytes of the stream, cut anywhere. */
void rt_outputs_feed(struct rt_outputs *outputs, const char *data, size_t length);
/* At the end of the stream. The last value of a key counts; what is not UTF-8 has a '?' for it.
 * Borrowed. */
const struct st_string_pair *rt_outputs_pairs(struct rt_outputs *outputs, size_t *ret_n);
