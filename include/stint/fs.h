/* include/stint/fs.h: whole small files, by directory descriptor. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#include <stint/error.h>

/**
 * Read a file whole (also /proc and /sys files, whose size reads 0). dir_fd may be AT_FDCWD.
 * @max       refuse more than this many bytes (-EFBIG)
 * @ret_text  NUL-terminated, the caller frees it
 */
int st_read_file_at(int dir_fd, const char *path, size_t max, char **ret_text, size_t *ret_length,
                    struct st_error *err) st_must_check;
/* Read all of an open descriptor from where it stands. */
int st_read_fd(int fd, size_t max, char **ret_text, size_t *ret_length);
/* Open an existing file and write @text with one write(2): for /proc, /sys and cgroup files.
 * Negative errno. */
int st_write_knob_at(int dir_fd, const char *path, const char *text);
/* Replace a file atomically (temporary name beside it, rename). Not synced: our state lives on
 * tmpfs. */
int st_replace_file_at(int dir_fd, const char *name, const void *data, size_t length, mode_t mode,
                       struct st_error *err) st_must_check;
/* mkdir -p below dir_fd; follows symlinks: for host paths only, never inside a rootfs. */
int st_mkdir_p_at(int dir_fd, const char *path, mode_t mode);
/* write(2) until all is written. */
int st_write_all(int fd, const void *data, size_t length);
/* Remove a directory tree without following symlinks. -ENOENT when it is not there. */
int st_remove_tree_at(int dir_fd, const char *name);
