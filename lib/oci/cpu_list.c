#include <string.h>

#include <stint/spec.h>

/* Digits at *@text, which moves behind them. Numbers past @limit are -ERANGE before they can
 * overflow. */
static int parse_number(const char **text, size_t limit, size_t *ret) {
        const char *p = *text;
        size_t number = 0;

        if (*p < '0' || *p > '9')
                return -EINVAL;
        for (; *p >= '0' && *p <= '9'; p++) {
                number = number * 10 + (size_t)(*p - '0');
                if (number >= limit)
                        return -ERANGE;
        }
        *text = p;
        *ret = number;
        return 0;
}

static int parse_range(const char **text, size_t limit, size_t *ret_first, size_t *ret_last) {
        int r = parse_number(text, limit, ret_first);

        if (r < 0)
                return r;
        *ret_last = *ret_first;
        if (**text != '-')
                return 0;
        (*text)++;
        r = parse_number(text, limit, ret_last);
        if (r < 0)
                return r;
        return *ret_first <= *ret_last ? 0 : -EINVAL;
}

/* Word by word: a hostile list may name the widest range a million times. */
static void set_range(uint64_t *mask, size_t first, size_t last) {
        for (size_t word = first / 64; word <= last / 64; word++) {
                uint64_t bits = UINT64_MAX;
                if (word == first / 64)
                        bits &= UINT64_MAX << (first % 64);
                if (word == last / 64)
                        bits &= UINT64_MAX >> (63 - last % 64);
                mask[word] |= bits;
        }
}

static const char *skip_blanks(const char *text) {
        return text + strspn(text, " ");
}

/* Blanks around an element are let pass: the schema of runtime-spec has them. */
int st_parse_cpu_list(const char *text, uint64_t *mask, size_t n_words) {
        memset(mask, 0, n_words * sizeof *mask);
        for (;;) {
                size_t first, last;
                int r;

                text = skip_blanks(text);
                r = parse_range(&text, n_words * 64, &first, &last);
                if (r < 0)
                        return r;
                set_range(mask, first, last);
                text = skip_blanks(text);
                if (!*text)
                        return 0;
                if (*text++ != ',')
                        return -EINVAL;
        }
}
