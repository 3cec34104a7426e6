#include "config.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <string.h>

#include <stint/spec.h>

TestSuite(spec, .fini = st_test_no_leaks);

static int parse(const char *text, struct st_spec **ret_spec, struct st_error *err) {
        st_autofree char *quoted = st_test_quote(text);

        cr_assert(quoted);
        return st_spec_parse("config.json", quoted, strlen(quoted), ret_spec, err);
}

Test(spec, reads_the_smallest_config) {
        st_cleanup(st_spec_freep) struct st_spec *spec = st_test_config("");

        cr_expect_str_eq(spec->oci_version, "1.0.2");
        cr_expect_str_eq(spec->root_path, "rootfs");
        cr_expect_not(spec->root_readonly);
        cr_expect_null(spec->process);
        cr_expect_null(spec->hostname);
        cr_expect_eq(spec->n_mounts, 0);
        cr_expect_eq(spec->n_annotations, 0);
        cr_expect_null(spec->linux_.resources);
        cr_expect_null(spec->linux_.seccomp);
        cr_assert(spec->linux_.masked_paths && spec->linux_.readonly_paths);
        cr_expect_null(spec->linux_.masked_paths[0]);
        cr_expect_null(spec->linux_.readonly_paths[0]);
        for (int kind = 0; kind < _ST_NS_MAX; kind++)
                cr_expect_not(spec->linux_.namespaces[kind].wanted);
        for (int kind = 0; kind < _ST_HOOK_MAX; kind++)
                cr_expect_eq(spec->hooks[kind].n_items, 0);
}

Test(spec, reads_the_top_level) {
        st_cleanup(st_spec_freep) struct st_spec *spec = NULL;
        struct st_error err = {0};

        cr_assert_eq(
                parse("{'ociVersion': '1.3.0', 'root': {'path': '/r', 'readonly': true}, "
                      "'hostname': 'web',"
                      " 'domainname': 'example', 'annotations': {'b': '2', 'a': '', 'io.x/y': '3'},"
                      " 'linux': {'namespaces': [{'type': 'uts'}]}, 'unknown': {'any': [1]}}",
                      &spec, &err),
                0, "%s", err.msg);
        cr_expect_str_eq(spec->oci_version, "1.3.0");
        cr_expect_str_eq(spec->root_path, "/r");
        cr_expect(spec->root_readonly);
        cr_expect_str_eq(spec->hostname, "web");
        cr_expect_str_eq(spec->domainname, "example");
        cr_assert_eq(spec->n_annotations, 3);
        cr_expect_str_eq(spec->annotations[0].key, "b");
        cr_expect_str_eq(st_spec_annotation(spec, "io.x/y"), "3");
        cr_expect_str_eq(st_spec_annotation(spec, "a"), "");
        cr_expect_null(st_spec_annotation(spec, "c"));
}

Test(spec, takes_null_for_every_optional_member) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                st_test_config("'process': null, 'hostname': null, 'domainname': null, 'mounts': "
                               "null, 'hooks': null, 'annotations': null,"
                               " 'linux': {'namespaces': null, 'uidMappings': null, 'gidMappings': "
                               "null, 'timeOffsets': null, 'devices': null,"
                               " 'netDevices': null, 'cgroupsPath': null, 'resources': null, "
                               "'intelRdt': null, 'memoryPolicy': null,"
                               " 'personality': null, 'sysctl': null, 'seccomp': null, "
                               "'rootfsPropagation': null, 'maskedPaths': null,"
                               " 'readonlyPaths': null, 'mountLabel': null}");

        cr_expect_null(spec->process);
        cr_expect_null(spec->linux_.resources);
        cr_expect_null(spec->linux_.masked_paths[0]);
        st_spec_free(st_test_config("'linux': null"));
}

/* ociVersion */
static const char *const good_versions[] = {
        "1.0.0", "1.0.2-dev", "1.0.0-rc5",         "1.0.0-rc5-dev", "1.1.0+dev",
        "1.3.0", "1.10.20",   "1.0.0-a.b-1.c+x.y", "1.99.0",
};
static const char *const bad_versions[] = {
        "0.5.0-dev", "2.0.0",  "1",          "1.0",       "1.0.",   "1.x.0",       "1..0",
        "1.0.0-",    "1.0.0+", "1.0.0-a..b", "1.0.0 ",    " 1.0.0", "v1.0.0",      "01.0.0",
        "1.01.0",    "1.0.00", "1.0.0.0",    "1.0.0-\\n", "10.0.0", "1.0.0-a+b+c",
};

Test(spec, wants_a_version_1_of_semver) {
        for (size_t i = 0; i < ST_TEST_N(good_versions); i++) {
                st_cleanup(st_spec_freep) struct st_spec *spec = NULL;
                struct st_error err = {0};
                char text[200];
                (void)sprintf(text, "{'ociVersion': '%s', 'root': {'path': 'r'}}",
                              good_versions[i]);
                cr_expect_eq(parse(text, &spec, &err), 0, "%s", err.msg);
        }
        for (size_t i = 0; i < ST_TEST_N(bad_versions); i++) {
                struct st_spec *spec = NULL;
                struct st_error err = {0};
                char text[200];
                (void)sprintf(text, "{'ociVersion': '%s', 'root': {'path': 'r'}}", bad_versions[i]);
                cr_expect_eq(parse(text, &spec, &err), -EINVAL, "accepted %s", bad_versions[i]);
                cr_expect(strstr(err.msg, "config.json: ociVersion: \"") &&
                                  strstr(err.msg, "is not a version 1.x.y"),
                          "message was: %s", err.msg);
        }
}

static const struct {
        const char *text, *message;
} whole[] = {
        {"", "config.json: line 1, column 1: the text ends too early"},
        {"null", "config.json: null is not an object"},
        {"[]", "config.json: an array is not an object"},
        {"5", "config.json: 5 is not an object"},
        {"{}", "config.json: ociVersion: is missing: a string is required"},
        {"{'ociVersion': ''}", "config.json: ociVersion: is missing: a string is required"},
        {"{'ociVersion': null}", "config.json: ociVersion: is missing: a string is required"},
        {"{'ociVersion': 1}", "config.json: ociVersion: 1 is not a string"},
        {"{'ociVersion': '1.0.0'}", "config.json: root: is missing: an object is required"},
        {"{'ociVersion': '1.0.0', 'root': 'r'}", "config.json: root: \"r\" is not an object"},
        {"{'ociVersion': '1.0.0', 'root': {}}",
         "config.json: root.path: is missing: a string is required"},
        {"{'ociVersion': '1.0.0', 'root': {'path': ''}}",
         "config.json: root.path: is missing: a string is required"},
        {"{'ociVersion': '1.0.0', 'root': {'path': true}}",
         "config.json: root.path: true is not a string"},
        {"{'ociVersion': '1.0.0', 'root': {'path': 'r', 'readonly': 1}}",
         "config.json: root.readonly: 1 is not true or false"},
        {"{'ociVersion': '1.0.0', 'root': {'path': 'r\\u0000x'}}",
         "config.json: line 1, column 44: a string holds NUL (\\u0000)"},
        {"{'ociVersion': '1.0.0', 'ociVersion': '1.0.0'}",
         "config.json: ociVersion: duplicate key"},
};

Test(spec, says_what_is_wrong_with_a_document) {
        for (size_t i = 0; i < ST_TEST_N(whole); i++) {
                struct st_spec *spec = NULL;
                struct st_error err = {0};
                cr_expect_eq(parse(whole[i].text, &spec, &err), -EINVAL, "accepted %s",
                             whole[i].text);
                cr_expect_str_eq(err.msg, whole[i].message);
                cr_expect_eq(err.kind, ST_CODE_CONFIG_INVALID);
                cr_expect_null(spec);
        }
}

#define SIXTEEN "0123456789abcdef"
static const struct st_test_refusal refusals[] = {
        {"'process': []", "process: an array is not an object"},
        {"'process': {}", "process.cwd: is missing: an absolute path is required"},
        {"'hostname': 5", "hostname: 5 is not a string"},
        {"'hostname': 'web'",
         "hostname: \"web\" needs a namespace of type \"uts\" in linux.namespaces"},
        {"'domainname': 'd'",
         "domainname: \"d\" needs a namespace of type \"uts\" in linux.namespaces"},
        {"'hostname': ''", NULL},
        {"'hostname': '" SIXTEEN SIXTEEN SIXTEEN SIXTEEN
         "', 'linux': {'namespaces': [{'type': 'uts'}]}",
         NULL},
        {"'hostname': '" SIXTEEN SIXTEEN SIXTEEN SIXTEEN
         "x', 'linux': {'namespaces': [{'type': 'uts'}]}",
         "hostname: \"" SIXTEEN SIXTEEN "0123456789abc...\" is longer than 64 bytes"},
        {"'domainname': '" SIXTEEN SIXTEEN SIXTEEN SIXTEEN
         "x', 'linux': {'namespaces': [{'type': 'uts'}]}",
         "domainname: \"" SIXTEEN SIXTEEN "0123456789abc...\" is longer than 64 bytes"},
        {"'annotations': []", "annotations: an array is not an object"},
        {"'annotations': {'a': 1}", "annotations.a: 1 is not a string"},
        {"'annotations': {'a.b': null}", "annotations[\"a.b\"]: null is not a string"},
        {"'annotations': {'': 'x'}", "annotations[\"\"]: the key is empty"},
        {"'linux': 'x'", "linux: \"x\" is not an object"},
};

Test(spec, refuses_bad_members_of_the_top_level) {
        st_test_refused("", "", refusals, ST_TEST_N(refusals));
}

#define EUROS "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac" /* three bytes each */
#define ONES "11111111111111111111"

Test(spec, shows_long_and_odd_values_in_one_short_line) {
        static const struct st_test_refusal rows[] = {
                {"'cwd': 'a\\nb\\tc\\u007f'", "process.cwd: \"a?b?c?\" is not an absolute path"},
                {"'cwd': 'ab" EUROS EUROS EUROS "'",
                 "process.cwd: \"ab" EUROS EUROS "...\" is not an absolute path"},
                {"'cwd': '/', 'oomScoreAdj': " ONES ONES ONES,
                 "process.oomScoreAdj: " ONES ONES "11111... is not in -1000..1000"},
        };

        st_test_refused("'process': {", "}", rows, ST_TEST_N(rows));
}

Test(spec, refuses_a_text_over_the_limit) {
        st_autofree char *text = malloc(ST_JSON_MAX_SIZE + 1);
        struct st_spec *spec = NULL;
        struct st_error err = {0};

        cr_assert(text);
        memset(text, ' ', ST_JSON_MAX_SIZE + 1);
        cr_expect_eq(st_spec_parse("config.json", text, ST_JSON_MAX_SIZE + 1, &spec, &err), -E2BIG);
        cr_expect_eq(err.kind, ST_CODE_CONFIG_INVALID);
        cr_expect_null(spec);
}

Test(spec, takes_an_error_of_null) {
        struct st_spec *spec = NULL;

        cr_expect_eq(st_spec_parse("config.json", "{}", 2, &spec, NULL), -EINVAL);
}

Test(spec, free_accepts_null) {
        cr_expect_null(st_spec_free(NULL));
}

Test(spec, resources_are_parsed_alone_for_update) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        struct st_resources *resources = NULL;
        struct st_error err = {0};
        static const char good[] =
                "{\"memory\":{\"limit\":1048576,\"swap\":-1},\"pids\":{\"limit\":0}}";

        cr_assert_eq(st_resources_parse(arena, "resources", good, strlen(good), &resources, &err),
                     0, "%s", err.msg);
        cr_expect_eq(resources->memory->limit.value, 1048576);
        cr_expect_eq(resources->memory->swap.value, -1);
        cr_expect(resources->pids_limit.has);
        cr_expect_eq(resources->pids_limit.value, 0);
        resources = NULL;
        cr_expect_eq(st_resources_parse(arena, "resources", "[]", 2, &resources, &err), -EINVAL);
        cr_expect_str_eq(err.msg, "resources: an array is not an object");
        cr_expect_eq(st_resources_parse(arena, "resources", "{\"cpu\":1}", 9, &resources, &err),
                     -EINVAL);
        cr_expect_str_eq(err.msg, "resources: cpu: 1 is not an object");
        cr_expect_eq(err.kind, ST_CODE_CONFIG_INVALID);
        cr_expect_eq(st_resources_parse(arena, "resources", "{", 1, &resources, &err), -EINVAL);
        cr_expect_eq(err.kind, ST_CODE_CONFIG_INVALID);
        cr_expect_null(resources);
}

Test(spec, a_process_is_parsed_alone_for_exec) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        struct st_process *process = NULL;
        struct st_error err = {0};
        static const char good[] =
                "{\"user\":{\"uid\":5,\"gid\":6},\"cwd\":\"/x\",\"args\":[\"sh\",\"-c\",\"true\"]}";

        cr_assert_eq(st_process_parse(arena, "process.json", good, strlen(good), &process, &err), 0,
                     "%s", err.msg);
        cr_expect_eq(process->user.uid, 5);
        cr_expect_str_eq(process->args[2], "true");
        cr_expect_null(process->args[3]);
        process = NULL;
        cr_expect_eq(st_process_parse(arena, "process.json", "3", 1, &process, &err), -EINVAL);
        cr_expect_str_eq(err.msg, "process.json: 3 is not an object");
        cr_expect_eq(st_process_parse(arena, "process.json", "{}", 2, &process, &err), -EINVAL);
        cr_expect_str_eq(err.msg, "process.json: cwd: is missing: an absolute path is required");
        cr_expect_null(process);
}
