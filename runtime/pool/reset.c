#include "reset.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <stint/cleanup.h>
#include <stint/process.h>
#include <stint/syscall.h>

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif
#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif
#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif

enum { IOPRIO_WHO_PROCESS = 1 };

/* The kernel's struct sched_attr as of its first version, under a name of our own: glibc 2.41 and
 * <linux/sched/types.h> define it both. */
struct scheduling {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
};

/* ---- directories ---- */

struct linux_dirent64 {
        uint64_t ino;
        int64_t off;
        unsigned short length;
        unsigned char type;
        char name[];
};

static bool is_dot(const char *name) {
        return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* 1: there is a directory with something in it, *ret_name; 0: all of this listing is gone. */
static int unlink_listing(int dir_fd, const char *listing, long n, bool *ret_removed,
                          const char **ret_name, struct st_error *err) {
        for (long at = 0; at < n;) {
                const struct linux_dirent64 *entry = (const void *)(listing + at);

                at += entry->length;
                if (is_dot(entry->name))
                        continue;
                if (unlinkat(dir_fd, entry->name, entry->type == DT_DIR ? AT_REMOVEDIR : 0) == 0) {
                        *ret_removed = true;
                        continue;
                }
                if (entry->type != DT_DIR || (errno != ENOTEMPTY && errno != EEXIST))
                        return st_error_sys(err, "remove %.64s", entry->name);
                *ret_name = entry->name;
                return 1;
        }
        return 0;
}

/* 1: go down into *ret_fd; 0: the directory is empty. */
static int empty_level(int dir_fd, int *ret_fd, struct st_error *err) {
        _Alignas(8) char listing[2048];
        const char *name = NULL;
        bool removed = true; /* what the listing missed meanwhile is in the next */
        int r = 0;

        while (r == 0) {
                long n = syscall(SYS_getdents64, dir_fd, listing, sizeof listing);

                if (n < 0)
                        return st_error_sys(err, "list");
                if (n == 0 && !removed)
                        return 0;
                if (n == 0) {
                        removed = false;
                        if (lseek(dir_fd, 0, SEEK_SET) < 0)
                                return st_error_sys(err, "rewind");
                }
                r = unlink_listing(dir_fd, listing, n, &removed, &name, err);
        }
        if (r < 0)
                return r;
        *ret_fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return *ret_fd < 0 ? st_error_sys(err, "open %.64s", name) : 1;
}

static int go_up(int *fd, struct st_error *err) {
        int parent_fd = openat(*fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (parent_fd < 0)
                return st_error_sys(err, "go up");
        (void)st_close(*fd);
        *fd = parent_fd;
        return 0;
}

/* Nothing moves meanwhile, so ".." is where we came from; the level above finds what is empty now
 * and removes it. */
int rt_reset_empty_dir(int dir_fd, struct st_error *err) {
        st_autoclose int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        size_t depth = 0;

        if (fd < 0)
                return st_error_sys(err, "open");
        for (;;) {
                int below_fd = -1, r = empty_level(fd, &below_fd, err);

                if (r == 0 && depth == 0)
                        return 0;
                if (r > 0) {
                        (void)st_close(fd);
                        fd = below_fd;
                        depth++;
                } else if (r == 0) {
                        r = go_up(&fd, err);
                        depth--;
                }
                if (r < 0)
                        return r;
        }
}

static int remove_attributes(int fd, struct st_error *err) {
        char names[1024];
        ssize_t n = flistxattr(fd, names, sizeof names);

        if (n < 0)
                return errno == EOPNOTSUPP ? 0 : st_error_sys(err, "list attributes");
        for (const char *name = names; name < names + n; name += strlen(name) + 1)
                if (strncmp(name, "security.", 9) && fremovexattr(fd, name) < 0 && errno != ENODATA)
                        return st_error_sys(err, "remove attribute %.64s", name);
        return 0;
}

static int reset_dir(const struct rt_reset_dir *dir, struct st_error *err) {
        int r = rt_reset_empty_dir(dir->fd, err);

        if (r >= 0)
                r = remove_attributes(dir->fd, err);
        if (r >= 0 && (fchown(dir->fd, dir->uid, dir->gid) < 0 || fchmod(dir->fd, dir->mode) < 0))
                r = st_error_sys(err, "restore owner and mode");
        return r;
}

/* ---- System V IPC ---- */

static int empty_shm(void) {
        struct shmid_ds ds;
        struct shm_info info;
        int last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info);

        if (last < 0)
                return errno == ENOSYS ? 0 : -errno;
        for (int i = 0; info.used_ids && i <= last; i++) {
                int id = shmctl(i, SHM_STAT_ANY, &ds);
                if (id >= 0 && shmctl(id, IPC_RMID, NULL) < 0)
                        return -errno;
        }
        return 0;
}

static int empty_msg(void) {
        struct msqid_ds ds;
        struct msginfo info;
        int last = msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&info);

        if (last < 0)
                return errno == ENOSYS ? 0 : -errno;
        for (int i = 0; info.msgpool && i <= last; i++) { /* with MSG_INFO: how many queues */
                int id = msgctl(i, MSG_STAT_ANY, &ds);
                if (id >= 0 && msgctl(id, IPC_RMID, NULL) < 0)
                        return -errno;
        }
        return 0;
}

static int empty_sem(void) {
        union {
                struct seminfo *info;
                struct semid_ds *ds;
        } arg;
        struct semid_ds ds;
        struct seminfo info;
        int last;

        arg.info = &info;
        last = semctl(0, 0, SEM_INFO, arg);
        if (last < 0)
                return errno == ENOSYS ? 0 : -errno;
        for (int i = 0; info.semusz && i <= last; i++) { /* with SEM_INFO: how many sets */
                int id;
                arg.ds = &ds;
                id = semctl(i, 0, SEM_STAT_ANY, arg);
                if (id >= 0 && semctl(id, 0, IPC_RMID) < 0)
                        return -errno;
        }
        return 0;
}

static int empty_ipc(struct st_error *err) {
        int r = empty_shm();

        if (r >= 0)
                r = empty_msg();
        if (r >= 0)
                r = empty_sem();
        return r < 0 ? st_error_code(err, r, "remove IPC objects") : 0;
}

/* ---- the first process ---- */

static int look_at_scheduling(struct rt_reset_baseline *baseline, struct st_error *err) {
        struct scheduling attr = {.size = sizeof attr};

        if (sched_getaffinity(0, sizeof baseline->cpus, &baseline->cpus) < 0 ||
            syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) < 0)
                return st_error_sys(err, "look at scheduling");
        baseline->policy = attr.policy;
        baseline->priority = attr.priority;
        baseline->nice = attr.nice;
        baseline->io_priority = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
        return 0;
}

static int look_at_self(struct rt_reset_baseline *baseline, struct st_error *err) {
        for (int i = 0; i < RLIM_NLIMITS; i++)
                if (getrlimit(i, &baseline->limits[i]) < 0)
                        return st_error_sys(err, "look at limit %d", i);
        if (uname(&baseline->host) < 0)
                return st_error_sys(err, "look at the host name");
        return look_at_scheduling(baseline, err);
}

static int open_own(int proc_fd, const char *name, char *value, size_t size) {
        char path[40];
        st_autoclose int fd = -1;
        ssize_t n;

        (void)snprintf(path, sizeof path, "self/%s", name);
        fd = openat(proc_fd, path, O_RDWR | O_CLOEXEC);
        n = fd < 0 ? -1 : pread(fd, value, size - 1, 0);
        if (n < 0)
                return -1;
        value[n] = 0;
        return st_take_fd(fd);
}

static int open_files(struct rt_reset_baseline *baseline, struct st_error *err) {
        st_autoclose int proc_fd = rt_proc_open();

        if (proc_fd < 0)
                return st_error_code(err, proc_fd, "open a procfs");
        baseline->oom_score_adj_fd = open_own(proc_fd, "oom_score_adj", baseline->oom_score_adj,
                                              sizeof baseline->oom_score_adj);
        baseline->coredump_filter_fd =
                open_own(proc_fd, "coredump_filter", baseline->coredump_filter + 2,
                         sizeof baseline->coredump_filter - 2);
        memcpy(baseline->coredump_filter, "0x", 2); /* it is read without, and written with it */
        return 0;
}

static int open_dir(const char *path, struct rt_reset_dir *ret_dir, struct st_error *err) {
        struct stat st;

        ret_dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (ret_dir->fd < 0 || fstat(ret_dir->fd, &st) < 0)
                return st_error_sys(err, "open %s", path);
        ret_dir->mode = st.st_mode & 07777;
        ret_dir->uid = st.st_uid;
        ret_dir->gid = st.st_gid;
        return 0;
}

int rt_reset_remember(const struct rt_parked *parked, struct rt_reset_baseline *ret_baseline,
                      struct st_error *err) {
        int r = look_at_self(ret_baseline, err);

        if (r >= 0)
                r = open_files(ret_baseline, err);
        ret_baseline->n_dirs = parked->n_dirs;
        for (size_t i = 0; r >= 0 && i < parked->n_dirs; i++)
                r = open_dir(parked->dirs[i], &ret_baseline->dirs[i], err);
        return r;
}

static int put_back(int fd, const char *value, const char *name, struct st_error *err) {
        if (fd < 0)
                return 0;
        return pwrite(fd, value, strlen(value), 0) < 0 ? st_error_sys(err, "put %s back", name) : 0;
}

/* What cannot be told from its old state may stay. */
static int compare(const struct rt_reset_baseline *was, struct st_error *err) {
        struct rt_reset_baseline is = {0};
        int r = look_at_self(&is, err);

        if (r < 0)
                return r;
        if (memcmp(was->limits, is.limits, sizeof is.limits))
                return st_error_set(err, -EBUSY, "a task changed its resource limits");
        if (memcmp(&was->cpus, &is.cpus, sizeof is.cpus) || was->policy != is.policy ||
            was->priority != is.priority || was->nice != is.nice ||
            was->io_priority != is.io_priority)
                return st_error_set(err, -EBUSY, "a task changed how it is scheduled");
        if (strcmp(was->host.nodename, is.host.nodename) ||
            strcmp(was->host.domainname, is.host.domainname))
                return st_error_set(err, -EBUSY, "a task changed the host name");
        return 0;
}

int rt_reset_apply(const struct rt_reset_baseline *baseline, bool renamed, struct st_error *err) {
        const char *name = baseline->host.nodename;
        int r = empty_ipc(err);

        if (r >= 0 && renamed && sethostname(name, strlen(name)) < 0)
                r = st_error_sys(err, "put the host name back");

        for (size_t i = 0; r >= 0 && i < baseline->n_dirs; i++)
                r = reset_dir(&baseline->dirs[i], err);
        if (r >= 0)
                r = put_back(baseline->oom_score_adj_fd, baseline->oom_score_adj, "oom_score_adj",
                             err);
        if (r >= 0)
                r = put_back(baseline->coredump_filter_fd, baseline->coredump_filter,
                             "coredump_filter", err);
        return r < 0 ? r : compare(baseline, err);
}
