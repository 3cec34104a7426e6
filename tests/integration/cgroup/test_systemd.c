/* A process in a scope of the machine's own systemd. */
#include "box.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>

#include <stint/syscall.h>

static struct box box;
static char unit[96];

static void need_systemd(void) {
        if (geteuid() != 0)
                cr_skip_test("needs root");
        if (access("/run/systemd/system", F_OK) < 0)
                cr_skip_test("needs systemd");
        if (!getenv("ST_TEST_SYSTEMD_HELPER"))
                cr_skip_test("needs ST_TEST_SYSTEMD_HELPER");
}

TestSuite(systemd, .init = need_systemd, .timeout = 200);

static int forever(struct box *b) {
        struct st_error err = {0};

        if (rt_cgroup_enter_attached(b->cgroup, &err) < 0) {
                (void)fprintf(stderr, "%s\n", err.msg);
                return 1;
        }
        box_say(b);
        while (pause() < 0)
                ;
        return 0;
}

static int make(struct box *b, const char *resources, const char *helper, struct st_error *err) {
        static const struct st_string_pair annotations[] = {
                {"org.systemd.property.TimeoutStopSec", "3"},
                {"org.systemd.property.Documentation", "['man:stint(8)']"},
                {"some.other", "annotation"},
        };
        struct rt_cgroup_request request = {
                .driver = RT_CGROUP_SYSTEMD,
                .annotations = annotations,
                .n_annotations = 3,
                .systemd_helper = helper,
        };
        int r;

        *b = (struct box) {.arena = st_arena_new(4096),
                           .pid = -1,
                           .pidfd = -1,
                           .order_fd = -1,
                           .answer_fd = -1};
        (void)snprintf(b->id, sizeof b->id, "stint-test-%d", (int)getpid());
        (void)snprintf(unit, sizeof unit, "p-%s.scope", b->id);
        request.id = b->id;
        request.path = st_arena_printf(b->arena, "stint-tests.slice:p:%s", b->id);
        request.resources = resources ? box_resources(b, resources) : NULL;
        r = rt_cgroup_plan(&request, &b->cgroup, err);
        if (r == 0)
                r = rt_cgroup_create(b->cgroup, err);
        if (r < 0)
                return r;
        box_start(b, forever);
        return rt_cgroup_attach_systemd(b->cgroup, b->pid, err);
}

static void run_in_scope(const char *resources) {
        struct st_error err = {0};

        cr_assert_eq(make(&box, resources, getenv("ST_TEST_SYSTEMD_HELPER"), &err), 0, "%s",
                     err.msg);
        box_go(&box);
        box_hear(&box);
        cr_assert_eq(rt_cgroup_apply_limits(box.cgroup, &err), 0, "%s", err.msg);
        cr_assert_eq(rt_cgroup_finish_systemd(box.cgroup, &err), 0, "%s", err.msg);
}

/* What a command prints, in one line. */
static const char *output_of(const char *command) {
        char text[4096] = "";
        FILE *f = popen(command, "re");
        size_t n;

        cr_assert_not_null(f);
        n = fread(text, 1, sizeof text - 1, f);
        (void)pclose(f);
        text[n] = 0;
        for (char *at = text; *at; at++)
                if (*at == '\n')
                        *at = at[1] ? ' ' : 0;
        return st_arena_strdup(box.arena, text);
}

static const char *property(const char *name) {
        return output_of(st_arena_printf(box.arena, "systemctl show --value -p %s %s", name, unit));
}

static void expect_gone(void) {
        cr_expect_str_eq(output_of(st_arena_printf(
                                 box.arena, "systemctl list-units --all --no-legend %s", unit)),
                         "");
}

/* As box_end(), for a directory that is named after the unit. */
static void end(void) {
        struct st_error err = {0};

        cr_assert_eq(rt_cgroup_destroy(box.cgroup, 5000, &err), 0, "%s", err.msg);
        if (box.pid > 0)
                cr_expect_eq(box_wait(&box), SIGKILL);
        expect_gone();
        cr_expect(box_is_gone(unit));
        (void)output_of("systemctl stop stint-tests.slice stint.slice 2>&1");
        box_end(&box);
}

Test(systemd, the_process_is_in_its_scope_in_its_slice) {
        run_in_scope(NULL);
        cr_expect_str_eq(property("Slice"), "stint-tests.slice");
        cr_expect_str_eq(property("Delegate"), "yes");
        cr_expect_str_eq(property("ControlGroup"),
                         st_arena_printf(box.arena, "/stint.slice/stint-tests.slice/%s", unit));
        cr_expect(strstr(output_of(st_arena_printf(box.arena, "cat /proc/%d/cgroup", (int)box.pid)),
                         st_arena_printf(box.arena, "/stint-tests.slice/%s", unit)));
        cr_expect_eq(atoi(output_of(st_arena_printf(box.arena,
                                                    "grep -c '/stint-tests.slice/%s$' "
                                                    "/proc/%d/cgroup",
                                                    unit, (int)box.pid))),
                     rt_cgroup_n_leaves(box.cgroup), "in each hierarchy");
        if (rt_cgroup_path(box.cgroup, NULL))
                cr_expect(strstr(rt_cgroup_path(box.cgroup, NULL), property("ControlGroup")));
        end();
}

Test(systemd, annotations_are_properties) {
        run_in_scope(NULL);
        cr_expect_str_eq(property("TimeoutStopUSec"), "3s");
        cr_expect(strstr(property("Documentation"), "man:stint(8)"));
        end();
}

Test(systemd, limits_are_known_to_it_and_survive_a_reload) {
        run_in_scope("{'memory': {'limit': 67108864}, 'cpu': {'quota': 25000, 'period': 100000}, "
                     "'pids': {'limit': 64}}");
        cr_expect_str_eq(property("TasksMax"), "64");
        cr_expect_str_eq(property("CPUQuotaPerSecUSec"), "250ms");
        (void)output_of("systemctl daemon-reload 2>&1");
        cr_expect_str_eq(box_read(&box, "pids", "pids.max"), "64");
        if (rt_cgroup_detect() == RT_CGROUP_V2) {
                cr_expect_str_eq(property("MemoryMax"), "67108864");
                cr_expect_str_eq(box_read(&box, NULL, "memory.max"), "67108864");
                cr_expect_str_eq(box_read(&box, NULL, "cpu.max"), "25000 100000");
        }
        end();
}

Test(systemd, an_update_is_known_to_it) {
        struct st_error err = {0};

        run_in_scope("{'pids': {'limit': 64}}");
        cr_assert_eq(
                rt_cgroup_update(box.cgroup, box_resources(&box, "{'pids': {'limit': 32}}"), &err),
                0, "%s", err.msg);
        cr_expect_str_eq(property("TasksMax"), "32");
        cr_expect_str_eq(box_read(&box, "pids", "pids.max"), "32");
        end();
}

Test(systemd, a_small_memory_limit_is_told_after_the_start) {
        run_in_scope("{'memory': {'limit': 524288}}");
        if (rt_cgroup_detect() == RT_CGROUP_V2) {
                cr_expect_str_eq(property("MemoryMax"), "524288");
                cr_expect_str_eq(box_read(&box, NULL, "memory.max"), "524288");
        }
        cr_expect_eq(rt_cgroup_oom_kills(box.cgroup), 0);
        end();
}

Test(systemd, devices_are_restricted_by_both) {
        run_in_scope("{'devices': [{'allow': false, 'access': 'rwm'}]}");
        cr_expect_str_eq(property("DevicePolicy"), "strict");
        cr_expect(strstr(property("DeviceAllow"), "/dev/char/1:3 rwm"), "%s",
                  property("DeviceAllow"));
        end();
}

Test(systemd, nothing_stays_of_a_process_that_was_killed) {
        struct st_error err = {0};

        run_in_scope(NULL);
        cr_assert_eq(kill(box.pid, SIGKILL), 0);
        cr_expect_eq(box_wait(&box), SIGKILL);
        cr_expect_eq(rt_cgroup_destroy(box.cgroup, 5000, &err), 0, "%s", err.msg);
        expect_gone();
        end();
}

Test(systemd, a_scope_that_runs_already_is_refused) {
        struct st_error err = {0};
        struct box second;

        run_in_scope(NULL);
        cr_expect_lt(make(&second, NULL, getenv("ST_TEST_SYSTEMD_HELPER"), &err), 0);
        cr_expect(strstr(err.msg, unit), "%s", err.msg);
        cr_expect_eq(rt_cgroup_destroy(second.cgroup, 100, &err), 0);
        cr_expect_eq(st_pidfd_send_signal(box.pidfd, 0), 0, "the first one lives");
        cr_expect_eq(kill(second.pid, SIGKILL), 0);
        (void)box_wait(&second);
        (void)rt_cgroup_free(second.cgroup);
        (void)st_arena_free(second.arena);
        end();
}

Test(systemd, a_helper_that_is_missing_or_dies_is_named) {
        static const char *const helpers[] = {"/nonexistent/stint-systemd", "/bin/false"};

        for (size_t i = 0; i < 2; i++) {
                struct st_error err = {0};
                cr_expect_lt(make(&box, NULL, helpers[i], &err), 0);
                cr_expect(strstr(err.msg, i ? "no answer" : helpers[i]), "%s", err.msg);
                cr_expect_eq(kill(box.pid, SIGKILL), 0);
                (void)box_wait(&box);
                (void)rt_cgroup_free(box.cgroup);
                (void)st_arena_free(box.arena);
        }
}
