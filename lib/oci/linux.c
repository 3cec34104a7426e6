#include "sections.h"

#include <limits.h>
#include <string.h>
#include <sys/personality.h>

static const struct st_name personality_domains[] = {
        {"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}, {NULL}};

/* The spec names four; callers write the recursive forms as well, and runc takes them. */
static const struct st_name propagations[] = {
        {"shared"}, {"slave"},    {"private"},     {"unbindable"}, {"rshared"},
        {"rslave"}, {"rprivate"}, {"runbindable"}, {NULL},
};

static void read_propagation(struct st_reader *r, const struct st_json *node,
                             struct st_linux *linux_) {
        linux_->rootfs_propagation = st_reader_string(r, node, "rootfsPropagation");
        if (linux_->rootfs_propagation)
                (void)st_reader_name(r, st_json_get(node, "rootfsPropagation"), propagations);
}

/* Whether ".." is a component. A path that climbs would leave the place that the caller may write
 * to. */
static bool climbs(const char *path) {
        while (path) {
                path += strspn(path, "/");
                if (!strncmp(path, "..", 2) && (path[2] == '/' || !path[2]))
                        return true;
                path = strchr(path, '/');
        }
        return false;
}

static void read_cgroups_path(struct st_reader *r, const struct st_json *node,
                              struct st_linux *linux_) {
        const char *path = st_reader_string(r, node, "cgroupsPath");

        linux_->cgroups_path = path;
        if (!path)
                return;
        if (strlen(path) >= PATH_MAX)
                st_reader_reject(r, st_json_get(node, "cgroupsPath"), "is longer than %d bytes",
                                 PATH_MAX - 1);
        else if (climbs(path))
                st_reader_reject(r, st_json_get(node, "cgroupsPath"),
                                 "is not a cgroup path: it has a \"..\"");
        else if (strchr(path, '\n'))
                st_reader_reject(r, st_json_get(node, "cgroupsPath"),
                                 "is not a cgroup path: it has a newline");
}

static void read_personality(struct st_reader *r, const struct st_json *node,
                             struct st_linux *linux_) {
        const struct st_json *personality = st_reader_object(r, node, "personality");
        const struct st_json *domain, *flags;

        if (!personality)
                return;
        linux_->personality = st_reader_alloc(r, 1, sizeof *linux_->personality);
        if (!linux_->personality)
                return;
        domain = st_reader_member(personality, "domain");
        if (domain)
                linux_->personality->domain =
                        (uint32_t)st_reader_name(r, domain, personality_domains);
        else
                st_reader_missing(r, personality, "domain", "LINUX or LINUX32");
        flags = st_reader_array(r, personality, "flags");
        if (flags && flags->n_children > 0)
                st_reader_reject(r, flags, "is not empty: the spec has no flags yet");
}

static void read_resources(struct st_reader *r, const struct st_json *node,
                           struct st_linux *linux_) {
        const struct st_json *resources = st_reader_object(r, node, "resources");

        if (!resources)
                return;
        linux_->resources = st_reader_alloc(r, 1, sizeof *linux_->resources);
        if (linux_->resources)
                st_read_resources(r, resources, linux_->resources);
}

void st_read_linux(struct st_reader *r, const struct st_json *node, struct st_linux *linux_) {
        st_read_namespaces(r, node, linux_);
        st_read_devices(r, node, linux_);
        st_read_net_devices(r, node, linux_);
        read_cgroups_path(r, node, linux_);
        read_resources(r, node, linux_);
        st_read_rdt(r, node, linux_);
        st_read_memory_policy(r, node, linux_);
        read_personality(r, node, linux_);
        st_read_sysctl(r, node, linux_);
        st_read_seccomp(r, node, linux_);
        read_propagation(r, node, linux_);
        linux_->masked_paths = st_reader_paths(r, node, "maskedPaths");
        linux_->readonly_paths = st_reader_paths(r, node, "readonlyPaths");
        linux_->mount_label = st_reader_string(r, node, "mountLabel");
}
