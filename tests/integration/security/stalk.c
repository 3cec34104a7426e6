/* stalk [directories]: runs in a container and watches for processes that appear in its pid
 * namespace. A runtime's process that joins, or an init that waits, still holds things of the
 * machine: whoever can read its descriptors, memory or root, or trace it, has them too. Prints
 * "CAUGHT ..." for each that it can while the process runs a program that is none of the
 * container's files. With "directories" it looks for descriptors of directories only: for a
 * container that may trace whom it sees, by the machine's own rights. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* After what was reached: is the process still not one of the container's programs? Unreadable
 * counts as that: a process that may not be looked at has not executed the container's program yet.
 */
static bool is_foreign(pid_t pid) {
        static const char *const ours[] = {"/bin/busybox", "/bin/probe", "/bin/stalk"};
        char path[64];
        struct stat exe, own;

        snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
        if (stat(path, &exe) < 0)
                return errno == EACCES;
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
                if (stat(ours[i], &own) == 0 && own.st_dev == exe.st_dev &&
                    own.st_ino == exe.st_ino)
                        return false;
        return true;
}

static void caught(pid_t pid, const char *what) {
        if (!is_foreign(pid))
                return;
        printf("CAUGHT %s of %d\n", what, (int)pid);
        fflush(stdout);
}

static int open_of(pid_t pid, const char *what, int flags) {
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
        return open(path, flags | O_CLOEXEC);
}

/* That it can be opened says nothing: a process that is about to end has no memory, and may be
 * opened by anybody. */
static void try_read(pid_t pid, const char *what, off_t where) {
        int fd = open_of(pid, what, O_RDONLY);
        char byte;

        if (fd < 0)
                return;
        if (pread(fd, &byte, 1, where) == 1)
                caught(pid, what);
        close(fd);
}

static void try_enter(pid_t pid, const char *what) {
        int fd = open_of(pid, what, O_PATH | O_DIRECTORY);

        if (fd < 0)
                return;
        caught(pid, what);
        close(fd);
}

/* Who may list them need not be able to follow them. With @only_directories what leads nowhere is
 * not counted. */
static void try_descriptors(pid_t pid, bool only_directories) {
        int fd = open_of(pid, "fd", O_RDONLY | O_DIRECTORY);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *e;
        struct stat st;

        while (dir && (e = readdir(dir)))
                if (e->d_name[0] != '.' && fstatat(fd, e->d_name, &st, 0) == 0 &&
                    (!only_directories || S_ISDIR(st.st_mode)))
                        caught(pid, "a descriptor");
        if (dir)
                closedir(dir);
        else if (fd >= 0)
                close(fd);
}

static void try_trace(pid_t pid) {
        if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
                return;
        caught(pid, "trace");
        /* only a stopped tracee can be let go; a tracer's end lets go of all: leave that to our own
         */
        if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0 && waitpid(pid, NULL, __WALL) == pid)
                ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void stalk(pid_t pid, bool only_directories) {
        if (!is_foreign(pid))
                return;
        try_descriptors(pid, only_directories);
        if (only_directories)
                return;
        try_enter(pid, "root/.");
        try_enter(pid, "cwd/.");
        try_read(pid, "mem", 0x400000); /* where a static program lies */
        try_read(pid, "environ", 0);
        try_read(pid, "maps", 0);
        try_trace(pid);
}

int main(int argc, char **argv) {
        bool only_directories = argc > 1 && strcmp(argv[1], "directories") == 0;

        printf("stalking\n");
        fflush(stdout);
        for (;;) {
                DIR *dir = opendir("/proc");
                struct dirent *e;

                while (dir && (e = readdir(dir)))
                        if (atoi(e->d_name) > 0 && atoi(e->d_name) != getpid())
                                stalk(atoi(e->d_name), only_directories);
                if (dir)
                        closedir(dir);
                usleep(20); /* or who is stalked waits for a processor */
        }
}
