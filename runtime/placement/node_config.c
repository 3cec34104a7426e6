/* node_config.c: the node's file on placement, line by line. Whatever it does not understand is an
 * error: a misspelt word must not give CPUs away. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <stint/fs.h>
#include <stint/node_config.h>
#include <stint/parse.h>

enum { FILE_MAX = 1 << 20, MAX_IGNORED = 256, MAX_SCHEMATA = 16, MAX_WAIT_SECONDS = 86400 };

struct line {
        const char *name;
        unsigned number;
        const char *key;
        char *value;
        struct rt_node_config *config;
        struct st_error *err;
};

static int bad_value(const struct line *line, const char *wanted) {
        return st_error_set(line->err, -EINVAL, "%s:%u: %s is \"%.100s\", and not %s", line->name,
                            line->number, line->key, line->value, wanted);
}

static int no_memory(const struct line *line) {
        return st_error_set(line->err, -ENOMEM, "read %s", line->name);
}

/* ---- values ---- */

static int set_path(struct line *line, const char **ret) {
        if (*line->value != '/')
                return bad_value(line, "an absolute path");
        *ret = st_arena_strdup(line->config->arena, line->value);
        return *ret ? 0 : no_memory(line);
}

static int set_ledger(struct line *line) {
        return set_path(line, &line->config->ledger);
}

static int set_cgroup_root(struct line *line) {
        return set_path(line, &line->config->cgroup_root);
}

static int set_sysfs(struct line *line) {
        return set_path(line, &line->config->sysfs);
}

static int set_resctrl(struct line *line) {
        return set_path(line, &line->config->resctrl);
}

static int set_cpus(struct line *line) {
        line->config->has_cpus = true;
        if (rt_cpus_parse(line->value, &line->config->cpus) < 0 ||
            rt_cpus_is_empty(&line->config->cpus))
                return bad_value(line, "a list of CPUs");
        return 0;
}

/* The one key that may be given again. */
static int add_ignored(struct line *line) {
        const char **list = line->config->ignored, **longer;
        size_t n = 0;

        while (list && list[n])
                n++;
        if (n == MAX_IGNORED)
                return bad_value(line, "one of 256 at most");
        longer = st_arena_array(line->config->arena, n + 2, sizeof *longer);
        if (!longer)
                return no_memory(line);
        if (n)
                memcpy(longer, list, n * sizeof *longer);
        line->config->ignored = longer;
        return set_path(line, &longer[n]);
}

int rt_placement_wish_parse(const char *text, enum rt_placement_wish *ret) {
        static const char *const names[] = {"off", "prefer", "strict"};

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                if (!strcmp(text, names[i])) {
                        *ret = (enum rt_placement_wish)i;
                        return 0;
                }
        }
        return -EINVAL;
}

static int set_placement(struct line *line) {
        return rt_placement_wish_parse(line->value, &line->config->placement) < 0
                       ? bad_value(line, "off, prefer or strict")
                       : 0;
}

static int set_tier(struct line *line) {
        return rt_tier_parse(line->value, &line->config->tier) < 0
                       ? bad_value(line, "exclusive, shared or best-effort")
                       : 0;
}

static int set_smt(struct line *line) {
        line->config->whole_cores = !strcmp(line->value, "exclusive");
        return line->config->whole_cores || !strcmp(line->value, "shared")
                       ? 0
                       : bad_value(line, "shared or exclusive");
}

static int set_from_quota(struct line *line) {
        line->config->cpus_from_quota = !strcmp(line->value, "yes");
        return line->config->cpus_from_quota || !strcmp(line->value, "no")
                       ? 0
                       : bad_value(line, "yes or no");
}

static int set_wait(struct line *line) {
        uint32_t seconds;

        if (st_parse_u32(line->value, &seconds) < 0 || seconds > MAX_WAIT_SECONDS)
                return bad_value(line, "a number of seconds up to 86400");
        line->config->wait_msec = seconds * 1000;
        return 0;
}

static int set_memory(struct line *line) {
        static const char *const names[] = {"bind", "prefer", "off"};

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                if (!strcmp(line->value, names[i])) {
                        line->config->memory = (enum rt_memory_wish)i;
                        return 0;
                }
        }
        return bad_value(line, "bind, prefer or off");
}

/* The class's name, then lines of schemata, which have no blanks. */
static int set_class(struct line *line, enum rt_tier tier) {
        struct rt_node_class *class = &line->config->classes[tier];
        char *rest = line->value, *word;
        size_t n = 0;

        class->schemata =
                st_arena_array(line->config->arena, MAX_SCHEMATA + 1, sizeof *class->schemata);
        if (!class->schemata)
                return no_memory(line);
        while ((word = strsep(&rest, " \t"))) {
                char *copy = *word ? st_arena_strdup(line->config->arena, word) : NULL;

                if (!*word)
                        continue;
                if (!copy)
                        return no_memory(line);
                if (!class->name)
                        class->name = copy;
                else if (n == MAX_SCHEMATA)
                        return bad_value(line, "a class with 16 lines of schemata at most");
                else
                        class->schemata[n++] = copy;
        }
        if (strchr(class->name, '/') || !strcmp(class->name, "..") || !strcmp(class->name, "."))
                return bad_value(line, "the name of a resctrl class");
        return 0;
}

static int set_exclusive_class(struct line *line) {
        return set_class(line, RT_TIER_EXCLUSIVE);
}

static int set_shared_class(struct line *line) {
        return set_class(line, RT_TIER_SHARED);
}

static int set_best_effort_class(struct line *line) {
        return set_class(line, RT_TIER_BEST_EFFORT);
}

static const struct {
        const char *key;
        int (*set)(struct line *line);
        bool repeats;
} keys[] = {
        {"ledger", set_ledger, false},
        {"cgroup-root", set_cgroup_root, false},
        {"sysfs", set_sysfs, false},
        {"resctrl", set_resctrl, false},
        {"cpus", set_cpus, false},
        {"ignore", add_ignored, true},
        {"placement", set_placement, false},
        {"tier", set_tier, false},
        {"smt", set_smt, false},
        {"cpus-from-quota", set_from_quota, false},
        {"wait", set_wait, false},
        {"memory", set_memory, false},
        {"class-exclusive", set_exclusive_class, false},
        {"class-shared", set_shared_class, false},
        {"class-best-effort", set_best_effort_class, false},
};
enum { N_KEYS = sizeof keys / sizeof *keys };

/* ---- lines ---- */

static char *trim(char *text) {
        char *end;

        text += strspn(text, " \t");
        end = text + strlen(text);
        while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
                *--end = 0;
        return text;
}

static int set_key(struct line *line, unsigned *seen) {
        for (unsigned i = 0; i < N_KEYS; i++) {
                if (strcmp(line->key, keys[i].key) != 0)
                        continue;
                if (*seen >> i & 1 && !keys[i].repeats)
                        return st_error_set(line->err, -EINVAL, "%s:%u: %s is given again",
                                            line->name, line->number, line->key);
                *seen |= 1u << i;
                return keys[i].set(line);
        }
        return st_error_set(line->err, -EINVAL, "%s:%u: there is no key \"%.60s\"", line->name,
                            line->number, line->key);
}

static int parse_line(struct line *line, char *text, unsigned *seen) {
        char *equals;

        text = trim(text);
        if (!*text || *text == '#')
                return 0;
        equals = strchr(text, '=');
        if (!equals)
                return st_error_set(line->err, -EINVAL, "%s:%u: no \"key = value\": %.60s",
                                    line->name, line->number, text);
        *equals = 0;
        line->key = trim(text);
        line->value = trim(equals + 1);
        if (!*line->value)
                return st_error_set(line->err, -EINVAL, "%s:%u: %.60s has no value", line->name,
                                    line->number, line->key);
        return set_key(line, seen);
}

static int parse(struct line *line, char *text) {
        unsigned seen = 0;
        int r = 0;

        for (char *rest = text, *one; r == 0 && (one = strsep(&rest, "\n"));) {
                line->number++;
                r = parse_line(line, one, &seen);
        }
        return r;
}

int rt_node_config_parse(const char *name, const char *text, size_t length,
                         struct rt_node_config *ret_config, struct st_error *err) {
        struct rt_node_config config = RT_NODE_CONFIG_INIT;
        struct line line = {.name = name, .config = &config, .err = err};
        st_autofree char *copy = strndup(text, length);
        int r;

        config.arena = st_arena_new(4096);
        if (!copy || !config.arena)
                r = st_error_set(err, -ENOMEM, "read %s", name);
        else if (strlen(copy) != length)
                r = st_error_set(err, -EINVAL, "%s: it holds a NUL", name);
        else
                r = parse(&line, copy);
        if (r < 0) {
                rt_node_config_deinit(&config);
                return r;
        }
        *ret_config = config;
        return 0;
}

int rt_node_config_read(const char *path, struct rt_node_config *ret_config, struct st_error *err) {
        st_autofree char *text = NULL;
        struct st_error why = {0};
        size_t length;
        int r = st_read_file_at(AT_FDCWD, path, FILE_MAX, &text, &length, &why);

        if (r == -ENOENT) {
                *ret_config = (struct rt_node_config)RT_NODE_CONFIG_INIT;
                return 0;
        }
        if (r < 0) {
                if (err)
                        *err = why;
                return r;
        }
        r = rt_node_config_parse(path, text, length, ret_config, err);
        return r < 0 ? r : 1;
}

void rt_node_config_deinit(struct rt_node_config *config) {
        st_arena_free(config->arena);
        *config = (struct rt_node_config)RT_NODE_CONFIG_INIT;
}
