/* stalk: runs in a container and watches for processes that appear in its pid namespace. A runtime's
 * process that joins, or an init that waits, still holds things of the machine: whoever can read its
 * descriptors, memory or root, or trace it, has them too. Prints "CAUGHT ..." for each that it can while
 * the process runs a program that is none of the container's files. */
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

/* After what was reached: is the process still not one of the container's programs? Unreadable counts as
 * that: a process that may not be looked at has not executed the container's program yet. */
static bool is_foreign(pid_t pid) {
        static const char *const ours[] = {"/bin/busybox", "/bin/probe", "/bin/stalk"};
        char path[64];
        struct stat exe, own;

        snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
        if (stat(path, &exe) < 0)
                return errno == EACCES;
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
                if (stat(ours[i], &own) == 0 && own.st_dev == exe.st_dev && own.st_ino == exe.st_ino)
                        return false;
        return true;
}

static void caught(pid_t pid, const char *what) {
        if (!is_foreign(pid))
                return;
        printf("CAUGHT %s of %d\n", what, (int)pid);
        fflush(stdout);
}

static void try_open(pid_t pid, const char *what, int flags) {
        char path[64];
        int fd;

        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
        fd = open(path, flags | O_CLOEXEC);
        if (fd < 0)
                return;
        caught(pid, what);
        close(fd);
}

static void try_trace(pid_t pid) {
        if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
                return;
        caught(pid, "trace");
        /* only a stopped tracee can be let go; a tracer's end lets go of all: leave that to our own */
        if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0 && waitpid(pid, NULL, __WALL) == pid)
                ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void stalk(pid_t pid) {
        try_open(pid, "fd", O_RDONLY | O_DIRECTORY);
        try_open(pid, "root/.", O_RDONLY | O_DIRECTORY);
        try_open(pid, "cwd/.", O_RDONLY | O_DIRECTORY);
        try_open(pid, "mem", O_RDONLY);
        try_open(pid, "environ", O_RDONLY);
        try_open(pid, "maps", O_RDONLY);
        try_open(pid, "exe", O_RDONLY);
        if (is_foreign(pid))
                try_trace(pid);
}

int main(void) {
        printf("stalking\n");
        fflush(stdout);
        for (;;) {
                DIR *dir = opendir("/proc");
                struct dirent *e;

                while (dir && (e = readdir(dir)))
                        if (atoi(e->d_name) > 0 && atoi(e->d_name) != getpid())
                                stalk(atoi(e->d_name));
                if (dir)
                        closedir(dir);
        }
}
