/* include/stint/json.h: strict JSON (RFC 8259) in, a read-only tree out; and a writer.
 *
 * The tree and its strings live in the arena that the caller gives. The reader refuses: duplicate
 * keys of one object, invalid UTF-8, NUL in strings, trailing bytes, more than ST_JSON_MAX_DEPTH
 * levels, more than a million values, texts over ST_JSON_MAX_SIZE. Errors name the line and column,
 * or the JSON path. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stint/arena.h>
#include <stint/error.h>

enum { ST_JSON_MAX_DEPTH = 64 };
#define ST_JSON_MAX_SIZE ((size_t)64 << 20)

enum st_json_type {
        ST_JSON_NULL,
        ST_JSON_BOOL,
        ST_JSON_NUMBER, /* kept as text: the reader of a field says which range it wants */
        ST_JSON_STRING,
        ST_JSON_ARRAY,
        ST_JSON_OBJECT,
};

struct st_json {
        enum st_json_type type;
        bool boolean;
        uint32_t n_children;          /* array, object */
        const char *key;              /* set in a member of an object; NUL-terminated */
        const char *text;             /* string (unescaped) or number (as written) */
        const struct st_json *parent; /* NULL at the root */
        const struct st_json *first;  /* first child */
        const struct st_json *next;   /* next sibling */
};

/**
 * Parse @length bytes of @text.
 * @name  what errors call the document, for example "config.json"
 * Errors: -EINVAL not JSON; -E2BIG over ST_JSON_MAX_SIZE; -ENOMEM.
 */
int st_json_parse(struct st_arena *arena, const char *name, const char *text, size_t length,
                  const struct st_json **ret_root, struct st_error *err) st_must_check;

#define ST_JSON_FOREACH(child, container)                                                          \
        for (const struct st_json *child = (container) ? (container)->first : NULL; child;         \
             child = child->next)

/* NULL when @object is NULL, is no object, or has no such member. */
const struct st_json *st_json_get(const struct st_json *object, const char *key);
/* Write the path of @value, such as "process.args[2]", into @buf (cut when too small). Returns
 * @buf. */
char *st_json_path(const struct st_json *value, char *buf, size_t size);

/* Serialise a tree (or a part of it) to compact JSON text in the arena; NULL when memory is out. */
char *st_json_serialize(struct st_arena *arena, const struct st_json *value);

/* Writer: calls nest; a failure is remembered and reported by st_json_writer_finish(). */
struct st_json_writer;
enum st_json_style { ST_JSON_COMPACT, ST_JSON_PRETTY };
struct st_json_writer *st_json_writer_new(enum st_json_style style);
struct st_json_writer *st_json_writer_free(struct st_json_writer *w);
void st_json_open_object(struct st_json_writer *w,
                         const char *key); /* key NULL inside an array or at the root */
void st_json_close_object(struct st_json_writer *w);
void st_json_open_array(struct st_json_writer *w, const char *key);
void st_json_close_array(struct st_json_writer *w);
void st_json_string(struct st_json_writer *w, const char *key,
                    const char *value); /* value NULL writes null */
void st_json_int(struct st_json_writer *w, const char *key, int64_t value);
void st_json_uint(struct st_json_writer *w, const char *key, uint64_t value);
void st_json_double(struct st_json_writer *w, const char *key, double value);
void st_json_bool(struct st_json_writer *w, const char *key, bool value);
void st_json_null(struct st_json_writer *w, const char *key);
/* Copy a parsed value. */
void st_json_value(struct st_json_writer *w, const char *key, const struct st_json *value);
/* The finished text, owned by the writer. Errors: -ENOMEM, -EINVAL (a string is not UTF-8). */
int st_json_writer_finish(struct st_json_writer *w, const char **ret_text, size_t *ret_length,
                          struct st_error *err) st_must_check;

ST_DEFINE_FREEP(struct st_json_writer, st_json_writer_free);
