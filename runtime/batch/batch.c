/* A batch: lines are read while slots are free and few tasks are ready, ready tasks get the free
 * slots, and what is not urgent (teardown) is done when there is nothing to start.
 *
 * All that happens comes through the loop; pump() then does whatever can be done. Nothing that is
 * called from the loop starts tasks itself. */
#include "dry_run.h"
#include "resume.h"
#include "setup.h"
#include "state.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <stint/cgroup.h>

enum { READY_AHEAD = 64 };
#define KILL_AFTER_NSEC UINT64_C(10000000000)

void rt_batch_fail(struct rt_batch *batch, const struct st_error *err) {
        if (batch->failure.code == 0)
                batch->failure = *err;
        batch->stopping = true;
}

/* ---- ends ---- */

void rt_batch_attempt_ended(struct rt_batch *batch, struct rt_batch_task *task,
                            const struct rt_exit_record *record) {
        bool again = record->attempt <= task->retries;

        if (record->end == RT_END_PREEMPTED)
                again = true;
        if (rt_record_is_success(record->end, record->exit_code)) {
                rt_graph_finish(batch->graph, task, RT_TASK_SUCCEEDED);
                return;
        }
        if (again && record->end != RT_END_CANCELLED && !batch->stopping) {
                rt_graph_requeue(batch->graph, task);
                return;
        }
        rt_graph_finish(batch->graph, task, RT_TASK_FAILED);
        if (!batch->options->keep_going)
                batch->stopping = true;
}

/* ---- reading ---- */

static int add_line(struct rt_batch *batch, const char *line, size_t length, unsigned line_number,
                    unsigned *number, struct st_error *err) {
        struct rt_batch_task *task = NULL;
        enum rt_graph_answer answer;
        char name[300];
        int r;

        (void)snprintf(name, sizeof name, "%.280s:%u", rt_input_name(batch->input), line_number);
        r = rt_batch_task_parse(&batch->defaults, name, line, length, ++*number, &task, err);
        if (r < 0)
                return r;
        r = rt_graph_add(batch->graph, task, &answer, err);
        if (r < 0) {
                (void)rt_batch_task_free(task);
                return st_error_prefix(err, r, "%s", name);
        }
        batch->n_before += answer == RT_GRAPH_DONE;
        if (answer == RT_GRAPH_SKIPPED && !batch->options->keep_going)
                batch->stopping = true;
        return 0;
}

static void end_input(struct rt_batch *batch) {
        rt_loop_remove(batch->loop, &batch->input_source);
        batch->input_ended = true;
}

int rt_batch_read_line(struct rt_batch *batch, unsigned *number) {
        struct st_error err = {0};
        const char *line;
        size_t length;
        unsigned line_number;
        int r = rt_input_next(batch->input, &line, &length, &line_number, &err);

        if (r == 1)
                r = add_line(batch, line, length, line_number, number, &err) < 0 ? -EINVAL : 1;
        if (r == -ENODATA) {
                end_input(batch);
                return 0;
        }
        if (r < 0) {
                end_input(batch);
                rt_batch_fail(batch, &err);
                return 0;
        }
        return r;
}

static void hear_input(void *data) {
        struct rt_batch *batch = data;

        rt_loop_remove(batch->loop, &batch->input_source); /* pump() reads, and may wait again */
}

static void read_ahead(struct rt_batch *batch, unsigned *number) {
        struct rt_graph_counts counts;
        struct st_error err = {0};
        int fd;

        for (;;) {
                rt_graph_counts(batch->graph, &counts);
                if (batch->input_ended || batch->stopping ||
                    counts.ready >= batch->slots + READY_AHEAD)
                        return;
                if (batch->input_source.fd >= 0 || rt_batch_read_line(batch, number) == 0)
                        break;
        }
        fd = rt_input_wait_fd(batch->input);
        if (fd >= 0 && batch->input_source.fd < 0 &&
            rt_loop_add(batch->loop, &batch->input_source, fd, &err) < 0) {
                if (err.code != -EPERM) /* such as /dev/null: it never makes one wait */
                        rt_batch_fail(batch, &err);
        }
}

/* ---- starting ---- */

static struct rt_attempt *find_victim(struct rt_batch *batch) {
        struct rt_attempt *victim = NULL;

        for (struct rt_attempt *a = batch->attempts; a; a = rt_attempt_next(a))
                if (rt_attempt_tier(a) == RT_TIER_BEST_EFFORT && !rt_attempt_is_stopped(a))
                        victim = a; /* the youngest loses least */
        return victim;
}

/* An exclusive task does not wait for best-effort ones. */
static void make_room(struct rt_batch *batch) {
        const struct rt_batch_task *task = rt_graph_peek(batch->graph);
        struct rt_attempt *victim;

        if (!task || task->tier != RT_TIER_EXCLUSIVE)
                return;
        for (struct rt_attempt *a = batch->attempts; a; a = rt_attempt_next(a))
                if (rt_attempt_is_preempted(a))
                        return; /* somebody is about to leave */
        victim = find_victim(batch);
        if (victim)
                rt_attempt_stop(victim, RT_STOP_PREEMPT, true);
}

/* A task whose resources are never there fails before it starts; that is an error of the input. */
static bool start_next(struct rt_batch *batch) {
        struct rt_batch_task *task = rt_graph_peek(batch->graph);
        struct rt_assignment assignment = {0};
        struct st_error err = {0};
        int r;

        if (!task)
                return false;
        if (batch->n_running >= batch->slots) {
                make_room(batch);
                return false;
        }
        r = rt_resources_take(batch->resources, task->needs, task->n_needs, &assignment, &err);
        if (r == 0)
                return false;
        (void)rt_graph_take(batch->graph);
        if (r > 0)
                r = rt_attempt_begin(batch, task, &assignment, &err);
        if (r < 0) {
                rt_resources_give_back(batch->resources, &assignment);
                rt_graph_requeue(batch->graph, task);
                st_ignore(st_error_prefix(&err, err.code, "task %s", task->id));
                rt_batch_fail(batch, &err);
                return false;
        }
        return true;
}

static void count(const struct rt_batch *batch, struct rt_progress_counts *ret) {
        struct rt_graph_counts counts;

        rt_graph_counts(batch->graph, &counts);
        *ret = (struct rt_progress_counts) {
                .succeeded = counts.succeeded,
                .failed = counts.failed,
                .skipped = counts.skipped,
                .running = batch->n_running,
                .waiting = counts.ready + counts.waiting,
                .slots = batch->slots,
                .total = rt_input_total(batch->input),
                .before = batch->n_before,
        };
}

/* ---- signals ---- */

static void hear_signal(void *data) {
        struct rt_batch *batch = data;
        struct signalfd_siginfo info;
        bool again = batch->cancelled;

        if (read(batch->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
                return;
        batch->cancelled = batch->stopping = true;
        for (struct rt_attempt *a = batch->attempts, *next; a; a = next) {
                next = rt_attempt_next(a); /* a stop never frees: the end comes through the loop */
                rt_attempt_stop(a, RT_STOP_CANCEL, again);
        }
}

static int watch_signals(struct rt_batch *batch, struct st_error *err) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return st_error_sys(err, "block signals");
        (void)signal(SIGPIPE, SIG_IGN); /* a reader that leaves is told by write(2) */
        batch->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (batch->signal_fd < 0)
                return st_error_sys(err, "signalfd");
        return rt_loop_add(batch->loop, &batch->signal_source, batch->signal_fd, err);
}

/* ---- the loop ---- */

static uint64_t next_deadline(const struct rt_batch *batch) {
        uint64_t deadline = rt_journal_deadline(batch->journal);
        uint64_t progress = rt_progress_deadline(batch->progress);

        if (progress < deadline)
                deadline = progress;
        for (struct rt_attempt *a = batch->attempts; a; a = rt_attempt_next(a))
                if (rt_attempt_deadline(a) < deadline)
                        deadline = rt_attempt_deadline(a);
        return deadline;
}

static void tick(struct rt_batch *batch) {
        uint64_t now = rt_monotonic_nsec();
        struct rt_progress_counts counts;

        for (struct rt_attempt *a = batch->attempts; a; a = rt_attempt_next(a))
                rt_attempt_tick(a, now);
        rt_journal_tick(batch->journal);
        count(batch, &counts);
        rt_progress_tick(batch->progress, &counts);
}

/* Nothing runs, nothing can be started, nothing will come. */
static bool is_over(const struct rt_batch *batch) {
        struct rt_graph_counts counts;

        rt_graph_counts(batch->graph, &counts);
        if (batch->n_running)
                return false;
        return batch->stopping || (batch->input_ended && counts.ready == 0);
}

static int work(struct rt_batch *batch, struct st_error *err) {
        unsigned number = 0;
        int r = 0;

        while (r >= 0) {
                bool busy;

                while (!batch->stopping && start_next(batch))
                        ;
                read_ahead(batch, &number);
                while (!batch->stopping && start_next(batch))
                        ;
                if (is_over(batch))
                        break;
                busy = batch->executor->ops->idle(batch->executor);
                r = rt_loop_turn(batch->loop, busy ? 0 : next_deadline(batch), err);
                tick(batch);
        }
        return r;
}

/* ---- beginning and end ---- */

static int name_run(struct rt_batch *batch, struct st_error *err) {
        uint64_t random;

        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
                return st_error_sys(err, "name the run");
        (void)snprintf(batch->name, sizeof batch->name, "batch-%012llx",
                       (unsigned long long)(random & 0xffffffffffff));
        return 0;
}

static int open_executor(struct rt_batch *batch, struct st_error *err) {
        const struct rt_batch_options *options = batch->options;
        struct rt_executor_options executor = {
                .runtime = batch->runtime,
                .loop = batch->loop,
                .bundle = options->bundle,
                .config = batch->config,
                .config_text = batch->config_text,
                .config_length = batch->config_length,
                .name = batch->name,
                .root_dir = batch->root_dir,
                .scratch_dir = options->scratch_dir,
                .scratch_bytes = options->scratch_bytes,
                .slots = batch->slots,
                .no_init = options->no_init,
                .warn = options->warn,
                .warn_data = options->warn_data,
        };

        return rt_cold_new(&executor, &batch->executor, err);
}

static int open_journal(struct rt_batch *batch, struct st_error *err) {
        struct rt_journal_options options = {
                .path = batch->options->results,
                .resume = batch->options->resume,
                .run_name = batch->name,
                .loop = batch->loop,
        };
        struct rt_history history;
        int r = rt_journal_open(&options, &batch->journal, &history, err);

        if (r < 0)
                return r;
        r = rt_resume_clean(batch, &history, err);
        if (r >= 0)
                r = rt_resume_close(batch, &history, err);
        if (r >= 0)
                r = rt_resume_remember(batch, &history, err);
        (void)st_arena_free(history.arena);
        return r;
}

static enum rt_progress_style style_of(const struct rt_batch_options *options) {
        if (options->json)
                return RT_PROGRESS_JSON;
        if (options->quiet)
                return RT_PROGRESS_QUIET;
        /* without logs the tasks write to the terminal */
        return options->logs_dir && isatty(STDERR_FILENO) ? RT_PROGRESS_LIVE : RT_PROGRESS_PLAIN;
}

static int set_up(struct rt_batch *batch, struct st_error *err) {
        int r = name_run(batch, err);

        if (r >= 0)
                r = rt_loop_new(&batch->loop, err);
        if (r >= 0)
                r = rt_setup_tasks(batch, err);
        if (r >= 0)
                r = rt_setup_slots(batch, err);
        if (r >= 0)
                r = rt_input_open(batch->options->input, &batch->input, err);
        if (r >= 0)
                r = rt_progress_new(style_of(batch->options), &batch->progress, err);
        if (r < 0 || batch->options->dry_run)
                return r;
        r = open_journal(batch, err); /* before anything is made that a crash would leave */
        if (r >= 0)
                r = rt_setup_root_dir(batch, err);
        if (r >= 0)
                r = open_executor(batch, err);
        if (r >= 0)
                r = watch_signals(batch, err);
        return r;
}

/* Everything of this run is gone: only then the journal may be. */
static void tear_down(struct rt_batch *batch) {
        (void)rt_executor_free(batch->executor);
        if (*batch->name)
                rt_resume_remove_cgroup(batch, batch->name);
        if (batch->root_dir) {
                (void)umount2(batch->root_dir, MNT_DETACH);
                (void)rmdir(batch->root_dir); /* --resume looks for one that stays */
        }
        if (batch->loop) {
                rt_loop_remove(batch->loop, &batch->input_source);
                rt_loop_remove(batch->loop, &batch->signal_source);
        }
        (void)rt_journal_free(batch->journal, !batch->keep_journal && batch->n_running == 0);
        (void)st_close(batch->signal_fd);
        (void)rt_graph_free(batch->graph);
        (void)rt_input_free(batch->input);
        (void)rt_resources_free(batch->resources);
        (void)rt_template_free(batch->template);
        (void)rt_progress_free(batch->progress);
        (void)rt_loop_free(batch->loop);
        (void)st_arena_free(batch->arena);
}

static int conclude(struct rt_batch *batch, struct st_error *err) {
        struct rt_progress_counts counts;

        if (batch->failure.code == 0 && !batch->stopping)
                st_ignore(rt_graph_explain_stuck(batch->graph, &batch->failure));
        count(batch, &counts);
        if (!batch->options->dry_run)
                rt_progress_summary(batch->progress, &counts);
        if (batch->failure.code < 0) {
                *err = batch->failure;
                return err->code;
        }
        return counts.failed || counts.skipped || counts.waiting || batch->cancelled;
}

int rt_batch_run(struct rt_runtime *runtime, bool user_namespace,
                 const struct rt_batch_options *options, struct st_error *err) {
        struct rt_batch batch = {
                .options = options,
                .runtime = runtime,
                .user_namespace = user_namespace,
                .kill_after_nsec =
                        options->kill_after_nsec ? options->kill_after_nsec : KILL_AFTER_NSEC,
                .arena = st_arena_new(16 << 10),
                .graph = rt_graph_new(),
                .signal_fd = -1,
        };
        int r;

        batch.input_source = (struct rt_source) {-1, hear_input, &batch};
        batch.signal_source = (struct rt_source) {-1, hear_signal, &batch};
        r = batch.arena && batch.graph ? set_up(&batch, err)
                                       : st_error_set(err, -ENOMEM, "set up the batch");
        if (r >= 0)
                r = options->dry_run ? rt_dry_run(&batch, err) : work(&batch, err);
        if (r >= 0)
                r = conclude(&batch, err);
        tear_down(&batch);
        return r;
}
