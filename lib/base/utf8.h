/* utf8.h: which bytes are UTF-8, after RFC 3629: nothing overlong, no surrogates. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Length of the sequence at @p, of which @left bytes remain; 0 when it is malformed. */
static inline size_t st_utf8_sequence(const unsigned char *p, size_t left) {
        unsigned char low = 0x80, high = 0xbf;
        size_t length;

        if (p[0] < 0x80)
                return 1;
        if (p[0] < 0xc2 || p[0] > 0xf4)
                return 0;
        length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        if (length > left)
                return 0;
        if (p[0] == 0xe0)
                low = 0xa0;
        else if (p[0] == 0xed)
                high = 0x9f;
        else if (p[0] == 0xf0)
                low = 0x90;
        else if (p[0] == 0xf4)
                high = 0x8f;
        if (p[1] < low || p[1] > high)
                return 0;
        for (size_t i = 2; i < length; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return length;
}

/* Offset of the first byte that is not UTF-8, or @length. Eight ASCII bytes go in one step. */
static inline size_t st_utf8_check(const char *text, size_t length) {
        const unsigned char *p = (const unsigned char *)text;
        size_t i = 0;

        while (i < length) {
                uint64_t word;
                size_t n;

                if (length - i >= sizeof word) {
                        memcpy(&word, p + i, sizeof word);
                        if (!(word & UINT64_C(0x8080808080808080))) {
                                i += sizeof word;
                                continue;
                        }
                }
                n = st_utf8_sequence(p + i, length - i);
                if (!n)
                        return i;
                i += n;
        }
        return length;
}
