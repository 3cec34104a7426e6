#include "resources.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <stint/parse.h>

enum { INSTANCES_MAX = 4096, NAME_MAX_BYTES = 40 };

struct resource {
        char *name;
        unsigned count, n_free;
        bool *taken;
};

struct rt_resources {
        struct resource *items;
        size_t n_items;
};

int rt_need_parse(struct st_arena *arena, const char *text, struct rt_need *ret,
                  struct st_error *err) {
        const char *equals = strchr(text, '=');
        size_t n = equals ? (size_t)(equals - text) : strlen(text);
        struct rt_need need = {.count = 1};

        if (n == 0 || n > NAME_MAX_BYTES ||
            strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != n)
                return st_error_set(err, -EINVAL, "resource %s: not NAME=COUNT", text);
        if (equals && (st_parse_u32(equals + 1, &need.count) < 0 || need.count > INSTANCES_MAX))
                return st_error_set(err, -EINVAL, "resource %s: a count up to %d wanted", text,
                                    INSTANCES_MAX);
        need.name = st_arena_strndup(arena, text, n);
        if (!need.name)
                return st_error_set(err, -ENOMEM, "read resource %s", text);
        *ret = need;
        return 0;
}

static struct resource *find(const struct rt_resources *resources, const char *name) {
        for (size_t i = 0; i < resources->n_items; i++)
                if (!strcmp(resources->items[i].name, name))
                        return &resources->items[i];
        return NULL;
}

static int add(struct rt_resources *resources, const char *text, struct st_error *err) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(128);
        struct resource *resource = &resources->items[resources->n_items];
        struct rt_need need;
        int r = arena ? rt_need_parse(arena, text, &need, err)
                      : st_error_set(err, -ENOMEM, "read resource %s", text);

        if (r < 0)
                return r;
        if (find(resources, need.name))
                return st_error_set(err, -EINVAL, "resource %s: named twice", need.name);
        *resource = (struct resource) {.name = strdup(need.name),
                                       .count = need.count,
                                       .n_free = need.count,
                                       .taken = calloc(need.count + 1, sizeof *resource->taken)};
        resources->n_items++;
        return resource->name && resource->taken
                       ? 0
                       : st_error_set(err, -ENOMEM, "read resource %s", text);
}

int rt_resources_new(const char *const *texts, struct rt_resources **ret_resources,
                     struct st_error *err) {
        st_cleanup(rt_resources_freep) struct rt_resources *resources =
                calloc(1, sizeof *resources);
        size_t n = 0;

        while (texts && texts[n])
                n++;
        if (resources)
                resources->items = calloc(n + 1, sizeof *resources->items);
        if (!resources || !resources->items)
                return st_error_set(err, -ENOMEM, "read the resources");
        for (size_t i = 0; i < n; i++) {
                int r = add(resources, texts[i], err);
                if (r < 0)
                        return r;
        }
        *ret_resources = st_take(resources);
        return 0;
}

struct rt_resources *rt_resources_free(struct rt_resources *resources) {
        if (!resources)
                return NULL;
        for (size_t i = 0; i < resources->n_items; i++) {
                free(resources->items[i].name);
                free(resources->items[i].taken);
        }
        free(resources->items);
        free(resources);
        return NULL;
}

/* ---- taking ---- */

static int check(const struct rt_resources *resources, const struct rt_need *needs, size_t n_needs,
                 struct st_error *err) {
        bool now = true;

        for (size_t i = 0; i < n_needs; i++) {
                const struct resource *resource = find(resources, needs[i].name);

                if (!resource)
                        return st_error_set(err, -ENOENT, "resource %s: --resource names none",
                                            needs[i].name);
                if (needs[i].count > resource->count)
                        return st_error_set(err, -ENOSPC, "resource %s: %u wanted, there are %u",
                                            needs[i].name, needs[i].count, resource->count);
                now = now && needs[i].count <= resource->n_free;
        }
        return now;
}

static bool take_one(struct resource *resource, unsigned count, struct rt_record_resource *ret) {
        unsigned *instances = calloc(count + 1, sizeof *instances);
        unsigned n = 0;

        if (!instances)
                return false;
        for (unsigned i = 0; i < resource->count && n < count; i++) {
                if (resource->taken[i])
                        continue;
                resource->taken[i] = true;
                instances[n++] = i;
        }
        resource->n_free -= n;
        *ret = (struct rt_record_resource) {resource->name, instances, n};
        return true;
}

int rt_resources_take(struct rt_resources *resources, const struct rt_need *needs, size_t n_needs,
                      struct rt_assignment *ret_assignment, struct st_error *err) {
        struct rt_assignment assignment = {0};
        int r = check(resources, needs, n_needs, err);

        if (r <= 0)
                return r;
        assignment.items = calloc(n_needs + 1, sizeof *assignment.items);
        for (size_t i = 0; assignment.items && i < n_needs; i++) {
                if (!take_one(find(resources, needs[i].name), needs[i].count, &assignment.items[i]))
                        break;
                assignment.n_items++;
        }
        if (assignment.n_items < n_needs || !assignment.items) {
                rt_resources_give_back(resources, &assignment);
                return st_error_set(err, -ENOMEM, "assign resources");
        }
        *ret_assignment = assignment;
        return 1;
}

void rt_resources_give_back(struct rt_resources *resources, struct rt_assignment *assignment) {
        for (size_t i = 0; i < assignment->n_items; i++) {
                struct rt_record_resource *item = &assignment->items[i];
                struct resource *resource = find(resources, item->name);

                for (size_t k = 0; k < item->n_instances; k++)
                        resource->taken[item->instances[k]] = false;
                resource->n_free += (unsigned)item->n_instances;
                free((unsigned *)item->instances); /* made by take_one() */
        }
        free(assignment->items);
        *assignment = (struct rt_assignment) {0};
}

char *rt_resource_variable(struct st_arena *arena, const struct rt_record_resource *item) {
        size_t room = sizeof "STINT_RESOURCE_=" + strlen(item->name) + 11 * item->n_instances;
        char *text = st_arena_alloc(arena, room + 1);
        size_t n;

        if (!text)
                return NULL;
        n = (size_t)snprintf(text, room, "STINT_RESOURCE_%s=", item->name);
        for (char *c = text; *c != '='; c++)
                *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
        for (size_t i = 0; i < item->n_instances; i++)
                n += (size_t)snprintf(text + n, room - n, "%s%u", i ? "," : "", item->instances[i]);
        return text;
}
