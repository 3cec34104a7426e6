/* The node's file on placement. */
#include "target.h"

#include <stint/node_config.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct rt_node_config config;
        struct st_error err = {0};

        if (rt_node_config_parse("fuzz", (const char *)data, size, &config, &err) == 0) {
                MUST(!config.has_cpus || !rt_cpus_is_empty(&config.cpus));
                MUST(!config.ledger || *config.ledger == '/');
                rt_node_config_deinit(&config);
        } else
                MUST(*err.msg);
        return 0;
}
