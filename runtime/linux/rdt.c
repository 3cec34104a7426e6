/* linux.intelRdt: a directory in resctrl is a class of service, one below its mon_groups/ a
 * monitoring group.
 *
 * Whose directory it is (runtime-spec 1.3, "IntelRdt"): without closID it is named after the
 * container, and goes with it when we made it; with closID it stays, and one that exists is not
 * rewritten: it must say what the container asks for. */
#include "rdt_schemata.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/parse.h>
#include <stint/rdt.h>

enum { MAX_TEXT = 64 << 10 };

static int unsupported(struct st_error *err, const char *root) {
        return st_error_kind(
                err,
                st_error_set(err, -EOPNOTSUPP, "linux.intelRdt: no resctrl is mounted on %s", root),
                ST_CODE_UNSUPPORTED);
}

/* ---- files */

static char *join(const char *dir, const char *name) {
        char *path;

        return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

/* A text of resctrl without its last newline; NULL when it cannot be read. */
static char *read_text(const char *dir, const char *name) {
        st_autofree char *path = join(dir, name);
        char *text;
        size_t length;

        if (!path || st_read_file_at(AT_FDCWD, path, MAX_TEXT, &text, &length, NULL) < 0)
                return NULL;
        while (length > 0 && text[length - 1] == '\n')
                text[--length] = 0;
        return text;
}

/* One write(2): resctrl reads a list of lines from it, or one pid. It says in a file of its own
 * what it disliked. */
static int write_text(const char *root, const char *dir, const char *name, const char *text,
                      struct st_error *err) {
        st_autofree char *path = join(dir, name);
        st_autofree char *reason = NULL;
        st_autoclose int fd = -1;
        int r;

        if (!path)
                return st_error_set(err, -ENOMEM, "linux.intelRdt: allocate a path");
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC,
                  0600); /* resctrl has the file; what stands in for it may not */
        if (fd < 0)
                return st_error_sys(err, "linux.intelRdt: open %s", path);
        if (write(fd, text, strlen(text)) >= 0)
                return 0;
        r = -errno;
        reason = read_text(root, "info/last_cmd_status");
        return st_error_code(err, r, "linux.intelRdt: write %.200s to %s (%s)", text, path,
                             reason ? reason : "no reason given");
}

/* ---- schemata */

static void append_line(FILE *f, const char *line) {
        if (line && *line)
                (void)fprintf(f, "%s\n", line); /* the stream is checked when it is closed */
}

/* The lines that a container asks for, in the spec's order; "" for none. NULL when memory is out.
 */
static char *wanted_schemata(const struct st_rdt *spec) {
        char *text = NULL;
        size_t length;
        FILE *f = open_memstream(&text, &length);

        if (!f)
                return NULL;
        append_line(f, spec->l3_cache_schema);
        append_line(f, spec->mem_bw_schema);
        for (char **line = spec->schemata; line && *line; line++)
                append_line(f, *line);
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

/* The kernel rounds a bandwidth up to this, so what was written may read back as more. */
static uint64_t bandwidth_step(const char *root) {
        st_autofree char *text = read_text(root, "info/MB/bandwidth_gran");
        uint64_t step;

        return text && st_parse_u64(text, &step) == 0 && step > 0 ? step : 1;
}

static int check_existing(const char *root, const char *clos_path, const char *wanted,
                          struct st_error *err) {
        st_autofree char *existing = read_text(clos_path, "schemata");

        if (!existing)
                return st_error_set(err, -EIO, "linux.intelRdt: read %s/schemata", clos_path);
        if (rt_rdt_schemata_match(wanted, existing, bandwidth_step(root)))
                return 0;
        return st_error_kind(
                err,
                st_error_set(err, -EINVAL,
                             "linux.intelRdt: %s exists and differs from the schemata %.200s",
                             clos_path, wanted),
                ST_CODE_CONFIG_INVALID);
}

/* ---- create */

static int make_directory(const char *path, bool *ret_made, struct st_error *err) {
        *ret_made = mkdir(path, 0755) == 0;
        if (*ret_made || errno == EEXIST)
                return 0;
        if (errno == ENOSPC)
                return st_error_kind(err,
                                     st_error_sys(err,
                                                  "linux.intelRdt: make %s (the processor has no "
                                                  "more classes or monitors)",
                                                  path),
                                     ST_CODE_LIMIT);
        return st_error_sys(err, "linux.intelRdt: make %s", path);
}

static int need_directory(const char *path, struct st_error *err) {
        struct stat st;

        if (stat(path, &st) < 0)
                return st_error_sys(err, "linux.intelRdt.closID: %s, which no schemata describe",
                                    path);
        return 0;
}

/* The class: its own when @made, else one that was there. */
static int create_clos(const struct st_rdt *spec, const char *root, const char *clos_path,
                       bool *ret_made, struct st_error *err) {
        st_autofree char *wanted = wanted_schemata(spec);
        int r;

        *ret_made = false;
        if (!wanted)
                return st_error_set(err, -ENOMEM, "linux.intelRdt: allocate the schemata");
        if (spec->clos_id && !*wanted)
                return need_directory(clos_path, err);
        r = make_directory(clos_path, ret_made, err);
        if (r < 0 || !*wanted)
                return r;
        if (!*ret_made && spec->clos_id)
                return check_existing(root, clos_path, wanted, err);
        return write_text(root, clos_path, "schemata", wanted, err);
}

static int create_monitor(const char *clos_path, const char *id, char **ret_path,
                          struct st_error *err) {
        st_autofree char *path = NULL;
        bool made;
        int r;

        if (asprintf(&path, "%s/mon_groups/%s", clos_path, id) < 0) {
                path = NULL;
                return st_error_set(err, -ENOMEM, "linux.intelRdt: allocate a path");
        }
        r = make_directory(path, &made, err);
        if (r < 0)
                return r;
        *ret_path = st_take(path);
        return 0;
}

static char *clos_path_of(const struct st_rdt *spec, const char *id, const char *root) {
        if (spec->clos_id && !strcmp(spec->clos_id, "/"))
                return strdup(root);
        return join(root, spec->clos_id ? spec->clos_id : id);
}

int rt_rdt_create(const struct st_rdt *spec, const char *id, const char *resctrl_root,
                  struct rt_rdt *ret_rdt, struct st_error *err) {
        st_autofree char *info = join(resctrl_root, "info");
        struct rt_rdt rdt = {.clos_path = clos_path_of(spec, id, resctrl_root)};
        bool made = false;
        int r;

        if (!info || !rdt.clos_path)
                r = st_error_set(err, -ENOMEM, "linux.intelRdt: allocate a path");
        else if (access(info, F_OK) < 0)
                r = unsupported(err, resctrl_root);
        else
                r = create_clos(spec, resctrl_root, rdt.clos_path, &made, err);
        if (r == 0 && spec->enable_monitoring)
                r = create_monitor(rdt.clos_path, id, &rdt.monitor_path, err);
        if (r < 0) {
                if (made)
                        (void)rmdir(rdt.clos_path); /* the first error is the one to tell */
                rt_rdt_deinit(&rdt);
                return r;
        }
        rdt.remove_clos = made && !spec->clos_id;
        *ret_rdt = rdt;
        return 0;
}

/* ---- the rest of its life */

/* resctrl's root, given a class: that has info/. */
static char *root_of(const char *clos_path) {
        st_autofree char *info = join(clos_path, "info");
        char *slash, *root = strdup(clos_path);

        if (!info || !root) {
                free(root);
                return NULL;
        }
        slash = strrchr(root, '/');
        if (access(info, F_OK) < 0 && slash && slash != root)
                *slash = 0;
        return root;
}

static int write_group(const struct rt_rdt *rdt, const char *dir, const char *name,
                       const char *text, struct st_error *err) {
        st_autofree char *root = root_of(rdt->clos_path);

        if (!root)
                return st_error_set(err, -ENOMEM, "linux.intelRdt: allocate a path");
        return write_text(root, dir, name, text, err);
}

int rt_rdt_attach(const struct rt_rdt *rdt, pid_t pid, struct st_error *err) {
        char text[16];
        int r = 0;

        (void)snprintf(text, sizeof text, "%d", (int)pid);
        if (rdt->clos_path)
                r = write_group(rdt, rdt->clos_path, "tasks", text, err);
        if (r == 0 &&
            rdt->monitor_path) /* only a task of the class can be in its monitoring group */
                r = write_group(rdt, rdt->monitor_path, "tasks", text, err);
        return r;
}

int rt_rdt_update(const struct rt_rdt *rdt, const char *l3_schema, const char *mem_bw_schema,
                  struct st_error *err) {
        const struct st_rdt spec = {.l3_cache_schema = l3_schema, .mem_bw_schema = mem_bw_schema};
        st_autofree char *wanted = wanted_schemata(&spec);

        if (!wanted)
                return st_error_set(err, -ENOMEM, "linux.intelRdt: allocate the schemata");
        if (!*wanted)
                return 0;
        if (!rdt->clos_path)
                return st_error_set(err, -EINVAL,
                                    "linux.intelRdt: the container has no class to update");
        return write_group(rdt, rdt->clos_path, "schemata", wanted, err);
}

int rt_rdt_destroy(struct rt_rdt *rdt, struct st_error *err) {
        int r = 0;

        if (rdt->monitor_path && rmdir(rdt->monitor_path) < 0 && errno != ENOENT)
                r = st_error_sys(err, "linux.intelRdt: remove %s", rdt->monitor_path);
        if (rdt->clos_path && rdt->remove_clos && rmdir(rdt->clos_path) < 0 && errno != ENOENT)
                r = st_error_sys(err, "linux.intelRdt: remove %s", rdt->clos_path);
        return r;
}

void rt_rdt_deinit(struct rt_rdt *rdt) {
        free(rdt->clos_path);
        free(rdt->monitor_path);
        *rdt = (struct rt_rdt) {0};
}

void rt_rdt_write_features(struct st_json_writer *w, const char *key) {
        st_json_open_object(w, key);
        st_json_bool(w, "enabled", true);
        st_json_bool(w, "schemata", true);
        st_json_bool(w, "monitoring", true);
        st_json_close_object(w);
}
