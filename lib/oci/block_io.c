#include "sections.h"

enum {
        MAX_MAJOR = 4095,
        MAX_MINOR = 1048575,
        MAX_WEIGHT = 1000 /* of v1; v2's scale is made from it */
};

static void read_weight_device(struct st_reader *r, const struct st_json *node,
                               struct st_weight_device *device) {
        if (!st_reader_is_object(r, node))
                return;
        device->major = st_reader_need_int(r, node, "major", 0, MAX_MAJOR);
        device->minor = st_reader_need_int(r, node, "minor", 0, MAX_MINOR);
        device->weight = st_reader_uint(r, node, "weight", MAX_WEIGHT);
        device->leaf_weight = st_reader_uint(r, node, "leafWeight", MAX_WEIGHT);
        if (!device->weight.has && !device->leaf_weight.has)
                st_reader_reject(r, node, "has neither weight nor leafWeight");
}

static void read_weight_devices(struct st_reader *r, const struct st_json *node,
                                struct st_block_io *io) {
        const struct st_json *list = st_reader_array(r, node, "weightDevice");

        if (!list)
                return;
        io->weight_devices = st_reader_alloc(r, list->n_children, sizeof *io->weight_devices);
        if (!io->weight_devices)
                return;
        ST_JSON_FOREACH (entry, list)
                read_weight_device(r, entry, &io->weight_devices[io->n_weight_devices++]);
}

static void read_throttle(struct st_reader *r, const struct st_json *node,
                          struct st_throttle_device *device) {
        if (!st_reader_is_object(r, node))
                return;
        device->major = st_reader_need_int(r, node, "major", 0, MAX_MAJOR);
        device->minor = st_reader_need_int(r, node, "minor", 0, MAX_MINOR);
        device->rate = st_reader_need_uint(r, node, "rate", UINT64_MAX);
}

static struct st_throttle_device *read_throttles(struct st_reader *r, const struct st_json *node,
                                                 const char *key, size_t *ret_n) {
        const struct st_json *list = st_reader_array(r, node, key);
        struct st_throttle_device *devices;

        if (!list)
                return NULL;
        devices = st_reader_alloc(r, list->n_children, sizeof *devices);
        if (!devices)
                return NULL;
        ST_JSON_FOREACH (entry, list)
                read_throttle(r, entry, &devices[(*ret_n)++]);
        return devices;
}

void st_read_block_io(struct st_reader *r, const struct st_json *resources_node,
                      struct st_resources *resources) {
        const struct st_json *node = st_reader_object(r, resources_node, "blockIO");
        struct st_block_io *io;

        if (!node)
                return;
        io = st_reader_alloc(r, 1, sizeof *io);
        if (!io)
                return;
        resources->block_io = io;
        io->weight = st_reader_uint(r, node, "weight", MAX_WEIGHT);
        io->leaf_weight = st_reader_uint(r, node, "leafWeight", MAX_WEIGHT);
        read_weight_devices(r, node, io);
        io->read_bps = read_throttles(r, node, "throttleReadBpsDevice", &io->n_read_bps);
        io->write_bps = read_throttles(r, node, "throttleWriteBpsDevice", &io->n_write_bps);
        io->read_iops = read_throttles(r, node, "throttleReadIOPSDevice", &io->n_read_iops);
        io->write_iops = read_throttles(r, node, "throttleWriteIOPSDevice", &io->n_write_iops);
}
