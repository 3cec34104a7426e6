#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/rootpath.h>
#include <stint/syscall.h>

enum { MAX_SYMLINKS = 40, MAX_DEPTH = 256, MAX_TRIES = 128 };

static int open_by_kernel(int root_fd, const char *path, int flags) {
        struct open_how how = {
                .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        };

        for (int tries = 0; tries < MAX_TRIES; tries++) {
                int fd = st_openat2(root_fd, path, &how);
                if (fd >= 0)
                        return fd;
                if (errno != EAGAIN &&
                    errno != EINTR) /* a rename elsewhere raced with "..": look again */
                        return -errno;
        }
        return -EAGAIN;
}

/* ---- the walk for kernels and sandboxes without openat2 ----
 *
 * A stack of directory descriptors, the root at the bottom. ".." pops, a name pushes what
 * openat(O_NOFOLLOW) gives below the top, a symlink's text is put before the rest of the path. The
 * kernel never resolves more than one plain name at a time, so renaming and swapping underneath can
 * only lead to something that is (or was, when it was opened) inside the root. */
struct walk {
        int fds[MAX_DEPTH];
        unsigned depth; /* fds[0 .. depth-1] are ours; the root below them is borrowed */
        int root_fd;
        char rest[PATH_MAX];
        unsigned n_links;
};

static int or_errno(int fd) {
        return fd < 0 ? -errno : fd;
}

static int top(const struct walk *w) {
        return w->depth ? w->fds[w->depth - 1] : w->root_fd;
}

static void pop(struct walk *w) {
        if (w->depth)
                (void)st_close(w->fds[--w->depth]);
}

static void unwind(struct walk *w) {
        while (w->depth)
                pop(w);
}

/* Take the first component off the rest. Returns its length; 0 at the end. */
static size_t next_component(struct walk *w, char *name) {
        char *start = w->rest;
        size_t n;

        while (*start == '/')
                start++;
        n = strcspn(start, "/");
        if (n > NAME_MAX)
                return SIZE_MAX;
        memcpy(name, start, n);
        name[n] = 0;
        memmove(w->rest, start + n, strlen(start + n) + 1);
        return n;
}

static int follow_link(struct walk *w, int link_fd) {
        char target[PATH_MAX];
        ssize_t n = readlinkat(link_fd, "", target, sizeof target - 1);
        size_t rest = strlen(w->rest);
        struct stat st;

        if (n < 0)
                return -errno;
        /* procfs's magic links are no text: their st_size is 0 or 64 and following them leaves the
         * root */
        if (fstat(link_fd, &st) < 0)
                return -errno;
        if (st.st_size != n)
                return -ELOOP;
        if (++w->n_links > MAX_SYMLINKS)
                return -ELOOP;
        if ((size_t)n + 1 + rest + 1 > sizeof w->rest)
                return -ENAMETOOLONG;
        memmove(w->rest + n + 1, w->rest, rest + 1);
        memcpy(w->rest, target, (size_t)n);
        w->rest[n] = '/';
        if (target[0] == '/')
                unwind(w);
        return 0;
}

/* Open the last component itself, now that it is known to be no symlink. */
static int open_last(struct walk *w, const char *name, int flags, int path_fd) {
        struct stat a, b;
        int fd;

        if (flags & O_PATH)
                return or_errno(fcntl(path_fd, F_DUPFD_CLOEXEC, 3));
        fd = openat(top(w), name, (flags & ~O_CREAT) | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &a) < 0 || fstat(path_fd, &b) < 0 || a.st_ino != b.st_ino ||
            a.st_dev != b.st_dev) {
                (void)st_close(fd);
                return -EAGAIN; /* swapped between the two opens */
        }
        return fd;
}

static int step(struct walk *w, const char *name, bool last, int flags) {
        st_autoclose int fd = openat(top(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISLNK(st.st_mode) && !(last && (flags & O_NOFOLLOW)))
                return follow_link(w, fd);
        if (last && !S_ISDIR(st.st_mode)) {
                if (flags & O_DIRECTORY)
                        return -ENOTDIR;
                return open_last(w, name, flags, fd);
        }
        if (!S_ISDIR(st.st_mode))
                return -ENOTDIR;
        if (w->depth == MAX_DEPTH)
                return -ENAMETOOLONG;
        w->fds[w->depth++] = st_take_fd(fd);
        return 0;
}

static bool only_slashes(const char *text) {
        return text[strspn(text, "/")] == 0;
}

static int walk_to_end(struct walk *w, int flags) {
        char name[NAME_MAX + 1];

        for (;;) {
                size_t n = next_component(w, name);
                int r;

                if (n == SIZE_MAX)
                        return -ENAMETOOLONG;
                if (n == 0) /* a directory is what we stand on */
                        return or_errno(openat(top(w), ".", flags | O_CLOEXEC));
                if (!strcmp(name, "."))
                        continue;
                if (!strcmp(name, "..")) {
                        pop(w);
                        continue;
                }
                r = step(w, name, only_slashes(w->rest), flags);
                if (r != 0)
                        return r;
        }
}

static int open_by_walk(int root_fd, const char *path, int flags) {
        struct walk w = {.root_fd = root_fd};
        int r;

        if (strlen(path) >= sizeof w.rest)
                return -ENAMETOOLONG;
        strcpy(w.rest, path);
        r = walk_to_end(&w, flags);
        unwind(&w);
        return r;
}

int rt_root_open(int root_fd, const char *path, int flags) {
        int fd = open_by_kernel(root_fd, *path ? path : ".", flags);

        /* until Linux 5.6 is everywhere; EPERM: a seccomp filter of an outer container that
         * predates openat2 */
        if (fd == -ENOSYS || fd == -EPERM)
                for (int tries = 0; tries < MAX_TRIES; tries++) {
                        fd = open_by_walk(root_fd, path, flags);
                        if (fd != -EAGAIN)
                                break;
                }
        return fd;
}

/* path[start..end) is a symlink to what is not there: put its target in its place. It begins at the
 * link's directory or at the root. 0: no link, somebody else made it just now. */
static int splice_link(int parent_fd, const char *name, char *path, size_t start, size_t end) {
        char target[PATH_MAX], spliced[PATH_MAX];
        ssize_t n = readlinkat(parent_fd, name, target, sizeof target - 1);
        int used;

        if (n < 0)
                return errno == EINVAL ? 0 : -errno;
        target[n] = 0;
        used = snprintf(spliced, sizeof spliced, "%.*s%s%s", target[0] == '/' ? 0 : (int)start,
                        path, target, path + end);
        if (used < 0 || (size_t)used >= sizeof spliced)
                return -ENAMETOOLONG;
        memcpy(path, spliced, (size_t)used + 1);
        return 1;
}

static int open_prefix(int root_fd, char *path, size_t end) {
        char after = path[end];
        int fd;

        path[end] = 0;
        fd = rt_root_open(root_fd, path, O_PATH | O_DIRECTORY);
        path[end] = after;
        return fd;
}

/* Make path[start..end), whose parents exist. 1: it was a link, and the path is another one now. */
static int make_component(int root_fd, char *path, size_t start, size_t end, mode_t mode) {
        st_autoclose int parent_fd = -1;
        char name[NAME_MAX + 1];

        if (end - start > NAME_MAX)
                return -ENAMETOOLONG;
        memcpy(name, path + start, end - start);
        name[end - start] = 0;
        parent_fd = open_prefix(root_fd, path, start);
        if (parent_fd < 0)
                return parent_fd;
        if (mkdirat(parent_fd, name, mode) == 0)
                return 0;
        return errno == EEXIST ? splice_link(parent_fd, name, path, start, end) : -errno;
}

/* Make what is missing one component at a time: each step stands on a descriptor inside the root.
 * No recursion: the image chooses how many links follow one another, and the stack is a small one.
 */
static int make_components(int root_fd, const char *wanted, mode_t mode) {
        char path[PATH_MAX];
        unsigned n_links = 0;

        if (strlen(wanted) >= sizeof path)
                return -ENAMETOOLONG;
        strcpy(path, wanted);
        for (size_t end = 0;;) {
                size_t start = end + strspn(path + end, "/");
                int fd, r;

                if (!path[start])
                        return 0;
                end = start + strcspn(path + start, "/");
                fd = open_prefix(root_fd, path, end);
                if (fd >= 0) {
                        (void)st_close(fd);
                        continue;
                }
                r = fd == -ENOENT ? make_component(root_fd, path, start, end, mode) : fd;
                if (r < 0)
                        return r;
                if (r > 0 && ++n_links > MAX_SYMLINKS)
                        return -ELOOP;
                end = r > 0 ? 0 : end;
        }
}

/* Everything up to the last component (with its slash, or ".") and that component. */
static int split(const char *path, char parent[static PATH_MAX], char name[static NAME_MAX + 1]) {
        size_t end = strlen(path), start;

        while (end > 0 && path[end - 1] == '/')
                end--;
        start = end;
        while (start > 0 && path[start - 1] != '/')
                start--;
        if (end == start || end - start > NAME_MAX || start >= PATH_MAX)
                return end == start ? -EINVAL : -ENAMETOOLONG;
        memcpy(name, path + start, end - start);
        name[end - start] = 0;
        if (!strcmp(name, ".") || !strcmp(name, ".."))
                return -EINVAL;
        memcpy(parent, path, start);
        strcpy(parent + start, start ? "" : ".");
        return 0;
}

/* The usual case, that only the last component is missing. */
static int make_last(int root_fd, const char *path, mode_t mode) {
        char parent[PATH_MAX], name[NAME_MAX + 1];
        st_autoclose int parent_fd = -1;
        int r = split(path, parent, name);

        if (r < 0)
                return r;
        parent_fd = rt_root_open(root_fd, parent, O_PATH | O_DIRECTORY);
        if (parent_fd < 0)
                return parent_fd;
        if (mkdirat(parent_fd, name, mode) < 0)
                return -errno;
        return or_errno(openat(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

int rt_root_mkdir_p(int root_fd, const char *path, mode_t mode) {
        int fd = rt_root_open(root_fd, path, O_PATH | O_DIRECTORY), r;

        if (fd != -ENOENT)
                return fd;
        fd = make_last(root_fd, path, mode);
        if (fd >= 0)
                return fd;
        r = make_components(root_fd, path, mode);
        if (r < 0)
                return r;
        return rt_root_open(root_fd, path, O_PATH | O_DIRECTORY);
}

int rt_root_open_parent(int root_fd, const char *path, mode_t mode, char *name_buf) {
        char parent[PATH_MAX];
        int r = split(path, parent, name_buf);

        return r < 0 ? r : rt_root_mkdir_p(root_fd, parent, mode);
}

int rt_root_create_file(int root_fd, const char *path, mode_t mode) {
        char name[NAME_MAX + 1];
        st_autoclose int parent_fd = -1, fd = -1;

        fd = rt_root_open(root_fd, path, O_PATH);
        if (fd != -ENOENT)
                return st_take_fd(fd);
        parent_fd = rt_root_open_parent(root_fd, path, 0755, name);
        if (parent_fd < 0)
                return parent_fd;
        fd = openat(parent_fd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, mode);
        if (fd < 0 && errno != EEXIST)
                return -errno;
        fd = st_close(fd);
        return rt_root_open(root_fd, path, O_PATH);
}
