#include "journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/json.h>

enum { FILE_MAX = 1 << 20, SWEEP_MSEC = 2000, NUMBERS_MAX = 100000 };

/* ---- what dead keepers left ---- */

static int load_group(int fd, const char *name, struct rt_cgroup **ret_group) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(4096);
        st_autofree char *text = NULL;
        const struct st_json *root;
        size_t length;
        int r = arena ? st_read_fd(fd, FILE_MAX, &text, &length) : -ENOMEM;

        if (r >= 0)
                r = st_json_parse(arena, name, text, length, &root, NULL);
        if (r >= 0)
                r = rt_cgroup_load(st_json_get(root, "cgroup"), ret_group, NULL);
        return r;
}

static void sweep_one(int dir_fd, const char *name, unsigned timeout_msec) {
        st_autoclose int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        st_cleanup(rt_cgroup_freep) struct rt_cgroup *group = NULL;

        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
                return; /* its keeper lives, or somebody else sweeps it */
        /* one that was cut off while it was written: nothing had been made */
        if (load_group(fd, name, &group) >= 0 && rt_cgroup_destroy(group, timeout_msec, NULL) < 0)
                return;
        (void)unlinkat(dir_fd, name, 0);
}

void rt_journal_sweep(int dir_fd, unsigned timeout_msec) {
        int copy_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        st_autoclosedir DIR *dir = copy_fd < 0 ? NULL : fdopendir(copy_fd);
        const struct dirent *entry;

        if (!dir) {
                (void)st_close(copy_fd);
                return;
        }
        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        sweep_one(dir_fd, entry->d_name, timeout_msec);
}

/* ---- our own ---- */

/* Made under a name that is not looked at, and locked before it gets its own. */
static int make_file(struct rt_journal *journal, const char *name, struct st_error *err) {
        journal->file_fd = openat(journal->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (journal->file_fd < 0)
                return st_error_sys(err, "make the journal of pool %s", name);
        if (flock(journal->file_fd, LOCK_EX) < 0)
                return st_error_sys(err, "lock the journal of pool %s", name);
        for (unsigned i = 0; i < NUMBERS_MAX; i++) {
                st_autofree char *file = NULL;
                struct stat st;

                if (asprintf(&file, "%s-%d-%u", name, (int)getpid(), i) < 0)
                        return st_error_set(err, -ENOMEM, "name pool %s", name);
                if (fstatat(journal->dir_fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
                        continue;
                journal->file = st_take(file);
                return 0;
        }
        return st_error_set(err, -EEXIST, "too many pools are called %s", name);
}

static int publish(struct rt_journal *journal, struct st_error *err) {
        char path[48];

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", journal->file_fd);
        if (linkat(AT_FDCWD, path, journal->dir_fd, journal->file, AT_SYMLINK_FOLLOW) < 0)
                return st_error_sys(err, "name the journal %s", journal->file);
        return 0;
}

static int write_group(const struct rt_journal *journal, struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        const char *text;
        size_t length;
        int r;

        if (!w)
                return st_error_set(err, -ENOMEM, "write the journal %s", journal->file);
        st_json_open_object(w, NULL);
        st_json_uint(w, "version", 1);
        rt_cgroup_save(journal->group, w, "cgroup");
        st_json_close_object(w);
        r = st_json_writer_finish(w, &text, &length, err);
        if (r < 0)
                return r;
        r = st_write_all(journal->file_fd, text, length);
        return r < 0 ? st_error_code(err, r, "write the journal %s", journal->file) : 0;
}

/* linux.cgroupsPath says below what; else it is beside the caller's own. */
static int plan_group(struct rt_journal *journal, const struct rt_blueprint *blueprint,
                      struct st_error *err) {
        const char *below = rt_blueprint_spec(blueprint)->linux_.cgroups_path;
        int r;

        if (asprintf(&journal->path, "%s%sstint-%s", below ? below : "", below ? "/" : "",
                     journal->file) < 0) {
                journal->path = NULL;
                return st_error_set(err, -ENOMEM, "plan the pool's cgroup");
        }
        r = rt_blueprint_plan_cgroup(blueprint, journal->path, false, &journal->group, err);
        if (r >= 0)
                rt_cgroup_claim(journal->group);
        return r;
}

static int make(struct rt_journal *journal, struct rt_runtime *runtime,
                const struct rt_blueprint *blueprint, const char *name, struct st_error *err) {
        int r = rt_runtime_open_dir(runtime, ".pool", &journal->dir_fd, err);

        if (r < 0)
                return r;
        rt_journal_sweep(journal->dir_fd, SWEEP_MSEC);
        r = make_file(journal, name, err);
        if (r >= 0)
                r = plan_group(journal, blueprint, err);
        if (r >= 0)
                r = write_group(journal, err);
        return r < 0 ? r : publish(journal, err);
}

static void release(struct rt_journal *journal) {
        (void)st_close(journal->dir_fd);
        (void)st_close(journal->file_fd);
        free(journal->file);
        free(journal->path);
        rt_cgroup_free(journal->group);
        *journal = (struct rt_journal) {.dir_fd = -1, .file_fd = -1};
}

int rt_journal_open(struct rt_runtime *runtime, const struct rt_blueprint *blueprint,
                    const char *name, struct rt_journal *ret_journal, struct st_error *err) {
        struct rt_journal journal = {.dir_fd = -1, .file_fd = -1};
        int r = make(&journal, runtime, blueprint, name, err);

        if (r < 0) {
                release(&journal);
                return r;
        }
        *ret_journal = journal;
        return 0;
}

void rt_journal_close(struct rt_journal *journal, unsigned timeout_msec) {
        if (journal->group && rt_cgroup_destroy(journal->group, timeout_msec, NULL) >= 0)
                (void)unlinkat(journal->dir_fd, journal->file, 0);
        release(journal);
}
