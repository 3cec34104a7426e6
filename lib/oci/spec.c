#include "sections.h"

#include <string.h>

enum { MAX_UTS_NAME = 64 /* the kernel's __NEW_UTS_LEN */ };
/* Bytes that a tree and its typed form take for each byte of text: measured, only a hint. */
enum { ARENA_FACTOR = 6 };

/* ---- ociVersion ---- */

/* A number without a leading zero; NULL when there is none, else what follows. */
static const char *skip_number(const char *text) {
        size_t digits = strspn(text, "0123456789");

        return digits == 0 || (digits > 1 && *text == '0') ? NULL : text + digits;
}

/* Words of letters, digits and '-', joined by dots. */
static const char *skip_words(const char *text) {
        static const char letters[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

        for (;;) {
                size_t length = strspn(text, letters);
                if (length == 0)
                        return NULL;
                text += length;
                if (*text != '.')
                        return text;
                text++;
        }
}

/* SemVer 2.0.0: X.Y.Z, then "-pre.release" and "+build". Any minor version of 1 is compatible with
 * us. */
static bool is_version_1(const char *text) {
        if (strncmp(text, "1.", 2))
                return false;
        text = skip_number(text + 2);
        if (!text || *text != '.')
                return false;
        text = skip_number(text + 1);
        if (text && *text == '-')
                text = skip_words(text + 1);
        if (text && *text == '+')
                text = skip_words(text + 1);
        return text && !*text;
}

/* ---- the top level ---- */

static void read_root(struct st_reader *r, const struct st_json *config, struct st_spec *spec) {
        const struct st_json *root = st_reader_object(r, config, "root");

        if (!root) {
                st_reader_missing(r, config, "root", "an object");
                return;
        }
        spec->root_path = st_reader_need_string(r, root, "path");
        spec->root_readonly = st_reader_bool(r, root, "readonly", NULL);
}

static const char *read_uts_name(struct st_reader *r, const struct st_json *config,
                                 const char *key) {
        const char *name = st_reader_string(r, config, key);

        if (name && strlen(name) > MAX_UTS_NAME)
                st_reader_reject(r, st_json_get(config, key), "is longer than %d bytes",
                                 MAX_UTS_NAME);
        return name;
}

static void read_annotations(struct st_reader *r, const struct st_json *config,
                             struct st_spec *spec) {
        spec->annotations = st_reader_pairs(r, config, "annotations", &spec->n_annotations);
        ST_JSON_FOREACH (entry, st_reader_object(r, config, "annotations"))
                if (!*entry->key)
                        st_reader_reject_key(r, entry, "is empty");
}

static void read_config(struct st_reader *r, const struct st_json *config, struct st_spec *spec) {
        const struct st_json *process, *linux_;

        if (!st_reader_is_object(r, config))
                return;
        spec->oci_version = st_reader_need_string(r, config, "ociVersion");
        if (*spec->oci_version && !is_version_1(spec->oci_version))
                st_reader_reject(r, st_json_get(config, "ociVersion"), "is not a version 1.x.y");
        read_root(r, config, spec);
        process = st_reader_object(r, config, "process");
        if (process)
                spec->process = st_reader_alloc(r, 1, sizeof *spec->process);
        if (spec->process)
                st_read_process(r, process, spec->process);
        spec->hostname = read_uts_name(r, config, "hostname");
        spec->domainname = read_uts_name(r, config, "domainname");
        st_read_mounts(r, config, spec);
        st_read_hooks(r, config, spec);
        read_annotations(r, config, spec);
        linux_ = st_reader_object(r, config, "linux");
        st_read_linux(r, linux_, &spec->linux_);
        if (r->status == 0)
                st_check_consistency(r, config, spec);
}

/* ---- entry points ---- */

/* Parse and classify: broken JSON and a broken spec are the same class to a caller. */
static int parse_json(struct st_reader *r, const char *text, size_t length,
                      const struct st_json **ret_root) {
        int status = st_json_parse(r->arena, r->document, text, length, ret_root, r->err);

        if (status == -EINVAL || status == -E2BIG)
                (void)st_error_kind(r->err, status, ST_CODE_CONFIG_INVALID);
        return status;
}

struct st_spec *st_spec_free(struct st_spec *spec) {
        if (spec)
                st_arena_free(spec->arena); /* the spec itself is in there */
        return NULL;
}

int st_spec_parse(const char *name, const char *text, size_t length, struct st_spec **ret_spec,
                  struct st_error *err) {
        st_cleanup(st_arena_freep) struct st_arena *arena = NULL;
        struct st_reader r = {.document = name, .err = err};
        const struct st_json *config;
        struct st_spec *spec;
        int status;

        arena = st_arena_new(length < ST_JSON_MAX_SIZE / ARENA_FACTOR ? length * ARENA_FACTOR : 0);
        if (!arena)
                return st_error_set(err, -ENOMEM, "%s: out of memory", name);
        r.arena = arena;
        status = parse_json(&r, text, length, &config);
        if (status < 0)
                return status;
        spec = st_reader_alloc(&r, 1, sizeof *spec);
        if (!spec)
                return r.status;
        read_config(&r, config, spec);
        if (r.status < 0)
                return r.status;
        spec->arena = st_take(arena);
        *ret_spec = spec;
        return 0;
}

int st_process_parse(struct st_arena *arena, const char *name, const char *text, size_t length,
                     struct st_process **ret_process, struct st_error *err) {
        struct st_reader r = {.arena = arena, .document = name, .err = err};
        const struct st_json *root;
        struct st_process *process;
        int status = parse_json(&r, text, length, &root);

        if (status < 0)
                return status;
        process = st_reader_alloc(&r, 1, sizeof *process);
        if (!process)
                return r.status;
        st_read_process(&r, root, process);
        if (r.status < 0)
                return r.status;
        *ret_process = process;
        return 0;
}

int st_resources_parse(struct st_arena *arena, const char *name, const char *text, size_t length,
                       struct st_resources **ret_resources, struct st_error *err) {
        struct st_reader r = {.arena = arena, .document = name, .err = err};
        const struct st_json *root;
        struct st_resources *resources;
        int status = parse_json(&r, text, length, &root);

        if (status < 0)
                return status;
        resources = st_reader_alloc(&r, 1, sizeof *resources);
        if (!resources)
                return r.status;
        if (st_reader_is_object(&r, root))
                st_read_resources(&r, root, resources);
        if (r.status < 0)
                return r.status;
        *ret_resources = resources;
        return 0;
}

const char *st_spec_annotation(const struct st_spec *spec, const char *key) {
        for (size_t i = 0; i < spec->n_annotations; i++)
                if (!strcmp(spec->annotations[i].key, key))
                        return spec->annotations[i].value;
        return NULL;
}
