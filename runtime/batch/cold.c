/* The executor that makes a container for each task when it starts.
 *
 * A run: its root is mounted, its config written into memory, rt_container_run() begun. While the
 * container is made there is one descriptor to wait for, then the pidfd. The task's pid 1 writes
 * its report into a pipe, which is read when the pidfd tells the end: what ended the task, and not
 * its pid 1, is what counts. A container that is released waits in a list until somebody has time
 * to remove it. */
#include "executor.h"
#include "init/report.h"
#include "root.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <utlist.h>

#include <stint/cgroup.h>
#include <stint/fs.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

extern const char rt_init_image[], rt_init_image_end[];

struct cold {
        struct rt_executor base;
        struct rt_executor_options options;
        const char *lower; /* the bundle's root */
        bool readonly_root;
        int init_fd; /* the program stint-init; -1: --no-init */
        struct rt_run *released;
};

struct rt_run {
        struct cold *cold;
        struct rt_attempt *attempt;
        struct rt_container *container;
        struct rt_root *root; /* NULL: the bundle's, read-only */
        struct rt_source source;
        int report_fd; /* our end; -1: there is no pid 1 to report */
        bool retiring; /* poststop hooks run */
        struct rt_run *prev, *next;
};

/* ---- starting ---- */

static struct rt_run *run_free(struct rt_run *run) {
        if (!run)
                return NULL;
        rt_loop_remove(run->cold->options.loop, &run->source);
        (void)rt_container_free(run->container);
        (void)rt_root_free(run->root);
        (void)st_close(run->report_fd);
        free(run);
        return NULL;
}
ST_DEFINE_FREEP(struct rt_run, run_free);

static int make_root(struct rt_run *run, const struct rt_order *order, struct st_error *err) {
        const struct rt_executor_options *options = &run->cold->options;
        struct rt_root_options root = {
                .lower = run->cold->lower,
                .dir = options->root_dir,
                .scratch_dir = options->scratch_dir,
                .bytes = options->scratch_bytes,
                .name = order->container_id,
        };

        if (run->cold->readonly_root)
                return 0;
        if (!root.bytes && order->task->memory_bytes)
                root.bytes = (uint64_t)order->task->memory_bytes;
        return rt_root_mount(&root, &run->root, err);
}

static int write_config(struct rt_run *run, const struct rt_order *order, int *ret_fd,
                        struct st_error *err) {
        const struct rt_batch_task *task = order->task;
        const struct rt_executor_options *options = &run->cold->options;
        st_autoclose int fd = memfd_create("config.json", MFD_CLOEXEC);
        st_autofree char *text = NULL, *cgroup = NULL;
        struct rt_config_edit edit = {
                .args = task->args,
                .env = order->env,
                .cwd = task->cwd,
                .root_path = run->root ? rt_root_path(run->root) : run->cold->lower,
                .memory_bytes = task->memory_bytes,
                .cpu_milli = task->cpu_milli,
                .cpus = order->cpus,
                .best_effort = task->tier == RT_TIER_BEST_EFFORT,
                .devices = order->devices,
        };
        size_t length;
        int r;

        if (fd < 0)
                return st_error_sys(err, "make a file for the config");
        if (asprintf(&cgroup, "%s/%s", options->name, order->container_id) < 0)
                return st_error_set(err, -ENOMEM, "name the cgroup");
        edit.cgroups_path = cgroup;
        r = rt_config_render(options->config, &edit, &text, &length, err);
        if (r < 0)
                return r;
        r = st_write_all(fd, text, length);
        if (r < 0)
                return st_error_code(err, r, "write the config");
        *ret_fd = st_take_fd(fd);
        return 0;
}

static void watch(struct rt_run *run);

static int begin(struct rt_run *run, const struct rt_order *order, int config_fd,
                 struct st_error *err) {
        struct rt_create_options create = RT_CREATE_OPTIONS_INIT;
        st_autoclose int child_fd = -1;
        char path[40];
        int fds[2];

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", config_fd);
        create.id = order->container_id;
        create.bundle = run->cold->options.bundle;
        create.config = path;
        memcpy(create.stdio_fds, order->stdio_fds, sizeof create.stdio_fds);
        if (run->cold->init_fd >= 0) {
                if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                        return st_error_sys(err, "make a pipe for the report");
                run->report_fd = fds[0];
                child_fd = fds[1];
                create.reaper_fd = run->cold->init_fd;
                create.report_fd = child_fd;
        }
        return rt_container_run(run->cold->options.runtime, &create, &run->container, err);
}

static int cold_start(struct rt_executor *executor, const struct rt_order *order,
                      struct rt_attempt *attempt, struct rt_run **ret_run, struct st_error *err) {
        st_cleanup(run_freep) struct rt_run *run = calloc(1, sizeof *run);
        st_autoclose int config_fd = -1;
        int r;

        if (!run)
                return st_error_set(err, -ENOMEM, "start a task");
        *run = (struct rt_run) {.cold = (struct cold *)executor,
                                .attempt = attempt,
                                .source = RT_SOURCE_INIT,
                                .report_fd = -1};
        r = make_root(run, order, err);
        if (r >= 0)
                r = write_config(run, order, &config_fd, err);
        if (r >= 0)
                r = begin(run, order, config_fd, err);
        if (r < 0)
                return r;
        *ret_run = run;
        watch(st_take(run));
        return 0;
}

/* ---- running ---- */

static bool read_report(const struct rt_run *run, struct rt_init_report *ret_report) {
        return run->report_fd >= 0 &&
               read(run->report_fd, ret_report, sizeof *ret_report) == (ssize_t)sizeof *ret_report;
}

static void take_report(struct rt_outcome *outcome, const struct rt_init_report *report) {
        outcome->exit_code = WIFEXITED(report->status) ? WEXITSTATUS(report->status) : -1;
        outcome->signal = WIFSIGNALED(report->status) ? WTERMSIG(report->status) : 0;
        outcome->first_instruction_nsec = report->first_instruction_nsec;
        outcome->exited_nsec = report->exited_nsec;
        outcome->has_rusage = true;
        outcome->rusage = (struct rt_record_rusage) {
                .user_usec = report->user_usec,
                .system_usec = report->system_usec,
                .max_rss_bytes = report->max_rss_kib * 1024,
                .minor_faults = report->minor_faults,
                .major_faults = report->major_faults,
                .in_blocks = report->in_blocks,
                .out_blocks = report->out_blocks,
                .voluntary_switches = report->voluntary_switches,
                .involuntary_switches = report->involuntary_switches,
        };
}

/* Without a report: it was pid 1 itself, or was killed together with its pid 1. Of that one's
 * resources nothing is known then. */
static void take_exit(struct rt_outcome *outcome, const struct rt_exit *exit) {
        outcome->exit_code = exit->signal ? -1 : exit->code;
        outcome->signal = exit->signal;
        outcome->exited_nsec = rt_realtime_nsec();
}

static void end(struct rt_run *run, const struct rt_exit *exit) {
        struct rt_outcome outcome = {.exit_code = -1, .oom_kills = exit->oom_kills};
        struct rt_init_report report;
        char error[80];

        if (!read_report(run, &report)) {
                take_exit(&outcome, exit);
        } else if (report.exec_errno) {
                (void)snprintf(error, sizeof error, "exec: %s", st_errno_text(report.exec_errno));
                outcome.error = error;
        } else {
                take_report(&outcome, &report);
        }
        rt_loop_remove(run->cold->options.loop, &run->source);
        rt_attempt_ended(run->attempt, &outcome);
}

static void hear_end(void *data) {
        struct rt_run *run = data;
        struct st_error err = {0};
        struct rt_exit exit;
        int r = rt_container_settle(run->container, &exit, &err);

        if (r == 0) /* a tracer keeps the status still: the pidfd stays readable */
                return;
        if (r < 0) {
                struct rt_outcome outcome = {.exit_code = -1, .error = err.msg, .oom_kills = -1};
                rt_loop_remove(run->cold->options.loop, &run->source);
                rt_attempt_ended(run->attempt, &outcome);
                return;
        }
        end(run, &exit);
}

/* It was undone already. */
static void fail(struct rt_run *run, int r, const struct st_error *err) {
        struct rt_attempt *attempt = run->attempt;

        (void)run_free(run);
        rt_attempt_started(attempt, r, err);
}

/* The descriptor is taken out before the library closes it: a child that is on its way to its own
 * execve has a copy, and so the kernel's queue would keep it. */
static void hear_progress(void *data) {
        struct rt_run *run = data;
        struct st_error err = {0};
        int r;

        rt_loop_remove(run->cold->options.loop, &run->source);
        r = rt_container_advance(run->container, &err);
        if (r < 0)
                fail(run, r, &err);
        else
                watch(run);
}

/* The next descriptor to wait for. */
static void watch(struct rt_run *run) {
        struct rt_loop *loop = run->cold->options.loop;
        int fd = rt_container_wait_fd(run->container);
        struct st_error err = {0};
        bool started = fd < 0;
        int r;

        run->source.data = run;
        run->source.ready = started ? hear_end : hear_progress;
        r = rt_loop_add(loop, &run->source, started ? rt_container_pidfd(run->container) : fd,
                        &err);
        if (r < 0) {
                st_ignore(rt_container_retire(run->container, true, NULL)); /* @r is the error */
                fail(run, r, &err);
        } else if (started) {
                rt_attempt_started(run->attempt, 0, NULL);
        }
}

static void cold_signal(struct rt_run *run, int signal) {
        st_ignore(rt_container_kill(run->container, signal, false, NULL)); /* ended: told soon */
}

static void cold_freeze(struct rt_run *run) {
        struct rt_cgroup *cgroup = rt_container_cgroup(run->container);

        if (cgroup) /* else the kill that follows is all there is */
                st_ignore(rt_cgroup_freeze(cgroup, true, NULL));
}

static void cold_usage(struct rt_run *run, struct rt_record_cgroup *ret_usage) {
        const struct rt_cgroup *cgroup = rt_container_cgroup(run->container);

        if (cgroup)
                rt_record_cgroup_read(cgroup, ret_usage);
}

/* ---- the end ---- */

static void cold_release(struct rt_run *run) {
        run->report_fd = st_close(run->report_fd);
        DL_APPEND(run->cold->released, run);
}

static void buried(struct rt_run *run, int r, const struct st_error *err) {
        struct cold *cold = run->cold;

        if (r < 0 && cold->options.warn)
                cold->options.warn(cold->options.warn_data, err->msg);
        (void)run_free(run);
}

static void hear_poststop(void *data) {
        struct rt_run *run = data;
        struct rt_loop *loop = run->cold->options.loop;
        struct st_error err = {0};
        int r;

        rt_loop_remove(loop, &run->source);
        r = rt_container_advance(run->container, &err);
        if (r == 0)
                r = rt_loop_add(loop, &run->source, rt_container_wait_fd(run->container), &err);
        if (r != 0) {
                DL_DELETE(run->cold->released, run);
                buried(run, r, &err);
        }
}

static struct rt_run *next_released(const struct cold *cold) {
        struct rt_run *run = cold->released;

        while (run && run->retiring)
                run = run->next;
        return run;
}

static bool cold_idle(struct rt_executor *executor) {
        struct cold *cold = (struct cold *)executor;
        struct rt_run *run = next_released(cold);
        struct st_error err = {0};
        int r;

        if (!run)
                return false;
        r = rt_container_retire(run->container, true, &err);
        if (r == 0) { /* hooks */
                run->retiring = true;
                run->source.ready = hear_poststop;
                r = rt_loop_add(cold->options.loop, &run->source,
                                rt_container_wait_fd(run->container), &err);
        }
        if (r != 0) {
                DL_DELETE(cold->released, run);
                buried(run, r, &err);
        }
        return next_released(cold) != NULL;
}

static void cold_free(struct rt_executor *executor) {
        struct cold *cold = (struct cold *)executor;

        while (cold_idle(executor))
                ;
        while (cold->released) {
                struct rt_run *run = cold->released;
                struct st_error err = {0};
                int r;

                rt_loop_remove(cold->options.loop, &run->source);
                r = rt_container_finish(run->container, &err);
                DL_DELETE(cold->released, run);
                buried(run, r, &err);
        }
        (void)st_close(cold->init_fd);
        free(cold);
}

/* ---- making one ---- */

static const struct rt_executor_ops cold_ops = {
        .grade = "cold",
        .start = cold_start,
        .signal = cold_signal,
        .freeze = cold_freeze,
        .usage = cold_usage,
        .release = cold_release,
        .idle = cold_idle,
        .free = cold_free,
};

static int load_init(struct cold *cold, struct st_error *err) {
        int fd = memfd_create("stint-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
        int r;

        if (fd < 0 && errno == EINVAL) /* until Linux 6.3 is the oldest */
                fd = memfd_create("stint-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return st_error_sys(err, "make a file for stint-init");
        cold->init_fd = fd;
        r = st_write_all(fd, rt_init_image, (size_t)(rt_init_image_end - rt_init_image));
        if (r < 0)
                return st_error_code(err, r, "write stint-init");
        if (fchmod(fd, 0555) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
                return st_error_sys(err, "seal stint-init");
        return 0;
}

int rt_cold_new(const struct rt_executor_options *options, struct rt_executor **ret_executor,
                struct st_error *err) {
        st_cleanup(rt_executor_freep) struct rt_executor *executor = NULL;
        struct cold *cold = calloc(1, sizeof *cold);
        const struct st_json *root = st_json_get(options->config, "root");
        const struct st_json *readonly = st_json_get(root, "readonly");

        if (!cold)
                return st_error_set(err, -ENOMEM, "make an executor");
        executor = &cold->base;
        *cold = (struct cold) {.base.ops = &cold_ops, .options = *options, .init_fd = -1};
        cold->lower = st_json_get(root, "path")->text; /* absolute: of the batch's config */
        cold->readonly_root = readonly && readonly->boolean;
        if (!options->no_init) {
                int r = load_init(cold, err);
                if (r < 0)
                        return r;
        }
        *ret_executor = st_take(executor);
        return 0;
}
