#include "proc.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include <stint/cleanup.h>
#include <stint/process.h>
#include <stint/syscall.h>

bool rt_apparmor_enabled(void) {
        st_autoclose int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
        char answer = 'N';

        return fd >= 0 && read(fd, &answer, 1) == 1 && answer == 'Y';
}

bool rt_selinux_enabled(void) {
        struct statfs fs;

        return statfs("/sys/fs/selinux", &fs) == 0 && fs.f_type == SELINUX_MAGIC;
}

static bool asked(const char *label) {
        return label && *label;
}

int rt_lsm_check(const struct st_process *process, struct st_error *err) {
        int r = 0;

        if (asked(process->apparmor_profile) && !rt_apparmor_enabled())
                r = st_error_set(
                        err, -EOPNOTSUPP,
                        "process.apparmorProfile: %s: AppArmor is not enabled on this kernel",
                        process->apparmor_profile);
        else if (asked(process->selinux_label) && !rt_selinux_enabled())
                r = st_error_set(err, -EOPNOTSUPP,
                                 "process.selinuxLabel: %s: SELinux is not enabled on this kernel",
                                 process->selinux_label);
        return r < 0 ? st_error_kind(err, r, ST_CODE_UNSUPPORTED) : 0;
}

static int apply_apparmor(int proc_fd, const char *profile, struct st_error *err) {
        const char *file =
                "thread-self/attr/apparmor/exec"; /* Linux 5.8; apart from other modules' labels */
        char command[PATH_MAX];
        int n = snprintf(command, sizeof command, "exec %s", profile);
        int r;

        if ((size_t)n >= sizeof command)
                return st_error_code(err, -ENAMETOOLONG, "process.apparmorProfile: %.64s", profile);
        r = rt_proc_write(proc_fd, file, command, (size_t)n);
        if (r == -ENOENT) {
                file = "thread-self/attr/exec";
                r = rt_proc_write(proc_fd, file, command, (size_t)n);
        }
        if (r < 0)
                return st_error_code(err, r, "process.apparmorProfile: write `%s` to `/proc/%s`",
                                     command, file);
        return 0;
}

static int apply_selinux(int proc_fd, const char *label, struct st_error *err) {
        int r = rt_proc_write(proc_fd, "thread-self/attr/exec", label, strlen(label));

        if (r < 0)
                return st_error_code(
                        err, r, "process.selinuxLabel: write `%s` to `/proc/thread-self/attr/exec`",
                        label);
        return 0;
}

int rt_lsm_apply(int proc_fd, const char *apparmor_profile, const char *selinux_label,
                 struct st_error *err) {
        if (asked(apparmor_profile)) {
                int r = apply_apparmor(proc_fd, apparmor_profile, err);
                if (r < 0)
                        return r;
        }
        return asked(selinux_label) ? apply_selinux(proc_fd, selinux_label, err) : 0;
}
