#include "reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include <stint/parse.h>

enum { SHOWN = 48, MAX_LISTED_CPUS = 8192 };
enum { LONGEST_CPU_LIST = 65536 }; /* with every CPU in it by itself: 40 KB */

/* ---- failures ---- */

/* A value as messages show it: cut short, one line, never half a character. */
static void show(const struct st_json *value, char buf[SHOWN + 8]) {
        const char *quote = value->type == ST_JSON_STRING ? "\"" : "", *dots = "";
        size_t length;

        switch (value->type) {
        case ST_JSON_NULL:
                strcpy(buf, "null");
                return;
        case ST_JSON_BOOL:
                strcpy(buf, value->boolean ? "true" : "false");
                return;
        case ST_JSON_ARRAY:
                strcpy(buf, "an array");
                return;
        case ST_JSON_OBJECT:
                strcpy(buf, "an object");
                return;
        case ST_JSON_NUMBER:
        case ST_JSON_STRING:
                break;
        }
        length = strnlen(value->text, SHOWN + 1);
        if (length > SHOWN) {
                dots = "...";
                length = SHOWN - 3;
                while (length > 0 && ((unsigned char)value->text[length] & 0xc0) == 0x80)
                        length--;
        }
        (void)sprintf(buf, "%s%.*s%s%s", quote, (int)length, value->text, dots, quote);
        for (char *c = buf; *c; c++)
                if ((unsigned char)*c < 0x20 || *c == 0x7f)
                        *c = '?';
}

static void fail(struct st_reader *r, const char *path, const char *sentence) {
        r->status = st_error_set(r->err, -EINVAL, "%s: %s%s%s", r->document, path,
                                 *path ? ": " : "", sentence);
        (void)st_error_kind(r->err, 0, ST_CODE_CONFIG_INVALID);
}

st_printf(4, 0) static void reject(struct st_reader *r, const struct st_json *value,
                                   const char *what, const char *fmt, va_list ap) {
        char path[200], reason[280], sentence[400];

        (void)vsnprintf(reason, sizeof reason, fmt, ap); /* a cut message is still one */
        (void)snprintf(sentence, sizeof sentence, "%s %s", what, reason);
        fail(r, st_json_path(value, path, sizeof path), sentence);
}

void st_reader_reject(struct st_reader *r, const struct st_json *value, const char *fmt, ...) {
        char shown[SHOWN + 8];
        va_list ap;

        if (r->status < 0)
                return;
        show(value, shown);
        va_start(ap, fmt);
        reject(r, value, shown, fmt, ap);
        va_end(ap);
}

void st_reader_reject_key(struct st_reader *r, const struct st_json *member, const char *fmt, ...) {
        va_list ap;

        if (r->status < 0)
                return;
        va_start(ap, fmt);
        reject(r, member, "the key", fmt, ap);
        va_end(ap);
}

void st_reader_missing(struct st_reader *r, const struct st_json *object, const char *key,
                       const char *what) {
        char path[200], sentence[160];
        size_t used;

        if (r->status < 0)
                return;
        st_json_path(object, path, sizeof path);
        used = strlen(path);
        (void)snprintf(path + used, sizeof path - used, "%s%s", used > 0 ? "." : "", key);
        (void)snprintf(sentence, sizeof sentence, "is missing: %s is required", what);
        fail(r, path, sentence);
}

void st_reader_no_memory(struct st_reader *r) {
        if (r->status == 0)
                r->status = st_error_set(r->err, -ENOMEM, "%s: out of memory", r->document);
}

void *st_reader_alloc(struct st_reader *r, size_t n, size_t size) {
        void *p = r->status < 0 ? NULL : st_arena_array(r->arena, n, size);

        if (!p)
                st_reader_no_memory(r);
        return p;
}

/* ---- members ---- */

const struct st_json *st_reader_member(const struct st_json *object, const char *key) {
        const struct st_json *member = st_json_get(object, key);

        return member && member->type != ST_JSON_NULL ? member : NULL;
}

static const struct st_json *typed_member(struct st_reader *r, const struct st_json *object,
                                          const char *key, enum st_json_type type,
                                          const char *what) {
        const struct st_json *member = st_reader_member(object, key);

        if (!member || member->type == type)
                return member;
        st_reader_reject(r, member, "is not %s", what);
        return NULL;
}

const struct st_json *st_reader_object(struct st_reader *r, const struct st_json *object,
                                       const char *key) {
        return typed_member(r, object, key, ST_JSON_OBJECT, "an object");
}

const struct st_json *st_reader_array(struct st_reader *r, const struct st_json *object,
                                      const char *key) {
        return typed_member(r, object, key, ST_JSON_ARRAY, "an array");
}

bool st_reader_is_object(struct st_reader *r, const struct st_json *value) {
        if (value->type != ST_JSON_OBJECT)
                st_reader_reject(r, value, "is not an object");
        return value->type == ST_JSON_OBJECT;
}

/* ---- scalars ---- */

bool st_reader_bool(struct st_reader *r, const struct st_json *object, const char *key,
                    bool *ret_has) {
        const struct st_json *member = typed_member(r, object, key, ST_JSON_BOOL, "true or false");

        if (ret_has)
                *ret_has = member != NULL;
        return member && member->boolean;
}

const char *st_reader_string(struct st_reader *r, const struct st_json *object, const char *key) {
        const struct st_json *member = typed_member(r, object, key, ST_JSON_STRING, "a string");

        return member && *member->text ? member->text : NULL;
}

const char *st_reader_need_string(struct st_reader *r, const struct st_json *object,
                                  const char *key) {
        const char *text = st_reader_string(r, object, key);

        if (!text)
                st_reader_missing(r, object, key, "a string");
        return text ? text : "";
}

const char *st_reader_text(struct st_reader *r, const struct st_json *value) {
        if (value->type == ST_JSON_STRING)
                return value->text;
        st_reader_reject(r, value, "is not a string");
        return "";
}

const char *st_reader_path(struct st_reader *r, const struct st_json *object, const char *key) {
        const char *path = st_reader_string(r, object, key);

        if (path && *path != '/')
                st_reader_reject(r, st_json_get(object, key), "is not an absolute path");
        return path;
}

const char *st_reader_need_path(struct st_reader *r, const struct st_json *object,
                                const char *key) {
        const char *path = st_reader_path(r, object, key);

        if (!path)
                st_reader_missing(r, object, key, "an absolute path");
        return path ? path : "";
}

/* Callers write integers as such: 1.0 and 1e3 are refused, as Go's decoder does. */
static bool is_integer(struct st_reader *r, const struct st_json *value) {
        if (value->type == ST_JSON_NUMBER && !strpbrk(value->text, ".eE"))
                return true;
        st_reader_reject(r, value, "is not an integer");
        return false;
}

int64_t st_reader_signed(struct st_reader *r, const struct st_json *value, int64_t min,
                         int64_t max) {
        int64_t number;

        if (!is_integer(r, value))
                return 0;
        if (st_parse_i64(value->text, &number) < 0 || number < min || number > max) {
                st_reader_reject(r, value, "is not in %" PRIi64 "..%" PRIi64, min, max);
                return 0;
        }
        return number;
}

uint64_t st_reader_unsigned(struct st_reader *r, const struct st_json *value, uint64_t min,
                            uint64_t max) {
        uint64_t number;

        if (!is_integer(r, value))
                return 0;
        if (st_parse_u64(value->text, &number) < 0 || number < min || number > max) {
                st_reader_reject(r, value, "is not in %" PRIu64 "..%" PRIu64, min, max);
                return 0;
        }
        return number;
}

struct st_optional_i64 st_reader_int(struct st_reader *r, const struct st_json *object,
                                     const char *key, int64_t min, int64_t max) {
        const struct st_json *member = st_reader_member(object, key);
        struct st_optional_i64 result = {.has = member != NULL};

        if (member)
                result.value = st_reader_signed(r, member, min, max);
        return result;
}

struct st_optional_u64 st_reader_uint(struct st_reader *r, const struct st_json *object,
                                      const char *key, uint64_t max) {
        const struct st_json *member = st_reader_member(object, key);
        struct st_optional_u64 result = {.has = member != NULL};

        if (member)
                result.value = st_reader_unsigned(r, member, 0, max);
        return result;
}

uint64_t st_reader_need_uint(struct st_reader *r, const struct st_json *object, const char *key,
                             uint64_t max) {
        struct st_optional_u64 number = st_reader_uint(r, object, key, max);

        if (!number.has)
                st_reader_missing(r, object, key, "an integer");
        return number.value;
}

int64_t st_reader_need_int(struct st_reader *r, const struct st_json *object, const char *key,
                           int64_t min, int64_t max) {
        struct st_optional_i64 number = st_reader_int(r, object, key, min, max);

        if (!number.has)
                st_reader_missing(r, object, key, "an integer");
        return number.value;
}

uint64_t st_reader_name(struct st_reader *r, const struct st_json *value,
                        const struct st_name *names) {
        const char *text = st_reader_text(r, value);
        char allowed[240] = "";
        size_t used = 0;

        for (const struct st_name *n = names; n->name; n++)
                if (!strcmp(n->name, text))
                        return n->value;
        for (const struct st_name *n = names; n->name && used < sizeof allowed; n++)
                used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%s",
                                         used ? ", " : "", n->name);
        st_reader_reject(r, value, "is not one of %s", allowed);
        return 0;
}

/* ---- lists ---- */

char **st_reader_strings(struct st_reader *r, const struct st_json *object, const char *key,
                         size_t *ret_n) {
        const struct st_json *array = st_reader_array(r, object, key);
        char **vector;
        size_t n = 0;

        if (!array)
                return NULL;
        vector = st_reader_alloc(r, (size_t)array->n_children + 1, sizeof *vector);
        if (!vector)
                return NULL;
        ST_JSON_FOREACH (element, array)
                vector[n++] = (char *)st_reader_text(
                        r, element); /* execve(2) wants it so; nobody writes there */
        if (ret_n)
                *ret_n = n;
        return vector;
}

char **st_reader_strings_or_empty(struct st_reader *r, const struct st_json *object,
                                  const char *key, size_t *ret_n) {
        char **vector = st_reader_strings(r, object, key, ret_n);

        return vector ? vector : st_reader_alloc(r, 1, sizeof *vector);
}

char **st_reader_paths(struct st_reader *r, const struct st_json *object, const char *key) {
        ST_JSON_FOREACH (element, st_reader_array(r, object, key))
                if (*st_reader_text(r, element) != '/')
                        st_reader_reject(r, element, "is not an absolute path");
        return st_reader_strings_or_empty(r, object, key, NULL);
}

struct st_string_pair *st_reader_pairs(struct st_reader *r, const struct st_json *object,
                                       const char *key, size_t *ret_n) {
        const struct st_json *map = st_reader_object(r, object, key);
        struct st_string_pair *pairs;
        size_t n = 0;

        if (!map)
                return NULL;
        pairs = st_reader_alloc(r, map->n_children, sizeof *pairs);
        if (!pairs)
                return NULL;
        ST_JSON_FOREACH (member, map)
                pairs[n++] = (struct st_string_pair) {member->key, st_reader_text(r, member)};
        *ret_n = n;
        return pairs;
}

const char *st_reader_cpu_list(struct st_reader *r, const struct st_json *object, const char *key,
                               unsigned limit) {
        const char *text = st_reader_string(r, object, key);
        uint64_t mask[MAX_LISTED_CPUS / 64];

        if (!text)
                return NULL;
        if (strlen(text) > LONGEST_CPU_LIST || st_parse_cpu_list(text, mask, limit / 64) < 0)
                st_reader_reject(r, st_json_get(object, key),
                                 "is not a list such as \"0-3,7\" below %u", limit);
        return text;
}
