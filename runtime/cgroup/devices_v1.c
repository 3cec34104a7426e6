/* runtime/cgroup/devices_v1.c: device rules as v1 has them: a default and exceptions from it. */
#include "devices.h"

#include <stdio.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/scan.h>

struct exception {
        char type;
        int64_t major, minor;
        unsigned access;
};

struct exceptions {
        struct exception *items;
        size_t n_items;
};

/* Does the rule speak of every device of the exception? */
static bool covers(const struct st_device_rule *rule, const struct exception *e) {
        return (char)rule->type == e->type && (rule->major < 0 || rule->major == e->major) &&
               (rule->minor < 0 || rule->minor == e->minor);
}

static bool overlaps(const struct st_device_rule *rule, const struct exception *e) {
        return (char)rule->type == e->type &&
               (rule->major < 0 || e->major < 0 || rule->major == e->major) &&
               (rule->minor < 0 || e->minor < 0 || rule->minor == e->minor);
}

static bool same(const struct exception *a, const struct exception *b) {
        return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static void add_exception(struct exceptions *list, const struct st_device_rule *rule) {
        struct exception e = {(char)rule->type, rule->major, rule->minor, rt_device_access(rule)};

        for (size_t i = 0; i < list->n_items; i++)
                if (same(&list->items[i], &e)) {
                        list->items[i].access |= e.access;
                        return;
                }
        list->items[list->n_items++] = e;
}

/* Take a rule that agrees with the default out of the exceptions. v1 cannot except one device from
 * an exception that has more. */
static int drop_exceptions(struct exceptions *list, const struct st_device_rule *rule,
                           struct st_error *err) {
        unsigned access = rt_device_access(rule);

        for (size_t i = 0; i < list->n_items; i++) {
                struct exception *e = &list->items[i];
                if (covers(rule, e))
                        e->access &= ~access;
                else if (overlaps(rule, e) && (e->access & access))
                        return rt_limits_refuse(
                                err, "linux.resources.devices",
                                "cgroup v1 cannot except a device from a rule for several");
        }
        return 0;
}

static int reduce(const struct rt_device_rules *rules, struct exceptions *list,
                  struct st_error *err) {
        for (size_t i = 0; i < rules->n_items; i++) {
                const struct st_device_rule *rule = &rules->items[i];
                if (rule->allow != rules->default_allow) {
                        add_exception(list, rule);
                } else {
                        int r = drop_exceptions(list, rule, err);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static void print_number(char *buf, size_t size, int64_t number) {
        if (number < 0)
                (void)snprintf(buf, size, "*");
        else
                (void)snprintf(buf, size, "%lld", (long long)number);
}

static int add_write(struct rt_writes *writes, struct rt_leaf *leaf, bool allow,
                     const struct exception *e, unsigned access) {
        static const char allow_file[] = "devices.allow", deny_file[] = "devices.deny";
        char major[24], minor[24];

        if (!access)
                return 0;
        print_number(major, sizeof major, e->major);
        print_number(minor, sizeof minor, e->minor);
        return rt_writes_add(writes, leaf, allow ? allow_file : deny_file,
                             "linux.resources.devices", RT_WRITE_EARLY | RT_WRITE_DEVICE,
                             "%c %s:%s %s%s%s", e->type, major, minor,
                             access & RT_DEV_READ ? "r" : "", access & RT_DEV_WRITE ? "w" : "",
                             access & RT_DEV_MKNOD ? "m" : "");
}

static int write_all(struct rt_writes *writes, struct rt_leaf *leaf, bool default_allow,
                     const struct exceptions *list) {
        int r = rt_writes_add(writes, leaf, default_allow ? "devices.allow" : "devices.deny",
                              "linux.resources.devices", RT_WRITE_EARLY | RT_WRITE_DEVICE, "a");

        for (size_t i = 0; i < list->n_items && r == 0; i++)
                r = add_write(writes, leaf, !default_allow, &list->items[i], list->items[i].access);
        return r;
}

static bool scan_number(const char **at, int64_t *ret) {
        uint64_t number;

        if (st_scan_text(at, "*")) {
                *ret = -1;
                return true;
        }
        if (!st_scan_u64(at, &number) || number > INT64_MAX)
                return false;
        *ret = (int64_t)number;
        return true;
}

/* "c 1:3 rwm", "b *:* m" */
static bool scan_exception(const char *line, struct exception *ret) {
        const char *at = line + 1;
        char access[8];

        ret->type = *line;
        if (!scan_number(&at, &ret->major) || !st_scan_text(&at, ":") ||
            !scan_number(&at, &ret->minor) || !st_scan_word(&at, access, sizeof access))
                return false;
        ret->access = (strchr(access, 'r') ? RT_DEV_READ : 0u) |
                      (strchr(access, 'w') ? RT_DEV_WRITE : 0u) |
                      (strchr(access, 'm') ? RT_DEV_MKNOD : 0u);
        return true;
}

/* devices.list of a leaf that denies by default. 0: it allows by default, and then the list tells
 * nothing. */
static int read_list(struct rt_cgroup *cgroup, struct rt_leaf *leaf, struct exceptions *list) {
        int dir_fd = rt_leaf_dir(cgroup, leaf);
        st_autofree char *text = NULL;
        size_t n_lines = 1;
        int r;

        if (dir_fd < 0)
                return dir_fd;
        r = st_read_file_at(dir_fd, "devices.list", 1 << 20, &text, NULL, NULL);
        if (r < 0)
                return r;
        for (const char *at = text; *at; at++)
                n_lines += *at == '\n';
        list->items = st_arena_array(cgroup->arena, n_lines, sizeof *list->items);
        if (!list->items)
                return -ENOMEM;
        for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                struct exception e = {0};

                if (!scan_exception(line, &e))
                        return -EINVAL;
                if (e.type == 'a')
                        return 0;
                list->items[list->n_items++] = e;
        }
        return 1;
}

static unsigned access_in(const struct exceptions *list, const struct exception *e) {
        for (size_t i = 0; i < list->n_items; i++)
                if (same(&list->items[i], e))
                        return list->items[i].access;
        return 0;
}

/* Only what changes: nothing is refused for a moment in between, and the kernel takes no "a" once
 * the container has cgroups of its own. New rights first. */
static int write_changes(struct rt_writes *writes, struct rt_leaf *leaf,
                         const struct exceptions *now, const struct exceptions *wanted) {
        int r = 0;

        for (size_t i = 0; i < wanted->n_items && r == 0; i++)
                r = add_write(writes, leaf, true, &wanted->items[i],
                              wanted->items[i].access & ~access_in(now, &wanted->items[i]));
        for (size_t i = 0; i < now->n_items && r == 0; i++)
                r = add_write(writes, leaf, false, &now->items[i],
                              now->items[i].access & ~access_in(wanted, &now->items[i]));
        return r;
}

int rt_device_rules_plan_v1(const struct rt_device_rules *rules, struct rt_cgroup *cgroup,
                            struct rt_leaf *leaf, enum rt_limits_use use, struct rt_writes *writes,
                            struct st_error *err) {
        struct exceptions wanted = {0}, now = {0};
        int r;

        wanted.items = st_arena_array(cgroup->arena, rules->n_items + 1, sizeof *wanted.items);
        if (!wanted.items)
                return -ENOMEM;
        r = reduce(rules, &wanted, err);
        if (r < 0)
                return r;
        if (use == RT_LIMITS_UPDATE && !rules->default_allow) {
                r = read_list(cgroup, leaf, &now);
                if (r < 0)
                        return st_error_code(err, r, "read %s/devices.list", leaf->path);
                if (r > 0)
                        return write_changes(writes, leaf, &now, &wanted);
        }
        return write_all(writes, leaf, rules->default_allow, &wanted);
}
