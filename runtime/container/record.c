/* state.json: what has to outlive the runtime's process. Two lines a container, each the whole
 * record: one before anything is made, one that has the pid. */
#include "runtime.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/json.h>
#include <stint/parse.h>

enum { RECORD_VERSION = 1, RECORD_MAX = 16 << 20, HEAD_MAX = 100 };

static void write_annotations(const struct rt_record *record, struct st_json_writer *w) {
        st_json_open_object(w, "annotations");
        for (size_t i = 0; i < record->n_annotations; i++)
                st_json_string(w, record->annotations[i].key, record->annotations[i].value);
        st_json_close_object(w);
}

static void write_rdt(const struct rt_rdt *rdt, struct st_json_writer *w) {
        if (!rdt->clos_path && !rdt->monitor_path)
                return;
        st_json_open_object(w, "rdt");
        st_json_string(w, "clos", rdt->clos_path);
        st_json_string(w, "monitor", rdt->monitor_path);
        st_json_bool(w, "remove_clos", rdt->remove_clos);
        st_json_close_object(w);
}

static void write_cpus(const struct rt_record *record, struct st_json_writer *w) {
        if (!record->cpus_token)
                return;
        st_json_open_object(w, "cpus");
        st_json_uint(w, "token", record->cpus_token);
        st_json_string(w, "ledger", record->cpus_ledger);
        st_json_close_object(w);
}

/* Every line begins with as many bytes, so that who comes to know the pid last, a child without
 * memory of its own, can fill it in. */
static int format_head(char *head, size_t size, pid_t pid, uint64_t start_time) {
        return snprintf(head, size, "{\"version\":%d,\"pid\":%10d,\"start_time\":%20llu,",
                        RECORD_VERSION, (int)pid, (unsigned long long)start_time);
}

static int write_rest(const struct rt_record *record, struct st_json_writer *w,
                      const char **ret_text, size_t *ret_length, struct st_error *err) {
        st_json_open_object(w, NULL);
        st_json_string(w, "id", record->id);
        st_json_string(w, "oci_version", record->oci_version);
        st_json_bool(w, "shares_pids", record->shares_pids);
        st_json_bool(w, "simple", record->simple);
        st_json_string(w, "bundle", record->bundle);
        st_json_string(w, "rootfs", record->rootfs);
        st_json_string(w, "created", record->created);
        st_json_string(w, "owner", record->owner);
        write_annotations(record, w);
        if (record->cgroup)
                rt_cgroup_save(record->cgroup, w, "cgroup");
        write_rdt(&record->rdt, w);
        write_cpus(record, w);
        st_json_close_object(w);
        return st_json_writer_finish(w, ret_text, ret_length, err);
}

int rt_record_render(const struct rt_container *container, char **ret_line, size_t *ret_length,
                     struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        const char *rest;
        char head[HEAD_MAX], *line;
        size_t length;
        int n = format_head(head, sizeof head, 0, 0), r;

        if (!w)
                return st_error_set(err, -ENOMEM, "write state.json");
        r = write_rest(&container->record, w, &rest, &length, err);
        if (r < 0)
                return r;
        if (asprintf(&line, "%s%s\n", head, rest + 1) < 0)
                return st_error_set(err, -ENOMEM, "write state.json");
        *ret_line = line;
        *ret_length = (size_t)n + length;
        return 0;
}

int rt_record_append(int fd, char *line, size_t length, pid_t pid, uint64_t start_time,
                     struct st_error *err) {
        char head[HEAD_MAX];
        int n = format_head(head, sizeof head, pid, start_time), r;

        memcpy(line, head, (size_t)n);
        r = st_write_all(fd, line, length);
        return r < 0 ? st_error_code(err, r, "write state.json") : 0;
}

/* Appended, never replaced: nobody can read half a state, and ext4 flushes a file that replaces
 * another by rename. */
int rt_record_save(struct rt_container *container, struct st_error *err) {
        st_autofree char *line = NULL;
        size_t length;
        int r = rt_record_render(container, &line, &length, err);

        if (r < 0)
                return r;
        if (container->record_fd < 0)
                container->record_fd =
                        openat(container->dir_fd, "state.json",
                               O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (container->record_fd < 0)
                return st_error_sys(err, "create state.json");
        return rt_record_append(container->record_fd, line, length, container->record.pid,
                                container->record.start_time, err);
}

/* ---- reading ---- */

static int bad(struct st_error *err, const char *key) {
        return st_error_kind(err,
                             st_error_set(err, -EINVAL, "state.json: %s is missing or wrong", key),
                             ST_CODE_INTERNAL);
}

static int get_string(const struct st_json *root, const char *key, char **ret) {
        const struct st_json *value = st_json_get(root, key);

        if (!value || value->type != ST_JSON_STRING)
                return -EINVAL;
        *ret = strdup(value->text);
        return *ret ? 0 : -ENOMEM;
}

static int get_number(const struct st_json *root, const char *key, uint64_t *ret) {
        const struct st_json *value = st_json_get(root, key);

        return value && value->type == ST_JSON_NUMBER ? st_parse_u64(value->text, ret) : -EINVAL;
}

static bool get_bool(const struct st_json *root, const char *key) {
        const struct st_json *value = st_json_get(root, key);

        return value && value->type == ST_JSON_BOOL && value->boolean;
}

static int load_strings(const struct st_json *root, struct rt_record *record,
                        struct st_error *err) {
        const struct {
                const char *key;
                char **ret;
        } fields[] = {
                {"id", &record->id},           {"oci_version", &record->oci_version},
                {"bundle", &record->bundle},   {"rootfs", &record->rootfs},
                {"created", &record->created}, {"owner", &record->owner},
        };

        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
                if (get_string(root, fields[i].key, fields[i].ret) < 0)
                        return bad(err, fields[i].key);
        return 0;
}

static int load_annotations(const struct st_json *root, struct rt_record *record) {
        const struct st_json *object = st_json_get(root, "annotations");
        size_t n = 0;

        if (!object || !object->n_children)
                return 0;
        record->annotations =
                st_arena_array(record->arena, object->n_children, sizeof *record->annotations);
        if (!record->annotations)
                return -ENOMEM;
        ST_JSON_FOREACH (child, object) {
                if (child->type != ST_JSON_STRING)
                        return -EINVAL;
                record->annotations[n++] = (struct st_string_pair) {child->key, child->text};
        }
        record->n_annotations = n;
        return 0;
}

static int load_rdt(const struct st_json *object, struct rt_rdt *rdt) {
        (void)get_string(object, "clos", &rdt->clos_path); /* null is "none" */
        (void)get_string(object, "monitor", &rdt->monitor_path);
        rdt->remove_clos = get_bool(object, "remove_clos");
        return 0;
}

static int load_cpus(const struct st_json *object, struct rt_record *record) {
        int r = get_number(object, "token", &record->cpus_token);

        return r < 0 ? r : get_string(object, "ledger", &record->cpus_ledger);
}

static int load_fields(const struct st_json *root, struct rt_record *record, struct st_error *err) {
        const struct st_json *cgroup = st_json_get(root, "cgroup");
        uint64_t version, pid;
        int r;

        if (get_number(root, "version", &version) < 0)
                return bad(err, "version");
        if (version > RECORD_VERSION)
                return st_error_set(
                        err, -EPROTONOSUPPORT,
                        "state.json: version %llu was written by a newer stint (this one knows %d)",
                        (unsigned long long)version, RECORD_VERSION);
        if (get_number(root, "pid", &pid) < 0 || pid > INT32_MAX)
                return bad(err, "pid");
        record->pid = (pid_t)pid;
        if (get_number(root, "start_time", &record->start_time) < 0)
                return bad(err, "start_time");
        record->shares_pids = get_bool(root, "shares_pids");
        record->simple = get_bool(root, "simple");
        r = load_strings(root, record, err);
        if (r < 0)
                return r;
        if (load_annotations(root, record) < 0)
                return bad(err, "annotations");
        (void)load_rdt(st_json_get(root, "rdt"), &record->rdt);
        if (st_json_get(root, "cpus") && load_cpus(st_json_get(root, "cpus"), record) < 0)
                return bad(err, "cpus");
        return cgroup ? rt_cgroup_load(cgroup, &record->cgroup, err) : 0;
}

/* The last whole line; NULL: its maker did not come that far. */
static const char *last_line(char *text, size_t *ret_length) {
        char *end = strrchr(text, '\n'), *start;

        if (!end)
                return NULL;
        *end = 0;
        start = strrchr(text, '\n');
        start = start ? start + 1 : text;
        *ret_length = (size_t)(end - start);
        return start;
}

static int read_record(const struct rt_container *container, struct st_arena **ret_arena,
                       const struct st_json **ret_root, struct st_error *err) {
        st_autofree char *text = NULL;
        const char *line;
        size_t length;
        int r = st_read_file_at(container->dir_fd, "state.json", RECORD_MAX, &text, &length, err);

        if (r < 0)
                return r;
        line = last_line(text, &length);
        if (!line)
                return -ENOENT;
        *ret_arena = st_arena_new(length * 2);
        if (!*ret_arena)
                return st_error_set(err, -ENOMEM, "read state.json");
        return st_json_parse(*ret_arena, "state.json", line, length, ret_root, err);
}

int rt_record_load(struct rt_container *container, struct st_error *err) {
        const struct st_json *root;
        int r = read_record(container, &container->record.arena, &root, err);

        return r < 0 ? r : load_fields(root, &container->record, err);
}

int rt_record_load_cgroup(const struct rt_container *container, struct rt_cgroup **ret_cgroup,
                          struct st_error *err) {
        st_cleanup(st_arena_freep) struct st_arena *arena = NULL;
        const struct st_json *root, *cgroup;
        int r = read_record(container, &arena, &root, err);

        if (r < 0)
                return r;
        cgroup = st_json_get(root, "cgroup");
        *ret_cgroup = NULL;
        return cgroup ? rt_cgroup_load(cgroup, ret_cgroup, err) : 0;
}

void rt_record_deinit(struct rt_record *record) {
        free(record->id);
        free(record->bundle);
        free(record->rootfs);
        free(record->created);
        free(record->owner);
        free(record->oci_version);
        free(record->cpus_ledger);
        rt_cgroup_free(record->cgroup);
        rt_rdt_deinit(&record->rdt);
        st_arena_free(record->arena);
        memset(record, 0, sizeof *record);
}
