#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/timerfd.h>

#include <stint/cleanup.h>
#include <stint/parse.h>

static bool once;
static const char *interval_text;

static const struct cli_option options[] = {
        {"stats", 0, CLI_FLAG(&once), "print the statistics once, then end"},
        {"interval", 0, CLI_TEXT(&interval_text), "TIME",
         "time between statistics: 500ms, 5s (default), 1m30s"},
        {0},
};

struct watch {
        struct rt_container *container;
        const char *id;
        int timer_fd, oom_fd; /* oom_fd -1: no memory controller */
        int64_t oom_kills;    /* reported so far; -1 unknown */
};

static struct st_json_writer *begin_event(const char *type, const char *id) {
        struct st_json_writer *w = st_json_writer_new(ST_JSON_COMPACT);

        if (!w)
                return NULL;
        st_json_open_object(w, NULL);
        st_json_string(w, "type", type);
        st_json_string(w, "id", id);
        return w;
}

static int print_stats(struct rt_container *container, const char *id, struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w = begin_event("stats", id);
        int r;

        if (!w)
                return st_error_set(err, -ENOMEM, "allocate the event");
        r = rt_container_write_stats(container, w, "data", err);
        if (r < 0)
                return r;
        st_json_close_object(w);
        return cli_print_json(w, err);
}

static int print_oom(const struct watch *watch, struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w = begin_event("oom", watch->id);

        if (!w)
                return st_error_set(err, -ENOMEM, "allocate the event");
        st_json_close_object(w);
        return cli_print_json(w, err);
}

static int is_over(struct rt_container *container, struct st_error *err) {
        enum rt_status status;
        int r = rt_container_status(container, &status, err);

        return r < 0 ? r : status == RT_STATUS_STOPPED;
}

/* What woke us may be an OOM kill; or on v1 an OOM without a kill (the killer is disabled) or,
 * then, the removal of the cgroup, which ends the container first. */
static int handle_oom(struct watch *watch, struct st_error *err) {
        struct rt_cgroup *cgroup = rt_container_cgroup(watch->container);
        int64_t kills = rt_cgroup_oom_kills(cgroup);
        bool rose = kills > watch->oom_kills;
        char events[4096];
        int over;

        if (read(watch->oom_fd, events, sizeof events) < 0 && errno != EAGAIN)
                return st_error_sys(err, "read OOM events");
        watch->oom_kills = kills;
        over = is_over(watch->container, err);
        if (over < 0)
                return over;
        if (rose || (!over && rt_cgroup_mode_of(cgroup) != RT_CGROUP_V2))
                return print_oom(watch, err);
        return 0;
}

static int handle_timer(const struct watch *watch, struct st_error *err) {
        uint64_t expirations;
        int over = is_over(watch->container, err);

        if (over != 0)
                return over < 0 ? over : 0; /* the loop ends by itself */
        if (read(watch->timer_fd, &expirations, sizeof expirations) < 0)
                return st_error_sys(err, "read timer");
        return print_stats(watch->container, watch->id, err);
}

static int serve(struct watch *watch, struct st_error *err) {
        for (;;) {
                struct pollfd pollfds[] = {
                        {.fd = watch->timer_fd, .events = POLLIN},
                        {.fd = watch->oom_fd, .events = POLLIN},
                        {.fd = rt_container_pidfd(watch->container), .events = POLLIN},
                };
                int r = 0;

                if (poll(pollfds, 3, -1) < 0)
                        return st_error_sys(err, "poll");
                if (pollfds[1].revents)
                        r = handle_oom(watch, err);
                if (r == 0 && pollfds[2].revents)
                        return 0;
                if (r == 0 && pollfds[0].revents)
                        r = handle_timer(watch, err);
                if (r < 0)
                        return r;
        }
}

static int start_timer(uint64_t interval_nsec, int *ret_fd, struct st_error *err) {
        struct timespec interval = {.tv_sec = (time_t)(interval_nsec / 1000000000),
                                    .tv_nsec = (long)(interval_nsec % 1000000000)};
        struct itimerspec setting = {.it_interval = interval, .it_value = interval};
        st_autoclose int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

        if (fd < 0 || timerfd_settime(fd, 0, &setting, NULL) < 0)
                return st_error_sys(err, "set a timer");
        *ret_fd = st_take_fd(fd);
        return 0;
}

static int follow(struct rt_container *container, const char *id, uint64_t interval_nsec,
                  struct st_error *err) {
        st_autoclose int timer_fd = -1, oom_fd = -1;
        struct rt_cgroup *cgroup = rt_container_cgroup(container);
        struct watch watch = {.container = container, .id = id, .oom_kills = -1};
        int r = start_timer(interval_nsec, &timer_fd, err);

        if (r == 0 && cgroup) {
                watch.oom_kills = rt_cgroup_oom_kills(cgroup);
                if (watch.oom_kills >= 0) /* else there is no memory controller to watch */
                        r = rt_cgroup_oom_watch(cgroup, &oom_fd, err);
        }
        if (r < 0)
                return r;
        watch.timer_fd = timer_fd;
        watch.oom_fd = oom_fd;
        return serve(&watch, err);
}

static int run(struct cli *cli, const char *const *operands, struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = NULL;
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        uint64_t interval_nsec;
        int r = st_parse_duration(interval_text ? interval_text : "5s", &interval_nsec);

        if (r < 0)
                return cli_usage_error(err, "invalid value \"%s\" for flag -interval: parse error",
                                       interval_text);
        if (interval_nsec == 0)
                return cli_usage_error(err, "duration interval must be greater than 0");
        r = cli_open_container(cli, operands[0], &runtime, &container, err);
        if (r == 0)
                r = is_over(container, err);
        if (r > 0) {
                (void)st_error_set(err, -ESRCH, "container not running");
                return st_error_kind(err, -ESRCH, ST_CODE_WRONG_STATE);
        }
        if (r < 0)
                return r;
        return once ? print_stats(container, operands[0], err)
                    : follow(container, operands[0], interval_nsec, err);
}

const struct cli_verb cli_events = {
        .name = "events",
        .operands = "ID",
        .summary = "print statistics and OOMs",
        .options = options,
        .min_operands = 1,
        .max_operands = 1,
        .run = run,
};
