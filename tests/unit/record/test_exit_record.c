#include "leaks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/exit_record.h>

TestSuite(exit_record, .fini = st_test_no_leaks);

static char *render(const struct rt_exit_record *record) {
        struct st_error err = {0};
        char *line = NULL;
        size_t length = 0;

        cr_assert_eq(rt_exit_record_render(record, &line, &length, &err), 0, "%s", err.msg);
        cr_assert_eq(strlen(line), length);
        cr_assert_eq(line[length - 1], '\n');
        cr_assert_null(memchr(line, '\n', length - 1));
        return line;
}

Test(exit_record, unknown_values_are_null) {
        struct rt_exit_record record = {
                .id = "a", .attempt = 1, .end = RT_END_LOST, .exit_code = -1};
        st_autofree char *line = render(&record);

        cr_expect_str_eq(
                line, "{\"id\":\"a\",\"attempt\":1,\"labels\":{},\"end\":\"lost\",\"exit_code\":"
                      "null,\"signal\":null,\"error\":null,\"created_ns\":null,\"started_ns\":null,"
                      "\"first_instruction_ns\":null,\"exited_ns\":null,\"grade\":null,"
                      "\"rusage\":null,\"cgroup\":null,\"cpus\":null,\"l3\":null,\"log\":{"
                      "\"stdout\":null,\"stderr\":null},\"hooks\":[],\"resources\":{},"
                      "\"devices\":[],\"outputs\":{}}\n");
}

Test(exit_record, everything_known_is_written) {
        const struct st_string_pair outputs[] = {{"loss", "0.5"}};
        const unsigned gpus[] = {0, 3};
        const struct rt_record_resource resources[] = {{"gpu", gpus, 2}};
        const char *const devices[] = {"nvidia.com/gpu=0", NULL};
        const struct rt_record_rusage rusage = {.user_usec = 5, .max_rss_bytes = 4096};
        const struct rt_record_cgroup cgroup = {.cpu_usec = 9, .memory_peak_bytes = -1};
        const struct rt_record_step steps[] = {{"pre", 0, 0, 7}, {"post", -1, 9, 8}};
        struct rt_exit_record record = {.id = "b",
                                        .attempt = 2,
                                        .end = RT_END_SIGNALED,
                                        .exit_code = -1,
                                        .signal = 11,
                                        .created_nsec = 1,
                                        .started_nsec = 2,
                                        .first_instruction_nsec = 3,
                                        .exited_nsec = 4,
                                        .grade = "cold",
                                        .rusage = &rusage,
                                        .cgroup = &cgroup,
                                        .steps = steps,
                                        .n_steps = 2,
                                        .outputs = outputs,
                                        .n_outputs = 1,
                                        .resources = resources,
                                        .n_resources = 1,
                                        .devices = devices};
        st_autofree char *line = render(&record);

        cr_expect(strstr(line, "\"end\":\"signaled\",\"exit_code\":null,\"signal\":11"));
        cr_expect(strstr(line, "\"rusage\":{\"user_usec\":5,"));
        cr_expect(strstr(line, "\"cgroup\":{\"cpu_usec\":9,"));
        cr_expect(strstr(line, "\"memory_peak_bytes\":null"));
        cr_expect(strstr(line, "{\"name\":\"post\",\"exit_code\":null,\"signal\":9,"));
        cr_expect(strstr(line, "\"resources\":{\"gpu\":[0,3]},\"devices\":[\"nvidia.com/gpu=0\"]"));
        cr_expect(strstr(line, "\"outputs\":{\"loss\":\"0.5\"}"));
}

Test(exit_record, a_line_reads_back) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        struct rt_exit_record record = {
                .id = "x y", .attempt = 3, .end = RT_END_EXITED, .exit_code = 7};
        st_autofree char *line = render(&record);
        struct rt_record_summary summary;
        struct st_error err = {0};

        cr_assert_eq(rt_exit_record_read(arena, "r:1", line, strlen(line), &summary, &err), 0);
        cr_expect_str_eq(summary.id, "x y");
        cr_expect_eq(summary.attempt, 3);
        cr_expect_eq(summary.end, RT_END_EXITED);
        cr_expect_eq(summary.exit_code, 7);
}

Test(exit_record, what_is_no_record_is_an_error_with_its_name) {
        static const char *const lines[] = {
                "{}",
                "[]",
                "{\"id\":1,\"attempt\":1,\"end\":\"exited\"}",
                "{\"id\":\"a\",\"attempt\":0,\"end\":\"exited\"}",
                "{\"id\":\"a\",\"attempt\":1,\"end\":\"over\"}",
                "{\"id\":\"a\",\"attempt\":1,\"end\":\"exited\",\"exit_code\":99999999999}",
                "nonsense",
        };

        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
                struct rt_record_summary summary;
                struct st_error err = {0};

                cr_expect_eq(rt_exit_record_read(arena, "file:7", lines[i], strlen(lines[i]),
                                                 &summary, &err),
                             -EINVAL);
                cr_expect(strstr(err.msg, "file:7"), "%s", err.msg);
        }
}

Test(exit_record, names_of_ends_read_back) {
        for (unsigned i = 0; i < RT_N_ENDS; i++) {
                enum rt_end end;

                cr_expect_eq(rt_end_parse(rt_end_name((enum rt_end)i), &end), 0);
                cr_expect_eq(end, (enum rt_end)i);
        }
}
