/* place.c: CPUs from the node's ledger for a container that asks for some: by annotation, or by a
 * CPU quota where the node's file says so. Who asks for nothing pays for one open(2) that finds no
 * file. */
#include "runtime.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/idmap.h>
#include <stint/ledger.h>
#include <stint/node_config.h>
#include <stint/parse.h>

enum { DEFAULT_PERIOD = 100000, LIST_ROOM = RT_MAX_CPUS * 5, MAX_WAIT_SECONDS = 86400 };

/* What one container asks for, put together from its config and the node's file. */
struct wish {
        struct rt_container *container;
        struct rt_node_config config;
        struct rt_claim claim;
        enum rt_placement_wish strictness;
        const char *path; /* of the ledger */
        char *tenant, *cgroup, *freezer;
        struct rt_cpus within;
};

static void free_wish(struct wish *wish) {
        free(wish->tenant);
        free(wish->cgroup);
        free(wish->freezer);
        rt_node_config_deinit(&wish->config);
}

static const char *annotation(const struct wish *wish, const char *key) {
        return st_spec_annotation(wish->container->spec, key);
}

static int bad_annotation(struct st_error *err, const char *key, const char *value,
                          const char *wanted) {
        return st_error_kind(err,
                             st_error_set(err, -EINVAL, "annotations.%s: \"%.100s\" is not %s", key,
                                          value, wanted),
                             ST_CODE_CONFIG_INVALID);
}

/* ---- whether it asks ---- */

/* Engines give a pod's annotations to the process that holds its namespaces as well. */
static bool is_sandbox(const struct wish *wish) {
        const char *type = annotation(wish, "io.kubernetes.cri.container-type");

        if (!type)
                type = annotation(wish, "io.kubernetes.cri-o.ContainerType");
        return type && !strcmp(type, "sandbox");
}

static const struct st_cpu *cpu_of(const struct wish *wish) {
        const struct st_resources *resources = wish->container->spec->linux_.resources;

        return resources ? resources->cpu : NULL;
}

/* Whole CPUs that the quota is worth; 0: no quota. */
static unsigned from_quota(const struct st_cpu *cpu) {
        uint64_t period, n;

        if (!cpu || !cpu->quota.has || cpu->quota.value <= 0)
                return 0;
        period = cpu->period.has && cpu->period.value ? cpu->period.value : DEFAULT_PERIOD;
        n = ((uint64_t)cpu->quota.value + period - 1) / period;
        return n > RT_MAX_CPUS ? RT_MAX_CPUS : (unsigned)n;
}

static int asks(struct wish *wish, struct st_error *err) {
        const char *placement = annotation(wish, "io.stint.placement");

        wish->strictness = wish->config.placement;
        if (wish->strictness == RT_PLACEMENT_OFF || is_sandbox(wish))
                return 0;
        if (placement && rt_placement_wish_parse(placement, &wish->strictness) < 0)
                return bad_annotation(err, "io.stint.placement", placement,
                                      "off, prefer or strict");
        if (placement)
                return wish->strictness != RT_PLACEMENT_OFF;
        return annotation(wish, "io.stint.cpus") || annotation(wish, "io.stint.tier") ||
               (wish->config.cpus_from_quota && from_quota(cpu_of(wish)));
}

/* ---- what it asks for ---- */

/* io.stint.tenant, else the Kubernetes namespace, else the user that it runs as. */
static int find_tenant(struct wish *wish, struct st_error *err) {
        const struct st_spec *spec = wish->container->spec;
        const char *name = annotation(wish, "io.stint.tenant");
        int64_t uid = spec->process ? spec->process->user.uid : 0;

        if (name)
                wish->tenant = strdup(name);
        else if ((name = annotation(wish, "io.kubernetes.cri.sandbox-namespace")) ||
                 (name = annotation(wish, "io.kubernetes.pod.namespace"))) {
                if (asprintf(&wish->tenant, "namespace:%s", name) < 0)
                        wish->tenant = NULL;
        } else {
                if (spec->linux_.namespaces[ST_NS_USER].wanted)
                        uid = rt_idmap_to_host(&spec->linux_.uid_mappings, (uint32_t)uid);
                if (asprintf(&wish->tenant, "uid:%lld", (long long)uid) < 0)
                        wish->tenant = NULL;
        }
        wish->claim.tenant = wish->tenant;
        return wish->tenant ? 0 : st_error_set(err, -ENOMEM, "place the container");
}

static int read_words(struct wish *wish, struct st_error *err) {
        const char *tier = annotation(wish, "io.stint.tier"),
                   *smt = annotation(wish, "io.stint.smt"),
                   *wait = annotation(wish, "io.stint.wait");
        uint32_t seconds;

        wish->claim.tier = wish->config.tier;
        wish->claim.whole_cores = wish->config.whole_cores;
        wish->claim.wait_msec = wish->config.wait_msec;
        if (tier && rt_tier_parse(tier, &wish->claim.tier) < 0)
                return bad_annotation(err, "io.stint.tier", tier,
                                      "exclusive, shared or best-effort");
        if (smt && strcmp(smt, "exclusive") != 0 && strcmp(smt, "shared") != 0)
                return bad_annotation(err, "io.stint.smt", smt, "exclusive or shared");
        if (smt)
                wish->claim.whole_cores = !strcmp(smt, "exclusive");
        if (wait && (st_parse_u32(wait, &seconds) < 0 || seconds > MAX_WAIT_SECONDS))
                return bad_annotation(err, "io.stint.wait", wait,
                                      "a number of seconds up to 86400");
        if (wait)
                wish->claim.wait_msec = seconds * 1000;
        wish->claim.strict = wish->strictness == RT_PLACEMENT_STRICT;
        if (!wish->claim.strict)
                wish->claim.wait_msec = 0;
        wish->claim.job = annotation(wish, "io.stint.job");
        return find_tenant(wish, err);
}

static unsigned largest_domain(const struct rt_topology *t) {
        unsigned largest = 0;

        for (unsigned i = 0; i < t->domains.n; i++) {
                unsigned n = rt_cpus_count(&t->domains.sets[i]);

                largest = n > largest ? n : largest;
        }
        return largest;
}

/* As the annotation says; else by the quota; else by the caller's cpuset; else, for who shares,
 * a domain. */
static int count_cpus(struct wish *wish, const struct rt_topology *t, struct st_error *err) {
        const char *text = annotation(wish, "io.stint.cpus");
        unsigned n = from_quota(cpu_of(wish)), n_all = rt_cpus_count(&t->cpus);
        uint32_t asked;

        if (text) {
                if (st_parse_u32(text, &asked) < 0 || asked == 0 || asked > RT_MAX_CPUS)
                        return bad_annotation(err, "io.stint.cpus", text, "a number of CPUs");
                wish->claim.n_cpus = asked;
                return 0;
        }
        wish->claim.from_quota = n > 0;
        if (n == 0 && wish->claim.within)
                n = rt_cpus_count(wish->claim.within);
        if (n == 0 && wish->claim.tier != RT_TIER_EXCLUSIVE)
                n = largest_domain(t);
        if (n == 0)
                return st_error_kind(err,
                                     st_error_set(err, -EINVAL,
                                                  "annotations.io.stint.cpus is missing, and there "
                                                  "is no CPU quota to derive it from"),
                                     ST_CODE_CONFIG_INVALID);
        wish->claim.n_cpus = n < n_all ? n : n_all;
        return 0;
}

static int read_cpuset(struct wish *wish, struct st_error *err) {
        const struct st_cpu *cpu = cpu_of(wish);

        if (!cpu || !cpu->cpus || !*cpu->cpus)
                return 0;
        if (rt_cpus_parse(cpu->cpus, &wish->within) < 0)
                return st_error_kind(err,
                                     st_error_set(err, -EINVAL,
                                                  "linux.resources.cpu.cpus: %.100s is no list of "
                                                  "CPUs up to %d",
                                                  cpu->cpus, RT_MAX_CPUS - 1),
                                     ST_CODE_CONFIG_INVALID);
        wish->claim.within = &wish->within;
        return 0;
}

/* Where its cpuset will be: planned once without limits, for the paths alone. 1: there is none. */
static int find_cgroup(struct wish *wish, const struct rt_cgroup_request *request,
                       struct st_error *err) {
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = NULL;
        struct rt_cgroup_request bare = *request;
        const char *path, *freezer;
        int r;

        bare.resources = NULL;
        r = rt_cgroup_plan(&bare, &cgroup, err);
        if (r < 0)
                return r;
        path = rt_cgroup_path(cgroup, "cpuset");
        freezer = rt_cgroup_path(cgroup, NULL);
        if (!freezer)
                freezer = rt_cgroup_path(cgroup, "freezer");
        if (!path)
                return 1;
        wish->cgroup = strdup(path);
        wish->freezer = freezer ? strdup(freezer) : NULL;
        if (!wish->cgroup || (freezer && !wish->freezer))
                return st_error_set(err, -ENOMEM, "place the container");
        wish->claim.cgroup = wish->cgroup;
        wish->claim.freezer = wish->freezer;
        return 0;
}

/* ---- the claim ---- */

static struct rt_ledger *open_ledger(const struct rt_node_config *config, const char *path) {
        struct rt_ledger_options options = {
                .path = path,
                .sysfs = config->sysfs,
                .cgroup_root = config->cgroup_root,
                .cpus = config->has_cpus ? &config->cpus : NULL,
                .ignored = config->ignored,
        };

        return rt_ledger_new(&options);
}

static bool out_of_reach(int r) {
        return r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOENT || r == -ENOTDIR;
}

/* A preference that cannot be had is taken as near as it goes, and said. */
static int claim_some(struct wish *wish, struct rt_ledger *ledger, struct rt_grant *ret_grant,
                      struct st_error *err) {
        struct st_error why = {0};
        int r = rt_ledger_claim(ledger, &wish->claim, ret_grant, &why);

        if (r == -EBUSY && !wish->claim.strict && wish->claim.tier == RT_TIER_EXCLUSIVE) {
                rt_runtime_warn(wish->container->runtime, "placement: %s; the task shares its CPUs",
                                why.msg);
                wish->claim.tier = RT_TIER_SHARED;
                why = (struct st_error) {0};
                r = rt_ledger_claim(ledger, &wish->claim, ret_grant, &why);
        }
        if (r < 0 && err)
                *err = why;
        return r;
}

static int claim_from(struct wish *wish, const char *path, struct rt_grant *ret_grant,
                      struct st_error *err) {
        st_cleanup(rt_ledger_freep) struct rt_ledger *ledger = open_ledger(&wish->config, path);
        const struct rt_topology *topology;
        int r;

        if (!ledger)
                return st_error_set(err, -ENOMEM, "open the ledger of CPUs");
        r = rt_ledger_topology(ledger, &topology, err);
        if (r < 0)
                return r == -ENOENT ? -EOPNOTSUPP : r;
        r = count_cpus(wish, topology, err);
        if (r < 0)
                return r;
        wish->claim.bind_memory = wish->config.memory == RT_MEMORY_BIND &&
                                  topology->levels[RT_LEVEL_NODE].n > 1 &&
                                  !(cpu_of(wish) && cpu_of(wish)->mems && *cpu_of(wish)->mems);
        return claim_some(wish, ledger, ret_grant, err);
}

/* The node's ledger; else one in our own state directory, and a word that it knows of us alone. */
static int claim(struct wish *wish, struct rt_grant *ret_grant, struct st_error *err) {
        struct rt_runtime *runtime = wish->container->runtime;
        const char *path = wish->config.ledger ? wish->config.ledger : "/run/stint/.cpus";
        struct st_error why = {0};
        char *own;
        int r = claim_from(wish, path, ret_grant, &why);

        wish->path = path;
        if (!out_of_reach(r) || wish->claim.strict) {
                if (r < 0 && err)
                        *err = why;
                return r;
        }
        rt_runtime_warn(runtime,
                        "placement: %s: CPUs are chosen among those that are allowed here, without "
                        "knowing who else was given them",
                        why.msg);
        own = st_arena_printf(wish->container->spec->arena, "%s/.cpus", runtime->root);
        if (!own)
                return st_error_set(err, -ENOMEM, "place the container");
        wish->path = own;
        return claim_from(wish, own, ret_grant, err);
}

/* ---- what follows for the container ---- */

static char *list_of(struct st_arena *arena, const struct rt_cpus *set) {
        char list[LIST_ROOM];

        return st_arena_strdup(arena, rt_cpus_print(set, list, sizeof list));
}

static int fill_resources(struct wish *wish, const struct rt_grant *grant,
                          struct rt_cgroup_request *request) {
        struct st_arena *arena = wish->container->spec->arena;
        struct st_resources *resources = st_arena_alloc(arena, sizeof *resources);
        struct st_cpu *cpu = st_arena_alloc(arena, sizeof *cpu);

        if (!resources || !cpu)
                return -ENOMEM;
        if (request->resources)
                *resources = *request->resources;
        if (resources->cpu)
                *cpu = *resources->cpu;
        resources->cpu = cpu;
        request->resources = resources;
        cpu->cpus = list_of(arena, &grant->decision.cpus);
        if (wish->claim.bind_memory && !rt_cpus_is_empty(&grant->decision.memory_nodes))
                cpu->mems = list_of(arena, &grant->decision.memory_nodes);
        if (grant->tier == RT_TIER_BEST_EFFORT) {
                if (rt_cgroup_detect() == RT_CGROUP_V2) {
                        cpu->idle = (struct st_optional_i64) {.has = true, .value = 1};
                        cpu->idle_or_weight = true;
                        cpu->shares.has = false;
                } else
                        cpu->shares = (struct st_optional_u64) {.has = true, .value = 2};
        }
        return cpu->cpus ? 0 : -ENOMEM;
}

static int prefer_memory(struct wish *wish, const struct rt_grant *grant) {
        struct st_linux *lin = &wish->container->spec->linux_;
        struct st_memory_policy *policy;

        if (wish->config.memory != RT_MEMORY_PREFER || lin->memory_policy ||
            rt_cpus_count(&grant->decision.memory_nodes) == 0)
                return 0;
        policy = st_arena_alloc(wish->container->spec->arena, sizeof *policy);
        if (!policy)
                return -ENOMEM;
        policy->mode = rt_cpus_count(&grant->decision.memory_nodes) > 1 ? MPOL_PREFERRED_MANY
                                                                        : MPOL_PREFERRED;
        policy->nodes = list_of(wish->container->spec->arena, &grant->decision.memory_nodes);
        lin->memory_policy = policy;
        return policy->nodes ? 0 : -ENOMEM;
}

static char **copy_lines(struct st_arena *arena, char *const *lines) {
        size_t n = 0;
        char **copy;

        while (lines[n])
                n++;
        copy = st_arena_array(arena, n + 1, sizeof *copy);
        for (size_t i = 0; copy && i < n; i++) {
                copy[i] = st_arena_strdup(arena, lines[i]);
                if (!copy[i])
                        return NULL;
        }
        return copy;
}

/* The tier's class, where resctrl is there and the container has none of its own. */
static int join_class(struct wish *wish, enum rt_tier tier) {
        const struct rt_node_class *class = &wish->config.classes[tier];
        struct st_linux *lin = &wish->container->spec->linux_;
        struct st_arena *arena = wish->container->spec->arena;
        const char *root = wish->config.resctrl ? wish->config.resctrl : "/sys/fs/resctrl";
        const char *info = st_arena_printf(arena, "%s/info", root);
        struct st_rdt *rdt;

        if (!info)
                return -ENOMEM;
        if (!class->name || lin->intel_rdt || access(info, F_OK) < 0)
                return 0;
        rdt = st_arena_alloc(arena, sizeof *rdt);
        wish->container->resctrl = st_arena_strdup(arena, root);
        if (!rdt || !wish->container->resctrl)
                return -ENOMEM;
        rdt->clos_id = st_arena_strdup(arena, class->name);
        rdt->schemata = copy_lines(arena, class->schemata);
        lin->intel_rdt = rdt;
        return rdt->clos_id && rdt->schemata ? 0 : -ENOMEM;
}

static int follow(struct wish *wish, const struct rt_grant *grant,
                  struct rt_cgroup_request *request, struct st_error *err) {
        struct rt_record *record = &wish->container->record;
        int r;

        record->cpus_token = grant->token;
        record->cpus_ledger = strdup(wish->path);
        r = record->cpus_ledger ? fill_resources(wish, grant, request) : -ENOMEM;
        if (r == 0)
                r = prefer_memory(wish, grant);
        if (r == 0)
                r = join_class(wish, grant->tier);
        return r < 0 ? st_error_set(err, r, "place the container") : 0;
}

static int place(struct wish *wish, struct rt_cgroup_request *request, struct st_error *err) {
        struct rt_grant grant;
        struct st_error why = {0};
        int r = read_words(wish, err);

        wish->claim.id = wish->container->record.id;
        if (r == 0)
                r = read_cpuset(wish, err);
        if (r == 0)
                r = find_cgroup(wish, request, err);
        if (r < 0)
                return r;
        r = r > 0 ? st_error_set(&why, -EOPNOTSUPP, "the container has no cpuset cgroup")
                  : claim(wish, &grant, &why);
        if (r == 0)
                return follow(wish, &grant, request, err);
        if (r == -EOPNOTSUPP && !wish->claim.strict) {
                rt_runtime_warn(wish->container->runtime, "placement: %s: the task is not placed",
                                why.msg);
                return 0;
        }
        st_error_kind(&why, r, ST_CODE_LIMIT);
        if (err)
                *err = why;
        return st_error_prefix(err, r, "placement");
}

int rt_place(struct rt_container *container, struct rt_cgroup_request *request,
             struct st_error *err) {
        __attribute__((cleanup(free_wish))) struct wish wish = {.container = container};
        int r = rt_node_config_read(container->runtime->placement_config, &wish.config, err);

        if (r >= 0)
                r = asks(&wish, err);
        return r > 0 ? place(&wish, request, err) : r;
}

/* ---- later ---- */

static int with_ledger(const struct rt_container *container, struct rt_node_config *config,
                       struct rt_ledger **ret_ledger, struct st_error *err) {
        int r = rt_node_config_read(container->runtime->placement_config, config, err);

        if (r < 0)
                return r;
        *ret_ledger = open_ledger(config, container->record.cpus_ledger);
        return *ret_ledger ? 0 : st_error_set(err, -ENOMEM, "open the ledger of CPUs");
}

int rt_place_bind(struct rt_container *container, struct st_error *err) {
        __attribute__((cleanup(rt_node_config_deinit))) struct rt_node_config config =
                RT_NODE_CONFIG_INIT;
        st_cleanup(rt_ledger_freep) struct rt_ledger *ledger = NULL;
        int r = container->record.cpus_token ? with_ledger(container, &config, &ledger, err) : 0;

        return ledger ? rt_ledger_bind(ledger, container->record.cpus_token, err) : r;
}

void rt_place_release(struct rt_container *container) {
        __attribute__((cleanup(rt_node_config_deinit))) struct rt_node_config config =
                RT_NODE_CONFIG_INIT;
        st_cleanup(rt_ledger_freep) struct rt_ledger *ledger = NULL;
        struct st_error why = {0};
        int r;

        if (!container->record.cpus_token)
                return;
        r = with_ledger(container, &config, &ledger, &why);
        if (r == 0)
                r = rt_ledger_release(ledger, container->record.cpus_token, &why);
        if (r < 0) /* its cgroup is gone: the next one to look finds its CPUs free */
                rt_runtime_warn(container->runtime, "give back the CPUs of %s: %s",
                                container->record.id, why.msg);
}

static int change(struct rt_container *container, const struct st_cpu *cpu,
                  struct rt_grant *ret_grant, struct st_error *err) {
        __attribute__((cleanup(rt_node_config_deinit))) struct rt_node_config config =
                RT_NODE_CONFIG_INIT;
        st_cleanup(rt_ledger_freep) struct rt_ledger *ledger = NULL;
        struct rt_ledger_change change = {.n_from_quota = from_quota(cpu)};
        struct rt_cpus within;
        int r = with_ledger(container, &config, &ledger, err);

        if (r == 0 && cpu->cpus && *cpu->cpus) {
                if (rt_cpus_parse(cpu->cpus, &within) < 0)
                        return st_error_set(err, -EINVAL, "cpuset %.100s is no list of CPUs",
                                            cpu->cpus);
                change.within = &within;
        }
        return r == 0 ? rt_ledger_change(ledger, container->record.cpus_token, &change, ret_grant,
                                         err)
                      : r;
}

int rt_place_update(struct rt_container *container, const struct st_resources **resources,
                    struct rt_place_storage *storage, struct st_error *err) {
        struct rt_grant grant;
        struct st_error why = {0};
        int r;

        if (!container->record.cpus_token || !(*resources)->cpu)
                return 0;
        r = change(container, (*resources)->cpu, &grant, &why);
        if (r == -ENOENT) /* the ledger was lost, and this one's mark with it */
                return 0;
        if (r < 0) {
                if (err)
                        *err = why;
                return st_error_prefix(err, st_error_kind(err, r, ST_CODE_LIMIT), "placement");
        }
        storage->resources = **resources;
        storage->cpu = *(*resources)->cpu;
        storage->resources.cpu = &storage->cpu;
        storage->cpu.cpus = NULL; /* the ledger has written it */
        if (grant.tier == RT_TIER_BEST_EFFORT)
                storage->cpu.shares.has = storage->cpu.idle.has = false;
        *resources = &storage->resources;
        return 0;
}

int rt_place_pause(struct rt_container *container, bool paused, struct st_error *err) {
        __attribute__((cleanup(rt_node_config_deinit))) struct rt_node_config config =
                RT_NODE_CONFIG_INIT;
        st_cleanup(rt_ledger_freep) struct rt_ledger *ledger = NULL;
        int r = container->record.cpus_token ? with_ledger(container, &config, &ledger, err) : 0;

        if (!ledger)
                return r;
        r = rt_ledger_pause(ledger, container->record.cpus_token, paused, err);
        if (r > 0 && !paused)
                rt_runtime_warn(container->runtime,
                                "%s goes on when it has CPUs again: others were given all of its",
                                container->record.id);
        return r;
}
