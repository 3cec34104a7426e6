#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include <stint/spec.h>

static const char *const namespace_names[_ST_NS_MAX] = {
        [ST_NS_USER] = "user",     [ST_NS_PID] = "pid",   [ST_NS_NETWORK] = "network",
        [ST_NS_MOUNT] = "mount",   [ST_NS_IPC] = "ipc",   [ST_NS_UTS] = "uts",
        [ST_NS_CGROUP] = "cgroup", [ST_NS_TIME] = "time",
};

static const char *const hook_names[_ST_HOOK_MAX] = {
        [ST_HOOK_PRESTART] = "prestart",
        [ST_HOOK_CREATE_RUNTIME] = "createRuntime",
        [ST_HOOK_CREATE_CONTAINER] = "createContainer",
        [ST_HOOK_START_CONTAINER] = "startContainer",
        [ST_HOOK_POSTSTART] = "poststart",
        [ST_HOOK_POSTSTOP] = "poststop",
};

/* By number, as linux/capability.h has them; 40 is the last up to Linux 6.18. */
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

static const struct {
        const char *name;
        int number;
} rlimits[] = {
        {"RLIMIT_AS", RLIMIT_AS},
        {"RLIMIT_CORE", RLIMIT_CORE},
        {"RLIMIT_CPU", RLIMIT_CPU},
        {"RLIMIT_DATA", RLIMIT_DATA},
        {"RLIMIT_FSIZE", RLIMIT_FSIZE},
        {"RLIMIT_LOCKS", RLIMIT_LOCKS},
        {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
        {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
        {"RLIMIT_NICE", RLIMIT_NICE},
        {"RLIMIT_NOFILE", RLIMIT_NOFILE},
        {"RLIMIT_NPROC", RLIMIT_NPROC},
        {"RLIMIT_RSS", RLIMIT_RSS},
        {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
        {"RLIMIT_RTTIME", RLIMIT_RTTIME},
        {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
        {"RLIMIT_STACK", RLIMIT_STACK},
};

const char *st_namespace_name(enum st_namespace_kind kind) {
        return namespace_names[kind];
}

const char *st_hook_name(enum st_hook_kind kind) {
        return hook_names[kind];
}

int st_capability_number(const char *name) {
        if (strncasecmp(name, "CAP_", 4))
                return -1;
        for (int i = 0; i < N_CAPABILITIES; i++) /* the letter after "CAP_" spares most calls */
                if ((name[4] | 0x20) == (capability_names[i][4] | 0x20) &&
                    !strcasecmp(name, capability_names[i]))
                        return i;
        return -1;
}

const char *st_capability_name(int number) {
        return number >= 0 && number < N_CAPABILITIES ? capability_names[number] : NULL;
}

int st_rlimit_number(const char *name) {
        for (size_t i = 0; i < sizeof rlimits / sizeof *rlimits; i++)
                if (!strcmp(name, rlimits[i].name))
                        return rlimits[i].number;
        return -1;
}

const char *st_rlimit_name(int number) {
        for (size_t i = 0; i < sizeof rlimits / sizeof *rlimits; i++)
                if (rlimits[i].number == number)
                        return rlimits[i].name;
        return NULL;
}
