#include "leaks.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <stint/cleanup.h>
#include <stint/json.h>
#include <stint/log.h>

static struct st_log logger = {.fd = -1, .program = "stint"};

static void set_up(void) {
        logger.fd = memfd_create("log", MFD_CLOEXEC);
        cr_assert_geq(logger.fd, 0);
}

static void tear_down(void) {
        logger.fd = st_close(logger.fd);
        st_test_no_leaks();
}

TestSuite(log, .init = set_up, .fini = tear_down);

static char *written(void) {
        static char text[4096];
        ssize_t n = pread(logger.fd, text, sizeof text - 1, 0);

        cr_assert_geq(n, 0);
        text[n] = 0;
        return text;
}

static void log_nasty_error(void) {
        struct st_error err = {0};

        st_error_kind(
                &err,
                st_error_set(&err, -EINVAL, "a \"quoted\" \\ line\nbreak\t\x01 \xc3\xa9 \xff"),
                ST_CODE_MOUNT);
        st_log_error(&logger, &err);
}

Test(log, a_json_line_is_json_with_runcs_keys) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        const struct st_json *line;
        struct st_error err = {0};
        char *text;

        logger.format = ST_LOG_JSON;
        log_nasty_error();
        text = written();
        cr_expect(!strncmp(text, "{\"level\":\"error\",\"msg\":\"", 24), "%s", text);
        cr_expect_eq(strchr(text, '\n'), text + strlen(text) - 1, "not one line: %s", text);
        cr_assert_eq(st_json_parse(arena, "line", text, strlen(text), &line, &err), 0, "%s: %s",
                     err.msg, text);
        cr_expect_str_eq(st_json_get(line, "code")->text, "mount");
        cr_expect(strstr(st_json_get(line, "msg")->text, "a \"quoted\" \\ line\nbreak\t\x01"));
}

Test(log, the_time_is_rfc3339) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        const struct st_json *line;
        struct tm tm;
        const char *end;
        char *text;

        logger.format = ST_LOG_JSON;
        st_log_message(&logger, ST_LOG_WARNING, "x");
        text = written();
        cr_assert_eq(st_json_parse(arena, "line", text, strlen(text), &line, NULL), 0);
        end = strptime(st_json_get(line, "time")->text, "%Y-%m-%dT%H:%M:%SZ", &tm);
        cr_expect(end && !*end, "%s", text);
}

Test(log, a_text_line_is_one_line) {
        char *text;

        logger.format = ST_LOG_TEXT;
        log_nasty_error();
        text = written();
        cr_expect(!strncmp(text, "time=\"", 6), "%s", text);
        cr_expect(strstr(text, "\" level=error msg=\"a \\\"quoted\\\" \\\\ line\\nbreak"), "%s",
                  text);
        cr_expect_eq(strchr(text, '\n'), text + strlen(text) - 1);
}

Test(log, what_is_below_the_threshold_is_not_written) {
        logger.threshold = ST_LOG_WARNING;
        st_log_message(&logger, ST_LOG_DEBUG, "hidden");
        cr_expect_str_empty(written());
        st_log_message(&logger, ST_LOG_WARNING, "shown");
        cr_expect(strstr(written(), "shown"));
}
