#include "allocations.h"

#include <malloc.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static size_t countdown; /* 0: none is going to fail */
static bool failed;
static size_t live, peak;

void st_test_fail_allocation(size_t n) {
        countdown = n + 1;
        failed = false;
}

bool st_test_allocation_failed(void) {
        bool did = failed;

        countdown = 0;
        failed = false;
        return did;
}

void st_test_count_from_here(void) {
        live = peak = 0;
}

size_t st_test_peak_bytes(void) {
        return peak;
}

static bool must_fail(void) {
        if (countdown == 0 || --countdown > 0)
                return false;
        failed = true;
        return true;
}

static void *count(void *p) {
        if (p)
                live += malloc_usable_size(p);
        if (live > peak)
                peak = live;
        return p;
}

/* Blocks from before st_test_count_from_here() may go now. */
static void discount(void *p) {
        size_t size = p ? malloc_usable_size(p) : 0;

        live -= size < live ? size : live;
}

void *__wrap_malloc(size_t size) {
        return must_fail() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size) {
        return must_fail() ? NULL : count(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size) {
        if (must_fail())
                return NULL;
        discount(p);
        return count(__real_realloc(p, size));
}

void __wrap_free(void *p) {
        discount(p);
        __real_free(p);
}
