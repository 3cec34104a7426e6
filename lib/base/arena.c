#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include <stint/arena.h>

enum { SMALLEST_BLOCK = 1024, LARGEST_STEP = 1 << 20 };

/* With AddressSanitizer every allocation is a block of its own: reading past one is seen. */
#if defined(__SANITIZE_ADDRESS__)
#define ONE_EACH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_EACH 1
#endif
#endif
#ifndef ONE_EACH
#define ONE_EACH 0
#endif

struct block {
        struct block *next;
        size_t size, used;
        alignas(max_align_t) unsigned char data[];
};

struct st_arena {
        struct block *blocks; /* the first one is the one being filled */
        size_t next_size;
};

struct st_arena *st_arena_new(size_t first_size) {
        struct st_arena *arena = calloc(1, sizeof *arena);

        if (!arena)
                return NULL;
        arena->next_size = first_size > SMALLEST_BLOCK ? first_size : SMALLEST_BLOCK;
        return arena;
}

struct st_arena *st_arena_free(struct st_arena *arena) {
        if (!arena)
                return NULL;
        while (arena->blocks) {
                struct block *block = arena->blocks;
                arena->blocks = block->next;
                free(block);
        }
        free(arena);
        return NULL;
}

/* Not cleared: what is never handed out costs no page. */
static struct block *new_block(size_t size) {
        struct block *block;

        if (size > SIZE_MAX - sizeof *block)
                return NULL;
        block = malloc(sizeof *block + size);
        if (block)
                *block = (struct block) {.size = size};
        return block;
}

static void *take(struct block *block, size_t size, size_t align) {
        size_t start = (block->used + align - 1) & ~(align - 1);

        if (start > block->size || size > block->size - start)
                return NULL;
        block->used = start + size;
        return block->data + start;
}

/* A request that would waste most of a block gets one of its own, behind the block being filled. */
static void *take_own_block(struct st_arena *arena, size_t size) {
        struct block *block = new_block(size);

        if (!block)
                return NULL;
        block->used = size;
        if (arena->blocks) {
                block->next = arena->blocks->next;
                arena->blocks->next = block;
        } else {
                arena->blocks = block;
        }
        return block->data;
}

static void *allocate(struct st_arena *arena, size_t size, size_t align) {
        struct block *block;
        void *p = arena->blocks ? take(arena->blocks, size, align) : NULL;

        if (p)
                return p;
        if (ONE_EACH || size > arena->next_size / 2)
                return take_own_block(arena, size);
        block = new_block(arena->next_size);
        if (!block)
                return NULL;
        block->next = arena->blocks;
        arena->blocks = block;
        if (arena->next_size < LARGEST_STEP)
                arena->next_size *= 2;
        return take(block, size, align);
}

void *st_arena_alloc(struct st_arena *arena, size_t size) {
        void *p = allocate(arena, size, alignof(max_align_t));

        return p ? memset(p, 0, size) : NULL;
}

void *st_arena_array(struct st_arena *arena, size_t n, size_t size) {
        size_t total;

        if (__builtin_mul_overflow(n, size, &total))
                return NULL;
        return st_arena_alloc(arena, total);
}

char *st_arena_strdup(struct st_arena *arena, const char *text) {
        return st_arena_strndup(arena, text, strlen(text));
}

char *st_arena_strndup(struct st_arena *arena, const char *text, size_t length) {
        char *copy = length < SIZE_MAX ? allocate(arena, length + 1, 1) : NULL;

        if (!copy)
                return NULL;
        memcpy(copy, text, length);
        copy[length] = 0;
        return copy;
}

char *st_arena_printf(struct st_arena *arena, const char *fmt, ...) {
        char *text;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        if (n < 0)
                return NULL;
        text = allocate(arena, (size_t)n + 1, 1);
        if (!text)
                return NULL;
        va_start(ap, fmt);
        (void)vsnprintf(text, (size_t)n + 1, fmt, ap); /* measured above */
        va_end(ap);
        return text;
}
