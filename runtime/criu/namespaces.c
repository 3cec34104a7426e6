#include "namespaces.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <stint/cleanup.h>

/* criu can be handed these two; the others it joins by path, after it has saved them as if they
 * were the container's. */
static const struct external {
        enum st_namespace_kind kind;
        const char *name, *key; /* of criu and of /proc/<pid>/ns; of runc's images */
} externals[] = {
        {ST_NS_NETWORK, "net", "extRootNetNS"},
        {ST_NS_PID, "pid", "extRootPidNS"},
};

enum { N_EXTERNALS = sizeof externals / sizeof *externals };

int namespaces_name(struct call *call, const struct st_spec *spec, pid_t pid,
                    struct st_error *err) {
        for (size_t i = 0; i < N_EXTERNALS; i++) {
                const struct external *external = &externals[i];
                char path[48], text[80];
                struct stat st;

                if (!spec->linux_.namespaces[external->kind].path)
                        continue;
                (void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, external->name);
                if (stat(path, &st) < 0)
                        return st_error_sys(err, "look at %s", path);
                (void)snprintf(text, sizeof text, "%s[%llu]:%s", external->name,
                               (unsigned long long)st.st_ino, external->key);
                call_add_external(call, text);
        }
        return 0;
}

static int provide(struct call *call, const struct external *external, const char *path,
                   struct st_error *err) {
        int fd = open(path, O_RDONLY | O_CLOEXEC), number;

        if (fd < 0)
                return st_error_kind(err,
                                     st_error_sys(err, "linux.namespaces: open the %s namespace %s",
                                                  st_namespace_name(external->kind), path),
                                     ST_CODE_NAMESPACE);
        number = call_pass_take(call, fd);
        call_add_inherited(call, external->key, number); /* both kinds fit */
        return 0;
}

static const struct external *find_external(enum st_namespace_kind kind) {
        for (size_t i = 0; i < N_EXTERNALS; i++)
                if (externals[i].kind == kind)
                        return &externals[i];
        return NULL;
}

static int join(struct call *call, enum st_namespace_kind kind, const char *path,
                struct st_error *err) {
        static const char *const names[_ST_NS_MAX] = {[ST_NS_USER] = "user",
                                                      [ST_NS_IPC] = "ipc",
                                                      [ST_NS_UTS] = "uts",
                                                      [ST_NS_TIME] = "time"};

        if (!names[kind])
                return st_error_kind(
                        err,
                        st_error_set(
                                err, -EOPNOTSUPP,
                                "linux.namespaces: criu cannot restore into the %s namespace %s",
                                st_namespace_name(kind), path),
                        ST_CODE_UNSUPPORTED);
        call_add_join(call, names[kind], path);
        return 0;
}

int namespaces_provide(struct call *call, const struct st_spec *spec, struct st_error *err) {
        for (int kind = 0; kind < _ST_NS_MAX; kind++) {
                const char *path = spec->linux_.namespaces[kind].path;
                const struct external *external = find_external((enum st_namespace_kind)kind);
                int r = 0;

                if (path)
                        r = external ? provide(call, external, path, err)
                                     : join(call, (enum st_namespace_kind)kind, path, err);
                if (r < 0)
                        return r;
        }
        return 0;
}
