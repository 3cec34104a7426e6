/* criu.h: checkpoint and restore are done by a helper, stint-criu, so that no other verb pays for
 * criu's protocol.
 *
 * The helper is run as
 *
 *     ST_LIBEXEC_DIR/stint-criu checkpoint|restore ST_VERSION
 *
 * and refuses a version that is not its own. Its descriptors:
 *
 *     0, 1, 2   the caller's; `restore` hands them to the task
 *     3         the request, a regular file at its beginning: a JSON object, see below
 *     4         a pipe: on failure one struct st_error, in one write; nothing on success
 *     5         with "consoleSocket": the connected socket that gets the terminal's master
 *
 * It ends with 0, or 1 after it wrote to descriptor 4, and leaves the logging to us. The members
 * of the request:
 *
 *     string, always    id, criu (path of the program)
 *     string, or none   root (state directory), bundle, imagePath, workPath, parentPath,
 *                       pageServer, manageCgroupsMode, lsmProfile, lsmMountContext
 *     number, or none   statusFd (inherited under this number)
 *     array of strings  emptyNamespaces
 *     bool, always      systemdCgroup, leaveRunning, tcpEstablished, extUnixSk, shellJob,
 *                       lazyPages, fileLocks, preDump, autoDedup, noPivot, consoleSocket
 *
 * checkpoint: the container runs. The helper opens it with rt_container_open(); a dump that does
 * not leave it running retires it too.
 *
 * restore: the id is free. The helper makes the container from the bundle and leaves it running.
 * Its init is orphaned when criu ends, and comes to us: we are a subreaper then. */
#pragma once
#include "cli.h"

struct cli_criu {
        const char *verb; /* "checkpoint", "restore" */
        const char *id;
        const char *image_path, *work_path, *parent_path, *page_server, *manage_cgroups_mode,
                *lsm_profile, *lsm_mount_context, *bundle;
        struct cli_list empty_namespaces;
        struct st_optional_i64 status_fd;
        bool leave_running, tcp_established, ext_unix_sk, shell_job, lazy_pages, file_locks,
                pre_dump, auto_dedup, no_pivot;
        int console_socket_fd; /* -1: none */
};

/* Run the helper and wait for it. Errors: kind CRIU when criu or the helper is not installed, or
 * what the helper says. */
int cli_criu_run(const struct cli *cli, const struct cli_criu *request,
                 struct st_error *err) st_must_check;

/* clang-format off */
#define CLI_CRIU_OPTIONS(c) /* of both verbs */ \
        {"image-path", 0, CLI_TEXT(&(c)->image_path), "DIR", "the image (default: ./checkpoint)"}, \
        {"work-path", 0, CLI_TEXT(&(c)->work_path), "DIR", "criu's work files and logs"}, \
        {"tcp-established", 0, CLI_FLAG(&(c)->tcp_established), "open TCP connections are allowed"}, \
        {"ext-unix-sk", 0, CLI_FLAG(&(c)->ext_unix_sk), "Unix sockets to outside are allowed"}, \
        {"shell-job", 0, CLI_FLAG(&(c)->shell_job), "the caller's terminal is allowed"}, \
        {"file-locks", 0, CLI_FLAG(&(c)->file_locks), "file locks are allowed"}, \
        {"lazy-pages", 0, CLI_FLAG(&(c)->lazy_pages), "move memory when it is touched"}, \
        {"auto-dedup", 0, CLI_FLAG(&(c)->auto_dedup), "drop memory images that are superseded"}, \
        {"empty-ns", 0, CLI_LIST(&(c)->empty_namespaces), "KIND", "leave it empty (repeatable)"}, \
        {"manage-cgroups-mode", 0, CLI_TEXT(&(c)->manage_cgroups_mode), "MODE", \
         "soft (default), full, strict, ignore"}
/* clang-format on */
