#include "runtime.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <stint/blueprint.h>
#include <stint/cgroup.h>
#include <stint/cleanup.h>
#include <stint/fs.h>

/* As runc decides: root in a user namespace has it when it does not call itself root. */
static const char *xdg_runtime_dir(void) {
        const char *dir = getenv("XDG_RUNTIME_DIR"), *user = getenv("USER");

        if (!dir || !*dir)
                return NULL;
        if (geteuid() == 0 && (!rt_in_user_namespace() || (user && !strcmp(user, "root"))))
                return NULL;
        return dir;
}

static int default_root(struct rt_runtime *runtime) {
        const char *dir = xdg_runtime_dir();

        runtime->root_is_xdg = dir;
        if (!dir)
                runtime->root = strdup("/run/stint");
        else if (asprintf(&runtime->root, "%s/stint", dir) < 0)
                runtime->root = NULL;
        return runtime->root ? 0 : -ENOMEM;
}

static int absolute_path(const char *root, char **ret_root, struct st_error *err) {
        char cwd[PATH_MAX];

        if (root[0] == '/')
                *ret_root = strdup(root);
        else {
                if (!getcwd(cwd, sizeof cwd))
                        return st_error_sys(err, "find the working directory");
                if (asprintf(ret_root, "%s/%s", cwd, root) < 0)
                        *ret_root = NULL;
        }
        return *ret_root ? 0 : st_error_set(err, -ENOMEM, "open the runtime");
}

int rt_runtime_open(const struct rt_runtime_options *options, struct rt_runtime **ret_runtime,
                    struct st_error *err) {
        st_cleanup(rt_runtime_freep) struct rt_runtime *runtime = calloc(1, sizeof *runtime);
        int r;

        if (!runtime)
                return st_error_set(err, -ENOMEM, "open the runtime");
        runtime->root_fd = -1;
        runtime->systemd_cgroup = options->systemd_cgroup;
        runtime->rootless = options->rootless;
        r = absolute_path(options->placement_config ? options->placement_config
                                                    : "/etc/stint/placement.conf",
                          &runtime->placement_config, err);
        if (r < 0)
                return st_error_prefix(err, r, "placement configuration");
        runtime->warn = options->warn;
        runtime->warn_data = options->warn_data;
        r = options->root && *options->root ? absolute_path(options->root, &runtime->root, err)
                                            : default_root(runtime);
        if (r < 0)
                return st_error_prefix(err, r, "state directory");
        *ret_runtime = st_take(runtime);
        return 0;
}

struct rt_runtime *rt_runtime_free(struct rt_runtime *runtime) {
        if (!runtime)
                return NULL;
        (void)st_close(runtime->root_fd);
        free(runtime->root);
        free(runtime->placement_config);
        free(runtime);
        return NULL;
}

int rt_runtime_open_root(struct rt_runtime *runtime, bool create, struct st_error *err) {
        if (runtime->root_fd >= 0)
                return 0;
        runtime->root_fd = open(runtime->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (runtime->root_fd < 0 && errno == ENOENT && create) {
                int r = st_mkdir_p_at(AT_FDCWD, runtime->root, 0700);
                if (r < 0)
                        return st_error_code(err, r, "make the state directory %s", runtime->root);
                if (runtime->root_is_xdg &&
                    chmod(runtime->root, 01700) <
                            0) /* XDG base directories: sticky is not cleaned up */
                        return st_error_sys(err, "make the state directory %s", runtime->root);
                runtime->root_fd = open(runtime->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        }
        if (runtime->root_fd < 0)
                return st_error_sys(err, "open the state directory %s", runtime->root);
        return 0;
}

int rt_runtime_root(struct rt_runtime *runtime, const char **ret_path, struct st_error *err) {
        int r = rt_runtime_open_root(runtime, true, err);

        if (r >= 0)
                *ret_path = runtime->root;
        return r;
}

int rt_runtime_open_dir(struct rt_runtime *runtime, const char *name, int *ret_fd,
                        struct st_error *err) {
        st_autoclose int fd = -1;
        int r = rt_runtime_open_root(runtime, true, err);

        if (r < 0)
                return r;
        if (mkdirat(runtime->root_fd, name, 0700) < 0 && errno != EEXIST)
                return st_error_sys(err, "make %s/%s", runtime->root, name);
        fd = openat(runtime->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return st_error_sys(err, "open %s/%s", runtime->root, name);
        *ret_fd = st_take_fd(fd);
        return 0;
}

void rt_runtime_warn(const struct rt_runtime *runtime, const char *fmt, ...) {
        char text[500];
        va_list ap;

        if (!runtime->warn)
                return;
        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        runtime->warn(runtime->warn_data, text);
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **free_names(char **names) {
        for (char **p = names; p && *p; p++)
                free(*p);
        free(names);
        return NULL;
}

static int read_names(DIR *dir, char ***ret_names) {
        char **names = calloc(1, sizeof *names);
        const struct dirent *entry;
        size_t n = 0;

        while (names && (entry = readdir(dir))) {
                char **bigger;
                if (entry->d_name[0] == '.')
                        continue; /* our own files, never ids of containers that are complete */
                bigger = reallocarray(names, n + 2, sizeof *names);
                if (!bigger)
                        break;
                names = bigger;
                names[n + 1] = NULL;
                names[n] = strdup(entry->d_name);
                if (!names[n++])
                        break;
        }
        if (!names || (n && !names[n - 1])) {
                free_names(names);
                return -ENOMEM;
        }
        qsort(names, n, sizeof *names, compare_names);
        *ret_names = names;
        return 0;
}

int rt_runtime_list(struct rt_runtime *runtime, char ***ret_ids, struct st_error *err) {
        st_autoclosedir DIR *dir = opendir(runtime->root);
        int r;

        if (!dir && errno == ENOENT) {
                *ret_ids = calloc(1, sizeof **ret_ids);
                return *ret_ids ? 0 : st_error_set(err, -ENOMEM, "list");
        }
        if (!dir)
                return st_error_sys(err, "open the state directory %s", runtime->root);
        r = read_names(dir, ret_ids);
        return r < 0 ? st_error_code(err, r, "list %s", runtime->root) : 0;
}
