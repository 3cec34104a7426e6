/* A further process in a container that runs.
 *
 * A stage process enters the cgroup with the caller's rights, then the container's namespaces
 * through the init's pidfd (setns, Linux 5.8: all at once, no /proc path that could be swapped),
 * and clones the process itself with CLONE_PARENT: only a child is in a joined pid namespace, and
 * the caller is its parent. Both are non-dumpable before they join, or a process of the container
 * could trace them (CVE-2016-9962). */
#include "plan.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <stint/cleanup.h>
#include <stint/handshake.h>
#include <stint/idmap.h>
#include <stint/namespaces.h>
#include <stint/syscall.h>
#include <stint/terminal.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

struct rt_exec {
        pid_t pid;
        int pidfd, sync_fd, console_fd;
        bool done, reaped;
        struct rt_exit exit;
};

/* What the stage and the process work from. */
struct joiner {
        const struct rt_exec_options *options;
        struct rt_task task;
        struct st_arena *arena;
        struct rt_seccomp *seccomp;
        const struct rt_container *container;
        struct rt_cgroup *cgroup; /* NULL: none */
        struct rt_cgroup
                *own_cgroup; /* one that stands for another place than the container's does */
        int init_pidfd;
        int ns_flags; /* CLONE_NEW* of the container's config */
        int sync_fd, console_fd, own_console_fd;
};

struct stage_result {
        pid_t pid;
        int pidfd;
        struct st_error error;
};

/* ---- child ---- */

static int adopt_terminal(struct joiner *j, struct st_error *err) {
        st_autoclose int root_fd = -1, master_fd = -1, slave_fd = -1;
        int r;

        if (j->console_fd < 0)
                return 0;
        root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return st_error_sys(err, "open the root");
        r = rt_terminal_make(root_fd, j->task.process, false, &master_fd, &slave_fd, err);
        if (r >= 0)
                r = rt_terminal_send(j->console_fd, master_fd, err);
        return r < 0 ? r : rt_terminal_adopt(slave_fd, err);
}

static int become(struct joiner *j, struct st_error *err) {
        sigset_t none;
        int r;

        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        (void)umask(0);
        if (setsid() < 0)
                return st_error_sys(err, "make a session");
        if (st_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                return st_error_sys(err, "mark the descriptors close-on-exec");
        for (int i = 0; i < 3; i++)
                if (j->options->stdio_fds[i] >= 0 && dup2(j->options->stdio_fds[i], i) < 0)
                        return st_error_sys(err, "put descriptor %d on %d",
                                            j->options->stdio_fds[i], i);
        if ((j->ns_flags & CLONE_NEWUSER) && (st_setresgid(0) < 0 || st_setresuid(0) < 0))
                return st_error_sys(err, "become root of the user namespace");
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        r = adopt_terminal(j, err);
        if (r >= 0)
                r = rt_task_close_others(&j->task, &j->sync_fd, 1, err);
        if (r >= 0)
                r = rt_task_settle_in(&j->task, err);
        if (r >= 0 && j->task.process->exec_cpu_affinity_final)
                r = rt_affinity_apply(j->task.process->exec_cpu_affinity_final,
                                      "process.execCPUAffinity.final", err);
        for (unsigned i = 0; r >= 0 && i < j->task.n_preserve; i++)
                if (fcntl((int)(3 + i), F_SETFD, 0) < 0)
                        r = st_error_sys(err, "preserve descriptor %u", 3 + i);
        (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
        return r < 0 ? r : rt_task_execute(&j->task, err);
}

_Noreturn static void process_main(struct joiner *j) {
        struct st_error error = {0};

        (void)become(j, &error); /* comes back only with an error */
        (void)rt_handshake_send(j->sync_fd, RT_MSG_FAILED, &error);
        syscall(SYS_exit_group, 1);
        __builtin_unreachable();
}

/* ---- stage ---- */

static int join(const struct joiner *j, struct st_error *err) {
        size_t n;
        const int *fds;
        int r = 0;

        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return st_error_sys(err, "become non-dumpable");
        if (j->task.process->exec_cpu_affinity_initial)
                r = rt_affinity_apply(j->task.process->exec_cpu_affinity_initial,
                                      "process.execCPUAffinity.initial", err);
        if (r >= 0 && j->cgroup) {
                fds = rt_cgroup_task_fds(j->cgroup, &n);
                r = rt_cgroup_enter_self(fds, n, err);
        }
        if (r < 0)
                return r;
        if (j->ns_flags && setns(j->init_pidfd, j->ns_flags) < 0) {
                if (errno == ESRCH)
                        return st_error_kind(err,
                                             st_error_set(err, -ESRCH, "container not running"),
                                             ST_CODE_WRONG_STATE);
                return st_error_kind(err, st_error_sys(err, "join the container's namespaces"),
                                     ST_CODE_NAMESPACE);
        }
        return 0;
}

_Noreturn static void stage_main(struct joiner *j, struct stage_result *result) {
        struct clone_args args = {
                .flags = CLONE_PARENT | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
                .pidfd = (uint64_t)(uintptr_t)&result->pidfd,
        };

        if (join(j, &result->error) >= 0) {
                pid_t pid = st_clone3(&args);
                if (pid == 0)
                        process_main(j);
                if (pid < 0)
                        (void)st_error_sys(&result->error, "clone the process");
                result->pid = pid; /* by the stage alone: the page is the child's too */
        }
        syscall(SYS_exit_group, 0);
        __builtin_unreachable();
}

static int wait_for_stage(int pidfd, struct st_error *err) {
        siginfo_t info = {0};

        while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
                if (errno != EINTR)
                        return st_error_sys(err, "wait for the stage process");
        if (info.si_code != CLD_EXITED)
                return st_error_set(err, -EIO,
                                    "the stage process was killed by signal %d (an OOM kill in the "
                                    "container's cgroup?)",
                                    info.si_status);
        return 0;
}

static pid_t clone_stage(struct joiner *j, struct stage_result *result, int *ret_pidfd) {
        struct clone_args args = {
                .flags = CLONE_PIDFD | CLONE_FILES | CLONE_CLEAR_SIGHAND,
                .pidfd = (uint64_t)(uintptr_t)ret_pidfd,
                .exit_signal = SIGCHLD,
        };
        int cgroup_fd = j->cgroup ? rt_cgroup_clone_fd(j->cgroup) : -1;
        pid_t pid;

        if (cgroup_fd >= 0) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (uint64_t)cgroup_fd;
        }
        pid = st_clone3(&args);
        if (pid == 0)
                stage_main(j, result);
        return pid;
}

/* v2: an init that manages cgroups (systemd) has gone into one of them, and the leaf takes nobody
 * any more. */
static int go_beside_init(struct joiner *j, struct st_error *err) {
        int r = rt_record_load_cgroup(j->container, &j->own_cgroup, err);

        if (r >= 0)
                r = rt_cgroup_open_beside(j->own_cgroup, j->container->record.pid, err);
        j->cgroup = j->own_cgroup;
        return r;
}

static int run_stage(struct joiner *j, struct stage_result *result, struct st_error *err) {
        st_autoclose int pidfd = -1;
        pid_t pid = clone_stage(j, result, &pidfd);
        int r;

        if (pid < 0 && errno == EBUSY && !j->own_cgroup) {
                r = go_beside_init(j, err);
                if (r < 0)
                        return r;
                pid = clone_stage(j, result, &pidfd);
        }
        if (pid < 0)
                return st_error_sys(err, "clone the stage process");
        r = wait_for_stage(pidfd, err);
        if (r >= 0 && result->error.code < 0) {
                if (err)
                        *err = result->error;
                r = result->error.code;
        }
        return r;
}

/* ---- parent ---- */

static int check_state(struct rt_container *container, const struct rt_exec_options *options,
                       struct st_error *err) {
        enum rt_status status;
        int r = rt_container_status(container, &status, err);

        if (r < 0)
                return r;
        if (status == RT_STATUS_STOPPED || status == RT_STATUS_CREATING)
                return st_error_kind(
                        err,
                        st_error_set(err, -ESRCH,
                                     "cannot exec in a stopped container: container not running"),
                        ST_CODE_WRONG_STATE);
        if (status == RT_STATUS_PAUSED && !options->ignore_paused)
                return st_error_kind(err,
                                     st_error_set(err, -EBUSY,
                                                  "cannot exec in a paused container (use "
                                                  "--ignore-paused to override)"),
                                     ST_CODE_WRONG_STATE);
        return 0;
}

static int plan_console(struct joiner *j, struct st_error *err) {
        const struct rt_exec_options *options = j->options;
        int fds[2];

        if (options->console_socket_fd >= 0 && !options->process->terminal)
                return st_error_kind(err,
                                     st_error_set(err, -EINVAL,
                                                  "cannot use console socket if runc will not "
                                                  "detach or allocate tty"),
                                     ST_CODE_USAGE);
        if (!options->process->terminal)
                return 0;
        if (options->console_socket_fd >= 0) {
                j->console_fd = options->console_socket_fd;
                return 0;
        }
        if (!options->terminal_is_ours)
                return st_error_kind(err,
                                     st_error_set(err, -EINVAL,
                                                  "cannot allocate tty if runc will detach without "
                                                  "setting console socket"),
                                     ST_CODE_USAGE);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return st_error_sys(err, "make a socket for the terminal");
        j->own_console_fd = fds[0];
        j->console_fd = fds[1];
        return 0;
}

static int open_cgroup(struct rt_container *container, struct joiner *j, struct st_error *err) {
        const char *const *sub_cgroups = j->options->sub_cgroups;
        int r = 0;

        if (sub_cgroups && *sub_cgroups)
                r = rt_record_load_cgroup(container, &j->own_cgroup, err);
        if (r < 0)
                return r;
        j->cgroup = j->own_cgroup ? j->own_cgroup : container->record.cgroup;
        return rt_cgroup_open(j->cgroup, sub_cgroups, err);
}

static int plan_joiner(struct rt_container *container, struct joiner *j, struct st_error *err) {
        const struct st_linux *lin = &container->spec->linux_;
        int r = rt_task_plan(j->arena, j->options->process, j->options->preserve_fds, 0, &j->task,
                             err);

        if (r >= 0)
                r = rt_lsm_check(j->options->process, err);
        if (r < 0)
                return r;
        rt_task_grant(container->runtime, &j->task, lin->namespaces[ST_NS_USER].wanted);
        j->task.keyring_id = container->record.id;
        j->task.keep_groups = lin->namespaces[ST_NS_USER].wanted &&
                              rt_idmap_denies_setgroups(&lin->uid_mappings, &lin->gid_mappings);
        j->task.personality = lin->personality;
        j->task.memory_policy = lin->memory_policy;
        for (int kind = 0; kind < _ST_NS_MAX; kind++)
                if (lin->namespaces[kind].wanted)
                        j->ns_flags |= rt_namespace_flag((enum st_namespace_kind)kind);
        if (lin->seccomp) {
                r = rt_filter_prepare(container->runtime, lin->seccomp, &j->seccomp, err);
                if (r >= 0)
                        r = rt_seccomp_connect(lin->seccomp, j->seccomp, &j->task.seccomp_socket_fd,
                                               err);
                j->task.seccomp = j->seccomp;
        }
        if (r >= 0 && j->seccomp && j->seccomp->notify) {
                j->task.state_fd = rt_state_memfd(err);
                r = j->task.state_fd < 0
                            ? j->task.state_fd
                            : rt_state_fill_seccomp(container, j->task.state_fd, "running",
                                                    lin->seccomp->listener_metadata, err);
        }
        if (r >= 0 && container->record.cgroup)
                r = open_cgroup(container, j, err);
        return r < 0 ? r : plan_console(j, err);
}

static void joiner_deinit(struct joiner *j) {
        if (j->console_fd != j->options->console_socket_fd)
                (void)st_close(j->console_fd);
        (void)st_close(j->own_console_fd);
        (void)st_close(j->sync_fd);
        (void)st_close(j->task.seccomp_socket_fd);
        (void)st_close(j->task.state_fd);
        if (j->container->record.cgroup)
                rt_cgroup_close(j->container->record.cgroup);
        rt_cgroup_free(j->own_cgroup);
        rt_seccomp_free(j->seccomp);
        st_arena_free(j->arena);
}

static int start(struct joiner *j, struct rt_exec *exec, struct st_error *err) {
        struct stage_result *result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE,
                                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        int r;

        if (result == MAP_FAILED)
                return st_error_sys(err, "allocate a page");
        result->pidfd = -1;
        r = rt_handshake_pair(&exec->sync_fd, &j->sync_fd, err);
        if (r >= 0)
                r = run_stage(j, result, err);
        exec->pid = result->pid;
        exec->pidfd = result->pidfd;
        (void)munmap(result, sizeof *result);
        if (r >= 0 && j->options->pidfd_socket_fd >= 0)
                r = rt_send_fd(j->options->pidfd_socket_fd, exec->pidfd, "pidfd");
        exec->console_fd = st_take_fd(j->own_console_fd);
        return r;
}

int rt_container_exec(struct rt_container *container, const struct rt_exec_options *options,
                      struct rt_exec **ret_exec, struct st_error *err) {
        st_cleanup(rt_exec_freep) struct rt_exec *exec = calloc(1, sizeof *exec);
        struct joiner j = {.container = container,
                           .options = options,
                           .init_pidfd = container->pidfd,
                           .sync_fd = -1,
                           .console_fd = -1,
                           .own_console_fd = -1};
        int r = check_state(container, options, err);

        if (r >= 0)
                r = rt_config_saved(container, err);
        if (r < 0)
                return r;
        j.arena = st_arena_new(4096);
        if (!j.arena || !exec)
                return st_error_set(err, -ENOMEM, "exec in %s", container->record.id);
        exec->pidfd = exec->sync_fd = exec->console_fd = -1;
        j.task.seccomp_socket_fd = j.task.state_fd = j.task.proc_fd = -1;
        r = plan_joiner(container, &j, err);
        if (r >= 0)
                r = start(&j, exec, err);
        joiner_deinit(&j);
        if (r < 0)
                return r;
        *ret_exec = st_take(exec);
        return 0;
}

int rt_exec_wait_fd(const struct rt_exec *exec) {
        return exec->done ? -1 : exec->sync_fd;
}

int rt_exec_advance(struct rt_exec *exec, struct st_error *err) {
        struct rt_message message;
        int r;

        if (exec->done)
                return 1;
        r = rt_handshake_receive(exec->sync_fd, &message);
        if (r < 0)
                return st_error_code(err, r, "hear from the process");
        exec->sync_fd = st_close(exec->sync_fd);
        exec->done = true;
        if (r == 0) /* the end of the handshake: it executed, or was killed before it could */
                return !rt_never_executed(exec->pid)
                               ? 1
                               : st_error_kind(err,
                                               st_error_set(err, -ESRCH,
                                                            "container not running: the process "
                                                            "was killed before it could start"),
                                               ST_CODE_WRONG_STATE);
        while (waitid(P_PIDFD, (id_t)exec->pidfd, &(siginfo_t) {0}, WEXITED) < 0 && errno == EINTR)
                ;
        exec->reaped = true;
        if (err)
                *err = message.error;
        return message.error.code < 0 ? message.error.code : -EIO;
}

int rt_exec_finish(struct rt_exec *exec, struct st_error *err) {
        return rt_exec_advance(exec,
                               err); /* one message, or the end of the handshake: a blocking read */
}

int rt_exec_pidfd(const struct rt_exec *exec) {
        return exec->pidfd;
}

pid_t rt_exec_pid(const struct rt_exec *exec) {
        return exec->pid;
}

int rt_exec_take_console(struct rt_exec *exec) {
        int fd;

        if (exec->console_fd < 0)
                return -1;
        fd = rt_receive_fd(exec->console_fd);
        exec->console_fd = st_close(exec->console_fd);
        return fd < 0 ? -1 : fd;
}

int rt_exec_settle(struct rt_exec *exec, struct rt_exit *ret_exit, struct st_error *err) {
        int r;

        if (!exec->reaped) {
                r = rt_reap(exec->pidfd, &exec->exit);
                if (r <= 0)
                        return r < 0 ? st_error_code(err, r, "reap the process") : 0;
                exec->reaped = true;
        }
        *ret_exit = exec->exit;
        return 1;
}

struct rt_exec *rt_exec_free(struct rt_exec *exec) {
        if (!exec)
                return NULL;
        (void)st_close(exec->pidfd);
        (void)st_close(exec->sync_fd);
        (void)st_close(exec->console_fd);
        free(exec);
        return NULL;
}
