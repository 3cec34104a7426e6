#include "sections.h"

#include <ctype.h>
#include <linux/if.h>
#include <string.h>

/* The kernel's dev_t: 12 bits and 20 bits. */
enum { MAX_MAJOR = 4095, MAX_MINOR = 1048575 };

static const struct st_name types[] = {
        {"c", ST_DEVICE_CHAR},
        {"u", ST_DEVICE_CHAR},
        {"b", ST_DEVICE_BLOCK},
        {"p", ST_DEVICE_FIFO},
        {NULL},
};

static void read_owner(struct st_reader *r, const struct st_json *node, struct st_device *device) {
        struct st_optional_u64 mode = st_reader_uint(r, node, "fileMode", UINT32_MAX);
        struct st_optional_u64 uid = st_reader_uint(r, node, "uid", UINT32_MAX - 1);
        struct st_optional_u64 gid = st_reader_uint(r, node, "gid", UINT32_MAX - 1);

        device->file_mode =
                (uint32_t)mode.value & 07777; /* some callers leave the type bits of st_mode in */
        device->has_file_mode = mode.has;
        device->uid = (uint32_t)uid.value;
        device->has_uid = uid.has;
        device->gid = (uint32_t)gid.value;
        device->has_gid = gid.has;
}

static void read_device(struct st_reader *r, const struct st_json *node, struct st_device *device) {
        const struct st_json *type;

        if (!st_reader_is_object(r, node))
                return;
        device->path = st_reader_need_path(r, node, "path");
        type = st_reader_member(node, "type");
        if (type)
                device->type = (enum st_device_type)st_reader_name(r, type, types);
        else
                st_reader_missing(r, node, "type", "\"c\", \"b\", \"u\" or \"p\"");
        read_owner(r, node, device);
        if (r->status < 0 || device->type == ST_DEVICE_FIFO)
                return;
        device->major = st_reader_need_int(r, node, "major", 0, MAX_MAJOR);
        device->minor = st_reader_need_int(r, node, "minor", 0, MAX_MINOR);
}

void st_read_devices(struct st_reader *r, const struct st_json *node, struct st_linux *linux_) {
        const struct st_json *list = st_reader_array(r, node, "devices");

        if (!list)
                return;
        linux_->devices = st_reader_alloc(r, list->n_children, sizeof *linux_->devices);
        if (!linux_->devices)
                return;
        ST_JSON_FOREACH (entry, list)
                read_device(r, entry, &linux_->devices[linux_->n_devices++]);
}

const char *st_interface_name_fault(const char *name) {
        if (!*name || strlen(name) >= IFNAMSIZ)
                return "is not an interface name of 1 to 15 bytes";
        if (!strcmp(name, ".") || !strcmp(name, ".."))
                return "is not an interface name";
        for (const char *c = name; *c; c++)
                if (*c == '/' || *c == ':' || isspace((unsigned char)*c) ||
                    iscntrl((unsigned char)*c))
                        return "is not an interface name: no '/', ':' or blank may be in it";
        return NULL;
}

/* A new name may be a template (runtime-spec 1.3): the kernel makes a number of its one "%d". */
static bool is_bad_template(const char *name) {
        const char *percent = strchr(name, '%');

        return percent && (percent[1] != 'd' || strchr(percent + 1, '%'));
}

static void read_net_device(struct st_reader *r, const struct st_json *node,
                            struct st_net_device *device) {
        const char *fault = st_interface_name_fault(node->key);

        device->host_name = node->key;
        if (fault)
                st_reader_reject_key(r, node, "%s", fault);
        if (node->type == ST_JSON_NULL || !st_reader_is_object(r, node))
                return;
        device->container_name = st_reader_string(r, node, "name");
        if (!device->container_name)
                return;
        fault = st_interface_name_fault(device->container_name);
        if (fault)
                st_reader_reject(r, st_json_get(node, "name"), "%s", fault);
        else if (is_bad_template(device->container_name))
                st_reader_reject(r, st_json_get(node, "name"),
                                 "is not a name: a template has one %%d and no other %%");
}

void st_read_net_devices(struct st_reader *r, const struct st_json *node, struct st_linux *linux_) {
        const struct st_json *map = st_reader_object(r, node, "netDevices");

        if (!map)
                return;
        linux_->net_devices = st_reader_alloc(r, map->n_children, sizeof *linux_->net_devices);
        if (!linux_->net_devices)
                return;
        ST_JSON_FOREACH (entry, map)
                read_net_device(r, entry, &linux_->net_devices[linux_->n_net_devices++]);
}
