#include <inttypes.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/namespaces.h>
#include <stint/syscall.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

int rt_namespace_flag(enum st_namespace_kind kind) {
        static const int flags[_ST_NS_MAX] = {
                [ST_NS_USER] = CLONE_NEWUSER,     [ST_NS_PID] = CLONE_NEWPID,
                [ST_NS_NETWORK] = CLONE_NEWNET,   [ST_NS_MOUNT] = CLONE_NEWNS,
                [ST_NS_IPC] = CLONE_NEWIPC,       [ST_NS_UTS] = CLONE_NEWUTS,
                [ST_NS_CGROUP] = CLONE_NEWCGROUP, [ST_NS_TIME] = CLONE_NEWTIME,
        };

        return flags[kind];
}

bool rt_namespaces_joins(const struct rt_namespaces *namespaces, enum st_namespace_kind kind) {
        return namespaces->join_fds[kind] >= 0;
}

static int open_joined(enum st_namespace_kind kind, const char *path, struct st_error *err) {
        st_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct statfs fs;
        int type;

        if (fd < 0)
                return st_error_sys(err, "open %s", path);
        if (fstatfs(fd, &fs) < 0)
                return st_error_sys(err, "look at %s", path);
        type = fs.f_type == NSFS_MAGIC ? ioctl(fd, NS_GET_NSTYPE) : -1;
        if (type != rt_namespace_flag(kind))
                return st_error_set(err, -EINVAL, "%s is not a %s namespace", path,
                                    st_namespace_name(kind));
        return st_take_fd(fd);
}

void rt_namespaces_deinit(struct rt_namespaces *namespaces) {
        for (int kind = 0; kind < _ST_NS_MAX; kind++)
                namespaces->join_fds[kind] = st_close(namespaces->join_fds[kind]);
}

int rt_namespaces_open(const struct st_namespace wanted[_ST_NS_MAX], struct rt_namespaces *ret,
                       struct st_error *err) {
        struct rt_namespaces result = {0};

        for (int kind = 0; kind < _ST_NS_MAX; kind++)
                result.join_fds[kind] = -1;
        for (int kind = 0; kind < _ST_NS_MAX; kind++) {
                if (!wanted[kind].wanted)
                        continue;
                if (wanted[kind].path) {
                        int fd = open_joined((enum st_namespace_kind)kind, wanted[kind].path, err);
                        if (fd < 0) {
                                rt_namespaces_deinit(&result);
                                return st_error_kind(
                                        err,
                                        st_error_prefix(
                                                err, fd, "linux.namespaces %s",
                                                st_namespace_name((enum st_namespace_kind)kind)),
                                        ST_CODE_NAMESPACE);
                        }
                        result.join_fds[kind] = fd;
                } else if (kind == ST_NS_CGROUP)
                        result.new_cgroup = true;
                else if (kind == ST_NS_TIME)
                        result.new_time = true;
                else
                        result.clone_flags |=
                                (uint64_t)rt_namespace_flag((enum st_namespace_kind)kind);
        }
        *ret = result;
        return 0;
}

int rt_namespaces_join(const struct rt_namespaces *namespaces, unsigned kinds,
                       struct st_error *err) {
        /* the user namespace first: it gives the rights over those that it owns; the mount
         * namespace last: after it, no path means what it meant */
        static const enum st_namespace_kind order[] = {ST_NS_USER, ST_NS_NETWORK, ST_NS_IPC,
                                                       ST_NS_UTS,  ST_NS_CGROUP,  ST_NS_TIME,
                                                       ST_NS_PID,  ST_NS_MOUNT};

        for (size_t i = 0; i < _ST_NS_MAX; i++) {
                enum st_namespace_kind kind = order[i];
                if (!(kinds & (1u << kind)) || namespaces->join_fds[kind] < 0)
                        continue;
                if (setns(namespaces->join_fds[kind], rt_namespace_flag(kind)) < 0)
                        return st_error_kind(
                                err,
                                st_error_sys(err, "join the %s namespace", st_namespace_name(kind)),
                                ST_CODE_NAMESPACE);
        }
        return 0;
}

static int write_offset(const char *clock_name, const struct st_time_offset *offset,
                        struct st_error *err) {
        char text[96];
        int r;

        if (!offset->present)
                return 0;
        (void)snprintf(text, sizeof text, "%s %" PRId64 " %u\n", clock_name, offset->secs,
                       offset->nanosecs);
        r = st_write_knob_at(AT_FDCWD, "/proc/self/timens_offsets", text);
        return r < 0 ? st_error_code(err, r, "linux.timeOffsets.%s", clock_name) : 0;
}

int rt_time_namespace_make(const struct st_time_offset *monotonic,
                           const struct st_time_offset *boottime, struct st_error *err) {
        int r;

        if (unshare(CLONE_NEWTIME) < 0)
                return st_error_kind(err, st_error_sys(err, "make a time namespace"),
                                     errno == EINVAL ? ST_CODE_UNSUPPORTED : ST_CODE_NAMESPACE);
        r = write_offset("monotonic", monotonic, err);
        return r < 0 ? r : write_offset("boottime", boottime, err);
}
