/* include/stint/error.h: one error value for all of stint: a negative errno, a stable code and a
 * sentence.
 *
 * A value, not a heap object: nothing to free, usable when memory is out, and small enough to cross
 * a pipe in one atomic write (PIPE_BUF is 4096 on Linux). */
#pragma once
#include <stdarg.h>
#include <stddef.h>

#define st_printf(fmt, args) __attribute__((format(printf, fmt, args)))
#define st_must_check __attribute__((warn_unused_result))

/* What went wrong, for programs. The names (st_error_code_name) are stable: they are printed as
 * "code" in JSON logs and are documented in stint(8). */
enum st_error_code {
        ST_CODE_NONE,           /* not classified: only errno tells */
        ST_CODE_USAGE,          /* the command line is wrong */
        ST_CODE_CONFIG_INVALID, /* config.json breaks JSON or the runtime spec */
        ST_CODE_UNSUPPORTED,    /* valid, but this kernel or build cannot do it */
        ST_CODE_NOT_FOUND,      /* no container with that id */
        ST_CODE_EXISTS,         /* the id is taken */
        ST_CODE_WRONG_STATE,    /* the container is not in a state that allows this */
        ST_CODE_PERMISSION,     /* the caller lacks a right */
        ST_CODE_EXEC,           /* the program could not be executed */
        ST_CODE_HOOK,           /* a hook failed or timed out */
        ST_CODE_LIMIT,          /* a resource limit cannot be met */
        ST_CODE_CGROUP,
        ST_CODE_MOUNT,
        ST_CODE_NAMESPACE,
        ST_CODE_SECCOMP,
        ST_CODE_CRIU,
        ST_CODE_INTERNAL,
        _ST_CODE_MAX
};

struct st_error {
        int code;                /* negative errno; 0 while nothing failed */
        enum st_error_code kind; /* stable class of the failure */
        char msg[500];           /* outermost first: "create web: mount /proc: Permission denied" */
};

/**
 * Set a message. @err may be NULL. The innermost caller wins the kind; a later st_error_kind()
 * only fills it when it is still ST_CODE_NONE.
 * Returns @code (a negative errno), so that `return st_error_set(...)` reads well.
 */
int st_error_set(struct st_error *err, int code, const char *fmt, ...) st_printf(3, 4);
/* As st_error_set() with -errno, and ": strerror" appended. */
int st_error_sys(struct st_error *err, const char *fmt, ...) st_printf(2, 3);
/* As st_error_sys() for a negative errno @r that a raw call returned. */
int st_error_code(struct st_error *err, int r, const char *fmt, ...) st_printf(3, 4);
/* Put "fmt: " before the message that is there. Returns @r. */
int st_error_prefix(struct st_error *err, int r, const char *fmt, ...) st_printf(3, 4);
/* Classify a failure unless it is classified already. Returns @r. */
int st_error_kind(struct st_error *err, int r, enum st_error_code kind);
/* glibc's description of @error, whatever libc the program is linked with: callers know these
 * texts. Async-signal-safe. */
const char *st_errno_text(int error);
/* For a result that is left alone on purpose, with the reason beside it ("(void)" does not silence
 * st_must_check). */
static inline void st_ignore(int r) {
        (void)r;
}
const char *st_error_code_name(enum st_error_code kind);
