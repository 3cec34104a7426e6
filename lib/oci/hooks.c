#include "sections.h"

#include <limits.h>

static void read_hook(struct st_reader *r, const struct st_json *node, struct st_hook *hook) {
        const struct st_json *timeout;
        size_t n_args = 0;

        if (!st_reader_is_object(r, node))
                return;
        hook->path = st_reader_need_path(r, node, "path");
        hook->args = st_reader_strings(r, node, "args", &n_args);
        if (n_args == 0)
                hook->args = NULL; /* an empty argv is no program's idea of a call */
        hook->env = st_read_env(r, node, NULL);
        timeout = st_reader_member(node, "timeout");
        if (timeout)
                hook->timeout_sec = (unsigned)st_reader_signed(r, timeout, 1, INT_MAX);
}

void st_read_hooks(struct st_reader *r, const struct st_json *config, struct st_spec *spec) {
        const struct st_json *hooks = st_reader_object(r, config, "hooks");

        for (enum st_hook_kind kind = 0; kind < _ST_HOOK_MAX; kind++) {
                const struct st_json *list = st_reader_array(r, hooks, st_hook_name(kind));
                struct st_hooks *of_kind = &spec->hooks[kind];
                if (!list)
                        continue;
                of_kind->items = st_reader_alloc(r, list->n_children, sizeof *of_kind->items);
                if (!of_kind->items)
                        return;
                ST_JSON_FOREACH (entry, list)
                        read_hook(r, entry, &of_kind->items[of_kind->n_items++]);
        }
}
