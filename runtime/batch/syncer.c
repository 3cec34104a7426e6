#include "syncer.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <stint/syscall.h>

struct rt_syncer {
        struct rt_loop *loop;
        struct rt_source source;
        int fd;
        pid_t pid;
        bool busy;
};

/* A byte is a request and is sent back when it is done; the end of the stream is the last one. An
 * error of the disk is told by the write(2) and close(2) of others, too; here nobody could act. */
_Noreturn static void syncer_main(size_t n_fds) {
        char byte;
        ssize_t n;

        (void)prctl(PR_SET_NAME, "stint-sync");
        (void)setsid(); /* the terminal's Ctrl-C is the batch's */
        do {
                n = read(0, &byte, 1);
                if (n < 0 && errno == EINTR)
                        continue;
                for (size_t i = 0; i < n_fds; i++)
                        (void)fdatasync(1 + (int)i);
        } while (n > 0 && write(0, &byte, 1) == 1);
        _exit(0);
}

enum { ABOVE = 100 }; /* of the numbers that are given below */

/* Nothing of the batch stays open in it but the stream, as 0, and what it syncs, from 1 on: who
 * waits for the end of our standard output waits for the batch. */
static void close_others(int fd, const int *fds, size_t n_fds) {
        int high_fds[1 + SYNCER_FDS_MAX];

        high_fds[0] = fcntl(fd, F_DUPFD, ABOVE);
        for (size_t i = 0; i < n_fds; i++)
                high_fds[i + 1] = fcntl(fds[i], F_DUPFD, ABOVE);
        for (size_t i = 0; i <= n_fds; i++)
                if (dup2(high_fds[i], (int)i) < 0)
                        _exit(1); /* no descriptors to be had: the kernel writes back alone */
        (void)st_close_range((unsigned)n_fds + 1, ~0U, 0);
}

static void hear(void *data) {
        struct rt_syncer *syncer = data;
        char byte;

        if (read(syncer->fd, &byte, 1) <= 0) /* it died: the kernel writes back all the same */
                rt_loop_remove(syncer->loop, &syncer->source);
        else
                syncer->busy = false;
}

int rt_syncer_new(struct rt_loop *loop, const int *fds, size_t n_fds, struct rt_syncer **ret_syncer,
                  struct st_error *err) {
        st_autofree struct rt_syncer *syncer = calloc(1, sizeof *syncer);
        st_autoclose int mine = -1, other = -1;
        int sockets[2], r;

        if (!syncer)
                return st_error_set(err, -ENOMEM, "make the syncer");
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
                return st_error_sys(err, "make the syncer");
        mine = sockets[0];
        other = sockets[1];
        *syncer = (struct rt_syncer) {.loop = loop, .source = RT_SOURCE_INIT, .fd = mine};
        syncer->source.ready = hear;
        syncer->source.data = syncer;
        r = rt_loop_add(loop, &syncer->source, mine, err);
        if (r < 0)
                return r;
        syncer->pid = fork();
        if (syncer->pid == 0) {
                close_others(other, fds, n_fds);
                syncer_main(n_fds);
        }
        if (syncer->pid < 0) {
                r = st_error_sys(err, "make the syncer");
                rt_loop_remove(loop, &syncer->source);
                return r;
        }
        (void)st_take_fd(mine);
        *ret_syncer = st_take(syncer);
        return 0;
}

struct rt_syncer *rt_syncer_free(struct rt_syncer *syncer) {
        if (!syncer)
                return NULL;
        rt_loop_remove(syncer->loop, &syncer->source);
        (void)st_close(syncer->fd); /* its last request */
        while (waitpid(syncer->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        free(syncer);
        return NULL;
}

bool rt_syncer_request(struct rt_syncer *syncer) {
        if (syncer->source.fd < 0)
                return true; /* it died */
        if (syncer->busy)
                return false;
        syncer->busy = write(syncer->fd, "s", 1) == 1;
        return true;
}
