/* include/stint/syscall.h: system calls without a wrapper in glibc 2.36 or musl 1.2.3, and raw
 * forms of those whose wrapper is unsafe in a cloned child (setresuid(3) and its kin signal every
 * thread that the copied libc remembers). */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int st_fsopen(const char *fs, unsigned flags) {
        return (int)syscall(SYS_fsopen, fs, flags);
}
static inline int st_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux) {
        return (int)syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}
static inline int st_fsmount(int fd, unsigned flags, unsigned attrs) {
        return (int)syscall(SYS_fsmount, fd, flags, attrs);
}
static inline int st_fspick(int dir_fd, const char *path, unsigned flags) {
        return (int)syscall(SYS_fspick, dir_fd, path, flags);
}
static inline int st_open_tree(int dir_fd, const char *path, unsigned flags) {
        return (int)syscall(SYS_open_tree, dir_fd, path, flags);
}
static inline int st_move_mount(int from_fd, const char *from, int to_fd, const char *to,
                                unsigned flags) {
        return (int)syscall(SYS_move_mount, from_fd, from, to_fd, to, flags);
}
static inline int st_mount_setattr(int dir_fd, const char *path, unsigned flags,
                                   struct mount_attr *attr) {
        return (int)syscall(SYS_mount_setattr, dir_fd, path, flags, attr, sizeof *attr);
}
static inline int st_openat2(int dir_fd, const char *path, struct open_how *how) {
        return (int)syscall(SYS_openat2, dir_fd, path, how, sizeof *how);
}
static inline int st_statx(int dir_fd, const char *path, int flags, unsigned mask,
                           struct statx *ret) {
        return (int)syscall(SYS_statx, dir_fd, path, flags, mask, ret);
}
static inline int st_pivot_root(const char *new_root, const char *put_old) {
        return (int)syscall(SYS_pivot_root, new_root, put_old);
}
static inline int st_pidfd_open(pid_t pid, unsigned flags) {
        return (int)syscall(SYS_pidfd_open, pid, flags);
}
static inline int st_pidfd_send_signal(int pidfd, int sig) {
        return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}
static inline int st_close_range(unsigned first, unsigned last, unsigned flags) {
        return (int)syscall(SYS_close_range, first, last, flags);
}
static inline int st_setresuid(uid_t uid) {
        return (int)syscall(SYS_setresuid, uid, uid, uid);
}
static inline int st_setresgid(gid_t gid) {
        return (int)syscall(SYS_setresgid, gid, gid, gid);
}
static inline int st_setgroups(size_t n, const gid_t *gids) {
        return (int)syscall(SYS_setgroups, n, gids);
}
/* clone3(2) that copies the address space; 0 in the child. */
static inline pid_t st_clone3(struct clone_args *args) {
        return (pid_t)syscall(SYS_clone3, args, sizeof *args);
}
