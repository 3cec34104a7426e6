/* config.h: config.json texts for tests. JSON is written with ' for ", which reads better in C. */
#pragma once
#include <stint/spec.h>

/* A row of a table: members of a section, and the whole message that they must be refused with. */
struct st_test_refusal {
        const char *members, *message;
};
#define ST_TEST_N(array) (sizeof(array) / sizeof *(array))

/* @text with ' turned to "; the caller frees it. */
char *st_test_quote(const char *text);

/* Parse "{'ociVersion': '1.0.2', 'root': {'path': 'rootfs'}, MEMBERS}", which must succeed. */
struct st_spec *st_test_config(const char *members);
/* Parse @before, the members, @after for each row, which must fail with EINVAL, CONFIG_INVALID and
 * exactly "config.json: MESSAGE"; and must succeed with a row's message of NULL. */
void st_test_refused(const char *before, const char *after, const struct st_test_refusal *rows,
                     size_t n);
