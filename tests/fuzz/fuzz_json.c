/* The JSON reader: what it accepts can be written, read again and written the same. */
#include "target.h"

#include <string.h>

#include <stint/json.h>

static void walk(const struct st_json *value, unsigned level) {
        char path[64];
        uint32_t n = 0;

        MUST(level <= ST_JSON_MAX_DEPTH);
        MUST(strlen(st_json_path(value, path, sizeof path)) < sizeof path);
        MUST((value->type == ST_JSON_STRING || value->type == ST_JSON_NUMBER) ==
             (value->text != NULL));
        ST_JSON_FOREACH (child, value) {
                MUST(child->parent == value);
                MUST((value->type == ST_JSON_OBJECT) == (child->key != NULL));
                if (child->key)
                        MUST(st_json_get(value, child->key) == child);
                walk(child, level + 1);
                n++;
        }
        MUST(n == value->n_children);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        const struct st_json *root = NULL, *again;
        struct st_error err = {0};
        const char *first, *second;
        int r;

        MUST(arena);
        r = st_json_parse(arena, "fuzz", (const char *)data, size, &root, &err);
        if (r < 0) {
                MUST(r == -EINVAL && !root && !strncmp(err.msg, "fuzz: ", 6));
                return 0;
        }
        walk(root, 0);
        first = st_json_serialize(arena, root);
        MUST(first);
        MUST(st_json_parse(arena, "again", first, strlen(first), &again, &err) == 0);
        second = st_json_serialize(arena, again);
        MUST(second && !strcmp(first, second));
        return 0;
}
