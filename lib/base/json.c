/* Theory of operation. The text is checked whole for what yajl is lax about (UTF-8, \v and \f as
 * blanks, lone surrogates, NUL), copied into the arena, and fed to yajl in one piece. Its callbacks
 * build the tree; a string without escapes stays where it is in the copy and gets its NUL in place
 * of the closing quote, which yajl has read by then. yajl does not survive a failed allocation: its
 * memory comes from yajl_get(), which leaves by longjmp() instead, and is freed as a whole
 * afterwards. */
#include "utf8.h"

#include <setjmp.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include <stint/json.h>

/* A tree needs many times the memory of a text such as "[0,0,0": this bounds it. The largest
 * configs in use have a few thousand values. */
enum { MAX_VALUES = 1 << 20 };
enum { PAIRWISE = 16 }; /* up to here comparing all pairs is faster than sorting */

struct chunk { /* a piece of yajl's memory */
        struct chunk *previous, *next;
        _Alignas(max_align_t) unsigned char data[];
};

struct container {
        struct st_json *node, *last;
};

struct parser {
        struct st_arena *arena;
        const char *name;
        const char *original;
        char *text; /* our copy of it */
        size_t length;
        struct st_json *root;
        const char *key; /* of the member whose value comes next */
        struct container open[ST_JSON_MAX_DEPTH];
        unsigned depth;
        uint32_t n_values;
        int status;
        struct st_error *err;
        struct chunk *chunks;
        jmp_buf out_of_memory;
};

/* ---- errors ---- */

static int no_memory(struct parser *p) {
        if (p->status == 0)
                p->status = st_error_set(p->err, -ENOMEM, "%s: out of memory", p->name);
        return 0; /* what a callback returns to stop yajl */
}

/* The sentence for a failure at @offset, with line and column as editors count them. */
static int syntax_error(struct parser *p, size_t offset, const char *reason) {
        size_t line = 1, column = 1;

        for (size_t i = 0; i < offset && i < p->length; i++) {
                column++;
                if (p->original[i] == '\n') {
                        line++;
                        column = 1;
                }
        }
        p->status = st_error_set(p->err, -EINVAL, "%s: line %zu, column %zu: %s", p->name, line,
                                 column, reason);
        return p->status;
}

/* A failure that is not of syntax, named by the JSON path. Returns 0, which stops yajl. */
static int refuse(struct parser *p, const struct st_json *value, const char *reason) {
        char path[200];

        st_json_path(value, path, sizeof path);
        p->status = st_error_set(p->err, -EINVAL, "%s: %s%s%s", p->name, path, *path ? ": " : "",
                                 reason);
        return 0;
}

/* ---- what yajl would let pass ---- */

static int hex4(const char *p, const char *end) {
        int value = 0;

        if (end - p < 4)
                return -1;
        for (int i = 0; i < 4; i++) {
                int digit = p[i] >= '0' && p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10;
                if (digit < 0 || digit > 15 || (digit > 9 && (p[i] | 0x20) < 'a'))
                        return -1;
                value = value * 16 + digit;
        }
        return value;
}

/* What is wrong with the "\uXXXX" at @p, or NULL. A malformed one is left to yajl. */
static const char *check_unicode_escape(const char *p, const char *end, size_t *ret_length) {
        int code = hex4(p + 2, end), low;

        *ret_length = 6;
        if (code == 0)
                return "a string holds NUL (\\u0000)";
        if (code < 0xd800 || code > 0xdfff)
                return NULL;
        *ret_length = 12;
        if (code < 0xdc00 && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
                low = hex4(p + 8, end);
                if (low >= 0xdc00 && low <= 0xdfff)
                        return NULL;
        }
        return "half of a surrogate pair";
}

static int check_escapes(struct parser *p) {
        const char *end = p->original + p->length, *at = p->original;

        while ((at = memchr(at, '\\', (size_t)(end - at)))) {
                size_t length = 2;
                if (end - at < 2)
                        break;
                if (at[1] == 'u') {
                        const char *reason = check_unicode_escape(at, end, &length);
                        if (reason)
                                return syntax_error(p, (size_t)(at - p->original), reason);
                }
                if (length > (size_t)(end - at))
                        break;
                at += length;
        }
        return 0;
}

static int check_bytes(struct parser *p) {
        static const char not_blank[] = "\v\f"; /* RFC 8259 has no such blanks */
        size_t good = st_utf8_check(p->original, p->length);

        if (good < p->length)
                return syntax_error(p, good, "invalid UTF-8");
        for (const char *c = not_blank; *c; c++) {
                const char *found = memchr(p->original, *c, p->length);
                if (found)
                        return syntax_error(p, (size_t)(found - p->original),
                                            "a control character");
        }
        return check_escapes(p);
}

/* ---- yajl's memory ---- */

static void *yajl_get_more(void *ctx, void *data, size_t size) {
        struct parser *p = ctx;
        struct chunk *old =
                data ? (struct chunk *)((unsigned char *)data - offsetof(struct chunk, data))
                     : NULL;
        struct chunk *chunk = size < SIZE_MAX / 2 ? realloc(old, sizeof *chunk + size) : NULL;

        if (!chunk)
                longjmp(p->out_of_memory, 1);
        if (!old) {
                chunk->previous = NULL;
                chunk->next = p->chunks;
        }
        if (chunk->next)
                chunk->next->previous = chunk;
        if (chunk->previous)
                chunk->previous->next = chunk;
        else
                p->chunks = chunk;
        return chunk->data;
}

static void *yajl_get(void *ctx, size_t size) {
        return yajl_get_more(ctx, NULL, size);
}

/* Nothing is worth giving back early: free_chunks() ends them all. */
static void yajl_give_back(void *ctx, void *data) {
        (void)ctx;
        (void)data;
}

static void free_chunks(struct parser *p) {
        while (p->chunks) {
                struct chunk *chunk = p->chunks;
                p->chunks = chunk->next;
                free(chunk);
        }
}

/* ---- callbacks: 1 goes on, 0 stops ---- */

static struct st_json *add(struct parser *p, enum st_json_type type) {
        struct container *parent = p->depth > 0 ? &p->open[p->depth - 1] : NULL;
        struct st_json *node;

        if (p->n_values++ == MAX_VALUES) {
                refuse(p, NULL, "more than 1048576 values");
                return NULL;
        }
        node = st_arena_alloc(p->arena, sizeof *node);
        if (!node) {
                no_memory(p);
                return NULL;
        }
        node->type = type;
        node->key = p->key;
        p->key = NULL;
        if (!parent) {
                p->root = node;
                return node;
        }
        node->parent = parent->node;
        if (parent->last)
                parent->last->next = node;
        else
                parent->node->first = node;
        parent->last = node;
        parent->node->n_children++;
        return node;
}

/* NUL-terminated: in place of the closing quote, or a copy of what yajl decoded. */
static const char *keep_string(struct parser *p, const unsigned char *text, size_t length) {
        char *kept;

        if ((const char *)text >= p->text && (const char *)text < p->text + p->length) {
                kept = p->text + ((const char *)text - p->text);
                kept[length] = 0;
                return kept;
        }
        kept = st_arena_strndup(p->arena, (const char *)text, length);
        if (!kept)
                no_memory(p);
        return kept;
}

static int on_null(void *ctx) {
        return add(ctx, ST_JSON_NULL) != NULL;
}

static int on_boolean(void *ctx, int value) {
        struct st_json *node = add(ctx, ST_JSON_BOOL);

        if (!node)
                return 0;
        node->boolean = value;
        return 1;
}

static int on_number(void *ctx, const char *text, size_t length) {
        struct parser *p = ctx;
        struct st_json *node = add(p, ST_JSON_NUMBER);

        if (!node)
                return 0;
        node->text = st_arena_strndup(p->arena, text, length);
        return node->text ? 1 : no_memory(p);
}

static int on_string(void *ctx, const unsigned char *text, size_t length) {
        struct st_json *node = add(ctx, ST_JSON_STRING);

        if (!node)
                return 0;
        node->text = keep_string(ctx, text, length);
        return node->text != NULL;
}

static int on_key(void *ctx, const unsigned char *text, size_t length) {
        struct parser *p = ctx;

        p->key = keep_string(p, text, length);
        return p->key != NULL;
}

static int open_container(struct parser *p, enum st_json_type type) {
        struct st_json *node;

        if (p->depth == ST_JSON_MAX_DEPTH)
                return refuse(p, p->open[p->depth - 1].node, "nested more than 64 levels deep");
        node = add(p, type);
        if (!node)
                return 0;
        p->open[p->depth++] = (struct container) {.node = node};
        return 1;
}

static int on_open_object(void *ctx) {
        return open_container(ctx, ST_JSON_OBJECT);
}

static int on_open_array(void *ctx) {
        return open_container(ctx, ST_JSON_ARRAY);
}

static int on_close_array(void *ctx) {
        struct parser *p = ctx;

        p->depth--;
        return 1;
}

static int compare_keys(const void *a, const void *b) {
        return strcmp((*(const struct st_json *const *)a)->key,
                      (*(const struct st_json *const *)b)->key);
}

/* Sorted, equal keys are neighbours: however hostile the object, it costs n log n. */
static int find_duplicate_sorted(const struct st_json *object, const struct st_json **ret_member) {
        st_autofree const struct st_json **members = malloc(object->n_children * sizeof *members);
        size_t n = 0;

        if (!members)
                return -ENOMEM;
        ST_JSON_FOREACH (member, object)
                members[n++] = member;
        qsort(members, n, sizeof *members, compare_keys);
        for (size_t i = 1; i < n; i++)
                if (!strcmp(members[i - 1]->key, members[i]->key))
                        *ret_member = members[i];
        return 0;
}

static int find_duplicate(const struct st_json *object, const struct st_json **ret_member) {
        if (object->n_children > PAIRWISE)
                return find_duplicate_sorted(object, ret_member);
        ST_JSON_FOREACH (member, object)
                for (const struct st_json *other = member->next; other; other = other->next)
                        if (!strcmp(member->key, other->key))
                                *ret_member = other;
        return 0;
}

static int on_close_object(void *ctx) {
        struct parser *p = ctx;
        const struct st_json *object = p->open[--p->depth].node, *duplicate = NULL;

        if (find_duplicate(object, &duplicate) < 0)
                return no_memory(p);
        if (duplicate)
                return refuse(p, duplicate, "duplicate key");
        return 1;
}

static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_boolean,
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_start_map = on_open_object,
        .yajl_map_key = on_key,
        .yajl_end_map = on_close_object,
        .yajl_start_array = on_open_array,
        .yajl_end_array = on_close_array,
};

/* ---- one document ---- */

/* yajl's own words, without its newline. */
static int yajl_refused(struct parser *p, yajl_handle yajl) {
        size_t length, offset = yajl_get_bytes_consumed(yajl);
        char reason[160];

        if (p->status < 0)
                return p->status;
        (void)snprintf(reason, sizeof reason, "%s", yajl_get_error(yajl, 0, NULL, 0));
        length = strcspn(reason, "\n");
        reason[length] = 0;
        return syntax_error(p, offset > 0 ? offset - 1 : 0, reason);
}

/* Only blanks may follow the value. yajl's own check misses an unfinished string there. */
static int check_end(struct parser *p, size_t offset) {
        while (offset < p->length && strchr(" \t\r\n", p->original[offset]) && p->original[offset])
                offset++;
        return offset < p->length ? syntax_error(p, offset, "more text after the value") : 0;
}

static int run_yajl(struct parser *p) {
        yajl_alloc_funcs memory = {
                .malloc = yajl_get, .realloc = yajl_get_more, .free = yajl_give_back, .ctx = p};
        yajl_handle yajl = yajl_alloc(&callbacks, &memory, p);
        size_t offset;

        (void)yajl_config(yajl, yajl_dont_validate_strings, 1); /* check_bytes() is stricter */
        (void)yajl_config(yajl, yajl_allow_trailing_garbage, 1);
        if (yajl_parse(yajl, (const unsigned char *)p->text, p->length) != yajl_status_ok)
                return yajl_refused(p, yajl);
        offset = yajl_get_bytes_consumed(yajl);
        if (yajl_complete_parse(yajl) != yajl_status_ok)
                return p->status < 0 ? p->status
                                     : syntax_error(p, p->length, "the text ends too early");
        return check_end(p, offset);
}

static int parse(struct parser *p) {
        if (setjmp(p->out_of_memory)) {
                no_memory(p);
                return p->status;
        }
        return run_yajl(p);
}

int st_json_parse(struct st_arena *arena, const char *name, const char *text, size_t length,
                  const struct st_json **ret_root, struct st_error *err) {
        struct parser p = {
                .arena = arena, .name = name, .original = text, .length = length, .err = err};
        int r;

        if (length > ST_JSON_MAX_SIZE)
                return st_error_set(err, -E2BIG, "%s: %zu bytes, more than %zu", name, length,
                                    ST_JSON_MAX_SIZE);
        r = check_bytes(&p);
        if (r < 0)
                return r;
        p.text = st_arena_strndup(arena, text, length);
        if (!p.text) {
                no_memory(&p);
                return p.status;
        }
        r = parse(&p);
        free_chunks(&p);
        if (r < 0)
                return r;
        *ret_root = p.root;
        return 0;
}

/* ---- the tree ---- */

const struct st_json *st_json_get(const struct st_json *object, const char *key) {
        if (!object || object->type != ST_JSON_OBJECT)
                return NULL;
        ST_JSON_FOREACH (member, object)
                if (!strcmp(member->key, key))
                        return member;
        return NULL;
}

static size_t index_of(const struct st_json *value) {
        size_t i = 0;

        for (const struct st_json *other = value->parent->first; other != value;
             other = other->next)
                i++;
        return i;
}

static bool is_plain_key(const char *key) {
        return *key &&
               key[strspn(key,
                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == 0;
}

static size_t append(char *buf, size_t size, size_t used, const char *text) {
        for (; *text && used + 1 < size; text++)
                buf[used++] = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
        return used;
}

static size_t append_step(char *buf, size_t size, size_t used, const struct st_json *value) {
        char index[24];

        if (value->parent->type == ST_JSON_ARRAY) {
                (void)snprintf(index, sizeof index, "[%zu]", index_of(value));
                return append(buf, size, used, index);
        }
        if (is_plain_key(value->key)) {
                if (used > 0)
                        used = append(buf, size, used, ".");
                return append(buf, size, used, value->key);
        }
        used = append(buf, size, used, "[\"");
        used = append(buf, size, used, value->key);
        return append(buf, size, used, "\"]");
}

char *st_json_path(const struct st_json *value, char *buf, size_t size) {
        const struct st_json *steps[ST_JSON_MAX_DEPTH];
        size_t n = 0, used = 0;

        for (; value && value->parent; value = value->parent)
                steps[n++] = value;
        while (n > 0)
                used = append_step(buf, size, used, steps[--n]);
        if (size > 0)
                buf[used] = 0;
        return buf;
}
