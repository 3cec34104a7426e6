/* reader.h: typed members of a JSON tree, with the first failure remembered.
 *
 * Every function is harmless after a failure and then gives a value that is safe to use (NULL, "",
 * 0, an empty vector), so that the readers of the sections need no branch for each member: only the
 * entry point asks for the status. A member that is null counts as absent, as Go's encoders mean
 * it. */
#pragma once
#include <stint/json.h>
#include <stint/spec.h>

struct st_reader {
        struct st_arena *arena;
        const char *document; /* what messages call it: "config.json" */
        struct st_error *err;
        int status; /* 0, or the first failure: then @err is set */
};

/* One spelling and what it stands for. */
struct st_name {
        const char *name;
        uint64_t value;
};

/* ---- failures ---- */
/* "document: path: value SENTENCE", for example "... is not an absolute path". */
void st_reader_reject(struct st_reader *r, const struct st_json *value, const char *fmt, ...)
        st_printf(3, 4);
/* The same for the key of a member: "document: path: the key SENTENCE". */
void st_reader_reject_key(struct st_reader *r, const struct st_json *member, const char *fmt, ...)
        st_printf(3, 4);
/* "document: path.key: is missing: WHAT is required". */
void st_reader_missing(struct st_reader *r, const struct st_json *object, const char *key,
                       const char *what);
void st_reader_no_memory(struct st_reader *r);

/* ---- memory: NULL (and a failure) when there is none ---- */
void *st_reader_alloc(struct st_reader *r, size_t n, size_t size);

/* ---- members: NULL when absent or null ---- */
const struct st_json *st_reader_member(const struct st_json *object, const char *key);
const struct st_json *st_reader_object(struct st_reader *r, const struct st_json *object,
                                       const char *key);
const struct st_json *st_reader_array(struct st_reader *r, const struct st_json *object,
                                      const char *key);
/* As above, and a failure unless @value itself has the type. */
bool st_reader_is_object(struct st_reader *r, const struct st_json *value);

/* ---- scalars ---- */
bool st_reader_bool(struct st_reader *r, const struct st_json *object, const char *key,
                    bool *ret_has);
/* NULL when absent, null or "" (Go writes "" for what was not set). */
const char *st_reader_string(struct st_reader *r, const struct st_json *object, const char *key);
/* "" after the failure that an absent or empty one is. */
const char *st_reader_need_string(struct st_reader *r, const struct st_json *object,
                                  const char *key);
/* The text of an element that must be a string; "" after a failure. */
const char *st_reader_text(struct st_reader *r, const struct st_json *value);
/* As st_reader_string() and st_reader_need_string(), for what must begin with '/'. */
const char *st_reader_path(struct st_reader *r, const struct st_json *object, const char *key);
const char *st_reader_need_path(struct st_reader *r, const struct st_json *object, const char *key);

int64_t st_reader_signed(struct st_reader *r, const struct st_json *value, int64_t min,
                         int64_t max);
uint64_t st_reader_unsigned(struct st_reader *r, const struct st_json *value, uint64_t min,
                            uint64_t max);
struct st_optional_i64 st_reader_int(struct st_reader *r, const struct st_json *object,
                                     const char *key, int64_t min, int64_t max);
struct st_optional_u64 st_reader_uint(struct st_reader *r, const struct st_json *object,
                                      const char *key, uint64_t max);
uint64_t st_reader_need_uint(struct st_reader *r, const struct st_json *object, const char *key,
                             uint64_t max);
int64_t st_reader_need_int(struct st_reader *r, const struct st_json *object, const char *key,
                           int64_t min, int64_t max);

/* The value of a name from @names (ended by a NULL name); the failure lists them. */
uint64_t st_reader_name(struct st_reader *r, const struct st_json *value,
                        const struct st_name *names);

/* ---- lists ---- */
/* A NULL-terminated vector; NULL when absent. @ret_n may be NULL. */
char **st_reader_strings(struct st_reader *r, const struct st_json *object, const char *key,
                         size_t *ret_n);
/* The same, but an empty vector when absent; and with every element beginning with '/'. */
char **st_reader_strings_or_empty(struct st_reader *r, const struct st_json *object,
                                  const char *key, size_t *ret_n);
char **st_reader_paths(struct st_reader *r, const struct st_json *object, const char *key);
/* An object whose values are strings, in the order written. */
struct st_string_pair *st_reader_pairs(struct st_reader *r, const struct st_json *object,
                                       const char *key, size_t *ret_n);
/* A CPU or node list ("0-3,7") below @limit, checked; NULL when absent or "". */
const char *st_reader_cpu_list(struct st_reader *r, const struct st_json *object, const char *key,
                               unsigned limit);
