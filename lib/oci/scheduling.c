#include "sections.h"

#include <linux/ioprio.h>
#include <linux/sched.h>

enum {
        MAX_CPUS = 8192 /* the largest CONFIG_NR_CPUS */,
        SHORTEST_RUNTIME = 1024 /* the kernel's, in ns */
};
enum { POLICY_ISO = 4 /* reserved by the kernel, named by the spec */ };

static const struct st_name policies[] = {
        {"SCHED_OTHER", SCHED_NORMAL},
        {"SCHED_FIFO", SCHED_FIFO},
        {"SCHED_RR", SCHED_RR},
        {"SCHED_BATCH", SCHED_BATCH},
        {"SCHED_ISO", POLICY_ISO},
        {"SCHED_IDLE", SCHED_IDLE},
        {"SCHED_DEADLINE", SCHED_DEADLINE},
        {NULL},
};

static const struct st_name scheduler_flags[] = {
        {"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
        {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
        {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
        {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
        {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
        {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
        {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
        {NULL},
};

static const struct st_name io_classes[] = {
        {"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
        {"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
        {"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
        {NULL},
};

/* sched_setattr(2): nice is for the fair policies, a priority for the real-time ones. */
static void read_fixed_priority(struct st_reader *r, const struct st_json *node,
                                struct st_scheduler *s) {
        bool fair = s->policy == SCHED_NORMAL || s->policy == SCHED_BATCH;
        bool real_time = s->policy == SCHED_FIFO || s->policy == SCHED_RR;
        struct st_optional_i64 nice = st_reader_int(r, node, "nice", -20, 19);
        struct st_optional_i64 priority = st_reader_int(r, node, "priority", 0, 99);

        s->nice = (int32_t)nice.value;
        s->priority = (uint32_t)priority.value;
        if (nice.value != 0 && !fair)
                st_reader_reject(r, st_json_get(node, "nice"),
                                 "is only for SCHED_OTHER and SCHED_BATCH");
        if (priority.value != 0 && !real_time)
                st_reader_reject(r, st_json_get(node, "priority"),
                                 "is only for SCHED_FIFO and SCHED_RR");
        if (priority.value == 0 && real_time)
                st_reader_missing(r, node, "priority", "1..99 with SCHED_FIFO and SCHED_RR");
}

/* The kernel's rule: 1024 ns <= runtime <= deadline <= period; a period of 0 is the deadline. */
static void check_deadline(struct st_reader *r, const struct st_json *node,
                           const struct st_scheduler *s) {
        if (s->runtime < SHORTEST_RUNTIME || s->deadline == 0)
                st_reader_reject(
                        r, node,
                        "with SCHED_DEADLINE needs a deadline and a runtime of 1024 ns or more");
        else if (s->runtime > s->deadline)
                st_reader_reject(r, st_json_get(node, "runtime"), "is more than the deadline");
        else if (s->period != 0 && s->deadline > s->period)
                st_reader_reject(r, st_json_get(node, "deadline"), "is more than the period");
}

static void read_deadline(struct st_reader *r, const struct st_json *node, struct st_scheduler *s) {
        s->runtime = st_reader_uint(r, node, "runtime", INT64_MAX).value;
        s->deadline = st_reader_uint(r, node, "deadline", INT64_MAX).value;
        s->period = st_reader_uint(r, node, "period", INT64_MAX).value;
        if (s->policy == SCHED_DEADLINE)
                check_deadline(r, node, s);
        else if (s->runtime || s->deadline || s->period)
                st_reader_reject(
                        r, node,
                        "has a runtime, deadline or period, which only SCHED_DEADLINE takes");
}

static void read_scheduler(struct st_reader *r, const struct st_json *node,
                           struct st_process *process) {
        const struct st_json *policy = st_reader_member(node, "policy");
        struct st_scheduler *s = st_reader_alloc(r, 1, sizeof *s);

        if (!s)
                return;
        process->scheduler = s;
        if (!policy) {
                st_reader_missing(r, node, "policy", "a policy such as SCHED_OTHER");
                return;
        }
        s->policy = (uint32_t)st_reader_name(r, policy, policies);
        ST_JSON_FOREACH (flag, st_reader_array(r, node, "flags"))
                s->flags |= st_reader_name(r, flag, scheduler_flags);
        read_fixed_priority(r, node, s);
        read_deadline(r, node, s);
}

static void read_io_priority(struct st_reader *r, const struct st_json *node,
                             struct st_process *process) {
        const struct st_json *class = st_reader_member(node, "class");
        struct st_io_priority *io = st_reader_alloc(r, 1, sizeof *io);

        if (!io)
                return;
        process->io_priority = io;
        if (!class) {
                st_reader_missing(r, node, "class", "a class such as IOPRIO_CLASS_BE");
                return;
        }
        io->io_class = (int)st_reader_name(r, class, io_classes);
        io->priority = (int)st_reader_int(r, node, "priority", 0, 7).value;
}

void st_read_scheduling(struct st_reader *r, const struct st_json *node,
                        struct st_process *process) {
        const struct st_json *scheduler = st_reader_object(r, node, "scheduler");
        const struct st_json *io = st_reader_object(r, node, "ioPriority");
        const struct st_json *affinity = st_reader_object(r, node, "execCPUAffinity");

        if (scheduler)
                read_scheduler(r, scheduler, process);
        if (io)
                read_io_priority(r, io, process);
        process->exec_cpu_affinity_initial = st_reader_cpu_list(r, affinity, "initial", MAX_CPUS);
        process->exec_cpu_affinity_final = st_reader_cpu_list(r, affinity, "final", MAX_CPUS);
}
