/* request.h: what the program stint asks for, as it stands on descriptor 3 (runtime/cli/criu.h). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include <stint/arena.h>
#include <stint/error.h>

struct request {
        const char *id, *criu;
        const char *root, *bundle, *image_path, *work_path, *parent_path, *page_server,
                *manage_cgroups_mode, *lsm_profile, *lsm_mount_context; /* NULL: not given */
        int status_fd;                                                  /* -1: none */
        uint32_t empty_namespaces;                                      /* CLONE_NEW* */
        bool systemd_cgroup, leave_running, tcp_established, ext_unix_sk, shell_job, lazy_pages,
                file_locks, pre_dump, auto_dedup, no_pivot, console_socket;
};

/* Strings are borrowed from @arena. */
int request_read(int fd, struct st_arena *arena, struct request *ret_request,
                 struct st_error *err) st_must_check;
