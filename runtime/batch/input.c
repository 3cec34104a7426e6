#include "input.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE_MAX_BYTES = 1 << 20, READ_BYTES = 64 << 10 };

struct rt_input {
        int fd;
        bool is_stdin, is_regular, ended;
        const char *name;
        char *buf;
        size_t size, begin, end; /* what is there and was not given yet */
        size_t scanned;          /* from begin: holds no newline */
        unsigned number, total;
};

/* ---- counting ---- */

struct counter {
        bool at_start, counts;
        unsigned n;
};

/* As rt_input_next() does: a line counts when its first byte that is no blank is no '#'. */
static void count_bytes(struct counter *c, const char *data, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (data[i] == '\n') {
                        c->n += c->counts;
                        c->at_start = true;
                        c->counts = false;
                } else if (c->at_start && data[i] != ' ' && data[i] != '\t' && data[i] != '\r') {
                        c->at_start = false;
                        c->counts = data[i] != '#';
                }
        }
}

/* With pread(2), so that reading begins where it stands; a failure there tells itself. */
static unsigned count_lines(int fd, char *buf) {
        struct counter counter = {.at_start = true};
        off_t at = lseek(fd, 0, SEEK_CUR);
        ssize_t n;

        if (at < 0)
                return 0;
        while ((n = pread(fd, buf, READ_BYTES, at)) > 0) {
                count_bytes(&counter, buf, (size_t)n);
                at += n;
        }
        return counter.n + counter.counts;
}

/* ---- opening ---- */

int rt_input_open(const char *path, struct rt_input **ret_input, struct st_error *err) {
        st_cleanup(rt_input_freep) struct rt_input *input = calloc(1, sizeof *input);
        struct stat st;

        if (!input)
                return st_error_set(err, -ENOMEM, "read %s", path);
        input->is_stdin = !strcmp(path, "-");
        input->name = input->is_stdin ? "standard input" : path;
        input->fd = input->is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
        if (input->fd < 0 || fstat(input->fd, &st) < 0)
                return st_error_sys(err, "open %s", input->name);
        if (S_ISDIR(st.st_mode))
                return st_error_code(err, -EISDIR, "read %s", input->name);
        input->is_regular = S_ISREG(st.st_mode);
        input->size = READ_BYTES;
        input->buf = malloc(input->size + 1);
        if (!input->buf)
                return st_error_set(err, -ENOMEM, "read %s", input->name);
        if (input->is_regular)
                input->total = count_lines(input->fd, input->buf);
        *ret_input = st_take(input);
        return 0;
}

struct rt_input *rt_input_free(struct rt_input *input) {
        if (!input)
                return NULL;
        if (!input->is_stdin)
                (void)st_close(input->fd);
        free(input->buf);
        free(input);
        return NULL;
}

int rt_input_wait_fd(const struct rt_input *input) {
        return input->is_regular || input->ended ? -1 : input->fd;
}

unsigned rt_input_total(const struct rt_input *input) {
        return input->total;
}

const char *rt_input_name(const struct rt_input *input) {
        return input->name;
}

/* ---- reading ---- */

static int make_room(struct rt_input *input, struct st_error *err) {
        char *bigger;

        if (input->begin > 0) {
                memmove(input->buf, input->buf + input->begin, input->end - input->begin);
                input->end -= input->begin;
                input->begin = 0;
        }
        if (input->end < input->size)
                return 0;
        if (input->size >= LINE_MAX_BYTES)
                return st_error_set(err, -E2BIG, "%s:%u: the line is longer than 1 MiB",
                                    input->name, input->number + 1);
        bigger = realloc(input->buf, input->size * 2 + 1);
        if (!bigger)
                return st_error_set(err, -ENOMEM, "read %s", input->name);
        input->buf = bigger;
        input->size *= 2;
        return 0;
}

/* A pipe or terminal is read when it has something: others may hold it, so it stays blocking. */
static bool has_bytes(const struct rt_input *input) {
        struct pollfd fd = {.fd = input->fd, .events = POLLIN};

        return input->is_regular || poll(&fd, 1, 0) != 0;
}

/* 1: more bytes or the end; 0: nothing yet. */
static int read_more(struct rt_input *input, struct st_error *err) {
        int r = make_room(input, err);
        ssize_t n;

        if (r < 0)
                return r;
        if (!has_bytes(input))
                return 0;
        n = read(input->fd, input->buf + input->end, input->size - input->end);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n < 0)
                return st_error_sys(err, "read %s", input->name);
        input->ended = n == 0;
        input->end += (size_t)n;
        return 1;
}

/* 1: the bytes up to a newline or the end of the input. */
static int take_line(struct rt_input *input, char **ret_line, size_t *ret_length) {
        char *begin = input->buf + input->begin;
        size_t there = input->end - input->begin;
        char *newline = memchr(begin + input->scanned, '\n', there - input->scanned);

        if (!newline && (!input->ended || there == 0)) {
                input->scanned = there;
                return 0;
        }
        *ret_line = begin;
        *ret_length = newline ? (size_t)(newline - begin) : there;
        input->begin += *ret_length + (newline != NULL);
        input->scanned = 0;
        input->number++;
        return 1;
}

static void trim(char **line, size_t *length) {
        while (*length && strchr(" \t\r", (*line)[*length - 1]) && (*line)[*length - 1])
                (*length)--;
        while (*length && (**line == ' ' || **line == '\t')) {
                (*line)++;
                (*length)--;
        }
}

int rt_input_next(struct rt_input *input, const char **ret_line, size_t *ret_length,
                  unsigned *ret_number, struct st_error *err) {
        char *line;
        size_t length;

        for (;;) {
                while (take_line(input, &line, &length)) {
                        trim(&line, &length);
                        if (length == 0 || *line == '#')
                                continue;
                        *ret_line = line;
                        *ret_length = length;
                        *ret_number = input->number;
                        return 1;
                }
                if (input->ended)
                        return -ENODATA;
                int r = read_more(input, err);
                if (r <= 0)
                        return r;
        }
}
