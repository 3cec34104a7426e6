#include "box.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <stint/fs.h>
#include <stint/syscall.h>

struct st_resources *box_resources(struct box *box, const char *resources) {
        char *text = st_arena_strdup(box->arena, resources);
        struct st_resources *parsed;
        struct st_error err = {0};

        for (char *at = text; *at; at++)
                if (*at == '\'')
                        *at = '"';
        cr_assert_eq(st_resources_parse(box->arena, "resources", text, strlen(text), &parsed, &err),
                     0, "%s", err.msg);
        return parsed;
}

int box_make(struct box *box, const char *resources, const char *path, struct st_error *err) {
        struct rt_cgroup_request request = {.id = box->id, .path = path};
        int r;

        *box = (struct box) {.arena = st_arena_new(4096),
                             .pid = -1,
                             .pidfd = -1,
                             .order_fd = -1,
                             .answer_fd = -1};
        (void)snprintf(box->id, sizeof box->id, "stint-test-%d", (int)getpid());
        if (resources)
                request.resources = box_resources(box, resources);
        r = rt_cgroup_plan(&request, &box->cgroup, err);
        return r < 0 ? r : rt_cgroup_create(box->cgroup, err);
}

static int child(struct box *box, box_work *work, int order_fd) {
        size_t n;
        const int *fds = rt_cgroup_task_fds(box->cgroup, &n);
        struct st_error err = {0};
        char byte;

        if (rt_cgroup_enter_self(fds, n, &err) < 0) {
                (void)fprintf(stderr, "%s\n", err.msg);
                return 100;
        }
        box_say(box);
        if (read(order_fd, &byte, 1) != 1)
                return 101;
        return work ? work(box) : 0;
}

void box_start(struct box *box, box_work *work) {
        int order[2], answer[2], clone_fd = rt_cgroup_clone_fd(box->cgroup);
        struct clone_args args = {
                .flags = CLONE_PIDFD,
                .pidfd = (uintptr_t)&box->pidfd,
                .exit_signal = SIGCHLD,
        };

        cr_assert_eq(pipe2(order, O_CLOEXEC), 0);
        cr_assert_eq(pipe2(answer, O_CLOEXEC), 0);
        if (clone_fd >= 0) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (unsigned)clone_fd;
        }
        box->pid = st_clone3(&args);
        cr_assert_geq(box->pid, 0, "clone3: %s", strerror(errno));
        if (box->pid == 0) {
                (void)close(order[1]);
                box->answer_fd = answer[1];
                _exit(child(box, work, order[0]));
        }
        (void)close(order[0]);
        (void)close(answer[1]);
        box->order_fd = order[1];
        box->answer_fd = answer[0];
        box_hear(box);
}

void box_run(struct box *box, const char *resources, box_work *work) {
        struct st_error err = {0};

        cr_assert_eq(box_make(box, resources, NULL, &err), 0, "%s", err.msg);
        box_start(box, work);
        cr_assert_eq(rt_cgroup_apply_limits(box->cgroup, &err), 0, "%s", err.msg);
}

void box_go(struct box *box) {
        cr_assert_eq(write(box->order_fd, "x", 1), 1);
}

void box_hear(struct box *box) {
        char byte;

        cr_assert_eq(read(box->answer_fd, &byte, 1), 1, "the child ended instead");
}

void box_say(struct box *box) {
        if (write(box->answer_fd, "x", 1) != 1)
                _exit(102);
}

int box_wait(struct box *box) {
        int status = -1;

        cr_assert_eq(waitpid(box->pid, &status, 0), box->pid);
        box->pid = -1;
        return status;
}

void box_end(struct box *box) {
        struct st_error err = {0};
        char id[64];

        (void)strcpy(id, box->id);
        if (box->pid > 0) {
                cr_assert_eq(rt_cgroup_kill(box->cgroup, SIGKILL, &err), 0, "%s", err.msg);
                (void)box_wait(box);
        }
        if (box->cgroup)
                cr_expect_eq(rt_cgroup_destroy(box->cgroup, 5000, &err), 0, "%s", err.msg);
        (void)rt_cgroup_free(box->cgroup);
        (void)st_arena_free(box->arena);
        (void)st_close(box->pidfd);
        (void)st_close(box->order_fd);
        (void)st_close(box->answer_fd);
        cr_expect(box_is_gone(id), "a directory is left");
}

const char *box_read(struct box *box, const char *controller, const char *file) {
        const char *dir = rt_cgroup_path(box->cgroup, controller);
        st_autofree char *text = NULL;
        struct st_error err = {0};
        size_t length;

        cr_assert_not_null(dir, "no leaf for %s", controller);
        if (st_read_file_at(AT_FDCWD, st_arena_printf(box->arena, "%s/%s", dir, file), 1 << 20,
                            &text, &length, &err) < 0)
                return "";
        if (length && text[length - 1] == '\n')
                text[length - 1] = 0;
        return st_arena_strdup(box->arena, text);
}

const char *box_version_of(struct box *box, const char *controller) {
        const char *dir = rt_cgroup_path(box->cgroup, controller);
        const char *v2 = rt_cgroup_path(box->cgroup, NULL);
        const char *have;

        if (!dir)
                return NULL;
        if (!v2 || strcmp(dir, v2) != 0)
                return "v1";
        have = box_read(box, NULL, "cgroup.controllers");
        return strstr(have, strcmp(controller, "blkio") ? controller : "io") ? "v2" : NULL;
}

bool box_holds(struct box *box, pid_t pid) {
        char path[64], line[4096];
        unsigned lines = 0, inside = 0;
        FILE *f;

        (void)snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
        f = fopen(path, "re");
        cr_assert_not_null(f);
        while (fgets(line, sizeof line, f)) {
                char *last = strrchr(line, '/');
                line[strcspn(line, "\n")] = 0;
                if (!strncmp(line, "0::", 3) && !rt_cgroup_path(box->cgroup, NULL))
                        continue; /* pure v1 lists v2 all the same */
                lines++;
                inside += last && !strcmp(last + 1, box->id);
        }
        (void)fclose(f);
        return lines > 0 && lines == inside;
}

static const char *wanted;
static int found;

static int look(const char *path, const struct stat *st, int type, struct FTW *where) {
        (void)st;
        if (type == FTW_D && !strcmp(path + where->base, wanted))
                found++;
        return 0;
}

bool box_is_gone(const char *id) {
        wanted = id;
        found = 0;
        (void)nftw("/sys/fs/cgroup", look, 16, FTW_PHYS);
        return found == 0;
}
