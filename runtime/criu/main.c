/* stint-criu: saves a container to disk and brings it back, by talking to criu. Run by stint, which
 * links no protobuf itself; runtime/cli/criu.h says how. */
#include "stint-config.h"
#include "verbs.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include <stint/cleanup.h>

enum { REQUEST_FD = 3, ERROR_FD = 4 };

/* criu, hooks and what criu makes get none of these. */
static int keep_to_ourselves(const struct request *request) {
        const int fds[] = {REQUEST_FD, ERROR_FD, request->console_socket ? CONSOLE_FD : -1,
                           request->status_fd};

        for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
                if (fds[i] >= 0 && fcntl(fds[i], F_SETFD, FD_CLOEXEC) < 0)
                        return -errno;
        return 0;
}

static int run(int argc, char **argv, struct st_arena *arena, struct st_error *err) {
        struct request request;
        int r;

        if (argc != 3)
                return st_error_set(err, -EINVAL,
                                    "stint-criu is run by stint, see stint-checkpoint(8)");
        if (strcmp(argv[2], ST_VERSION))
                return st_error_set(err, -EPROTONOSUPPORT,
                                    "stint-criu is version " ST_VERSION
                                    ", and this stint is version %.40s",
                                    argv[2]);
        r = request_read(REQUEST_FD, arena, &request, err);
        if (r < 0)
                return r;
        r = keep_to_ourselves(&request);
        if (r < 0)
                return st_error_code(err, r, "the descriptors of stint-criu");
        if (!strcmp(argv[1], "checkpoint"))
                return checkpoint(&request, arena, err);
        if (!strcmp(argv[1], "restore"))
                return restore(&request, arena, err);
        return st_error_set(err, -EINVAL, "stint-criu: no such verb: %.40s", argv[1]);
}

int main(int argc, char **argv) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(0);
        struct st_error error = {0};
        int r;

        (void)signal(SIGPIPE, SIG_IGN); /* --status-fd without a reader */
        r = arena ? run(argc, argv, arena, &error) : st_error_set(&error, -ENOMEM, "stint-criu");

        if (r >= 0)
                return EXIT_SUCCESS;
        (void)st_error_kind(&error, r, ST_CODE_INTERNAL);
        if (write(ERROR_FD, &error, sizeof error) != (ssize_t)sizeof error)
                (void)fprintf(stderr, "stint-criu: %s\n", error.msg); /* not run by stint */
        return EXIT_FAILURE;
}
