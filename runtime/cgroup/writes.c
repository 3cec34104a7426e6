/* runtime/cgroup/writes.c: the list of values for files, and writing it. */
#include "manager.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/scan.h>

enum { RETRIES_MAX = 256 };

int rt_writes_add(struct rt_writes *writes, struct rt_leaf *leaf, const char *file,
                  const char *field, unsigned flags, const char *value_fmt, ...) {
        st_autofree char *value = NULL;
        struct rt_write *write;
        va_list ap;
        int n;

        if (writes->n_items == writes->n_room) {
                size_t room = writes->n_room ? 2 * writes->n_room : 32;
                struct rt_write *items = st_arena_array(writes->arena, room, sizeof *items);
                if (!items)
                        return -ENOMEM;
                if (writes->n_items)
                        memcpy(items, writes->items, writes->n_items * sizeof *items);
                writes->items = items;
                writes->n_room = room;
        }
        va_start(ap, value_fmt);
        n = vasprintf(&value, value_fmt, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        write = &writes->items[writes->n_items];
        *write = (struct rt_write) {.leaf = leaf, .file = file, .field = field, .flags = flags};
        write->value = st_arena_strndup(writes->arena, value, (size_t)n);
        if (!write->value)
                return -ENOMEM;
        writes->n_items++;
        return 0;
}

struct rt_write *rt_writes_last(struct rt_writes *writes) {
        return &writes->items[writes->n_items - 1];
}

bool rt_in_user_namespace(void) {
        char buf[128];
        uint64_t inside, outside, count;
        const char *at = buf;

        if (rt_knob_read(AT_FDCWD, "/proc/self/uid_map", buf, sizeof buf) < 0)
                return false;
        return !st_scan_u64(&at, &inside) || !st_scan_u64(&at, &outside) ||
               !st_scan_u64(&at, &count) || count != UINT32_MAX;
}

/* An open file, kept for as long as the next write is for the same one (there are a dozen device
 * rules). */
struct cursor {
        struct rt_cgroup *cgroup;
        const struct rt_leaf *leaf;
        const char *file;
        int fd;
};

static int cursor_write(struct cursor *at, const struct rt_leaf *leaf, const char *file,
                        const char *value) {
        if (at->leaf != leaf || at->file != file) {
                (void)st_close(at->fd);
                at->leaf = leaf;
                at->file = file;
                at->fd = rt_leaf_open_file(at->cgroup, leaf, file, O_WRONLY);
        }
        if (at->fd < 0) {
                at->file = NULL; /* ask again next time */
                return at->fd;
        }
        while (write(at->fd, value, strlen(value)) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

/* With systemd the leaf is found after the init was cloned, which has no descriptor of it then. */
static int write_memory_max(struct rt_cgroup *cgroup, const struct rt_write *w,
                            struct st_error *err) {
        st_autoclose int dir_fd = -1;

        if (w->leaf->dir_fd >= 0)
                return rt_memory_max_write(w->leaf->dir_fd, w->value, w->field, err);
        dir_fd = rt_path_open(cgroup, w->leaf->path, O_PATH | O_DIRECTORY);
        return dir_fd < 0 ? dir_fd : rt_memory_max_write(dir_fd, w->value, w->field, err);
}

static int apply_one(const struct rt_write *w, struct cursor *at, struct st_error *err) {
        int r;

        if (w->flags & RT_WRITE_MEMORY_MAX)
                return write_memory_max(at->cgroup, w, err);
        r = cursor_write(at, w->leaf, w->file, w->value);
        if (r == -ENOENT && w->other_file)
                r = cursor_write(at, w->leaf, w->other_file, w->other_value);
        if (r == -ENOENT && (w->flags & RT_WRITE_OPTIONAL))
                return 0;
        if (r == -EPERM && (w->flags & RT_WRITE_DEVICE) && rt_in_user_namespace())
                return 0; /* nobody there can make or open a device that matters */
        return r;
}

/* v1 refuses a limit below what is in use: name both numbers. */
static int explain_busy(struct rt_cgroup *cgroup, const struct rt_write *w, struct st_error *err) {
        const char *usage_file =
                strstr(w->file, "memsw") ? "memory.memsw.usage_in_bytes" : "memory.usage_in_bytes";
        st_autoclose int fd = -1;
        char usage[32];
        ssize_t n;

        if (strncmp(w->file, "memory.", 7) != 0)
                return st_error_code(err, -EBUSY, "%s: write \"%s\" to %s", w->field, w->value,
                                     w->file);
        fd = rt_leaf_open_file(cgroup, w->leaf, usage_file, O_RDONLY);
        n = fd < 0 ? 0 : read(fd, usage, sizeof usage - 1);
        usage[n > 0 ? n - 1 : 0] = 0;
        return st_error_set(err, -EBUSY, "%s: %s bytes are too few: %s are in use already",
                            w->field, w->value, usage);
}

static enum st_error_code kind_of(int r) {
        switch (-r) {
        case EINVAL:
        case ERANGE:
        case ENOSPC:
        case EBUSY:
        case EDOM:
                return ST_CODE_LIMIT;
        case EPERM:
        case EACCES:
        case EROFS:
                return ST_CODE_PERMISSION;
        case ENOENT:
        case EOPNOTSUPP:
        case 524: /* the kernel's own ENOTSUPP, which leaks out of cgroup files */
        case ENODEV:
                return ST_CODE_UNSUPPORTED;
        default:
                return ST_CODE_CGROUP;
        }
}

static int explain(struct rt_cgroup *cgroup, const struct rt_write *w, int r,
                   struct st_error *err) {
        if (err && err->code)
                return r; /* said already */
        if (r == -EBUSY)
                (void)explain_busy(cgroup, w, err);
        else if (r == -ENOENT)
                (void)st_error_set(err, r, "%s: this kernel has no %s in %s", w->field, w->file,
                                   w->leaf->path);
        else if (r == -524)
                (void)st_error_set(err, r, "%s: this kernel does not support %s", w->field,
                                   w->file);
        else
                (void)st_error_code(err, r, "%s: write \"%.64s\" to %s/%s", w->field, w->value,
                                    w->leaf->path, w->file);
        return st_error_kind(err, r, kind_of(r));
}

static bool in_pass(const struct rt_write *w, enum rt_pass pass) {
        bool early = w->flags & RT_WRITE_EARLY;

        return !w->leaf->dropped && (pass == RT_PASS_ALL || early == (pass == RT_PASS_EARLY));
}

int rt_writes_apply(struct rt_cgroup *cgroup, const struct rt_writes *writes, enum rt_pass pass,
                    struct st_error *err) {
        bool again[RETRIES_MAX] = {false};
        struct cursor at = {.cgroup = cgroup, .fd = -1};
        int r = 0;

        for (size_t i = 0; i < writes->n_items && r == 0; i++) {
                if (!in_pass(&writes->items[i], pass))
                        continue;
                r = apply_one(&writes->items[i], &at, err);
                if (r == -EINVAL && i < RETRIES_MAX && !(err && err->code)) {
                        again[i] = true;
                        r = 0;
                } else if (r < 0) {
                        (void)explain(cgroup, &writes->items[i], r, err);
                }
        }
        for (size_t i = 0; i < writes->n_items && i < RETRIES_MAX && r == 0; i++) {
                if (!again[i])
                        continue;
                r = apply_one(&writes->items[i], &at, err);
                if (r < 0)
                        (void)explain(cgroup, &writes->items[i], r, err);
        }
        (void)st_close(at.fd);
        return r;
}
