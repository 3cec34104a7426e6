/* What the process may use: limits, scheduling, memory policy. */
#include "json.h"
#include "probe.h"

#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void report_limits(void) {
        static const char *const names[RLIM_NLIMITS] = {
                [RLIMIT_AS] = "RLIMIT_AS",
                [RLIMIT_CORE] = "RLIMIT_CORE",
                [RLIMIT_CPU] = "RLIMIT_CPU",
                [RLIMIT_DATA] = "RLIMIT_DATA",
                [RLIMIT_FSIZE] = "RLIMIT_FSIZE",
                [RLIMIT_LOCKS] = "RLIMIT_LOCKS",
                [RLIMIT_MEMLOCK] = "RLIMIT_MEMLOCK",
                [RLIMIT_MSGQUEUE] = "RLIMIT_MSGQUEUE",
                [RLIMIT_NICE] = "RLIMIT_NICE",
                [RLIMIT_NOFILE] = "RLIMIT_NOFILE",
                [RLIMIT_NPROC] = "RLIMIT_NPROC",
                [RLIMIT_RSS] = "RLIMIT_RSS",
                [RLIMIT_RTPRIO] = "RLIMIT_RTPRIO",
                [RLIMIT_RTTIME] = "RLIMIT_RTTIME",
                [RLIMIT_SIGPENDING] = "RLIMIT_SIGPENDING",
                [RLIMIT_STACK] = "RLIMIT_STACK",
        };
        struct rlimit limit;

        json_open(NULL, '{');
        json_open("rlimits", '{');
        for (int i = 0; i < RLIM_NLIMITS; i++) {
                if (!names[i] || getrlimit((__rlimit_resource_t)i, &limit) < 0)
                        continue;
                json_open(names[i], '[');
                json_unsigned(NULL, limit.rlim_cur);
                json_unsigned(NULL, limit.rlim_max);
                json_close(']');
        }
        json_close('}');
        json_close('}');
}

/* glibc of Debian 12 has no sched_getattr(); the layout is sched_setattr(2)'s first version. */
struct attributes {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
};

static void scheduler(void) {
        static const char *const policies[] = {
                [SCHED_OTHER] = "SCHED_OTHER", [SCHED_FIFO] = "SCHED_FIFO", [SCHED_RR] = "SCHED_RR",
                [SCHED_BATCH] = "SCHED_BATCH", [SCHED_IDLE] = "SCHED_IDLE", [6] = "SCHED_DEADLINE",
        };
        struct attributes a = {0};

        if (syscall(SYS_sched_getattr, 0, &a, sizeof a, 0) < 0)
                return;
        json_open("scheduler", '{');
        json_string("policy",
                    a.policy < sizeof policies / sizeof *policies ? policies[a.policy] : NULL);
        json_unsigned("flags", a.flags);
        json_number("nice", a.nice);
        json_unsigned("priority", a.priority);
        json_unsigned("runtime", a.runtime);
        json_unsigned("deadline", a.deadline);
        json_unsigned("period", a.period);
        json_close('}');
}

static void io_priority(void) {
        static const char *const classes[] = {"IOPRIO_CLASS_NONE", "IOPRIO_CLASS_RT",
                                              "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"};
        long value = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);

        json_open("io_priority", '{');
        json_string("class", classes[value >> IOPRIO_CLASS_SHIFT & 3]);
        json_number("level", value & 7);
        json_close('}');
}

static void affinity(void) {
        cpu_set_t set;

        CPU_ZERO(&set);
        sched_getaffinity(0, sizeof set, &set);
        json_open("cpus", '[');
        for (int i = 0; i < CPU_SETSIZE; i++)
                if (CPU_ISSET(i, &set))
                        json_number(NULL, i);
        json_close(']');
}

static void memory_policy(void) {
        static const char *const modes[] = {"MPOL_DEFAULT",
                                            "MPOL_PREFERRED",
                                            "MPOL_BIND",
                                            "MPOL_INTERLEAVE",
                                            "MPOL_LOCAL",
                                            "MPOL_PREFERRED_MANY",
                                            "MPOL_WEIGHTED_INTERLEAVE"};
        unsigned long nodes[16] = {0};
        int mode = 0, plain;

        if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof nodes * 8, NULL, 0) < 0)
                return;
        plain = mode & ~(1 << 13 | 1 << 14 | 1 << 15);
        json_open("memory_policy", '{');
        json_string("mode", plain < (int)(sizeof modes / sizeof *modes) ? modes[plain] : NULL);
        json_open("flags", '[');
        if (mode & 1 << 15)
                json_string(NULL, "MPOL_F_STATIC_NODES");
        if (mode & 1 << 14)
                json_string(NULL, "MPOL_F_RELATIVE_NODES");
        if (mode & 1 << 13)
                json_string(NULL, "MPOL_F_NUMA_BALANCING");
        json_close(']');
        json_open("nodes", '[');
        for (size_t i = 0; i < sizeof nodes * 8; i++)
                if (nodes[i / 64] >> i % 64 & 1)
                        json_unsigned(NULL, i);
        json_close(']');
        json_close('}');
}

void report_scheduling(void) {
        int adjustment = 0;
        FILE *f = fopen("/proc/self/oom_score_adj", "re");

        json_open(NULL, '{');
        scheduler();
        io_priority();
        affinity();
        memory_policy();
        json_number("personality", personality(0xffffffff));
        if (f && fscanf(f, "%d", &adjustment) == 1)
                json_number("oom_score_adj", adjustment);
        json_close('}');
        if (f)
                fclose(f);
}
