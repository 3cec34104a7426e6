#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/fs.h>
#include <stint/spool.h>

enum { CHUNK = 64 << 10, SCAN = 64 << 10 };
#define SPOOL_MAX ((size_t)4 << 30)

struct rt_spool {
        int fd;
        char *path;
        uint64_t end;       /* of the last line */
        uint64_t promised;  /* bytes behind it */
        uint64_t allocated; /* the file system has blocks up to here */
};

/* POSIX's locks belong to the process: a child that still holds the descriptor holds no lock. */
static int lock(const struct rt_spool *spool, struct st_error *err) {
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

        if (fcntl(spool->fd, F_SETLK, &whole) == 0)
                return 0;
        if (errno == EACCES || errno == EAGAIN)
                return st_error_set(err, -EBUSY, "%s: another process writes to it", spool->path);
        return st_error_sys(err, "lock %s", spool->path);
}

/* Behind the last newline that ends a line with something in it: reserved space may have been
 * filled with newlines. */
static int find_end(int fd, uint64_t size, uint64_t *ret_end) {
        st_autofree char *buf = malloc(SCAN);
        bool newline = false;
        uint64_t end = 0;

        if (!buf)
                return -ENOMEM;
        for (uint64_t at = size; at > 0;) {
                size_t n = at < SCAN ? (size_t)at : SCAN;
                ssize_t got = pread(fd, buf, n, (off_t)(at - n));

                if (got != (ssize_t)n)
                        return got < 0 ? -errno : -EIO;
                at -= n;
                for (size_t i = n; i > 0; i--) {
                        if (buf[i - 1] == '\n') {
                                newline = true;
                                end = at + i;
                        } else if (newline) {
                                *ret_end = end;
                                return 0;
                        }
                }
        }
        *ret_end = 0;
        return 0;
}

static int settle_end(struct rt_spool *spool, enum rt_spool_mode mode, struct st_error *err) {
        struct stat st;
        int r;

        if (fstat(spool->fd, &st) < 0)
                return st_error_sys(err, "stat %s", spool->path);
        if (!S_ISREG(st.st_mode))
                return st_error_set(err, -EINVAL, "%s: not a regular file", spool->path);
        if (mode == RT_SPOOL_NEW && st.st_size > 0)
                return st_error_kind(
                        err, st_error_set(err, -EEXIST, "%s: exists and is not empty", spool->path),
                        ST_CODE_EXISTS);
        r = find_end(spool->fd, (uint64_t)st.st_size, &spool->end);
        if (r < 0)
                return st_error_code(err, r, "read %s", spool->path);
        if (ftruncate(spool->fd, (off_t)spool->end) < 0)
                return st_error_sys(err, "cut %s at its last whole line", spool->path);
        spool->allocated = spool->end;
        return 0;
}

int rt_spool_open(const char *path, enum rt_spool_mode mode, struct rt_spool **ret_spool,
                  struct st_error *err) {
        st_cleanup(rt_spool_freep) struct rt_spool *spool = calloc(1, sizeof *spool);
        int r;

        if (!spool)
                return st_error_set(err, -ENOMEM, "open %s", path);
        spool->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (spool->fd < 0)
                return st_error_sys(err, "open %s", path);
        spool->path = strdup(path);
        if (!spool->path)
                return st_error_set(err, -ENOMEM, "open %s", path);
        r = lock(spool, err);
        if (r >= 0)
                r = settle_end(spool, mode, err);
        if (r < 0) {
                spool->fd = st_close(spool->fd); /* what is in it stays as it is */
                return r;
        }
        *ret_spool = st_take(spool);
        return 0;
}

struct rt_spool *rt_spool_free(struct rt_spool *spool) {
        if (!spool)
                return NULL;
        if (spool->fd >= 0)
                (void)!ftruncate(spool->fd, (off_t)spool->end); /* a tail is cut by who continues */
        (void)st_close(spool->fd);
        free(spool->path);
        free(spool);
        return NULL;
}

int rt_spool_fd(const struct rt_spool *spool) {
        return spool->fd;
}

int rt_spool_read(const struct rt_spool *spool, char **ret_text, size_t *ret_length,
                  struct st_error *err) {
        int r;

        if (lseek(spool->fd, 0, SEEK_SET) < 0)
                return st_error_sys(err, "read %s", spool->path);
        r = st_read_fd(spool->fd, SPOOL_MAX, ret_text, ret_length);
        return r < 0 ? st_error_code(err, r, "read %s", spool->path) : 0;
}

/* Where blocks cannot be had without data (NFS, some FUSE): newlines, which readers skip. */
static int fill(struct rt_spool *spool, uint64_t to) {
        char blank[4096];

        memset(blank, '\n', sizeof blank);
        while (spool->allocated < to) {
                uint64_t left = to - spool->allocated;
                ssize_t n = pwrite(spool->fd, blank, left < sizeof blank ? left : sizeof blank,
                                   (off_t)spool->allocated);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ENOSPC;
                spool->allocated += (uint64_t)n;
        }
        return 0;
}

static int allocate(struct rt_spool *spool, uint64_t to) {
        int r;

        do
                r = fallocate(spool->fd, FALLOC_FL_KEEP_SIZE, (off_t)spool->allocated,
                              (off_t)(to - spool->allocated));
        while (r < 0 && errno == EINTR);
        if (r == 0) {
                spool->allocated = to;
                return 0;
        }
        return errno == EOPNOTSUPP || errno == ENOSYS ? fill(spool, to) : -errno;
}

int rt_spool_reserve(struct rt_spool *spool, size_t bytes, struct st_error *err) {
        uint64_t to = spool->end + spool->promised + bytes;
        int r = 0;

        if (to > spool->allocated) {
                r = allocate(spool, to + CHUNK);
                if (r < 0)
                        r = allocate(spool, to); /* the last bytes count as well */
        }
        if (r < 0)
                return st_error_code(err, r, "reserve space in %s", spool->path);
        spool->promised += bytes;
        return 0;
}

void rt_spool_release(struct rt_spool *spool, size_t bytes) {
        spool->promised -= bytes < spool->promised ? bytes : spool->promised;
}

int rt_spool_append(struct rt_spool *spool, const char *line, size_t length, struct st_error *err) {
        for (size_t done = 0; done < length;) {
                ssize_t n =
                        pwrite(spool->fd, line + done, length - done, (off_t)(spool->end + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return st_error_sys(err, "write to %s", spool->path);
                done += (size_t)n;
        }
        spool->end += length;
        if (spool->allocated < spool->end)
                spool->allocated = spool->end;
        return 0;
}
