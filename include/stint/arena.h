/* include/stint/arena.h: many small allocations, freed at once. For parsed documents and plans. */
#pragma once
#include <stddef.h>

#include <stint/cleanup.h>
#include <stint/error.h>

struct st_arena;

/* @first_size is a hint: how much the first block holds. NULL when memory is out. */
struct st_arena *st_arena_new(size_t first_size);
struct st_arena *st_arena_free(struct st_arena *arena);
/* Zeroed, aligned for any type; NULL when memory is out. */
void *st_arena_alloc(struct st_arena *arena, size_t size);
/* n * size with an overflow check (NULL then). */
void *st_arena_array(struct st_arena *arena, size_t n, size_t size);
char *st_arena_strdup(struct st_arena *arena, const char *text);
char *st_arena_strndup(struct st_arena *arena, const char *text, size_t length);
char *st_arena_printf(struct st_arena *arena, const char *fmt, ...) st_printf(2, 3);

ST_DEFINE_FREEP(struct st_arena, st_arena_free);
