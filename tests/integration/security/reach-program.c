/* reach-program DEVICE:INODE: runs in a container, looks for processes whose program is none of the
 * container's files, and tries everything to open that program for writing: through /proc/PID/exe,
 * through a descriptor kept until the program has ended (ETXTBSY before), after making its mount
 * writable. Prints "seen", and "WRITABLE" when it is the file with that number. It never writes: a
 * machine whose runtime fails the test keeps its programs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_KEPT = 64 };

static struct kept {
        int fd;
        dev_t device;
        ino_t inode;
} kept[MAX_KEPT];
static size_t n_kept;
static dev_t wanted_device;
static ino_t wanted_inode;

static bool is_ours(const struct stat *st) {
        static const char *const ours[] = {"/bin/busybox", "/bin/probe", "/bin/reach-program"};
        struct stat own;

        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
                if (stat(ours[i], &own) == 0 && own.st_dev == st->st_dev &&
                    own.st_ino == st->st_ino)
                        return true;
        for (size_t i = 0; i < n_kept; i++)
                if (kept[i].device == st->st_dev && kept[i].inode == st->st_ino)
                        return true;
        return false;
}

static void try_open(const struct kept *program, const char *path) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return;
        close(fd);
        if (program->device == wanted_device && program->inode == wanted_inode) {
                printf("WRITABLE %s\n", path);
                fflush(stdout);
        }
}

/* A mount that is only attached to a descriptor may be changed by who has CAP_SYS_ADMIN somewhere.
 */
static void make_writable(int fd, const char *path) {
        struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY};

        (void)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &writable, sizeof writable);
        (void)mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
}

static void look_at(const char *pid) {
        char path[64];
        struct stat st;
        int fd;

        snprintf(path, sizeof path, "/proc/%.16s/exe", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        if (fstat(fd, &st) < 0 || is_ours(&st) || n_kept == MAX_KEPT) {
                close(fd);
                return;
        }
        printf("seen %s\n", path);
        fflush(stdout);
        kept[n_kept] = (struct kept) {fd, st.st_dev, st.st_ino};
        try_open(&kept[n_kept++], path);
}

int main(int argc, char **argv) {
        unsigned long device, inode;
        char path[64];

        if (argc != 2 || sscanf(argv[1], "%lu:%lu", &device, &inode) != 2) {
                fprintf(stderr, "usage: reach-program DEVICE:INODE\n");
                return 2;
        }
        wanted_device = device;
        wanted_inode = inode;
        for (;;) {
                DIR *dir = opendir("/proc");
                struct dirent *e;

                while (dir && (e = readdir(dir)))
                        if (e->d_name[0] >= '0' && e->d_name[0] <= '9')
                                look_at(e->d_name);
                if (dir)
                        closedir(dir);
                for (size_t i = 0; i < n_kept; i++) {
                        snprintf(path, sizeof path, "/proc/self/fd/%d", kept[i].fd);
                        make_writable(kept[i].fd, path);
                        try_open(&kept[i], path);
                }
                usleep(20); /* or who is attacked waits for a processor */
        }
}
