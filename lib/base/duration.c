#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <stint/parse.h>

static const struct {
        const char *name;
        uint64_t nsec;
} units[] = {
        {"ns", 1},         {"us", 1000},       {"ms", 1000000},
        {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000},
};

static uint64_t unit_nsec(const char *text, size_t length) {
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
                if (strlen(units[i].name) == length && !memcmp(units[i].name, text, length))
                        return units[i].nsec;
        }
        return 0;
}

/* One number with its unit, in nanoseconds, added to *@total. Returns how long it is, or an error.
 */
static int add_part(const char *text, uint64_t *total) {
        size_t whole = strspn(text, "0123456789");
        size_t fraction = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
        const char *unit = text + whole + (text[whole] == '.') + fraction;
        size_t unit_length = strspn(unit, "numsh");
        uint64_t nsec = unit_nsec(unit, unit_length), value = 0, digit_nsec = nsec;

        if (nsec == 0 || whole + fraction == 0)
                return -EINVAL;
        for (size_t i = 0; i < whole; i++) {
                if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
                    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
                        return -ERANGE;
        }
        if (__builtin_mul_overflow(value, nsec, &value))
                return -ERANGE;
        for (size_t i = 0; i < fraction; i++) {
                digit_nsec /= 10; /* what is below a nanosecond is dropped */
                if (__builtin_add_overflow(
                            value, digit_nsec * (uint64_t)(text[whole + 1 + i] - '0'), &value))
                        return -ERANGE;
        }
        if (__builtin_add_overflow(*total, value, total))
                return -ERANGE;
        return (int)(unit + unit_length - text);
}

int st_parse_duration(const char *text, uint64_t *ret_nsec) {
        uint64_t total = 0;

        if (strcmp(text, "0")) {
                if (!*text)
                        return -EINVAL;
                while (*text) {
                        int used = add_part(text, &total);
                        if (used < 0)
                                return used;
                        text += used;
                }
        }
        *ret_nsec = total;
        return 0;
}
