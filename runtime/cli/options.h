/* options.h: one table of options a verb. The parser, --help, the completions and the test of the
 * man pages read it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include <stint/error.h>
#include <stint/spec.h>

struct cli_list {
        const char **items; /* NULL, or ends with NULL */
        size_t n_items;
};

enum cli_option_kind {
        CLI_KIND_FLAG,
        CLI_KIND_TEXT,
        CLI_KIND_LIST,
        CLI_KIND_UNSIGNED,
        CLI_KIND_I64,
        CLI_KIND_U64,
        CLI_KIND_SIZE,
};

struct cli_option {
        const char *name; /* without dashes; NULL ends the table */
        char letter;      /* one-letter form, or 0 */
        enum cli_option_kind kind;
        union {
                bool *flag;
                const char **text;
                struct cli_list *list;
                unsigned *number;
                struct st_optional_i64 *i64;
                struct st_optional_u64 *u64;
        } to;
        const char *value; /* what help calls the value: "FILE" */
        const char *help;  /* NULL: accepted, but not shown (an alias, or obsolete) */
};

/* Typed, so that a table cannot store into the wrong kind of variable. */
#define CLI_FLAG(p) CLI_KIND_FLAG, {.flag = (p)}, NULL
#define CLI_TEXT(p)                                                                                \
        CLI_KIND_TEXT, {                                                                           \
                .text = (p)                                                                        \
        }
#define CLI_LIST(p)                                                                                \
        CLI_KIND_LIST, {                                                                           \
                .list = (p)                                                                        \
        }
#define CLI_UNSIGNED(p)                                                                            \
        CLI_KIND_UNSIGNED, {                                                                       \
                .number = (p)                                                                      \
        }
#define CLI_I64(p)                                                                                 \
        CLI_KIND_I64, {                                                                            \
                .i64 = (p)                                                                         \
        }
#define CLI_U64(p)                                                                                 \
        CLI_KIND_U64, {                                                                            \
                .u64 = (p)                                                                         \
        }
#define CLI_SIZE(p)                                                                                \
        CLI_KIND_SIZE, {                                                                           \
                .i64 = (p)                                                                         \
        } /* bytes, or with a unit: "512M" */

/**
 * Store the options of @argv (it ends with NULL) and move the operands to its front.
 * Go's rules, since callers know runc: "-name" and "--name", "--name=value" and "--name value",
 * "--flag=false"; "--" ends the options. An empty text is as if the option were not given.
 * @stops_at_operand  options end at the first operand
 * Returns 0, or 1 when help was asked for. Errors: -EINVAL, kind USAGE; -ENOMEM.
 */
int cli_parse(const struct cli_option *options, bool stops_at_operand, const char **argv,
              unsigned *ret_n_operands, struct st_error *err) st_must_check;
int cli_list_append(struct cli_list *list, const char *item) st_must_check;
int cli_usage_error(struct st_error *err, const char *fmt, ...) st_printf(2, 3);
