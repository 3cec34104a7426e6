#include "sections.h"

#include <limits.h>
#include <string.h>

/* A directory below the resctrl mount; "/" alone is the root class (runtime-spec 1.3). */
static bool is_clos_id(const char *id) {
        if (!strcmp(id, "/"))
                return true;
        return strcmp(id, ".") && strcmp(id, "..") && !strpbrk(id, "/\n") && strlen(id) <= NAME_MAX;
}

/* One line of the schemata file: a newline would smuggle in a second one. */
static void check_line(struct st_reader *r, const struct st_json *value, const char *line) {
        if (line && strchr(line, '\n'))
                st_reader_reject(r, value, "is not one line");
}

static void check_schemata(struct st_reader *r, const struct st_json *node) {
        ST_JSON_FOREACH (element, st_reader_array(r, node, "schemata")) {
                const char *line = st_reader_text(r, element);
                if (!*line)
                        st_reader_reject(r, element, "is not a schema such as \"L3:0=ff\"");
                check_line(r, element, line);
        }
}

void st_read_rdt(struct st_reader *r, const struct st_json *node, struct st_linux *linux_) {
        const struct st_json *section = st_reader_object(r, node, "intelRdt");
        struct st_rdt *rdt;

        if (!section)
                return;
        rdt = st_reader_alloc(r, 1, sizeof *rdt);
        if (!rdt)
                return;
        linux_->intel_rdt = rdt;
        rdt->clos_id = st_reader_string(r, section, "closID");
        rdt->l3_cache_schema = st_reader_string(r, section, "l3CacheSchema");
        rdt->mem_bw_schema = st_reader_string(r, section, "memBwSchema");
        check_schemata(r, section);
        rdt->schemata = st_reader_strings(r, section, "schemata", NULL);
        rdt->enable_monitoring = st_reader_bool(r, section, "enableMonitoring", NULL);
        if (rdt->clos_id && !is_clos_id(rdt->clos_id))
                st_reader_reject(r, st_json_get(section, "closID"),
                                 "is not a name of a directory, nor \"/\"");
        check_line(r, st_json_get(section, "l3CacheSchema"), rdt->l3_cache_schema);
        check_line(r, st_json_get(section, "memBwSchema"), rdt->mem_bw_schema);
        if (rdt->mem_bw_schema && strncmp(rdt->mem_bw_schema, "MB:", 3))
                st_reader_reject(r, st_json_get(section, "memBwSchema"),
                                 "does not begin with \"MB:\"");
}
