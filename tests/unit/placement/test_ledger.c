#include "leaks.h"
#include "node.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stint/fs.h>

TestSuite(ledger, .fini = st_test_no_leaks);

#define BE RT_TIER_BEST_EFFORT
#define SHARED RT_TIER_SHARED

/* guest-flat has 8 CPUs, a core each, one domain. */

static pid_t make_owner(void) {
        pid_t pid = fork();

        if (pid == 0) {
                for (;;)
                        pause();
        }
        cr_assert_gt(pid, 0);
        return pid;
}

static void end_owner(pid_t pid) {
        cr_assert_eq(kill(pid, SIGKILL), 0);
        cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

static void put_ledger(const struct node *node, const char *text) {
        st_autoclose int fd =
                open(node->ledger_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        cr_assert_geq(fd, 0);
        cr_assert_eq(st_write_all(fd, text, strlen(text)), 0);
}

Test(ledger, exclusive_sets_do_not_overlap_and_come_back) {
        NODE(n, "guest-flat");
        uint64_t a = node_start(&n, (struct wish) {.id = "a", .n_cpus = 5});

        node_start(&n, (struct wish) {.id = "b", .n_cpus = 3});
        cr_expect_str_eq(node_list(&n), "a:exclusive:0-4 b:exclusive:5-7");
        node_end(&n, "a", a);
        node_start(&n, (struct wish) {.id = "c", .n_cpus = 4});
        cr_expect_str_eq(node_list(&n), "b:exclusive:5-7 c:exclusive:0-3");
}

Test(ledger, a_refusal_says_what_is_free_and_leaves_nothing) {
        NODE(n, "guest-flat");
        struct rt_grant grant;
        char why[500];

        node_start(&n, (struct wish) {.id = "a", .n_cpus = 5});
        cr_expect_eq(node_claim(&n, (struct wish) {.id = "b", .n_cpus = 4}, &grant, why), -EBUSY);
        cr_expect(strstr(why, "4 CPUs are asked for and 3 are free"), "%s", why);
        cr_expect_eq(node_claim(&n, (struct wish) {.id = "b", .n_cpus = 9}, &grant, why), -ENOSPC);
        cr_expect_str_eq(node_list(&n), "a:exclusive:0-4");
}

Test(ledger, an_entry_is_free_when_owner_and_cgroup_are_gone) {
        NODE(n, "guest-flat");
        pid_t owner = make_owner();
        struct rt_grant grant;

        node_start(&n, (struct wish) {.id = "a", .n_cpus = 8, .owner = owner});
        end_owner(owner);
        cr_expect_eq(node_claim(&n, (struct wish) {.id = "b", .n_cpus = 1}, &grant, NULL), -EBUSY,
                     "its cgroup is there");
        node_remove_cgroup(&n, "a");
        node_cgroup(&n, "a", "0-7"); /* of the same name, but another's */
        cr_expect_eq(node_claim(&n, (struct wish) {.id = "b", .n_cpus = 1}, &grant, NULL), 0);
        cr_expect_str_eq(node_list(&n), "b:exclusive:0");
}

Test(ledger, a_claim_whose_owner_died_before_it_made_the_cgroup_is_free) {
        NODE(n, "guest-flat");
        pid_t owner = make_owner();
        struct rt_grant grant;

        cr_assert_eq(node_claim(&n, (struct wish) {.id = "a", .n_cpus = 8, .owner = owner}, &grant,
                                NULL),
                     0);
        cr_expect_eq(node_claim(&n, (struct wish) {.id = "b", .n_cpus = 1}, &grant, NULL), -EBUSY);
        end_owner(owner);
        cr_expect_eq(node_claim(&n, (struct wish) {.id = "b", .n_cpus = 8}, &grant, NULL), 0);
}

Test(ledger, a_torn_or_foreign_file_is_made_again_from_the_marks) {
        NODE(n, "guest-flat");
        static const char *const files[] = {"", "stint-cpus 1 xyz 0 0123456789abcdef\n",
                                            "what is this\n", "stint-cpus 1"};
        struct rt_grant grant;

        node_cgroup(&n, "pods", NULL);
        node_start(&n, (struct wish) {.id = "pods/a", .n_cpus = 3, .tenant = "t 1"});
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
                put_ledger(&n, files[i]);
                cr_expect_str_eq(node_list(&n), "pods/a:exclusive:0-2", "file %zu", i);
                cr_expect_eq(node_claim(&n, (struct wish) {.id = "b", .n_cpus = 6}, &grant, NULL),
                             -EBUSY);
                cr_expect_str_eq(node_list(&n), "pods/a:exclusive:0-2");
        }
        cr_assert_eq(node_claim(&n, (struct wish) {.id = "b", .n_cpus = 5}, &grant, NULL), 0);
        cr_expect_str_eq(show(&grant.decision.cpus), "3-7");
}

Test(ledger, a_file_of_a_newer_stint_is_refused_and_left_alone) {
        NODE(n, "guest-flat");
        struct rt_grant grant;
        char why[500];

        node_start(&n, (struct wish) {.id = "a", .n_cpus = 1});
        put_ledger(&n, "stint-cpus 2 who knows\n");
        cr_expect_eq(node_claim(&n, (struct wish) {.id = "b", .n_cpus = 1}, &grant, why),
                     -EPROTONOSUPPORT);
        cr_expect(strstr(why, "newer stint"), "%s", why);
}

Test(ledger, cpusets_of_others_are_taken) {
        NODE(n, "guest-flat");
        struct rt_grant grant;
        char why[500];

        node_cgroup(&n, "system", NULL);
        node_cgroup(&n, "system/db", "0-3");
        node_cgroup(&n, "system/db/worker", "0-1");
        cr_expect_eq(node_claim(&n, (struct wish) {.id = "a", .n_cpus = 5}, &grant, why), -EBUSY);
        cr_assert_eq(node_claim(&n, (struct wish) {.id = "a", .n_cpus = 4}, &grant, NULL), 0);
        cr_expect_str_eq(show(&grant.decision.cpus), "4-7");
}

Test(ledger, a_cpuset_above_the_task_bounds_it_and_is_not_taken) {
        NODE(n, "guest-flat");
        struct rt_grant grant;

        node_cgroup(&n, "pods", "2-5");
        node_cgroup(&n, "other", "6-7");
        cr_assert_eq(node_claim(&n, (struct wish) {.id = "pods/a", .n_cpus = 4}, &grant, NULL), 0);
        cr_expect_str_eq(show(&grant.decision.cpus), "2-5");
        cr_expect_eq(node_claim(&n, (struct wish) {.id = "pods/b", .n_cpus = 5}, &grant, NULL),
                     -ENOSPC);
        cr_expect_eq(node_claim(&n, (struct wish) {.id = "b", .n_cpus = 3}, &grant, NULL), -EBUSY);
        cr_assert_eq(node_claim(&n, (struct wish) {.id = "b", .n_cpus = 2}, &grant, NULL), 0);
        cr_expect_str_eq(show(&grant.decision.cpus), "0-1");
}

Test(ledger, the_callers_cpuset_is_refined_inside) {
        NODE(n, "epyc-7451-2s");
        struct rt_grant grant;

        cr_assert_eq(node_claim(&n, (struct wish) {.id = "a", .n_cpus = 2, .within = "1,2,49,50"},
                                &grant, NULL),
                     0);
        cr_expect_str_eq(show(&grant.decision.cpus), "1,49", "a core of the two");
        cr_assert_eq(
                node_claim(&n, (struct wish) {.id = "b", .n_cpus = 1, .within = "3"}, &grant, NULL),
                0);
        cr_expect_str_eq(show(&grant.decision.cpus), "3",
                         "half a core, if that is all it may have");
}

Test(ledger, exclusive_takes_from_shared_and_best_effort_before_it_starts) {
        NODE(n, "guest-flat");
        uint64_t x;

        node_start(&n, (struct wish) {.id = "be", .n_cpus = 4, .tier = BE, .tenant = "b"});
        node_start(&n, (struct wish) {.id = "sh", .n_cpus = 4, .tier = SHARED});
        x = node_start(&n, (struct wish) {.id = "ex", .n_cpus = 7});
        cr_expect_str_eq(node_list(&n), "be:best-effort::frozen sh:shared:7 ex:exclusive:0-6");
        cr_expect_str_eq(node_read(&n, "sh", "cpuset.cpus"), "7");
        cr_expect_str_eq(node_read(&n, "be", "cgroup.freeze"), "1");
        node_end(&n, "ex", x);
        cr_expect_str_eq(node_read(&n, "be", "cgroup.freeze"), "0");
        cr_expect_str_eq(node_read(&n, "sh", "cpuset.cpus"), "0-3");
        cr_expect_str_eq(node_list(&n), "be:best-effort:4-7 sh:shared:0-3");
}

Test(ledger, a_task_that_was_paused_is_not_thawed_when_cpus_return) {
        NODE(n, "guest-flat");
        struct st_error err = {0};
        uint64_t be = node_start(&n, (struct wish) {.id = "be", .n_cpus = 8, .tier = BE}), x;

        x = node_start(&n, (struct wish) {.id = "ex", .n_cpus = 8});
        cr_expect_eq(rt_ledger_pause(n.ledger, be, true, &err), 1);
        node_end(&n, "ex", x);
        cr_expect_str_eq(node_read(&n, "be", "cgroup.freeze"), "1", "its pauser resumes it");
        cr_expect_eq(rt_ledger_pause(n.ledger, be, false, &err), 0);

        x = node_start(&n, (struct wish) {.id = "ex", .n_cpus = 8}); /* it is frozen already */
        cr_expect_eq(rt_ledger_pause(n.ledger, be, false, &err), 1, "it has no CPUs");
        node_end(&n, "ex", x);
        cr_expect_str_eq(node_read(&n, "be", "cgroup.freeze"), "0");
}

Test(ledger, a_task_that_is_being_made_is_told_when_it_is_bound) {
        NODE(n, "guest-flat");
        struct rt_grant sh;
        struct st_error err = {0};

        cr_assert_eq(
                node_claim(&n, (struct wish) {.id = "sh", .n_cpus = 8, .tier = SHARED}, &sh, NULL),
                0);
        node_start(&n, (struct wish) {.id = "ex", .n_cpus = 6});
        node_cgroup(&n, "sh", "0-7"); /* as it was granted */
        cr_assert_eq(rt_ledger_bind(n.ledger, sh.token, &err), 0, "%s", err.msg);
        cr_expect_str_eq(node_read(&n, "sh", "cpuset.cpus"), "6-7");
}

Test(ledger, what_a_killed_process_had_begun_is_finished_first) {
        NODE(n, "guest-flat");
        struct rt_grant grant;
        char text[4096];
        st_autofree char *content = NULL;

        node_start(&n, (struct wish) {.id = "sh", .n_cpus = 8, .tier = SHARED});
        node_start(&n, (struct wish) {.id = "ex", .n_cpus = 4});
        cr_expect_str_eq(node_read(&n, "sh", "cpuset.cpus"), "4-7");
        /* the file was written with the mark "pending", and then nothing */
        node_cgroup(&n, "sh2", NULL);
        cr_assert_eq(st_read_file_at(AT_FDCWD, n.ledger_path, 4096, &content, NULL, NULL), 0);
        snprintf(text, sizeof text, "%s/sh/cpuset.cpus", n.cgroup_root);
        st_autoclose int fd = open(text, O_WRONLY | O_TRUNC | O_CLOEXEC);
        cr_assert_eq(st_write_all(fd, "0-7", 3), 0);
        cr_assert_eq(node_claim(&n, (struct wish) {.id = "b", .n_cpus = 1}, &grant, NULL), 0);
        cr_expect_str_eq(node_read(&n, "sh", "cpuset.cpus"), "5-7");
}

Test(ledger, memory_nodes_of_the_choice_are_written_with_a_move) {
        NODE(n, "xeon-6230-2s");
        struct st_error err = {0};
        struct rt_grant grant;
        struct rt_cpus second = n.machine.topology->domains.sets[1];
        struct rt_ledger_change change = {.within = &second};
        uint64_t a = node_start(&n, (struct wish) {.id = "a", .n_cpus = 4, .memory = true});

        cr_assert_eq(rt_ledger_change(n.ledger, a, &change, &grant, &err), 0, "%s", err.msg);
        cr_expect_str_eq(node_read(&n, "a", "cpuset.mems"), "1");
        cr_expect_str_eq(node_read(&n, "a", "cpuset.cpus"), show(&grant.decision.cpus));
        cr_expect(rt_cpus_contain(&second, &grant.decision.cpus));
}

Test(ledger, a_change_that_is_refused_changes_nothing) {
        NODE(n, "guest-flat");
        struct st_error err = {0};
        struct rt_grant grant;
        struct rt_ledger_change change = {.n_cpus = 6};
        uint64_t a = node_start(&n, (struct wish) {.id = "a", .n_cpus = 3});

        node_start(&n, (struct wish) {.id = "b", .n_cpus = 3});
        cr_expect_eq(rt_ledger_change(n.ledger, a, &change, &grant, &err), -EBUSY);
        cr_expect_str_eq(node_list(&n), "a:exclusive:0-2 b:exclusive:3-5");
        change.n_cpus = 5;
        cr_expect_eq(rt_ledger_change(n.ledger, a, &change, &grant, &err), 0);
        cr_expect_str_eq(node_read(&n, "a", "cpuset.cpus"), "0-2,6-7");
}

Test(ledger, repacking_brings_a_spread_task_together_and_empties_domains) {
        NODE(n, "gb10"); /* two domains of ten */
        struct st_error err = {0};
        unsigned n_moved = 0;
        uint64_t a = node_start(&n, (struct wish) {.id = "a", .n_cpus = 6}), c;

        node_start(&n, (struct wish) {.id = "b", .n_cpus = 6});
        c = node_start(&n, (struct wish) {.id = "c", .n_cpus = 7}); /* 4 and 3 */
        node_end(&n, "a", a);
        cr_assert_eq(rt_ledger_repack(n.ledger, &n_moved, &err), 0, "%s", err.msg);
        cr_expect_eq(n_moved, 1);
        (void)c;
        {
                struct rt_cpus set = cpus(node_read(&n, "c", "cpuset.cpus"));

                cr_expect_eq(rt_cpus_count(&set), 7);
                cr_expect(rt_cpus_contain(&n.machine.topology->domains.sets[0], &set) ||
                          rt_cpus_contain(&n.machine.topology->domains.sets[1], &set));
        }
        cr_assert_eq(rt_ledger_repack(n.ledger, &n_moved, &err), 0);
        cr_expect_eq(n_moved, 0, "nothing is left to do");
}

Test(ledger, cpus_that_went_offline_are_replaced) {
        NODE(n, "guest-flat");
        struct st_error err = {0};
        unsigned n_moved = 0;

        node_start(&n, (struct wish) {.id = "a", .n_cpus = 4});
        fixture_put(&n.machine, "devices/system/cpu/online", "0,2-7\n");
        cr_assert_eq(rt_ledger_repack(n.ledger, &n_moved, &err), 0, "%s", err.msg);
        cr_expect_eq(n_moved, 1);
        {
                struct rt_cpus set = cpus(node_read(&n, "a", "cpuset.cpus"));

                cr_expect_eq(rt_cpus_count(&set), 4);
                cr_expect(!rt_cpus_has(&set, 1));
        }
}

/* The child waits in the queue; the parent gives back and reaps. */
Test(ledger, who_waits_gets_the_cpus_that_are_given_back) {
        NODE(n, "guest-flat");
        uint64_t a = node_start(&n, (struct wish) {.id = "a", .n_cpus = 8});
        pid_t child = fork();
        int status;

        if (child == 0) {
                struct node mine = n;
                struct rt_grant grant;

                mine.ledger = node_open(&n);
                _exit(node_claim(&mine, (struct wish) {.id = "w", .n_cpus = 8, .wait_msec = 60000},
                                 &grant, NULL) == 0
                              ? 0
                              : 1);
        }
        while (!strstr(node_list(&n), "w:exclusive::queued"))
                ;
        node_end(&n, "a", a);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_expect_eq(status, 0);
        cr_expect_str_eq(node_list(&n), "", "its owner is gone, and it made no cgroup");
}

Test(ledger, waiting_ends_with_its_time) {
        NODE(n, "guest-flat");
        struct rt_grant grant;
        char why[500];

        node_start(&n, (struct wish) {.id = "a", .n_cpus = 8});
        cr_expect_eq(node_claim(&n, (struct wish) {.id = "w", .n_cpus = 1, .wait_msec = 20}, &grant,
                                why),
                     -EBUSY);
        cr_expect(strstr(why, "after 20 ms: "), "%s", why);
        cr_expect_str_eq(node_list(&n), "a:exclusive:0-7");
}
