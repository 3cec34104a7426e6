#include "cli.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stint/cleanup.h>

/* "  -b, --bundle DIR" */
static int format_names(const struct cli_option *option, char *text, size_t size) {
        char letter[8] = "    ";

        if (option->letter)
                (void)snprintf(letter, sizeof letter, "-%c, ", option->letter); /* five bytes */
        return snprintf(text, size, "  %s--%s%s%s", letter, option->name, option->value ? " " : "",
                        option->value ? option->value : "");
}

static void print_options(FILE *out, const struct cli_option *options) {
        char names[80];
        int width = 0;

        for (const struct cli_option *o = options; o && o->name; o++) {
                int length = o->help ? format_names(o, names, sizeof names) : 0;
                width = length > width ? length : width;
        }
        for (const struct cli_option *o = options; o && o->name; o++) {
                if (!o->help)
                        continue;
                (void)format_names(o, names, sizeof names); /* the width is known */
                fprintf(out, "%-*s  %s\n", width, names, o->help);
        }
}

char *cli_help_verb(const struct cli_verb *verb) {
        char *text = NULL;
        size_t length;
        FILE *out = open_memstream(&text, &length);

        if (!out)
                return NULL;
        fprintf(out, "Usage: stint %s%s%s%s\n%c%s.\n", verb->name,
                verb->options ? " [OPTION...]" : "", *verb->operands ? " " : "", verb->operands,
                toupper((unsigned char)verb->summary[0]), verb->summary + 1);
        if (verb->options)
                fputc('\n', out);
        print_options(out, verb->options);
        if (fclose(out) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* Two columns: the verbs and the global options have to fit 24 lines together. */
static void print_verbs(FILE *out, const struct cli_verb *const *verbs) {
        size_t n = 0, rows;

        while (verbs[n])
                n++;
        rows = (n + 1) / 2;
        for (size_t i = 0; i < rows; i++) {
                const struct cli_verb *right = i + rows < n ? verbs[i + rows] : NULL;

                if (right)
                        fprintf(out, "  %-6s  %-29s %-10s  %s\n", verbs[i]->name, verbs[i]->summary,
                                right->name, right->summary);
                else
                        fprintf(out, "  %-6s  %s\n", verbs[i]->name, verbs[i]->summary);
        }
}

char *cli_help_program(const struct cli_verb *const *verbs, const struct cli_option *options) {
        char *text = NULL;
        size_t length;
        FILE *out = open_memstream(&text, &length);

        if (!out)
                return NULL;
        fputs("Usage: stint [GLOBAL OPTION...] VERB [OPTION...] [OPERAND...]\n"
              "Run OCI containers. \"stint VERB --help\" lists a verb's options.\nVerbs:\n",
              out);
        print_verbs(out, verbs);
        fputs("\nGlobal options:\n", out);
        print_options(out, options);
        if (fclose(out) != 0) {
                free(text);
                return NULL;
        }
        return text;
}
