#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <stint/placement.h>
#include <stint/spec.h>

unsigned rt_cpus_count(const struct rt_cpus *set) {
        unsigned n = 0;

        for (unsigned i = 0; i < RT_CPUS_WORDS; i++) {
                if (set->words[i]) /* most are not used, and counting is a call on plain x86-64 */
                        n += (unsigned)__builtin_popcountll(set->words[i]);
        }
        return n;
}

unsigned rt_cpus_count_and(const struct rt_cpus *a, const struct rt_cpus *b) {
        unsigned n = 0;

        for (unsigned i = 0; i < RT_CPUS_WORDS; i++) {
                if (a->words[i] & b->words[i])
                        n += (unsigned)__builtin_popcountll(a->words[i] & b->words[i]);
        }
        return n;
}

bool rt_cpus_is_empty(const struct rt_cpus *set) {
        return rt_cpus_next(set, 0) == RT_MAX_CPUS;
}

bool rt_cpus_equal(const struct rt_cpus *a, const struct rt_cpus *b) {
        return !memcmp(a, b, sizeof *a);
}

bool rt_cpus_intersect(const struct rt_cpus *a, const struct rt_cpus *b) {
        for (unsigned i = 0; i < RT_CPUS_WORDS; i++) {
                if (a->words[i] & b->words[i])
                        return true;
        }
        return false;
}

bool rt_cpus_contain(const struct rt_cpus *a, const struct rt_cpus *b) {
        for (unsigned i = 0; i < RT_CPUS_WORDS; i++) {
                if (b->words[i] & ~a->words[i])
                        return false;
        }
        return true;
}

void rt_cpus_or(struct rt_cpus *to, const struct rt_cpus *from) {
        for (unsigned i = 0; i < RT_CPUS_WORDS; i++)
                to->words[i] |= from->words[i];
}

void rt_cpus_and(struct rt_cpus *to, const struct rt_cpus *from) {
        for (unsigned i = 0; i < RT_CPUS_WORDS; i++)
                to->words[i] &= from->words[i];
}

void rt_cpus_minus(struct rt_cpus *to, const struct rt_cpus *from) {
        for (unsigned i = 0; i < RT_CPUS_WORDS; i++)
                to->words[i] &= ~from->words[i];
}

unsigned rt_cpus_next(const struct rt_cpus *set, unsigned from) {
        for (unsigned i = from / 64; i < RT_CPUS_WORDS; i++) {
                uint64_t word = set->words[i];

                if (i == from / 64)
                        word &= UINT64_MAX << (from % 64);
                if (word)
                        return i * 64 + (unsigned)__builtin_ctzll(word);
        }
        return RT_MAX_CPUS;
}

int rt_cpus_parse(const char *text, struct rt_cpus *ret_set) {
        char buf[16384]; /* every second of RT_MAX_CPUS takes 10 KiB */
        size_t length = strlen(text);
        struct rt_cpus set = {0};
        int r;

        if (length >= sizeof buf)
                return -EINVAL;
        memcpy(buf, text, length + 1);
        if (length > 0 && buf[length - 1] == '\n')
                buf[--length] = 0;
        if (length > 0) {
                r = st_parse_cpu_list(buf, set.words, RT_CPUS_WORDS);
                if (r < 0)
                        return r;
        }
        *ret_set = set;
        return 0;
}

char *rt_cpus_print(const struct rt_cpus *set, char *buf, size_t size) {
        size_t used = 0;
        unsigned cpu = rt_cpus_next(set, 0);

        buf[0] = 0;
        while (cpu < RT_MAX_CPUS) {
                unsigned last = cpu;
                char range[32];
                size_t length;

                while (last + 1 < RT_MAX_CPUS && rt_cpus_has(set, last + 1))
                        last++;
                if (last == cpu)
                        length =
                                (size_t)snprintf(range, sizeof range, "%s%u", used ? "," : "", cpu);
                else
                        length = (size_t)snprintf(range, sizeof range, "%s%u-%u", used ? "," : "",
                                                  cpu, last);
                cpu = rt_cpus_next(set, last + 1);
                /* room for "..." stays until nothing follows */
                if (used + length + (cpu < RT_MAX_CPUS ? 4 : 1) > size) {
                        (void)snprintf(buf + used, size - used,
                                       "..."); /* cut when even that is long */
                        return buf;
                }
                memcpy(buf + used, range, length + 1);
                used += length;
        }
        return buf;
}
