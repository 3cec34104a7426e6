/* runtime/cgroup/devices.c: device rules of a config, reduced. */
#include "devices.h"

#include <string.h>

static const struct st_device_rule standard[] = {
        {true, ST_DEVICE_CHAR, -1, -1,
         .mknod = true}, /* making a node gives no access to the device */
        {true, ST_DEVICE_BLOCK, -1, -1, .mknod = true},
        {true, ST_DEVICE_CHAR, 1, 3, true, true, true},    /* null */
        {true, ST_DEVICE_CHAR, 1, 5, true, true, true},    /* zero */
        {true, ST_DEVICE_CHAR, 1, 7, true, true, true},    /* full */
        {true, ST_DEVICE_CHAR, 1, 8, true, true, true},    /* random */
        {true, ST_DEVICE_CHAR, 1, 9, true, true, true},    /* urandom */
        {true, ST_DEVICE_CHAR, 5, 0, true, true, true},    /* tty */
        {true, ST_DEVICE_CHAR, 5, 2, true, true, true},    /* ptmx */
        {true, ST_DEVICE_CHAR, 136, -1, true, true, true}, /* pts */
        {true, ST_DEVICE_CHAR, 10, 200, true, true, true}, /* net/tun: runc's callers count on it */
};
enum { N_STANDARD = sizeof standard / sizeof *standard };

static bool is_catch_all(const struct st_device_rule *rule) {
        return rule->type == ST_DEVICE_ALL && rule->major < 0 && rule->minor < 0 &&
               rt_device_access(rule) == RT_DEV_ALL;
}

static bool covers_number(int64_t wide, int64_t narrow) {
        return wide < 0 || wide == narrow;
}

/* An earlier rule about nothing but what a later one decides anew. Callers list the standard
 * devices themselves more often than not. */
static void forget_covered(struct rt_device_rules *rules, const struct st_device_rule *later) {
        size_t kept = 0;

        for (size_t i = 0; i < rules->n_items; i++) {
                const struct st_device_rule *rule = &rules->items[i];
                bool covered = rule->type == later->type &&
                               covers_number(later->major, rule->major) &&
                               covers_number(later->minor, rule->minor) &&
                               !(rt_device_access(rule) & ~rt_device_access(later));
                if (!covered)
                        rules->items[kept++] = *rule;
        }
        rules->n_items = kept;
}

static void add_one(struct rt_device_rules *rules, const struct st_device_rule *rule,
                    enum st_device_type type) {
        struct st_device_rule one = *rule;

        one.type = type;
        forget_covered(rules, &one);
        if (rules->n_items > 0 || one.allow != rules->default_allow) /* else it holds already */
                rules->items[rules->n_items++] = one;
}

static void add(struct rt_device_rules *rules, const struct st_device_rule *rule) {
        if (is_catch_all(rule)) {
                rules->default_allow = rule->allow;
                rules->n_items = 0;
        } else if (rule->type != ST_DEVICE_ALL) {
                add_one(rules, rule, rule->type);
        } else {
                add_one(rules, rule, ST_DEVICE_CHAR);
                add_one(rules, rule, ST_DEVICE_BLOCK);
        }
}

int rt_device_rules_new(struct st_arena *arena, const struct st_device_rule *list, size_t n_list,
                        struct rt_device_rules **ret_rules, struct st_error *err) {
        struct rt_device_rules *rules = st_arena_alloc(arena, sizeof *rules);

        if (rules)
                rules->items = st_arena_array(arena, 2 * n_list + N_STANDARD, sizeof *rules->items);
        if (!rules || !rules->items)
                return st_error_set(err, -ENOMEM, "plan the device rules");
        for (size_t i = 0; i < n_list; i++) {
                if (list[i].type != ST_DEVICE_CHAR && list[i].type != ST_DEVICE_BLOCK &&
                    list[i].type != ST_DEVICE_ALL)
                        return rt_fail(
                                err, ST_CODE_CONFIG_INVALID, -EINVAL,
                                "linux.resources.devices[%zu].type: \"%c\" has no access rules", i,
                                (char)list[i].type);
                add(rules, &list[i]);
        }
        for (size_t i = 0; i < N_STANDARD; i++)
                add(rules, &standard[i]);
        *ret_rules = rules;
        return 0;
}

bool rt_device_rules_allow_all(const struct rt_device_rules *rules) {
        return rules->default_allow && rules->n_items == 0;
}

bool rt_device_rules_check(const struct rt_device_rules *rules, enum st_device_type type,
                           int64_t major, int64_t minor, unsigned access) {
        for (size_t i = rules->n_items; i-- > 0;) {
                const struct st_device_rule *rule = &rules->items[i];
                unsigned bits = rt_device_access(rule) & access;

                if (rule->type != type || (rule->major >= 0 && rule->major != major) ||
                    (rule->minor >= 0 && rule->minor != minor))
                        continue;
                if (!rule->allow && bits)
                        return false;
                access &= ~bits;
                if (!access)
                        return true;
        }
        return rules->default_allow;
}
