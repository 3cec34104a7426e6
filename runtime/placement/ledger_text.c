/* ledger_text.c: the ledger's file, a line an entry, and the mark that a cgroup bears.
 *
 * The first line has version, boot, the number of entries and a sum over what follows: a file that
 * is not whole, or not ours, is told from one that is. A word with blanks, control characters or %
 * has these as %XX; "-" is none. */
#include "ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/parse.h>

enum { VERSION = 1, MAX_ENTRIES = 1 << 16 };
#define MAGIC "stint-cpus"

struct ledger_entry *ledger_add(struct ledger_state *state) {
        if (state->n_entries == state->n_room) {
                size_t n = state->n_room ? 2 * state->n_room : 16;
                struct ledger_entry *bigger =
                        st_arena_array(state->arena, n, sizeof *state->entries);

                if (!bigger)
                        return NULL;
                if (state->n_entries)
                        memcpy(bigger, state->entries, state->n_entries * sizeof *bigger);
                state->entries = bigger;
                state->n_room = n;
        }
        state->entries[state->n_entries] = (struct ledger_entry) {0};
        return &state->entries[state->n_entries++];
}

/* FNV-1a: against accidents, not against somebody who can write here. */
static uint64_t sum_of(const char *text, size_t length) {
        uint64_t sum = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < length; i++)
                sum = (sum ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
        return sum;
}

/* ---- out ---- */

static void print_word(FILE *out, const char *word) {
        if (!word || !*word || !strcmp(word, "-")) {
                fputs(!word ? "-" : *word ? "%2D" : "%", out);
                return;
        }
        for (const unsigned char *p = (const unsigned char *)word; *p; p++) {
                if (*p <= ' ' || *p == '%' || *p == 0x7f)
                        fprintf(out, "%%%02X", *p);
                else
                        fputc(*p, out);
        }
}

static void print_set(FILE *out, const struct rt_cpus *set) {
        char list[RT_MAX_CPUS * 5];

        fputs(rt_cpus_is_empty(set) ? "-" : rt_cpus_print(set, list, sizeof list), out);
}

static void print_entry(FILE *out, const struct ledger_entry *e) {
        fprintf(out, "%016llx %s %u %u %d %llu %llu ", (unsigned long long)e->token,
                rt_tier_name(e->tier), e->n_asked, e->flags, (int)e->pid,
                (unsigned long long)e->start_time, (unsigned long long)e->pid_namespace);
        print_set(out, &e->cpus);
        fputc(' ', out);
        print_set(out, &e->within);
        fputc(' ', out);
        print_set(out, &e->memory_nodes);
        for (unsigned i = 0; i < 5; i++) {
                const char *const words[] = {e->id, e->tenant, e->job, e->cgroup, e->freezer};

                fputc(' ', out);
                print_word(out, words[i]);
        }
}

char *ledger_print_entry(const struct ledger_entry *entry) {
        char *text = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);

        if (!out)
                return NULL;
        print_entry(out, entry);
        if (fclose(out) == 0)
                return text;
        free(text);
        return NULL;
}

static char *print_body(const struct ledger_state *state, size_t *ret_n, size_t *ret_length) {
        char *text = NULL;
        FILE *out = open_memstream(&text, ret_length);

        if (!out)
                return NULL;
        *ret_n = 0;
        for (size_t i = 0; i < state->n_entries; i++) {
                if (state->entries[i].gone)
                        continue;
                print_entry(out, &state->entries[i]);
                fputc('\n', out);
                ++*ret_n;
        }
        if (fclose(out) == 0)
                return text;
        free(text);
        return NULL;
}

char *ledger_print(const struct ledger_state *state, const char *boot_id, size_t *ret_length) {
        size_t n, length;
        st_autofree char *body = print_body(state, &n, &length);
        char *text;
        int head;

        if (!body)
                return NULL;
        head = asprintf(&text, MAGIC " %d %s %zu %016llx\n%s", VERSION, boot_id, n,
                        (unsigned long long)sum_of(body, length), body);
        if (head < 0)
                return NULL;
        *ret_length = (size_t)head;
        return text;
}

/* ---- in ---- */

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place. False: not what print_word() writes. */
static bool unescape(char *word) {
        char *to = word;

        for (const char *from = word; *from; to++) {
                if (*from != '%') {
                        *to = *from++;
                        continue;
                }
                if (hex_digit(from[1]) < 0 || hex_digit(from[2]) < 0)
                        return false;
                *to = (char)(hex_digit(from[1]) << 4 | hex_digit(from[2]));
                if (!*to)
                        return false;
                from += 3;
        }
        *to = 0;
        return true;
}

static int parse_word(char **line, struct st_arena *arena, bool required, const char **ret) {
        char *word = strsep(line, " ");

        if (!word || !*word)
                return -EBADMSG;
        *ret = NULL;
        if (!strcmp(word, "-"))
                return required ? -EBADMSG : 0;
        if (!strcmp(word, "%"))
                *word = 0;
        else if (!unescape(word))
                return -EBADMSG;
        *ret = st_arena_strdup(arena, word);
        return *ret ? 0 : -ENOMEM;
}

static int parse_set(char **line, struct rt_cpus *ret_set) {
        const char *word = strsep(line, " ");

        if (!word || !*word)
                return -EBADMSG;
        if (!strcmp(word, "-")) {
                *ret_set = (struct rt_cpus) {0};
                return 0;
        }
        return rt_cpus_parse(word, ret_set) < 0 ? -EBADMSG : 0;
}

static int parse_u64(char **line, uint64_t max, uint64_t *ret) {
        const char *word = strsep(line, " ");

        return word && st_parse_u64(word, ret) == 0 && *ret <= max ? 0 : -EBADMSG;
}

static bool parse_hex(const char *word, uint64_t *ret) {
        *ret = 0;
        if (!word || strlen(word) != 16)
                return false;
        for (; *word; word++) {
                int digit = *word >= 'a' && *word <= 'f'   ? *word - 'a' + 10
                            : *word >= '0' && *word <= '9' ? *word - '0'
                                                           : -1;
                if (digit < 0)
                        return false;
                *ret = *ret << 4 | (unsigned)digit;
        }
        return true;
}

static int parse_numbers(char **line, struct ledger_entry *e) {
        const char *word = strsep(line, " ");
        uint64_t n_asked, flags, pid;

        if (!parse_hex(word, &e->token) || e->token == 0)
                return -EBADMSG;
        word = strsep(line, " ");
        if (!word || rt_tier_parse(word, &e->tier) < 0 ||
            parse_u64(line, RT_MAX_CPUS, &n_asked) < 0 ||
            parse_u64(line, LEDGER_ALL_FLAGS, &flags) < 0 || parse_u64(line, INT32_MAX, &pid) < 0 ||
            parse_u64(line, UINT64_MAX, &e->start_time) < 0 ||
            parse_u64(line, UINT64_MAX, &e->pid_namespace) < 0)
                return -EBADMSG;
        e->n_asked = (unsigned)n_asked;
        e->flags = (unsigned)flags;
        e->pid = (pid_t)pid;
        return 0;
}

int ledger_parse_entry(char *line, struct st_arena *arena, struct ledger_entry *ret_entry) {
        struct ledger_entry e = {0};
        int r = parse_numbers(&line, &e);

        if (r == 0)
                r = parse_set(&line, &e.cpus);
        if (r == 0)
                r = parse_set(&line, &e.within);
        if (r == 0)
                r = parse_set(&line, &e.memory_nodes);
        if (r == 0)
                r = parse_word(&line, arena, true, &e.id);
        if (r == 0)
                r = parse_word(&line, arena, true, &e.tenant);
        if (r == 0)
                r = parse_word(&line, arena, false, &e.job);
        if (r == 0)
                r = parse_word(&line, arena, true, &e.cgroup);
        if (r == 0)
                r = parse_word(&line, arena, false, &e.freezer);
        if (r == 0 && line)
                r = -EBADMSG;
        if (r == 0)
                *ret_entry = e;
        return r;
}

/* The first line; what follows it is checked against it. */
static int parse_head(char *line, const char *body, size_t length, const char *boot_id,
                      uint64_t *ret_n) {
        const char *word = strsep(&line, " ");
        uint64_t version, sum;

        if (!word || strcmp(word, MAGIC) != 0 || parse_u64(&line, UINT64_MAX, &version) < 0)
                return -EBADMSG;
        if (version > VERSION)
                return -EPROTONOSUPPORT;
        word = strsep(&line, " ");
        if (!word)
                return -EBADMSG;
        if (strcmp(word, boot_id) != 0)
                return -ESTALE;
        if (parse_u64(&line, MAX_ENTRIES, ret_n) < 0 || !parse_hex(line, &sum) ||
            sum != sum_of(body, length))
                return -EBADMSG;
        return 0;
}

int ledger_parse(char *text, size_t length, const char *boot_id, struct ledger_state *state) {
        char *body = memchr(text, '\n', length), *line;
        uint64_t n;
        int r;

        if (!body || strlen(text) != length)
                return -EBADMSG;
        *body++ = 0;
        r = parse_head(text, body, length - (size_t)(body - text), boot_id, &n);
        if (r < 0)
                return r;
        for (; (line = strsep(&body, "\n")) && *line; n--) {
                struct ledger_entry *entry = n > 0 && body ? ledger_add(state) : NULL;

                if (!entry)
                        return n > 0 && body ? -ENOMEM : -EBADMSG;
                r = ledger_parse_entry(line, state->arena, entry);
                if (r < 0)
                        return r;
        }
        return n == 0 && !body ? 0 : -EBADMSG;
}
