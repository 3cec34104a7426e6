/* A directory stands in for resctrl: the kernel's files are made by the test, and never vanish with
 * their directory. */
#include "leaks.h"
#include "scratch.h"

#include <stdio.h>
#include <sys/stat.h>

#include <stint/rdt.h>

TestSuite(rdt, .fini = st_test_no_leaks);

static void put(const struct scratch *scratch, const char *path, const char *text) {
        struct st_error err = {0};
        char dir[256];
        int fd;

        (void)snprintf(dir, sizeof dir, "%s", path);
        if (strrchr(dir, '/')) {
                *strrchr(dir, '/') = 0;
                cr_assert_eq(st_mkdir_p_at(scratch->fd, dir, 0755), 0);
        }
        fd = openat(scratch->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        cr_assert_geq(fd, 0, "%s", path);
        cr_assert_eq(st_write_all(fd, text, strlen(text)), 0, "%s", err.msg);
        close(fd);
}

static void expect_text(const struct scratch *scratch, const char *path, const char *want) {
        char *text = NULL;

        cr_assert_eq(st_read_file_at(scratch->fd, path, 4096, &text, NULL, NULL), 0, "%s", path);
        cr_expect_str_eq(text, want, "%s: %s", path, text);
        free(text);
}

static bool exists(const struct scratch *scratch, const char *path) {
        return faccessat(scratch->fd, path, F_OK, 0) == 0;
}

static struct scratch make_resctrl(void) {
        struct scratch scratch = scratch_make();

        put(&scratch, "schemata", "    L3:0=7ff;1=7ff\n    MB:0=100;1=100\n");
        put(&scratch, "tasks", "");
        put(&scratch, "info/last_cmd_status", "ok\n");
        put(&scratch, "info/MB/bandwidth_gran", "10\n");
        put(&scratch, "info/MB/min_bandwidth", "10\n");
        put(&scratch, "info/L3/cbm_mask", "7ff\n");
        put(&scratch, "info/L3/min_cbm_bits", "1\n");
        put(&scratch, "info/L3/num_closids", "16\n");
        return scratch;
}

#define RESCTRL(name) __attribute__((cleanup(scratch_remove))) struct scratch name = make_resctrl()

static struct rt_rdt create(const struct scratch *resctrl, const struct st_rdt *spec) {
        struct st_error err = {0};
        struct rt_rdt rdt = {0};

        cr_assert_eq(rt_rdt_create(spec, "box", resctrl->path, &rdt, &err), 0, "%s", err.msg);
        return rdt;
}

static void expect_refusal(const struct scratch *resctrl, const struct st_rdt *spec, int code,
                           const char *says) {
        struct st_error err = {0};
        struct rt_rdt rdt = {0};

        cr_expect_eq(rt_rdt_create(spec, "box", resctrl->path, &rdt, &err), code, "%s: %s", says,
                     err.msg);
        cr_expect(strstr(err.msg, says), "wanted \"%s\": %s", says, err.msg);
        cr_expect_null(rdt.clos_path);
        rt_rdt_deinit(&rdt);
}

#define LINES(...) ((char **)(const char *[]) {__VA_ARGS__, NULL})

/* ---- classes */

Test(rdt, needs_a_resctrl) {
        SCRATCH(scratch);
        const struct st_rdt spec = {0};

        expect_refusal(&scratch, &spec, -EOPNOTSUPP, "linux.intelRdt: no resctrl is mounted");
}

Test(rdt, makes_a_class_named_after_the_container_and_removes_it) {
        RESCTRL(resctrl);
        const struct st_rdt spec = {.l3_cache_schema = "L3:0=f",
                                    .mem_bw_schema = "MB:0=20",
                                    .schemata = LINES("L2:0=3", "L3:1=1")};
        struct rt_rdt rdt = create(&resctrl, &spec);
        struct st_error err = {0};

        cr_expect(rdt.remove_clos);
        cr_expect_null(rdt.monitor_path);
        expect_text(&resctrl, "box/schemata", "L3:0=f\nMB:0=20\nL2:0=3\nL3:1=1\n");
        cr_expect_eq(rt_rdt_attach(&rdt, 1234, &err), 0, "%s", err.msg);
        expect_text(&resctrl, "box/tasks", "1234");
        cr_assert_eq(unlinkat(resctrl.fd, "box/schemata", 0) + unlinkat(resctrl.fd, "box/tasks", 0),
                     0);
        cr_expect_eq(rt_rdt_destroy(&rdt, &err), 0, "%s", err.msg);
        cr_expect_not(exists(&resctrl, "box"));
        cr_expect_eq(rt_rdt_destroy(&rdt, &err), 0, "once more: %s", err.msg);
        rt_rdt_deinit(&rdt);
}

Test(rdt, writes_no_schemata_when_none_are_given) {
        RESCTRL(resctrl);
        const struct st_rdt spec = {0};
        struct rt_rdt rdt = create(&resctrl, &spec);

        cr_expect(exists(&resctrl, "box"));
        cr_expect_not(exists(&resctrl, "box/schemata"));
        rt_rdt_deinit(&rdt);
}

Test(rdt, makes_a_named_class_and_leaves_it) {
        RESCTRL(resctrl);
        const struct st_rdt spec = {.clos_id = "gold", .l3_cache_schema = "L3:0=f"};
        struct rt_rdt rdt = create(&resctrl, &spec);
        struct st_error err = {0};

        cr_expect_not(rdt.remove_clos);
        expect_text(&resctrl, "gold/schemata", "L3:0=f\n");
        cr_expect_eq(rt_rdt_destroy(&rdt, &err), 0);
        cr_expect(exists(&resctrl, "gold"));
        rt_rdt_deinit(&rdt);
}

Test(rdt, joins_a_class_that_says_the_same) {
        RESCTRL(resctrl);
        const char *const schemata[] = {"L3:0=f",         "L3:0=F;1=7f0", "L3:1=7f0",
                                        " L3: 0 = 00f",   "MB:0=30",      "MB:0=21;1=100",
                                        "MB:0=30\nL3:0=f"};
        const char *const others[] = {"L3:0=e", "L3:2=f",     "L2:0=f",     "MB:0=31", "MB:0=20",
                                      "L3:0",   "L3:0=f;1=1", "L3CODE:0=f", "L2:7"};

        put(&resctrl, "gold/schemata", "    MB:0= 30;1=100\n    L3:0=00f;1=7f0\nL2:7\n");
        for (size_t i = 0; i < sizeof schemata / sizeof *schemata; i++) {
                const struct st_rdt spec = {.clos_id = "gold", .schemata = LINES(schemata[i])};
                struct rt_rdt rdt = create(&resctrl, &spec);
                rt_rdt_deinit(&rdt);
        }
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
                const struct st_rdt spec = {.clos_id = "gold", .schemata = LINES(others[i])};
                expect_refusal(&resctrl, &spec, -EINVAL, "exists and differs");
        }
        expect_text(&resctrl, "gold/schemata", "    MB:0= 30;1=100\n    L3:0=00f;1=7f0\nL2:7\n");
}

Test(rdt, needs_a_class_that_nothing_describes_to_exist) {
        RESCTRL(resctrl);
        const struct st_rdt spec = {.clos_id = "gold"};
        struct rt_rdt rdt;

        expect_refusal(&resctrl, &spec, -ENOENT, "linux.intelRdt.closID: ");
        put(&resctrl, "gold/tasks", "");
        rdt = create(&resctrl, &spec);
        cr_expect_not(rdt.remove_clos);
        rt_rdt_deinit(&rdt);
}

Test(rdt, takes_a_slash_for_the_default_class) {
        RESCTRL(resctrl);
        const struct st_rdt spec = {.clos_id = "/"};
        struct rt_rdt rdt = create(&resctrl, &spec);
        struct st_error err = {0};

        cr_expect_str_eq(rdt.clos_path, resctrl.path);
        cr_expect_eq(rt_rdt_attach(&rdt, 77, &err), 0);
        expect_text(&resctrl, "tasks", "77");
        cr_expect_eq(rt_rdt_destroy(&rdt, &err), 0);
        cr_expect(exists(&resctrl, "info"));
        rt_rdt_deinit(&rdt);
}

Test(rdt, takes_a_new_class_back_when_its_schemata_fail) {
        RESCTRL(resctrl);
        const struct st_rdt spec = {.enable_monitoring = true}; /* there is no mon_groups/ in it */

        put(&resctrl, "info/last_cmd_status", "no free RMID\n");
        expect_refusal(&resctrl, &spec, -ENOENT, "linux.intelRdt: make ");
        cr_expect_not(exists(&resctrl, "box"));
}

Test(rdt, tells_what_the_kernel_disliked) {
        RESCTRL(resctrl);
        struct st_error err = {0};
        struct rt_rdt rdt = {.clos_path =
                                     strdup("/proc/self")}; /* "schemata" cannot be written there */

        cr_expect_lt(rt_rdt_update(&rdt, "L3:0=1", NULL, &err), 0);
        cr_expect(strstr(err.msg, "linux.intelRdt: open /proc/self/schemata"), "%s", err.msg);
        rt_rdt_deinit(&rdt);
}

/* ---- monitoring, updates, statistics */

Test(rdt, makes_and_removes_a_monitoring_group) {
        RESCTRL(resctrl);
        const struct st_rdt spec = {.clos_id = "gold", .enable_monitoring = true};
        struct st_error err = {0};
        struct rt_rdt rdt;

        cr_assert_eq(st_mkdir_p_at(resctrl.fd, "gold/mon_groups", 0755), 0);
        rdt = create(&resctrl, &spec);
        cr_expect(exists(&resctrl, "gold/mon_groups/box"));
        cr_expect_eq(rt_rdt_attach(&rdt, 5, &err), 0, "%s", err.msg);
        expect_text(&resctrl, "gold/tasks", "5");
        expect_text(&resctrl, "gold/mon_groups/box/tasks", "5");
        cr_assert_eq(unlinkat(resctrl.fd, "gold/mon_groups/box/tasks", 0), 0);
        cr_expect_eq(rt_rdt_destroy(&rdt, &err), 0, "%s", err.msg);
        cr_expect_not(exists(&resctrl, "gold/mon_groups/box"));
        cr_expect(exists(&resctrl, "gold"));
        rt_rdt_deinit(&rdt);
}

Test(rdt, updates_schemata) {
        RESCTRL(resctrl);
        const struct st_rdt spec = {.l3_cache_schema = "L3:0=f"};
        struct rt_rdt rdt = create(&resctrl, &spec), none = {0};
        struct st_error err = {0};

        put(&resctrl, "box/schemata", "");
        cr_expect_eq(rt_rdt_update(&rdt, "L3:0=3", "MB:0=10", &err), 0, "%s", err.msg);
        expect_text(&resctrl, "box/schemata", "L3:0=3\nMB:0=10\n");
        cr_expect_eq(rt_rdt_update(&rdt, NULL, NULL, &err), 0);
        expect_text(&resctrl, "box/schemata", "L3:0=3\nMB:0=10\n");
        cr_expect_eq(rt_rdt_update(&none, "L3:0=3", NULL, &err), -EINVAL);
        rt_rdt_deinit(&rdt);
}

static void expect_json(struct st_json_writer *w, const char *want) {
        const char *text;
        size_t length;

        cr_assert_eq(st_json_writer_finish(w, &text, &length, NULL), 0);
        cr_expect_str_eq(text, want, "%s", text);
        st_json_writer_free(w);
}

Test(rdt, reports_what_resctrl_counts) {
        RESCTRL(resctrl);
        const struct st_rdt spec = {.clos_id = "gold", .enable_monitoring = true};
        struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);
        struct rt_rdt rdt;

        put(&resctrl, "gold/schemata", "    L3:0=00f;1=7f0\n    MB:0= 30;1=100\n");
        cr_assert_eq(st_mkdir_p_at(resctrl.fd, "gold/mon_groups", 0755), 0);
        rdt = create(&resctrl, &spec);
        put(&resctrl, "gold/mon_groups/box/mon_data/mon_L3_00/llc_occupancy", "4096\n");
        put(&resctrl, "gold/mon_groups/box/mon_data/mon_L3_00/mbm_total_bytes", "200\n");
        put(&resctrl, "gold/mon_groups/box/mon_data/mon_L3_00/mbm_local_bytes", "100\n");
        put(&resctrl, "gold/mon_groups/box/mon_data/mon_L3_01/llc_occupancy", "Unavailable\n");
        rt_rdt_write_stats(&rdt, w, NULL);
        expect_json(
                w,
                "{\"l3_cache_info\":{\"cbm_mask\":\"7ff\",\"min_cbm_bits\":1,\"num_closids\":16},"
                "\"l3_cache_schema_root\":\"L3:0=7ff;1=7ff\",\"l3_cache_schema\":\"L3:0=00f;1="
                "7f0\","
                "\"mem_bw_info\":{\"bandwidth_gran\":10,\"min_bandwidth\":10},"
                "\"mem_bw_schema_root\":\"MB:0=100;1=100\",\"mem_bw_schema\":\"MB:0= 30;1=100\","
                "\"schemata\":[\"L3:0=00f;1=7f0\",\"MB:0= 30;1=100\"],"
                "\"mbm_stats\":[{\"mbm_total_bytes\":200,\"mbm_local_bytes\":100}],"
                "\"cmt_stats\":[{\"llc_occupancy\":4096},{}]}");
        rt_rdt_deinit(&rdt);
}

Test(rdt, reports_one_schema_where_code_and_data_have_their_own) {
        RESCTRL(resctrl);
        struct rt_rdt rdt = {.clos_path = strdup(resctrl.path)};
        struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);

        put(&resctrl, "schemata", "L3CODE:0=1\nL3DATA:0=2\n");
        cr_assert_eq(st_remove_tree_at(resctrl.fd, "info/MB"), 0);
        cr_assert_eq(st_remove_tree_at(resctrl.fd, "info/L3"), 0);
        rt_rdt_write_stats(&rdt, w, NULL);
        expect_json(w,
                    "{\"l3_cache_schema_root\":\"L3CODE:0=1\",\"l3_cache_schema\":\"L3CODE:0=1\","
                    "\"schemata\":[\"L3CODE:0=1\",\"L3DATA:0=2\"]}");
        rt_rdt_deinit(&rdt);
}

Test(rdt, reports_nothing_for_a_container_without_a_class) {
        struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);
        const struct rt_rdt none = {0};

        rt_rdt_write_stats(&none, w, NULL);
        expect_json(w, "{}");
}

Test(rdt, tells_its_features) {
        struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);

        rt_rdt_write_features(w, NULL);
        expect_json(w, "{\"enabled\":true,\"schemata\":true,\"monitoring\":true}");
}
