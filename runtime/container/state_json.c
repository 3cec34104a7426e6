/* The state as the spec shows it: for `state`, for hooks on their standard input, for seccomp
 * agents. */
#include "runtime.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <stint/cleanup.h>
#include <stint/fs.h>
#include <stint/json.h>

static void write_annotations(const struct rt_record *record, struct st_json_writer *w) {
        if (!record->n_annotations)
                return;
        st_json_open_object(w, "annotations");
        for (size_t i = 0; i < record->n_annotations; i++)
                st_json_string(w, record->annotations[i].key, record->annotations[i].value);
        st_json_close_object(w);
}

/* Spec, "State": the five required members and annotations. */
static void write_spec_state(const struct rt_record *record, const char *status, pid_t pid,
                             struct st_json_writer *w, const char *key) {
        st_json_open_object(w, key);
        st_json_string(w, "ociVersion", record->oci_version);
        st_json_string(w, "id", record->id);
        st_json_string(w, "status", status);
        if (pid)
                st_json_int(w, "pid", pid);
        st_json_string(w, "bundle", record->bundle);
        write_annotations(record, w);
        st_json_close_object(w);
}

int rt_container_write_state(struct rt_container *container, struct st_json_writer *w,
                             const char *key, struct st_error *err) {
        const struct rt_record *record = &container->record;
        enum rt_status status;
        int r = rt_container_status(container, &status, err);

        if (r < 0)
                return r;
        st_json_open_object(w, key);
        st_json_string(w, "ociVersion", record->oci_version);
        st_json_string(w, "id", record->id);
        st_json_int(w, "pid", status == RT_STATUS_STOPPED ? 0 : record->pid);
        st_json_string(w, "status", rt_status_name(status));
        st_json_string(w, "bundle", record->bundle);
        st_json_string(w, "rootfs", record->rootfs);
        st_json_string(w, "created", record->created);
        write_annotations(record, w);
        st_json_string(w, "owner", record->owner);
        st_json_close_object(w);
        return 0;
}

/* spec, "The Container Process State": what a seccomp agent gets beside the descriptor */
static void write_seccomp_state(const struct rt_record *record, const char *status,
                                const char *metadata, struct st_json_writer *w) {
        st_json_open_object(w, NULL);
        st_json_string(w, "ociVersion", record->oci_version);
        st_json_open_array(w, "fds");
        st_json_string(w, NULL, "seccompFd");
        st_json_close_array(w);
        st_json_int(w, "pid", record->pid);
        st_json_string(w, "metadata", metadata);
        write_spec_state(record, status, record->pid, w, "state");
        st_json_close_object(w);
}

static int fill(int memfd, struct st_json_writer *w, struct st_error *err) {
        const char *text;
        size_t length;
        int r = st_json_writer_finish(w, &text, &length, err);

        if (r < 0)
                return r;
        if (ftruncate(memfd, 0) < 0 || lseek(memfd, 0, SEEK_SET) < 0)
                return st_error_sys(err, "write the state");
        r = st_write_all(memfd, text, length);
        return r < 0 ? st_error_code(err, r, "write the state") : 0;
}

int rt_state_fill(struct rt_container *container, int memfd, const char *status, pid_t pid,
                  struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);

        if (!w)
                return st_error_set(err, -ENOMEM, "write the state");
        write_spec_state(&container->record, status, pid, w, NULL);
        return fill(memfd, w, err);
}

int rt_state_fill_seccomp(struct rt_container *container, int memfd, const char *status,
                          const char *metadata, struct st_error *err) {
        st_cleanup(st_json_writer_freep) struct st_json_writer *w =
                st_json_writer_new(ST_JSON_COMPACT);

        if (!w)
                return st_error_set(err, -ENOMEM, "write the state");
        write_seccomp_state(&container->record, status, metadata, w);
        return fill(memfd, w, err);
}

int rt_state_memfd(struct st_error *err) {
        int fd = memfd_create("stint-state", MFD_CLOEXEC);

        return fd < 0 ? st_error_sys(err, "make a memfd for the state") : fd;
}
