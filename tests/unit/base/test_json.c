#include "allocations.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include <stint/json.h>

static struct st_arena *arena;

static void set_up(void) {
        cr_assert(arena = st_arena_new(0));
}

static void tear_down(void) {
        arena = st_arena_free(arena);
        st_test_no_leaks();
}

TestSuite(json, .init = set_up, .fini = tear_down);

static const struct st_json *parse(const char *text) {
        const struct st_json *root = NULL;
        struct st_error err = {0};

        cr_assert_eq(st_json_parse(arena, "doc", text, strlen(text), &root, &err), 0, "%s: %s",
                     text, err.msg);
        cr_assert(root);
        return root;
}

/* Parse what must be refused, from a copy without a NUL behind it, so that reading on is seen. */
static void expect_refused(const char *text, size_t length, const char *want) {
        const struct st_json *root = NULL;
        struct st_error err = {0};
        char *copy = malloc(length ? length : 1);

        memcpy(copy, text, length);
        cr_expect_eq(st_json_parse(arena, "doc", copy, length, &root, &err), -EINVAL,
                     "accepted: %.*s", (int)length, text);
        cr_expect_null(root, "the output was touched");
        cr_expect_eq(err.code, -EINVAL);
        cr_expect(strstr(err.msg, want), "%.*s: message was: %s", (int)length, text, err.msg);
        cr_expect(!strncmp(err.msg, "doc: ", 5), "message was: %s", err.msg);
        free(copy);
}

Test(json, reads_every_type) {
        const struct st_json *root =
                parse(" {\"n\": null, \"t\": true, \"f\": false, \"i\": -12, \"d\": 1.5e3,\n"
                      "\t\"s\": \"x\", \"a\": [1, [], {}], \"o\": {\"k\": \"v\"}}\r\n");

        cr_assert_eq(root->type, ST_JSON_OBJECT);
        cr_expect_eq(root->n_children, 8);
        cr_expect_null(root->key);
        cr_expect_null(root->parent);
        cr_expect_eq(st_json_get(root, "n")->type, ST_JSON_NULL);
        cr_expect(st_json_get(root, "t")->boolean);
        cr_expect_not(st_json_get(root, "f")->boolean);
        cr_expect_str_eq(st_json_get(root, "i")->text, "-12");
        cr_expect_str_eq(st_json_get(root, "d")->text, "1.5e3");
        cr_expect_str_eq(st_json_get(root, "s")->text, "x");
        cr_expect_eq(st_json_get(root, "a")->n_children, 3);
        cr_expect_eq(st_json_get(root, "a")->parent, root);
        cr_expect_str_eq(st_json_get(st_json_get(root, "o"), "k")->text, "v");
}

Test(json, reads_a_scalar_as_a_document) {
        cr_expect_str_eq(parse("12")->text, "12");
        cr_expect_str_eq(parse("  \"\"  ")->text, "");
        cr_expect_eq(parse("null")->type, ST_JSON_NULL);
        cr_expect(parse("true\n")->boolean);
}

Test(json, keeps_the_order_of_members_and_elements) {
        const char *want[] = {"z", "a", "m"};
        size_t n = 0;

        ST_JSON_FOREACH (member, parse("{\"z\":0,\"a\":1,\"m\":2}"))
                cr_expect_str_eq(member->key, want[n++]);
        cr_expect_eq(n, 3);
        n = 0;
        ST_JSON_FOREACH (element, parse("[3,1,2]"))
                cr_expect_eq(element->text[0], "312"[n++]);
        cr_expect_eq(n, 3);
}

Test(json, decodes_escapes_in_values_and_keys) {
        const struct st_json *root = parse(
                "{\"\\u006bey\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u00e9 \\ud83d\\ude00 \\\\u0000\"}");

        cr_expect_str_eq(st_json_get(root, "key")->text,
                         "\"\\/\b\f\n\r\t \xc3\xa9 \xf0\x9f\x98\x80 \\u0000");
}

Test(json, passes_utf8_through) {
        cr_expect_str_eq(parse("\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 "
                               "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\"")
                                 ->text,
                         "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 "
                         "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf");
}

Test(json, get_is_null_where_there_is_nothing) {
        cr_expect_null(st_json_get(NULL, "a"));
        cr_expect_null(st_json_get(parse("[1]"), "a"));
        cr_expect_null(st_json_get(parse("{\"a\": 1}"), "b"));
        cr_expect_null(st_json_get(parse("{\"a\": 1}"), ""));
}

struct refused {
        const char *text, *want;
};

static const struct refused refused[] = {
        {"", "the text ends too early"},
        {"   \n", "line 2, column 1: the text ends too early"},
        {"{", "the text ends too early"},
        {"{\"a\"", "the text ends too early"},
        {"{\"a\":", "the text ends too early"},
        {"{\"a\":1", "the text ends too early"},
        {"[1,", "the text ends too early"},
        {"\"abc", "the text ends too early"},
        {"\"abc\\", "the text ends too early"},
        {"\"abc\\u12", "the text ends too early"},
        {"tru", "the text ends too early"},
        {"trux", "lexical error"},
        {"nul", "the text ends too early"},
        {"-", "the text ends too early"},
        {"- ", "malformed number"},
        {"1.", "the text ends too early"},
        {"1. ", "malformed number"},
        {"1e", "the text ends too early"},
        {"1e ", "malformed number"},
        {"+1", "lexical error"},
        {".5", "lexical error"},
        {"01", "more text after the value"},
        {"[01]", "line 1, column"},
        {"0x10", "more text after the value"},
        {"NaN", "lexical error"},
        {"Infinity", "lexical error"},
        {"{a:1}", "lexical error"},
        {"{'a':1}", "lexical error"},
        {"{1:1}", "object key"},
        {"{\"a\" 1}", "colon"},
        {"{\"a\":1,}", "object key"},
        {"[1,]", "unallowed token"},
        {"[,1]", "unallowed token"},
        {"[1 2]", "line 1, column"},
        {"[1}", "line 1, column"},
        {"{\"a\":1]", "line 1, column"},
        {"{} {}", "line 1, column 4: more text after the value"},
        {"{} x", "more text after the value"},
        {"{} \"abc", "more text after the value"},
        {"{}\n\n]", "line 3, column 1: more text after the value"},
        {"1 2", "more text after the value"},
        {"// no\n{}", "comment"},
        {"{} /* no */", "more text after the value"},
        {"\xef\xbb\xbf{}", "lexical error"},
        {"{\v}", "line 1, column 2: a control character"},
        {"[\f]", "a control character"},
        {"\"a\nb\"", "invalid character inside string"},
        {"\"a\tb\"", "invalid character inside string"},
        {"\"a\x01z\"", "invalid character inside string"},
        {"\"\\x41\"", "lexical error"},
        {"\"\\u12g4\"", "lexical error"},
        {"\"\\u0000\"", "NUL"},
        {"{\"a\\u0000b\": 1}", "NUL"},
        {"\"\\ud800\"", "half of a surrogate pair"},
        {"\"\\ud800x\"", "half of a surrogate pair"},
        {"\"\\ud800\\n1234\"", "half of a surrogate pair"},
        {"\"\\ud800\\ud800\"", "half of a surrogate pair"},
        {"\"\\ud800\\u0041\"", "half of a surrogate pair"},
        {"\"\\udc00\\ud800\"", "half of a surrogate pair"},
        {"[\n\"\x80\"]", "line 2, column 2: invalid UTF-8"},
        {"\"\xc3\"", "invalid UTF-8"},
        {"\"\xc0\x80\"", "invalid UTF-8"},
        {"\"\xc1\xbf\"", "invalid UTF-8"},
        {"\"\xe0\x80\x80\"", "invalid UTF-8"},
        {"\"\xe0\x9f\xbf\"", "invalid UTF-8"},
        {"\"\xed\xa0\x80\"", "invalid UTF-8"},
        {"\"\xed\xbf\xbf\"", "invalid UTF-8"},
        {"\"\xf0\x80\x80\x80\"", "invalid UTF-8"},
        {"\"\xf0\x8f\xbf\xbf\"", "invalid UTF-8"},
        {"\"\xf4\x90\x80\x80\"", "invalid UTF-8"},
        {"\"\xf5\x80\x80\x80\"", "invalid UTF-8"},
        {"\"\xff\"", "invalid UTF-8"},
        {"\"\xe2\x82\"", "invalid UTF-8"},
        {"\"\xe2\x28\xa1\"", "invalid UTF-8"},
        {"12345678\xe2\x82", "invalid UTF-8"},
        {"{\"a\":1,\"a\":2}", "doc: a: duplicate key"},
        {"{\"a\":{\"b\":[0,{\"c\":1,\"d\":2,\"c\":1}]}}", "doc: a.b[1].c: duplicate key"},
        {"{\"k\":1,\"\\u006b\":2}", "doc: k: duplicate key"},
        {"{\"\":1,\"\":2}", "duplicate key"},
};

Test(json, refuses_what_is_no_json) {
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
                expect_refused(refused[i].text, strlen(refused[i].text), refused[i].want);
}

Test(json, refuses_a_nul_byte_anywhere) {
        static const char text[] = "{\"a\": \"bc\"}";

        for (size_t i = 0; i < sizeof text - 1; i++) {
                char damaged[sizeof text];
                memcpy(damaged, text, sizeof text);
                damaged[i] = 0;
                expect_refused(damaged, sizeof text - 1, "line 1");
        }
        expect_refused("{}\0", 3, "more text after the value");
}

static const char whole[] = "{\"s\": \"a\\n\xc3\xa9\\ud83d\\ude00\", \"n\": [-1.5e+3, 0, true, "
                            "false, null], \"o\": {}}";

Test(json, refuses_a_text_cut_at_any_byte) {
        for (size_t length = 0; length < sizeof whole - 1; length++)
                expect_refused(whole, length, "line 1");
}

Test(json, finds_a_duplicate_in_an_object_of_any_size) {
        for (int n = 2; n < 70; n++) {
                char text[2000] = "{\"top\": {";
                size_t used = strlen(text);
                for (int i = 0; i < n; i++)
                        used += (size_t)sprintf(text + used, "\"key%d\":%d,", i * 7 % 71, i);
                (void)snprintf(text + used, sizeof text - used, "\"key0\":1}}");
                expect_refused(text, strlen(text), "doc: top.key0: duplicate key");
                (void)snprintf(text + used, sizeof text - used, "\"key\":1}}");
                cr_expect_eq(parse(text)->first->n_children, (uint32_t)n + 1);
        }
}

static void nest(char *text, size_t levels, char open, char close) {
        memset(text, open, levels);
        memset(text + levels, close, levels);
        text[2 * levels] = 0;
}

Test(json, nests_as_deep_as_it_says) {
        static char text[2 * (ST_JSON_MAX_DEPTH + 1) + 1];
        const struct st_json *value;
        unsigned levels = 0;
        char path[1000];

        nest(text, ST_JSON_MAX_DEPTH, '[', ']');
        for (value = parse(text); value; value = value->first)
                levels++;
        cr_expect_eq(levels, ST_JSON_MAX_DEPTH);
        nest(text, ST_JSON_MAX_DEPTH + 1, '[', ']');
        expect_refused(text, strlen(text), "nested more than 64 levels deep");
        value = parse("[[{\"a\":[[0,1]]}]]");
        cr_expect_str_eq(
                st_json_path(value->first->first->first->first->first->next, path, sizeof path),
                "[0][0].a[0][1]");
}

Test(json, path_names_members_elements_and_odd_keys) {
        const struct st_json *root = parse(
                "{\"process\":{\"args\":[0,1,2]},\"a\":{\"io.x\":{\"\":1,\"line\\nbreak\":2}}}");
        const struct st_json *odd = st_json_get(st_json_get(root, "a"), "io.x");
        char buf[100];

        cr_expect_str_eq(st_json_path(root, buf, sizeof buf), "");
        cr_expect_str_eq(st_json_path(root->first->first->first->next->next, buf, sizeof buf),
                         "process.args[2]");
        cr_expect_str_eq(st_json_path(odd, buf, sizeof buf), "a[\"io.x\"]");
        cr_expect_str_eq(st_json_path(odd->first, buf, sizeof buf), "a[\"io.x\"][\"\"]");
        cr_expect_str_eq(st_json_path(odd->first->next, buf, sizeof buf),
                         "a[\"io.x\"][\"line?break\"]");
        cr_expect_str_eq(st_json_path(NULL, buf, sizeof buf), "");
}

Test(json, path_is_cut_to_the_buffer) {
        const struct st_json *value = parse("{\"process\":{\"args\":[0]}}")->first->first->first;
        char buf[16];

        for (size_t size = 1; size < sizeof buf; size++) {
                memset(buf, 'X', sizeof buf);
                st_json_path(value, buf, size);
                cr_expect_eq(strlen(buf), size - 1);
                cr_expect(!strncmp(buf, "process.args[0]", size - 1));
                cr_expect_eq(buf[size], 'X', "wrote past %zu bytes", size);
        }
        buf[0] = 'X';
        st_json_path(value, buf, 0);
        cr_expect_eq(buf[0], 'X');
}

Test(json, takes_an_error_of_null) {
        const struct st_json *root;

        cr_expect_eq(st_json_parse(arena, "doc", "{", 1, &root, NULL), -EINVAL);
}

Test(json, survives_each_failed_allocation) {
        static const char text[] = "{\"a\\n\": [\"\\u00e9\", 1, {\"b\": \"plain\"}, [[[[]]]]], "
                                   "\"k1\":1,\"k2\":1,\"k3\":1,\"k4\":1,"
                                   "\"k5\":1,\"k6\":1,\"k7\":1,\"k8\":1,\"k9\":1,\"ka\":1,\"kb\":1,"
                                   "\"kc\":1,\"kd\":1,\"ke\":1,"
                                   "\"kf\":1,\"kg\":1,\"kh\":1}";
        size_t n;

        for (n = 0;; n++) {
                struct st_arena *small = NULL;
                const struct st_json *root = NULL;
                struct st_error err = {0};
                int r;
                cr_assert(small = st_arena_new(0));
                st_test_fail_allocation(n);
                r = st_json_parse(small, "doc", text, sizeof text - 1, &root, &err);
                st_arena_free(small);
                if (!st_test_allocation_failed()) {
                        cr_expect_eq(r, 0);
                        break;
                }
                /* qsort(3) does without, when its own allocation fails */
                cr_expect(r == -ENOMEM || r == 0, "allocation %zu gave %d", n, r);
                if (r < 0)
                        cr_expect_str_eq(err.msg, "doc: out of memory");
        }
        cr_expect_gt(n, 5, "only %zu allocations: is malloc wrapped?", n);
}
