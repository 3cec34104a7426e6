/* The leaves of a container as a cgroup mount shows them. */
#include "manager.h"

#include <string.h>

size_t rt_cgroup_n_leaves(const struct rt_cgroup *cgroup) {
        size_t n = 0;

        RT_FOREACH_LEAF (leaf, cgroup)
                n++;
        return n;
}

/* The directory below /sys/fs/cgroup: "cpu,cpuacct", "systemd", "unified"; it ends the mount
 * point's path. */
static const char *view_name(const struct rt_cgroup *cgroup, const struct rt_leaf *leaf) {
        const char *start = leaf->path + leaf->mount_length;

        while (start > leaf->path && start[-1] != '/')
                start--;
        return st_arena_strndup(cgroup->arena, start,
                                (size_t)(leaf->path + leaf->mount_length - start));
}

const char *rt_cgroup_leaf(const struct rt_cgroup *cgroup, size_t index, const char **ret_name) {
        RT_FOREACH_LEAF (leaf, cgroup) {
                if (index-- > 0)
                        continue;
                *ret_name = view_name(cgroup, leaf);
                return *ret_name ? leaf->path : NULL;
        }
        return NULL;
}
