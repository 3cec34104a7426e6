#include "resume.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stint/cgroup.h>
#include <stint/fs.h>

enum { CGROUP_WAIT_MSEC = 1000 };

/* Containers of a run are called "<run>-<number>". */
static bool is_of_run(const char *id, const struct rt_history *history) {
        for (size_t i = 0; i < history->n_run_names; i++) {
                size_t n = strlen(history->run_names[i]);

                if (!strncmp(id, history->run_names[i], n) && id[n] == '-')
                        return true;
        }
        return false;
}

static int remove_container(struct rt_batch *batch, const char *id, struct st_error *err) {
        st_cleanup(rt_container_freep) struct rt_container *container = NULL;
        int r = rt_container_open(batch->runtime, id, &container, err);

        if (r < 0) /* its state is broken */
                return rt_runtime_remove(batch->runtime, id, err);
        r = rt_container_retire(container, true, err);
        return r == 0 ? rt_container_finish(container, err) : r;
}

void rt_resume_remove_cgroup(struct rt_batch *batch, const char *name) {
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *cgroup = NULL;
        struct rt_cgroup_request request = {.id = name, .path = name, .rootless = true};

        (void)batch;
        /* it is empty, or somebody else's care: "delete --force" has removed what it could */
        if (rt_cgroup_plan(&request, &cgroup, NULL) >= 0)
                st_ignore(rt_cgroup_destroy(cgroup, CGROUP_WAIT_MSEC, NULL));
}

/* By its own name: a batch that was killed while it removed one may have come as far as the
 * container. */
static int remove_scratch(const struct rt_batch *batch, const struct rt_history *history,
                          struct st_error *err) {
        const char *path = batch->options->scratch_dir;
        DIR *dir = path ? opendir(path) : NULL;
        int r = 0;

        if (!dir)
                return path && errno != ENOENT ? st_error_sys(err, "open %s", path) : 0;
        for (struct dirent *entry; r >= 0 && (entry = readdir(dir));)
                if (is_of_run(entry->d_name, history))
                        r = st_remove_tree_at(dirfd(dir), entry->d_name);
        (void)closedir(dir);
        return r < 0 ? st_error_code(err, r, "remove what is in %s", path) : 0;
}

/* Its mounts went with the namespace. */
static void remove_root_dir(struct rt_batch *batch, const char *name) {
        st_autofree char *path = NULL;
        const char *root;

        if (rt_runtime_root(batch->runtime, &root, NULL) >= 0 &&
            asprintf(&path, "%s/.%s", root, name) >= 0)
                (void)rmdir(path); /* gone already, most often */
}

int rt_resume_clean(struct rt_batch *batch, const struct rt_history *history,
                    struct st_error *err) {
        char **ids = NULL;
        int r = rt_runtime_list(batch->runtime, &ids, err);

        for (char **id = ids; r >= 0 && id && *id; id++) {
                if (is_of_run(*id, history))
                        r = remove_container(batch, *id, err);
        }
        for (char **id = ids; id && *id; id++)
                free(*id);
        free(ids);
        if (r >= 0)
                r = remove_scratch(batch, history, err);
        for (size_t i = 0; r >= 0 && i < history->n_run_names; i++) {
                rt_resume_remove_cgroup(batch, history->run_names[i]);
                remove_root_dir(batch, history->run_names[i]);
        }
        return r < 0 ? st_error_prefix(err, r, "remove what the last run left") : 0;
}

int rt_resume_close(struct rt_batch *batch, const struct rt_history *history,
                    struct st_error *err) {
        for (size_t i = 0; i < history->n_open; i++) {
                const struct rt_open_start *start = &history->open[i];
                struct rt_exit_record record = {
                        .id = start->id,
                        .attempt = start->attempt,
                        .end = RT_END_LOST,
                        .exit_code = -1,
                        .error = "the batch that watched it died",
                        .created_nsec = start->started_nsec,
                };
                int r = rt_journal_record(batch->journal, &record, 0, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

enum verdict { VERDICT_DONE, VERDICT_FAILED, VERDICT_AGAIN };

/* Who was cancelled or made room has no result; who was lost may have one that nobody saw. */
static enum verdict judge(const struct rt_batch *batch, enum rt_end end, int exit_code,
                          unsigned attempt) {
        bool retry = attempt <= batch->options->retries;

        if (rt_record_is_success(end, exit_code))
                return VERDICT_DONE;
        if (end == RT_END_CANCELLED || end == RT_END_PREEMPTED)
                return VERDICT_AGAIN;
        if (end == RT_END_LOST)
                return batch->options->rerun_lost || retry ? VERDICT_AGAIN : VERDICT_FAILED;
        return retry ? VERDICT_AGAIN : VERDICT_FAILED;
}

static int remember(struct rt_batch *batch, const char *id, unsigned attempt, enum verdict verdict,
                    struct st_error *err) {
        int r = rt_graph_remember_attempts(batch->graph, id, attempt, err);

        if (r < 0 || verdict == VERDICT_AGAIN)
                return r;
        return rt_graph_remember_end(batch->graph, id,
                                     verdict == VERDICT_DONE ? RT_TASK_SUCCEEDED : RT_TASK_FAILED,
                                     err);
}

/* Of the attempts at one task the last is the one that counts. */
static bool is_last(const struct rt_history *history, size_t i) {
        const struct rt_record_summary *record = &history->records[i];

        if (i + 1 < history->n_records && !strcmp(record[1].id, record->id))
                return false;
        for (size_t k = 0; k < history->n_open; k++)
                if (history->open[k].attempt > record->attempt &&
                    !strcmp(history->open[k].id, record->id))
                        return false;
        return true;
}

int rt_resume_remember(struct rt_batch *batch, const struct rt_history *history,
                       struct st_error *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < history->n_records; i++) {
                const struct rt_record_summary *record = &history->records[i];

                if (is_last(history, i))
                        r = remember(batch, record->id, record->attempt,
                                     judge(batch, record->end, record->exit_code, record->attempt),
                                     err);
        }
        for (size_t i = 0; r >= 0 && i < history->n_open; i++) {
                const struct rt_open_start *start = &history->open[i];

                r = remember(batch, start->id, start->attempt,
                             judge(batch, RT_END_LOST, -1, start->attempt), err);
        }
        return r;
}
