/* A container's first process, from the clone to execve.
 *
 * It runs from a plan that the parent made: no allocation, no stdio, raw system calls, because the
 * parent may be a threaded program. The order is forced by rights: namespaces and cgroup while it
 * is still the runtime's user, mounts while the host's tree is visible, /dev/null and the pty
 * before the pivot, users and capabilities last, the filter at the end. */
#include "init.h"

#include "runtime.h"

#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/handshake.h>
#include <stint/net_devices.h>
#include <stint/syscall.h>
#include <stint/terminal.h>

static int wait_for_go(struct rt_init *init, struct st_error *err) {
        struct rt_message message;
        int r = rt_handshake_receive(init->sync_fd, &message);

        if (r < 0)
                return st_error_code(err, r, "wait for the runtime");
        if (r == 0 || message.type != RT_MSG_GO)
                return st_error_set(err, -ECANCELED, "the runtime is gone");
        return 0;
}

static int tell_and_wait(struct rt_init *init, enum rt_message_type type, struct st_error *err) {
        int r = rt_handshake_send(init->sync_fd, type, NULL);

        return r < 0 ? st_error_code(err, r, "tell the runtime") : wait_for_go(init, err);
}

/* ---- 1. out of the caller's process ---- */

/* The caller may ignore signals or block them: the task starts with neither. CLONE_CLEAR_SIGHAND
 * resets handlers only. */
static void reset_signals(void) {
        sigset_t none;

        for (int sig = 1; sig < SIGSYS; sig++)
                (void)signal(sig, SIG_DFL); /* SIGKILL and SIGSTOP refuse, and need not */
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int take_stdio(struct rt_init *init, struct st_error *err) {
        for (int i = 0; i < 3; i++)
                if (init->stdio_fds[i] >= 0 && dup2(init->stdio_fds[i], i) < 0)
                        return st_error_sys(err, "put descriptor %d on %d", init->stdio_fds[i], i);
        return 0;
}

/* Before the death signal was asked for. What the creator had open we have too: as long as we keep
 * its end of the socket, nobody hears of its death, and as long as we live its locks are held. */
static int check_creator(struct rt_init *init, struct st_error *err) {
        struct pollfd creator = {.fd = init->sync_fd};

        init->creator_fd = st_close(init->creator_fd);
        if (poll(&creator, 1, 0) == 1 && (creator.revents & POLLHUP))
                return st_error_set(err, -ECANCELED, "the runtime is gone");
        return 0;
}

static int detach_from_caller(struct rt_init *init, struct st_error *err) {
        reset_signals();
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0,
                    0); /* until the task runs or is parked: no orphan half way */
        if (check_creator(init, err) < 0)
                return -ECANCELED;
        (void)umask(0);
        if (setsid() < 0)
                return st_error_sys(err, "make a session");
        if (st_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                return st_error_sys(err, "mark the descriptors close-on-exec");
        return take_stdio(init, err);
}

/* While the host's /proc is there, by which others know us. */
static int look_at_self(struct rt_init *init, struct st_error *err) {
        if (!init->shares_memory)
                return 0;
        init->record.start_time = rt_start_time(init->record.pid);
        return init->record.start_time ? 0
                                       : st_error_sys(err, "read the start time of process %d",
                                                      (int)init->record.pid);
}

/* ---- 2. namespaces and cgroup ---- */

static int enter_cgroup(struct rt_init *init, struct st_error *err) {
        size_t n;
        const int *fds;

        if (!init->cgroup || !init->enter_cgroup)
                return 0;
        fds = rt_cgroup_task_fds(init->cgroup, &n);
        return rt_cgroup_enter_self(fds, n, err);
}

static int make_cgroup_namespace(struct rt_init *init, struct st_error *err) {
        if (init->namespaces.new_cgroup && unshare(CLONE_NEWCGROUP) < 0)
                return st_error_kind(err, st_error_sys(err, "make a cgroup namespace"),
                                     ST_CODE_NAMESPACE);
        return 0;
}

static int enter_namespaces(struct rt_init *init, struct st_error *err) {
        int r = 0;

        if (init->wait_for_parent)
                r = wait_for_go(init, err);
        if (r >= 0)
                r = enter_cgroup(init, err);
        if (r >= 0)
                r = rt_namespaces_join(&init->namespaces,
                                       1u << ST_NS_NETWORK | 1u << ST_NS_IPC | 1u << ST_NS_UTS |
                                               1u << ST_NS_CGROUP | 1u << ST_NS_MOUNT,
                                       err);
        if (r < 0)
                return r;
        if (init->become_root && (st_setresgid(0) < 0 || st_setresuid(0) < 0))
                return st_error_kind(
                        err,
                        st_error_sys(err, "become root of the user namespace (is id 0 mapped?)"),
                        ST_CODE_NAMESPACE);
        /* after the cgroup was entered: the namespace's root is the cgroup that its maker is in */
        if (!init->late_cgroupns)
                r = make_cgroup_namespace(init, err);
        if (r < 0)
                return r;
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return st_error_sys(err, "become non-dumpable");
        return 0;
}

static int name_host(struct rt_init *init, struct st_error *err) {
        const struct st_spec *spec = init->spec;

        if (spec->hostname && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
                return st_error_sys(err, "set hostname %s", spec->hostname);
        if (spec->domainname && setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
                return st_error_sys(err, "set domainname %s", spec->domainname);
        if (init->namespaces.clone_flags & CLONE_NEWNET)
                return rt_loopback_up(err);
        return 0;
}

/* ---- 3. the root ---- */

static int fill_root(struct rt_init *init, int root_fd, struct st_error *err) {
        const struct st_linux *lin = &init->spec->linux_;
        int r = rt_mounts_apply(&init->mounts, 0, init->mounts.n_steps, root_fd, err);

        if (r >= 0)
                r = rt_devices_make(lin->devices, lin->n_devices, root_fd, init->bind_devices,
                                    init->device_fds, err);
        if (r >= 0 && init->runtime_hooks)
                r = tell_and_wait(init, RT_MSG_AT_HOOKS, err);
        return r;
}

static int make_terminal(struct rt_init *init, int root_fd, struct st_error *err) {
        st_autoclose int master_fd = -1, slave_fd = -1;
        int r;

        if (init->console_fd < 0)
                return 0;
        r = rt_terminal_make(root_fd, init->task.process, true, &master_fd, &slave_fd, err);
        if (r >= 0)
                r = rt_terminal_send(init->console_fd, master_fd, err);
        if (r >= 0)
                r = rt_terminal_adopt(slave_fd, err);
        return r;
}

static int apply_sysctl(struct rt_init *init, struct st_error *err) {
        const struct st_linux *lin = &init->spec->linux_;
        st_autoclose int proc_fd = -1;

        if (!lin->n_sysctl)
                return 0;
        proc_fd = rt_proc_open_whole();
        if (proc_fd < 0)
                return st_error_code(err, proc_fd, "open a procfs");
        return rt_sysctl_apply(proc_fd, lin->sysctl, lin->n_sysctl, err);
}

static bool has_masks(const struct st_linux *lin) {
        return lin->masked_paths[0] || lin->readonly_paths[0];
}

static int mask_paths(struct rt_init *init, int root_fd, struct st_error *err) {
        const struct st_linux *lin = &init->spec->linux_;
        st_autoclose int null_fd = -1;

        if (!has_masks(lin))
                return 0;
        null_fd = rt_null_open(err);
        return null_fd < 0 ? null_fd
                           : rt_masks_apply(lin->masked_paths, lin->readonly_paths, root_fd,
                                            init->mounts.proc_fd, null_fd, err);
}

static int make_root(struct rt_init *init, struct st_error *err) {
        st_autoclose int root_fd = rt_rootfs_attach(&init->rootfs, err);
        int r;

        if (root_fd < 0)
                return st_error_kind(err, root_fd, ST_CODE_MOUNT);
        r = fill_root(init, root_fd, err);
        if (r >= 0)
                r = rt_hooks_run(&init->spec->hooks[ST_HOOK_CREATE_CONTAINER],
                                 ST_HOOK_CREATE_CONTAINER, init->create_state_fd, false, err);
        if (r >= 0)
                r = make_terminal(init, root_fd, err);
        if (r >= 0)
                r = apply_sysctl(init, err);
        if (r >= 0)
                r = mask_paths(init, root_fd, err);
        if (r >= 0 && init->seal_dev)
                r = rt_devices_seal(root_fd, err);
        if (r >= 0)
                r = rt_rootfs_enter(&init->rootfs, root_fd, err);
        if (r >= 0)
                r = rt_rootfs_seal(&init->rootfs, root_fd, err);
        return r < 0 ? st_error_kind(err, r, ST_CODE_MOUNT) : 0;
}

/* Without a mount namespace of its own the root is a plain chroot (spec: the mount namespace is
 * optional). */
static int change_root(struct rt_init *init, struct st_error *err) {
        st_autoclose int root_fd =
                openat(AT_FDCWD, init->rootfs.path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (root_fd < 0)
                return st_error_sys(err, "open root.path %s", init->rootfs.path);
        if (fchdir(root_fd) < 0 || chroot(".") < 0)
                return st_error_sys(err, "chroot to root.path %s", init->rootfs.path);
        return 0;
}

static int enter_root(struct rt_init *init, struct st_error *err) {
        if (init->namespaces.clone_flags & CLONE_NEWNS ||
            rt_namespaces_joins(&init->namespaces, ST_NS_MOUNT))
                return make_root(init, err);
        return change_root(init, err);
}

/* ---- 4. limits ---- */

static int set_limits(struct rt_init *init, struct st_error *err) {
        int r;

        if (!init->cgroup)
                return 0;
        if (!init->write_limits)
                return tell_and_wait(init, RT_MSG_AT_LIMITS, err);
        r = rt_cgroup_apply_limits(init->cgroup, err);
        return r >= 0 && init->late_cgroupns ? make_cgroup_namespace(init, err) : r;
}

/* The record is whole before the program can run, so nobody meets a program whose container is
 * "being created". */
static int write_record(struct rt_init *init, struct st_error *err) {
        const struct rt_init_record *record = &init->record;

        if (init->shares_memory) /* before the task's limit on the size of files */
                return rt_record_append(record->fd, record->line, record->length, record->pid,
                                        record->start_time, err);
        return init->wait_for_record ? wait_for_go(init, err) : 0;
}

/* ---- 5. parked ---- */

/* Nothing of the caller's or the runtime's stays open in a process that may wait for days. */
static int close_others(const struct rt_init *init, struct st_error *err) {
        const int keep[] = {init->sync_fd, init->listen_fd, init->start_state_fd};

        return rt_task_close_others(&init->task, keep, sizeof keep / sizeof *keep, err);
}

static int park(struct rt_init *init, struct st_error *err) {
        int r;

        /* first: the creator may be gone the moment it knows. One that died earlier, perhaps before
         * it wrote our pid down, sends no word. */
        (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
        r = tell_and_wait(init, RT_MSG_PARKED, err);
        if (r < 0)
                return r;
        init->sync_fd = st_close(init->sync_fd);
        while (r >= 0) {
                struct rt_message message;
                int fd = accept4(init->listen_fd, NULL, NULL, SOCK_CLOEXEC);

                if (fd < 0 && errno == EINTR)
                        continue;
                if (fd < 0)
                        return st_error_sys(err, "wait for the start");
                if (rt_handshake_receive(fd, &message) == 1 && message.type == RT_MSG_START) {
                        init->sync_fd = fd;
                        break;
                }
                (void)st_close(fd); /* a starter that died, or somebody who only looked */
        }
        init->listen_fd = st_close(init->listen_fd); /* from now on a second start is refused */
        return r;
}

static int keep_preserved(const struct rt_task *task, struct st_error *err) {
        for (unsigned i = 0; i < task->n_preserve; i++)
                if (fcntl((int)(3 + i), F_SETFD, 0) < 0)
                        return st_error_sys(err, "preserve descriptor %u", 3 + i);
        return 0;
}

/* ---- all of it ---- */

/* All that needs no task. */
static int prepare(struct rt_init *init, struct st_error *err) {
        int r = detach_from_caller(init, err);

        if (r >= 0)
                r = look_at_self(init, err);
        if (r >= 0)
                r = enter_namespaces(init, err);
        if (r >= 0)
                r = name_host(init, err);
        if (r >= 0)
                r = enter_root(init, err);
        if (r >= 0)
                r = set_limits(init, err);
        if (r >= 0)
                r = write_record(init, err);
        return r < 0 ? r : close_others(init, err);
}

static int run_task(struct rt_init *init, struct st_error *err) {
        int r = rt_task_settle_in(&init->task, err);

        if (r >= 0 && init->listen_fd >= 0)
                r = park(init, err);
        if (r >= 0)
                r = rt_hooks_run(&init->spec->hooks[ST_HOOK_START_CONTAINER],
                                 ST_HOOK_START_CONTAINER, init->start_state_fd, false, err);
        if (r >= 0)
                r = keep_preserved(&init->task, err);
        if (r >= 0) {
                (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
                r = rt_task_execute(&init->task, err);
        }
        return r;
}

static int run(struct rt_init *init, struct st_error *err) {
        int r = prepare(init, err);

        if (r < 0)
                return r;
        return init->serve ? init->serve(init->serve_data, &init->task, init->sync_fd, err)
                           : run_task(init, err);
}

void rt_init_main(struct rt_init *init) {
        struct st_error error = {0};
        int r = run(init, &error);

        init->failed = true;
        /* who is gone cannot be told; where there is no memory for a message the status says that
         * much */
        r = rt_handshake_send(init->sync_fd, RT_MSG_FAILED, &error) < 0 ? -r : 1;
        syscall(SYS_exit_group, r);
        __builtin_unreachable();
}
