#include "sections.h"

#include <ctype.h>
#include <string.h>

/* sysctl(8): the separator is the first of '.' and '/', and the other one stands for it inside a
 * name
 * ("net.ipv4.conf.eno2/100.rp_filter"). Give the path below /proc/sys; NULL when memory is out. */
static char *path_of(struct st_reader *r, const char *key) {
        char *path = st_reader_alloc(r, strlen(key) + 1, 1);
        bool dots = key[strcspn(key, "./")] == '.';

        if (!path)
                return NULL;
        for (size_t i = 0; key[i]; i++)
                path[i] = dots && key[i] == '.' ? '/' : dots && key[i] == '/' ? '.' : key[i];
        return path;
}

static bool is_plausible(const char *path) {
        const char *part = path;

        for (const char *c = path; *c; c++)
                if (isspace((unsigned char)*c) || iscntrl((unsigned char)*c))
                        return false;
        for (;;) {
                size_t length = strcspn(part, "/");
                if (length == 0 || (length == 1 && part[0] == '.') ||
                    (length == 2 && !strncmp(part, "..", 2)))
                        return false;
                if (!part[length])
                        return strchr(path, '/') != NULL;
                part += length + 1;
        }
}

/* Which namespace holds the value; _ST_NS_MAX for one of the host's, which no container may set. */
static enum st_namespace_kind namespace_of(const char *path) {
        static const char *const ipc[] = {
                "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem",
                "kernel/shmall", "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced",
        };

        for (size_t i = 0; i < sizeof ipc / sizeof *ipc; i++)
                if (!strcmp(path, ipc[i]))
                        return ST_NS_IPC;
        if (!strncmp(path, "fs/mqueue/", 10))
                return ST_NS_IPC;
        if (!strncmp(path, "net/", 4))
                return ST_NS_NETWORK;
        if (!strcmp(path, "kernel/domainname"))
                return ST_NS_UTS;
        if (!strncmp(path, "user/", 5))
                return ST_NS_USER;
        return _ST_NS_MAX;
}

static void check_sysctl(struct st_reader *r, const struct st_json *node,
                         const struct st_linux *linux_) {
        const char *path = path_of(r, node->key);
        enum st_namespace_kind kind;

        if (!path)
                return;
        if (!is_plausible(path)) {
                st_reader_reject_key(
                        r, node, "is not the name of a sysctl, such as \"net.ipv4.ip_forward\"");
                return;
        }
        kind = namespace_of(path);
        if (!strcmp(path, "kernel/hostname"))
                st_reader_reject_key(r, node, "belongs to the member \"hostname\" of config.json");
        else if (kind == _ST_NS_MAX)
                st_reader_reject_key(r, node, "is a sysctl that no namespace has of its own");
        else if (!linux_->namespaces[kind].wanted)
                st_reader_reject_key(r, node,
                                     "needs a namespace of type \"%s\" in linux.namespaces",
                                     st_namespace_name(kind));
}

void st_read_sysctl(struct st_reader *r, const struct st_json *node, struct st_linux *linux_) {
        linux_->sysctl = st_reader_pairs(r, node, "sysctl", &linux_->n_sysctl);
        ST_JSON_FOREACH (entry, st_reader_object(r, node, "sysctl"))
                check_sysctl(r, entry, linux_);
}
