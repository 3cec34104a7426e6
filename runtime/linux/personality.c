#include <stint/process.h>
#include <stint/syscall.h>

int rt_personality_apply(const struct st_personality *personality, struct st_error *err) {
        if (syscall(SYS_personality, (unsigned long)personality->domain) < 0)
                return st_error_sys(err, "linux.personality: personality %#x", personality->domain);
        return 0;
}
