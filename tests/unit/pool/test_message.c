#include "../../../runtime/pool/message.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/task.h>

TestSuite(message, .fini = st_test_no_leaks);

#define STRINGS(...) ((char *[]) {__VA_ARGS__, NULL})

static char a_true[] = "/bin/true", a_sh[] = "sh", a_c[] = "-c", a_empty[] = "", a_x[] = "X=1",
            a_home[] = "HOME=/h", a_path[] = "PATH=/bin";

static struct st_process a_process(void) {
        static char *args[] = {a_true, NULL}, *env[] = {a_path, NULL};

        return (struct st_process) {.args = args, .n_args = 1, .env = env, .n_env = 1, .cwd = "/"};
}

/* What is encoded, decoded in a region of its own that the caller frees. */
static int both_ways(const struct rt_slot_task *task, const struct st_process *process,
                     struct rt_dispatch *ret_dispatch, char **ret_region, struct st_error *err) {
        st_autofree char *message = NULL;
        size_t size, room;
        int r = rt_dispatch_encode(task, process, "p-0", &message, &size, err);

        if (r < 0)
                return r;
        room = rt_dispatch_room((const struct rt_dispatch_header *)message);
        *ret_region = malloc(size + room);
        cr_assert_not_null(*ret_region);
        memcpy(*ret_region, message, size);
        return rt_dispatch_decode(*ret_region, size, room, ret_dispatch);
}

Test(message, what_a_task_leaves_out_is_the_configs) {
        struct rt_slot_task task = RT_SLOT_TASK_INIT;
        gid_t groups[] = {7, 8};
        struct st_rlimit limit = {.resource = RLIMIT_NOFILE, .soft = 5, .hard = 6};
        struct st_process process = a_process();
        struct rt_dispatch dispatch;
        st_autofree char *region = NULL;

        process.user = (struct st_user) {.uid = 3,
                                         .gid = 4,
                                         .umask = 027,
                                         .has_umask = true,
                                         .additional_gids = groups,
                                         .n_additional_gids = 2};
        process.rlimits = &limit;
        process.n_rlimits = 1;
        process.cwd = "/srv";
        cr_assert_eq(both_ways(&task, &process, &dispatch, &region, NULL), 0);
        cr_expect_str_eq(dispatch.id, "p-0");
        cr_expect_str_eq(dispatch.cwd, "/srv");
        cr_expect_str_empty(dispatch.hostname);
        cr_expect_str_eq(dispatch.argv[0], "/bin/true");
        cr_expect_null(dispatch.argv[1]);
        cr_expect_str_eq(dispatch.envp[0], "PATH=/bin");
        cr_expect_eq(dispatch.user.uid, 3);
        cr_expect_eq(dispatch.user.gid, 4);
        cr_expect_eq(dispatch.user.umask, 027);
        cr_expect(dispatch.user.has_umask);
        cr_assert_eq(dispatch.user.n_additional_gids, 2);
        cr_expect_eq(dispatch.user.additional_gids[1], 8);
        cr_assert_eq(dispatch.n_rlimits, 1);
        cr_expect_str_eq(dispatch.rlimits[0].name, "RLIMIT_NOFILE");
        cr_expect_eq(dispatch.rlimits[0].hard, 6);
}

Test(message, what_a_task_says_goes_over_the_config) {
        struct rt_slot_task task = RT_SLOT_TASK_INIT;
        struct st_user user = {.uid = 9};
        struct st_process process = a_process();
        struct rt_dispatch dispatch;
        st_autofree char *region = NULL;

        process.user.uid = 3;
        task.argv = STRINGS(a_sh, a_c, a_empty);
        task.env = STRINGS(a_x, a_home);
        task.cwd = "/tmp";
        task.hostname = "node";
        task.user = &user;
        cr_assert_eq(both_ways(&task, &process, &dispatch, &region, NULL), 0);
        cr_expect_str_eq(dispatch.id, "p-0");
        cr_expect_str_eq(dispatch.hostname, "node");
        cr_expect_str_eq(dispatch.argv[1], "-c");
        cr_expect_str_empty(dispatch.argv[2]);
        cr_expect_null(dispatch.argv[3]);
        cr_expect_str_eq(dispatch.envp[1], "HOME=/h");
        cr_expect_null(dispatch.envp[2]);
        cr_expect_null(dispatch.home, "the environment has one");
        cr_expect_eq(dispatch.user.uid, 9);
}

Test(message, an_environment_without_home_gets_room_for_one) {
        struct rt_slot_task task = RT_SLOT_TASK_INIT;
        struct st_process process = a_process();
        struct rt_dispatch dispatch;
        st_autofree char *region = NULL;

        cr_assert_eq(both_ways(&task, &process, &dispatch, &region, NULL), 0);
        cr_assert_eq(dispatch.home, dispatch.envp[1] + strlen("HOME="));
        memset(dispatch.home, 'h', RT_HOME_MAX - 1); /* all of it is there */
        cr_expect_eq(dispatch.home[RT_HOME_MAX - 1], 0);
        cr_expect_null(dispatch.envp[2]);
}

Test(message, refuses_what_no_execve_takes) {
        struct rt_slot_task task = RT_SLOT_TASK_INIT;
        struct st_process process = a_process();
        struct rt_dispatch dispatch;
        char *region = NULL, *big = calloc(1, RT_DISPATCH_MAX + 1);
        struct st_error err = {0};

        task.cwd = "tmp";
        cr_expect_eq(both_ways(&task, &process, &dispatch, &region, &err), -EINVAL);
        cr_expect(strstr(err.msg, "tmp"), "message was: %s", err.msg);
        task.cwd = NULL;
        task.argv = STRINGS(a_empty);
        cr_expect_eq(both_ways(&task, &process, &dispatch, &region, &err), -EINVAL);
        memset(big, 'x', RT_DISPATCH_MAX);
        task.argv = STRINGS(a_sh, big);
        cr_expect_eq(both_ways(&task, &process, &dispatch, &region, &err), -E2BIG);
        cr_expect_null(region);
        free(big);
}

static char *a_message(size_t *ret_size) {
        struct rt_slot_task task = RT_SLOT_TASK_INIT;
        struct st_process process = a_process();
        gid_t group = 1;
        struct st_rlimit limit = {.resource = RLIMIT_CORE};
        char *message = NULL;

        process.user.additional_gids = &group;
        process.user.n_additional_gids = 1;
        process.rlimits = &limit;
        process.n_rlimits = 1;
        cr_assert_eq(rt_dispatch_encode(&task, &process, "p-0", &message, ret_size, NULL), 0);
        return message;
}

Test(message, one_cut_off_anywhere_is_refused) {
        size_t size;
        st_autofree char *message = a_message(&size);

        for (size_t cut = 0; cut < size; cut++) {
                size_t room = rt_dispatch_room((const struct rt_dispatch_header *)message);
                st_autofree char *region = calloc(1, size + room);
                struct rt_dispatch dispatch;

                memcpy(region, message, cut);
                cr_expect_eq(rt_dispatch_decode(region, cut, room, &dispatch), -EPROTO, "at %zu",
                             cut);
                if (cut >= sizeof(struct rt_dispatch_header)) { /* and one that lies about it */
                        ((struct rt_dispatch_header *)region)->size = (uint32_t)cut;
                        cr_expect_eq(rt_dispatch_decode(region, cut, room, &dispatch), -EPROTO,
                                     "at %zu, size said", cut);
                }
        }
}

Test(message, one_that_needs_more_room_than_there_is_is_refused) {
        size_t size, room;
        st_autofree char *message = a_message(&size);
        st_autofree char *region = NULL;
        struct rt_dispatch dispatch;

        room = rt_dispatch_room((const struct rt_dispatch_header *)message);
        region = malloc(size + room);
        memcpy(region, message, size);
        cr_expect_eq(rt_dispatch_decode(region, size, room - 1, &dispatch), -EPROTO);
        cr_expect_eq(rt_dispatch_decode(region, size, room, &dispatch), 0);
}

Test(message, counts_that_do_not_fit_are_refused) {
        size_t size, room;
        st_autofree char *message = a_message(&size);
        struct rt_dispatch_header *header = (struct rt_dispatch_header *)message;
        struct rt_dispatch dispatch;
        uint32_t *fields[] = {&header->n_args, &header->n_env,     &header->n_groups,
                              &header->home,   &header->n_rlimits, &header->type};

        room = rt_dispatch_room(header);
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
                static const uint32_t values[] = {UINT32_MAX, 1u << 31, 1000};
                uint32_t kept = *fields[i];

                for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
                        st_autofree char *region = malloc(size + room);

                        *fields[i] = values[v];
                        memcpy(region, message, size);
                        cr_expect_eq(rt_dispatch_decode(region, size, room, &dispatch), -EPROTO,
                                     "field %zu, %u", i, values[v]);
                }
                *fields[i] = kept;
        }
}
