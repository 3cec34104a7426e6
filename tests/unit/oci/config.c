#include "config.h"

#include <criterion/criterion.h>
#include <string.h>

char *st_test_quote(const char *text) {
        char *quoted = strdup(text);

        for (char *c = quoted; c && *c; c++)
                if (*c == '\'')
                        *c = '"';
        return quoted;
}

static int parse(const char *members, struct st_spec **ret_spec, struct st_error *err) {
        st_autofree char *quoted = NULL, *text = NULL;

        cr_assert(asprintf(&text, "{'ociVersion': '1.0.2', 'root': {'path': 'rootfs'}%s%s}",
                           *members ? ", " : "", members) > 0);
        cr_assert(quoted = st_test_quote(text));
        return st_spec_parse("config.json", quoted, strlen(quoted), ret_spec, err);
}

struct st_spec *st_test_config(const char *members) {
        struct st_spec *spec = NULL;
        struct st_error err = {0};

        cr_assert_eq(parse(members, &spec, &err), 0, "%s: %s", members, err.msg);
        return spec;
}

static void expect_refused(const char *members, const char *message) {
        struct st_spec *spec = NULL;
        struct st_error err = {0};
        char want[sizeof err.msg];

        (void)snprintf(want, sizeof want, "config.json: %s", message);
        cr_expect_eq(parse(members, &spec, &err), -EINVAL, "accepted: %s", members);
        cr_expect_null(spec, "the output was touched by %s", members);
        cr_expect_eq(err.kind, ST_CODE_CONFIG_INVALID, "%s: kind %s", members,
                     st_error_code_name(err.kind));
        cr_expect_str_eq(err.msg, want, "%s\n  gave: %s\n  want: %s", members, err.msg, want);
        st_spec_free(spec);
}

void st_test_refused(const char *before, const char *after, const struct st_test_refusal *rows,
                     size_t n) {
        for (size_t i = 0; i < n; i++) {
                st_autofree char *members = NULL;
                cr_assert(asprintf(&members, "%s%s%s", before, rows[i].members, after) > 0);
                if (rows[i].message)
                        expect_refused(members, rows[i].message);
                else
                        st_spec_free(st_test_config(members));
        }
}
