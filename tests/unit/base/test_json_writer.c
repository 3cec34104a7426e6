#include "allocations.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include <stint/json.h>

TestSuite(json_writer, .fini = st_test_no_leaks);

static void expect_text(struct st_json_writer *w, const char *want) {
        struct st_error err = {0};
        const char *text = NULL;
        size_t length = 0;

        cr_assert_eq(st_json_writer_finish(w, &text, &length, &err), 0, "%s", err.msg);
        cr_expect_str_eq(text, want);
        cr_expect_eq(length, strlen(want));
        st_json_writer_free(w);
}

static void expect_invalid(struct st_json_writer *w) {
        struct st_error err = {0};
        const char *text = NULL;

        cr_expect_eq(st_json_writer_finish(w, &text, NULL, &err), -EINVAL);
        cr_expect_null(text);
        cr_expect(strstr(err.msg, "write JSON"), "message was: %s", err.msg);
        st_json_writer_free(w);
}

static void write_state(struct st_json_writer *w) {
        st_json_open_object(w, NULL);
        st_json_string(w, "id", "web");
        st_json_int(w, "pid", -1);
        st_json_uint(w, "big", UINT64_MAX);
        st_json_bool(w, "yes", true);
        st_json_null(w, "none");
        st_json_string(w, "no string", NULL);
        st_json_open_array(w, "list");
        st_json_int(w, NULL, 1);
        st_json_open_object(w, NULL);
        st_json_string(w, "k", "v");
        st_json_close_object(w);
        st_json_open_array(w, NULL);
        st_json_close_array(w);
        st_json_close_array(w);
        st_json_open_object(w, "annotations");
        st_json_close_object(w);
        st_json_close_object(w);
}

Test(json_writer, writes_compact_text) {
        struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);

        write_state(w);
        expect_text(w, "{\"id\":\"web\",\"pid\":-1,\"big\":18446744073709551615,\"yes\":true,"
                       "\"none\":null,"
                       "\"no string\":null,\"list\":[1,{\"k\":\"v\"},[]],\"annotations\":{}}");
}

Test(json_writer, writes_the_layout_of_runc_state) {
        struct st_json_writer *w = st_json_writer_new(ST_JSON_PRETTY);

        write_state(w);
        expect_text(w, "{\n"
                       "  \"id\": \"web\",\n"
                       "  \"pid\": -1,\n"
                       "  \"big\": 18446744073709551615,\n"
                       "  \"yes\": true,\n"
                       "  \"none\": null,\n"
                       "  \"no string\": null,\n"
                       "  \"list\": [\n"
                       "    1,\n"
                       "    {\n"
                       "      \"k\": \"v\"\n"
                       "    },\n"
                       "    []\n"
                       "  ],\n"
                       "  \"annotations\": {}\n"
                       "}");
}

Test(json_writer, writes_a_scalar_at_the_root) {
        struct st_json_writer *w = st_json_writer_new(ST_JSON_PRETTY);

        st_json_string(w, NULL, "alone");
        expect_text(w, "\"alone\"");
}

Test(json_writer, escapes_what_json_wants_escaped) {
        struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);

        st_json_open_object(w, NULL);
        st_json_string(w, "a\"b", "\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9<>&");
        st_json_close_object(w);
        expect_text(w, "{\"a\\\"b\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9<>&\"}");
}

Test(json_writer, writes_doubles_that_read_back_the_same) {
        static const double numbers[] = {0,     1,      -1.5,    0.1,          1.0 / 3,
                                         1e300, 5e-324, DBL_MAX, 123456789.125};

        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);
                const char *text;
                st_json_double(w, NULL, numbers[i]);
                cr_assert_eq(st_json_writer_finish(w, &text, NULL, NULL), 0);
                cr_expect_eq(strtod(text, NULL), numbers[i], "%s", text);
                st_json_writer_free(w);
        }
}

Test(json_writer, refuses_numbers_that_json_lacks) {
        static const double numbers[] = {NAN, INFINITY, -INFINITY};

        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);
                st_json_double(w, NULL, numbers[i]);
                expect_invalid(w);
        }
}

Test(json_writer, refuses_invalid_utf8_in_values_and_keys) {
        struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);

        st_json_open_array(w, NULL);
        st_json_string(w, NULL, "bad \xff");
        st_json_close_array(w);
        expect_invalid(w);
        w = st_json_writer_new(ST_JSON_COMPACT);
        st_json_open_object(w, NULL);
        st_json_int(w, "\xed\xa0\x80", 1);
        st_json_close_object(w);
        expect_invalid(w);
}

Test(json_writer, refuses_to_nest_without_end) {
        struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);

        for (int i = 0; i < 1000; i++)
                st_json_open_array(w, NULL);
        for (int i = 0; i < 1000; i++)
                st_json_close_array(w);
        expect_invalid(w);
}

static const char document[] =
        "{\"a\":[1,-2.5e3,\"x\\ny\",true,false,null,{}],\"b\":{\"c\":[[]]},\"d\":\"\"}";

Test(json_writer, serializes_a_tree_to_the_text_it_came_from) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        const struct st_json *root;

        cr_assert_eq(st_json_parse(arena, "doc", document, strlen(document), &root, NULL), 0);
        cr_expect_str_eq(st_json_serialize(arena, root), document);
        cr_expect_str_eq(st_json_serialize(arena, st_json_get(root, "b")), "{\"c\":[[]]}");
}

Test(json_writer, copies_a_parsed_value_below_a_key) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);
        const struct st_json *root;

        cr_assert_eq(st_json_parse(arena, "doc", document, strlen(document), &root, NULL), 0);
        st_json_open_object(w, NULL);
        st_json_value(w, "copy", st_json_get(root, "b"));
        st_json_value(w, "also", st_json_get(root, "a")->first);
        st_json_close_object(w);
        expect_text(w, "{\"copy\":{\"c\":[[]]},\"also\":1}");
}

Test(json_writer, reports_each_failed_allocation) {
        for (size_t n = 0;; n++) {
                struct st_json_writer *w;
                const char *text = NULL;
                int r = -ENOMEM;
                st_test_fail_allocation(n);
                w = st_json_writer_new(ST_JSON_PRETTY);
                if (w) {
                        for (int i = 0; i < 20; i++)
                                st_json_open_array(w, NULL);
                        for (int i = 0; i < 20; i++)
                                st_json_close_array(w);
                        r = st_json_writer_finish(w, &text, NULL, NULL);
                }
                st_json_writer_free(w);
                if (!st_test_allocation_failed()) {
                        cr_expect_eq(r, 0);
                        cr_expect_gt(n, 1);
                        break;
                }
                cr_expect_eq(r, -ENOMEM);
                cr_expect_null(text);
        }
}

Test(json_writer, serialize_reports_each_failed_allocation) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        const struct st_json *root;

        cr_assert_eq(st_json_parse(arena, "doc", document, strlen(document), &root, NULL), 0);
        for (size_t n = 0;; n++) {
                const char *text;
                st_test_fail_allocation(n);
                text = st_json_serialize(arena, root);
                if (!st_test_allocation_failed()) {
                        cr_expect_str_eq(text, document);
                        break;
                }
                cr_expect_null(text);
        }
}
