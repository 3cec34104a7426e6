/* One attempt at a task, from its start line to its record.
 *
 *   PRE --the command ended--> STARTING --executed--> RUNNING --ended--> POST --ended--> over
 *
 * PRE and POST are passed through when there is no such command; what fails before RUNNING goes to
 * POST as well, so --post runs exactly once for whatever was begun. A stop (timeout, cancel,
 * preempt) is a SIGTERM with a deadline, then a SIGKILL; where the task does not run yet it is
 * remembered. The record is written while the cgroup is still there; then the executor may tear it
 * down. */
#include "attempt_files.h"
#include "state.h"
#include "step.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <stint/fs.h>

enum phase { PHASE_PRE, PHASE_STARTING, PHASE_RUNNING, PHASE_POST };

/* Beside what its lists and texts take. */
enum { RECORD_BYTES = 8 << 10, WORST_ESCAPE = 6 };

struct rt_attempt {
        struct rt_batch *batch;
        struct rt_batch_task *task;
        unsigned number, slot;
        enum phase phase;
        struct rt_assignment assignment;
        struct st_arena *arena;
        char **env;
        struct rt_cdi_edits devices;
        char *container_id;
        struct rt_run *run; /* NULL: not begun, or released */
        bool started;

        struct rt_attempt_files files;
        struct rt_source output_source, step_source;
        struct rt_outputs *outputs;
        struct rt_step step;
        struct rt_record_step steps[2];
        size_t n_steps;

        enum rt_stop stop;
        uint64_t soft_nsec, hard_nsec; /* CLOCK_MONOTONIC; UINT64_MAX: none */

        /* for the record */
        size_t record_bytes;
        struct rt_outcome outcome;
        char error[sizeof((struct st_error *)0)->msg];
        uint64_t created_nsec, started_nsec;
        struct rt_attempt *prev, *next;
};

static void go_on(struct rt_attempt *attempt);

struct rt_attempt *rt_attempt_next(struct rt_attempt *attempt) {
        return attempt->next;
}

enum rt_tier rt_attempt_tier(const struct rt_attempt *attempt) {
        return attempt->task->tier;
}

bool rt_attempt_is_stopped(const struct rt_attempt *attempt) {
        return attempt->stop != RT_STOP_NONE || attempt->phase == PHASE_POST;
}

bool rt_attempt_is_preempted(const struct rt_attempt *attempt) {
        return attempt->stop == RT_STOP_PREEMPT;
}

/* ---- over ---- */

static void attempt_free(struct rt_attempt *attempt) {
        struct rt_batch *batch = attempt->batch;

        rt_loop_remove(batch->loop, &attempt->output_source);
        rt_loop_remove(batch->loop, &attempt->step_source);
        rt_attempt_files_close(&attempt->files);
        (void)rt_outputs_free(attempt->outputs);
        (void)st_arena_free(attempt->arena);
        free(attempt);
}

static enum rt_end end_of(const struct rt_attempt *attempt) {
        static const enum rt_end stopped[] = {
                [RT_STOP_TIMEOUT] = RT_END_TIMEOUT,
                [RT_STOP_CANCEL] = RT_END_CANCELLED,
                [RT_STOP_PREEMPT] = RT_END_PREEMPTED,
        };
        const struct rt_outcome *outcome = &attempt->outcome;

        if (attempt->stop != RT_STOP_NONE)
                return stopped[attempt->stop];
        if (*attempt->error)
                return RT_END_START_FAILED;
        if (outcome->signal == SIGKILL && outcome->oom_kills > 0)
                return RT_END_OOM;
        return outcome->signal ? RT_END_SIGNALED : RT_END_EXITED;
}

static void describe(struct rt_attempt *attempt, struct rt_exit_record *record) {
        const struct rt_outcome *outcome = &attempt->outcome;

        *record = (struct rt_exit_record) {
                .id = attempt->task->id,
                .attempt = attempt->number,
                .labels = attempt->task->labels,
                .n_labels = attempt->task->n_labels,
                .end = end_of(attempt),
                .exit_code = *attempt->error ? -1 : outcome->exit_code,
                .signal = outcome->signal,
                .error = *attempt->error ? attempt->error : NULL,
                .created_nsec = attempt->created_nsec,
                .started_nsec = attempt->started_nsec,
                .first_instruction_nsec = outcome->first_instruction_nsec,
                .exited_nsec = outcome->exited_nsec,
                .grade = attempt->batch->executor->ops->grade,
                .rusage = outcome->has_rusage ? &outcome->rusage : NULL,
                .stdout_path = attempt->files.stdout_path,
                .stderr_path = attempt->files.stderr_path,
                .steps = attempt->steps,
                .n_steps = attempt->n_steps,
                .resources = attempt->assignment.items,
                .n_resources = attempt->assignment.n_items,
                .devices = (const char *const *)attempt->task->devices,
        };
        if (attempt->outputs)
                record->outputs = rt_outputs_pairs(attempt->outputs, &record->n_outputs);
}

static void write_record(struct rt_attempt *attempt, struct rt_exit_record *record) {
        struct rt_record_cgroup usage = RT_RECORD_CGROUP_UNKNOWN;
        struct rt_batch *batch = attempt->batch;
        struct st_error err = {0};

        if (attempt->run) {
                batch->executor->ops->usage(attempt->run, &usage);
                record->cgroup = &usage;
        }
        if (rt_journal_record(batch->journal, record, attempt->record_bytes, &err) < 0) {
                batch->keep_journal = true;
                rt_batch_fail(batch, &err);
        }
        record->cgroup = NULL;
}

static void over(struct rt_attempt *attempt) {
        struct rt_batch *batch = attempt->batch;
        struct rt_exit_record record;

        describe(attempt, &record);
        write_record(attempt, &record);
        if (attempt->run)
                batch->executor->ops->release(attempt->run);
        DL_DELETE(batch->attempts, attempt);
        batch->n_running--;
        batch->slot_used[attempt->slot] = false;
        rt_progress_ended(batch->progress, &record, attempt->slot);
        rt_batch_attempt_ended(batch, attempt->task, &record);
        rt_resources_give_back(batch->resources, &attempt->assignment);
        attempt_free(attempt);
}

/* ---- steps ---- */

static void hear_step(void *data) {
        struct rt_attempt *attempt = data;
        struct rt_record_step *record = &attempt->steps[attempt->n_steps++];

        rt_loop_remove(attempt->batch->loop, &attempt->step_source);
        record->name = attempt->phase == PHASE_PRE ? "pre" : "post";
        rt_step_end(&attempt->step, record);
        if (attempt->phase == PHASE_PRE && (record->exit_code != 0 || record->signal))
                (void)snprintf(attempt->error, sizeof attempt->error, "--pre: %s %d",
                               record->signal ? "killed by signal" : "exit status",
                               record->signal ? record->signal : record->exit_code);
        go_on(attempt);
}

static char **step_env(struct rt_attempt *attempt) {
        struct st_arena *arena = attempt->arena;
        const struct rt_outcome *outcome = &attempt->outcome;
        char **env = st_arena_array(arena, 8, sizeof *env);
        bool post = attempt->phase == PHASE_POST;

        if (!env)
                return NULL;
        env[0] = st_arena_printf(arena, "STINT_TASK_ID=%s", attempt->task->id);
        env[1] = st_arena_printf(arena, "STINT_ATTEMPT=%u", attempt->number);
        env[2] = post ? st_arena_printf(arena, "STINT_END=%s", rt_end_name(end_of(attempt))) : NULL;
        if (post && !*attempt->error && outcome->exit_code >= 0)
                env[3] = st_arena_printf(arena, "STINT_EXIT_CODE=%d", outcome->exit_code);
        else if (post && outcome->signal)
                env[3] = st_arena_printf(arena, "STINT_SIGNAL=%d", outcome->signal);
        return env[0] && env[1] ? env : NULL;
}

/* Whether it runs. One that cannot be started is as one that failed. */
static bool begin_step(struct rt_attempt *attempt, const char *command) {
        char **env = command ? step_env(attempt) : NULL;
        struct st_error err = {0};
        int r = -ENOMEM;

        if (!command)
                return false;
        if (env)
                r = rt_step_begin(&attempt->step, command, env, attempt->files.steps_fd, &err);
        if (r >= 0)
                r = rt_loop_add(attempt->batch->loop, &attempt->step_source, attempt->step.pidfd,
                                &err);
        if (r >= 0)
                return true;
        if (attempt->step.pidfd >= 0) {
                rt_step_kill(&attempt->step);
                rt_step_end(&attempt->step, &(struct rt_record_step) {0});
        }
        if (!*attempt->error)
                (void)snprintf(attempt->error, sizeof attempt->error, "%s",
                               *err.msg ? err.msg : "out of memory");
        return false;
}

/* ---- starting ---- */

/* What the task's process gets beside the config's: in the order in which the last counts. */
static char **task_env(struct rt_attempt *attempt) {
        const struct rt_assignment *assignment = &attempt->assignment;
        struct st_arena *arena = attempt->arena;
        char *const *sources[] = {attempt->batch->env, attempt->task->env};
        size_t n = 4 + assignment->n_items;
        char **env;

        for (size_t i = 0; i < 2; i++)
                for (char *const *v = sources[i]; *v; v++)
                        n++;
        env = st_arena_array(arena, n + 1, sizeof *env);
        if (!env)
                return NULL;
        n = 0;
        env[n++] = st_arena_printf(arena, "STINT_BATCH=%s", attempt->batch->name);
        env[n++] = st_arena_printf(arena, "STINT_TASK_ID=%s", attempt->task->id);
        env[n++] = st_arena_printf(arena, "STINT_TASK_NUMBER=%u", attempt->task->number);
        env[n++] = st_arena_printf(arena, "STINT_ATTEMPT=%u", attempt->number);
        for (size_t i = 0; i < assignment->n_items; i++)
                env[n++] = rt_resource_variable(arena, &assignment->items[i]);
        for (size_t i = 0; i < 2; i++)
                for (char *const *v = sources[i]; *v; v++)
                        env[n++] = *v;
        for (size_t i = 0; i < n; i++)
                if (!env[i])
                        return NULL;
        return env;
}

static int find_devices(struct rt_attempt *attempt, struct st_error *err) {
        for (char *const *device = attempt->task->devices; *device; device++) {
                int r = rt_cdi_find(attempt->arena, rt_cdi_default_dirs, *device, &attempt->devices,
                                    err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int order(struct rt_attempt *attempt, struct st_error *err) {
        struct rt_batch *batch = attempt->batch;
        struct rt_order order = {
                .task = attempt->task,
                .container_id = attempt->container_id,
                .env = attempt->env,
                .devices = *attempt->task->devices ? &attempt->devices : NULL,
                .stdio_fds = {attempt->files.stdin_fd, attempt->files.stdout_fd,
                              attempt->files.stderr_fd},
        };

        if (attempt->files.pipe_fds[1] >= 0)
                order.stdio_fds[1] = attempt->files.pipe_fds[1];
        attempt->started_nsec = rt_realtime_nsec();
        return batch->executor->ops->start(batch->executor, &order, attempt, &attempt->run, err);
}

static void set_deadlines(struct rt_attempt *attempt) {
        uint64_t now = rt_monotonic_nsec();

        if (attempt->task->timeout_nsec && attempt->stop == RT_STOP_NONE)
                attempt->soft_nsec = now + attempt->task->timeout_nsec;
}

static void start(struct rt_attempt *attempt) {
        struct st_error err = {0};

        attempt->phase = PHASE_STARTING;
        if (order(attempt, &err) < 0)
                rt_attempt_started(attempt, err.code < 0 ? err.code : -EIO, &err);
}

void rt_attempt_started(struct rt_attempt *attempt, int r, const struct st_error *err) {
        attempt->files.pipe_fds[1] = st_close(attempt->files.pipe_fds[1]);
        if (r < 0) {
                attempt->run = NULL;
                (void)snprintf(attempt->error, sizeof attempt->error, "%s", err->msg);
                go_on(attempt);
                return;
        }
        attempt->phase = PHASE_RUNNING;
        attempt->started = true;
        set_deadlines(attempt);
        rt_progress_started(attempt->batch->progress, attempt->task->id, attempt->number);
        if (attempt->stop != RT_STOP_NONE) /* asked for meanwhile */
                attempt->batch->executor->ops->signal(attempt->run, SIGKILL);
}

/* ---- outputs ---- */

/* 1: there may be more; 0: nothing now; -1: the end. */
static int copy_output(struct rt_attempt *attempt) {
        char buf[16 << 10];
        ssize_t n = read(attempt->files.pipe_fds[0], buf, sizeof buf);
        int r;

        if (n < 0 && errno == EINTR)
                return 1;
        if (n <= 0)
                return n < 0 && errno == EAGAIN ? 0 : -1;
        r = st_write_all(attempt->files.stdout_fd, buf, (size_t)n);
        if (r < 0 && !attempt->batch->failure.code) {
                struct st_error err = {0};
                (void)st_error_code(&err, r, "write %s", attempt->files.stdout_path);
                rt_batch_fail(attempt->batch, &err);
        }
        rt_outputs_feed(attempt->outputs, buf, (size_t)n);
        return 1;
}

static void hear_output(void *data) {
        struct rt_attempt *attempt = data;

        if (copy_output(attempt) < 0)
                rt_loop_remove(attempt->batch->loop, &attempt->output_source);
}

/* Everybody who wrote is dead, or no part of the task. */
static void drain_output(struct rt_attempt *attempt) {
        if (attempt->files.pipe_fds[0] < 0)
                return;
        while (copy_output(attempt) > 0)
                ;
        rt_loop_remove(attempt->batch->loop, &attempt->output_source);
        attempt->files.pipe_fds[0] = st_close(attempt->files.pipe_fds[0]);
}

/* ---- the order of things ---- */

void rt_attempt_ended(struct rt_attempt *attempt, const struct rt_outcome *outcome) {
        attempt->outcome = *outcome;
        if (outcome->error)
                (void)snprintf(attempt->error, sizeof attempt->error, "%.100s: %.300s",
                               attempt->task->args[0], outcome->error);
        attempt->outcome.error = NULL; /* borrowed */
        go_on(attempt);
}

/* The phase that is there has ended: the next one that does not end at once. */
static void go_on(struct rt_attempt *attempt) {
        const struct rt_batch_options *options = attempt->batch->options;

        if (attempt->phase == PHASE_PRE && !*attempt->error && attempt->stop == RT_STOP_NONE) {
                start(attempt);
                return;
        }
        if (attempt->phase != PHASE_POST) {
                if (!attempt->outcome.exited_nsec)
                        attempt->outcome.exited_nsec = rt_realtime_nsec();
                attempt->soft_nsec = attempt->hard_nsec = UINT64_MAX;
                drain_output(attempt);
                attempt->phase = PHASE_POST;
                if (begin_step(attempt, options->post))
                        return;
        }
        over(attempt);
}

static size_t texts_bytes(char *const *texts) {
        size_t n = 0;

        for (; *texts; texts++)
                n += strlen(*texts) + 8;
        return n;
}

static size_t record_room(const struct rt_attempt *attempt) {
        const struct rt_batch_task *task = attempt->task;
        size_t n = RECORD_BYTES + WORST_ESCAPE * texts_bytes(task->devices);

        for (size_t i = 0; i < task->n_labels; i++)
                n += WORST_ESCAPE *
                     (strlen(task->labels[i].key) + strlen(task->labels[i].value) + 8);
        for (size_t i = 0; i < task->n_needs; i++)
                n += strlen(task->needs[i].name) + 12 * (size_t)task->needs[i].count + 8;
        if (attempt->batch->options->logs_dir)
                n += 2 * WORST_ESCAPE * (strlen(attempt->batch->options->logs_dir) + 160);
        if (attempt->batch->options->outputs_prefix)
                n += WORST_ESCAPE * RT_OUTPUTS_MAX_BYTES;
        return n;
}

/* What can go wrong in here is the task's. */
static int prepare(struct rt_attempt *attempt, struct st_error *err) {
        struct rt_batch *batch = attempt->batch;
        const struct rt_batch_options *options = batch->options;
        struct rt_attempt_files_wanted wanted = {
                .logs_dir = options->logs_dir,
                .id = attempt->task->id,
                .attempt = attempt->number,
                .stdin_path = attempt->task->stdin_path,
                .steps = options->pre || options->post,
                .pipe = options->outputs_prefix,
        };
        int r = rt_attempt_files_open(&attempt->files, attempt->arena, &wanted, err);

        if (r >= 0 && options->outputs_prefix)
                r = rt_outputs_new(options->outputs_prefix, &attempt->outputs, err);
        if (r >= 0 && options->outputs_prefix)
                r = rt_loop_add(batch->loop, &attempt->output_source, attempt->files.pipe_fds[0],
                                err);
        if (r >= 0)
                r = find_devices(attempt, err);
        if (r < 0)
                return r;
        attempt->env = task_env(attempt);
        attempt->container_id = st_arena_printf(attempt->arena, "%s-%llu", batch->name,
                                                (unsigned long long)++batch->n_containers);
        return attempt->env && attempt->container_id
                       ? 0
                       : st_error_set(err, -ENOMEM, "prepare task %s", attempt->task->id);
}

static struct rt_attempt *make(struct rt_batch *batch, struct rt_batch_task *task) {
        st_autofree struct rt_attempt *attempt = calloc(1, sizeof *attempt);

        if (!attempt)
                return NULL;
        attempt->arena = st_arena_new(1024);
        if (!attempt->arena)
                return NULL;
        attempt->batch = batch;
        attempt->task = task;
        attempt->number = rt_graph_attempts(batch->graph, task) + 1;
        attempt->files = (struct rt_attempt_files)RT_ATTEMPT_FILES_INIT;
        attempt->output_source = (struct rt_source) {-1, hear_output, attempt};
        attempt->step_source = (struct rt_source) {-1, hear_step, attempt};
        attempt->step = (struct rt_step)RT_STEP_INIT;
        attempt->soft_nsec = attempt->hard_nsec = UINT64_MAX;
        attempt->outcome = (struct rt_outcome) {.exit_code = -1, .oom_kills = -1};
        attempt->created_nsec = rt_realtime_nsec();
        attempt->record_bytes = record_room(attempt);
        return st_take(attempt);
}

static void enter_list(struct rt_attempt *attempt, struct rt_assignment *assignment) {
        struct rt_batch *batch = attempt->batch;

        attempt->assignment = *assignment;
        *assignment = (struct rt_assignment) {0};
        while (batch->slot_used[attempt->slot])
                attempt->slot++;
        batch->slot_used[attempt->slot] = true;
        batch->n_running++;
        DL_APPEND(batch->attempts, attempt);
}

int rt_attempt_begin(struct rt_batch *batch, struct rt_batch_task *task,
                     struct rt_assignment *assignment, struct st_error *err) {
        struct rt_attempt *attempt = make(batch, task);
        struct st_error failure = {0};
        int r;

        if (!attempt)
                return st_error_set(err, -ENOMEM, "start task %s", task->id);
        r = rt_journal_start(batch->journal, task->id, attempt->number, attempt->record_bytes, err);
        if (r < 0) {
                attempt_free(attempt);
                return r;
        }
        rt_graph_count_attempt(batch->graph, task);
        enter_list(attempt, assignment);
        if (prepare(attempt, &failure) < 0)
                (void)snprintf(attempt->error, sizeof attempt->error, "%s", failure.msg);
        if (*attempt->error || !begin_step(attempt, batch->options->pre))
                go_on(attempt);
        return 0;
}

/* ---- stopping ---- */

void rt_attempt_stop(struct rt_attempt *attempt, enum rt_stop reason, bool now) {
        const struct rt_executor_ops *ops = attempt->batch->executor->ops;

        if (attempt->stop == RT_STOP_NONE && attempt->phase != PHASE_POST)
                attempt->stop = reason;
        attempt->soft_nsec = UINT64_MAX;
        switch (attempt->phase) {
        case PHASE_PRE:
                rt_step_kill(&attempt->step);
                break;
        case PHASE_POST:
                if (now)
                        rt_step_kill(&attempt->step);
                break;
        case PHASE_STARTING: /* rt_attempt_started() sees to it */
                break;
        case PHASE_RUNNING:
                if (now && reason == RT_STOP_PREEMPT)
                        ops->freeze(attempt->run);
                ops->signal(attempt->run, now ? SIGKILL : SIGTERM);
                attempt->hard_nsec =
                        now ? UINT64_MAX : rt_monotonic_nsec() + attempt->batch->kill_after_nsec;
                break;
        }
}

uint64_t rt_attempt_deadline(const struct rt_attempt *attempt) {
        return attempt->soft_nsec < attempt->hard_nsec ? attempt->soft_nsec : attempt->hard_nsec;
}

void rt_attempt_tick(struct rt_attempt *attempt, uint64_t now_nsec) {
        if (now_nsec >= attempt->hard_nsec)
                rt_attempt_stop(attempt, attempt->stop, true);
        else if (now_nsec >= attempt->soft_nsec)
                rt_attempt_stop(attempt, RT_STOP_TIMEOUT, false);
}
