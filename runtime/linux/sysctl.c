#include "proc.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/process.h>
#include <stint/syscall.h>

/* sysctl(8): the separator is the first of '.' and '/', and the other one stands for it inside a
 * name
 * ("net.ipv4.conf.eno2/100.rp_filter"). Give the path below /proc. */
static int path_of(const char *key, char *path, size_t size) {
        bool dots = key[strcspn(key, "./")] == '.';

        if ((size_t)snprintf(path, size, "sys/%s", key) >= size)
                return -ENAMETOOLONG;
        for (char *c = path + 4; dots && *c; c++)
                *c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
        return 0;
}

/* ---- in the parent */

/* lib/oci has checked that the name belongs to one of these and that its namespace is listed. */
static enum st_namespace_kind namespace_of(const char *path) {
        if (!strncmp(path, "sys/net/", 8))
                return ST_NS_NETWORK;
        if (!strncmp(path, "sys/user/", 9))
                return ST_NS_USER;
        if (!strcmp(path, "sys/kernel/domainname"))
                return ST_NS_UTS;
        return ST_NS_IPC;
}

static const char *own_namespace(enum st_namespace_kind kind) {
        switch (kind) {
        case ST_NS_NETWORK:
                return "/proc/thread-self/ns/net";
        case ST_NS_USER:
                return "/proc/thread-self/ns/user";
        case ST_NS_UTS:
                return "/proc/thread-self/ns/uts";
        case ST_NS_IPC:
        case ST_NS_PID:
        case ST_NS_MOUNT:
        case ST_NS_CGROUP:
        case ST_NS_TIME:
        case _ST_NS_MAX:
                break;
        }
        return "/proc/thread-self/ns/ipc";
}

/* 1: @path is the namespace that the runtime itself is in. */
static int is_own(const char *path, enum st_namespace_kind kind, struct st_error *err) {
        const char *own_path = own_namespace(kind);
        struct stat own, other;

        if (stat(own_path, &own) < 0)
                return st_error_sys(err, "stat %s", own_path);
        if (stat(path, &other) < 0)
                return st_error_sys(err, "stat %s", path);
        return own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

static int check_one(const struct st_linux *config, const char *key, struct st_error *err) {
        const struct st_namespace *namespace;
        enum st_namespace_kind kind;
        char path[PATH_MAX];
        int r = path_of(key, path, sizeof path);

        if (r < 0)
                return st_error_code(err, r, "linux.sysctl: %.64s", key);
        kind = namespace_of(path);
        namespace = &config->namespaces[kind];
        if (namespace->wanted && !namespace->path)
                return 0;
        r = namespace->wanted ? is_own(namespace->path, kind, err) : 1;
        if (r <= 0)
                return r < 0 ? st_error_prefix(err, r, "linux.sysctl: %s", key) : 0;
        r = st_error_set(err, -EINVAL, "linux.sysctl: %s is not allowed in the host's %s namespace",
                         key, st_namespace_name(kind));
        return st_error_kind(err, r, ST_CODE_CONFIG_INVALID);
}

int rt_sysctl_check(const struct st_spec *spec, struct st_error *err) {
        for (size_t i = 0; i < spec->linux_.n_sysctl; i++) {
                int r = check_one(&spec->linux_, spec->linux_.sysctl[i].key, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- in the child */

int rt_sysctl_apply(int proc_fd, const struct st_string_pair *sysctl, size_t n,
                    struct st_error *err) {
        char path[PATH_MAX];

        for (size_t i = 0; i < n; i++) {
                int r = path_of(sysctl[i].key, path, sizeof path);
                if (r == 0)
                        r = rt_proc_write(proc_fd, path, sysctl[i].value, strlen(sysctl[i].value));
                if (r < 0)
                        return st_error_code(err, r, "linux.sysctl: write %s to %s",
                                             sysctl[i].value, sysctl[i].key);
        }
        return 0;
}
