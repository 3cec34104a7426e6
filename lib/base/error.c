#include "errno-texts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <stint/error.h>

static const char *const code_names[_ST_CODE_MAX] = {
        [ST_CODE_NONE] = "system",
        [ST_CODE_USAGE] = "usage",
        [ST_CODE_CONFIG_INVALID] = "config-invalid",
        [ST_CODE_UNSUPPORTED] = "unsupported",
        [ST_CODE_NOT_FOUND] = "not-found",
        [ST_CODE_EXISTS] = "exists",
        [ST_CODE_WRONG_STATE] = "wrong-state",
        [ST_CODE_PERMISSION] = "permission",
        [ST_CODE_EXEC] = "exec",
        [ST_CODE_HOOK] = "hook",
        [ST_CODE_LIMIT] = "limit",
        [ST_CODE_CGROUP] = "cgroup",
        [ST_CODE_MOUNT] = "mount",
        [ST_CODE_NAMESPACE] = "namespace",
        [ST_CODE_SECCOMP] = "seccomp",
        [ST_CODE_CRIU] = "criu",
        [ST_CODE_INTERNAL] = "internal",
};

const char *st_error_code_name(enum st_error_code kind) {
        if (kind < 0 || kind >= _ST_CODE_MAX)
                return "system";
        return code_names[kind];
}

const char *st_errno_text(int error) {
        static const char *const texts[] = {ST_ERRNO_TEXTS};

        if (error < 0 || (size_t)error >= sizeof texts / sizeof *texts || !texts[error])
                return "Unknown error";
        return texts[error];
}

st_printf(3, 0) static void format(struct st_error *err, int code, const char *fmt, va_list ap) {
        err->code = code;
        (void)vsnprintf(err->msg, sizeof err->msg, fmt, ap); /* a cut message is still one */
}

static void append_reason(struct st_error *err, int code) {
        const char *reason = st_errno_text(-code);
        size_t used = strlen(err->msg);

        (void)snprintf(err->msg + used, sizeof err->msg - used, ": %s", reason);
        /* runc's callers compare with Go's texts: "no such file or directory" */
        if (used + 3 < sizeof err->msg && reason[1] >= 'a' && reason[1] <= 'z')
                err->msg[used + 2] |= 0x20;
}

int st_error_set(struct st_error *err, int code, const char *fmt, ...) {
        va_list ap;

        if (!err)
                return code;
        err->kind = ST_CODE_NONE;
        va_start(ap, fmt);
        format(err, code, fmt, ap);
        va_end(ap);
        return code;
}

int st_error_sys(struct st_error *err, const char *fmt, ...) {
        int code = -errno;
        va_list ap;

        if (!err)
                return code;
        err->kind = ST_CODE_NONE;
        va_start(ap, fmt);
        format(err, code, fmt, ap);
        va_end(ap);
        append_reason(err, code);
        return code;
}

int st_error_code(struct st_error *err, int r, const char *fmt, ...) {
        va_list ap;

        if (!err)
                return r;
        err->kind = ST_CODE_NONE;
        va_start(ap, fmt);
        format(err, r, fmt, ap);
        va_end(ap);
        append_reason(err, r);
        return r;
}

int st_error_prefix(struct st_error *err, int r, const char *fmt, ...) {
        char inner[sizeof err->msg];
        size_t used;
        va_list ap;

        if (!err)
                return r;
        memcpy(inner, err->msg, sizeof inner);
        va_start(ap, fmt);
        format(err, err->code ? err->code : r, fmt, ap);
        va_end(ap);
        used = strlen(err->msg);
        (void)snprintf(err->msg + used, sizeof err->msg - used, ": %s", inner);
        return r;
}

int st_error_kind(struct st_error *err, int r, enum st_error_code kind) {
        if (err && err->kind == ST_CODE_NONE)
                err->kind = kind;
        return r;
}
