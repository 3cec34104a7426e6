#include "streams.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/idmap.h>
#include <stint/json.h>

#define FILE_NAME "descriptors.json"

enum { MAX_SIZE = 64 << 10 };

/* ---- dump ---- */

/* "mnt_id:" of /proc/<pid>/fdinfo/<fd> (Linux 3.15); -1: unknown. */
static int mount_of(pid_t pid, int fd) {
        st_autofree char *text = NULL;
        const char *line;
        char path[64];

        (void)snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)pid, fd);
        if (st_read_file_at(AT_FDCWD, path, MAX_SIZE, &text, NULL, NULL) < 0)
                return -1;
        line = strstr(text, "mnt_id:");
        return line ? (int)strtol(line + strlen("mnt_id:"), NULL, 10) : -1;
}

/* Is the mount one of the container's? Field 1 of mountinfo (proc(5)). */
static bool is_inside(const char *mountinfo, int mount_id) {
        for (const char *line = mountinfo; line;
             line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                if (strtol(line, NULL, 10) == mount_id)
                        return true;
        return false;
}

/* A file of the host that was handed in: /dev/null, or a log. criu finds no mount for it unless it
 * is told that it is external, under the name file[mount:inode]. Devices and regular files only:
 * pipes and sockets have no mount. */
static void describe(struct call *call, const char *mountinfo, pid_t pid, int fd, char *text,
                     size_t size) {
        char path[64];
        struct stat st;
        int mount_id;
        ssize_t n;

        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
        n = readlink(path, text, size - 1);
        text[n < 0 ? 0 : n] = 0; /* closed: an empty string, which nothing is put in place of */
        if (stat(path, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)))
                return;
        mount_id = mount_of(pid, fd);
        if (mount_id < 0 || is_inside(mountinfo, mount_id))
                return;
        (void)snprintf(text, size, "file[%x:%" PRIx64 "]", (unsigned)mount_id, (uint64_t)st.st_ino);
        call_add_external(call, text);
}

int streams_save(struct call *call, pid_t pid, struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);
        st_autofree char *mountinfo = NULL;
        char text[PATH_MAX];
        const char *json;
        size_t length;
        int r;

        if (!w)
                return st_error_set(err, -ENOMEM, "write " FILE_NAME);
        (void)snprintf(text, sizeof text, "/proc/%d/mountinfo", (int)pid);
        r = st_read_file_at(AT_FDCWD, text, 16 << 20, &mountinfo, NULL, err);
        if (r < 0)
                return r;
        st_json_open_array(w, NULL);
        for (int fd = 0; fd <= 2; fd++) {
                describe(call, mountinfo, pid, fd, text, sizeof text);
                st_json_string(w, NULL, text);
        }
        st_json_close_array(w);
        r = st_json_writer_finish(w, &json, &length, err);
        return r < 0 ? r
                     : st_replace_file_at(call_images_fd(call), FILE_NAME, json, length, 0600, err);
}

/* ---- restore ---- */

static bool is_from_outside(const char *name) {
        return strstr(name, "pipe:") || !strncmp(name, "file[", 5);
}

/* One pipe for standard output and error: the first number counts, as it did for the pipe. */
static bool is_there(const struct call *call, const char *name) {
        for (size_t i = 0; i < call->opts.n_inherit_fd; i++)
                if (!strcmp(call->opts.inherit_fd[i]->key, name))
                        return true;
        return false;
}

/* criu opens a file again, with the rights of the user namespace's root; as a creation does, the
 * task's user gets it. What cannot be given away may be open to that user all the same. */
static void give(const struct st_spec *spec, int fd) {
        int64_t uid = rt_idmap_to_host(&spec->linux_.uid_mappings,
                                       spec->process ? spec->process->user.uid : 0);
        struct stat st;

        if (spec->linux_.namespaces[ST_NS_USER].wanted && uid >= 0 && fstat(fd, &st) == 0 &&
            S_ISREG(st.st_mode))
                (void)!fchown(fd, (uid_t)uid, (gid_t)-1);
}

int streams_provide(struct call *call, const struct st_spec *spec, struct st_error *err) {
        st_autofree char *text = NULL;
        const struct st_json *root;
        size_t length;
        int fd = 0,
            r = st_read_file_at(call_images_fd(call), FILE_NAME, MAX_SIZE, &text, &length, err);

        if (r >= 0)
                r = st_json_parse(call->arena, FILE_NAME, text, length, &root, err);
        if (r < 0)
                return st_error_prefix(err, r, "the image has no " FILE_NAME " that can be read");
        ST_JSON_FOREACH (name, root) {
                if (name->type != ST_JSON_STRING || fd > 2)
                        return st_error_set(err, -EINVAL, FILE_NAME ": not three strings");
                if (is_from_outside(name->text) && !is_there(call, name->text)) {
                        call_add_inherited(call, name->text, fd);
                        give(spec, fd);
                }
                fd++;
        }
        return 0;
}
