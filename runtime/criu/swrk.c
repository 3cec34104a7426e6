#include "swrk.h"

#include "log.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <stint/cleanup.h>
#include <stint/terminal.h>

enum {
        SOCKET_FD = SWRK_FIRST_FD - 1,
        FDS_MAX = 16,
        OUT_OF_THE_WAY = 64, /* above every number that criu's process gets: a dup2 must not close
                                what another needs */
        MESSAGE_MAX = 64 << 10,
};

static int failed(struct st_error *err, int r) {
        return st_error_kind(err, r, ST_CODE_CRIU);
}

/* ---- the process ---- */

static int place_fds(int socket_fd, const struct swrk_start *start) {
        int copies[1 + FDS_MAX];
        size_t n = 1 + start->n_fds;

        if (start->n_fds > FDS_MAX)
                return -EMFILE;
        for (size_t i = 0; i < n; i++) {
                copies[i] =
                        fcntl(i ? start->fds[i - 1] : socket_fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
                if (copies[i] < 0)
                        return -errno;
        }
        for (size_t i = 0; i < n; i++)
                if (dup2(copies[i], SOCKET_FD + (int)i) < 0)
                        return -errno;
        return 0;
}

/* The pair whose one end goes to the parent, by way of @parent_fd. */
static int connect_parent(int parent_fd, const struct swrk_start *start, struct st_error *err) {
        int sockets[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
                return st_error_sys(err, "make a socket for criu");
        r = rt_send_fd(parent_fd, sockets[0], "criu");
        if (r >= 0)
                r = place_fds(sockets[1], start);
        return r < 0 ? st_error_code(err, r, "give criu its descriptors") : 0;
}

/* What criu has to say is in its log; these may be a container's, or nobody's. */
static int silence(struct st_error *err) {
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        for (int i = 0; fd >= 0 && i <= 2; i++)
                if (dup2(fd, i) < 0)
                        return st_error_sys(err, "give criu /dev/null");
        return fd < 0 ? st_error_sys(err, "open /dev/null") : 0;
}

_Noreturn static void become_criu(const char *program, int parent_fd, int error_fd,
                                  const struct swrk_start *start) {
        char number[8];
        char *argv[] = {(char *)"criu", (char *)"swrk", number, NULL};
        struct st_error error = {0};
        sigset_t none;
        int r = start->before ? start->before(start->data, &error) : 0;

        sigemptyset(&none); /* who stays in the foreground blocks signals to take them from a
                               descriptor */
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)signal(SIGPIPE, SIG_DFL);
        (void)snprintf(number, sizeof number, "%d", SOCKET_FD);
        error_fd = fcntl(error_fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
        if (r >= 0)
                r = connect_parent(parent_fd, start, &error);
        if (r >= 0 && !start->keep_stdio)
                r = silence(&error);
        if (r >= 0) {
                (void)execv(program, argv);
                (void)st_error_sys(&error, "run %s", program);
        }
        (void)!write(error_fd, &error,
                     sizeof error); /* below PIPE_BUF; nobody can be told of its failure */
        _exit(127);
}

/* Close-on-exec at both ends: the end of file says that criu runs. */
static int await_exec(struct swrk *swrk, int error_fd, struct st_error *err) {
        struct st_error said;
        ssize_t n;

        do
                n = read(error_fd, &said, sizeof said);
        while (n < 0 && errno == EINTR);
        if (n == 0)
                return 0;
        if (n != (ssize_t)sizeof said)
                return failed(err, st_error_set(err, -EPROTO, "run %s: no word from its process",
                                                swrk->program));
        if (err)
                *err = said;
        return failed(err, said.code);
}

static int start_process(struct swrk *swrk, const struct swrk_start *start, int socket_fd,
                         struct st_error *err) {
        st_autoclose int read_fd = -1, write_fd = -1;
        int pipe_fds[2];
        pid_t pid;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return st_error_sys(err, "make a pipe for criu");
        read_fd = pipe_fds[0];
        write_fd = pipe_fds[1];
        pid = fork();
        if (pid < 0)
                return st_error_sys(err, "fork for criu");
        if (pid == 0)
                become_criu(swrk->program, socket_fd, write_fd, start);
        swrk->pid = pid;
        write_fd = st_close(write_fd);
        return await_exec(swrk, read_fd, err);
}

int swrk_begin(struct swrk *swrk, const struct swrk_start *start, struct st_error *err) {
        static const struct swrk_start nothing = {0};
        st_autoclose int ours = -1, theirs = -1;
        int sockets[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
                return st_error_sys(err, "make a socket for criu");
        ours = sockets[0];
        theirs = sockets[1];
        r = start_process(swrk, start ? start : &nothing, theirs, err);
        theirs = st_close(theirs);
        if (r >= 0) {
                swrk->fd = rt_receive_fd(ours);
                r = swrk->fd < 0 ? failed(err, st_error_code(err, swrk->fd, "connect to criu")) : 0;
        }
        if (r < 0)
                swrk_end(swrk, NULL);
        return r;
}

void swrk_end(struct swrk *swrk, int *ret_status) {
        int status = 0;

        swrk->fd = st_close(swrk->fd);
        if (!swrk->pid)
                return;
        while (waitpid(swrk->pid, &status, 0) < 0 && errno == EINTR)
                ;
        swrk->pid = 0;
        if (ret_status)
                *ret_status = status;
}

/* ---- messages ---- */

static int send_request(struct swrk *swrk, const CriuReq *request, struct st_error *err) {
        size_t size = criu_req__get_packed_size(request);
        st_autofree uint8_t *text = malloc(size);

        if (!text)
                return st_error_set(err, -ENOMEM, "ask criu");
        (void)criu_req__pack(request, text);
        if (send(swrk->fd, text, size, MSG_NOSIGNAL) != (ssize_t)size)
                return failed(err, st_error_sys(err, "ask criu"));
        return 0;
}

static int take_fd(struct msghdr *message) {
        struct cmsghdr *c = CMSG_FIRSTHDR(message);
        int fd;

        if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
            c->cmsg_len != CMSG_LEN(sizeof fd))
                return -1;
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
        return fd;
}

/* criu has ended: by a signal, or by an error that it met before it could answer. */
static int no_answer(struct swrk *swrk, struct st_error *err) {
        char said[400];
        int status = 0;

        log_last_errors(swrk->log, said, sizeof said);
        swrk_end(swrk, &status);
        return failed(err, st_error_set(err, -EPROTO,
                                        "criu ended with wait status %#x and no answer%s%s%s%s",
                                        (unsigned)status, swrk->log ? ", log file " : "",
                                        swrk->log ? swrk->log : "", said[0] ? ": " : "", said));
}

static int receive(struct swrk *swrk, CriuResp **ret_answer, int *ret_fd, struct st_error *err) {
        static uint8_t text[MESSAGE_MAX];
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct iovec iov = {.iov_base = text, .iov_len = sizeof text};
        struct msghdr message = {.msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control.space};
        ssize_t n;

        do
                n = recvmsg(swrk->fd, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno != ECONNRESET)
                return failed(err, st_error_sys(err, "hear from criu"));
        if (n <= 0)
                return no_answer(swrk, err);
        *ret_fd = take_fd(&message);
        *ret_answer =
                message.msg_flags & MSG_TRUNC ? NULL : criu_resp__unpack(NULL, (size_t)n, text);
        if (*ret_answer)
                return 0;
        *ret_fd = st_close(*ret_fd);
        return failed(err, st_error_set(err, -EPROTO, "criu sent what is no message"));
}

CriuResp *swrk_free_answer(CriuResp *answer) {
        if (answer)
                criu_resp__free_unpacked(answer, NULL);
        return NULL;
}

/* ---- the conversation ---- */

static int refused(const struct swrk *swrk, const CriuResp *answer, struct st_error *err) {
        const ProtobufCEnumValue *type =
                protobuf_c_enum_descriptor_get_value(&criu_req_type__descriptor, (int)answer->type);
        int code = answer->has_cr_errno && answer->cr_errno > 0 && answer->cr_errno < 4096
                           ? -answer->cr_errno
                           : -EIO;
        char said[400];

        log_last_errors(swrk->log, said, sizeof said);
        if (!said[0] && answer->cr_errmsg)
                (void)snprintf(said, sizeof said, "%.*s", (int)strcspn(answer->cr_errmsg, "\n"),
                               answer->cr_errmsg);
        return failed(err, st_error_set(err, code, "criu failed: type %s errno %d%s%s%s%s",
                                        type ? type->name : "?",
                                        answer->has_cr_errno ? answer->cr_errno : 0,
                                        swrk->log ? ", log file " : "", swrk->log ? swrk->log : "",
                                        said[0] ? ": " : "", said));
}

/* criu waits for this before it goes on; a refusal makes it undo what it did, and end its answer
 * with an error. */
static int reply(struct swrk *swrk, const struct swrk_listener *listener, const CriuResp *asked,
                 int fd, struct st_error *err) {
        CriuReq answer = CRIU_REQ__INIT;
        struct st_error ignored;
        int r = 0, sent;

        if (listener && asked->notify)
                r = listener->hear(listener->data, asked->notify, fd, err);
        answer.type = CRIU_REQ_TYPE__NOTIFY;
        answer.has_notify_success = true;
        answer.notify_success = r >= 0;
        swrk->gave_up = swrk->gave_up || r < 0;
        sent = send_request(swrk, &answer, r < 0 ? &ignored : err);
        return r < 0 ? r : sent;
}

/* 1: the answer; 0: something was asked, and is dealt with. */
static int hear_one(struct swrk *swrk, const struct swrk_listener *listener, CriuResp **ret_answer,
                    struct st_error *err) {
        st_autoclose int fd = -1;
        CriuResp *answer = NULL;
        int r = receive(swrk, &answer, &fd, err);

        if (r < 0 || !answer)
                return r;
        if (!answer->success)
                r = refused(swrk, answer, err);
        else if (answer->type == CRIU_REQ_TYPE__NOTIFY)
                r = reply(swrk, listener, answer, fd, err);
        else
                r = 1;
        if (r == 1 && ret_answer)
                *ret_answer = answer;
        else
                answer = swrk_free_answer(answer);
        return r;
}

/* After a refusal of ours criu still undoes; it ends with an answer that says what is known here
 * already. */
static void let_it_finish(struct swrk *swrk) {
        struct st_error ignored;

        while (swrk->fd >= 0 && hear_one(swrk, NULL, NULL, &ignored) == 0)
                ;
}

int swrk_ask(struct swrk *swrk, const CriuReq *question, const struct swrk_listener *listener,
             CriuResp **ret_answer, struct st_error *err) {
        int r = send_request(swrk, question, err);

        while (r == 0)
                r = hear_one(swrk, listener, ret_answer, err);
        if (swrk->gave_up)
                let_it_finish(swrk);
        return r < 0 ? r : 0;
}

/* ---- short questions ---- */

static int ask_alone(const char *program, const CriuReq *question, CriuResp **ret_answer,
                     struct st_error *err) {
        struct swrk swrk = SWRK_INIT(program);
        int r = swrk_begin(&swrk, NULL, err);

        if (r >= 0)
                r = swrk_ask(&swrk, question, NULL, ret_answer, err);
        swrk_end(&swrk, NULL);
        return r;
}

int swrk_check_version(const char *program, int minimum, struct st_error *err) {
        CriuReq question = CRIU_REQ__INIT;
        CriuResp *answer;
        int r, version = 0;

        question.type = CRIU_REQ_TYPE__VERSION;
        r = ask_alone(program, &question, &answer, err);
        if (r < 0)
                return st_error_prefix(err, r, "ask %s for its version", program);
        if (answer->version)
                version =
                        answer->version->major_number * 10000 + answer->version->minor_number * 100;
        answer = swrk_free_answer(answer);
        if (version < minimum)
                return failed(err, st_error_set(err, -EOPNOTSUPP,
                                                "criu %d.%d is too old: %d.%d or newer is needed",
                                                version / 10000, version / 100 % 100,
                                                minimum / 10000, minimum / 100 % 100));
        return 0;
}

int swrk_check_features(const char *program, bool mem_track, bool lazy_pages,
                        struct st_error *err) {
        CriuReq question = CRIU_REQ__INIT;
        CriuFeatures wanted = CRIU_FEATURES__INIT;
        CriuResp *answer;
        bool has_track, has_lazy;
        int r;

        wanted.has_mem_track = wanted.mem_track = mem_track;
        wanted.has_lazy_pages = wanted.lazy_pages = lazy_pages;
        question.type = CRIU_REQ_TYPE__FEATURE_CHECK;
        question.features = &wanted;
        r = ask_alone(program, &question, &answer, err);
        if (r < 0)
                return st_error_prefix(err, r, "ask %s for its features", program);
        has_track = answer->features && answer->features->mem_track;
        has_lazy = answer->features && answer->features->lazy_pages;
        answer = swrk_free_answer(answer);
        if ((mem_track && !has_track) || (lazy_pages && !has_lazy))
                return failed(
                        err,
                        st_error_set(err, -EOPNOTSUPP, "criu is missing features: %s",
                                     mem_track && !has_track
                                             ? "mem_track (a kernel with CONFIG_MEM_SOFT_DIRTY)"
                                             : "lazy_pages (userfaultfd)"));
        return 0;
}
