/* A stand-in for criu, to test who talks to it: `stand-in swrk FD`. It speaks the RPC and saves
 * nothing.
 *
 * Environment: STAND_IN_DIR, a directory. Read there: "version" ("4.2" when absent), "features"
 * (names; all when absent), and "script", what happens between a request to dump, pre-dump or
 * restore and the answer, a command a line: notify NAME      ask, and go on when the caller agrees;
 * else fail as criu does notify-pid NAME  the same, with the pid of what was restored master ask
 * with the master of a new terminal: orphan-pts-master kill             SIGKILL for the pid of a
 * dump restore          a process in the root of the request that says "restored" when the answer
 * is sent, and exits with 5 on SIGTERM log TEXT         a line in the log fail N TEXT      the
 * answer is an error vanish           no answer garbage          no message Written there:
 * "requests", every message that came, a line a field ("opts.ext_mnt.key=/data"); "replies", "NAME
 * yes" or "NAME no" a line. */
#include "criu.pb-c.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int sock, ready_pipe[2], go_pipe[2] = {-1, -1};
static int32_t restored_pid;
static char images[PATH_MAX], work[PATH_MAX];

_Noreturn static void die(const char *what) {
        perror(what);
        exit(70);
}

/* ---- files ---- */

static FILE *open_file(const char *name, const char *mode) {
        const char *dir = getenv("STAND_IN_DIR");
        char path[PATH_MAX];

        if (!dir)
                die("STAND_IN_DIR");
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        return fopen(path, mode);
}

static void say(const char *name, const char *first, const char *second) {
        FILE *file = open_file(name, "ae");

        if (!file || fprintf(file, "%s %s\n", first, second) < 0 || fclose(file) != 0)
                die(name);
}

static void read_line(const char *name, const char *otherwise, char *text, size_t size) {
        FILE *file = open_file(name, "re");

        if (!file || !fgets(text, (int)size, file))
                (void)snprintf(text, size, "%s", otherwise);
        if (file)
                (void)fclose(file);
}

/* ---- any message as text ---- */

static void print_message(FILE *file, const char *prefix, const ProtobufCMessage *message);

/* The rest of the protocol's types are numbers of 32 bits. */
static void print_value(FILE *file, const char *name, const ProtobufCFieldDescriptor *field,
                        const void *value) {
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
                print_message(file, name, *(ProtobufCMessage *const *)value);
        else if (field->type == PROTOBUF_C_TYPE_STRING)
                fprintf(file, "%s=%s\n", name, *(char *const *)value);
        else if (field->type == PROTOBUF_C_TYPE_BOOL)
                fprintf(file, "%s=%s\n", name,
                        *(const protobuf_c_boolean *)value ? "true" : "false");
        else if (field->type == PROTOBUF_C_TYPE_ENUM)
                fprintf(file, "%s=%s\n", name,
                        protobuf_c_enum_descriptor_get_value(field->descriptor, *(const int *)value)
                                ->name);
        else
                fprintf(file, "%s=%" PRId32 "\n", name, *(const int32_t *)value);
}

static bool is_there(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
        const char *base = (const char *)message;

        if (field->label != PROTOBUF_C_LABEL_OPTIONAL)
                return true;
        if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE)
                return *(void *const *)(base + field->offset) != NULL;
        return *(const protobuf_c_boolean *)(base + field->quantifier_offset);
}

static size_t size_of(const ProtobufCFieldDescriptor *field) {
        return field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE
                       ? sizeof(void *)
                       : sizeof(int32_t);
}

static void print_message(FILE *file, const char *prefix, const ProtobufCMessage *message) {
        for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
                const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
                const char *base = (const char *)message, *value = base + field->offset;
                size_t n = 1;
                char name[200];

                if (!is_there(message, field))
                        continue;
                (void)snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "",
                               field->name);
                if (field->label == PROTOBUF_C_LABEL_REPEATED) {
                        n = *(const size_t *)(base + field->quantifier_offset);
                        value = *(const char *const *)value;
                }
                for (size_t k = 0; k < n; k++)
                        print_value(file, name, field, value + k * size_of(field));
        }
}

/* ---- messages ---- */

static CriuReq *receive(void) {
        static uint8_t text[64 << 10];
        ssize_t n = recv(sock, text, sizeof text, 0);
        CriuReq *request = n > 0 ? criu_req__unpack(NULL, (size_t)n, text) : NULL;
        FILE *file = request ? open_file("requests", "ae") : NULL;

        if (!file)
                return request;
        print_message(file, "", &request->base);
        fprintf(file, "\n");
        if (fclose(file) != 0)
                die("requests");
        return request;
}

static void answer(const CriuResp *response, int fd) {
        static uint8_t text[64 << 10];
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct iovec iov = {.iov_base = text, .iov_len = criu_resp__pack(response, text)};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

        if (fd >= 0) {
                message.msg_control = &control;
                message.msg_controllen = sizeof control.space;
                control.header = (struct cmsghdr) {.cmsg_level = SOL_SOCKET,
                                                   .cmsg_type = SCM_RIGHTS,
                                                   .cmsg_len = CMSG_LEN(sizeof fd)};
                memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        }
        if (sendmsg(sock, &message, MSG_NOSIGNAL) < 0)
                die("answer");
}

_Noreturn static void fail(const CriuReq *request, int number, const char *text) {
        CriuResp response = CRIU_RESP__INIT;

        response.type = request->type;
        response.has_cr_errno = true;
        response.cr_errno = number;
        response.cr_errmsg = *text ? (char *)text : NULL;
        answer(&response, -1);
        if (restored_pid)
                (void)kill(restored_pid, SIGKILL);
        exit(1);
}

static void notify(const CriuReq *request, const char *name, int32_t pid, int fd) {
        CriuResp response = CRIU_RESP__INIT;
        CriuNotify notification = CRIU_NOTIFY__INIT;
        CriuReq *reply;

        response.type = CRIU_REQ_TYPE__NOTIFY;
        response.success = true;
        response.notify = &notification;
        notification.script = (char *)name;
        notification.has_pid = pid != 0;
        notification.pid = pid;
        answer(&response, fd);
        reply = receive();
        if (!reply || reply->type != CRIU_REQ_TYPE__NOTIFY)
                exit(71);
        say("replies", name, reply->notify_success ? "yes" : "no");
        if (!reply->notify_success)
                fail(request, 0, "");
}

/* ---- what a script can do ---- */

static void end(int signal_number) {
        (void)signal_number;
        _exit(5);
}

_Noreturn static void restored(const char *root) {
        char byte;

        (void)close(go_pipe[1]);
        (void)signal(SIGTERM, end);
        if (chroot(root) < 0 || chdir("/") < 0)
                die("root");
        if (write(ready_pipe[1], "", 1) != 1)
                die("ready");
        if (read(go_pipe[0], &byte, 1) != 1)
                _exit(72);
        (void)!write(1, "restored\n", 9);
        (void)syscall(SYS_close_range, 3, ~0U, 0);
        (void)pause();
        _exit(0);
}

/* As criu does it with rst_sibling: a child of our parent, in a pid namespace of its own. */
static void restore(const CriuReq *request) {
        struct clone_args_ {
                uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
        } args = {.flags = CLONE_NEWPID | (request->opts->rst_sibling ? CLONE_PARENT : 0)};
        char byte;
        long pid;

        if (!request->opts->rst_sibling)
                args.exit_signal = SIGCHLD;
        if (pipe2(ready_pipe, O_CLOEXEC) < 0 || pipe2(go_pipe, O_CLOEXEC) < 0)
                die("pipe");
        pid = syscall(SYS_clone3, &args, sizeof args);
        if (pid < 0)
                die("clone3");
        if (pid == 0)
                restored(request->opts->root);
        (void)close(ready_pipe[1]);
        if (read(ready_pipe[0], &byte, 1) != 1)
                exit(77);
        restored_pid = (int32_t)pid;
}

static void send_master(const CriuReq *request) {
        int master, slave;

        if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
                die("openpty");
        if (write(slave, "hello from the terminal\n", 24) != 24)
                die("terminal");
        notify(request, "orphan-pts-master", 0, master);
}

static void wait_for(const char *name) {
        FILE *file;

        while (!(file = open_file(name, "re")))
                (void)usleep(10000);
        (void)fclose(file);
}

static void write_log(const CriuReq *request, const char *text) {
        char path[PATH_MAX + 300];
        FILE *file;

        (void)snprintf(path, sizeof path, "%s/%s", work, request->opts->log_file);
        file = fopen(path, "ae");
        if (!file || fprintf(file, "%s\n", text) < 0 || fclose(file) != 0)
                die(path);
}

_Noreturn static void fail_as_told(const CriuReq *request, const char *told) {
        char *text;
        long number = strtol(told, &text, 10);

        fail(request, (int)number, text + (*text == ' '));
}

static void obey(const CriuReq *request, char *line) {
        char *rest = line + strcspn(line, " ");

        if (*rest)
                *rest++ = 0;
        if (!strcmp(line, "notify"))
                notify(request, rest, 0, -1);
        else if (!strcmp(line, "notify-pid"))
                notify(request, rest, restored_pid, -1);
        else if (!strcmp(line, "master"))
                send_master(request);
        else if (!strcmp(line, "kill"))
                (void)kill(request->opts->pid, SIGKILL);
        else if (!strcmp(line, "restore"))
                restore(request);
        else if (!strcmp(line, "log"))
                write_log(request, rest);
        else if (!strcmp(line, "fail"))
                fail_as_told(request, rest);
        else if (!strcmp(line, "wait"))
                wait_for(rest);
        else if (!strcmp(line, "vanish"))
                exit(73);
        else if (!strcmp(line, "garbage"))
                (void)!send(sock, "\xff\xff\xff", 3, MSG_NOSIGNAL);
        else
                exit(74);
}

static void find_dir(int fd, char *path, size_t size) {
        char link[40];
        ssize_t n;

        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, path, size - 1);
        if (n < 0)
                die("the directories");
        path[n] = 0;
}

static void work_on(const CriuReq *request) {
        CriuResp response = CRIU_RESP__INIT;
        CriuRestoreResp init = CRIU_RESTORE_RESP__INIT;
        FILE *script = open_file("script", "re");
        char line[1000];

        find_dir(request->opts->images_dir_fd, images, sizeof images);
        find_dir(request->opts->work_dir_fd, work, sizeof work);
        say("replies", images, work);
        while (script && fgets(line, sizeof line, script)) {
                line[strcspn(line, "\n")] = 0;
                obey(request, line);
        }
        init.pid = restored_pid;
        response.type = request->type;
        response.success = true;
        response.restore = restored_pid ? &init : NULL;
        answer(&response, -1);
        if (go_pipe[1] >= 0)
                (void)!write(go_pipe[1], "", 1);
}

static void tell_version(void) {
        CriuResp response = CRIU_RESP__INIT;
        CriuVersion version = CRIU_VERSION__INIT;
        char text[40], *end;

        read_line("version", "4.2", text, sizeof text);
        version.major_number = (int32_t)strtol(text, &end, 10);
        version.minor_number = (int32_t)strtol(end + 1, NULL, 10);
        response.type = CRIU_REQ_TYPE__VERSION;
        response.success = true;
        response.version = &version;
        answer(&response, -1);
}

static void tell_features(void) {
        CriuResp response = CRIU_RESP__INIT;
        CriuFeatures features = CRIU_FEATURES__INIT;
        char text[100];

        read_line("features", "mem_track lazy_pages", text, sizeof text);
        features.has_mem_track = features.has_lazy_pages = true;
        features.mem_track = strstr(text, "mem_track") != NULL;
        features.lazy_pages = strstr(text, "lazy_pages") != NULL;
        response.type = CRIU_REQ_TYPE__FEATURE_CHECK;
        response.success = true;
        response.features = &features;
        answer(&response, -1);
}

int main(int argc, char **argv) {
        CriuReq *request;

        if (argc != 3 || strcmp(argv[1], "swrk"))
                exit(75);
        sock = atoi(argv[2]);
        request = receive();
        if (!request)
                return 76;
        if (request->type == CRIU_REQ_TYPE__VERSION)
                tell_version();
        else if (request->type == CRIU_REQ_TYPE__FEATURE_CHECK)
                tell_features();
        else
                work_on(request);
        if (request->type == CRIU_REQ_TYPE__PRE_DUMP)
                return receive() ? 0 : 1; /* as criu: more may come */
        return 0;
}
