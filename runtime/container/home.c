#include "home.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/parse.h>

enum { LINE_SIZE = 1024 }; /* a longer line is nobody's */

/* name:password:uid:gid:comment:home:shell */
static bool take_home(char *line, uid_t uid, char *home, size_t size) {
        char *fields[7];
        uint32_t id;
        size_t n = 0;

        for (char *p = line; p && n < 7; n++) {
                fields[n] = p;
                p = strchr(p, ':');
                if (p)
                        *p++ = 0;
        }
        if (n < 6 || st_parse_u32(fields[2], &id) < 0 || id != uid || fields[5][0] != '/' ||
            strlen(fields[5]) >= size)
                return false;
        strcpy(home, fields[5]);
        return true;
}

void rt_home_find(uid_t uid, char *home, size_t size) {
        st_autoclose int fd = open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        char line[LINE_SIZE + 1], buffer[1024];
        size_t used = 0;
        struct stat st;
        ssize_t n;

        strcpy(home, "/");
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return;
        while ((n = read(fd, buffer, sizeof buffer)) > 0)
                for (ssize_t i = 0; i < n; i++) {
                        if (buffer[i] != '\n') {
                                if (used < LINE_SIZE)
                                        line[used] = buffer[i];
                                used++;
                                continue;
                        }
                        line[used < LINE_SIZE ? used : 0] = 0;
                        used = 0;
                        if (take_home(line, uid, home, size))
                                return;
                }
}
