#include "sections.h"

#include <string.h>

static bool has_option(const struct st_mount *mount, const char *option) {
        for (size_t i = 0; i < mount->n_options; i++)
                if (!strcmp(mount->options[i], option))
                        return true;
        return false;
}

/* Callers that split an empty text at its commas write [""]: such an option says nothing. */
static void drop_empty_options(struct st_mount *mount) {
        size_t kept = 0;

        for (size_t i = 0; i < mount->n_options; i++)
                if (*mount->options[i])
                        mount->options[kept++] = mount->options[i];
        mount->options[kept] = NULL;
        mount->n_options = kept;
}

static void check_mappings(struct st_reader *r, const struct st_json *node,
                           const struct st_mount *mount) {
        if (mount->uid_mappings.n_items > 0 && mount->gid_mappings.n_items == 0)
                st_reader_missing(r, node, "gidMappings", "a mapping beside uidMappings");
        if (mount->gid_mappings.n_items > 0 && mount->uid_mappings.n_items == 0)
                st_reader_missing(r, node, "uidMappings", "a mapping beside gidMappings");
}

static void read_mount(struct st_reader *r, const struct st_json *node, struct st_mount *mount) {
        bool bind;

        if (!st_reader_is_object(r, node))
                return;
        mount->destination = st_reader_need_string(r, node, "destination");
        mount->type = st_reader_string(r, node, "type");
        mount->source = st_reader_string(r, node, "source");
        mount->options = st_reader_strings_or_empty(r, node, "options", &mount->n_options);
        mount->uid_mappings = st_read_id_mappings(r, node, "uidMappings");
        mount->gid_mappings = st_read_id_mappings(r, node, "gidMappings");
        if (r->status < 0)
                return;
        drop_empty_options(mount);
        check_mappings(r, node, mount);
        bind = has_option(mount, "bind") || has_option(mount, "rbind");
        if (bind && !mount->source && !has_option(mount, "remount"))
                st_reader_missing(r, node, "source", "what to bind");
}

void st_read_mounts(struct st_reader *r, const struct st_json *config, struct st_spec *spec) {
        const struct st_json *list = st_reader_array(r, config, "mounts");

        if (!list)
                return;
        spec->mounts = st_reader_alloc(r, list->n_children, sizeof *spec->mounts);
        if (!spec->mounts)
                return;
        ST_JSON_FOREACH (entry, list)
                read_mount(r, entry, &spec->mounts[spec->n_mounts++]);
}
