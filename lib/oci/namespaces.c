#include "sections.h"

#include <string.h>

enum { MAX_EXTENTS = 340 /* the kernel's UID_GID_MAP_MAX_EXTENTS */ };

static const struct st_name kinds[] = {
        {"user", ST_NS_USER},     {"pid", ST_NS_PID},   {"network", ST_NS_NETWORK},
        {"mount", ST_NS_MOUNT},   {"ipc", ST_NS_IPC},   {"uts", ST_NS_UTS},
        {"cgroup", ST_NS_CGROUP}, {"time", ST_NS_TIME}, {NULL},
};

static void read_namespace(struct st_reader *r, const struct st_json *node,
                           struct st_linux *linux_) {
        const struct st_json *type;
        struct st_namespace *ns;

        if (!st_reader_is_object(r, node))
                return;
        type = st_reader_member(node, "type");
        if (!type) {
                st_reader_missing(r, node, "type", "a namespace type such as \"pid\"");
                return;
        }
        ns = &linux_->namespaces[st_reader_name(r, type, kinds)];
        if (ns->wanted)
                st_reader_reject(r, type, "is listed twice");
        ns->wanted = true;
        ns->path = st_reader_path(r, node, "path");
}

static void read_mapping(struct st_reader *r, const struct st_json *node,
                         struct st_id_mapping *mapping) {
        if (!st_reader_is_object(r, node))
                return;
        mapping->container_id =
                (uint32_t)st_reader_need_uint(r, node, "containerID", UINT32_MAX - 1);
        mapping->host_id = (uint32_t)st_reader_need_uint(r, node, "hostID", UINT32_MAX - 1);
        mapping->size = (uint32_t)st_reader_need_uint(r, node, "size", UINT32_MAX);
        if (r->status < 0)
                return;
        if (mapping->size == 0)
                st_reader_reject(r, st_json_get(node, "size"), "is not in 1..4294967295");
        else if (mapping->size > UINT32_MAX - mapping->container_id ||
                 mapping->size > UINT32_MAX - mapping->host_id)
                st_reader_reject(r, st_json_get(node, "size"),
                                 "reaches past the last id, 4294967294");
}

static bool ranges_meet(uint32_t first, uint32_t other, uint32_t size, uint32_t other_size) {
        return first < (uint64_t)other + other_size && other < (uint64_t)first + size;
}

/* The kernel refuses a map in which an id occurs twice on either side, with a bare EINVAL. */
static bool overlap(const struct st_id_mapping *a, const struct st_id_mapping *b) {
        return ranges_meet(a->container_id, b->container_id, a->size, b->size) ||
               ranges_meet(a->host_id, b->host_id, a->size, b->size);
}

struct st_id_mappings st_read_id_mappings(struct st_reader *r, const struct st_json *object,
                                          const char *key) {
        const struct st_json *list = st_reader_array(r, object, key);
        struct st_id_mappings mappings = {0};

        if (!list || list->n_children == 0)
                return mappings;
        if (list->n_children > MAX_EXTENTS) {
                st_reader_reject(r, list, "of %u mappings is longer than %d", list->n_children,
                                 MAX_EXTENTS);
                return mappings;
        }
        mappings.items = st_reader_alloc(r, list->n_children, sizeof *mappings.items);
        ST_JSON_FOREACH (entry, list) {
                if (r->status < 0)
                        break;
                read_mapping(r, entry, &mappings.items[mappings.n_items]);
                for (size_t i = 0; i < mappings.n_items; i++)
                        if (overlap(&mappings.items[i], &mappings.items[mappings.n_items]))
                                st_reader_reject(r, entry, "overlaps the mapping [%zu]", i);
                mappings.n_items++;
        }
        return mappings;
}

static void read_time_offset(struct st_reader *r, const struct st_json *node,
                             struct st_time_offset *offset) {
        if (!st_reader_is_object(r, node))
                return;
        offset->present = true;
        offset->secs = st_reader_int(r, node, "secs", INT64_MIN, INT64_MAX).value;
        offset->nanosecs = (uint32_t)st_reader_uint(r, node, "nanosecs", 999999999).value;
}

/* Here the members are names of clocks: an unknown one is a request that cannot be met, no
 * extension. */
static void read_time_offsets(struct st_reader *r, const struct st_json *node,
                              struct st_linux *linux_) {
        ST_JSON_FOREACH (clock, st_reader_object(r, node, "timeOffsets")) {
                if (!strcmp(clock->key, "monotonic"))
                        read_time_offset(r, clock, &linux_->monotonic);
                else if (!strcmp(clock->key, "boottime"))
                        read_time_offset(r, clock, &linux_->boottime);
                else
                        st_reader_reject_key(r, clock, "is not one of monotonic, boottime");
        }
}

void st_read_namespaces(struct st_reader *r, const struct st_json *node, struct st_linux *linux_) {
        ST_JSON_FOREACH (entry, st_reader_array(r, node, "namespaces"))
                read_namespace(r, entry, linux_);
        linux_->uid_mappings = st_read_id_mappings(r, node, "uidMappings");
        linux_->gid_mappings = st_read_id_mappings(r, node, "gidMappings");
        read_time_offsets(r, node, linux_);
}
