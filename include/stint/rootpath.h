/* include/stint/rootpath.h: names inside a root that a container may have written.
 *
 * Every name is resolved below @root_fd: absolute symlinks and ".." stay inside (openat2
 * RESOLVE_IN_ROOT, Linux 5.6). Where openat2 is missing or blocked by a filter, each component is
 * opened by descriptor with O_NOFOLLOW and symlinks are followed by hand, so there is no name left
 * to race with. Magic links are never followed. Async-signal-safe: no allocation. All return a
 * descriptor or a negative errno. */
#pragma once
#include <sys/types.h>

/* Open an existing name. @flags: O_PATH, O_RDONLY ...; O_CLOEXEC is added. */
int rt_root_open(int root_fd, const char *path, int flags);
/* mkdir -p inside the root, then O_PATH|O_DIRECTORY. */
int rt_root_mkdir_p(int root_fd, const char *path, mode_t mode);
/* The parent directory (made when missing), as O_PATH|O_DIRECTORY; *ret_name points to the last
 * component in @path's copy inside @name_buf (NAME_MAX + 1 bytes). -EINVAL for "/" or a last
 * component "." or "..". */
int rt_root_open_parent(int root_fd, const char *path, mode_t mode, char *name_buf);
/* An existing file, or an empty regular one made there (with parents), as O_PATH. */
int rt_root_create_file(int root_fd, const char *path, mode_t mode);
