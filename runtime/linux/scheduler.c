#include <linux/ioprio.h>

#include <stint/process.h>
#include <stint/syscall.h>

/* The kernel's struct sched_attr. Own, since glibc 2.41 and <linux/sched/types.h> define it both.
 */
struct scheduler_attr {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
        uint32_t util_min, util_max;
};

int rt_scheduler_apply(const struct st_scheduler *scheduler, struct st_error *err) {
        const struct scheduler_attr attr = {
                .size = sizeof attr,
                .policy = scheduler->policy,
                .flags = scheduler->flags,
                .nice = scheduler->nice,
                .priority = scheduler->priority,
                .runtime = scheduler->runtime,
                .deadline = scheduler->deadline,
                .period = scheduler->period,
        };

        if (syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
                return st_error_sys(
                        err, "process.scheduler: sched_setattr policy %u, nice %d, priority %u",
                        scheduler->policy, scheduler->nice, scheduler->priority);
        return 0;
}

int rt_io_priority_apply(const struct st_io_priority *priority, struct st_error *err) {
        /* IOPRIO_PRIO_VALUE() of Linux 6.1's headers makes another class of one that is too large
         */
        bool known =
                priority->io_class >= IOPRIO_CLASS_NONE && priority->io_class <= IOPRIO_CLASS_IDLE;
        int value = IOPRIO_PRIO_VALUE(priority->io_class, priority->priority);

        if (!known)
                errno = EINVAL;
        if (!known || syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, value) < 0)
                return st_error_sys(err, "process.ioPriority: ioprio_set class %d, priority %d",
                                    priority->io_class, priority->priority);
        return 0;
}
