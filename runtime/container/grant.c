/* Which of the wanted capabilities this runtime can give. */
#include "plan.h"

#include <linux/capability.h>

#include <stint/syscall.h>

static uint64_t own_permitted(void) {
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {0};

        if (syscall(SYS_capget, &header, data) < 0)
                return 0;
        return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static void warn_each(const struct rt_runtime *runtime, uint64_t lost, const char *set) {
        for (int cap = 0; cap < 64; cap++)
                if (lost & UINT64_C(1) << cap)
                        rt_runtime_warn(
                                runtime, "process.capabilities.%s: %s cannot be granted: ignored",
                                set,
                                st_capability_name(cap) ? st_capability_name(cap) : "a capability");
}

void rt_task_grant(const struct rt_runtime *runtime, struct rt_task *task, bool new_userns) {
        struct st_capabilities *caps = &task->caps;
        const struct {
                const char *name;
                uint64_t *bits;
        } sets[] = {
                {"bounding", &caps->bounding},   {"effective", &caps->effective},
                {"permitted", &caps->permitted}, {"inheritable", &caps->inheritable},
                {"ambient", &caps->ambient},
        };
        uint64_t can = new_userns || !caps->present ? UINT64_MAX : own_permitted(), unraisable;

        for (char **name = caps->unknown; name && *name; name++)
                rt_runtime_warn(
                        runtime,
                        "process.capabilities: %s is unknown here and cannot be granted: ignored",
                        *name);
        for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
                warn_each(runtime, *sets[i].bits & ~can, sets[i].name);
                *sets[i].bits &= can;
        }
        unraisable =
                rt_caps_unraisable(caps); /* not in permitted and inheritable: capabilities(7) */
        warn_each(runtime, unraisable, "ambient");
        caps->ambient &= ~unraisable;
}
