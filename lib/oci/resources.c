#include "sections.h"

#include <string.h>

enum { MAX_CPUS = 8192, MAX_NODES = 1024, MAX_MAJOR = 4095, MAX_MINOR = 1048575 };

static const struct st_name rule_types[] = {
        {"a", ST_DEVICE_ALL},
        {"c", ST_DEVICE_CHAR},
        {"b", ST_DEVICE_BLOCK},
        {NULL},
};

/* ---- devices ---- */

/* The spec gives no default for the letters, and a guess would be unsafe one way or the other. */
static void read_access(struct st_reader *r, const struct st_json *node,
                        struct st_device_rule *rule) {
        const char *access = st_reader_need_string(r, node, "access");

        if (access[strspn(access, "rwm")])
                st_reader_reject(r, st_json_get(node, "access"),
                                 "has a letter other than r, w and m");
        rule->read = strchr(access, 'r') != NULL;
        rule->write = strchr(access, 'w') != NULL;
        rule->mknod = strchr(access, 'm') != NULL;
}

static int64_t device_number(struct st_reader *r, const struct st_json *node, const char *key,
                             int64_t max) {
        struct st_optional_i64 number = st_reader_int(r, node, key, -1, max);

        return number.has ? number.value : -1;
}

static void read_device_rule(struct st_reader *r, const struct st_json *node,
                             struct st_device_rule *rule) {
        bool has_allow;

        if (!st_reader_is_object(r, node))
                return;
        rule->allow = st_reader_bool(r, node, "allow", &has_allow);
        if (!has_allow)
                st_reader_missing(r, node, "allow", "true or false");
        rule->type = ST_DEVICE_ALL;
        if (st_reader_string(r, node, "type"))
                rule->type = (enum st_device_type)st_reader_name(r, st_json_get(node, "type"),
                                                                 rule_types);
        rule->major = device_number(r, node, "major", MAX_MAJOR);
        rule->minor = device_number(r, node, "minor", MAX_MINOR);
        read_access(r, node, rule);
}

static void read_device_rules(struct st_reader *r, const struct st_json *node,
                              struct st_resources *resources) {
        const struct st_json *list = st_reader_array(r, node, "devices");

        if (!list)
                return;
        resources->devices = st_reader_alloc(r, list->n_children, sizeof *resources->devices);
        if (!resources->devices)
                return;
        ST_JSON_FOREACH (entry, list)
                read_device_rule(r, entry, &resources->devices[resources->n_devices++]);
}

/* ---- memory, cpu, pids: -1 is "no limit" ---- */

static void read_memory(struct st_reader *r, const struct st_json *resources_node,
                        struct st_resources *resources) {
        const struct st_json *node = st_reader_object(r, resources_node, "memory");
        struct st_memory *memory;

        if (!node)
                return;
        memory = st_reader_alloc(r, 1, sizeof *memory);
        if (!memory)
                return;
        resources->memory = memory;
        memory->limit = st_reader_int(r, node, "limit", -1, INT64_MAX);
        memory->reservation = st_reader_int(r, node, "reservation", -1, INT64_MAX);
        memory->swap = st_reader_int(r, node, "swap", -1, INT64_MAX);
        memory->kernel = st_reader_int(r, node, "kernel", -1, INT64_MAX);
        memory->kernel_tcp = st_reader_int(r, node, "kernelTCP", -1, INT64_MAX);
        memory->swappiness = st_reader_uint(r, node, "swappiness", 100);
        memory->disable_oom_killer =
                st_reader_bool(r, node, "disableOOMKiller", &memory->has_disable_oom_killer);
        memory->use_hierarchy = st_reader_bool(r, node, "useHierarchy", &memory->has_use_hierarchy);
        memory->check_before_update =
                st_reader_bool(r, node, "checkBeforeUpdate", &memory->has_check_before_update);
}

static void read_cpu(struct st_reader *r, const struct st_json *resources_node,
                     struct st_resources *resources) {
        const struct st_json *node = st_reader_object(r, resources_node, "cpu");
        struct st_cpu *cpu;

        if (!node)
                return;
        cpu = st_reader_alloc(r, 1, sizeof *cpu);
        if (!cpu)
                return;
        resources->cpu = cpu;
        cpu->shares = st_reader_uint(r, node, "shares", UINT64_MAX);
        cpu->quota = st_reader_int(r, node, "quota", -1, INT64_MAX);
        cpu->burst = st_reader_uint(r, node, "burst", UINT64_MAX);
        cpu->period = st_reader_uint(r, node, "period", UINT64_MAX);
        cpu->realtime_runtime = st_reader_int(r, node, "realtimeRuntime", -1, INT64_MAX);
        cpu->realtime_period = st_reader_uint(r, node, "realtimePeriod", UINT64_MAX);
        cpu->idle = st_reader_int(r, node, "idle", 0, 1);
        cpu->cpus = st_reader_cpu_list(r, node, "cpus", MAX_CPUS);
        cpu->mems = st_reader_cpu_list(r, node, "mems", MAX_NODES);
        if (cpu->quota.value > 0 && cpu->burst.value > (uint64_t)cpu->quota.value)
                st_reader_reject(r, st_json_get(node, "burst"), "is more than the quota");
}

static void read_pids(struct st_reader *r, const struct st_json *resources_node,
                      struct st_resources *resources) {
        resources->pids_limit = st_reader_int(r, st_reader_object(r, resources_node, "pids"),
                                              "limit", -1, INT64_MAX);
}

/* ---- the smaller controllers ---- */

/* "2MB": the name of the controller's files has it, so nothing else may be in it. */
static bool is_page_size(const char *text) {
        size_t digits = strspn(text, "0123456789");

        return digits > 0 && digits < 12 && text[0] != '0' && text[digits] &&
               strchr("KMG", text[digits]) && !strcmp(text + digits + 1, "B");
}

static void read_hugepage(struct st_reader *r, const struct st_json *node,
                          struct st_hugepage_limit *limit) {
        if (!st_reader_is_object(r, node))
                return;
        limit->page_size = st_reader_need_string(r, node, "pageSize");
        if (*limit->page_size && !is_page_size(limit->page_size))
                st_reader_reject(r, st_json_get(node, "pageSize"),
                                 "is not a size such as \"2MB\", in KB, MB or GB");
        limit->limit = st_reader_need_uint(r, node, "limit", UINT64_MAX);
}

static void read_hugepages(struct st_reader *r, const struct st_json *node,
                           struct st_resources *resources) {
        const struct st_json *list = st_reader_array(r, node, "hugepageLimits");

        if (!list)
                return;
        resources->hugepages = st_reader_alloc(r, list->n_children, sizeof *resources->hugepages);
        if (!resources->hugepages)
                return;
        ST_JSON_FOREACH (entry, list)
                read_hugepage(r, entry, &resources->hugepages[resources->n_hugepages++]);
}

static void read_net_priority(struct st_reader *r, const struct st_json *node,
                              struct st_net_priority *priority) {
        const char *fault;

        if (!st_reader_is_object(r, node))
                return;
        priority->name = st_reader_need_string(r, node, "name");
        fault = *priority->name ? st_interface_name_fault(priority->name) : NULL;
        if (fault)
                st_reader_reject(r, st_json_get(node, "name"), "%s", fault);
        priority->priority = (uint32_t)st_reader_need_uint(r, node, "priority", UINT32_MAX);
}

static void read_network(struct st_reader *r, const struct st_json *resources_node,
                         struct st_resources *resources) {
        const struct st_json *node = st_reader_object(r, resources_node, "network");
        const struct st_json *list = st_reader_array(r, node, "priorities");

        resources->net_class_id = st_reader_uint(r, node, "classID", UINT32_MAX);
        if (!list)
                return;
        resources->net_priorities =
                st_reader_alloc(r, list->n_children, sizeof *resources->net_priorities);
        if (!resources->net_priorities)
                return;
        ST_JSON_FOREACH (entry, list)
                read_net_priority(r, entry,
                                  &resources->net_priorities[resources->n_net_priorities++]);
}

static void read_rdma_device(struct st_reader *r, const struct st_json *node,
                             struct st_rdma *rdma) {
        rdma->device = node->key;
        if (!*node->key || strpbrk(node->key, " \t\n/"))
                st_reader_reject_key(r, node,
                                     "is not the name of an RDMA device, such as \"mlx5_1\"");
        if (!st_reader_is_object(r, node))
                return;
        rdma->hca_handles = st_reader_uint(r, node, "hcaHandles", UINT32_MAX);
        rdma->hca_objects = st_reader_uint(r, node, "hcaObjects", UINT32_MAX);
        if (!rdma->hca_handles.has && !rdma->hca_objects.has)
                st_reader_reject(r, node, "has neither hcaHandles nor hcaObjects");
}

static void read_rdma(struct st_reader *r, const struct st_json *node,
                      struct st_resources *resources) {
        const struct st_json *map = st_reader_object(r, node, "rdma");

        if (!map)
                return;
        resources->rdma = st_reader_alloc(r, map->n_children, sizeof *resources->rdma);
        if (!resources->rdma)
                return;
        ST_JSON_FOREACH (entry, map)
                read_rdma_device(r, entry, &resources->rdma[resources->n_rdma++]);
}

/* ---- unified ---- */

/* A key is a file of the container's cgroup. These would move, freeze or kill processes, not limit
 * them. */
static const char *unified_key_fault(const char *key) {
        static const char *const refused[] = {"cgroup.procs", "cgroup.threads", "cgroup.kill",
                                              "cgroup.freeze"};
        size_t controller = strcspn(key, ".");

        if (controller == 0 || !key[controller] || !key[controller + 1] ||
            key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")])
                return "is not the name of a cgroup file, such as \"memory.high\"";
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
                if (!strcmp(key, refused[i]))
                        return "is a file that sets no limit";
        return NULL;
}

static void read_unified(struct st_reader *r, const struct st_json *node,
                         struct st_resources *resources) {
        resources->unified = st_reader_pairs(r, node, "unified", &resources->n_unified);
        ST_JSON_FOREACH (entry, st_reader_object(r, node, "unified")) {
                const char *fault = unified_key_fault(entry->key);
                if (fault)
                        st_reader_reject_key(r, entry, "%s", fault);
        }
}

void st_read_resources(struct st_reader *r, const struct st_json *node,
                       struct st_resources *resources) {
        read_device_rules(r, node, resources);
        read_memory(r, node, resources);
        read_cpu(r, node, resources);
        read_pids(r, node, resources);
        st_read_block_io(r, node, resources);
        read_hugepages(r, node, resources);
        read_network(r, node, resources);
        read_rdma(r, node, resources);
        read_unified(r, node, resources);
}
