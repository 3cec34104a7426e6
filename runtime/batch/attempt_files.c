#include "attempt_files.h"

#include <fcntl.h>

#include <stint/cleanup.h>

/* "DIR/ID.out", and "DIR/ID.2.out" for a second attempt. */
static int open_log(struct st_arena *arena, const struct rt_attempt_files_wanted *wanted,
                    const char *suffix, const char **ret_path, struct st_error *err) {
        char number[16] = "";
        const char *path;
        int fd;

        if (wanted->attempt > 1)
                (void)snprintf(number, sizeof number, ".%u", wanted->attempt);
        path = st_arena_printf(arena, "%s/%s%s.%s", wanted->logs_dir, wanted->id, number, suffix);
        if (!path)
                return st_error_set(err, -ENOMEM, "name a log");
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return st_error_sys(err, "open log %s", path);
        *ret_path = path;
        return fd;
}

static int open_logs(struct rt_attempt_files *files, struct st_arena *arena,
                     const struct rt_attempt_files_wanted *wanted, struct st_error *err) {
        const char *ignored;

        files->stdout_fd = open_log(arena, wanted, "out", &files->stdout_path, err);
        if (files->stdout_fd < 0)
                return files->stdout_fd;
        files->stderr_fd = open_log(arena, wanted, "err", &files->stderr_path, err);
        if (files->stderr_fd < 0)
                return files->stderr_fd;
        if (wanted->steps)
                files->steps_fd = open_log(arena, wanted, "steps", &ignored, err);
        return wanted->steps && files->steps_fd < 0 ? files->steps_fd : 0;
}

/* The reading end is the batch's, which must not wait. */
static int open_pipe(struct rt_attempt_files *files, struct st_error *err) {
        if (pipe2(files->pipe_fds, O_CLOEXEC) < 0)
                return st_error_sys(err, "make a pipe for standard output");
        if (fcntl(files->pipe_fds[0], F_SETFL, O_NONBLOCK) < 0)
                return st_error_sys(err, "make a pipe for standard output");
        return 0;
}

int rt_attempt_files_open(struct rt_attempt_files *files, struct st_arena *arena,
                          const struct rt_attempt_files_wanted *wanted, struct st_error *err) {
        const char *input = wanted->stdin_path ? wanted->stdin_path : "/dev/null";
        int r = 0;

        files->stdin_fd = open(input, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (files->stdin_fd < 0)
                return st_error_sys(err, "open stdin %s", input);
        if (fcntl(files->stdin_fd, F_SETFL, 0) < 0) /* only the open must not wait for a writer */
                return st_error_sys(err, "open stdin %s", input);
        if (wanted->logs_dir)
                r = open_logs(files, arena, wanted, err);
        return r >= 0 && wanted->pipe ? open_pipe(files, err) : r;
}

void rt_attempt_files_close(struct rt_attempt_files *files) {
        (void)st_close(files->stdin_fd);
        (void)st_close(files->stdout_fd);
        (void)st_close(files->stderr_fd);
        (void)st_close(files->steps_fd);
        (void)st_close(files->pipe_fds[0]);
        (void)st_close(files->pipe_fds[1]);
        *files = (struct rt_attempt_files)RT_ATTEMPT_FILES_INIT;
}
