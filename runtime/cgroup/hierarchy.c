/* runtime/cgroup/hierarchy.c: which cgroup hierarchies this machine has, where they are mounted and
 * where we are in them. The usual places are tried with statfs(2); mountinfo is read only when a
 * hierarchy is elsewhere. */
#include "manager.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

#define MOUNTINFO_MAX ((size_t)16 << 20)

static const struct {
        const char *name;
        unsigned bit;
} controllers[] = {
        {"cpu", RT_CTL_CPU},           {"cpuset", RT_CTL_CPUSET},   {"io", RT_CTL_IO},
        {"memory", RT_CTL_MEMORY},     {"pids", RT_CTL_PIDS},       {"hugetlb", RT_CTL_HUGETLB},
        {"rdma", RT_CTL_RDMA},         {"misc", RT_CTL_MISC},       {"cpuacct", RT_CTL_CPUACCT},
        {"devices", RT_CTL_DEVICES},   {"freezer", RT_CTL_FREEZER}, {"net_cls", RT_CTL_NET_CLS},
        {"net_prio", RT_CTL_NET_PRIO}, {"perf_event", RT_CTL_PERF}, {"blkio", RT_CTL_IO},
};

unsigned rt_controller_bit(const char *name, size_t length) {
        for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++)
                if (strlen(controllers[i].name) == length &&
                    !memcmp(controllers[i].name, name, length))
                        return controllers[i].bit;
        return RT_CTL_OTHER;
}

const char *rt_controller_name(unsigned bit) {
        for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++)
                if (controllers[i].bit & bit)
                        return controllers[i].name;
        return "other";
}

static bool is_cgroup_fs(const char *path, long magic) {
        struct statfs fs;

        return statfs(path, &fs) == 0 && fs.f_type == magic;
}

enum rt_cgroup_mode rt_cgroup_detect(void) {
        struct statfs fs;

        if (statfs("/sys/fs/cgroup", &fs) < 0)
                return RT_CGROUP_NONE;
        if (fs.f_type == CGROUP2_SUPER_MAGIC)
                return RT_CGROUP_V2;
        if (fs.f_type == SYSFS_MAGIC) /* nothing is mounted on the directory */
                return RT_CGROUP_NONE;
        if (is_cgroup_fs("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC))
                return RT_CGROUP_HYBRID;
        return RT_CGROUP_V1;
}

const char *rt_cgroup_mode_name(enum rt_cgroup_mode mode) {
        switch (mode) {
        case RT_CGROUP_V1:
                return "v1";
        case RT_CGROUP_HYBRID:
                return "hybrid";
        case RT_CGROUP_V2:
                return "v2";
        case RT_CGROUP_NONE:
                break;
        }
        return "none";
}

/* Cut the text at the next @separator; NULL when there is none. */
static char *split(char **text, char separator) {
        char *start = *text, *end = strchr(start, separator);

        if (!end)
                return NULL;
        *end = 0;
        *text = end + 1;
        return start;
}

/* Is @name one of the comma separated @list? */
static bool list_has(const char *list, const char *name, size_t length) {
        for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
                if (!strncmp(at, name, length) && (at[length] == ',' || at[length] == 0))
                        return true;
        return false;
}

static bool list_has_all(const char *list, const char *names) {
        for (const char *at = names;; at++) {
                size_t length = strcspn(at, ",");
                if (!list_has(list, at, length))
                        return false;
                at += length;
                if (!*at)
                        return true;
        }
}

/* mountinfo writes blanks and backslashes as three octal digits. */
static void unescape(char *text) {
        char *to = text;

        for (const char *from = text; *from; to++) {
                if (from[0] == '\\' && from[1] && from[2] && from[3]) {
                        *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
                        from += 4;
                } else {
                        *to = *from++;
                }
        }
        *to = 0;
}

/* Look for the mount of a hierarchy. Cuts @line up. 1: this line is it. */
static int match_mount(char *line, const char *names, char **ret_root, char **ret_mount) {
        char *tail = strstr(line, " - "), *type, *options;

        if (!tail)
                return 0;
        *tail = 0;
        tail += 3;
        type = split(&tail, ' ');
        if (!type || strcmp(type, *names ? "cgroup" : "cgroup2") != 0)
                return 0;
        options = strchr(tail, ' ');
        if (!options || (*names && !list_has_all(options + 1, names)))
                return 0;
        for (int skip = 0; skip < 3; skip++) /* id, parent, device */
                if (!split(&line, ' '))
                        return 0;
        *ret_root = split(&line, ' ');
        *ret_mount = *ret_root ? split(&line, ' ') : NULL;
        if (!*ret_mount)
                return 0;
        unescape(*ret_root);
        unescape(*ret_mount);
        return 1;
}

/* @own without @root when it is below it; "/" when it is not, as in a bind of another subtree. */
static const char *relative_to(const char *own, const char *root) {
        size_t length = strlen(root);

        if (!strcmp(root, "/"))
                return own;
        if (strncmp(own, root, length) != 0 || (own[length] && own[length] != '/'))
                return "/";
        return own[length] ? own + length : "/";
}

/* Fill ->mount from mountinfo and make ->own relative to it. 0: not mounted. */
static int find_mount(const struct rt_cgroup_host *host, struct st_arena *arena,
                      struct rt_hierarchy *h, struct st_error *err) {
        char path[256];
        st_autofree char *text = NULL;
        char *rest, *line;
        int r;

        (void)snprintf(path, sizeof path, "%s/mountinfo", host->proc);
        r = st_read_file_at(AT_FDCWD, path, MOUNTINFO_MAX, &text, NULL, err);
        if (r < 0)
                return r;
        rest = text;
        while ((line = split(&rest, '\n'))) {
                char *root, *mount;
                if (!match_mount(line, h->names, &root, &mount))
                        continue;
                h->mount = st_arena_strdup(arena, mount);
                h->own = h->own ? relative_to(h->own, root) : NULL;
                return h->mount ? 1 : st_error_set(err, -ENOMEM, "read %s", path);
        }
        return 0;
}

/* A directory of the usual name: /sys/fs/cgroup/cpu,cpuacct. A link there (cpuacct,cpu) is not
 * taken. 1: it is the hierarchy; 0: it is not there; -ENOMEM. */
static int usual_mount(const struct rt_cgroup_host *host, struct st_arena *arena,
                       struct rt_hierarchy *h) {
        const char *dir = !strncmp(h->names, "name=", 5) ? h->names + 5
                          : *h->names                    ? h->names
                                                         : "unified";
        char *path = st_arena_printf(arena, "%s/%s", host->root, dir);
        struct stat st;

        if (!path)
                return -ENOMEM;
        if (strchr(dir, ',') && (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
                return 0;
        if (host->any_fs
                    ? access(path, F_OK) < 0
                    : !is_cgroup_fs(path, *h->names ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC))
                return 0;
        h->mount = path;
        return 1;
}

/* Can our own cgroup be seen below the mount? Not when a parent runtime bound a subtree of the
 * hierarchy there. */
static bool own_is_visible(const struct rt_hierarchy *h) {
        char path[PATH_MAX];

        if (!h->own || !strcmp(h->own, "/"))
                return true;
        return snprintf(path, sizeof path, "%s%s", h->mount, h->own) < (int)sizeof path &&
               access(path, F_OK) == 0;
}

/* 1: the hierarchy is mounted and filled in; 0: it is not mounted. */
static int locate(const struct rt_cgroup_host *host, struct st_arena *arena, struct rt_hierarchy *h,
                  struct st_error *err) {
        int r = usual_mount(host, arena, h);

        if (r < 0)
                return st_error_code(err, r, "name a mount below %s", host->root);
        return r > 0 && own_is_visible(h) ? 1 : find_mount(host, arena, h, err);
}

unsigned rt_controller_bits(const char *names) {
        unsigned bits = 0;

        for (const char *at = names;; at++) {
                size_t length = strcspn(at, ",");
                bits |= rt_controller_bit(at, length);
                at += length;
                if (!*at)
                        return bits;
        }
}

/* A path above a cgroup namespace's root reads "/../x": what we can reach is the root. */
static const char *own_of(const char *path) {
        return !strncmp(path, "/..", 3) && (path[3] == '/' || !path[3]) ? "/" : path;
}

/* One line of /proc/self/cgroup, "4:memory:/a/b" or "0::/a/b". 1: @h is filled in. */
static int read_line(const struct rt_cgroup_host *host, struct st_arena *arena, char *line,
                     struct rt_hierarchy *h, struct st_error *err) {
        char *names;

        if (!split(&line, ':') || !(names = split(&line, ':')))
                return 0;
        if (!*names && host->mode == RT_CGROUP_V1)
                return 0;
        *h = (struct rt_hierarchy) {
                .names = names,
                .controllers = *names ? rt_controller_bits(names) : RT_CTL_V2,
                .own = own_of(line),
        };
        if (host->mode == RT_CGROUP_V2) {
                h->mount = host->root;
                return *names ? 0 : own_is_visible(h) ? 1 : find_mount(host, arena, h, err);
        }
        return locate(host, arena, h, err);
}

/* What v1 has is not v2's. */
static void share_controllers(struct rt_hierarchy *hierarchies, size_t n) {
        unsigned taken = 0;

        for (size_t i = 0; i < n; i++)
                if (*hierarchies[i].names)
                        taken |= hierarchies[i].controllers;
        for (size_t i = 0; i < n; i++)
                if (!*hierarchies[i].names)
                        hierarchies[i].controllers &= ~taken;
}

/* The paths in it may be long, but usually the first read has it all. */
static int read_proc_cgroup(struct st_arena *arena, const char *path, char **ret_text) {
        st_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
        size_t used = 0, room = 2048;
        char *text = st_arena_alloc(arena, room);

        if (fd < 0)
                return -errno;
        for (;;) {
                ssize_t n = text ? read(fd, text + used, room - used - 1) : -1;
                char *bigger;
                if (n < 0)
                        return text ? -errno : -ENOMEM;
                used += (size_t)n;
                text[used] = 0;
                if (n == 0 || used < room - 1)
                        break; /* the kernel fills a read as far as whole lines go */
                bigger = st_arena_alloc(arena, 2 * room);
                if (bigger)
                        memcpy(bigger, text, used);
                text = bigger;
                room *= 2;
        }
        *ret_text = text;
        return 0;
}

int rt_hierarchies_read(const struct rt_cgroup_host *host, struct st_arena *arena, bool want_own,
                        struct rt_hierarchy *ret, size_t *ret_n, struct st_error *err) {
        char path[256], *text = NULL, *line;
        size_t n = 0;
        int r;

        if (host->mode == RT_CGROUP_V2 && !want_own) {
                ret[0] = (struct rt_hierarchy) {
                        .names = "", .controllers = RT_CTL_V2, .mount = host->root};
                *ret_n = 1;
                return 0;
        }
        (void)snprintf(path, sizeof path, "%s/cgroup", host->proc);
        r = read_proc_cgroup(arena, path, &text);
        if (r < 0)
                return st_error_code(err, r, "read %s", path);
        while ((line = split(&text, '\n')) && n < RT_LEAVES_MAX) {
                r = read_line(host, arena, line, &ret[n], err);
                if (r < 0)
                        return st_error_prefix(err, r, "find the mount of a cgroup hierarchy");
                n += (size_t)r;
        }
        share_controllers(ret, n);
        *ret_n = n;
        return 0;
}
