#include "sections.h"

#include <string.h>

static bool wants(const struct st_spec *spec, enum st_namespace_kind kind) {
        return spec->linux_.namespaces[kind].wanted;
}

/* A member that works on a namespace would change the host's without one. */
static void need_namespace(struct st_reader *r, const struct st_json *value,
                           const struct st_spec *spec, enum st_namespace_kind kind) {
        if (!wants(spec, kind))
                st_reader_reject(r, value, "needs a namespace of type \"%s\" in linux.namespaces",
                                 st_namespace_name(kind));
}

static void check_uts(struct st_reader *r, const struct st_json *config,
                      const struct st_spec *spec) {
        if (spec->hostname)
                need_namespace(r, st_json_get(config, "hostname"), spec, ST_NS_UTS);
        if (spec->domainname)
                need_namespace(r, st_json_get(config, "domainname"), spec, ST_NS_UTS);
}

/* A new user namespace without mappings has no user that anything could run as. */
static void check_mappings(struct st_reader *r, const struct st_json *node,
                           const struct st_spec *spec) {
        const struct st_namespace *user = &spec->linux_.namespaces[ST_NS_USER];

        if (spec->linux_.uid_mappings.n_items > 0)
                need_namespace(r, st_json_get(node, "uidMappings"), spec, ST_NS_USER);
        if (spec->linux_.gid_mappings.n_items > 0)
                need_namespace(r, st_json_get(node, "gidMappings"), spec, ST_NS_USER);
        if (!user->wanted || user->path)
                return;
        if (spec->linux_.uid_mappings.n_items == 0)
                st_reader_missing(r, node, "uidMappings", "a mapping for the new user namespace");
        if (spec->linux_.gid_mappings.n_items == 0)
                st_reader_missing(r, node, "gidMappings", "a mapping for the new user namespace");
}

static void check_time(struct st_reader *r, const struct st_json *node,
                       const struct st_spec *spec) {
        const struct st_json *offsets = st_json_get(node, "timeOffsets");

        if (!spec->linux_.monotonic.present && !spec->linux_.boottime.present)
                return;
        need_namespace(r, offsets, spec, ST_NS_TIME);
        if (spec->linux_.namespaces[ST_NS_TIME].path)
                st_reader_reject(r, offsets, "needs a new time namespace, not one that is joined");
}

static void check_paths(struct st_reader *r, const struct st_json *node,
                        const struct st_spec *spec) {
        if (*spec->linux_.masked_paths)
                need_namespace(r, st_json_get(node, "maskedPaths"), spec, ST_NS_MOUNT);
        if (*spec->linux_.readonly_paths)
                need_namespace(r, st_json_get(node, "readonlyPaths"), spec, ST_NS_MOUNT);
}

/* The spec, "Linux mount options": idmap without mappings takes those of the user namespace, or is
 * an error. */
static void check_idmap(struct st_reader *r, const struct st_json *config,
                        const struct st_spec *spec) {
        const struct st_json *node = st_json_get(config, "mounts");

        if (!node || wants(spec, ST_NS_USER))
                return;
        node = node->first;
        for (size_t i = 0; i < spec->n_mounts; i++, node = node->next) {
                const struct st_mount *mount = &spec->mounts[i];
                if (mount->uid_mappings.n_items > 0)
                        continue;
                for (char **option = mount->options; *option; option++)
                        if (!strcmp(*option, "idmap") || !strcmp(*option, "ridmap"))
                                st_reader_reject(r, st_json_get(node, "options"),
                                                 "with %s needs uidMappings and gidMappings, or a "
                                                 "user namespace",
                                                 *option);
        }
}

void st_check_consistency(struct st_reader *r, const struct st_json *config,
                          const struct st_spec *spec) {
        const struct st_json *node = st_json_get(config, "linux");

        check_uts(r, config, spec);
        check_mappings(r, node, spec);
        check_time(r, node, spec);
        check_paths(r, node, spec);
        if (spec->linux_.n_net_devices > 0)
                need_namespace(r, st_json_get(node, "netDevices"), spec, ST_NS_NETWORK);
        check_idmap(r, config, spec);
}
