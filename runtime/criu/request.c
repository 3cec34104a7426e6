#include "request.h"

#include <sched.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/json.h>
#include <stint/parse.h>

enum { REQUEST_MAX = 1 << 20 };

static int bad(struct st_error *err, const char *key) {
        return st_error_kind(
                err,
                st_error_set(err, -EINVAL, "request to stint-criu: %s is missing or wrong", key),
                ST_CODE_INTERNAL);
}

static int read_strings(const struct st_json *root, struct request *request, struct st_error *err) {
        const struct {
                const char *key;
                const char **ret;
                bool needed;
        } fields[] = {
                {"id", &request->id, true},
                {"criu", &request->criu, true},
                {"root", &request->root, false},
                {"bundle", &request->bundle, false},
                {"imagePath", &request->image_path, false},
                {"workPath", &request->work_path, false},
                {"parentPath", &request->parent_path, false},
                {"pageServer", &request->page_server, false},
                {"manageCgroupsMode", &request->manage_cgroups_mode, false},
                {"lsmProfile", &request->lsm_profile, false},
                {"lsmMountContext", &request->lsm_mount_context, false},
        };

        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
                const struct st_json *value = st_json_get(root, fields[i].key);
                if (!value && !fields[i].needed)
                        continue;
                if (!value || value->type != ST_JSON_STRING)
                        return bad(err, fields[i].key);
                *fields[i].ret = value->text;
        }
        return 0;
}

static int read_flags(const struct st_json *root, struct request *request, struct st_error *err) {
        const struct {
                const char *key;
                bool *ret;
        } fields[] = {
                {"systemdCgroup", &request->systemd_cgroup},
                {"leaveRunning", &request->leave_running},
                {"tcpEstablished", &request->tcp_established},
                {"extUnixSk", &request->ext_unix_sk},
                {"shellJob", &request->shell_job},
                {"lazyPages", &request->lazy_pages},
                {"fileLocks", &request->file_locks},
                {"preDump", &request->pre_dump},
                {"autoDedup", &request->auto_dedup},
                {"noPivot", &request->no_pivot},
                {"consoleSocket", &request->console_socket},
        };

        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
                const struct st_json *value = st_json_get(root, fields[i].key);
                if (!value || value->type != ST_JSON_BOOL)
                        return bad(err, fields[i].key);
                *fields[i].ret = value->boolean;
        }
        return 0;
}

/* runc and criu know no other. */
static int read_empty_namespaces(const struct st_json *root, struct request *request,
                                 struct st_error *err) {
        ST_JSON_FOREACH (kind, st_json_get(root, "emptyNamespaces")) {
                if (kind->type != ST_JSON_STRING || strcmp(kind->text, "network"))
                        return st_error_kind(
                                err,
                                st_error_set(err, -EINVAL,
                                             "--empty-ns: namespace \"%.40s\" is not supported",
                                             kind->type == ST_JSON_STRING ? kind->text : "?"),
                                ST_CODE_USAGE);
                request->empty_namespaces |= CLONE_NEWNET;
        }
        return 0;
}

static int read_status_fd(const struct st_json *root, struct request *request,
                          struct st_error *err) {
        const struct st_json *value = st_json_get(root, "statusFd");
        uint32_t fd;

        request->status_fd = -1;
        if (!value || (value->type == ST_JSON_NUMBER && value->text[0] == '-'))
                return 0;
        if (value->type != ST_JSON_NUMBER || st_parse_u32(value->text, &fd) < 0 || fd > INT32_MAX)
                return bad(err, "statusFd");
        request->status_fd = (int)fd;
        return 0;
}

int request_read(int fd, struct st_arena *arena, struct request *ret_request,
                 struct st_error *err) {
        struct request request = {0};
        st_autofree char *text = NULL;
        const struct st_json *root;
        size_t length;
        int r = st_read_fd(fd, REQUEST_MAX, &text, &length);

        if (r < 0)
                return st_error_code(err, r, "read the request to stint-criu");
        r = st_json_parse(arena, "request to stint-criu", text, length, &root, err);
        if (r >= 0)
                r = read_strings(root, &request, err);
        if (r >= 0)
                r = read_flags(root, &request, err);
        if (r >= 0)
                r = read_status_fd(root, &request, err);
        if (r >= 0)
                r = read_empty_namespaces(root, &request, err);
        if (r >= 0)
                *ret_request = request;
        return r;
}
