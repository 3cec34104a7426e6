/* The pool: its options, its slots by state, and the one descriptor for all of them. */
#include "filter.h"
#include "internal.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <utlist.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/scan.h>
#include <stint/syscall.h>

enum { EVENTS = 64, RETRY_MSEC = 10, FREE_MSEC = 5000 };

uint64_t rt_pool_now_nsec(void) {
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- descriptors ---- */

int rt_source_watch(struct rt_pool *pool, struct rt_source *source, int fd) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

        if (source->fd >= 0)
                return 0;
        if (epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
                return -errno;
        source->fd = fd;
        return 0;
}

void rt_source_unwatch(struct rt_pool *pool, struct rt_source *source) {
        if (source->fd >= 0)
                (void)epoll_ctl(pool->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
        source->fd = -1;
}

static void set_timer(struct rt_pool *pool, long msec) {
        struct itimerspec when = {.it_value.tv_nsec = msec * 1000000};

        (void)timerfd_settime(pool->timer_fd, 0, &when, NULL);
        pool->timer_runs = msec > 0;
}

void rt_pool_try_again(struct rt_pool *pool) {
        if (!pool->timer_runs)
                set_timer(pool, RETRY_MSEC);
}

/* ---- slots by state ---- */

void rt_slot_enter(struct rt_slot *slot, enum rt_slot_state state) {
        struct rt_pool *pool = slot->pool;

        if (slot->prev) { /* in a list: the head's prev is the tail */
                DL_DELETE(pool->slots[slot->state], slot);
                pool->n_slots[slot->state]--;
                slot->prev = slot->next = NULL;
        }
        slot->state = state;
        if (state == _RT_SLOT_STATES)
                return;
        DL_APPEND(pool->slots[state], slot);
        pool->n_slots[state]++;
}

static unsigned count_slots(const struct rt_pool *pool) {
        unsigned n = 0;

        for (int state = 0; state < _RT_SLOT_STATES; state++)
                n += pool->n_slots[state];
        return n;
}

/* ---- options ---- */

static int refuse(struct st_error *err, const char *field, const char *why) {
        return st_error_kind(err, st_error_set(err, -EOPNOTSUPP, "%s: %s", field, why),
                             ST_CODE_UNSUPPORTED);
}

static bool is_new(const struct st_spec *spec, enum st_namespace_kind kind) {
        return spec->linux_.namespaces[kind].wanted && !spec->linux_.namespaces[kind].path;
}

/* Whoever can trace pid 1 has its rights, and goes past a filter that it has not. A user namespace
 * bounds the rights, not the filter. */
static int check_rights(const struct rt_pool *pool, struct st_error *err) {
        const struct st_capabilities *caps = rt_blueprint_caps(pool->blueprint);
        uint64_t has = caps->bounding | caps->permitted | caps->inheritable;

        if (pool->no_init)
                return 0;
        if (has & UINT64_C(1) << CAP_SYS_PTRACE)
                return refuse(err, "process.capabilities",
                              "with CAP_SYS_PTRACE a task would own the pid 1 beside it");
        if (pool->grade != RT_GRADE_FRESH && has & UINT64_C(1) << CAP_SYS_ADMIN)
                return refuse(err, "process.capabilities",
                              "with CAP_SYS_ADMIN a task leaves mounts in a slot that is reused");
        return 0;
}

static int add_dir(struct rt_pool *pool, const char *path, struct st_error *err) {
        if (pool->n_dirs == RT_PARKED_DIRS_MAX)
                return refuse(err, "mounts", "too many for a slot that empties them");
        pool->dirs[pool->n_dirs++] = path;
        return 0;
}

static bool is_below(const char *path, const char *dir) {
        size_t n = strlen(dir);

        return !strncmp(path, dir, n) && path[n] == '/';
}

static bool is_read_only(const struct st_mount *mount) {
        for (size_t i = 0; i < mount->n_options; i++)
                if (!strcmp(mount->options[i], "ro"))
                        return true;
        return false;
}

static int plan_emptying(struct rt_pool *pool, const struct st_mount *mount, struct st_error *err) {
        const struct st_spec *spec = rt_blueprint_spec(pool->blueprint);

        if (!strcmp(mount->destination, "/dev") || is_read_only(mount))
                return 0; /* read-only, all of it */
        for (size_t i = 0; i < spec->n_mounts; i++)
                if (is_below(spec->mounts[i].destination, mount->destination))
                        return refuse(err, mount->destination,
                                      "a slot cannot empty what something is mounted below");
        return add_dir(pool, mount->destination, err);
}

/* What a task may have written is emptied: so it has to be in places that are known. */
static int plan_reset(struct rt_pool *pool, struct st_error *err) {
        const struct st_spec *spec = rt_blueprint_spec(pool->blueprint);
        bool has_mqueue = false;

        if (pool->grade != RT_GRADE_SAME_JOB)
                return 0;
        if (!is_new(spec, ST_NS_IPC))
                return refuse(err, "linux.namespaces", "same-job needs a new IPC namespace");
        for (size_t i = 0; i < spec->n_mounts; i++) {
                const struct st_mount *mount = &spec->mounts[i];
                const char *type = mount->type ? mount->type : "";
                bool mqueue = !strcmp(type, "mqueue");
                int r = 0;

                has_mqueue |= mqueue;
                if (mqueue || !strcmp(type, "tmpfs"))
                        r = plan_emptying(pool, mount, err);
                if (r < 0)
                        return r;
        }
        return has_mqueue ? 0
                          : refuse(err, "mounts", "same-job needs one of type mqueue, to empty it");
}

static int check_grade(const struct rt_pool *pool, struct st_error *err) {
        const struct st_spec *spec = rt_blueprint_spec(pool->blueprint);

        if (pool->no_init && pool->grade != RT_GRADE_FRESH)
                return st_error_set(err, -EINVAL, "no_init is for grade fresh");
        if (pool->grade == RT_GRADE_SCRUBBED && spec->linux_.namespaces[ST_NS_USER].wanted)
                return refuse(err, "linux.namespaces", "scrubbed does not join user namespaces");
        return check_rights(pool, err);
}

static void choose_filter(struct rt_pool *pool) {
        const struct rt_seccomp *filter = rt_blueprint_filter(pool->blueprint);
        struct rt_filter_needs needs = {
                .no_init = pool->no_init || pool->grade == RT_GRADE_SCRUBBED,
                .reuse = pool->grade == RT_GRADE_SAME_JOB,
        };

        pool->early_filter = filter && rt_filter_allows_dispatch(filter, &needs);
        pool->can_rename = !pool->early_filter || rt_filter_allows(filter, SYS_sethostname, NULL);
        /* one that tasks cannot reach need not be new for each */
        needs.keyring = true;
        pool->keyring_each = pool->grade == RT_GRADE_SAME_JOB &&
                             (!pool->early_filter || rt_filter_allows_dispatch(filter, &needs));
}

static int copy_domains(struct rt_pool *pool, const struct rt_pool_options *options) {
        if (!options->n_domains)
                return 0;
        pool->domains = calloc(options->n_domains, sizeof *pool->domains);
        if (!pool->domains)
                return -ENOMEM;
        pool->n_domains = options->n_domains;
        for (size_t i = 0; i < options->n_domains; i++) {
                const struct rt_pool_domain *domain = &options->domains[i];
                pool->domains[i].cpus = strdup(domain->cpus);
                pool->domains[i].mems = domain->mems ? strdup(domain->mems) : NULL;
                if (!pool->domains[i].cpus || (domain->mems && !pool->domains[i].mems))
                        return -ENOMEM;
        }
        return 0;
}

static int open_fds(struct rt_pool *pool, struct st_error *err) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}; /* the timer */

        pool->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        pool->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        pool->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (pool->null_fd < 0 || pool->epoll_fd < 0 || pool->timer_fd < 0 ||
            epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, pool->timer_fd, &event) < 0)
                return st_error_sys(err, "open a pool's descriptors");
        return 0;
}

enum { ARG_START_FIELD = 48, ARG_END_FIELD }; /* proc(5), /proc/pid/stat, counted from 1 */

/* Where our command line lies: every slot's first process has a copy of it. */
static int find_arguments(struct rt_pool *pool, struct st_error *err) {
        st_autofree char *text = NULL;
        uint64_t start, end;
        const char *at;
        int r = st_read_file_at(AT_FDCWD, "/proc/self/stat", 4096, &text, NULL, err);

        if (r < 0)
                return r;
        at = strrchr(text, ')'); /* the name in field 2 may hold anything */
        for (int field = 2; at && field < ARG_START_FIELD; field++) {
                at = strchr(at, ' ');
                at = at ? at + 1 : NULL;
        }
        if (!at || !st_scan_u64(&at, &start) || !st_scan_u64(&at, &end) || end < start)
                return st_error_set(err, -EPROTO, "/proc/self/stat: no arg_start and arg_end");
        pool->arguments = (char *)(uintptr_t)start;
        pool->arguments_size = (size_t)(end - start);
        return 0;
}

static bool is_name(const char *name) {
        size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_+.-");

        return n > 0 && n <= 64 && !name[n] && name[0] != '.';
}

static int make_template(struct rt_pool *pool, const struct rt_pool_options *options,
                         struct st_error *err) {
        bool same_job = options->grade == RT_GRADE_SAME_JOB;
        struct rt_blueprint_options what = {
                .bundle = options->bundle,
                .config = options->config,
                .id = pool->name,
                .upper_bytes = same_job ? 0 : options->upper_bytes,
                .read_only = same_job,
                .tmp_bytes = options->upper_bytes,
                .extra_pids = !options->no_init,
        };

        return rt_blueprint_new(pool->runtime, &what, &pool->blueprint, err);
}

static struct rt_pool *alloc_pool(struct rt_runtime *runtime,
                                  const struct rt_pool_options *options) {
        struct rt_pool *pool = calloc(1, sizeof *pool);

        if (!pool)
                return NULL;
        pool->epoll_fd = pool->timer_fd = pool->null_fd = -1;
        pool->journal.dir_fd = pool->journal.file_fd = -1;
        pool->runtime = runtime;
        pool->grade = options->grade;
        pool->no_init = options->no_init;
        pool->max_parked = options->max_parked ? options->max_parked : 1;
        pool->max_slots = options->max_slots ? options->max_slots : UINT32_MAX;
        pool->name = strdup(options->name ? options->name : "pool");
        if (!pool->name || copy_domains(pool, options) < 0)
                return rt_pool_free(pool);
        return pool;
}

int rt_pool_new(struct rt_runtime *runtime, const struct rt_pool_options *options,
                struct rt_pool **ret_pool, struct st_error *err) {
        st_cleanup(rt_pool_freep) struct rt_pool *pool = alloc_pool(runtime, options);
        int r;

        if (!pool)
                return st_error_set(err, -ENOMEM, "make a pool");
        if (!is_name(pool->name))
                return st_error_set(err, -EINVAL, "pool name \"%s\": [A-Za-z0-9_+.-]{1,64}",
                                    pool->name);
        r = open_fds(pool, err);
        if (r >= 0)
                r = find_arguments(pool, err);
        if (r >= 0)
                r = make_template(pool, options, err);
        if (r >= 0)
                r = check_grade(pool, err);
        if (r >= 0)
                r = plan_reset(pool, err);
        if (r >= 0)
                r = rt_journal_open(runtime, pool->blueprint, pool->name, &pool->journal, err);
        if (r < 0)
                return st_error_prefix(err, r, "pool %s", pool->name);
        choose_filter(pool);
        *ret_pool = st_take(pool);
        return 0;
}

/* ---- the end ---- */

static void retire_all(struct rt_pool *pool) {
        for (int state = 0; state < RT_SLOT_RETIRING; state++) {
                struct rt_slot *slot, *next;
                DL_FOREACH_SAFE(pool->slots[state], slot, next)
                rt_slot_retire(slot);
        }
}

static void bury_all(struct rt_pool *pool) {
        struct rt_slot *slot, *next;

        DL_FOREACH_SAFE(pool->slots[RT_SLOT_RETIRING], slot, next)
        st_ignore(rt_slot_bury(slot)); /* another time */
}

/* Of a pid namespace: its death takes a moment. */
static void wait_for_death(const struct rt_slot *slot, int msec) {
        struct pollfd fds[] = {{.fd = slot->init.pidfd, .events = POLLIN},
                               {.fd = slot->guest.pidfd, .events = POLLIN}};

        (void)poll(fds, 2, msec);
}

struct rt_pool *rt_pool_free(struct rt_pool *pool) {
        uint64_t end = rt_pool_now_nsec() + (uint64_t)FREE_MSEC * 1000000;

        if (!pool)
                return NULL;
        retire_all(pool);
        for (bury_all(pool); pool->slots[RT_SLOT_RETIRING] && rt_pool_now_nsec() < end;
             bury_all(pool))
                wait_for_death(pool->slots[RT_SLOT_RETIRING], RETRY_MSEC);
        while (pool->slots[RT_SLOT_RETIRING]) { /* something does not die: the sweep's */
                struct rt_slot *slot = pool->slots[RT_SLOT_RETIRING];
                (void)st_close(slot->init.pidfd);
                (void)st_close(slot->guest.pidfd);
                slot->init.pid = slot->guest.pid = 0;
                slot->tries = UINT32_MAX;
                st_ignore(rt_slot_bury(slot));
        }
        if (pool->journal.dir_fd >= 0)
                rt_journal_close(&pool->journal, FREE_MSEC);
        rt_blueprint_free(pool->blueprint);
        for (size_t i = 0; i < pool->n_domains; i++) {
                free((char *)pool->domains[i].cpus);
                free((char *)pool->domains[i].mems);
        }
        free(pool->domains);
        free(pool->name);
        (void)st_close(pool->epoll_fd);
        (void)st_close(pool->timer_fd);
        (void)st_close(pool->null_fd);
        free(pool);
        return NULL;
}

/* ---- the loop's ---- */

int rt_pool_fd(const struct rt_pool *pool) {
        return pool->epoll_fd;
}

static void timer_fired(struct rt_pool *pool) {
        uint64_t times;

        if (read(pool->timer_fd, &times, sizeof times) < 0)
                return;
        pool->timer_runs = false;
        bury_all(pool);
}

static bool is_burial(const struct rt_source *source) {
        return source->slot->state == RT_SLOT_RETIRING;
}

/* Once around; what was freed meanwhile has no more events here, since its slot's last event is its
 * burial. */
static void handle_events(struct rt_pool *pool) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(pool->epoll_fd, events, EVENTS, 0);

        for (int i = 0; i < n; i++) {
                struct rt_source *source = events[i].data.ptr;
                if (source && !is_burial(source) && source->fd >= 0)
                        source->handle(source->slot);
        }
        /* a task that ended is told first: graves can wait for the next round */
        if (pool->n_slots[RT_SLOT_ENDED])
                return;
        for (int i = 0; i < n; i++)
                if (!events[i].data.ptr)
                        timer_fired(pool);
        bury_all(pool);
}

int rt_pool_advance(struct rt_pool *pool, struct st_error *err) {
        handle_events(pool);
        if (pool->failure.code < 0) {
                int r = pool->failure.code;
                if (err)
                        *err = pool->failure;
                pool->failure = (struct st_error) {0};
                return r;
        }
        return (int)pool->n_slots[RT_SLOT_ENDED];
}

static unsigned count_waiting(const struct rt_pool *pool, int domain) {
        const struct rt_slot *slot;
        unsigned n = 0;

        if (domain == RT_ANY_DOMAIN)
                return pool->n_slots[RT_SLOT_PREPARING] + pool->n_slots[RT_SLOT_PARKED] +
                       pool->n_slots[RT_SLOT_RESETTING];
        for (int state = 0; state < _RT_SLOT_STATES; state++)
                if (state == RT_SLOT_PREPARING || state == RT_SLOT_PARKED ||
                    state == RT_SLOT_RESETTING)
                        DL_FOREACH(pool->slots[state], slot)
        n += slot->domain == domain;
        return n;
}

/* The one with the fewest. */
static int choose_domain(const struct rt_pool *pool) {
        unsigned fewest = UINT32_MAX;
        int chosen = RT_ANY_DOMAIN;

        for (size_t i = 0; i < pool->n_domains; i++) {
                unsigned n = count_waiting(pool, (int)i);
                if (n < fewest) {
                        fewest = n;
                        chosen = (int)i;
                }
        }
        return chosen;
}

static int fill(struct rt_pool *pool, int domain, unsigned max, struct st_error *err) {
        unsigned n = 0;

        while (n < max && count_waiting(pool, RT_ANY_DOMAIN) < pool->max_parked &&
               count_slots(pool) < pool->max_slots) {
                int r = rt_slot_begin(pool, domain == RT_ANY_DOMAIN ? choose_domain(pool) : domain,
                                      err);
                if (r < 0)
                        return r;
                n++;
        }
        return (int)n;
}

int rt_pool_fill(struct rt_pool *pool, unsigned max, struct st_error *err) {
        return fill(pool, RT_ANY_DOMAIN, max, err);
}

int rt_pool_fill_domain(struct rt_pool *pool, size_t domain, unsigned max, struct st_error *err) {
        if (domain >= pool->n_domains)
                return st_error_set(err, -EINVAL, "pool %s has no domain %zu", pool->name, domain);
        return fill(pool, (int)domain, max, err);
}

struct rt_slot *rt_pool_take(struct rt_pool *pool, int domain) {
        struct rt_slot *slot;

        DL_FOREACH(pool->slots[RT_SLOT_PARKED], slot)
        if (domain == RT_ANY_DOMAIN || slot->domain == domain)
                break;
        if (!slot) {
                pool->stats.misses++;
                return NULL;
        }
        pool->stats.hits++;
        rt_slot_enter(slot, RT_SLOT_TAKEN);
        return slot;
}

struct rt_slot *rt_pool_ended(struct rt_pool *pool) {
        struct rt_slot *slot = pool->slots[RT_SLOT_ENDED];

        if (slot)
                rt_slot_enter(slot, RT_SLOT_TOLD);
        return slot;
}

void rt_pool_drain(struct rt_pool *pool, unsigned n) {
        while (pool->n_slots[RT_SLOT_PARKED] > n)
                rt_slot_retire(pool->slots[RT_SLOT_PARKED]);
}

void rt_pool_stats(const struct rt_pool *pool, struct rt_pool_stats *ret_stats) {
        *ret_stats = pool->stats;
        ret_stats->preparing = pool->n_slots[RT_SLOT_PREPARING] + pool->n_slots[RT_SLOT_RESETTING];
        ret_stats->parked = pool->n_slots[RT_SLOT_PARKED];
        ret_stats->taken = pool->n_slots[RT_SLOT_TAKEN];
        ret_stats->running = pool->n_slots[RT_SLOT_RUNNING];
        ret_stats->ended = pool->n_slots[RT_SLOT_ENDED] + pool->n_slots[RT_SLOT_TOLD];
        ret_stats->retiring = pool->n_slots[RT_SLOT_RETIRING];
}
