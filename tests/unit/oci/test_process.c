#include "config.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/resource.h>

#include <stint/spec.h>

TestSuite(process, .fini = st_test_no_leaks);

static void expect_refused(const struct st_test_refusal *rows, size_t n) {
        st_test_refused("'process': {'cwd': '/', ", "}", rows, n);
}

Test(process, reads_every_member) {
        st_cleanup(st_spec_freep) struct st_spec *spec = st_test_config(
                "'process': {'terminal': true, 'consoleSize': {'height': 25, 'width': 80},"
                " 'user': {'uid': 1, 'gid': 2, 'umask': 63, 'additionalGids': [5, 4294967294]},"
                " 'args': ['sh', ''], 'env': ['A=1', 'B='], 'cwd': '/root', 'noNewPrivileges': "
                "true,"
                " 'apparmorProfile': 'prof', 'selinuxLabel': 'a:b:c', 'oomScoreAdj': -999,"
                " 'execCPUAffinity': {'initial': '7', 'final': '0-3, 7'}}");
        const struct st_process *p = spec->process;

        cr_assert(p);
        cr_expect(p->terminal);
        cr_expect_eq(p->console_height, 25);
        cr_expect_eq(p->console_width, 80);
        cr_expect_eq(p->user.uid, 1);
        cr_expect_eq(p->user.gid, 2);
        cr_expect(p->user.has_umask);
        cr_expect_eq(p->user.umask, 077);
        cr_assert_eq(p->user.n_additional_gids, 2);
        cr_expect_eq(p->user.additional_gids[0], 5);
        cr_expect_eq(p->user.additional_gids[1], 4294967294u);
        cr_expect_eq(p->n_args, 2);
        cr_expect_str_eq(p->args[0], "sh");
        cr_expect_str_eq(p->args[1], "");
        cr_expect_null(p->args[2]);
        cr_expect_eq(p->n_env, 2);
        cr_expect_str_eq(p->env[1], "B=");
        cr_expect_null(p->env[2]);
        cr_expect_str_eq(p->cwd, "/root");
        cr_expect(p->no_new_privileges);
        cr_expect_str_eq(p->apparmor_profile, "prof");
        cr_expect_str_eq(p->selinux_label, "a:b:c");
        cr_expect(p->has_oom_score_adj);
        cr_expect_eq(p->oom_score_adj, -999);
        cr_expect_str_eq(p->exec_cpu_affinity_initial, "7");
        cr_expect_str_eq(p->exec_cpu_affinity_final, "0-3, 7");
}

Test(process, absent_members_are_absent) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                st_test_config("'process': {'cwd': '/', 'terminal': false, 'consoleSize': 'ignored "
                               "without a terminal', 'user': {},"
                               " 'apparmorProfile': '', 'selinuxLabel': '', 'args': null, 'env': "
                               "null, 'execCPUAffinity': {'initial': ''}}");
        const struct st_process *p = spec->process;

        cr_expect_eq(p->console_height | p->console_width, 0);
        cr_expect_eq(p->user.uid | p->user.gid, 0);
        cr_expect_not(p->user.has_umask);
        cr_expect_null(p->args);
        cr_assert(p->env, "the environment is never NULL");
        cr_expect_null(p->env[0]);
        cr_expect_null(p->apparmor_profile);
        cr_expect_null(p->selinux_label);
        cr_expect_not(p->has_oom_score_adj);
        cr_expect_null(p->scheduler);
        cr_expect_null(p->io_priority);
        cr_expect_not(p->caps.present);
        cr_expect_eq(p->n_rlimits, 0);
        cr_expect_null(p->exec_cpu_affinity_initial);
}

static const struct st_test_refusal members[] = {
        {"'terminal': 'yes'", "process.terminal: \"yes\" is not true or false"},
        {"'terminal': true, 'consoleSize': []", "process.consoleSize: an array is not an object"},
        {"'terminal': true, 'consoleSize': {'width': 1}",
         "process.consoleSize.height: is missing: an integer is required"},
        {"'terminal': true, 'consoleSize': {'height': 65536, 'width': 1}",
         "process.consoleSize.height: 65536 is not in 0..65535"},
        {"'terminal': true, 'consoleSize': {'height': 1, 'width': -1}",
         "process.consoleSize.width: -1 is not in 0..65535"},
        {"'user': 0", "process.user: 0 is not an object"},
        {"'user': {'uid': -1}", "process.user.uid: -1 is not in 0..4294967294"},
        {"'user': {'uid': 4294967295}", "process.user.uid: 4294967295 is not in 0..4294967294"},
        {"'user': {'uid': 1.0}", "process.user.uid: 1.0 is not an integer"},
        {"'user': {'uid': 1e3}", "process.user.uid: 1e3 is not an integer"},
        {"'user': {'uid': '0'}", "process.user.uid: \"0\" is not an integer"},
        {"'user': {'uid': 99999999999999999999}",
         "process.user.uid: 99999999999999999999 is not in 0..4294967294"},
        {"'user': {'gid': 4294967296}", "process.user.gid: 4294967296 is not in 0..4294967294"},
        {"'user': {'umask': 512}", "process.user.umask: 512 is not in 0..511"},
        {"'user': {'umask': -1}", "process.user.umask: -1 is not in 0..511"},
        {"'user': {'additionalGids': 5}", "process.user.additionalGids: 5 is not an array"},
        {"'user': {'additionalGids': [1, null]}",
         "process.user.additionalGids[1]: null is not an integer"},
        {"'user': {'additionalGids': [4294967295]}",
         "process.user.additionalGids[0]: 4294967295 is not in 0..4294967294"},
        {"'args': []", "process.args: an array without elements names no program"},
        {"'args': 'sh'", "process.args: \"sh\" is not an array"},
        {"'args': ['sh', 1]", "process.args[1]: 1 is not a string"},
        {"'args': [null]", "process.args[0]: null is not a string"},
        {"'args': ['']",
         NULL}, /* what execve(2) says about it is the answer that callers look for */
        {"'env': {}", "process.env: an object is not an array"},
        {"'env': ['A=1', 'B']", "process.env[1]: \"B\" is not NAME=VALUE"},
        {"'env': ['=x']", "process.env[0]: \"=x\" is not NAME=VALUE"},
        {"'env': ['']", "process.env[0]: \"\" is not NAME=VALUE"},
        {"'env': [5]", "process.env[0]: 5 is not a string"},
        {"'env': ['A=b=c', 'A==']", NULL},
        {"'noNewPrivileges': null", NULL},
        {"'noNewPrivileges': 'true'", "process.noNewPrivileges: \"true\" is not true or false"},
        {"'apparmorProfile': {}", "process.apparmorProfile: an object is not a string"},
        {"'selinuxLabel': false", "process.selinuxLabel: false is not a string"},
        {"'oomScoreAdj': -1000", NULL},
        {"'oomScoreAdj': 1000", NULL},
        {"'oomScoreAdj': 1001", "process.oomScoreAdj: 1001 is not in -1000..1000"},
        {"'oomScoreAdj': -1001", "process.oomScoreAdj: -1001 is not in -1000..1000"},
        {"'oomScoreAdj': '5'", "process.oomScoreAdj: \"5\" is not an integer"},
        {"'execCPUAffinity': '1'", "process.execCPUAffinity: \"1\" is not an object"},
        {"'execCPUAffinity': {'initial': 1}", "process.execCPUAffinity.initial: 1 is not a string"},
        {"'execCPUAffinity': {'initial': '3-1'}",
         "process.execCPUAffinity.initial: \"3-1\" is not a list such as \"0-3,7\" below 8192"},
        {"'execCPUAffinity': {'final': '8192'}",
         "process.execCPUAffinity.final: \"8192\" is not a list such as \"0-3,7\" below 8192"},
};

Test(process, refuses_bad_members) {
        expect_refused(members, ST_TEST_N(members));
}

Test(process, wants_an_absolute_cwd) {
        static const struct st_test_refusal rows[] = {
                {"", "process.cwd: is missing: an absolute path is required"},
                {"'cwd': ''", "process.cwd: is missing: an absolute path is required"},
                {"'cwd': null", "process.cwd: is missing: an absolute path is required"},
                {"'cwd': 'tmp'", "process.cwd: \"tmp\" is not an absolute path"},
                {"'cwd': ['/']", "process.cwd: an array is not a string"},
        };

        st_test_refused("'process': {", "}", rows, ST_TEST_N(rows));
}

Test(process, limits_the_number_of_groups) {
        st_autofree char *text = malloc(65537 * 2 + 100);
        struct st_test_refusal row = {
                text, "process.user.additionalGids: an array of 65537 groups is longer than 65536"};
        size_t used;

        cr_assert(text);
        used = (size_t)sprintf(text, "'user': {'additionalGids': [1");
        for (int i = 0; i < 65536; i++)
                used += (size_t)sprintf(text + used, ",1");
        (void)sprintf(text + used, "]}");
        expect_refused(&row, 1);
}

/* ---- rlimits ---- */

Test(process, reads_rlimits_to_the_last_bit) {
        st_cleanup(st_spec_freep) struct st_spec *spec = st_test_config(
                "'process': {'cwd': '/', 'rlimits': [{'type': 'RLIMIT_NOFILE', 'soft': 1024, "
                "'hard': 4096},"
                " {'type': 'RLIMIT_CORE', 'soft': 0, 'hard': 18446744073709551615}]}");
        const struct st_process *p = spec->process;

        cr_assert_eq(p->n_rlimits, 2);
        cr_expect_eq(p->rlimits[0].resource, RLIMIT_NOFILE);
        cr_expect_str_eq(p->rlimits[0].name, "RLIMIT_NOFILE");
        cr_expect_eq(p->rlimits[0].soft, 1024);
        cr_expect_eq(p->rlimits[0].hard, 4096);
        cr_expect_eq(p->rlimits[1].resource, RLIMIT_CORE);
        cr_expect_eq(p->rlimits[1].hard, UINT64_MAX);
}

static const struct st_test_refusal rlimits[] = {
        {"{}", "process.rlimits: an object is not an array"},
        {"[5]", "process.rlimits[0]: 5 is not an object"},
        {"[null]", "process.rlimits[0]: null is not an object"},
        {"[{'soft': 1, 'hard': 1}]", "process.rlimits[0].type: is missing: a string is required"},
        {"[{'type': 'RLIMIT_CPU', 'hard': 1}]",
         "process.rlimits[0].soft: is missing: an integer is required"},
        {"[{'type': 'RLIMIT_CPU', 'soft': 1}]",
         "process.rlimits[0].hard: is missing: an integer is required"},
        {"[{'type': 'RLIMIT_NOPE', 'soft': 1, 'hard': 1}]",
         "process.rlimits[0].type: \"RLIMIT_NOPE\" is not a limit of Linux, such as RLIMIT_NOFILE"},
        {"[{'type': 'RLIMIT_AS', 'soft': 1, 'hard': 1}, {'type': 'RLIMIT_CPU', 'soft': 1, 'hard': "
         "1},"
         " {'type': 'RLIMIT_FSIZE', 'soft': -1, 'hard': 1}]",
         "process.rlimits[2].soft: -1 is not in 0..18446744073709551615"},
        {"[{'type': 'RLIMIT_CPU', 'soft': 18446744073709551616, 'hard': 1}]",
         "process.rlimits[0].soft: 18446744073709551616 is not in 0..18446744073709551615"},
        {"[{'type': 'RLIMIT_CPU', 'soft': '1', 'hard': 1}]",
         "process.rlimits[0].soft: \"1\" is not an integer"},
        {"[{'type': 'RLIMIT_CPU', 'soft': 2, 'hard': 1}]",
         "process.rlimits[0].soft: 2 is more than the hard limit"},
        {"[{'type': 'RLIMIT_CPU', 'soft': 1, 'hard': 1}, {'type': 'RLIMIT_CPU', 'soft': 1, 'hard': "
         "1}]",
         "process.rlimits[1].type: \"RLIMIT_CPU\" is listed twice"},
        {"[]", NULL},
};

Test(process, refuses_bad_rlimits) {
        st_test_refused("'process': {'cwd': '/', 'rlimits': ", "}", rlimits, ST_TEST_N(rlimits));
}

/* ---- capabilities ---- */

Test(process, reads_the_five_sets) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                st_test_config("'process': {'cwd': '/', 'capabilities': {'bounding': ['CAP_CHOWN', "
                               "'CAP_KILL'], 'effective': ['CAP_KILL'],"
                               " 'inheritable': [], 'permitted': ['CAP_CHECKPOINT_RESTORE'], "
                               "'ambient': ['CAP_KILL', 'CAP_KILL']}}");
        const struct st_capabilities *caps = &spec->process->caps;

        cr_expect(caps->present);
        cr_expect_eq(caps->bounding, 1 << CAP_CHOWN | 1 << CAP_KILL);
        cr_expect_eq(caps->effective, 1 << CAP_KILL);
        cr_expect_eq(caps->inheritable, 0);
        cr_expect_eq(caps->permitted, UINT64_C(1) << CAP_CHECKPOINT_RESTORE);
        cr_expect_eq(caps->ambient, 1 << CAP_KILL);
        cr_expect_null(caps->unknown);
}

Test(process, keeps_each_unknown_capability_once) {
        st_cleanup(st_spec_freep) struct st_spec *spec =
                st_test_config("'process': {'cwd': '/', 'capabilities': {'bounding': ['CAP_ZZZ', "
                               "'CAP_CHOWN', 'CAP_NEW'],"
                               " 'effective': ['CAP_NEW', 'CAP_ZZZ', 'chown'], 'ambient': null}}");
        const struct st_capabilities *caps = &spec->process->caps;

        cr_expect_eq(caps->bounding, 1 << CAP_CHOWN);
        cr_expect_eq(caps->effective, 0);
        cr_assert(caps->unknown);
        cr_expect_str_eq(caps->unknown[0], "CAP_NEW");
        cr_expect_str_eq(caps->unknown[1], "CAP_ZZZ");
        cr_expect_str_eq(caps->unknown[2], "chown");
        cr_expect_null(caps->unknown[3]);
}

static const struct st_test_refusal capabilities[] = {
        {"[]", "process.capabilities: an array is not an object"},
        {"{'bounding': 'CAP_CHOWN'}",
         "process.capabilities.bounding: \"CAP_CHOWN\" is not an array"},
        {"{'ambient': ['CAP_CHOWN', 3]}", "process.capabilities.ambient[1]: 3 is not a string"},
        {"{}", NULL},
};

Test(process, refuses_bad_capabilities) {
        st_test_refused("'process': {'cwd': '/', 'capabilities': ", "}", capabilities,
                        ST_TEST_N(capabilities));
}

/* ---- scheduler, ioPriority ---- */

Test(process, reads_a_deadline_scheduler) {
        st_cleanup(st_spec_freep) struct st_spec *spec = st_test_config(
                "'process': {'cwd': '/', 'scheduler': {'policy': 'SCHED_DEADLINE', 'runtime': "
                "1024, 'deadline': 30000,"
                " 'period': 30000, 'flags': ['SCHED_FLAG_RESET_ON_FORK', 'SCHED_FLAG_DL_OVERRUN']},"
                " 'ioPriority': {'class': 'IOPRIO_CLASS_RT', 'priority': 7}}");
        const struct st_scheduler *s = spec->process->scheduler;

        cr_assert(s && spec->process->io_priority);
        cr_expect_eq(s->policy, SCHED_DEADLINE);
        cr_expect_eq(s->runtime, 1024);
        cr_expect_eq(s->deadline, 30000);
        cr_expect_eq(s->period, 30000);
        cr_expect_eq(s->flags, SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_DL_OVERRUN);
        cr_expect_eq(spec->process->io_priority->io_class, IOPRIO_CLASS_RT);
        cr_expect_eq(spec->process->io_priority->priority, 7);
}

Test(process, reads_nice_and_priority) {
        st_cleanup(st_spec_freep) struct st_spec *fair =
                st_test_config("'process': {'cwd': '/', 'scheduler': {'policy': 'SCHED_BATCH', "
                               "'nice': -20}, 'ioPriority': {'class': 'IOPRIO_CLASS_IDLE'}}");
        st_cleanup(st_spec_freep) struct st_spec *real_time = st_test_config(
                "'process': {'cwd': '/', 'scheduler': {'policy': 'SCHED_RR', 'priority': 99}}");

        cr_expect_eq(fair->process->scheduler->policy, SCHED_BATCH);
        cr_expect_eq(fair->process->scheduler->nice, -20);
        cr_expect_eq(fair->process->io_priority->io_class, IOPRIO_CLASS_IDLE);
        cr_expect_eq(fair->process->io_priority->priority, 0);
        cr_expect_eq(real_time->process->scheduler->policy, SCHED_RR);
        cr_expect_eq(real_time->process->scheduler->priority, 99);
}

static const struct st_test_refusal scheduling[] = {
        {"'scheduler': 'SCHED_OTHER'", "process.scheduler: \"SCHED_OTHER\" is not an object"},
        {"'scheduler': {}",
         "process.scheduler.policy: is missing: a policy such as SCHED_OTHER is required"},
        {"'scheduler': {'policy': 'SCHED_EXT'}",
         "process.scheduler.policy: \"SCHED_EXT\" is not one of SCHED_OTHER, SCHED_FIFO, SCHED_RR, "
         "SCHED_BATCH, SCHED_ISO,"
         " SCHED_IDLE, SCHED_DEADLINE"},
        {"'scheduler': {'policy': 1}", "process.scheduler.policy: 1 is not a string"},
        {"'scheduler': {'policy': 'SCHED_OTHER', 'nice': 20}",
         "process.scheduler.nice: 20 is not in -20..19"},
        {"'scheduler': {'policy': 'SCHED_OTHER', 'nice': -21}",
         "process.scheduler.nice: -21 is not in -20..19"},
        {"'scheduler': {'policy': 'SCHED_FIFO', 'priority': 1, 'nice': 1}",
         "process.scheduler.nice: 1 is only for SCHED_OTHER and SCHED_BATCH"},
        {"'scheduler': {'policy': 'SCHED_FIFO', 'priority': 1, 'nice': 0}", NULL},
        {"'scheduler': {'policy': 'SCHED_FIFO'}",
         "process.scheduler.priority: is missing: 1..99 with SCHED_FIFO and SCHED_RR is required"},
        {"'scheduler': {'policy': 'SCHED_FIFO', 'priority': 100}",
         "process.scheduler.priority: 100 is not in 0..99"},
        {"'scheduler': {'policy': 'SCHED_OTHER', 'priority': 1}",
         "process.scheduler.priority: 1 is only for SCHED_FIFO and SCHED_RR"},
        {"'scheduler': {'policy': 'SCHED_OTHER', 'priority': 0, 'nice': 19}", NULL},
        {"'scheduler': {'policy': 'SCHED_IDLE'}", NULL},
        {"'scheduler': {'policy': 'SCHED_OTHER', 'runtime': 5}",
         "process.scheduler: an object has a runtime, deadline or period, which only "
         "SCHED_DEADLINE takes"},
        {"'scheduler': {'policy': 'SCHED_DEADLINE', 'runtime': 1023, 'deadline': 5000}",
         "process.scheduler: an object with SCHED_DEADLINE needs a deadline and a runtime of 1024 "
         "ns or more"},
        {"'scheduler': {'policy': 'SCHED_DEADLINE', 'runtime': 2000}",
         "process.scheduler: an object with SCHED_DEADLINE needs a deadline and a runtime of 1024 "
         "ns or more"},
        {"'scheduler': {'policy': 'SCHED_DEADLINE', 'runtime': 5001, 'deadline': 5000}",
         "process.scheduler.runtime: 5001 is more than the deadline"},
        {"'scheduler': {'policy': 'SCHED_DEADLINE', 'runtime': 2000, 'deadline': 5000, 'period': "
         "4999}",
         "process.scheduler.deadline: 5000 is more than the period"},
        {"'scheduler': {'policy': 'SCHED_DEADLINE', 'runtime': 9223372036854775808, 'deadline': 1}",
         "process.scheduler.runtime: 9223372036854775808 is not in 0..9223372036854775807"},
        {"'scheduler': {'policy': 'SCHED_OTHER', 'flags': ['SCHED_FLAG_NOPE']}",
         "process.scheduler.flags[0]: \"SCHED_FLAG_NOPE\" is not one of SCHED_FLAG_RESET_ON_FORK, "
         "SCHED_FLAG_RECLAIM,"
         " SCHED_FLAG_DL_OVERRUN, SCHED_FLAG_KEEP_POLICY, SCHED_FLAG_KEEP_PARAMS, "
         "SCHED_FLAG_UTIL_CLAMP_MIN,"
         " SCHED_FLAG_UTIL_CLAMP_MAX"},
        {"'scheduler': {'policy': 'SCHED_OTHER', 'flags': 'x'}",
         "process.scheduler.flags: \"x\" is not an array"},
        {"'ioPriority': 4", "process.ioPriority: 4 is not an object"},
        {"'ioPriority': {'priority': 4}",
         "process.ioPriority.class: is missing: a class such as IOPRIO_CLASS_BE is required"},
        {"'ioPriority': {'class': 'IOPRIO_CLASS_NONE', 'priority': 4}",
         "process.ioPriority.class: \"IOPRIO_CLASS_NONE\" is not one of IOPRIO_CLASS_RT, "
         "IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE"},
        {"'ioPriority': {'class': 'IOPRIO_CLASS_BE', 'priority': 8}",
         "process.ioPriority.priority: 8 is not in 0..7"},
        {"'ioPriority': {'class': 'IOPRIO_CLASS_BE', 'priority': -1}",
         "process.ioPriority.priority: -1 is not in 0..7"},
};

Test(process, refuses_bad_scheduling) {
        expect_refused(scheduling, ST_TEST_N(scheduling));
}
