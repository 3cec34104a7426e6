#include "allocations.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include <stint/arena.h>

TestSuite(arena, .fini = st_test_no_leaks);

Test(arena, gives_zeroed_aligned_memory) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);

        cr_assert(arena);
        for (size_t size = 1; size < 5000; size += 37) {
                unsigned char *p = st_arena_alloc(arena, size);
                cr_assert(p);
                cr_expect_eq((uintptr_t)p % _Alignof(max_align_t), 0);
                for (size_t i = 0; i < size; i++)
                        cr_assert_eq(p[i], 0);
                memset(p, 0xff, size);
        }
}

Test(arena, keeps_what_it_gave_when_it_grows) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(64);
        char *texts[200];

        for (int i = 0; i < 200; i++)
                cr_assert(texts[i] = st_arena_printf(arena, "text %d of %s", i, "many"));
        for (int i = 0; i < 200; i++) {
                char want[40];
                (void)snprintf(want, sizeof want, "text %d of many", i);
                cr_expect_str_eq(texts[i], want);
        }
}

Test(arena, goes_on_filling_its_block_after_a_large_request) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(1024);
        char *before = st_arena_strdup(arena, "before");
        char *large = st_arena_alloc(arena, 1 << 20);
        char *after = st_arena_strdup(arena, "after");

        cr_assert(before && large && after);
        memset(large, 'x', 1 << 20);
        cr_expect_str_eq(before, "before");
        cr_expect_str_eq(after, "after");
}

Test(arena, copies_exactly_the_bytes_asked_for) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        const char *copy = st_arena_strndup(arena, "abcdef", 3);

        cr_assert(copy);
        cr_expect_str_eq(copy, "abc");
        cr_expect_str_eq(st_arena_strndup(arena, "", 0), "");
}

Test(arena, refuses_sizes_that_overflow) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);

        cr_expect_null(st_arena_array(arena, SIZE_MAX / 2, 3));
        cr_expect_null(st_arena_alloc(arena, SIZE_MAX));
        cr_expect_null(st_arena_alloc(arena, SIZE_MAX - 8));
        cr_expect_null(st_arena_strndup(arena, "", SIZE_MAX));
        cr_expect(st_arena_array(arena, 0, 8), "an empty array is no failure");
}

Test(arena, free_accepts_null) {
        cr_expect_null(st_arena_free(NULL));
}

Test(arena, survives_each_failed_allocation) {
        for (size_t n = 0;; n++) {
                struct st_arena *arena;
                bool complete;
                st_test_fail_allocation(n);
                arena = st_arena_new(100);
                complete = arena && st_arena_strdup(arena, "small") &&
                           st_arena_alloc(arena, 100000) && st_arena_printf(arena, "%2000d", 1) &&
                           st_arena_array(arena, 30, 30);
                st_arena_free(arena);
                cr_expect_eq(complete, !st_test_allocation_failed(), "at allocation %zu", n);
                if (complete)
                        break;
        }
}
