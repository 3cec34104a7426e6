#include "config.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <limits.h>

#include <stint/spec.h>

TestSuite(hooks, .fini = st_test_no_leaks);

Test(hooks, are_read_by_kind_and_in_order) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                st_test_config("'hooks': {'poststop': [{'path': '/a', 'args': ['a', 'b'], 'env': "
                               "['X=1'], 'timeout': 30}, {'path': '/b'}],"
                               " 'createRuntime': [{'path': '/c', 'args': [], 'timeout': null}], "
                               "'prestart': null, 'unknown': 5}");
        const struct st_hooks *stop = &spec->hooks[ST_HOOK_POSTSTOP],
                              *create = &spec->hooks[ST_HOOK_CREATE_RUNTIME];

        cr_assert_eq(stop->n_items, 2);
        cr_expect_str_eq(stop->items[0].path, "/a");
        cr_expect_str_eq(stop->items[0].args[1], "b");
        cr_expect_null(stop->items[0].args[2]);
        cr_expect_str_eq(stop->items[0].env[0], "X=1");
        cr_expect_eq(stop->items[0].timeout_sec, 30);
        cr_expect_str_eq(stop->items[1].path, "/b");
        cr_expect_null(stop->items[1].args);
        cr_assert(stop->items[1].env);
        cr_expect_null(stop->items[1].env[0]);
        cr_expect_eq(stop->items[1].timeout_sec, 0);
        cr_assert_eq(create->n_items, 1);
        cr_expect_null(create->items[0].args);
        cr_expect_eq(create->items[0].timeout_sec, 0);
        cr_expect_eq(spec->hooks[ST_HOOK_PRESTART].n_items, 0);
}

Test(hooks, each_kind_goes_to_its_place) {
        for (int kind = 0; kind < _ST_HOOK_MAX; kind++) {
                st_cleanup(st_spec_freep) struct st_spec *spec = NULL;
                char members[100];
                (void)sprintf(members, "'hooks': {'%s': [{'path': '/x'}]}", st_hook_name(kind));
                spec = st_test_config(members);
                for (int other = 0; other < _ST_HOOK_MAX; other++)
                        cr_expect_eq(spec->hooks[other].n_items, kind == other);
        }
}

static const struct st_test_refusal refusals[] = {
        {"[]", "hooks: an array is not an object"},
        {"{'poststop': {}}", "hooks.poststop: an object is not an array"},
        {"{'poststop': ['/x']}", "hooks.poststop[0]: \"/x\" is not an object"},
        {"{'prestart': [{}]}", "hooks.prestart[0].path: is missing: an absolute path is required"},
        {"{'prestart': [{'path': '/x'}, {'path': 'x'}]}",
         "hooks.prestart[1].path: \"x\" is not an absolute path"},
        {"{'createContainer': [{'path': 1}]}", "hooks.createContainer[0].path: 1 is not a string"},
        {"{'startContainer': [{'path': '/x', 'args': 'a'}]}",
         "hooks.startContainer[0].args: \"a\" is not an array"},
        {"{'startContainer': [{'path': '/x', 'args': [1]}]}",
         "hooks.startContainer[0].args[0]: 1 is not a string"},
        {"{'poststart': [{'path': '/x', 'env': ['A']}]}",
         "hooks.poststart[0].env[0]: \"A\" is not NAME=VALUE"},
        {"{'poststart': [{'path': '/x', 'timeout': 0}]}",
         "hooks.poststart[0].timeout: 0 is not in 1..2147483647"},
        {"{'poststart': [{'path': '/x', 'timeout': -1}]}",
         "hooks.poststart[0].timeout: -1 is not in 1..2147483647"},
        {"{'poststart': [{'path': '/x', 'timeout': 2147483648}]}",
         "hooks.poststart[0].timeout: 2147483648 is not in 1..2147483647"},
        {"{'poststart': [{'path': '/x', 'timeout': 1.5}]}",
         "hooks.poststart[0].timeout: 1.5 is not an integer"},
        {"{}", NULL},
};

Test(hooks, refuses_bad_members) {
        st_test_refused("'hooks': ", "", refusals, ST_TEST_N(refusals));
}
