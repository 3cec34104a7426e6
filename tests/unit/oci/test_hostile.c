/* Configs as large as they may be, every value good or nearly so: bounded time and memory. */
#include "allocations.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include <stint/spec.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_UNDEFINED__)
enum { SECONDS = 60 };
#else
enum { SECONDS = 5 };
#endif
enum { MOST_MIB = 320, HALF_A_MILLION = 500000, NEARLY_A_MILLION = 1000000 };

static char *text;
static size_t used;

static void put(const char *piece) {
        size_t length = strlen(piece);

        cr_assert(length <= ST_JSON_MAX_SIZE - used);
        memcpy(text + used, piece, length);
        used += length;
}

static void set_up(void) {
        cr_assert(text = malloc(ST_JSON_MAX_SIZE));
        used = 0;
        put("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},");
}

static void tear_down(void) {
        free(text);
        text = NULL;
        st_test_no_leaks();
}

TestSuite(hostile, .init = set_up, .fini = tear_down, .timeout = 200);

/* @n elements, each with its number between @before and @after. */
static void put_list(const char *before, const char *after, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                char number[16];
                (void)snprintf(number, sizeof number, "%u", i);
                put(i > 0 ? "," : "");
                put(before);
                put(number);
                put(after);
        }
}

static void expect(int want, const char *message) {
        struct st_spec *spec = NULL;
        struct st_error err = {0};
        struct timespec begin, end;
        double took;
        int r;

        st_test_count_from_here();
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
        r = st_spec_parse("config.json", text, used, &spec, &err);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        st_spec_free(spec);
        took = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
        cr_expect_eq(r, want, "gave %d: %s", r, err.msg);
        cr_expect(strstr(err.msg, message), "message was: %s", err.msg);
        cr_expect_lt(took, SECONDS, "took %.1f s", took);
        cr_expect_leq(st_test_peak_bytes() >> 20, MOST_MIB, "took %zu MiB",
                      st_test_peak_bytes() >> 20);
}

Test(hostile, a_million_arguments) {
        put("\"process\":{\"cwd\":\"/\",\"args\":[");
        put_list("\"argument-", "\"", NEARLY_A_MILLION);
        put("]}}");
        expect(0, "");
}

Test(hostile, a_million_unknown_capabilities) {
        put("\"process\":{\"cwd\":\"/\",\"capabilities\":{\"bounding\":[");
        put_list("\"CAP_CHOWN_", "\"", NEARLY_A_MILLION);
        put("]}}}");
        expect(0, "");
}

Test(hostile, as_many_mounts_as_there_can_be) {
        put("\"mounts\":[");
        put_list("{\"destination\":\"/m", "\"}", HALF_A_MILLION);
        put("]}");
        expect(0, "");
}

Test(hostile, many_mounts_without_a_destination) {
        put("\"mounts\":[");
        put_list("{\"", "\":0}", HALF_A_MILLION);
        put("]}");
        expect(-EINVAL, "mounts[0].destination: is missing");
}

Test(hostile, a_million_annotations) {
        put("\"annotations\":{");
        put_list("\"io.example.annotation/", "\":\"\"", NEARLY_A_MILLION);
        put("}}");
        expect(0, "");
}

Test(hostile, a_million_unknown_members) {
        put("\"linux\":{");
        put_list("\"member", "\":0", NEARLY_A_MILLION);
        put("}}");
        expect(0, "");
}

Test(hostile, a_million_sysctls) {
        put("\"linux\":{\"namespaces\":[{\"type\":\"network\"}],\"sysctl\":{");
        put_list("\"net.ipv4.conf.eth", ".rp_filter\":\"1\"", NEARLY_A_MILLION);
        put("}}}");
        expect(0, "");
}

Test(hostile, as_many_mappings_as_there_can_be) {
        put("\"linux\":{\"uidMappings\":[");
        put_list("{\"containerID\":", ",\"hostID\":1,\"size\":1}", 250000);
        put("]}}");
        expect(-EINVAL, "linux.uidMappings: an array of 250000 mappings is longer than 340");
}

Test(hostile, a_cpu_list_of_widest_ranges) {
        put("\"linux\":{\"resources\":{\"cpu\":{\"cpus\":\"0");
        while (used + 20 < ST_JSON_MAX_SIZE)
                put(",0-8191");
        put("\"}}}}");
        expect(-EINVAL, "linux.resources.cpu.cpus: \"0,0-8191");
}

Test(hostile, a_path_of_nothing_but_climbing) {
        put("\"linux\":{\"cgroupsPath\":\"/");
        while (used + 20 < ST_JSON_MAX_SIZE)
                put("../");
        put("\"}}");
        expect(-EINVAL, "is longer than 4095 bytes");
}
