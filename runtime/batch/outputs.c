#include "outputs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct rt_outputs {
        const char *prefix;
        size_t prefix_length;
        char line[RT_OUTPUTS_LINE_MAX];
        size_t length;
        bool skipping; /* to the end of a line that is too long */
        struct st_string_pair *pairs;
        size_t n_pairs, bytes;
};

int rt_outputs_new(const char *prefix, struct rt_outputs **ret_outputs, struct st_error *err) {
        struct rt_outputs *outputs = calloc(1, sizeof *outputs);

        if (!outputs)
                return st_error_set(err, -ENOMEM, "watch for outputs");
        outputs->prefix = prefix;
        outputs->prefix_length = strlen(prefix);
        *ret_outputs = outputs;
        return 0;
}

static void free_pair(struct st_string_pair *pair) {
        free((char *)pair->key); /* the value lies behind it */
}

struct rt_outputs *rt_outputs_free(struct rt_outputs *outputs) {
        if (!outputs)
                return NULL;
        for (size_t i = 0; i < outputs->n_pairs; i++)
                free_pair(&outputs->pairs[i]);
        free(outputs->pairs);
        free(outputs);
        return NULL;
}

/* The length of the UTF-8 sequence at @text (RFC 3629), or 0. */
static size_t sequence_length(const unsigned char *text, size_t left) {
        size_t n = text[0] < 0x80                      ? 1
                   : text[0] >= 0xc2 && text[0] < 0xe0 ? 2
                   : text[0] >= 0xe0 && text[0] < 0xf0 ? 3
                   : text[0] >= 0xf0 && text[0] < 0xf5 ? 4
                                                       : 0;

        if (n == 0 || n > left || text[0] == 0)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
        if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
            (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
                return 0;
        return n;
}

static void copy_text(char *to, const char *from, size_t length) {
        for (size_t i = 0; i < length;) {
                size_t n = sequence_length((const unsigned char *)from + i, length - i);

                if (n == 0)
                        to[i++] = '?';
                for (size_t k = 0; k < n; k++, i++)
                        to[i] = from[i];
        }
        to[length] = 0;
}

static struct st_string_pair *find_key(struct rt_outputs *outputs, const char *key) {
        for (size_t i = 0; i < outputs->n_pairs; i++)
                if (!strcmp(outputs->pairs[i].key, key))
                        return &outputs->pairs[i];
        return NULL;
}

/* Two texts in one allocation. */
static bool make_pair(const char *text, size_t key_length, size_t length,
                      struct st_string_pair *ret) {
        char *key = malloc(length + 2), *value = key + key_length + 1;

        if (!key)
                return false;
        copy_text(key, text, key_length);
        copy_text(value, text + key_length + 1, length - key_length - 1);
        *ret = (struct st_string_pair) {key, value};
        return true;
}

static size_t pair_bytes(const struct st_string_pair *pair) {
        return strlen(pair->key) + strlen(pair->value);
}

/* What does not fit, or finds no memory, is left out: the task's own log has it. */
static void add(struct rt_outputs *outputs, const char *text, size_t key_length, size_t length) {
        struct st_string_pair pair, *known, *bigger;

        if (!make_pair(text, key_length, length, &pair))
                return;
        known = find_key(outputs, pair.key);
        if (outputs->bytes - (known ? pair_bytes(known) : 0) + pair_bytes(&pair) >
            RT_OUTPUTS_MAX_BYTES) {
                free_pair(&pair);
                return;
        }
        if (known) {
                outputs->bytes -= pair_bytes(known);
                free_pair(known);
        } else {
                bigger = reallocarray(outputs->pairs, outputs->n_pairs + 1, sizeof *bigger);
                if (!bigger) {
                        free_pair(&pair);
                        return;
                }
                outputs->pairs = bigger;
                known = &outputs->pairs[outputs->n_pairs++];
        }
        *known = pair;
        outputs->bytes += pair_bytes(&pair);
}

static void end_line(struct rt_outputs *outputs) {
        size_t n = outputs->prefix_length, length = outputs->length;
        const char *text = outputs->line, *equals;

        outputs->length = 0;
        if (outputs->skipping) {
                outputs->skipping = false;
                return;
        }
        if (length > 0 && text[length - 1] == '\r')
                length--;
        if (length <= n || memcmp(text, outputs->prefix, n) || text[n] != ' ')
                return;
        text += n + 1;
        length -= n + 1;
        equals = memchr(text, '=', length);
        if (equals && equals > text)
                add(outputs, text, (size_t)(equals - text), length);
}

void rt_outputs_feed(struct rt_outputs *outputs, const char *data, size_t length) {
        while (length > 0) {
                const char *newline = memchr(data, '\n', length);
                size_t n = newline ? (size_t)(newline - data) : length;

                if (outputs->length + n > sizeof outputs->line)
                        outputs->skipping = true;
                if (!outputs->skipping) {
                        memcpy(outputs->line + outputs->length, data, n);
                        outputs->length += n;
                }
                if (newline)
                        end_line(outputs);
                n += newline != NULL;
                data += n;
                length -= n;
        }
}

const struct st_string_pair *rt_outputs_pairs(struct rt_outputs *outputs, size_t *ret_n) {
        if (outputs->length)
                end_line(outputs); /* a last line without newline counts */
        *ret_n = outputs->n_pairs;
        return outputs->pairs;
}
