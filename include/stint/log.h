/* include/stint/log.h: a program's log: one line is one write. Libraries return errors instead. */
#pragma once
#include <stdbool.h>

#include <stint/error.h>

enum st_log_level { ST_LOG_DEBUG, ST_LOG_WARNING, ST_LOG_ERROR };
enum st_log_format { ST_LOG_TEXT, ST_LOG_JSON };

struct st_log {
        int fd; /* borrowed; 2 unless the caller named a file */
        enum st_log_format format;
        enum st_log_level threshold;
        bool also_stderr; /* runc prints errors to stderr as well when --log names a file */
        const char *program;
};

/* runc's text form is `time="..." level=error msg="..."`; JSON is {"level","msg","time"} and, for
 * errors, "code": the key order that callers of runc are used to. */
void st_log_message(const struct st_log *log, enum st_log_level level, const char *msg);
void st_log_error(const struct st_log *log, const struct st_error *err);
