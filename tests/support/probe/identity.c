/* Who the process is: ids, capabilities, and what restrains it. */
#include "json.h"
#include "probe.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const capability_names[] = {
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_DAC_READ_SEARCH",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_SETPCAP",
        "CAP_LINUX_IMMUTABLE",
        "CAP_NET_BIND_SERVICE",
        "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN",
        "CAP_NET_RAW",
        "CAP_IPC_LOCK",
        "CAP_IPC_OWNER",
        "CAP_SYS_MODULE",
        "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT",
        "CAP_SYS_PTRACE",
        "CAP_SYS_PACCT",
        "CAP_SYS_ADMIN",
        "CAP_SYS_BOOT",
        "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE",
        "CAP_SYS_TIME",
        "CAP_SYS_TTY_CONFIG",
        "CAP_MKNOD",
        "CAP_LEASE",
        "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL",
        "CAP_SETFCAP",
        "CAP_MAC_OVERRIDE",
        "CAP_MAC_ADMIN",
        "CAP_SYSLOG",
        "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND",
        "CAP_AUDIT_READ",
        "CAP_PERFMON",
        "CAP_BPF",
        "CAP_CHECKPOINT_RESTORE",
};
enum { N_CAPABILITIES = sizeof capability_names / sizeof *capability_names };

static void user_ids(void) {
        uid_t real, effective, saved;

        getresuid(&real, &effective, &saved);
        json_open("uids", '[');
        json_unsigned(NULL, real);
        json_unsigned(NULL, effective);
        json_unsigned(NULL, saved);
        json_unsigned(NULL, (unsigned)setfsuid((uid_t)-1));
        json_close(']');
}

static void group_ids(void) {
        gid_t real, effective, saved, *groups;
        int n = getgroups(0, NULL);

        getresgid(&real, &effective, &saved);
        json_open("gids", '[');
        json_unsigned(NULL, real);
        json_unsigned(NULL, effective);
        json_unsigned(NULL, saved);
        json_unsigned(NULL, (unsigned)setfsgid((gid_t)-1));
        json_close(']');

        groups = calloc((size_t)n + 1, sizeof *groups);
        n = groups ? getgroups(n, groups) : 0;
        json_open("groups", '[');
        for (int i = 0; i < n; i++)
                json_unsigned(NULL, groups[i]);
        json_close(']');
        free(groups);
}

void report_identity(void) {
        mode_t mask = umask(0);

        umask(mask);
        json_open(NULL, '{');
        user_ids();
        group_ids();
        json_number("umask", mask);
        json_number("pid", getpid());
        json_number("parent", getppid());
        json_number("session", getsid(0));
        json_number("process_group", getpgrp());
        json_close('}');
}

static void capability_set(const char *name, uint64_t mask) {
        json_open(name, '[');
        for (int i = 0; i < N_CAPABILITIES; i++)
                if (mask & (1ULL << i))
                        json_string(NULL, capability_names[i]);
        json_close(']');
}

void report_capabilities(void) {
        struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {0};
        uint64_t bounding = 0, ambient = 0;

        syscall(SYS_capget, &head, data);
        for (int i = 0; i < N_CAPABILITIES; i++) {
                if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
                        bounding |= 1ULL << i;
                if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
                        ambient |= 1ULL << i;
        }
        json_open(NULL, '{');
        json_open("capabilities", '{');
        capability_set("bounding", bounding);
        capability_set("effective", data[0].effective | (uint64_t)data[1].effective << 32);
        capability_set("permitted", data[0].permitted | (uint64_t)data[1].permitted << 32);
        capability_set("inheritable", data[0].inheritable | (uint64_t)data[1].inheritable << 32);
        capability_set("ambient", ambient);
        json_close('}');
        json_close('}');
}

/* Lines of /proc/self/status, by the name before the colon. */
static void status_fields(void) {
        static const char *const wanted[] = {"SigBlk", "SigIgn", "SigCgt", "Seccomp",
                                             "Seccomp_filters"};
        char line[4096], name[64], value[256];
        FILE *f = fopen("/proc/self/status", "re");

        json_open("status", '{');
        while (f && fgets(line, sizeof line, f)) {
                if (sscanf(line, "%63[^:]: %255[^\n]", name, value) != 2)
                        continue;
                for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
                        if (strcmp(name, wanted[i]) == 0)
                                json_string(name, value);
        }
        json_close('}');
        if (f)
                fclose(f);
}

static void session_keyring(void) {
        char description[256] = "";
        long n = syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, description,
                         sizeof description - 1);

        json_string("keyring", n > 0 ? description : NULL);
}

static void security_label(void) {
        char label[4096] = "";
        FILE *f = fopen("/proc/self/attr/current", "re");

        if (f && fgets(label, sizeof label, f))
                label[strcspn(label, "\n")] = '\0';
        json_string("label", label);
        if (f)
                fclose(f);
}

void report_security(void) {
        int death_signal = 0, reaper = 0;

        prctl(PR_GET_PDEATHSIG, &death_signal);
        prctl(PR_GET_CHILD_SUBREAPER, &reaper);
        json_open(NULL, '{');
        json_bool("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
        json_number("securebits", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
        json_number("dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
        json_number("keep_capabilities", prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
        json_number("parent_death_signal", death_signal);
        json_bool("subreaper", reaper);
        status_fields();
        session_keyring();
        security_label();
        json_close('}');
}
