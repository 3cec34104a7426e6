/* ledger_file.c: the file: its lock, and replacing it whole.
 *
 * The lock is flock(2) on the file itself. Who writes makes a new file, locks that, and renames it
 * over the old one, so the lock goes over with it; who waited for the old one finds that it has no
 * name any more, and waits for the new one. A reader without the lock sees one state or the next,
 * and a writer that is killed leaves the old one. */
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <stint/fs.h>

enum { FILE_MAX = 64 << 20, PATH_ROOM = 4096 };

/* ---- the place ---- */

static int open_dir(struct rt_ledger *l, bool make, struct st_error *err) {
        if (l->dir_fd >= 0)
                return 0;
        l->dir_fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (l->dir_fd < 0 && errno == ENOENT && make) {
                int r = st_mkdir_p_at(AT_FDCWD, l->dir, 0700);

                if (r < 0)
                        return st_error_code(err, r, "make %s for the ledger of CPUs", l->dir);
                l->dir_fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        return l->dir_fd < 0 ? st_error_sys(err, "open %s", l->dir) : 0;
}

static int read_boot_id(struct rt_ledger *l, struct st_error *err) {
        st_autofree char *text = NULL;
        int r;

        if (*l->boot_id)
                return 0;
        r = st_read_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 256, &text, NULL, err);
        if (r < 0)
                return r;
        text[strcspn(text, "\n")] = 0;
        if (!*text || strlen(text) >= sizeof l->boot_id || strchr(text, ' '))
                return st_error_set(err, -EINVAL, "the kernel's boot id is odd: %.60s", text);
        strcpy(l->boot_id, text);
        return 0;
}

/* ---- the lock ---- */

static int lock_once(struct rt_ledger *l, struct st_error *err) {
        st_autoclose int fd =
                openat(l->dir_fd, l->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        struct stat st;

        if (fd < 0)
                return st_error_sys(err, "open the ledger of CPUs %s/%s", l->dir, l->name);
        while (flock(fd, LOCK_EX) < 0) {
                if (errno != EINTR)
                        return st_error_sys(err, "lock the ledger of CPUs");
        }
        if (fstat(fd, &st) < 0)
                return st_error_sys(err, "look at the ledger of CPUs");
        if (st.st_nlink == 0)
                return 0; /* replaced meanwhile */
        l->lock_fd = st_take_fd(fd);
        return 1;
}

int ledger_lock(struct rt_ledger *l, struct st_error *err) {
        int r = open_dir(l, true, err);

        if (r == 0)
                r = read_boot_id(l, err);
        while (r == 0)
                r = lock_once(l, err);
        return r < 0 ? r : 0;
}

void ledger_unlock(struct rt_ledger *l) {
        l->lock_fd = st_close(l->lock_fd);
}

/* ---- in and out ---- */

static int believe(struct rt_ledger *l, char *text, size_t length, struct ledger_state *state,
                   struct st_error *err) {
        int r = length ? ledger_parse(text, length, l->boot_id, state) : -EBADMSG;

        if (r == -EBADMSG || r == -ESTALE) {
                state->n_entries = 0;
                state->rebuild = state->changed = true;
                return 0;
        }
        if (r == -EPROTONOSUPPORT)
                return st_error_set(err, r, "the ledger of CPUs %s/%s is of a newer stint", l->dir,
                                    l->name);
        return r < 0 ? st_error_code(err, r, "read the ledger of CPUs") : 0;
}

static int open_to_read(struct rt_ledger *l, struct st_error *err) {
        int r = open_dir(l, false, err), fd;

        if (r == 0)
                r = read_boot_id(l, err);
        if (r < 0)
                return r;
        fd = openat(l->dir_fd, l->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? st_error_sys(err, "open the ledger of CPUs %s/%s", l->dir, l->name) : fd;
}

int ledger_read(struct rt_ledger *l, struct ledger_state *state, struct st_error *err) {
        st_autoclose int read_fd = -1;
        st_autofree char *text = NULL;
        struct st_error why = {0};
        size_t length = 0;
        int r = 0;

        *state = (struct ledger_state) {.arena = st_arena_new(16384)};
        if (!state->arena)
                return st_error_set(err, -ENOMEM, "read the ledger of CPUs");
        if (l->lock_fd < 0) {
                read_fd = open_to_read(l, &why);
                if (read_fd < 0 && read_fd != -ENOENT) {
                        if (err)
                                *err = why;
                        return read_fd;
                }
        }
        if (l->lock_fd >= 0 || read_fd >= 0)
                r = st_read_fd(l->lock_fd >= 0 ? l->lock_fd : read_fd, FILE_MAX, &text, &length);
        if (r < 0)
                return st_error_code(err, r, "read the ledger of CPUs %s/%s", l->dir, l->name);
        return believe(l, text, length, state, err);
}

static int write_new(struct rt_ledger *l, const char *name, const char *text, size_t length,
                     int *ret_fd, struct st_error *err) {
        st_autoclose int fd =
                openat(l->dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        int r;

        if (fd < 0)
                return st_error_sys(err, "create %s/%s", l->dir, name);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) /* only who has the old one's lock comes here */
                return st_error_sys(err, "lock %s/%s", l->dir, name);
        r = st_write_all(fd, text, length);
        if (r < 0)
                return st_error_code(err, r, "write %s/%s", l->dir, name);
        if (renameat(l->dir_fd, name, l->dir_fd, l->name) < 0)
                return st_error_sys(err, "replace the ledger of CPUs %s/%s", l->dir, l->name);
        *ret_fd = st_take_fd(fd);
        return 0;
}

int ledger_write(struct rt_ledger *l, struct ledger_state *state, struct st_error *err) {
        char name[NAME_MAX + 1];
        size_t length;
        st_autofree char *text = ledger_print(state, l->boot_id, &length);
        int new_fd = -1, r;

        if (!text)
                return st_error_set(err, -ENOMEM, "write the ledger of CPUs");
        if (snprintf(name, sizeof name, "%s.new", l->name) >= (int)sizeof name)
                return st_error_code(err, -ENAMETOOLONG, "write %s/%s", l->dir, l->name);
        r = write_new(l, name, text, length, &new_fd, err);
        if (r < 0)
                return r;
        (void)st_close(l->lock_fd);
        l->lock_fd = new_fd;
        state->changed = false;
        state->written = true;
        return 0;
}

void ledger_state_deinit(struct ledger_state *state) {
        st_arena_free(state->arena);
        *state = (struct ledger_state) {0};
}

/* ---- waiting for a change ---- */

int ledger_watch(struct rt_ledger *l, struct st_error *err) {
        st_autoclose int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

        if (fd < 0 || inotify_add_watch(fd, l->dir, IN_MOVED_TO) < 0)
                return st_error_sys(err, "watch %s for CPUs that are given back", l->dir);
        return st_take_fd(fd);
}

int ledger_wait(int inotify_fd, unsigned msec) {
        struct pollfd fd = {.fd = inotify_fd, .events = POLLIN};
        char events[PATH_ROOM];
        int n = poll(&fd, 1, (int)msec);

        if (n < 0 && errno != EINTR)
                return -errno;
        while (read(inotify_fd, events, sizeof events) > 0)
                ; /* which file it was is not worth telling apart */
        return 0;
}
