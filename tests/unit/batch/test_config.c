#include "config.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <stint/cleanup.h>

TestSuite(batch_config, .fini = st_test_no_leaks);

#define BUNDLE                                                                                     \
        "{\"ociVersion\":\"1.2.0\",\"process\":{\"terminal\":true,\"user\":{\"uid\":1,\"gid\":2,"  \
        "\"additionalGids\":[3]},\"args\":[\"sh\"],\"env\":[\"A=1\",\"B=2\"],\"cwd\":\"/\"},"      \
        "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"h\","                     \
        "\"mounts\":[{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\"},"          \
        "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"options\":[\"gid=5\",\"noexec\"]}],"  \
        "\"linux\":{\"namespaces\":[{\"type\":\"user\"},{\"type\":\"network\"},{\"type\":\"pid\"}" \
        "],\"uidMappings\":[],\"resources\":{\"memory\":{\"limit\":5,\"swappiness\":3}}}}"

static char *edited(const struct rt_config_edit *edit) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        const struct st_json *config;
        struct st_error err = {0};
        char *text = NULL;
        size_t length;

        cr_assert_eq(st_json_parse(arena, "c", BUNDLE, strlen(BUNDLE), &config, &err), 0, "%s",
                     err.msg);
        cr_assert_eq(rt_config_render(config, edit, &text, &length, &err), 0, "%s", err.msg);
        return text;
}

static void has(const char *text, const char *part) {
        cr_expect(strstr(text, part), "no %s in %s", part, text);
}

Test(batch_config, what_is_not_edited_stays) {
        st_autofree char *text = edited(&(struct rt_config_edit) {0});

        has(text, "\"hostname\":\"h\"");
        has(text, "\"terminal\":false");
        has(text, "\"uid\":1,\"gid\":2,\"additionalGids\":[3]");
        has(text, "\"root\":{\"path\":\"rootfs\",\"readonly\":true}");
        has(text, "\"memory\":{\"limit\":5,\"swappiness\":3}");
        has(text, "\"namespaces\":[{\"type\":\"user\"},{\"type\":\"network\"},{\"type\":\"pid\"}]");
}

Test(batch_config, a_task_replaces_its_own) {
        char *args[] = {(char *)"x", NULL};
        char *env[] = {(char *)"B=3", (char *)"C=4", (char *)"B=5", NULL};
        st_autofree char *text = edited(&(struct rt_config_edit) {.args = args,
                                                                  .env = env,
                                                                  .cwd = "/w",
                                                                  .has_user = true,
                                                                  .uid = 9,
                                                                  .root_path = "/r",
                                                                  .memory_bytes = 64,
                                                                  .cpu_milli = 1500,
                                                                  .cpus = "0-1",
                                                                  .cgroups_path = "a/b"});

        has(text, "\"args\":[\"x\"]");
        has(text, "\"env\":[\"A=1\",\"C=4\",\"B=5\"]");
        has(text, "\"cwd\":\"/w\"");
        has(text, "\"uid\":9,\"gid\":0,\"additionalGids\":[]");
        has(text, "\"root\":{\"readonly\":true,\"path\":\"/r\"}");
        has(text, "\"memory\":{\"swappiness\":3,\"limit\":64}");
        has(text, "\"quota\":150000,\"period\":100000,\"cpus\":\"0-1\"");
        has(text, "\"cgroupsPath\":\"a/b\"");
}

Test(batch_config, an_ordinary_user_gets_what_he_may_mount) {
        st_autofree char *text = edited(
                &(struct rt_config_edit) {.drop_user_namespace = true, .network = RT_NETWORK_HOST});

        has(text, "\"namespaces\":[{\"type\":\"pid\"}]");
        has(text, "{\"destination\":\"/sys\",\"type\":\"none\",\"source\":\"/sys\"");
        has(text, "\"type\":\"devpts\",\"options\":[\"noexec\"]");
        cr_expect_null(strstr(text, "uidMappings"));
}

Test(batch_config, binds_are_read) {
        static const struct {
                const char *text, *source, *destination;
                bool readonly;
        } good[] = {
                {"/a", "/a", "/a", false},       {"/a:/b", "/a", "/b", false},
                {"/a:/b:ro", "/a", "/b", true},  {"/a::ro", "/a", "/a", true},
                {"/a:/b:rw", "/a", "/b", false},
        };
        static const char *const bad[] = {"", "a", "/a:b", "/a:/b:x", ":/b"};
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        struct rt_bind bind;

        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                cr_assert_eq(rt_bind_parse(arena, good[i].text, &bind, NULL), 0, "%s",
                             good[i].text);
                cr_expect_str_eq(bind.source, good[i].source);
                cr_expect_str_eq(bind.destination, good[i].destination);
                cr_expect_eq(bind.readonly, good[i].readonly);
        }
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                cr_expect_lt(rt_bind_parse(arena, bad[i], &bind, NULL), 0, "%s", bad[i]);
}
