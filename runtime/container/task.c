#include "home.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <stint/cleanup.h>
#include <stint/rootpath.h>
#include <stint/syscall.h>
#include <stint/task.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- parent ---- */

static const char *env_value(char *const *env, const char *name) {
        size_t n = strlen(name);

        for (; *env; env++)
                if (!strncmp(*env, name, n) && (*env)[n] == '=')
                        return *env + n + 1;
        return NULL;
}

const char *rt_task_path(char *const *env) {
        const char *path = env_value(env, "PATH");

        return path ? path : DEFAULT_PATH;
}

static int plan_env(struct st_arena *arena, unsigned listen_fds, struct rt_task *task) {
        const struct st_process *process = task->process;
        char **env = st_arena_array(arena, process->n_env + 4, sizeof *env);
        const char *home;
        size_t n = process->n_env;

        if (!env)
                return -ENOMEM;
        if (n)
                memcpy(env, process->env, n * sizeof *env);
        if (listen_fds) {
                char *pid = st_arena_printf(arena, "LISTEN_PID=%20s", "");
                env[n++] = st_arena_printf(arena, "LISTEN_FDS=%u", listen_fds);
                env[n++] = pid;
                if (!env[n - 2] || !pid)
                        return -ENOMEM;
                task->listen_pid = pid + strlen("LISTEN_PID=");
        }
        home = env_value(env, "HOME");
        if (!home) {
                env[n] = st_arena_alloc(arena, strlen("HOME=") + RT_HOME_MAX);
                if (!env[n])
                        return -ENOMEM;
                strcpy(env[n], "HOME=");
                task->home = env[n] + strlen("HOME=");
        }
        task->envp = env;
        return 0;
}

/* Whoever counts wrong must not be given what the runtime has opened meanwhile, all of which closes
 * on exec; what came through an exec cannot do so. */
static int check_preserved(unsigned n, struct st_error *err) {
        for (unsigned i = 0; i < n; i++) {
                int flags = fcntl((int)(3 + i), F_GETFD);

                if (flags < 0 || (flags & FD_CLOEXEC))
                        return st_error_kind(
                                err,
                                st_error_set(err, -EBADF,
                                             "descriptor %u is to be passed on, but is not open",
                                             3 + i),
                                ST_CODE_USAGE);
        }
        return 0;
}

int rt_task_plan(struct st_arena *arena, const struct st_process *process, unsigned preserve_fds,
                 unsigned listen_fds, struct rt_task *ret_task, struct st_error *err) {
        struct rt_task task = {
                .process = process,
                .caps = process->caps,
                .argv = process->args,
                .last_cap = rt_caps_last(),
                .n_preserve = preserve_fds + listen_fds,
                .seccomp_socket_fd = -1,
                .state_fd = -1,
                .proc_fd = -1,
                .reaper_fd = -1,
                .report_fd = -1,
        };
        int r;

        if (!process->n_args)
                return st_error_kind(err, st_error_set(err, -EINVAL, "process.args is empty"),
                                     ST_CODE_CONFIG_INVALID);
        r = check_preserved(task.n_preserve, err);
        if (r < 0)
                return r;
        if (plan_env(arena, listen_fds, &task) < 0)
                return st_error_set(err, -ENOMEM, "plan the environment");
        task.path = rt_task_path(task.envp);
        *ret_task = task;
        return 0;
}

int rt_task_plan_reaper(struct st_arena *arena, int reaper_fd, int report_fd, struct rt_task *task,
                        struct st_error *err) {
        size_t n = task->process->n_args;
        char **argv = st_arena_array(arena, n + 4, sizeof *argv);

        if (!argv)
                return st_error_set(err, -ENOMEM, "plan the reaper");
        argv[0] = (char *)"stint-init";
        argv[1] = st_arena_printf(arena, "%d", report_fd);
        if (!argv[1])
                return st_error_set(err, -ENOMEM, "plan the reaper");
        memcpy(argv + 3, task->argv, n * sizeof *argv);
        task->reaper_argv = argv;
        task->reaper_fd = reaper_fd;
        task->report_fd = report_fd;
        return 0;
}

/* ---- child ---- */

static void take_lower(int *lowest, const int *fds, size_t n, int from) {
        for (size_t i = 0; i < n; i++)
                if (fds[i] >= from && (*lowest < 0 || fds[i] < *lowest))
                        *lowest = fds[i];
}

/* Close-on-exec comes too late: execve(2) and chdir(2) resolve "/proc/self/fd/N/../bin/sh" before,
 * through a descriptor that leads to the machine (CVE-2024-21626). So what lies between the few
 * that are needed is closed first. */
int rt_task_close_others(const struct rt_task *task, const int *keep, size_t n_keep,
                         struct st_error *err) {
        const int own[] = {task->state_fd, task->seccomp_socket_fd, task->reaper_fd,
                           task->report_fd};
        int from = (int)(3 + task->n_preserve);

        for (;;) {
                int lowest = -1;

                take_lower(&lowest, keep, n_keep, from);
                take_lower(&lowest, own, sizeof own / sizeof *own, from);
                if (lowest != from &&
                    st_close_range((unsigned)from, lowest < 0 ? ~0U : (unsigned)lowest - 1, 0) < 0)
                        return st_error_sys(err, "close the caller's descriptors");
                if (lowest < 0)
                        return 0;
                from = lowest + 1;
        }
}

static int need_proc(struct rt_task *task, struct st_error *err) {
        if (task->proc_fd >= 0)
                return 0;
        task->proc_fd = rt_proc_open();
        return task->proc_fd < 0 ? st_error_code(err, task->proc_fd, "open a procfs") : 0;
}

static int apply_attributes(struct rt_task *task, struct st_error *err) {
        const struct st_process *process = task->process;
        int r = 0;

        if (process->has_oom_score_adj) {
                r = need_proc(task, err);
                if (r >= 0)
                        r = rt_oom_score_adj_apply(task->proc_fd, process->oom_score_adj, err);
        }
        if (r >= 0 && task->keyring_id) {
                if (process->selinux_label)
                        r = need_proc(task, err);
                if (r >= 0)
                        r = rt_keyring_join(task->proc_fd, task->keyring_id, process->selinux_label,
                                            err);
        }
        if (r >= 0 && process->scheduler)
                r = rt_scheduler_apply(process->scheduler, err);
        if (r >= 0 && process->io_priority)
                r = rt_io_priority_apply(process->io_priority, err);
        if (r >= 0 && task->memory_policy)
                r = rt_memory_policy_apply(task->memory_policy, err);
        if (r >= 0 && task->personality)
                r = rt_personality_apply(task->personality, err);
        return r < 0 ? r : rt_rlimits_apply(process, err);
}

/* A task that is not root opens its own /dev/stdout; pipes and files of the caller belong to root.
 * What cannot be given away (a read-only file system, an unmapped owner) stays as it is: it can be
 * written all the same. */
static void give_stdio(const struct st_user *user) {
        struct stat st;

        for (int fd = 0; fd <= 2; fd++) {
                if (fstat(fd, &st) < 0 || st.st_uid == user->uid)
                        continue;
                /* everybody's; by its number, since the container may have replaced what is at
                 * /dev/null (CVE-2026-88265) */
                if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
                        continue;
                (void)!fchown(fd, user->uid, (gid_t)-1);
        }
}

/* mkdir -p for process.cwd, as every peer does. Not through magic links: /proc/1/root may be the
 * machine's. */
static void make_cwd(const char *cwd) {
        st_autoclose int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (root_fd >= 0)
                (void)st_close(rt_root_mkdir_p(
                        root_fd, cwd,
                        0755)); /* what cannot be made is told by the chdir that follows */
}

/* A working directory outside the root, reached through an inherited descriptor (CVE-2024-21626),
 * reads
 * "(unreachable)/..." from the raw system call; libc's getcwd(3) would hide that. */
static int check_cwd(const char *cwd, struct st_error *err) {
        char now[PATH_MAX];

        if (syscall(SYS_getcwd, now, sizeof now) < 0)
                return errno == ERANGE ? 0 : st_error_sys(err, "process.cwd %s", cwd);
        if (now[0] != '/')
                return st_error_set(err, -ENOENT, "process.cwd %s is outside of the container",
                                    cwd);
        return 0;
}

static int enter_cwd(const char *cwd, struct st_error *err) {
        if (chdir(cwd) < 0)
                return st_error_sys(err, "chdir to cwd (\"%s\") set in config.json failed", cwd);
        return check_cwd(cwd, err);
}

/* As root first, since only root may make it; as the user again when root may not enter (NFS,
 * root_squash). */
static int settle_cwd(const char *cwd, bool *ret_again, struct st_error *err) {
        struct stat st;

        *ret_again = false;
        if (stat(cwd, &st) < 0 && errno == ENOENT)
                make_cwd(cwd);
        if (chdir(cwd) < 0 && errno == EACCES) {
                *ret_again = true;
                return 0;
        }
        return enter_cwd(cwd, err);
}

/* A user namespace with a map of one id that its owner wrote himself (user_namespaces(7)): nobody
 * in it can give up groups. */
static bool setgroups_is_denied(struct rt_task *task) {
        st_autoclose int fd = -1;
        char text[8] = "";

        if (need_proc(task, NULL) < 0)
                return false;
        fd = openat(task->proc_fd, "self/setgroups", O_RDONLY | O_CLOEXEC);
        return fd >= 0 && read(fd, text, sizeof text - 1) > 0 && !strncmp(text, "deny", 4);
}

static int apply_user(struct rt_task *task, struct st_error *err) {
        const struct st_user *user = &task->process->user;
        int r;

        if (task->keep_groups && user->n_additional_gids)
                return st_error_set(err, -EPERM,
                                    "process.user.additionalGids: a user namespace with a map of "
                                    "one id has none");
        r = rt_user_apply(user, task->keep_groups, err);
        if (r == -EPERM && !task->keep_groups && !user->n_additional_gids &&
            setgroups_is_denied(task))
                r = rt_user_apply(user, true, err); /* we run in such a one already */
        return r;
}

static int become_user(struct rt_task *task, struct st_error *err) {
        const struct st_process *process = task->process;
        int r = rt_caps_drop_bounding(&task->caps, task->last_cap, err);

        if (r < 0)
                return r;
        if (process->user.uid != 0)
                give_stdio(&process->user);
        (void)umask(process->user.has_umask ? process->user.umask : 0022);
        if ((task->caps.present || task->seccomp) && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
                return st_error_sys(err, "keep capabilities");
        r = apply_user(task, err);
        if (r < 0)
                return r;
        /* setresuid cleared the effective set when it left uid 0; a changed uid also resets
         * "dumpable" to suid_dumpable */
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return st_error_sys(err, "become non-dumpable");
        return 0;
}

/* ---- the program ---- */

static int check_program(const char *path, struct st_error *err) {
        struct stat st;

        if (stat(path, &st) < 0)
                return st_error_sys(err, "stat %s", path);
        if (S_ISDIR(st.st_mode))
                return st_error_set(err, -EISDIR, "is a directory");
        if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0) {
                if (errno == ENOSYS || errno == EPERM)
                        return 0; /* execve will tell */
                return st_error_set(err, -errno,
                                    errno == EACCES ? "permission denied" : "cannot be executed");
        }
        return 0;
}

/* execvp's search, kept apart so that `create` can report what `start` would meet. */
static int search_path(struct rt_task *task, const char *name, struct st_error *err) {
        bool denied = false;

        for (const char *p = task->path;; p++) {
                size_t n = strcspn(p, ":");
                struct stat st;

                if (n + 1 + strlen(name) + 1 <= sizeof task->program) {
                        memcpy(task->program, n ? p : ".", n ? n : 1);
                        task->program[n ? n : 1] = '/';
                        strcpy(task->program + (n ? n : 1) + 1, name);
                        if (stat(task->program, &st) == 0 && S_ISREG(st.st_mode)) {
                                if (faccessat(AT_FDCWD, task->program, X_OK, AT_EACCESS) == 0)
                                        return 0;
                                denied = true;
                        }
                }
                p += n;
                if (!*p)
                        break;
        }
        if (denied)
                return st_error_set(err, -EACCES, "exec: \"%s\": permission denied", name);
        return st_error_set(err, -ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
}

static int find_program(struct rt_task *task, struct st_error *err) {
        const char *name = task->argv[0];
        int r;

        if (!strchr(name, '/'))
                return st_error_kind(err, search_path(task, name, err), ST_CODE_EXEC);
        if (strlen(name) >= sizeof task->program)
                return st_error_kind(
                        err,
                        st_error_set(err, -ENAMETOOLONG, "exec: \"%s\": file name too long", name),
                        ST_CODE_EXEC);
        strcpy(task->program, name);
        r = check_program(name, err);
        return r < 0 ? st_error_kind(err, st_error_prefix(err, r, "exec: \"%s\"", name),
                                     ST_CODE_EXEC)
                     : 0;
}

int rt_task_settle_in(struct rt_task *task, struct st_error *err) {
        const struct st_process *process = task->process;
        bool cwd_again;
        int r;

        if (!task->argv)
                return 0; /* a config without `process`: it can be created, and start will refuse */
        r = apply_attributes(task, err);

        if (r >= 0 && (process->apparmor_profile || process->selinux_label))
                r = need_proc(task, err); /* now: the task's root may hide /proc later on */
        if (r >= 0)
                r = settle_cwd(process->cwd, &cwd_again, err);
        if (r >= 0)
                r = become_user(task, err);
        if (r >= 0 && cwd_again)
                r = enter_cwd(process->cwd, err);
        if (r >= 0 && process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                r = st_error_sys(err, "set process.noNewPrivileges");
        if (r >= 0 && task->home)
                rt_home_find(process->user.uid, task->home, RT_HOME_MAX);
        return r < 0 ? r : find_program(task, err);
}

static int load_filter(struct rt_task *task, struct st_error *err) {
        st_autoclose int listener_fd = -1;
        struct stat st;
        char *state;
        int r;

        if (!task->seccomp)
                return 0;
        r = rt_seccomp_load(task->seccomp, err);
        if (r < 0 || !task->seccomp->notify)
                return r;
        listener_fd = r;
        if (task->seccomp_socket_fd < 0)
                return st_error_kind(
                        err,
                        st_error_set(err, -EINVAL,
                                     "linux.seccomp.listenerPath is needed for SCMP_ACT_NOTIFY"),
                        ST_CODE_SECCOMP);
        if (fstat(task->state_fd, &st) < 0)
                return st_error_sys(err, "read the state");
        state = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, task->state_fd, 0);
        if (state == MAP_FAILED)
                return st_error_sys(err, "read the state");
        return rt_seccomp_send_listener(task->seccomp_socket_fd, listener_fd, state,
                                        (size_t)st.st_size, err);
}

static int apply_caps(struct rt_task *task, struct st_error *err) {
        return rt_caps_apply(&task->caps, task->last_cap, err);
}

/* Leaving uid 0 emptied the effective set. */
static int regain_sys_admin(struct rt_task *task, struct st_error *err) {
        struct st_capabilities caps = task->caps;

        if (!task->seccomp || task->process->user.uid == 0)
                return 0;
        caps.effective |= UINT64_C(1) << CAP_SYS_ADMIN;
        caps.permitted |= UINT64_C(1) << CAP_SYS_ADMIN;
        return rt_caps_apply(&caps, task->last_cap, err);
}

/* A filter needs no_new_privs or CAP_SYS_ADMIN, so without the former it comes before the
 * capabilities go. */
static int confine(struct rt_task *task, struct st_error *err) {
        const struct st_process *process = task->process;
        int r = 0;

        if (process->apparmor_profile || process->selinux_label)
                r = rt_lsm_apply(task->proc_fd, process->apparmor_profile, process->selinux_label,
                                 err);
        if (r >= 0 && !process->no_new_privileges)
                r = regain_sys_admin(task, err);
        if (r >= 0)
                r = process->no_new_privileges ? apply_caps(task, err) : load_filter(task, err);
        if (r >= 0)
                r = process->no_new_privileges ? load_filter(task, err) : apply_caps(task, err);
        return r;
}

static void format_listen_pid(char *digits) {
        char text[24];
        int n = snprintf(text, sizeof text, "%d", (int)getpid());

        memcpy(digits, text, (size_t)n + 1);
}

static size_t size_of_strings(char *const *strings) {
        size_t size = 0;

        for (; *strings; strings++)
                size += sizeof *strings + strlen(*strings) + 1;
        return size;
}

/* execve(2) says E2BIG also where a memory limit has no page for its strings: 128 KiB of them are
 * never too many. */
static int true_errno(const struct rt_task *task, int error) {
        bool fits =
                size_of_strings(task->argv) + size_of_strings(task->envp) < 128 * 1024 - PATH_MAX;

        return error == E2BIG && fits ? ENOMEM : error;
}

static void execute(struct rt_task *task) {
        if (task->reaper_fd < 0) {
                (void)execve(task->program, task->argv, task->envp);
                return;
        }
        if (fcntl(task->report_fd, F_SETFD, 0) < 0)
                return;
        task->reaper_argv[2] = task->program;
        (void)syscall(SYS_execveat, task->reaper_fd, "", task->reaper_argv, task->envp,
                      AT_EMPTY_PATH);
}

int rt_task_execute(struct rt_task *task, struct st_error *err) {
        int r;

        if (task->listen_pid)
                format_listen_pid(task->listen_pid);
        r = confine(task, err);
        if (r < 0)
                return r;
        task->proc_fd =
                st_close(task->proc_fd); /* may be the machine's: no part of the program's path */
        execute(task);
        errno = true_errno(task, errno);
        return st_error_kind(err, st_error_sys(err, "exec %s", task->program), ST_CODE_EXEC);
}
