#include "sections.h"

#include <string.h>

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A set as bits. Names of a newer kernel go to @unknown: the spec wants a warning for them. */
static uint64_t read_set(struct st_reader *r, const struct st_json *caps, const char *key,
                         char **unknown, size_t *n_unknown) {
        uint64_t bits = 0;

        ST_JSON_FOREACH (element, st_reader_array(r, caps, key)) {
                const char *name = st_reader_text(r, element);
                int number = st_capability_number(name);
                if (number >= 0)
                        bits |= UINT64_C(1) << number;
                else
                        unknown[(*n_unknown)++] = (char *)name;
        }
        return bits;
}

/* One warning for a name is enough, in however many sets it is. */
static void keep_unique(char **names, size_t n) {
        size_t kept = 0;

        qsort(names, n, sizeof *names, compare_names);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || strcmp(names[i], names[kept - 1]))
                        names[kept++] = names[i];
        names[kept] = NULL;
}

void st_read_capabilities(struct st_reader *r, const struct st_json *process,
                          struct st_capabilities *caps) {
        const struct st_json *node = st_reader_object(r, process, "capabilities");
        size_t n_names = 0, n_unknown = 0;
        char **unknown;

        if (!node)
                return;
        caps->present = true;
        ST_JSON_FOREACH (set, node)
                n_names += set->n_children;
        unknown = st_reader_alloc(r, n_names + 1, sizeof *unknown);
        if (!unknown)
                return;
        caps->bounding = read_set(r, node, "bounding", unknown, &n_unknown);
        caps->effective = read_set(r, node, "effective", unknown, &n_unknown);
        caps->inheritable = read_set(r, node, "inheritable", unknown, &n_unknown);
        caps->permitted = read_set(r, node, "permitted", unknown, &n_unknown);
        caps->ambient = read_set(r, node, "ambient", unknown, &n_unknown);
        if (n_unknown == 0)
                return;
        keep_unique(unknown, n_unknown);
        caps->unknown = unknown;
}
