#include "rdt_schemata.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <stint/parse.h>

struct word {
        const char *text;
        size_t length;
};

/* A walk over the values: "L3", "0", "7ff"; then "L3", "1", ... */
struct cursor {
        const char *at;
        struct word resource, domain, value; /* an empty value: the text is malformed here */
};

/* Up to one of @ends, without blanks around and zeros in front; the cursor stands at that end. */
static struct word next_word(struct cursor *cursor, const char *ends) {
        struct word word = {.text = cursor->at, .length = strcspn(cursor->at, ends)};

        cursor->at += word.length;
        while (word.length > 0 && strchr(" \t", word.text[0]))
                word.text++, word.length--;
        while (word.length > 0 && strchr(" \t", word.text[word.length - 1]))
                word.length--;
        while (word.length > 1 && word.text[0] == '0')
                word.text++, word.length--;
        return word;
}

static bool next_value(struct cursor *cursor) {
        /* the end of a line, with or without a last separator */
        while (*cursor->at == '\n' || (cursor->at[0] == ';' && strchr("\n", cursor->at[1])))
                cursor->at++;
        if (!*cursor->at)
                return false;
        if (*cursor->at == ';')
                cursor->at++;
        else {
                cursor->resource = next_word(cursor, ":\n");
                if (*cursor->at == ':')
                        cursor->at++;
        }
        cursor->domain = next_word(cursor, "=;\n");
        cursor->value = (struct word) {cursor->at, 0};
        if (*cursor->at == '=') {
                cursor->at++;
                cursor->value = next_word(cursor, ";\n");
        }
        return true;
}

static bool same(struct word a, struct word b) {
        return a.length == b.length && (a.length == 0 || !strncasecmp(a.text, b.text, a.length));
}

static uint64_t number_of(struct word word) {
        char text[24] = "";
        uint64_t number;

        if (word.length >= sizeof text)
                return 0;
        memcpy(text, word.text, word.length);
        return st_parse_u64(text, &number) < 0 ? 0 : number;
}

static bool same_bandwidth(struct word wanted, struct word is, uint64_t step) {
        uint64_t value = number_of(wanted);

        if (step == 0 || value == 0 || value > UINT64_MAX - step)
                return false;
        return number_of(is) == (value + step - 1) / step * step;
}

static bool has_value(const char *existing, const struct cursor *wanted, uint64_t bandwidth_step) {
        const struct word bandwidth = {"MB", 2};
        struct cursor is = {.at = existing};

        while (next_value(&is))
                if (same(is.resource, wanted->resource) && same(is.domain, wanted->domain))
                        return same(is.value, wanted->value) ||
                               (same(is.resource, bandwidth) &&
                                same_bandwidth(wanted->value, is.value, bandwidth_step));
        return false;
}

bool rt_rdt_schemata_match(const char *wanted, const char *existing, uint64_t bandwidth_step) {
        struct cursor cursor = {.at = wanted};

        while (next_value(&cursor))
                if (cursor.value.length == 0 || !has_value(existing, &cursor, bandwidth_step))
                        return false;
        return true;
}
