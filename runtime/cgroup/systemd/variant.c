#include "variant.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 256, DEPTH_MAX = 8, SIGNATURE_MAX = 128 };

/* What was read: a tree in an array, children following their parent. */
struct value {
        char type; /* D-Bus type; 'a' and '(' for containers; 0: a number without a type of its own
                    */
        const char *text;      /* scalar, NUL-terminated */
        const char *signature; /* given with "@": of an array, its whole type */
        int first, next;       /* indices, -1: none */
};

struct parser {
        char *copy; /* of the text; values point into it */
        char *at;
        struct value values[VALUES_MAX];
        int n_values;
        char *names[VALUES_MAX]; /* scalars that were copied out */
        int n_names;
};

static const struct {
        const char *word;
        char type;
} types[] = {{"boolean", 'b'}, {"byte", 'y'},   {"int16", 'n'},      {"uint16", 'q'},
             {"int32", 'i'},   {"uint32", 'u'}, {"int64", 'x'},      {"uint64", 't'},
             {"double", 'd'},  {"string", 's'}, {"objectpath", 'o'}, {"signature", 'g'}};

static void skip_blanks(struct parser *p) {
        p->at += strspn(p->at, " \t\n");
}

static char *copy_out(struct parser *p, const char *start, size_t length) {
        char *text = p->n_names < VALUES_MAX ? strndup(start, length) : NULL;

        if (text)
                p->names[p->n_names++] = text;
        return text;
}

static int new_value(struct parser *p, char type) {
        if (p->n_values == VALUES_MAX)
                return -E2BIG;
        p->values[p->n_values] = (struct value) {.type = type, .first = -1, .next = -1};
        return p->n_values++;
}

static int parse_value(struct parser *p, const char *type, unsigned depth);

/* 'it\'s' or "text" */
static int parse_string(struct parser *p, char type) {
        char quote = *p->at++, *text = copy_out(p, p->at, strlen(p->at)), *to = text;
        int i;

        if (!text)
                return -ENOMEM;
        for (; *p->at && *p->at != quote; p->at++) {
                if (*p->at == '\\' && p->at[1])
                        p->at++;
                *to++ = *p->at;
        }
        if (!*p->at)
                return -EINVAL;
        p->at++;
        *to = 0;
        i = new_value(p, type);
        if (i >= 0)
                p->values[i].text = text;
        return i;
}

static bool is_float(const char *text) {
        return strpbrk(text, ".eE") && strncmp(text, "0x", 2) != 0;
}

static int parse_word(struct parser *p, const char *type, unsigned depth) {
        size_t length =
                strspn(p->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
        char *text;
        int i;

        if (length == 0)
                return -EINVAL;
        text = copy_out(p, p->at, length);
        if (!text)
                return -ENOMEM;
        p->at += length;
        for (size_t k = 0; k < sizeof types / sizeof *types; k++)
                if (!strcmp(text, types[k].word)) {
                        const char one[] = {types[k].type, 0};
                        skip_blanks(p);
                        return parse_value(p, one, depth + 1);
                }
        if (!strcmp(text, "true") || !strcmp(text, "false"))
                i = new_value(p, 'b');
        else
                i = new_value(p, type ? *type : is_float(text) ? 'd' : 0);
        if (i >= 0)
                p->values[i].text = text;
        return i;
}

/* The type of an array's element, from "as" or "a(ss)". */
static const char *element_of(const char *type) {
        return type && *type == 'a' ? type + 1 : NULL;
}

static int parse_container(struct parser *p, const char *type, unsigned depth) {
        char open = *p->at++, close = open == '[' ? ']' : ')';
        int i = new_value(p, open == '[' ? 'a' : '('), *link;

        if (i < 0)
                return i;
        p->values[i].signature = type;
        link = &p->values[i].first;
        skip_blanks(p);
        while (*p->at != close) {
                int child = parse_value(p, open == '[' ? element_of(type) : NULL, depth + 1);
                if (child < 0)
                        return child;
                *link = child;
                link = &p->values[child].next;
                skip_blanks(p);
                if (*p->at == ',')
                        p->at++;
                else if (*p->at != close)
                        return -EINVAL;
                skip_blanks(p);
        }
        p->at++;
        return i;
}

static int parse_annotated(struct parser *p, unsigned depth) {
        size_t length = strcspn(++p->at, " \t\n");
        char *type = copy_out(p, p->at, length);

        if (!type)
                return -ENOMEM;
        p->at += length;
        skip_blanks(p);
        return parse_value(p, type, depth + 1);
}

static int parse_value(struct parser *p, const char *type, unsigned depth) {
        skip_blanks(p);
        if (depth > DEPTH_MAX)
                return -EINVAL;
        switch (*p->at) {
        case '@':
                return parse_annotated(p, depth);
        case '[':
        case '(':
                return parse_container(p, type, depth);
        case '\'':
        case '"':
                return parse_string(p, type && strchr("sog", *type) ? *type : 's');
        default:
                return parse_word(p, type, depth);
        }
}

/* The D-Bus type of a value, appended to @buf. */
static int print_type(const struct parser *p, int i, char *buf) {
        const struct value *v = &p->values[i];
        size_t used = strlen(buf);

        if (used + 8 > SIGNATURE_MAX)
                return -E2BIG;
        if (v->type != 'a' && v->type != '(') {
                buf[used] = v->type ? v->type : 'i';
                buf[used + 1] = 0;
                return 0;
        }
        if (v->type == 'a' && v->signature) {
                if (snprintf(buf + used, SIGNATURE_MAX - used, "%s", v->signature) >=
                    (int)(SIGNATURE_MAX - used))
                        return -E2BIG;
                return 0;
        }
        buf[used] = v->type;
        buf[used + 1] = 0;
        if (v->type == 'a' && v->first < 0)
                return -EINVAL; /* an empty array needs "@as" before it */
        for (int child = v->first; child >= 0; child = p->values[child].next) {
                int r = print_type(p, child, buf);
                if (r < 0)
                        return r;
                if (v->type == 'a')
                        return 0; /* all are of the first one's type; appending checks */
        }
        used = strlen(buf);
        if (used + 2 > SIGNATURE_MAX)
                return -E2BIG;
        memcpy(buf + used, ")", 2);
        return 0;
}

static int append_signed(sd_bus_message *m, char type, const char *text, int64_t low,
                         int64_t high) {
        char *end;
        long long n;

        errno = 0;
        n = strtoll(text, &end, 0);
        if (errno || *end || !*text)
                return -EINVAL;
        if (n < low || n > high)
                return -ERANGE;
        if (type == 'n')
                return sd_bus_message_append_basic(m, type, &(int16_t) {(int16_t)n});
        if (type == 'i')
                return sd_bus_message_append_basic(m, type, &(int32_t) {(int32_t)n});
        return sd_bus_message_append_basic(m, type, &(int64_t) {n});
}

static int append_unsigned(sd_bus_message *m, char type, const char *text, uint64_t high) {
        char *end;
        unsigned long long n;

        errno = 0;
        n = strtoull(text, &end, 0);
        if (errno || *end || !*text || *text == '-')
                return -EINVAL;
        if (n > high)
                return -ERANGE;
        if (type == 'y')
                return sd_bus_message_append_basic(m, type, &(uint8_t) {(uint8_t)n});
        if (type == 'q')
                return sd_bus_message_append_basic(m, type, &(uint16_t) {(uint16_t)n});
        if (type == 'u')
                return sd_bus_message_append_basic(m, type, &(uint32_t) {(uint32_t)n});
        return sd_bus_message_append_basic(m, type, &(uint64_t) {n});
}

static int append_scalar(sd_bus_message *m, char type, const char *text) {
        char *end;
        double d;

        switch (type) {
        case 's':
        case 'o':
        case 'g':
                return sd_bus_message_append_basic(m, type, text);
        case 'b':
                if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
                        return -EINVAL;
                return sd_bus_message_append_basic(m, type, &(int) {!strcmp(text, "true")});
        case 'n':
                return append_signed(m, type, text, INT16_MIN, INT16_MAX);
        case 'i':
                return append_signed(m, type, text, INT32_MIN, INT32_MAX);
        case 'x':
                return append_signed(m, type, text, INT64_MIN, INT64_MAX);
        case 'y':
                return append_unsigned(m, type, text, UINT8_MAX);
        case 'q':
                return append_unsigned(m, type, text, UINT16_MAX);
        case 'u':
                return append_unsigned(m, type, text, UINT32_MAX);
        case 't':
                return append_unsigned(m, type, text, UINT64_MAX);
        case 'd':
                d = strtod(text, &end);
                return *end ? -EINVAL : sd_bus_message_append_basic(m, type, &d);
        default:
                return -EINVAL;
        }
}

static int append_value(const struct parser *p, int i, sd_bus_message *m) {
        const struct value *v = &p->values[i];
        char inner[SIGNATURE_MAX] = "";
        int r;

        if (v->type != 'a' && v->type != '(')
                return append_scalar(m, v->type ? v->type : 'i', v->text);
        r = print_type(p, i, inner);
        if (r < 0)
                return r;
        if (v->type == '(')
                inner[strlen(inner) - 1] = 0;
        r = sd_bus_message_open_container(
                m, v->type == 'a' ? SD_BUS_TYPE_ARRAY : SD_BUS_TYPE_STRUCT, inner + 1);
        for (int child = v->first; child >= 0 && r >= 0; child = p->values[child].next)
                r = append_value(p, child, m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_parsed(struct parser *p, sd_bus_message *m) {
        char type[SIGNATURE_MAX] = "";
        int r = parse_value(p, NULL, 0);

        if (r < 0)
                return r;
        skip_blanks(p);
        if (*p->at)
                return -EINVAL;
        r = print_type(p, 0, type);
        if (r >= 0)
                r = sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, type);
        if (r >= 0)
                r = append_value(p, 0, m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int variant_append(sd_bus_message *m, const char *text) {
        struct parser *p = calloc(1, sizeof *p);
        int r = -ENOMEM;

        if (p)
                p->copy = p->at = strdup(text);
        if (p && p->copy)
                r = append_parsed(p, m);
        for (int i = 0; p && i < p->n_names; i++)
                free(p->names[i]);
        if (p)
                free(p->copy);
        free(p);
        return r;
}

int variant_append_usec(sd_bus_message *m, const char *text) {
        const char *blank = strrchr(text, ' '); /* "uint64 5" */
        char *end;
        double seconds = strtod(blank ? blank + 1 : text, &end);

        if (*end || end == text || !(seconds >= 0) || seconds > 1e12)
                return -EINVAL;
        return sd_bus_message_append(m, "v", "t", (uint64_t)(seconds * 1e6));
}
