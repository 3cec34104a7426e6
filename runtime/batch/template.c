#include "template.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum part_kind {
        PART_TEXT,
        PART_LINE,
        PART_NUMBER,
        PART_STEM,
        PART_NAME,
        PART_DIR,
        PART_NAME_STEM
};

struct part {
        enum part_kind kind;
        const char *text; /* PART_TEXT: not NUL-terminated */
        size_t length;
};

struct arg {
        struct part *parts;
        size_t n_parts;
};

struct rt_template {
        struct st_arena *arena;
        struct arg *args;
        size_t n_args;
};

static const struct {
        const char *text;
        enum part_kind kind;
} marks[] = {
        {"{}", PART_LINE},  {"{#}", PART_NUMBER}, {"{.}", PART_STEM},
        {"{/}", PART_NAME}, {"{//}", PART_DIR},   {"{/.}", PART_NAME_STEM},
};

/* The mark that @text begins with, or -1. */
static int mark_at(const char *text) {
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
                if (!strncmp(text, marks[i].text, strlen(marks[i].text)))
                        return (int)i;
        return -1;
}

/* At most a mark and a text for every two bytes. */
static int parse_arg(struct st_arena *arena, const char *text, struct arg *ret, bool *uses_line) {
        struct arg arg = {.parts = st_arena_array(arena, strlen(text) + 1, sizeof *arg.parts)};

        if (!arg.parts)
                return -ENOMEM;
        while (*text) {
                int mark = mark_at(text);
                const char *end = text;

                if (mark >= 0) {
                        arg.parts[arg.n_parts++] = (struct part) {.kind = marks[mark].kind};
                        *uses_line |= marks[mark].kind != PART_NUMBER;
                        text += strlen(marks[mark].text);
                        continue;
                }
                while (*end && mark_at(end) < 0)
                        end++;
                arg.parts[arg.n_parts++] = (struct part) {
                        .kind = PART_TEXT, .text = text, .length = (size_t)(end - text)};
                text = end;
        }
        *ret = arg;
        return 0;
}

static int parse_args(struct rt_template *template, const char *const *args) {
        bool uses_line = false;
        size_t n = 0;
        int r = 0;

        while (args[n])
                n++;
        template->args = st_arena_array(template->arena, n + 1, sizeof *template->args);
        if (!template->args)
                return -ENOMEM;
        for (size_t i = 0; i < n && r == 0; i++) {
                char *copy = st_arena_strdup(template->arena, args[i]);

                r = copy ? parse_arg(template->arena, copy, &template->args[i], &uses_line)
                         : -ENOMEM;
        }
        if (r == 0 && !uses_line) {
                r = parse_arg(template->arena, "{}", &template->args[n], &uses_line);
                n++;
        }
        template->n_args = n;
        return r;
}

int rt_template_new(const char *const *args, struct rt_template **ret_template,
                    struct st_error *err) {
        st_cleanup(rt_template_freep) struct rt_template *template = calloc(1, sizeof *template);

        if (template)
                template->arena = st_arena_new(1024);
        if (!template || !template->arena || parse_args(template, args) < 0)
                return st_error_set(err, -ENOMEM, "read the command");
        *ret_template = st_take(template);
        return 0;
}

struct rt_template *rt_template_free(struct rt_template *template) {
        if (!template)
                return NULL;
        (void)st_arena_free(template->arena);
        free(template);
        return NULL;
}

/* ---- expanding ---- */

struct piece {
        const char *text;
        size_t length;
};

static size_t name_offset(const char *line) {
        const char *slash = strrchr(line, '/');

        return slash ? (size_t)(slash + 1 - line) : 0;
}

/* Up to the dot of the last extension; a name that begins with its only dot has none. */
static size_t stem_length(const char *line) {
        const char *dot = strrchr(line, '.');

        return dot && (size_t)(dot - line) > name_offset(line) ? (size_t)(dot - line)
                                                               : strlen(line);
}

static struct piece piece_of(const struct part *part, const char *line, const char *number) {
        size_t name = name_offset(line);

        switch (part->kind) {
        case PART_TEXT:
                return (struct piece) {part->text, part->length};
        case PART_LINE:
                break;
        case PART_NUMBER:
                return (struct piece) {number, strlen(number)};
        case PART_STEM:
                return (struct piece) {line, stem_length(line)};
        case PART_NAME:
                return (struct piece) {line + name, strlen(line + name)};
        case PART_DIR:
                if (name == 0)
                        return (struct piece) {".", 1};
                return (struct piece) {line, name > 1 ? name - 1 : 1};
        case PART_NAME_STEM:
                return (struct piece) {line + name, stem_length(line) - name};
        }
        return (struct piece) {line, strlen(line)};
}

static char *expand_arg(const struct arg *arg, struct st_arena *arena, const char *line,
                        const char *number) {
        size_t length = 0;
        char *text, *at;

        for (size_t i = 0; i < arg->n_parts; i++)
                length += piece_of(&arg->parts[i], line, number).length;
        text = at = st_arena_alloc(arena, length + 1);
        for (size_t i = 0; text && i < arg->n_parts; i++) {
                struct piece piece = piece_of(&arg->parts[i], line, number);

                memcpy(at, piece.text, piece.length);
                at += piece.length;
        }
        return text;
}

char **rt_template_expand(const struct rt_template *template, struct st_arena *arena,
                          const char *line, unsigned number) {
        char **args = st_arena_array(arena, template->n_args + 1, sizeof *args);
        char digits[16];

        (void)snprintf(digits, sizeof digits, "%u", number);
        for (size_t i = 0; args && i < template->n_args; i++) {
                args[i] = expand_arg(&template->args[i], arena, line, digits);
                if (!args[i])
                        return NULL;
        }
        return args;
}
