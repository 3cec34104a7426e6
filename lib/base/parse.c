#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <stint/parse.h>

static int parse_digits(const char *text, unsigned base, uint64_t *ret) {
        uint64_t value = 0;

        if (!*text)
                return -EINVAL;
        for (; *text; text++) {
                unsigned digit = (unsigned char)*text - '0';
                if (digit >= base)
                        return -EINVAL;
                if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
                    __builtin_add_overflow(value, (uint64_t)digit, &value))
                        return -ERANGE;
        }
        *ret = value;
        return 0;
}

int st_parse_u64(const char *text, uint64_t *ret) {
        return parse_digits(text, 10, ret);
}

int st_parse_i64(const char *text, int64_t *ret) {
        bool negative = *text == '-';
        uint64_t magnitude;
        int r = parse_digits(text + negative, 10, &magnitude);

        if (r < 0)
                return r;
        if (magnitude > (uint64_t)INT64_MAX + negative)
                return -ERANGE;
        *ret = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
        return 0;
}

int st_parse_u32(const char *text, uint32_t *ret) {
        uint64_t value;
        int r = parse_digits(text, 10, &value);

        if (r < 0)
                return r;
        if (value > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t)value;
        return 0;
}

int st_parse_int(const char *text, int *ret) {
        int64_t value;
        int r = st_parse_i64(text, &value);

        if (r < 0)
                return r;
        if (value < INT_MIN || value > INT_MAX)
                return -ERANGE;
        *ret = (int)value;
        return 0;
}

int st_parse_octal(const char *text, uint32_t *ret) {
        uint64_t value;
        int r = parse_digits(text, 8, &value);

        if (r < 0)
                return r;
        if (value > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t)value;
        return 0;
}

/* The shift of a unit such as "k", "KB" or "KiB"; -1 when it is none. */
static int unit_shift(const char *unit) {
        static const char letters[] = "kmgtp";
        const char *found;

        if (!*unit || !strcmp(unit, "b") || !strcmp(unit, "B"))
                return 0;
        found = strchr(letters, unit[0] | 0x20);
        if (!found)
                return -1;
        if (strcmp(unit + 1, "") && strcmp(unit + 1, "b") && strcmp(unit + 1, "B") &&
            strcmp(unit + 1, "iB"))
                return -1;
        return 10 * (int)(found - letters + 1);
}

int st_parse_size(const char *text, int64_t *ret) {
        char digits[24];
        size_t n = strspn(text, "-0123456789");
        int64_t value;
        int r, shift;

        if (n == 0 || n >= sizeof digits)
                return -EINVAL;
        memcpy(digits, text, n);
        digits[n] = 0;
        r = st_parse_i64(digits, &value);
        if (r < 0)
                return r;
        shift = unit_shift(text + n);
        if (shift < 0)
                return -EINVAL;
        if (__builtin_mul_overflow(value, (int64_t)1 << shift, &value))
                return -ERANGE;
        *ret = value;
        return 0;
}
