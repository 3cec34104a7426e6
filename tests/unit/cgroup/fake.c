#include "fake.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

void fake_init(struct fake *fake, enum rt_cgroup_mode mode) {
        *fake = (struct fake) {.dir = "/tmp/stint-fake-XXXXXX"};
        cr_assert_not_null(mkdtemp(fake->dir));
        (void)snprintf(fake->root, sizeof fake->root, "%s/root", fake->dir);
        (void)snprintf(fake->proc, sizeof fake->proc, "%s/proc", fake->dir);
        cr_assert(fake->arena = st_arena_new(4096));
        fake_mkdir(fake, "root");
        fake_mkdir(fake, "proc");
        fake->host = (struct rt_cgroup_host) {
                .mode = mode, .root = fake->root, .proc = fake->proc, .any_fs = true};
}

void fake_deinit(struct fake *fake) {
        cr_expect_eq(st_remove_tree_at(AT_FDCWD, fake->dir), 0);
        (void)st_arena_free(fake->arena);
}

static char *path_of(struct fake *fake, const char *path) {
        char *full = st_arena_printf(fake->arena, "%s/%s", fake->dir, path);

        cr_assert_not_null(full);
        return full;
}

void fake_mkdir(struct fake *fake, const char *path) {
        cr_assert_eq(st_mkdir_p_at(AT_FDCWD, path_of(fake, path), 0755), 0);
}

void fake_write(struct fake *fake, const char *path, const char *text) {
        char *full = path_of(fake, path), *slash = strrchr(full, '/');
        int fd;

        *slash = 0;
        cr_assert_eq(st_mkdir_p_at(AT_FDCWD, full, 0755), 0);
        *slash = '/';
        fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        cr_assert_geq(fd, 0, "%s", full);
        cr_assert_eq(st_write_all(fd, text, strlen(text)), 0);
        (void)close(fd);
}

const char *fake_read(struct fake *fake, const char *path) {
        st_autofree char *text = NULL;
        struct st_error err = {0};

        cr_assert_eq(st_read_file_at(AT_FDCWD, path_of(fake, path), 1 << 20, &text, NULL, &err), 0,
                     "%s", err.msg);
        return st_arena_strdup(fake->arena, text);
}

void fake_machine(struct fake *fake, const char *own) {
        static const char *const v1[] = {
                "cpu,cpuacct", "cpuset",     "memory",       "pids", "devices",
                "freezer",     "blkio",      "hugetlb",      "rdma", "net_cls",
                "net_prio",    "perf_event", "name=systemd",
        };
        char *lines = st_arena_strdup(fake->arena, "");

        for (size_t i = 0; i < sizeof v1 / sizeof *v1 && fake->host.mode != RT_CGROUP_V2; i++) {
                const char *dir = strncmp(v1[i], "name=", 5) ? v1[i] : v1[i] + 5;

                lines = st_arena_printf(fake->arena, "%s%zu:%s:%s\n", lines, 20 - i, v1[i], own);
                fake_mkdir(fake, st_arena_printf(fake->arena, "root/%s%s", dir, own));
        }
        lines = st_arena_printf(fake->arena, "%s0::%s\n", lines, own);
        if (fake->host.mode == RT_CGROUP_HYBRID)
                fake_mkdir(fake, st_arena_printf(fake->arena, "root/unified%s", own));
        if (fake->host.mode == RT_CGROUP_V2)
                fake_mkdir(fake, st_arena_printf(fake->arena, "root%s", own));
        fake_write(fake, "proc/cgroup", lines);
        fake_write(fake, "proc/mountinfo", "");
}

const struct st_resources *fake_resources(struct fake *fake, const char *json) {
        char *text = st_arena_strdup(fake->arena, json);
        struct st_resources *resources;
        struct st_error err = {0};

        for (char *at = text; *at; at++)
                if (*at == '\'')
                        *at = '"';
        cr_assert_eq(
                st_resources_parse(fake->arena, "resources", text, strlen(text), &resources, &err),
                0, "%s", err.msg);
        return resources;
}

struct rt_cgroup *fake_plan(struct fake *fake, const char *json, struct st_error *err) {
        struct rt_cgroup_request request = {
                .id = "leaf",
                .path = "/x/leaf",
                .resources = json ? fake_resources(fake, json) : NULL,
        };
        struct rt_cgroup *cgroup = NULL;

        return rt_cgroup_plan_on(&fake->host, &request, &cgroup, err) < 0 ? NULL : cgroup;
}

const char *fake_writes(struct fake *fake, const struct rt_cgroup *cgroup) {
        char *all = st_arena_strdup(fake->arena, "");

        for (size_t i = 0; i < cgroup->writes.n_items; i++) {
                const struct rt_write *w = &cgroup->writes.items[i];
                if (!(w->flags & RT_WRITE_DEVICE))
                        all = st_arena_printf(fake->arena, "%s%s%s%s=%s", all, *all ? "; " : "",
                                              w->flags & RT_WRITE_EARLY ? "!" : "", w->file,
                                              w->value);
        }
        return all;
}
