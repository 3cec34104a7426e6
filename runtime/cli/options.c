#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/parse.h>

int cli_usage_error(struct st_error *err, const char *fmt, ...) {
        char text[sizeof err->msg];
        va_list ap;

        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof text, fmt, ap); /* a cut message is still one */
        va_end(ap);
        (void)st_error_set(err, -EINVAL, "%s", text); /* the code is returned below */
        return st_error_kind(err, -EINVAL, ST_CODE_USAGE);
}

int cli_list_append(struct cli_list *list, const char *item) {
        const char **items = reallocarray(list->items, list->n_items + 2, sizeof *items);

        if (!items)
                return -ENOMEM;
        list->items = items;
        items[list->n_items++] = item;
        items[list->n_items] = NULL;
        return 0;
}

static const struct cli_option *find_option(const struct cli_option *options, const char *name,
                                            size_t length) {
        for (; options && options->name; options++) {
                if (length == 1 && options->letter == name[0])
                        return options;
                if (strlen(options->name) == length && !memcmp(options->name, name, length))
                        return options;
        }
        return NULL;
}

/* The spellings that Go's strconv.ParseBool takes. */
static int parse_flag(const char *text, bool *ret) {
        static const char *const truths[] = {"1", "t", "T", "true", "TRUE", "True"};
        static const char *const lies[] = {"0", "f", "F", "false", "FALSE", "False"};

        for (size_t i = 0; i < sizeof truths / sizeof *truths; i++) {
                if (strcmp(text, truths[i]) && strcmp(text, lies[i]))
                        continue;
                *ret = !strcmp(text, truths[i]);
                return 0;
        }
        return -EINVAL;
}

static int store(const struct cli_option *option, const char *text) {
        int r;

        switch (option->kind) {
        case CLI_KIND_FLAG:
                return parse_flag(text, option->to.flag);
        case CLI_KIND_TEXT:
                *option->to.text = *text ? text : NULL;
                return 0;
        case CLI_KIND_LIST:
                return cli_list_append(option->to.list, text);
        case CLI_KIND_UNSIGNED:
                return st_parse_u32(text, option->to.number);
        case CLI_KIND_I64:
                r = st_parse_i64(text, &option->to.i64->value);
                option->to.i64->has = r == 0;
                return r;
        case CLI_KIND_U64:
                r = st_parse_u64(text, &option->to.u64->value);
                option->to.u64->has = r == 0;
                return r;
        case CLI_KIND_SIZE:
                r = st_parse_size(text, &option->to.i64->value);
                option->to.i64->has = r == 0;
                return r;
        }
        return -EINVAL;
}

static int store_checked(const struct cli_option *option, const char *text, struct st_error *err) {
        int r = store(option, text);

        if (r == -ENOMEM)
                return st_error_set(err, r, "store option --%s", option->name);
        if (r < 0 && option->kind == CLI_KIND_FLAG)
                return cli_usage_error(err, "invalid boolean value \"%s\" for -%s: parse error",
                                       text, option->name);
        if (r < 0)
                return cli_usage_error(err, "invalid value \"%s\" for flag -%s: %s", text,
                                       option->name,
                                       r == -ERANGE ? "value out of range" : "parse error");
        return 0;
}

/* One argument that begins with a dash. Returns how many of @argv it used, or 0 for help. */
static int take_option(const struct cli_option *options, const char **argv, struct st_error *err) {
        const char *name = argv[0] + (argv[0][1] == '-' ? 2 : 1);
        size_t length = strcspn(name, "=");
        const char *value = name[length] ? name + length + 1 : NULL;
        const struct cli_option *option = find_option(options, name, length);
        int r;

        if (length == 0 || name[0] == '-')
                return cli_usage_error(err, "bad flag syntax: %s", argv[0]);
        if (!option && (!strcmp(name, "help") || !strcmp(name, "h")))
                return 0;
        if (!option)
                return cli_usage_error(err, "flag provided but not defined: -%.*s", (int)length,
                                       name);
        if (option->kind == CLI_KIND_FLAG) {
                r = store_checked(option, value ? value : "true", err);
                return r < 0 ? r : 1;
        }
        if (!value && !argv[1]) /* CRI-O looks for these words */
                return cli_usage_error(err, "flag needs an argument: -%.*s", (int)length, name);
        r = store_checked(option, value ? value : argv[1], err);
        return r < 0 ? r : value ? 1 : 2;
}

int cli_parse(const struct cli_option *options, bool stops_at_operand, const char **argv,
              unsigned *ret_n_operands, struct st_error *err) {
        bool options_end = false;
        unsigned n = 0;

        for (int i = 0; argv[i];) {
                int used = 1;

                if (options_end || argv[i][0] != '-' || !argv[i][1]) {
                        options_end |= stops_at_operand;
                        argv[n++] = argv[i];
                } else if (!strcmp(argv[i], "--")) {
                        options_end = true;
                } else {
                        used = take_option(options, argv + i, err);
                        if (used < 0)
                                return used;
                        if (used == 0)
                                return 1;
                }
                i += used;
        }
        argv[n] = NULL;
        *ret_n_operands = n;
        return 0;
}
