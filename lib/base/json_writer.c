#include "utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <stint/json.h>

enum { MAX_OPEN = 2 * ST_JSON_MAX_DEPTH }; /* a parsed value may be copied below what is open */

struct st_json_writer {
        enum st_json_style style;
        char *text;
        size_t used, room;
        unsigned depth;
        bool has_members[MAX_OPEN + 1]; /* of each container that is open; [0] is the root */
        int status;                     /* the first failure */
};

struct st_json_writer *st_json_writer_new(enum st_json_style style) {
        struct st_json_writer *w = calloc(1, sizeof *w);

        if (w)
                w->style = style;
        return w;
}

struct st_json_writer *st_json_writer_free(struct st_json_writer *w) {
        if (w)
                free(w->text);
        free(w);
        return NULL;
}

static void fail(struct st_json_writer *w, int code) {
        if (w->status == 0)
                w->status = code;
}

static bool make_room(struct st_json_writer *w, size_t length) {
        size_t room = w->room ? w->room : 256;
        char *text;

        if (w->status < 0)
                return false;
        if (w->room - w->used > length) /* one more for the NUL */
                return true;
        while (room - w->used <= length) {
                if (room > SIZE_MAX / 2) {
                        fail(w, -ENOMEM);
                        return false;
                }
                room *= 2;
        }
        text = realloc(w->text, room);
        if (!text) {
                fail(w, -ENOMEM);
                return false;
        }
        w->text = text;
        w->room = room;
        return true;
}

static void put(struct st_json_writer *w, const char *text, size_t length) {
        if (!make_room(w, length))
                return;
        memcpy(w->text + w->used, text, length);
        w->used += length;
        w->text[w->used] = 0;
}

static void put_text(struct st_json_writer *w, const char *text) {
        put(w, text, strlen(text));
}

static void put_newline(struct st_json_writer *w) {
        if (w->style != ST_JSON_PRETTY)
                return;
        put_text(w, "\n");
        for (unsigned i = 0; i < w->depth; i++)
                put_text(w, "  ");
}

static void put_escaped(struct st_json_writer *w, unsigned char c) {
        /* pairs of a byte and its letter */
        static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";
        char escape[8];

        for (const char *pair = short_forms; *pair; pair += 2) {
                if ((unsigned char)pair[0] != c)
                        continue;
                put(w, "\\", 1);
                put(w, pair + 1, 1);
                return;
        }
        (void)snprintf(escape, sizeof escape, "\\u%04x", c);
        put_text(w, escape);
}

static void put_string(struct st_json_writer *w, const char *text) {
        size_t length = strlen(text), plain;

        if (st_utf8_check(text, length) < length) {
                fail(w, -EINVAL);
                return;
        }
        put(w, "\"", 1);
        for (;;) {
                for (plain = 0; (unsigned char)text[plain] >= 0x20 && text[plain] != '"' &&
                                text[plain] != '\\';)
                        plain++;
                put(w, text, plain);
                text += plain;
                if (!*text)
                        break;
                put_escaped(w, (unsigned char)*text++);
        }
        put(w, "\"", 1);
}

/* What comes before any value: comma, line, key. */
static void begin_value(struct st_json_writer *w, const char *key) {
        if (w->has_members[w->depth])
                put(w, ",", 1);
        if (w->depth > 0)
                put_newline(w);
        w->has_members[w->depth] = true;
        if (!key)
                return;
        put_string(w, key);
        put_text(w, w->style == ST_JSON_PRETTY ? ": " : ":");
}

static void open_container(struct st_json_writer *w, const char *key, const char *bracket) {
        begin_value(w, key);
        put_text(w, bracket);
        if (w->depth == MAX_OPEN) {
                fail(w, -EINVAL);
                return;
        }
        w->has_members[++w->depth] = false;
}

static void close_container(struct st_json_writer *w, const char *bracket) {
        bool empty = !w->has_members[w->depth];

        if (w->status < 0) /* after a refused open, closes no longer pair up */
                return;
        assert(w->depth > 0);
        w->depth--;
        if (!empty)
                put_newline(w);
        put_text(w, bracket);
}

void st_json_open_object(struct st_json_writer *w, const char *key) {
        open_container(w, key, "{");
}

void st_json_close_object(struct st_json_writer *w) {
        close_container(w, "}");
}

void st_json_open_array(struct st_json_writer *w, const char *key) {
        open_container(w, key, "[");
}

void st_json_close_array(struct st_json_writer *w) {
        close_container(w, "]");
}

void st_json_string(struct st_json_writer *w, const char *key, const char *value) {
        if (!value) {
                st_json_null(w, key);
                return;
        }
        begin_value(w, key);
        put_string(w, value);
}

void st_json_int(struct st_json_writer *w, const char *key, int64_t value) {
        char text[24];

        (void)snprintf(text, sizeof text, "%" PRIi64, value);
        begin_value(w, key);
        put_text(w, text);
}

void st_json_uint(struct st_json_writer *w, const char *key, uint64_t value) {
        char text[24];

        (void)snprintf(text, sizeof text, "%" PRIu64, value);
        begin_value(w, key);
        put_text(w, text);
}

/* The shortest form that reads back as the same number. JSON has no word for NaN and infinity. */
void st_json_double(struct st_json_writer *w, const char *key, double value) {
        char text[40];

        if (!isfinite(value)) {
                fail(w, -EINVAL);
                return;
        }
        for (int digits = 15; digits <= 17; digits++) {
                (void)snprintf(text, sizeof text, "%.*g", digits, value);
                if (strtod(text, NULL) == value)
                        break;
        }
        for (char *c = text; *c; c++)
                if (*c == ',') /* the decimal point of the caller's locale */
                        *c = '.';
        begin_value(w, key);
        put_text(w, text);
}

void st_json_bool(struct st_json_writer *w, const char *key, bool value) {
        begin_value(w, key);
        put_text(w, value ? "true" : "false");
}

void st_json_null(struct st_json_writer *w, const char *key) {
        begin_value(w, key);
        put_text(w, "null");
}

/* As deep as the reader allows: ST_JSON_MAX_DEPTH calls. */
static void copy_container(struct st_json_writer *w, const char *key, const struct st_json *value) {
        bool is_object = value->type == ST_JSON_OBJECT;

        open_container(w, key, is_object ? "{" : "[");
        ST_JSON_FOREACH (child, value)
                st_json_value(w, child->key, child);
        close_container(w, is_object ? "}" : "]");
}

void st_json_value(struct st_json_writer *w, const char *key, const struct st_json *value) {
        switch (value->type) {
        case ST_JSON_NULL:
                st_json_null(w, key);
                break;
        case ST_JSON_BOOL:
                st_json_bool(w, key, value->boolean);
                break;
        case ST_JSON_NUMBER:
                begin_value(w, key);
                put_text(w, value->text);
                break;
        case ST_JSON_STRING:
                st_json_string(w, key, value->text);
                break;
        case ST_JSON_ARRAY:
        case ST_JSON_OBJECT:
                copy_container(w, key, value);
                break;
        }
}

int st_json_writer_finish(struct st_json_writer *w, const char **ret_text, size_t *ret_length,
                          struct st_error *err) {
        if (w->status == -ENOMEM)
                return st_error_set(err, -ENOMEM, "write JSON: out of memory");
        if (w->status < 0)
                return st_error_set(err, w->status, "write JSON: a value that JSON cannot hold");
        assert(w->depth == 0 && w->text);
        *ret_text = w->text;
        if (ret_length)
                *ret_length = w->used;
        return 0;
}

char *st_json_serialize(struct st_arena *arena, const struct st_json *value) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        const char *text = NULL;
        size_t length = 0;

        if (!w)
                return NULL;
        st_json_value(w, NULL, value);
        if (st_json_writer_finish(w, &text, &length, NULL) < 0)
                return NULL;
        return st_arena_strndup(arena, text, length);
}
