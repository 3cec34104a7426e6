/* Texts of the largest size that are made to cost much: each ends in bounded time and memory. */
#include "allocations.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include <stint/json.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_UNDEFINED__)
enum { SECONDS = 60 };
#else
enum { SECONDS = 5 };
#endif
enum { TIMES_THE_INPUT = 5 };

static char *text;
static size_t used;

static void set_up(void) {
        cr_assert(text = malloc(ST_JSON_MAX_SIZE + 1));
        used = 0;
}

static void tear_down(void) {
        free(text);
        text = NULL;
        st_test_no_leaks();
}

TestSuite(json_hostile, .init = set_up, .fini = tear_down, .timeout = 110);

static void put(const char *piece) {
        size_t length = strlen(piece);

        cr_assert(length <= ST_JSON_MAX_SIZE - used);
        memcpy(text + used, piece, length);
        used += length;
}

/* @piece again and again, with room left for @tail. */
static void fill(const char *piece, const char *tail) {
        size_t length = strlen(piece);

        while (used + length + strlen(tail) <= ST_JSON_MAX_SIZE) {
                memcpy(text + used, piece, length);
                used += length;
        }
        put(tail);
}

static double cpu_seconds(void) {
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void expect(int want, const char *message) {
        struct st_arena *arena = st_arena_new(0);
        const struct st_json *root;
        struct st_error err = {0};
        double begin = cpu_seconds(), took;
        int r;

        st_test_count_from_here();
        r = st_json_parse(arena, "doc", text, used, &root, &err);
        took = cpu_seconds() - begin;
        st_arena_free(arena);
        cr_expect_eq(r, want, "gave %d: %s", r, err.msg);
        cr_expect(strstr(err.msg, message), "message was: %s", err.msg);
        cr_expect_lt(took, SECONDS, "took %.1f s", took);
        cr_expect_leq(st_test_peak_bytes(), TIMES_THE_INPUT * ST_JSON_MAX_SIZE, "took %zu MiB",
                      st_test_peak_bytes() >> 20);
}

Test(json_hostile, a_byte_too_many) {
        put("\"");
        fill("x", "\"");
        used++;
        expect(-E2BIG, "doc: 67108865 bytes, more than 67108864");
}

Test(json_hostile, one_long_string) {
        put("\"");
        fill("x", "\"");
        expect(0, "");
}

Test(json_hostile, one_long_string_without_an_end) {
        put("\"");
        fill("x", "");
        expect(-EINVAL, "too early");
}

Test(json_hostile, one_long_string_of_escapes) {
        put("\"");
        fill("\\n", "\"");
        expect(0, "");
}

Test(json_hostile, one_long_string_of_surrogate_pairs) {
        put("\"");
        fill("\\ud83d\\ude00", "\"");
        expect(0, "");
}

Test(json_hostile, one_long_key_twice) {
        size_t begin, length;

        put("{\"");
        begin = used;
        length = ST_JSON_MAX_SIZE / 2 - 16;
        memset(text + used, 'k', length);
        used += length;
        put("\":1,\"");
        memcpy(text + used, text + begin, length);
        used += length;
        put("\":2}");
        expect(-EINVAL, "doc: kkkkkkkkkk");
}

Test(json_hostile, one_long_number) {
        fill("9", "");
        expect(0, "");
}

Test(json_hostile, blanks) {
        fill(" \n", "}");
        expect(-EINVAL, "line 33554432");
}

Test(json_hostile, brackets) {
        fill("[", "");
        expect(-EINVAL, "nested more than 64 levels deep");
}

Test(json_hostile, objects_in_objects) {
        fill("{\"a\":", "");
        expect(-EINVAL, "nested more than 64 levels deep");
}

Test(json_hostile, more_elements_than_anybody_needs) {
        put("[0");
        fill(",0", "]");
        expect(-EINVAL, "more than 1048576 values");
}

Test(json_hostile, more_empty_objects_than_anybody_needs) {
        put("[{}");
        fill(",{}", "]");
        expect(-EINVAL, "more than 1048576 values");
}

/* A million keys that differ in their last bytes only. */
static void put_keys(const char *last) {
        put("{");
        for (uint64_t i = 0; i < 1000000; i++) {
                char member[80];
                (void)sprintf(member, "\"common-prefix-of-all-the-keys-that-there-are-%07u\":0,",
                              (unsigned)(i * 7919 % 1000000));
                put(member);
        }
        put(last);
}

Test(json_hostile, a_million_keys) {
        put_keys("\"last\":0}");
        expect(0, "");
}

Test(json_hostile, a_million_keys_and_one_again) {
        put_keys("\"common-prefix-of-all-the-keys-that-there-are-0000042\":0}");
        expect(-EINVAL, "keys-that-there-are-0000042\"]: duplicate key");
}
