/* The first process of a slot.
 *
 * Theory of operation. It comes here from the ordinary init, prepared: what is left is told by one
 * message. Without an init of its own (no_init) it becomes the task and is not heard of again. Else
 * it stays as pid 1: it executes the task in a child that shares its memory until the execve,
 * reaps what is orphaned, passes signals on, and says how the task ended. It then ends itself
 * (fresh), and with it everything in its pid namespace, or it kills what is left, empties what the
 * task may have written, and parks again.
 *
 * It holds its socket and a signalfd. When the socket's other end is closed its keeper is gone: it
 * ends. It does not allocate: its memory is a copy of a program that may have threads. */
#include "parked.h"

#include "message.h"
#include "reset.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include <stint/cleanup.h>
#include <stint/clone.h>
#include <stint/handshake.h>
#include <stint/syscall.h>

enum {
        REGION = 64 * 1024, /* a message, and its pointers */
        FDS_MAX = 4,
        MEMFD = 3, /* the fourth descriptor of a large dispatch */
};

/* What the child that becomes the task says to its parent. Shared also where the rest is copied. */
struct outcome {
        bool failed;
        struct st_error error;
};

struct parked {
        const struct rt_parked *is;
        const struct rt_task *task; /* of the config */
        int sync_fd, signal_fd;
        char *region, *stack;
        struct outcome *outcome;
        struct rt_reset_baseline *baseline; /* NULL: it is never parked again */

        pid_t task_pid; /* 0: none runs */
        bool renamed;   /* the host has the task's name */
        uint64_t started_nsec;

        /* of the message received last */
        int fds[FDS_MAX];
        size_t n_fds;
        ssize_t n_received;
};

/* ---- messages ---- */

static uint64_t now_nsec(const struct parked *parked) {
        struct timespec now;

        if (parked->is->shifted_clock || clock_gettime(CLOCK_MONOTONIC, &now) < 0)
                return 0;
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void close_received(struct parked *parked) {
        for (size_t i = 0; i < parked->n_fds; i++)
                parked->fds[i] = st_close(parked->fds[i]);
        parked->n_fds = 0;
}

static void take_fds(struct parked *parked, struct msghdr *msg) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < n && parked->n_fds < FDS_MAX; i++)
                        memcpy(&parked->fds[parked->n_fds++], CMSG_DATA(c) + i * sizeof(int),
                               sizeof(int));
        }
}

/* 1: a message in the region; 0: the keeper is gone; negative errno. */
static int receive(struct parked *parked) {
        char control[CMSG_SPACE(FDS_MAX * sizeof(int))];
        struct iovec iov = {.iov_base = parked->region, .iov_len = REGION};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
        ssize_t n;

        do
                n = recvmsg(parked->sync_fd, &msg, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return n == 0 || errno == ECONNRESET ? 0 : -errno;
        take_fds(parked, &msg);
        if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || (size_t)n < sizeof(uint32_t))
                return -EPROTO;
        parked->n_received = n;
        return 1;
}

static int tell(int sync_fd, const void *message, size_t size) {
        return send(sync_fd, message, size, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int tell_ready(int sync_fd, struct st_error *err) {
        uint32_t type = RT_POOL_READY;
        int r = tell(sync_fd, &type, sizeof type);

        return r < 0 ? st_error_code(err, r, "tell the keeper") : 0;
}

/* ---- the dispatch ---- */

/* The message that is too large for a socket: header and all, in a memfd. */
static int map_large(struct parked *parked, const struct rt_dispatch_header *header, char **ret_map,
                     size_t *ret_size) {
        size_t size = header->size + rt_dispatch_room(header), done = 0;
        char *map;

        if (parked->n_fds != FDS_MAX || header->size > RT_DISPATCH_MAX ||
            size > 4 * RT_DISPATCH_MAX)
                return -EPROTO;
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map == MAP_FAILED)
                return -errno;
        while (done < header->size) {
                ssize_t n = pread(parked->fds[MEMFD], map + done, header->size - done, (off_t)done);
                if (n <= 0) {
                        (void)munmap(map, size);
                        return n < 0 ? -errno : -EPROTO;
                }
                done += (size_t)n;
        }
        *ret_map = map;
        *ret_size = size;
        return 0;
}

/* *ret_map: to be unmapped, or NULL. */
static int read_dispatch(struct parked *parked, struct rt_dispatch *ret_dispatch, char **ret_map,
                         size_t *ret_size) {
        struct rt_dispatch_header header;
        int r;

        *ret_map = NULL;
        if (parked->n_received < (ssize_t)sizeof header || parked->n_fds < 3)
                return -EPROTO;
        memcpy(&header, parked->region, sizeof header);
        if (!header.in_memfd)
                return rt_dispatch_decode(parked->region, (size_t)parked->n_received,
                                          REGION - (size_t)parked->n_received, ret_dispatch);
        r = map_large(parked, &header, ret_map, ret_size);
        return r < 0 ? r
                     : rt_dispatch_decode(*ret_map, header.size, *ret_size - header.size,
                                          ret_dispatch);
}

struct start {
        struct parked *parked;
        struct rt_dispatch dispatch;
        struct st_process process;
        struct rt_task task;
};

static void plan_start(struct start *start) {
        const struct parked *parked = start->parked;
        const struct rt_dispatch *dispatch = &start->dispatch;
        struct rt_task *task = &start->task;

        start->process = *parked->task->process;
        start->process.user = dispatch->user;
        start->process.cwd = dispatch->cwd;
        start->process.rlimits = dispatch->rlimits;
        start->process.n_rlimits = dispatch->n_rlimits;
        *task = *parked->task;
        task->process = &start->process;
        task->argv = dispatch->argv;
        task->envp = dispatch->envp;
        task->home = dispatch->home;
        task->path = rt_task_path(dispatch->envp);
        task->keyring_id = parked->is->keyring_each ? dispatch->id : NULL;
}

static int take_stdio(const struct parked *parked, struct st_error *err) {
        for (int i = 0; i < 3; i++)
                if (syscall(SYS_dup3, parked->fds[i], i, 0) < 0)
                        return st_error_sys(err, "put a descriptor on %d", i);
        return 0;
}

static int become_task(struct start *start, struct st_error *err) {
        const struct rt_dispatch *dispatch = &start->dispatch;
        int r = take_stdio(start->parked, err);

        if (r >= 0 && *dispatch->hostname &&
            sethostname(dispatch->hostname, strlen(dispatch->hostname)) < 0)
                r = st_error_sys(err, "set hostname %s", dispatch->hostname);
        if (r >= 0)
                r = rt_task_settle_in(&start->task, err);
        /* nobody of ours is there to notice that the keeper has gone; execve of a program with more
         * rights, and the program itself, can clear it */
        if (r >= 0 && start->parked->is->no_init)
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        return r < 0 ? r : rt_task_execute(&start->task, err);
}

/* ---- no_init ---- */

static int serve_once(struct parked *parked, struct st_error *err) {
        struct start start = {.parked = parked};
        char *map;
        size_t size;
        int r = receive(parked);

        if (r <= 0) {
                syscall(SYS_exit_group, 0); /* there is nobody to tell */
                __builtin_unreachable();
        }
        r = read_dispatch(parked, &start.dispatch, &map, &size);
        if (r < 0)
                return st_error_code(err, r, "read the dispatch");
        plan_start(&start);
        return become_task(&start, err);
}

/* ---- pid 1 ---- */

/* In the child that shares our memory. */
static int start_main(void *data) {
        struct start *start = data;
        struct outcome *outcome = start->parked->outcome;
        sigset_t none;

        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)setsid(); /* the leader of its own, as a container's first process is */
        (void)become_task(start, &outcome->error);
        outcome->failed = true;
        return 127;
}

static int tell_ended(struct parked *parked, int status, const struct rusage *usage) {
        struct rt_pool_ended_message message = {
                .type = RT_POOL_ENDED,
                .status = status,
                .executed = !parked->outcome->failed,
                .started_nsec = parked->started_nsec,
                .exited_nsec = now_nsec(parked),
        };

        if (usage) {
                message.user_nsec = (uint64_t)usage->ru_utime.tv_sec * 1000000000 +
                                    (uint64_t)usage->ru_utime.tv_usec * 1000;
                message.system_nsec = (uint64_t)usage->ru_stime.tv_sec * 1000000000 +
                                      (uint64_t)usage->ru_stime.tv_usec * 1000;
                message.max_rss_kib = (uint64_t)usage->ru_maxrss;
        }
        if (parked->outcome->failed)
                message.error = parked->outcome->error;
        return tell(parked->sync_fd, &message,
                    message.executed ? offsetof(struct rt_pool_ended_message, error)
                                     : sizeof message);
}

/* What runs the task from here on cannot be turned against anybody: to pass signals on is all that
 * is left to do. A failure leaves rights that nobody can use. */
static void drop_rights(void) {
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {
                {.effective = 1u << CAP_KILL, .permitted = 1u << CAP_KILL}};

        (void)syscall(SYS_capset, &header, data);
}

static int start_failed(struct parked *parked, int r, const char *what) {
        parked->outcome->failed = true;
        (void)st_error_code(&parked->outcome->error, r, "%s", what);
        return tell_ended(parked, 0, NULL);
}

static int dispatch(struct parked *parked) {
        struct start start = {.parked = parked};
        char *map;
        size_t size;
        pid_t pid;
        int r;

        if (parked->task_pid)
                return -EPROTO; /* one at a time */
        *parked->outcome = (struct outcome) {0};
        r = read_dispatch(parked, &start.dispatch, &map, &size);
        if (r < 0)
                return start_failed(parked, r, "read the dispatch");
        plan_start(&start);
        parked->renamed = *start.dispatch.hostname;
        pid = st_vfork_call(parked->stack, start_main, &start);
        parked->started_nsec = now_nsec(parked);
        if (map)
                (void)munmap(map, size);
        if (pid < 0)
                return start_failed(parked, pid, "clone the task");
        parked->task_pid = pid;
        if (!parked->is->reuse)
                drop_rights();
        return 0;
}

static void kill_all(void) {
        (void)kill(-1, SIGKILL); /* ESRCH: there is nobody */
}

/* Until nobody is left. */
static void bury_all(void) {
        kill_all();
        while (wait4(-1, NULL, __WALL, NULL) >= 0 || errno == EINTR)
                ;
}

/* What else is in its pid namespace ends with it. */
_Noreturn static void end(void) {
        syscall(SYS_exit_group, 0);
        __builtin_unreachable();
}

/* Ready for the next, or why not. */
static int park_again(struct parked *parked) {
        struct rt_message damaged = {.type = RT_POOL_DAMAGED};
        int r;

        bury_all();
        r = parked->baseline ? rt_reset_apply(parked->baseline, parked->renamed, &damaged.error)
                             : 0;
        if (r >= 0)
                return tell_ready(parked->sync_fd, NULL);
        st_ignore(tell(parked->sync_fd, &damaged, sizeof damaged)); /* or its end tells */
        end();
}

static int reap(struct parked *parked) {
        struct rusage usage;
        int status, r;
        pid_t pid;

        while ((pid = wait4(-1, &status, WNOHANG | __WALL, &usage)) > 0) {
                if (pid != parked->task_pid)
                        continue; /* an orphan */
                parked->task_pid = 0;
                r = tell_ended(parked, status, &usage);
                if (!parked->is->reuse)
                        end();
                return r < 0 ? r : park_again(parked);
        }
        return 0;
}

static void pass_on(const struct parked *parked, int signal) {
        if (parked->task_pid && signal > 0 && signal < NSIG)
                (void)kill(parked->task_pid, signal); /* it may be gone: the reaping tells */
}

static int obey(struct parked *parked) {
        struct rt_pool_order order = {0};
        int r = receive(parked);

        if (r == 0)
                end();
        if (r < 0)
                return r;
        memcpy(&order, parked->region,
               parked->n_received < (ssize_t)sizeof order ? (size_t)parked->n_received
                                                          : sizeof order);
        switch ((enum rt_pool_message)order.type) {
        case RT_POOL_DISPATCH:
                r = dispatch(parked);
                break;
        case RT_POOL_SIGNAL:
                pass_on(parked, order.signal);
                break;
        case RT_POOL_KILL:
                if (parked->task_pid || !parked->is->reuse)
                        kill_all();
                else
                        r = park_again(parked);
                break;
        case RT_POOL_READY:
        case RT_POOL_ENDED:
        case RT_POOL_DAMAGED:
                r = -EPROTO;
        }
        close_received(parked);
        return r;
}

static int hear_signals(struct parked *parked) {
        struct signalfd_siginfo info;

        while (read(parked->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
                if (info.ssi_signo != SIGCHLD && info.ssi_pid == 0) /* from outside */
                        pass_on(parked, (int)info.ssi_signo);
        return reap(parked);
}

static int serve_all(struct parked *parked, struct st_error *err) {
        struct pollfd fds[] = {{.fd = parked->signal_fd, .events = POLLIN},
                               {.fd = parked->sync_fd, .events = POLLIN}};
        int r = 0;

        while (r >= 0) {
                if (ppoll(fds, 2, NULL, NULL) < 0 && errno != EINTR)
                        return st_error_sys(err, "poll");
                if (fds[0].revents)
                        r = hear_signals(parked);
                if (r >= 0 && fds[1].revents)
                        r = obey(parked);
        }
        return st_error_code(err, r, "serve");
}

/* ---- parking ---- */

static int open_signals(struct parked *parked, struct st_error *err) {
        sigset_t all;

        sigfillset(&all);
        if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
                return st_error_sys(err, "block signals");
        parked->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
        return parked->signal_fd < 0 ? st_error_sys(err, "signalfd") : 0;
}

/* All the memory that it will need, untouched until then. */
static int reserve_memory(struct parked *parked, struct st_error *err) {
        size_t size = REGION + ST_VFORK_STACK;
        char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (map == MAP_FAILED)
                return st_error_sys(err, "reserve memory");
        parked->region = map;
        parked->stack = map + REGION;
        if (st_vfork_flags() == SIGCHLD) { /* a plain fork: what it writes, only it would see */
                parked->outcome = mmap(NULL, sizeof *parked->outcome, PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                if (parked->outcome == MAP_FAILED)
                        return st_error_sys(err, "reserve memory");
        }
        return 0;
}

/* Tasks see it as process 1: /proc/1/cmdline and comm are everybody's, all else there needs rights
 * that nobody has over what is not dumpable. */
static void take_name(const struct rt_parked *is) {
        static const char name[] = "stint-slot";

        memset(is->arguments, 0, is->arguments_size);
        if (is->arguments_size >= sizeof name)
                memcpy(is->arguments, name, sizeof name);
        (void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

/* In advance, for all tasks: as rt_task_execute() would. */
static int load_filter(const struct rt_task *task, struct st_error *err) {
        int r;

        if (task->process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return st_error_sys(err, "set process.noNewPrivileges");
        r = rt_seccomp_load(task->seccomp, err);
        return r < 0 ? r : 0;
}

static int settle_early(const struct rt_parked *is, struct rt_task *task, struct st_error *err) {
        int r = rt_caps_drop_bounding(&task->caps, task->last_cap, err);

        task->caps.bounding = UINT64_MAX; /* done */
        if (r >= 0 && task->keyring_id && !is->keyring_each)
                r = rt_keyring_join(-1, is->name, NULL, err);
        if (r >= 0 && is->early_filter && task->seccomp) {
                r = load_filter(task, err);
                task->seccomp = NULL;
        }
        return r;
}

int rt_parked_serve(void *data, struct rt_task *task, int sync_fd, struct st_error *err) {
        struct rt_reset_baseline baseline = {0};
        struct outcome outcome = {0};
        struct parked parked = {
                .is = data, .task = task, .sync_fd = sync_fd, .signal_fd = -1, .outcome = &outcome};
        int r = reserve_memory(&parked, err);

        (void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); /* the socket tells, also in threaded programs */
        take_name(data);
        if (r >= 0 && !parked.is->no_init)
                r = open_signals(&parked, err);
        if (r >= 0 && parked.is->reuse) {
                parked.baseline = &baseline;
                r = rt_reset_remember(parked.is, &baseline, err);
        }
        if (r >= 0)
                r = settle_early(parked.is, task, err);
        if (r >= 0)
                r = tell_ready(sync_fd, err);
        if (r < 0)
                return r;
        return parked.is->no_init ? serve_once(&parked, err) : serve_all(&parked, err);
}
