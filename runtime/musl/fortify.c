/* What the packaged libyajl and libseccomp, compiled for glibc with _FORTIFY_SOURCE, call besides
 * standard functions. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
int __sprintf_chk(char *to, int flag, size_t room, const char *fmt, ...);
int __snprintf_chk(char *to, size_t n, int flag, size_t room, const char *fmt, ...);
int __fprintf_chk(FILE *stream, int flag, const char *fmt, ...);

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room) {
        if (n > room)
                abort();
        return memcpy(to, from, n);
}

int __sprintf_chk(char *to, int flag, size_t room, const char *fmt, ...) {
        va_list ap;
        int n;

        (void)flag;
        va_start(ap, fmt);
        n = vsnprintf(to, room, fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n >= room)
                abort();
        return n;
}

int __snprintf_chk(char *to, size_t n, int flag, size_t room, const char *fmt, ...) {
        va_list ap;
        int r;

        (void)flag;
        if (n > room)
                abort();
        va_start(ap, fmt);
        r = vsnprintf(to, n, fmt, ap);
        va_end(ap);
        return r;
}

int __fprintf_chk(FILE *stream, int flag, const char *fmt, ...) {
        va_list ap;
        int n;

        (void)flag;
        va_start(ap, fmt);
        n = vfprintf(stream, fmt, ap);
        va_end(ap);
        return n;
}
