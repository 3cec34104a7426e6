/* The first line of the input is a template's argument, the rest the line that is put into it. */
#include "target.h"
#include "template.h"

#include <string.h>

#include <stint/arena.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = malloc(size + 1), *line;
        const char *args[] = {text, NULL};
        struct rt_template *template = NULL;
        struct st_arena *arena = st_arena_new(0);

        MUST(text && arena);
        memcpy(text, data, size);
        text[size] = 0;
        line = strchr(text, '\n');
        if (line)
                *line++ = 0;
        if (rt_template_new(args, &template, NULL) == 0) {
                char **expanded = rt_template_expand(template, arena, line ? line : "", 7);
                MUST(expanded && expanded[0]);
                if (!strchr(text, '{')) /* nothing to replace: as it is, and the line behind it */
                        MUST(!strcmp(expanded[0], text) && !strcmp(expanded[1], line ? line : ""));
        }
        (void)rt_template_free(template);
        (void)st_arena_free(arena);
        free(text);
        return 0;
}
