/* A slot from its clone to its end.
 *
 * PREPARING --ready--> PARKED --take--> TAKEN --dispatch--> RUNNING --ended--> ENDED --> TOLD
 *    TOLD --release--> RETIRING, or where the grade reuses it RESETTING --ready--> PARKED
 * Everything here is an answer to a descriptor; nothing waits. */
#include "internal.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <stint/cleanup.h>
#include <stint/handshake.h>
#include <stint/syscall.h>

enum { TRIES_MAX = 200 }; /* of 10 ms each: what is left then, the journal's sweep removes */

/* ---- processes ---- */

static void hear_init(struct rt_slot *slot);
static void hear_guest(struct rt_slot *slot);
static void init_ended(struct rt_slot *slot);
static void guest_ended(struct rt_slot *slot);

static void process_init(struct rt_slot_process *process, struct rt_slot *slot,
                         void (*hear)(struct rt_slot *), void (*ended)(struct rt_slot *)) {
        *process = (struct rt_slot_process) {.pidfd = -1, .sync_fd = -1};
        process->hears = (struct rt_source) {.slot = slot, .handle = hear, .fd = -1};
        process->ends = (struct rt_source) {.slot = slot, .handle = ended, .fd = -1};
}

static void close_sync(struct rt_slot *slot, struct rt_slot_process *process) {
        rt_source_unwatch(slot->pool, &process->hears);
        process->sync_fd = st_close(process->sync_fd);
}

/* 1: reaped; 0: it lives. */
static int reap(struct rt_slot *slot, struct rt_slot_process *process, struct rt_exit *ret_exit) {
        struct rusage usage = {0};
        siginfo_t info = {0};

        if (!process->pid)
                return 1;
        while (syscall(SYS_waitid, P_PIDFD, process->pidfd, &info, WEXITED | WNOHANG, &usage) < 0)
                if (errno != EINTR)
                        break; /* somebody else reaped it: it is gone all the same */
        if (!info.si_pid && errno != ECHILD)
                return 0;
        if (ret_exit)
                *ret_exit = (struct rt_exit) {
                        .code = info.si_code == CLD_EXITED ? info.si_status : 0,
                        .signal = info.si_code == CLD_EXITED ? 0 : info.si_status,
                        .oom_kills = -1,
                        .user = {usage.ru_utime.tv_sec, usage.ru_utime.tv_usec * 1000},
                        .system = {usage.ru_stime.tv_sec, usage.ru_stime.tv_usec * 1000},
                        .max_rss_kib = (uint64_t)usage.ru_maxrss,
                };
        rt_source_unwatch(slot->pool, &process->ends);
        process->pidfd = st_close(process->pidfd);
        process->pid = 0;
        return 1;
}

static int launch(struct rt_slot *slot, struct rt_slot_process *process, int join_fd,
                  struct st_error *err) {
        struct rt_pool *pool = slot->pool;
        struct rt_blueprint_launch what = {
                .cgroup = slot->cgroup,
                .join_pid_fd = join_fd,
                .join_net_fd = -1,
                .null_fd = pool->null_fd,
                .serve = rt_parked_serve,
                .data = &slot->parked,
        };
        struct rt_blueprint_child child;
        int r;

        if (rt_blueprint_spec(pool->blueprint)->linux_.namespaces[ST_NS_NETWORK].wanted &&
            !rt_blueprint_spec(pool->blueprint)->linux_.namespaces[ST_NS_NETWORK].path)
                what.join_net_fd = join_fd;
        r = rt_blueprint_launch(pool->blueprint, &what, &child, err);
        if (r < 0)
                return r;
        process->pid = child.pid;
        process->pidfd = child.pidfd;
        process->sync_fd = child.sync_fd;
        r = rt_source_watch(pool, &process->hears, process->sync_fd);
        return r < 0 ? st_error_code(err, r, "watch slot %s", slot->name) : 0;
}

int rt_slot_order(const struct rt_slot *slot, enum rt_pool_message type, int signal) {
        struct rt_pool_order order = {.type = type, .signal = signal};

        if (slot->init.sync_fd < 0)
                return -ESRCH;
        return send(slot->init.sync_fd, &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT) < 0
                       ? -errno
                       : 0;
}

/* ---- beginning ---- */

static int bind_to_domain(struct rt_slot *slot, struct st_error *err) {
        const struct rt_pool_domain *domain;
        struct st_cpu cpu = {0};
        struct st_resources resources = {.cpu = &cpu};

        if (slot->domain < 0)
                return 0;
        domain = &slot->pool->domains[slot->domain];
        cpu.cpus = domain->cpus;
        cpu.mems = domain->mems;
        return rt_cgroup_update(slot->cgroup, &resources, err);
}

static int make_cgroup(struct rt_slot *slot, struct st_error *err) {
        st_autofree char *path = NULL;
        int r;

        if (asprintf(&path, "%s/%s", slot->pool->journal.path,
                     slot->name + strlen(slot->pool->journal.file) + 1) < 0) {
                path = NULL;
                return st_error_set(err, -ENOMEM, "plan the slot's cgroup");
        }
        r = rt_blueprint_plan_cgroup(slot->pool->blueprint, path, true, &slot->cgroup, err);
        if (r >= 0)
                r = rt_cgroup_create(slot->cgroup, err);
        return r < 0 ? r : bind_to_domain(slot, err);
}

static struct rt_slot *free_slot(struct rt_slot *slot) {
        rt_cgroup_free(slot->cgroup);
        free(slot->name);
        free(slot->guest_name);
        free(slot);
        return NULL;
}

static struct rt_slot *new_slot(struct rt_pool *pool, int domain) {
        struct rt_slot *slot = calloc(1, sizeof *slot);

        if (!slot)
                return NULL;
        /* unique on this machine: it names a keyring, which who uses the same name would join */
        if (asprintf(&slot->name, "%s-%llu", pool->journal.file,
                     (unsigned long long)pool->n_begun++) < 0) {
                slot->name = NULL;
                return free_slot(slot);
        }
        slot->pool = pool;
        slot->domain = domain;
        process_init(&slot->init, slot, hear_init, init_ended);
        process_init(&slot->guest, slot, hear_guest, guest_ended);
        slot->parked = (struct rt_parked) {
                .name = slot->name,
                .no_init = pool->no_init,
                .reuse = pool->grade != RT_GRADE_FRESH,
                .early_filter = pool->early_filter,
                .keyring_each = pool->keyring_each,
                .shifted_clock =
                        rt_blueprint_spec(pool->blueprint)->linux_.namespaces[ST_NS_TIME].wanted,
                .arguments = pool->arguments,
                .arguments_size = pool->arguments_size,
                .n_dirs = pool->n_dirs,
        };
        memcpy(slot->parked.dirs, pool->dirs, sizeof pool->dirs);
        if (pool->grade == RT_GRADE_SCRUBBED) /* it runs no task itself */
                slot->parked.early_filter = false;
        return slot;
}

int rt_slot_begin(struct rt_pool *pool, int domain, struct st_error *err) {
        struct rt_slot *slot = new_slot(pool, domain);
        int r;

        if (!slot)
                return st_error_set(err, -ENOMEM, "begin a slot");
        slot->state = RT_SLOT_PREPARING;
        r = make_cgroup(slot, err);
        if (r >= 0)
                r = launch(slot, &slot->init, -1, err);
        rt_slot_enter(slot, r < 0 ? RT_SLOT_RETIRING : RT_SLOT_PREPARING);
        if (r < 0) {
                pool->stats.failed++;
                rt_slot_retire(slot);
                return st_error_prefix(err, r, "slot %s", slot->name);
        }
        pool->stats.begun++;
        return 0;
}

/* ---- parked ---- */

/* Where several tasks use one cgroup, a task's numbers are what came since here. */
static void remember_counters(struct rt_slot *slot) {
        if (!slot->parked.reuse || !slot->used || !slot->pool->counts || !slot->cgroup)
                return;
        rt_cgroup_read_counters(slot->cgroup, &slot->before);
        slot->peak_is_slots = !rt_cgroup_reset_peak(slot->cgroup);
}

void rt_slot_park(struct rt_slot *slot) {
        if (slot->used)
                slot->pool->stats.reset++;
        remember_counters(slot);
        if (slot->cgroup)
                rt_cgroup_close(slot->cgroup);
        slot->clean = false;
        slot->failure = (struct st_error) {0};
        slot->data = NULL;
        rt_slot_enter(slot, RT_SLOT_PARKED);
}

/* The next task's process, into the namespaces that the slot keeps. */
static void launch_guest(struct rt_slot *slot) {
        struct rt_parked guest = slot->parked, init = slot->parked;
        struct st_error err = {0};
        int r = slot->cgroup ? rt_cgroup_open(slot->cgroup, NULL, &err) : 0;

        free(slot->guest_name);
        if (asprintf(&slot->guest_name, "%s.%u", slot->name, slot->n_tasks) < 0)
                slot->guest_name = NULL;
        if (!slot->guest_name && r >= 0)
                r = st_error_set(&err, -ENOMEM, "name a task");
        guest.name = slot->guest_name;
        guest.no_init = true;
        guest.reuse = false;
        guest.early_filter = slot->pool->early_filter;
        guest.n_dirs = 0;
        slot->parked = guest; /* the clone copies it */
        if (r >= 0)
                r = launch(slot, &slot->guest, slot->init.pidfd, &err);
        slot->parked = init;
        if (r < 0) {
                slot->pool->failure = err;
                slot->pool->stats.failed++;
                rt_slot_retire(slot);
        }
}

static void ready(struct rt_slot *slot) {
        if (slot->pool->grade == RT_GRADE_SCRUBBED && !slot->guest.pid)
                launch_guest(slot);
        else
                rt_slot_park(slot);
}

/* A slot that resets itself reads its next task after that, or refuses it when it is damaged: so it
 * counts as parked already. */
void rt_slot_reset(struct rt_slot *slot) {
        rt_slot_enter(slot, RT_SLOT_RESETTING);
        if (slot->damaged)
                rt_slot_retire(slot);
        else if (slot->clean || slot->pool->grade == RT_GRADE_SAME_JOB)
                ready(slot);
}

/* ---- the end of a task ---- */

static void task_ended(struct rt_slot *slot) {
        if (!slot->exited_nsec)
                slot->exited_nsec = rt_pool_now_nsec();
        rt_slot_enter(slot, RT_SLOT_ENDED);
        if (slot->pool->grade == RT_GRADE_SCRUBBED)
                (void)rt_slot_order(slot, RT_POOL_KILL, 0); /* it says when nobody is left */
}

static struct timespec timespec_of(uint64_t nsec) {
        return (struct timespec) {.tv_sec = (time_t)(nsec / 1000000000),
                                  .tv_nsec = (long)(nsec % 1000000000)};
}

static void take_ended(struct rt_slot *slot, const struct rt_pool_ended_message *message) {
        if (slot->state != RT_SLOT_RUNNING)
                return;
        slot->started_nsec = message->started_nsec;
        slot->exited_nsec = message->exited_nsec;
        slot->exit = (struct rt_exit) {
                .code = WIFEXITED(message->status) ? WEXITSTATUS(message->status) : 0,
                .signal = WIFSIGNALED(message->status) ? WTERMSIG(message->status) : 0,
                .oom_kills = -1,
                .user = timespec_of(message->user_nsec),
                .system = timespec_of(message->system_nsec),
                .max_rss_kib = message->max_rss_kib,
        };
        if (!message->executed) {
                slot->failure = message->error;
                slot->failure.msg[sizeof slot->failure.msg - 1] = 0;
                if (slot->failure.code >= 0)
                        slot->failure.code = -EIO;
        }
        task_ended(slot);
}

/* Its pid 1 is gone without a word: what was in its pid namespace was killed with it. */
static void lose_task(struct rt_slot *slot) {
        slot->exit = (struct rt_exit) {.signal = SIGKILL, .oom_kills = -1};
        slot->damaged = true;
        task_ended(slot);
}

/* ---- hearing ---- */

static void fail_prepare(struct rt_slot *slot, const struct st_error *error) {
        slot->pool->failure = *error;
        (void)st_error_prefix(&slot->pool->failure, error->code, "slot %s", slot->name);
        slot->pool->stats.failed++;
        rt_slot_retire(slot);
}

static void init_is_silent(struct rt_slot *slot) {
        struct st_error error = {0};

        close_sync(slot, &slot->init);
        switch (slot->state) {
        case RT_SLOT_PREPARING:
                (void)st_error_set(&error, -EIO, "its first process died while it was prepared");
                fail_prepare(slot, &error);
                break;
        case RT_SLOT_RUNNING:
                if (slot->pool->no_init) /* executed; or killed: its end tells */
                        st_ignore(rt_source_watch(slot->pool, &slot->init.ends, slot->init.pidfd));
                else
                        lose_task(slot);
                break;
        case RT_SLOT_PARKED:
                slot->pool->stats.failed++;
                rt_slot_retire(slot);
                break;
        case RT_SLOT_RESETTING:
                rt_slot_retire(slot);
                break;
        case RT_SLOT_TAKEN:
        case RT_SLOT_ENDED:
        case RT_SLOT_TOLD:
                slot->damaged = true; /* a fresh slot's has nothing more to do */
                break;
        case RT_SLOT_RETIRING:
        case _RT_SLOT_STATES:
                break;
        }
}

static void take_handshake(struct rt_slot *slot, struct rt_slot_process *process,
                           const struct rt_message *message) {
        struct st_error error = {0};
        int r = rt_blueprint_answer(slot->cgroup, process->sync_fd, message, &error);

        if (r >= 0)
                return;
        if (slot->state == RT_SLOT_RUNNING)
                slot->failure =
                        error; /* what was to become the task ends now: that is heard next */
        else
                fail_prepare(slot, &error);
}

union packet {
        uint32_t type;
        struct rt_message handshake;
        struct rt_pool_ended_message ended;
};

/* 1: a message; 0: the end; negative errno. What is short is filled with zeros. */
static int receive(int fd, union packet *packet) {
        ssize_t n;

        memset(packet, 0, sizeof *packet);
        do
                n = recv(fd, packet, sizeof *packet, MSG_DONTWAIT);
        while (n < 0 && (errno == EINTR || errno == ECONNRESET));
        if (n < 0)
                return -errno;
        packet->handshake.error.msg[sizeof packet->handshake.error.msg - 1] = 0;
        return n >= (ssize_t)sizeof packet->type ? 1 : 0;
}

static void take_ready(struct rt_slot *slot) {
        switch (slot->state) {
        case RT_SLOT_PREPARING:
        case RT_SLOT_RESETTING:
                slot->clean = true;
                ready(slot);
                break;
        case RT_SLOT_ENDED:
        case RT_SLOT_TOLD:
                slot->clean = true;
                break;
        case RT_SLOT_PARKED:
        case RT_SLOT_TAKEN:
        case RT_SLOT_RUNNING:
        case RT_SLOT_RETIRING:
        case _RT_SLOT_STATES:
                break;
        }
}

/* It ends itself after that, and reads no task any more. */
static void take_damage(struct rt_slot *slot, const struct st_error *error) {
        slot->damaged = true;
        if (slot->state == RT_SLOT_RESETTING || slot->state == RT_SLOT_PARKED)
                rt_slot_retire(slot);
        else if (slot->state == RT_SLOT_RUNNING) { /* it was sent one meanwhile */
                slot->failure = *error;
                (void)st_error_prefix(&slot->failure, -EAGAIN,
                                      "the slot was damaged by its last task");
                slot->failure.code = -EAGAIN;
                task_ended(slot);
        }
}

static void hear_init(struct rt_slot *slot) {
        union packet packet;
        int r = receive(slot->init.sync_fd, &packet);

        if (r == -EAGAIN)
                return;
        if (r <= 0) {
                init_is_silent(slot);
                return;
        }
        switch (packet.type) {
        case RT_POOL_READY:
                take_ready(slot);
                break;
        case RT_POOL_ENDED:
                take_ended(slot, &packet.ended);
                break;
        case RT_POOL_DAMAGED:
                take_damage(slot, &packet.handshake.error);
                break;
        default:
                take_handshake(slot, &slot->init, &packet.handshake);
        }
}

static void hear_guest(struct rt_slot *slot) {
        union packet packet;
        struct st_error error = {0};
        int r = receive(slot->guest.sync_fd, &packet);

        if (r == -EAGAIN)
                return;
        if (r > 0 && packet.type == RT_POOL_READY) {
                rt_slot_park(slot);
                return;
        }
        if (r > 0) {
                take_handshake(slot, &slot->guest, &packet.handshake);
                return;
        }
        close_sync(slot, &slot->guest);
        if (slot->state == RT_SLOT_RUNNING)
                st_ignore(rt_source_watch(slot->pool, &slot->guest.ends, slot->guest.pidfd));
        else if (slot->state != RT_SLOT_ENDED && slot->state != RT_SLOT_TOLD) {
                (void)st_error_set(&error, -EIO, "its process died before it had a task");
                fail_prepare(slot, &error);
        }
}

/* What became the task has ended. */
static void end_of_task(struct rt_slot *slot, struct rt_slot_process *process) {
        struct rt_exit result;

        if (!reap(slot, process, slot->state == RT_SLOT_RUNNING ? &result : NULL))
                return;
        if (slot->state == RT_SLOT_RUNNING) {
                slot->exit = result;
                task_ended(slot);
        }
}

static void init_ended(struct rt_slot *slot) {
        end_of_task(slot, &slot->init);
}

static void guest_ended(struct rt_slot *slot) {
        end_of_task(slot, &slot->guest);
}

/* ---- the end of a slot ---- */

static void end_process(struct rt_slot *slot, struct rt_slot_process *process) {
        close_sync(slot, process);
        if (!process->pid)
                return;
        (void)st_pidfd_send_signal(process->pidfd, SIGKILL); /* ESRCH: it has ended */
        if (process->ends.fd < 0 && rt_source_watch(slot->pool, &process->ends, process->pidfd) < 0)
                rt_pool_try_again(slot->pool);
}

void rt_slot_retire(struct rt_slot *slot) {
        rt_slot_enter(slot, RT_SLOT_RETIRING);
        slot->data = NULL;
        end_process(slot, &slot->guest);
        end_process(slot, &slot->init);
        if (!slot->init.pid && !slot->guest.pid)
                rt_pool_try_again(slot->pool); /* not here: the caller may hold a pointer to it */
}

bool rt_slot_bury(struct rt_slot *slot) {
        struct rt_pool *pool = slot->pool;

        if (!reap(slot, &slot->guest, NULL) || !reap(slot, &slot->init, NULL))
                return false;
        if (slot->cgroup && rt_cgroup_destroy(slot->cgroup, 0, NULL) < 0 &&
            slot->tries++ < TRIES_MAX) {
                rt_pool_try_again(pool);
                return false;
        }
        pool->stats.retired++;
        rt_slot_enter(slot, _RT_SLOT_STATES);
        (void)free_slot(slot);
        return true;
}
