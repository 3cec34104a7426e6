/* The ledger's file. What is accepted is printed and reads back as the same text; the first line's
 * sum would let nothing but the corpus through, so it is made right for what follows it. */
#include "../../runtime/placement/ledger.h"
#include "target.h"

#include <string.h>

static const char boot[] = "4e7b1c2a-0000-4000-8000-000000000001";

/* The text as another boot's file, and as a body with the right first line. */
static void round_trip(char *text, size_t length) {
        struct ledger_state state = {.arena = st_arena_new(4096)};
        struct ledger_state again = {.arena = st_arena_new(4096)};

        MUST(state.arena && again.arena);
        if (ledger_parse(text, length, boot, &state) == 0) {
                size_t n, m;
                char *printed = ledger_print(&state, boot, &n), *copy, *second;

                MUST(printed && (copy = strdup(printed)));
                MUST(ledger_parse(copy, n, boot, &again) == 0);
                MUST(again.n_entries == state.n_entries);
                second = ledger_print(&again, boot, &m);
                MUST(second && n == m && !memcmp(printed, second, n));
                free(printed);
                free(copy);
                free(second);
        }
        st_arena_free(state.arena);
        st_arena_free(again.arena);
}

static uint64_t sum_of(const uint8_t *data, size_t size) {
        uint64_t sum = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < size; i++)
                sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
        return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = malloc(size + 200);
        size_t n_lines = 0;
        int head;

        MUST(text);
        memcpy(text, data, size);
        text[size] = 0;
        round_trip(text, size);
        for (size_t i = 0; i < size; i++)
                n_lines += data[i] == '\n';
        head = snprintf(text, 200, "stint-cpus 1 %s %zu %016llx\n", boot, n_lines,
                        (unsigned long long)sum_of(data, size));
        memcpy(text + head, data, size);
        text[(size_t)head + size] = 0;
        round_trip(text, (size_t)head + size);
        free(text);
        return 0;
}
