#include "log.h"

#include <string.h>

#include <stint/cleanup.h>

enum { LINES_KEPT = 3, LINE_MAX_KEPT = 200 };

struct tail {
        char lines[LINES_KEPT][LINE_MAX_KEPT];
        size_t n; /* seen so far; line i is at i % LINES_KEPT */
};

/* What follows the time and, in a restored process, its pid: "(00.117572)      1: Error
 * (criu/image.c:635): Unable to open". */
static const char *find_error(const char *line) {
        return strstr(line, "Error (");
}

static void keep(struct tail *tail, const char *line) {
        char *slot = tail->lines[tail->n++ % LINES_KEPT];

        (void)snprintf(slot, LINE_MAX_KEPT, "%.*s", (int)strcspn(line, "\n"), line);
        for (char *p = slot; *p;
             p++) /* it goes into one line of ours; the container's names may be in it */
                if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
                        *p = '?';
}

static void join(const struct tail *tail, char *text, size_t size) {
        size_t first = tail->n > LINES_KEPT ? tail->n - LINES_KEPT : 0, used = 0;

        for (size_t i = first; i < tail->n && used < size; i++)
                used += (size_t)snprintf(text + used, size - used, "%s%s", i > first ? "; " : "",
                                         tail->lines[i % LINES_KEPT]);
}

void log_last_errors(const char *path, char *text, size_t size) {
        st_autofclose FILE *file = path ? fopen(path, "re") : NULL;
        st_autofree char *line = NULL;
        struct tail tail = {.n = 0};
        size_t room = 0;

        text[0] = 0;
        while (file && getline(&line, &room, file) >= 0)
                if (find_error(line))
                        keep(&tail, find_error(line));
        join(&tail, text, size);
}
