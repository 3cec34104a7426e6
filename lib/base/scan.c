#include <string.h>

#include <stint/scan.h>

static const char *after_blanks(const char *text) {
        return text + strspn(text, " \t");
}

bool st_scan_u64(const char **at, uint64_t *ret) {
        const char *p = after_blanks(*at);
        uint64_t value = 0;

        if (*p < '0' || *p > '9')
                return false;
        for (; *p >= '0' && *p <= '9'; p++)
                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, (unsigned)(*p - '0'), &value))
                        return false;
        *ret = value;
        *at = p;
        return true;
}

bool st_scan_text(const char **at, const char *text) {
        const char *p = after_blanks(*at);
        size_t n = strlen(text);

        if (strncmp(p, text, n))
                return false;
        *at = p + n;
        return true;
}

bool st_scan_word(const char **at, char *buf, size_t size) {
        const char *p = after_blanks(*at);
        size_t n = strcspn(p, " \t\n");

        if (n == 0 || n >= size)
                return false;
        memcpy(buf, p, n);
        buf[n] = 0;
        *at = p + n;
        return true;
}
