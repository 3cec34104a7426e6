/* What a caller does with a slot that it has taken. */
#include "internal.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/syscall.h>

/* ---- dispatch ---- */

static int refuse_name(const struct rt_slot *slot, struct st_error *err) {
        const struct st_spec *spec = rt_blueprint_spec(slot->pool->blueprint);

        if (slot->pool->can_rename && spec->linux_.namespaces[ST_NS_UTS].wanted &&
            !spec->linux_.namespaces[ST_NS_UTS].path)
                return 0;
        return st_error_kind(err,
                             st_error_set(err, -EOPNOTSUPP,
                                          "hostname: the slot has no UTS namespace of its own, or "
                                          "its filter is loaded and allows no sethostname"),
                             ST_CODE_UNSUPPORTED);
}

static int make_memfd(const char *message, size_t size, struct st_error *err) {
        st_autoclose int fd = (int)syscall(SYS_memfd_create, "dispatch", MFD_CLOEXEC);
        int r;

        if (fd < 0)
                return st_error_sys(err, "make a memfd");
        r = st_write_all(fd, message, size);
        return r < 0 ? st_error_code(err, r, "write a memfd") : st_take_fd(fd);
}

static int send_fds(int sync_fd, const void *message, size_t size, const int *fds, size_t n_fds) {
        char control[CMSG_SPACE(4 * sizeof(int))] = {0};
        struct iovec iov = {.iov_base = (void *)message, .iov_len = size};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = CMSG_SPACE(n_fds * sizeof(int))};
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        ssize_t n;

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
        do
                n = sendmsg(sync_fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

static int send_task(const struct rt_slot *slot, char *message, size_t size,
                     const struct rt_slot_task *task, struct st_error *err) {
        struct rt_dispatch_header *header = (struct rt_dispatch_header *)message;
        bool large = size + rt_dispatch_room(header) > RT_DISPATCH_INLINE_MAX;
        st_autoclose int memfd = -1;
        int fds[4], r;
        int sync_fd = slot->guest.pid ? slot->guest.sync_fd : slot->init.sync_fd;

        if (large) {
                memfd = make_memfd(message, size, err);
                if (memfd < 0)
                        return memfd;
                header->in_memfd = 1;
                size = sizeof *header;
        }
        for (int i = 0; i < 3; i++)
                fds[i] = task->stdio_fds[i] >= 0 ? task->stdio_fds[i] : slot->pool->null_fd;
        fds[3] = memfd;
        r = send_fds(sync_fd, message, size, fds, large ? 4 : 3);
        if (r == -EPIPE || r == -ECONNRESET)
                return st_error_set(err, -ESRCH, "the slot has died");
        return r < 0 ? st_error_code(err, r, "send the task") : 0;
}

static int dispatch(struct rt_slot *slot, const struct rt_slot_task *task, struct st_error *err) {
        const struct st_process *process = rt_blueprint_spec(slot->pool->blueprint)->process;
        st_autofree char *message = NULL, *name = NULL;
        size_t size;
        int r = 0;

        if (slot->state != RT_SLOT_TAKEN)
                return st_error_set(err, -EBUSY, "it has had a task");
        if (slot->damaged)
                return st_error_set(err, -ESRCH, "the slot has died");
        if (task->hostname && *task->hostname)
                r = refuse_name(slot, err);
        if (r >= 0 && asprintf(&name, "%s.%u", slot->name, slot->n_tasks++) < 0) {
                name = NULL;
                return st_error_set(err, -ENOMEM, "name the task");
        }
        if (r >= 0)
                r = rt_dispatch_encode(task, process, name, &message, &size, err);
        if (r < 0)
                return r;
        slot->used = true;
        r = rt_slot_limit(slot, task->resources, err);
        if (r < 0) {
                slot->damaged = true; /* some may be written */
                return r;
        }
        slot->dispatched_nsec = rt_pool_now_nsec();
        slot->started_nsec = slot->exited_nsec = 0;
        r = send_task(slot, message, size, task, err);
        if (r < 0) {
                slot->damaged = true;
                return r;
        }
        rt_slot_enter(slot, RT_SLOT_RUNNING);
        return 0;
}

int rt_slot_dispatch(struct rt_slot *slot, const struct rt_slot_task *task, struct st_error *err) {
        int r = dispatch(slot, task, err);

        if (r >= 0)
                return 0;
        slot->pool->stats.refused++;
        return st_error_prefix(err, r, "dispatch to slot %s", slot->name);
}

/* ---- while it runs ---- */

static int has_ended(const struct rt_slot *slot, struct st_error *err) {
        return st_error_set(err, -ESRCH, "slot %s runs no task", slot->name);
}

/* The process that is the task's own, when it is our child. */
static const struct rt_slot_process *own_process(const struct rt_slot *slot) {
        if (slot->guest.pid)
                return &slot->guest;
        return slot->pool->no_init ? &slot->init : NULL;
}

int rt_slot_signal(struct rt_slot *slot, int signal, struct st_error *err) {
        const struct rt_slot_process *process = own_process(slot);
        int r;

        if (slot->state != RT_SLOT_RUNNING)
                return has_ended(slot, err);
        if (signal <= 0 || signal >= NSIG)
                return st_error_set(err, -EINVAL, "there is no signal %d", signal);
        if (process)
                r = st_pidfd_send_signal(process->pidfd, signal) < 0 ? -errno : 0;
        else
                r = rt_slot_order(slot, RT_POOL_SIGNAL, signal);
        if (r == -EPIPE || r == -ECONNRESET)
                r = -ESRCH;
        return r < 0 ? st_error_code(err, r, "signal slot %s", slot->name) : 0;
}

int rt_slot_kill(struct rt_slot *slot, struct st_error *err) {
        const struct rt_slot_process *process = own_process(slot);
        int r;

        if (slot->state != RT_SLOT_RUNNING)
                return has_ended(slot, err);
        slot->killed = true;
        if (process)
                r = st_pidfd_send_signal(process->pidfd, SIGKILL) < 0 ? -errno : 0;
        else
                r = rt_slot_order(slot, RT_POOL_KILL, 0);
        if (r == -EPIPE || r == -ECONNRESET)
                r = -ESRCH;
        return r < 0 ? st_error_code(err, r, "kill slot %s", slot->name) : 0;
}

/* ---- after it ---- */

int rt_slot_settle(struct rt_slot *slot, struct rt_exit *ret_exit, struct st_error *err) {
        switch (slot->state) {
        case RT_SLOT_RUNNING:
                return 0;
        case RT_SLOT_ENDED:
        case RT_SLOT_TOLD:
                break;
        case RT_SLOT_PREPARING:
        case RT_SLOT_PARKED:
        case RT_SLOT_TAKEN:
        case RT_SLOT_RESETTING:
        case RT_SLOT_RETIRING:
        case _RT_SLOT_STATES:
                return has_ended(slot, err);
        }
        if (slot->failure.code < 0) {
                if (err)
                        *err = slot->failure;
                return slot->failure.code;
        }
        *ret_exit = slot->exit;
        return 1;
}

static int64_t since(int64_t now, int64_t before) {
        return now < 0 ? -1 : now - (before > 0 ? before : 0);
}

void rt_slot_usage(struct rt_slot *slot, struct rt_slot_usage *ret_usage) {
        struct rt_cgroup_counters now = {-1, -1, -1, -1};

        slot->pool->counts = true;
        if (slot->cgroup)
                rt_cgroup_read_counters(slot->cgroup, &now);
        *ret_usage = (struct rt_slot_usage) {
                .dispatched_nsec = slot->dispatched_nsec,
                .started_nsec = slot->started_nsec,
                .exited_nsec = slot->exited_nsec,
                .cpu_nsec = since(now.cpu_nsec, slot->before.cpu_nsec),
                .oom_kills = since(now.oom_kills, slot->before.oom_kills),
                .throttled_nsec = since(now.throttled_nsec, slot->before.throttled_nsec),
                .memory_peak_bytes = now.memory_peak_bytes,
                .memory_peak_is_slots = slot->peak_is_slots,
        };
}

struct rt_cgroup *rt_slot_cgroup(struct rt_slot *slot) {
        return slot->cgroup;
}

pid_t rt_slot_pid(const struct rt_slot *slot) {
        return slot->init.pid;
}

int rt_slot_pidfd(const struct rt_slot *slot) {
        return slot->init.pidfd;
}

const char *rt_slot_name(const struct rt_slot *slot) {
        return slot->name;
}

int rt_slot_domain(const struct rt_slot *slot) {
        return slot->domain;
}

void rt_slot_set_data(struct rt_slot *slot, void *data) {
        slot->data = data;
}

void *rt_slot_data(const struct rt_slot *slot) {
        return slot->data;
}

void rt_slot_release(struct rt_slot *slot) {
        if (slot->state == RT_SLOT_TAKEN && !slot->damaged && !slot->used)
                rt_slot_park(slot);
        else if (slot->state == RT_SLOT_TAKEN && !slot->damaged && slot->parked.reuse)
                rt_slot_park(slot);
        else if ((slot->state == RT_SLOT_ENDED || slot->state == RT_SLOT_TOLD) &&
                 slot->parked.reuse && !slot->damaged)
                rt_slot_reset(slot);
        else
                rt_slot_retire(slot);
}
