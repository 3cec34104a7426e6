#include <string.h>
#include <time.h>

#include <stint/cleanup.h>
#include <stint/clock.h>
#include <stint/fs.h>
#include <stint/log.h>

static const char *const level_names[] = {
        [ST_LOG_DEBUG] = "debug",
        [ST_LOG_WARNING] = "warning",
        [ST_LOG_ERROR] = "error",
};

/* Both JSON and runc's quoted text form take these escapes; bytes that are no UTF-8 never come here
 * unescaped, since a log line that is no JSON hides every error from containerd. */
static void print_quoted(FILE *out, const char *text) {
        for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
                if (*p == '"' || *p == '\\')
                        fprintf(out, "\\%c", *p);
                else if (*p == '\n')
                        fputs("\\n", out);
                else if (*p == '\t')
                        fputs("\\t", out);
                else if (*p < 0x20 || *p >= 0x7f)
                        fprintf(out, "\\u%04x", *p);
                else
                        fputc(*p, out);
        }
}

static void print_time(FILE *out) {
        char text[ST_RFC3339_ROOM];
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        fputs(st_format_rfc3339(&now, false, text), out);
}

static void print_text(FILE *out, enum st_log_level level, const char *msg) {
        fputs("time=\"", out);
        print_time(out);
        fprintf(out, "\" level=%s msg=\"", level_names[level]);
        print_quoted(out, msg);
        fputs("\"\n", out);
}

static void print_json(FILE *out, enum st_log_level level, const char *msg, const char *code) {
        fprintf(out, "{\"level\":\"%s\",\"msg\":\"", level_names[level]);
        print_quoted(out, msg);
        fputs("\",\"time\":\"", out);
        print_time(out);
        fputc('"', out);
        if (code)
                fprintf(out, ",\"code\":\"%s\"", code);
        fputs("}\n", out);
}

static void emit(const struct st_log *log, enum st_log_level level, const char *msg,
                 const char *code) {
        st_autofree char *line = NULL;
        size_t length = 0;
        FILE *out;

        if (level < log->threshold)
                return;
        out = open_memstream(&line, &length);
        if (!out)
                return;
        if (log->format == ST_LOG_JSON)
                print_json(out, level, msg, code);
        else
                print_text(out, level, msg);
        if (fclose(out) == 0)
                (void)st_write_all(log->fd, line,
                                   length); /* a log that cannot be written has nowhere to say so */
        if (log->also_stderr && level == ST_LOG_ERROR)
                dprintf(STDERR_FILENO, "%s: %s\n", log->program, msg);
}

void st_log_message(const struct st_log *log, enum st_log_level level, const char *msg) {
        emit(log, level, msg, NULL);
}

void st_log_error(const struct st_log *log, const struct st_error *err) {
        emit(log, ST_LOG_ERROR, err->msg, st_error_code_name(err->kind));
}
