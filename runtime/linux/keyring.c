#include "proc.h"

#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>

#include <stint/process.h>
#include <stint/syscall.h>

/* What the kernel gives a session keyring (possessor: all; user: view, read, link) and, so that
 * exec can join it by its name, search by the user. Names and bits: linux/key.h in the kernel. */
enum { SESSION_PERMISSIONS = 0x3f130000 | 0x00080000 };

static int set_label(int proc_fd, const char *label, struct st_error *err) {
        int r = rt_proc_write(proc_fd, "thread-self/attr/keycreate", label, strlen(label));

        if (r < 0)
                return st_error_code(
                        err, r,
                        "process.selinuxLabel: write %s to /proc/thread-self/attr/keycreate",
                        label);
        return 0;
}

static int join(const char *id, struct st_error *err) {
        char name[1024 + 8]; /* an id has at most 1024 bytes */
        long serial;

        if ((size_t)snprintf(name, sizeof name, "_ses.%s", id) >= sizeof name)
                return st_error_code(err, -ENAMETOOLONG, "join session keyring _ses.%s", id);
        serial = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
        if (serial < 0 && errno == ENOSYS)
                return 0; /* a kernel without keys has none to leak */
        if (serial < 0)
                return st_error_sys(err, "join session keyring %s", name);
        if (serial == 0)
                return 0; /* it is this process's already */
        /* EACCES: exec joined the keyring of a container whose maker has set this. */
        if (syscall(SYS_keyctl, KEYCTL_SETPERM, serial, SESSION_PERMISSIONS) < 0 && errno != EACCES)
                return st_error_sys(err, "set permissions of session keyring %s", name);
        return 0;
}

int rt_keyring_join(int proc_fd, const char *id, const char *selinux_label, struct st_error *err) {
        bool labelled = selinux_label && *selinux_label;
        int r;

        if (labelled) {
                r = set_label(proc_fd, selinux_label, err);
                if (r < 0)
                        return r;
        }
        r = join(id, err);
        if (r < 0)
                return r;
        return labelled ? set_label(proc_fd, "", err) : 0;
}
