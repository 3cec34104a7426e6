/* What the process is asked to try: "verb=object", answered as {"verb": {"object": ...}}. */
#include "json.h"
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void read_file(const char *path) {
        static char text[65536];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : 1;
        size_t length = 0;

        while (n > 0 && length < sizeof text) {
                n = read(fd, text + length, sizeof text - length);
                length += n > 0 ? (size_t)n : 0;
        }
        if (n < 0)
                json_errno("error", errno);
        else
                json_bytes("text", text, length);
        if (fd >= 0)
                close(fd);
}

static void list_directory(const char *path) {
        DIR *dir = opendir(path);
        struct dirent *e;

        if (!dir) {
                json_errno("error", errno);
                return;
        }
        json_open("names", '[');
        while ((e = readdir(dir)))
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        json_string(NULL, e->d_name);
        json_close(']');
        closedir(dir);
}

static void stat_path(const char *path) {
        char target[4096], type[2] = {0};
        ssize_t n = readlink(path, target, sizeof target);
        struct stat st;

        if (lstat(path, &st) < 0) {
                json_errno("error", errno);
                return;
        }
        type[0] = "?pc?d?b?f?l?s"[st.st_mode >> 12];
        json_string("type", type);
        json_number("mode", st.st_mode & 07777);
        json_number("uid", st.st_uid);
        json_number("gid", st.st_gid);
        json_number("size", st.st_size);
        json_number("major", major(st.st_rdev));
        json_number("minor", minor(st.st_rdev));
        json_unsigned("inode", st.st_ino);
        if (n > 0)
                json_bytes("target", target, (size_t)n);
}

/* The part of @object after its last colon, which is cut off; empty when there is none. */
static char *cut(char *object) {
        char *colon = strrchr(object, ':');

        if (!colon)
                return object + strlen(object);
        *colon = '\0';
        return colon + 1;
}

static void open_path(char *path) {
        const char *how = cut(path);
        int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK, fd;

        flags |= strchr(how, 'w') ? strchr(how, 'r') ? O_RDWR : O_WRONLY : O_RDONLY;
        flags |= strchr(how, 'd') ? O_DIRECTORY : 0;
        flags |= strchr(how, 'p') ? O_PATH : 0;
        flags |= strchr(how, 'c') ? O_CREAT : 0;
        fd = open(path, flags, 0666);
        json_errno("error", fd < 0 ? errno : 0);
        if (fd >= 0)
                close(fd);
}

static void write_file(char *path) {
        const char *text = cut(path);
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        json_errno("error", fd < 0 || write(fd, text, strlen(text)) < 0 ? errno : 0);
        if (fd >= 0)
                close(fd);
}

static void make_directory(const char *path) {
        json_errno("error", mkdir(path, 0777) < 0 ? errno : 0);
}

static void make_node(char *path) {
        unsigned minor_number = (unsigned)atoi(cut(path)), major_number = (unsigned)atoi(cut(path));
        mode_t type = *cut(path) == 'b' ? S_IFBLK : S_IFCHR;

        json_errno("error",
                   mknod(path, type | 0600, makedev(major_number, minor_number)) < 0 ? errno : 0);
}

static const struct {
        const char *name;
        long number;
} calls[] = {
        {"getcwd", SYS_getcwd},
        {"getpid", SYS_getpid},
        {"getppid", SYS_getppid},
        {"getpriority", SYS_getpriority},
        {"kill", SYS_kill},
        {"mkdir", SYS_mkdir},
        {"mount", SYS_mount},
        {"openat2", SYS_openat2},
        {"personality", SYS_personality},
        {"ptrace", SYS_ptrace},
        {"sethostname", SYS_sethostname},
        {"setns", SYS_setns},
        {"socket", SYS_socket},
        {"sync", SYS_sync},
        {"unshare", SYS_unshare},
        {"umask", SYS_umask},
        {"setpriority", SYS_setpriority},
        {"keyctl", SYS_keyctl},
        {"setuid", SYS_setuid},
        {"fchdir", SYS_fchdir},
        {"chroot", SYS_chroot},
};

static void system_call(const char *text) {
        char name[32] = "";
        long a[6] = {0}, number = -1, result;
        int n = 0;

        sscanf(text, "%31[^,]%n", name, &n);
        for (int i = 0; i < 6 && text[n] == ','; i++) {
                char *end;

                a[i] = (long)strtoull(text + n + 1, &end, 0);
                n = (int)(end - text);
        }
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
                if (strcmp(name, calls[i].name) == 0)
                        number = calls[i].number;
        if (number < 0)
                number = atol(name);
        fflush(stdout); /* the call may be the last thing that it does */
        result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (result < 0)
                json_errno("error", errno);
        else
                json_number("result", result);
}

int answer_request(const char *request) {
        char verb[16], object[8192];

        if (sscanf(request, "%15[a-z]=%8191[^\n]", verb, object) != 2)
                return 0;
        json_open(NULL, '{');
        json_open(verb, '{');
        json_open(object, '{');
        if (strcmp(verb, "read") == 0)
                read_file(object);
        else if (strcmp(verb, "list") == 0)
                list_directory(object);
        else if (strcmp(verb, "stat") == 0)
                stat_path(object);
        else if (strcmp(verb, "open") == 0)
                open_path(object);
        else if (strcmp(verb, "write") == 0)
                write_file(object);
        else if (strcmp(verb, "mkdir") == 0)
                make_directory(object);
        else if (strcmp(verb, "mknod") == 0)
                make_node(object);
        else if (strcmp(verb, "call") == 0)
                system_call(object);
        else
                return 0;
        json_close('}');
        json_close('}');
        json_close('}');
        return 1;
}

int hold(void) {
        sigset_t all;

        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
        for (;;) {
                int signal_number;

                json_open(NULL, '{');
                json_bool("holding", true);
                json_close('}');
                fflush(stdout);
                if (sigwait(&all, &signal_number) != 0)
                        return 98;
                json_open(NULL, '{');
                json_string("signal", sigabbrev_np(signal_number));
                json_close('}');
                fflush(stdout);
                if (signal_number == SIGTERM)
                        return 0;
        }
}
