/* state.json: what has to outlive the runtime's process. */
#include "runtime.h"

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/json.h>
#include <stint/parse.h>

#include <string.h>

enum { RECORD_VERSION = 1, RECORD_MAX = 16 << 20 };

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

int rt_record_save(const struct rt_container *container, struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);
        const struct rt_record *record = &container->record;
        const char *text;
        size_t length;
        int r;

        if (!w)
                return st_error_set(err, -ENOMEM, "write state.json");
        st_json_open_object(w, NULL);
        st_json_uint(w, "version", RECORD_VERSION);
        st_json_string(w, "id", record->id);
        st_json_string(w, "oci_version", record->oci_version);
        st_json_int(w, "pid", record->pid);
        st_json_uint(w, "start_time", record->start_time);
        st_json_bool(w, "shares_pids", record->shares_pids);
        st_json_string(w, "bundle", record->bundle);
        st_json_string(w, "rootfs", record->rootfs);
        st_json_string(w, "created", record->created);
        st_json_string(w, "owner", record->owner);
        write_annotations(record, w);
        if (record->cgroup)
                rt_cgroup_save(record->cgroup, w, "cgroup");
        write_rdt(&record->rdt, w);
        st_json_close_object(w);
        r = st_json_writer_finish(w, &text, &length, err);
        return r < 0 ? r : st_replace_file_at(container->dir_fd, "state.json", text, length, 0600, err);
}

/* ---- reading ---- */

static int bad(struct st_error *err, const char *key) {
        return st_error_kind(err, st_error_set(err, -EINVAL, "state.json: %s is missing or wrong", key), ST_CODE_INTERNAL);
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

static int load_strings(const struct st_json *root, struct rt_record *record, struct st_error *err) {
        const struct { const char *key; char **ret; } fields[] = {
                { "id", &record->id }, { "oci_version", &record->oci_version }, { "bundle", &record->bundle },
                { "rootfs", &record->rootfs }, { "created", &record->created }, { "owner", &record->owner },
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
        record->annotations = st_arena_array(record->arena, object->n_children, sizeof *record->annotations);
        if (!record->annotations)
                return -ENOMEM;
        ST_JSON_FOREACH(child, object) {
                if (child->type != ST_JSON_STRING)
                        return -EINVAL;
                record->annotations[n++] = (struct st_string_pair){ child->key, child->text };
        }
        record->n_annotations = n;
        return 0;
}

static int load_rdt(const struct st_json *object, struct rt_rdt *rdt) {
        (void)get_string(object, "clos", &rdt->clos_path);       /* null is "none" */
        (void)get_string(object, "monitor", &rdt->monitor_path);
        rdt->remove_clos = get_bool(object, "remove_clos");
        return 0;
}

static int load_fields(const struct st_json *root, struct rt_record *record, struct st_error *err) {
        const struct st_json *cgroup = st_json_get(root, "cgroup");
        uint64_t version, pid;
        int r;

        if (get_number(root, "version", &version) < 0)
                return bad(err, "version");
        if (version > RECORD_VERSION)
                return st_error_set(err, -EPROTONOSUPPORT, "state.json: version %llu was written by a newer stint (this one knows %d)",
                                    (unsigned long long)version, RECORD_VERSION);
        if (get_number(root, "pid", &pid) < 0 || pid > INT32_MAX)
                return bad(err, "pid");
        record->pid = (pid_t)pid;
        if (get_number(root, "start_time", &record->start_time) < 0)
                return bad(err, "start_time");
        record->shares_pids = get_bool(root, "shares_pids");
        r = load_strings(root, record, err);
        if (r < 0)
                return r;
        if (load_annotations(root, record) < 0)
                return bad(err, "annotations");
        (void)load_rdt(st_json_get(root, "rdt"), &record->rdt);
        return cgroup ? rt_cgroup_load(cgroup, &record->cgroup, err) : 0;
}

int rt_record_load(struct rt_container *container, struct st_error *err) {
        struct rt_record *record = &container->record;
        st_autofree char *text = NULL;
        const struct st_json *root;
        size_t length;
        int r = st_read_file_at(container->dir_fd, "state.json", RECORD_MAX, &text, &length, err);

        if (r < 0)
                return r;
        record->arena = st_arena_new(length * 2);
        if (!record->arena)
                return st_error_set(err, -ENOMEM, "read state.json");
        r = st_json_parse(record->arena, "state.json", text, length, &root, err);
        return r < 0 ? r : load_fields(root, record, err);
}

void rt_record_deinit(struct rt_record *record) {
        free(record->id);
        free(record->bundle);
        free(record->rootfs);
        free(record->created);
        free(record->owner);
        free(record->oci_version);
        rt_cgroup_free(record->cgroup);
        rt_rdt_deinit(&record->rdt);
        st_arena_free(record->arena);
        memset(record, 0, sizeof *record);
}
