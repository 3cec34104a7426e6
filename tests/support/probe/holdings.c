/* What the process holds: arguments, descriptors, a terminal, the devices below /dev. */
#include "json.h"
#include "probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

extern char **environ;

static void strings(const char *key, char **values) {
        json_open(key, '[');
        for (; *values; values++)
                json_string(NULL, *values);
        json_close(']');
}

void report_arguments(char **argv) {
        char cwd[4096];

        json_open(NULL, '{');
        strings("args", argv);
        strings("env", environ);
        json_string("cwd", getcwd(cwd, sizeof cwd));
        json_close('}');
}

static void descriptor(int dir_fd, const char *name) {
        char target[4096];
        int fd = atoi(name), status = fcntl(fd, F_GETFL), flags = fcntl(fd, F_GETFD);
        ssize_t n = readlinkat(dir_fd, name, target, sizeof target);

        json_open(NULL, '{');
        json_number("fd", fd);
        json_bytes("target", target, n > 0 ? (size_t)n : 0);
        json_bool("path_only", status & O_PATH);
        json_bool("cloexec", flags & FD_CLOEXEC);
        json_close('}');
}

void report_descriptors(void) {
        DIR *dir = opendir("/proc/self/fd");
        struct dirent *e;

        json_open(NULL, '{');
        json_open("fds", '[');
        while (dir && (e = readdir(dir)))
                if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(dir))
                        descriptor(dirfd(dir), e->d_name);
        json_close(']');
        json_close('}');
        if (dir)
                closedir(dir);
}

void report_terminal(void) {
        struct winsize size = {0};
        int controlling = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

        json_open(NULL, '{');
        json_open("terminal", '{');
        json_open("stdio", '[');
        for (int i = 0; i < 3; i++)
                json_bool(NULL, isatty(i));
        json_close(']');
        json_string("name", isatty(0) ? ttyname(0) : NULL);
        json_bool("controlling", controlling >= 0);
        if (ioctl(0, TIOCGWINSZ, &size) == 0) {
                json_number("rows", size.ws_row);
                json_number("columns", size.ws_col);
        }
        json_close('}');
        json_close('}');
        if (controlling >= 0)
                close(controlling);
}

static void device(int dir_fd, const char *name) {
        char target[4096];
        ssize_t n = readlinkat(dir_fd, name, target, sizeof target);
        struct stat st;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        json_open(name, '{');
        json_string("type", S_ISCHR(st.st_mode)    ? "c"
                            : S_ISBLK(st.st_mode)  ? "b"
                            : S_ISFIFO(st.st_mode) ? "p"
                            : S_ISLNK(st.st_mode)  ? "l"
                            : S_ISDIR(st.st_mode)  ? "d"
                                                   : "f");
        json_number("mode", st.st_mode & 07777);
        json_number("uid", st.st_uid);
        json_number("gid", st.st_gid);
        json_number("major", major(st.st_rdev));
        json_number("minor", minor(st.st_rdev));
        if (n > 0)
                json_bytes("target", target, (size_t)n);
        json_close('}');
}

void report_devices(void) {
        DIR *dir = opendir("/dev");
        struct dirent *e;

        json_open(NULL, '{');
        json_open("devices", '{');
        while (dir && (e = readdir(dir)))
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        device(dirfd(dir), e->d_name);
        json_close('}');
        json_close('}');
        if (dir)
                closedir(dir);
}
