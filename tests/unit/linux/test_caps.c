#include "child.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>

#include <stint/fs.h>
#include <stint/parse.h>
#include <stint/process.h>
#include <stint/syscall.h>

static void need_root(void) {
        if (geteuid() != 0)
                cr_skip_test("needs root");
}

TestSuite(caps, .init = need_root, .fini = st_test_no_leaks);

#define BIT(cap) (UINT64_C(1) << (cap))

struct sets {
        uint64_t effective, permitted, inheritable;
};

static struct sets current_sets(void) {
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2];

        if (syscall(SYS_capget, &header, data) < 0)
                abort();
        return (struct sets) {
                data[0].effective | (uint64_t)data[1].effective << 32,
                data[0].permitted | (uint64_t)data[1].permitted << 32,
                data[0].inheritable | (uint64_t)data[1].inheritable << 32,
        };
}

static uint64_t read_each(int option, unsigned long argument) {
        uint64_t set = 0;

        for (int cap = 0; cap <= rt_caps_last(); cap++) {
                int r = option == PR_CAPBSET_READ ? prctl(option, cap, 0, 0, 0)
                                                  : prctl(option, argument, cap, 0, 0);
                if (r == 1)
                        set |= BIT(cap);
        }
        return set;
}

static uint64_t bounding(void) {
        return read_each(PR_CAPBSET_READ, 0);
}

static uint64_t ambient(void) {
        return read_each(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET);
}

Test(caps, knows_the_kernels_last_capability) {
        st_autofree char *text = NULL;
        int last;

        cr_assert_eq(
                st_read_file_at(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", 64, &text, NULL, NULL),
                0);
        text[strcspn(text, "\n")] = 0;
        cr_assert_eq(st_parse_int(text, &last), 0);
        cr_expect_eq(rt_caps_last(), last);
}

static int become_user_with_caps(const void *data) {
        const struct st_user *user = data;
        const struct st_capabilities caps = {
                .present = true,
                .bounding = BIT(CAP_CHOWN) | BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE),
                .permitted = BIT(CAP_CHOWN) | BIT(CAP_KILL),
                .effective = BIT(CAP_CHOWN),
                .inheritable = BIT(CAP_KILL),
                .ambient = BIT(CAP_KILL),
        };
        struct st_error err = {0};
        struct sets sets;

        CHILD_OK(rt_caps_drop_bounding(&caps, rt_caps_last(), &err), err);
        CHILD_OK(rt_user_apply(user, false, &err), err);
        CHILD_OK(rt_caps_apply(&caps, rt_caps_last(), &err), err);
        sets = current_sets();
        CHILD_CHECK(sets.effective == caps.effective);
        CHILD_CHECK(sets.permitted == caps.permitted);
        CHILD_CHECK(sets.inheritable == caps.inheritable);
        CHILD_CHECK(bounding() == caps.bounding);
        CHILD_CHECK(ambient() == caps.ambient);
        CHILD_CHECK(getuid() == user->uid && geteuid() == user->uid);
        CHILD_CHECK(getgid() == user->gid && getegid() == user->gid);
        return 0;
}

Test(caps, sets_all_five_sets_of_a_user) {
        const struct st_user user = {.uid = 4321, .gid = 1234};

        cr_expect_eq(in_child(become_user_with_caps, &user), 0);
}

Test(caps, sets_all_five_sets_of_root) {
        const struct st_user user = {0};

        cr_expect_eq(in_child(become_user_with_caps, &user), 0);
}

static int have_no_caps(const void *data) {
        const struct st_capabilities caps = {0};
        struct st_error err = {0};
        struct sets sets;

        (void)data;
        CHILD_OK(rt_caps_drop_bounding(&caps, rt_caps_last(), &err), err);
        CHILD_OK(rt_caps_apply(&caps, rt_caps_last(), &err), err);
        sets = current_sets();
        CHILD_CHECK(sets.effective == 0 && sets.permitted == 0 && sets.inheritable == 0);
        CHILD_CHECK(bounding() == 0);
        CHILD_CHECK(ambient() == 0);
        return 0;
}

Test(caps, leaves_nothing_when_the_config_has_none) {
        cr_expect_eq(in_child(have_no_caps, NULL), 0);
}

static int clear_what_was_ambient(const void *data) {
        const struct st_capabilities before = {.permitted = BIT(CAP_KILL) | BIT(CAP_CHOWN),
                                               .inheritable = BIT(CAP_KILL) | BIT(CAP_CHOWN),
                                               .effective = BIT(CAP_KILL),
                                               .ambient = BIT(CAP_KILL) | BIT(CAP_CHOWN)};
        struct st_capabilities after = before;
        struct st_error err = {0};

        (void)data;
        after.ambient = BIT(CAP_CHOWN);
        CHILD_OK(rt_caps_apply(&before, rt_caps_last(), &err), err);
        CHILD_CHECK(ambient() == before.ambient);
        CHILD_OK(rt_caps_apply(&after, rt_caps_last(), &err), err);
        CHILD_CHECK(ambient() == after.ambient);
        return 0;
}

Test(caps, drops_ambient_capabilities_that_are_not_asked_for) {
        cr_expect_eq(in_child(clear_what_was_ambient, NULL), 0);
}

/* `runc spec` of 1.1 gives such a set. */
static const struct st_capabilities not_inheritable = {
        .present = true,
        .bounding = BIT(CAP_KILL) | BIT(CAP_CHOWN),
        .permitted = BIT(CAP_KILL) | BIT(CAP_CHOWN),
        .effective = BIT(CAP_KILL) | BIT(CAP_CHOWN),
        .inheritable = BIT(CAP_CHOWN),
        .ambient = BIT(CAP_KILL) | BIT(CAP_CHOWN),
};

static int apply_not_inheritable(const void *data) {
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_caps_apply(&not_inheritable, rt_caps_last(), &err), err);
        CHILD_CHECK(ambient() == BIT(CAP_CHOWN));
        return 0;
}

Test(caps, leaves_out_an_ambient_capability_that_cannot_be) {
        cr_expect_eq(rt_caps_unraisable(&not_inheritable), BIT(CAP_KILL));
        cr_expect_eq(in_child(apply_not_inheritable, NULL), 0);
}

static int drop_without_the_right(const void *data) {
        const struct st_capabilities few = {.bounding = BIT(CAP_CHOWN) | BIT(CAP_KILL),
                                            .permitted = BIT(CAP_CHOWN)};
        const struct st_capabilities fewer = {.bounding = BIT(CAP_CHOWN)};
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_caps_drop_bounding(&few, rt_caps_last(), &err), err);
        CHILD_OK(rt_caps_apply(&few, rt_caps_last(), &err), err);
        CHILD_OK(rt_caps_drop_bounding(&few, rt_caps_last(), &err),
                 err); /* nothing is left to drop */
        CHILD_CHECK(rt_caps_drop_bounding(&fewer, rt_caps_last(), &err) == -EPERM);
        CHILD_CHECK(strstr(err.msg, "process.capabilities.bounding: drop CAP_KILL"));
        return 0;
}

Test(caps, drops_without_the_right_only_what_is_gone_already) {
        cr_expect_eq(in_child(drop_without_the_right, NULL), 0);
}

static int raise_what_is_gone(const void *data) {
        const struct st_capabilities none = {0}, some = {.permitted = BIT(CAP_KILL)};
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_caps_apply(&none, rt_caps_last(), &err), err);
        CHILD_CHECK(rt_caps_apply(&some, rt_caps_last(), &err) == -EPERM);
        CHILD_CHECK(strstr(err.msg, "process.capabilities: capset"));
        return 0;
}

Test(caps, reports_what_the_kernel_refuses) {
        cr_expect_eq(in_child(raise_what_is_gone, NULL), 0);
}

/* ---- user */

static int have_groups(const void *data) {
        gid_t wanted[] = {7, 9}, groups[8];
        const struct st_user user = {
                .uid = 0, .gid = 5, .additional_gids = wanted, .n_additional_gids = 2};
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_user_apply(&user, false, &err), err);
        CHILD_CHECK(getgroups(8, groups) == 2 && groups[0] == 7 && groups[1] == 9);
        CHILD_CHECK(getgid() == 5);
        return 0;
}

Test(caps, gives_the_groups_of_the_user) {
        cr_expect_eq(in_child(have_groups, NULL), 0);
}

static int lose_groups(const void *data) {
        const struct st_user user = {.uid = 0, .gid = 5};
        gid_t mine[] = {3};
        struct st_error err = {0};

        (void)data;
        CHILD_CHECK(setgroups(1, mine) == 0);
        CHILD_OK(rt_user_apply(&user, true, &err), err);
        CHILD_CHECK(getgroups(0, NULL) == 1);
        CHILD_OK(rt_user_apply(&user, false, &err), err);
        CHILD_CHECK(getgroups(0, NULL) == 0);
        return 0;
}

Test(caps, keeps_groups_only_when_told_to) {
        cr_expect_eq(in_child(lose_groups, NULL), 0);
}

static int become_another_twice(const void *data) {
        const struct st_user first = {.uid = 1000, .gid = 1000},
                             second = {.uid = 1001, .gid = 1000};
        struct st_error err = {0};

        (void)data;
        CHILD_OK(rt_user_apply(&first, false, &err), err);
        CHILD_CHECK(rt_user_apply(&second, true, &err) == -EPERM);
        CHILD_CHECK(strstr(err.msg, "process.user.uid: setresuid 1001"));
        return 0;
}

Test(caps, names_the_id_that_is_refused) {
        cr_expect_eq(in_child(become_another_twice, NULL), 0);
}
