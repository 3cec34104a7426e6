#include "json.h"

#include <stdio.h>
#include <string.h>

static int depth;
static bool need_comma;

static void text(const char *value, unsigned long n) {
        putchar('"');
        for (unsigned long i = 0; i < n; i++) {
                unsigned char c = (unsigned char)value[i];

                if (c == '"' || c == '\\')
                        printf("\\%c", c);
                else if (c < 0x20 || c >= 0x7f)
                        printf("\\u%04x", c);
                else
                        putchar(c);
        }
        putchar('"');
}

static void begin(const char *key) {
        if (need_comma)
                putchar(',');
        need_comma = true;
        if (key) {
                text(key, strlen(key));
                putchar(':');
        }
}

void json_open(const char *key, char bracket) {
        begin(key);
        putchar(bracket);
        need_comma = false;
        depth++;
}

void json_close(char bracket) {
        putchar(bracket);
        need_comma = --depth > 0;
        if (depth == 0)
                putchar('\n');
}

void json_bytes(const char *key, const char *value, unsigned long n) {
        begin(key);
        text(value, n);
}

void json_string(const char *key, const char *value) {
        if (value) {
                json_bytes(key, value, strlen(value));
                return;
        }
        begin(key);
        printf("null");
}

void json_number(const char *key, int64_t value) {
        begin(key);
        printf("%lld", (long long)value);
}

void json_unsigned(const char *key, uint64_t value) {
        begin(key);
        printf("%llu", (unsigned long long)value);
}

void json_bool(const char *key, bool value) {
        begin(key);
        printf(value ? "true" : "false");
}

void json_errno(const char *key, int error) {
        json_string(key, error ? strerrorname_np(error) : NULL);
}
