#include "node.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stint/fs.h>

static void put(const char *dir, const char *file, const char *text) {
        char path[256];
        st_autoclose int fd = -1;

        snprintf(path, sizeof path, "%s/%s", dir, file);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        cr_assert_geq(fd, 0, "%s", path);
        cr_assert_eq(st_write_all(fd, text, strlen(text)), 0);
}

struct rt_ledger *node_open(const struct node *node) {
        struct rt_ledger_options options = {
                .path = node->ledger_path,
                .sysfs = node->machine.path,
                .cgroup_root = node->cgroup_root,
                .plain_files = true,
        };
        struct rt_ledger *ledger = rt_ledger_new(&options);

        cr_assert(ledger);
        return ledger;
}

struct node node_make(const char *machine) {
        struct node node = {.machine = fixture_read(machine)};

        strcpy(node.path, node.machine.path);
        snprintf(node.ledger_path, sizeof node.ledger_path, "%s/run/.cpus", node.path);
        snprintf(node.cgroup_root, sizeof node.cgroup_root, "%s/cgroup", node.path);
        cr_assert_eq(mkdir(node.cgroup_root, 0755), 0);
        put(node.cgroup_root, "cgroup.controllers", "cpuset\n");
        put(node.cgroup_root, "cpuset.cpus.effective", show(&node.machine.topology->cpus));
        put(node.cgroup_root, "cpuset.mems.effective", "0-63\n");
        node.ledger = node_open(&node);
        return node;
}

void node_remove(struct node *node) {
        rt_ledger_free(node->ledger);
        fixture_remove(&node->machine);
}

const char *node_path(const struct node *node, const char *name) {
        static char paths[4][256];
        static unsigned next;

        next = (next + 1) % 4;
        snprintf(paths[next], sizeof paths[next], "%s/%s", node->cgroup_root, name);
        return paths[next];
}

void node_cgroup(const struct node *node, const char *name, const char *list) {
        const char *path = node_path(node, name);

        cr_assert_eq(st_mkdir_p_at(AT_FDCWD, path, 0755), 0);
        put(path, "cpuset.cpus", list ? list : "");
        put(path, "cpuset.cpus.effective", list ? list : show(&node->machine.topology->cpus));
        put(path, "cpuset.mems", "");
        put(path, "cpuset.mems.effective", "0-63\n");
        put(path, "cgroup.freeze", "0");
}

void node_remove_cgroup(const struct node *node, const char *name) {
        cr_assert_eq(st_remove_tree_at(AT_FDCWD, node_path(node, name)), 0);
}

const char *node_read(const struct node *node, const char *name, const char *file) {
        static char text[1024];
        char path[512];
        st_autoclose int fd = -1;
        ssize_t n;

        snprintf(path, sizeof path, "%s/%s", node_path(node, name), file);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        cr_assert_geq(fd, 0, "%s", path);
        n = read(fd, text, sizeof text - 1);
        cr_assert_geq(n, 0);
        text[n] = 0;
        text[strcspn(text, "\n")] = 0;
        return text;
}

int node_claim(const struct node *node, struct wish wish, struct rt_grant *ret_grant, char *why) {
        struct rt_cpus within = wish.within ? cpus(wish.within) : (struct rt_cpus) {0};
        const char *path = node_path(node, wish.id);
        struct rt_claim claim = {
                .id = wish.id,
                .tenant = wish.tenant ? wish.tenant : "a",
                .job = wish.job,
                .cgroup = path,
                .freezer = path,
                .n_cpus = wish.n_cpus,
                .tier = wish.tier,
                .whole_cores = wish.whole_cores,
                .strict = wish.strict,
                .bind_memory = wish.memory,
                .within = wish.within ? &within : NULL,
                .owner = wish.owner,
                .wait_msec = wish.wait_msec,
        };
        struct st_error err = {0};
        int r = rt_ledger_claim(node->ledger, &claim, ret_grant, &err);

        if (r < 0 && why)
                strcpy(why, err.msg);
        return r;
}

uint64_t node_start(const struct node *node, struct wish wish) {
        struct rt_grant grant = {0};
        struct st_error err = {0};

        char why[sizeof err.msg] = "";

        cr_assert_eq(node_claim(node, wish, &grant, why), 0, "%s: %s", wish.id, why);
        node_cgroup(node, wish.id, show(&grant.decision.cpus));
        cr_assert_eq(rt_ledger_bind(node->ledger, grant.token, &err), 0, "%s", err.msg);
        return grant.token;
}

void node_end(const struct node *node, const char *id, uint64_t token) {
        struct st_error err = {0};

        node_remove_cgroup(node, id);
        cr_assert_eq(rt_ledger_release(node->ledger, token, &err), 0, "%s", err.msg);
}

const char *node_list(const struct node *node) {
        static char text[2048];
        struct rt_ledger_view view;
        struct st_error err = {0};
        size_t at = 0;

        *text = 0;
        cr_assert_eq(rt_ledger_look(node->ledger, &view, &err), 0, "%s", err.msg);
        for (size_t i = 0; i < view.n_tasks; i++) {
                const struct rt_ledger_task *t = &view.tasks[i];

                at += (size_t)snprintf(text + at, sizeof text - at, "%s%s:%s:%s%s", i ? " " : "",
                                       t->id, rt_tier_name(t->tier), show(&t->cpus),
                                       t->frozen   ? ":frozen"
                                       : t->queued ? ":queued"
                                                   : "");
        }
        rt_ledger_view_deinit(&view);
        return text;
}
