/* A config with every member: with each allocation failing in turn, and cut at every byte. */
#include "allocations.h"
#include "config.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <string.h>

#include <stint/spec.h>

static const char everything[] =
#include "everything.inc"
        ;

static char *text;

static void set_up(void) {
        cr_assert(text = st_test_quote(everything));
}

static void tear_down(void) {
        free(text);
        text = NULL;
        st_test_no_leaks();
}

TestSuite(allocations, .init = set_up, .fini = tear_down);

Test(allocations, the_config_itself_is_good) {
        st_cleanup(st_spec_freep) struct st_spec *spec = NULL;
        struct st_error err = {0};

        cr_expect_eq(st_spec_parse("config.json", text, strlen(text), &spec, &err), 0, "%s",
                     err.msg);
}

Test(allocations, a_config_reports_each_that_fails) {
        size_t n;

        for (n = 0;; n++) {
                struct st_spec *spec = NULL;
                struct st_error err = {0};
                int r;
                st_test_fail_allocation(n);
                r = st_spec_parse("config.json", text, strlen(text), &spec, &err);
                if (!st_test_allocation_failed()) {
                        cr_expect_eq(r, 0, "%s", err.msg);
                        st_spec_free(spec);
                        break;
                }
                if (r == 0) { /* qsort(3) does without its buffer */
                        st_spec_free(spec);
                        continue;
                }
                cr_expect_eq(r, -ENOMEM, "allocation %zu gave %d: %s", n, r, err.msg);
                cr_expect_str_eq(err.msg, "config.json: out of memory");
                cr_expect_null(spec);
        }
        cr_expect_gt(n, 5, "only %zu allocations: is malloc wrapped?", n);
}

/* The same in blocks so small that nearly every request needs one of its own. */
Test(allocations, a_process_and_resources_report_each_that_fails) {
        static const char process[] =
                "{\"cwd\":\"/"
                "\",\"args\":[\"a\"],\"env\":[\"A=1\"],\"user\":{\"additionalGids\":[1,2]},"
                "\"capabilities\":{\"bounding\":[\"CAP_X\"]},\"rlimits\":[{\"type\":\"RLIMIT_CPU\","
                "\"soft\":1,\"hard\":1}],"
                "\"scheduler\":{\"policy\":\"SCHED_OTHER\"},\"ioPriority\":{\"class\":\"IOPRIO_"
                "CLASS_BE\"}}";

        for (size_t n = 0;; n++) {
                struct st_arena *arena = NULL;
                struct st_process *parsed = NULL;
                int r;
                cr_assert(arena = st_arena_new(0));
                st_test_fail_allocation(n);
                r = st_process_parse(arena, "process.json", process, strlen(process), &parsed,
                                     NULL);
                st_arena_free(arena);
                if (!st_test_allocation_failed()) {
                        cr_expect_eq(r, 0);
                        break;
                }
                cr_expect_eq(r, -ENOMEM);
                cr_expect_null(parsed);
        }
}

Test(allocations, a_config_cut_at_any_byte_is_refused) {
        for (size_t length = 0; length < strlen(text); length++) {
                struct st_spec *spec = NULL;
                struct st_error err = {0};
                char *copy = malloc(length ? length : 1); /* no byte behind it to read by mistake */
                cr_assert(copy);
                memcpy(copy, text, length);
                cr_expect_eq(st_spec_parse("config.json", copy, length, &spec, &err), -EINVAL,
                             "accepted %zu bytes", length);
                cr_expect(!strncmp(err.msg, "config.json: line 1, column ", 28), "message was: %s",
                          err.msg);
                cr_expect_eq(err.kind, ST_CODE_CONFIG_INVALID);
                free(copy);
        }
}

/* Any one byte damaged: it may still be a config, but never a crash, and a failure always has a
 * message. */
Test(allocations, a_config_with_any_byte_damaged_is_read_or_refused) {
        static const char damage[] = {0, '"', '{', ']', '9', '-', (char)0xff, 'e', ',', '\\'};
        size_t length = strlen(text);

        for (size_t at = 0; at < length; at++) {
                for (size_t i = at % 3; i < sizeof damage; i += 3) {
                        struct st_spec *spec = NULL;
                        struct st_error err = {0};
                        char kept = text[at];
                        int r;
                        text[at] = damage[i];
                        r = st_spec_parse("config.json", text, length, &spec, &err);
                        text[at] = kept;
                        st_spec_free(spec);
                        cr_expect(r == 0 ||
                                          (r == -EINVAL && !strncmp(err.msg, "config.json: ", 13)),
                                  "byte %zu: %d %s", at, r, err.msg);
                }
        }
}
