#include "seccomp_private.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <stint/syscall.h>

/* ---- flags */

static bool kernel_has(unsigned flags) {
        /* The program is looked at after the flags: EFAULT says that they are known. */
        if (flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
                flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

static int read_flag(const char *name, size_t i, unsigned *flags, struct st_error *err) {
        const struct rt_seccomp_word *word = rt_seccomp_word(rt_seccomp_flags, name);
        int r;

        if (!word) {
                r = st_error_set(err, -EINVAL, "linux.seccomp.flags[%zu]: unknown flag %s", i,
                                 name);
                return st_error_kind(err, r, ST_CODE_CONFIG_INVALID);
        }
        if (!kernel_has(word->value)) {
                r = st_error_set(err, -EOPNOTSUPP, "linux.seccomp.flags[%zu]: this kernel lacks %s",
                                 i, name);
                return st_error_kind(err, r, ST_CODE_UNSUPPORTED);
        }
        *flags |= word->value;
        return 0;
}

static int read_flags(const struct st_seccomp *spec, bool notify, unsigned *ret_flags,
                      struct st_error *err) {
        unsigned flags = 0;

        for (size_t i = 0; spec->flags[i]; i++) {
                int r = read_flag(spec->flags[i], i, &flags, err);
                if (r < 0)
                        return r;
        }
        flags &= ~SECCOMP_FILTER_FLAG_TSYNC; /* one thread loads, and execve ends the others; it
                                                excludes a listener */
        if (notify)
                flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
        else
                flags &= ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; /* the kernel refuses it without a
                                                                     listener */
        *ret_flags = flags;
        return 0;
}

/* ---- prepare */

static int compile(const struct st_seccomp *spec, struct rt_seccomp **ret_filter,
                   struct st_error *err) {
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = calloc(1, sizeof *filter);
        struct rt_seccomp_plan plan;
        struct rt_bpf bpf;
        int r;

        if (!filter)
                return st_error_set(err, -ENOMEM, "linux.seccomp: allocate the filter");
        r = rt_seccomp_check(spec, &plan, err);
        if (r == 0)
                r = read_flags(spec, plan.notify, &filter->flags, err);
        if (r == 0)
                r = rt_seccomp_compile(spec, &plan, &bpf, err);
        if (r < 0)
                return r;
        filter->notify = plan.notify;
        filter->code = bpf.code;
        filter->n_code = bpf.n;
        *ret_filter = st_take(filter);
        return 0;
}

static int find_or_compile(const struct st_seccomp *spec, int cache_dir_fd,
                           const struct rt_seccomp_key *key, struct rt_seccomp **ret_filter,
                           struct st_error *err) {
        int r = rt_seccomp_cache_find(cache_dir_fd, key, ret_filter);

        if (r != -ENOENT)
                return r < 0 ? st_error_code(err, r, "linux.seccomp: map the compiled filter") : 0;
        r = compile(spec, ret_filter, err);
        if (r < 0)
                return r;
        (void)rt_seccomp_cache_store(
                cache_dir_fd, key, *ret_filter); /* full or read-only: the next one compiles too */
        return 0;
}

static int prepare(const struct st_seccomp *spec, int cache_dir_fd, struct rt_seccomp **ret_filter,
                   struct st_error *err) {
        struct rt_seccomp_key key;
        int r;

        if (cache_dir_fd < 0)
                return compile(spec, ret_filter, err);
        r = rt_seccomp_key_build(spec, &key);
        if (r < 0)
                return st_error_code(err, r, "linux.seccomp: allocate the cache key");
        r = find_or_compile(spec, cache_dir_fd, &key, ret_filter, err);
        rt_seccomp_key_deinit(&key);
        return r;
}

/* The child sends the listener with sendmsg(2) after the filter is loaded; the arguments cannot be
 * known here. */
static int check_listener(const struct st_seccomp *spec, const struct rt_seccomp *filter,
                          struct st_error *err) {
        const struct seccomp_data sendmsg_call = {.nr = SYS_sendmsg, .arch = seccomp_arch_native()};
        uint32_t action;

        if (spec->listener_metadata && !spec->listener_path)
                return st_error_kind(
                        err,
                        st_error_set(err, -EINVAL,
                                     "linux.seccomp.listenerMetadata: set without listenerPath"),
                        ST_CODE_CONFIG_INVALID);
        if (!filter->notify)
                return 0;
        if (!spec->listener_path)
                return st_error_kind(
                        err,
                        st_error_set(err, -EINVAL,
                                     "linux.seccomp.listenerPath: SCMP_ACT_NOTIFY needs one"),
                        ST_CODE_CONFIG_INVALID);
        action = rt_seccomp_evaluate(filter, &sendmsg_call) & SECCOMP_RET_ACTION_FULL;
        if (action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG)
                return st_error_kind(
                        err,
                        st_error_set(err, -EINVAL,
                                     "linux.seccomp: SCMP_ACT_NOTIFY needs sendmsg to be "
                                     "allowed: the listener is handed over with it"),
                        ST_CODE_CONFIG_INVALID);
        return 0;
}

int rt_seccomp_prepare(const struct st_seccomp *spec, int cache_dir_fd,
                       struct rt_seccomp **ret_filter, struct st_error *err) {
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = NULL;
        int r = prepare(spec, cache_dir_fd, &filter, err);

        if (r == 0)
                r = check_listener(spec, filter, err);
        if (r < 0)
                return st_error_kind(err, r, ST_CODE_SECCOMP);
        *ret_filter = st_take(filter);
        return 0;
}

struct rt_seccomp *rt_seccomp_free(struct rt_seccomp *filter) {
        if (!filter)
                return NULL;
        if (filter->mapping)
                (void)munmap(filter->mapping,
                             filter->mapping_size); /* a mapping of our own: cannot fail */
        else
                free(filter->code);
        free(filter);
        return NULL;
}

/* ---- in the child */

int rt_seccomp_load(const struct rt_seccomp *filter, struct st_error *err) {
        const struct sock_fprog program = {.len = (unsigned short)filter->n_code,
                                           .filter = filter->code};
        long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter->flags, &program);

        if (r < 0)
                return st_error_kind(
                        err,
                        st_error_sys(err, "linux.seccomp: load %zu instructions with flags %#x",
                                     filter->n_code, filter->flags),
                        ST_CODE_SECCOMP);
        return (int)r;
}

int rt_seccomp_send_listener(int socket_fd, int listener_fd, const char *state, size_t length,
                             struct st_error *err) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct iovec iov = {.iov_base = (char *)state, .iov_len = length};
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof control.bytes,
        };
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);

        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof listener_fd);
        memcpy(CMSG_DATA(header), &listener_fd, sizeof listener_fd);
        while (iov.iov_len > 0) {
                ssize_t n = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return st_error_kind(
                                err,
                                st_error_sys(err, "linux.seccomp.listenerPath: send the listener"),
                                ST_CODE_SECCOMP);
                iov.iov_base = (char *)iov.iov_base + n;
                iov.iov_len -= (size_t)n;
                message.msg_control = NULL; /* the descriptor went with the first part */
                message.msg_controllen = 0;
        }
        return 0;
}

/* ---- features */

static void write_words(struct st_json_writer *w, const char *key,
                        const struct rt_seccomp_word *table, bool (*has)(uint32_t value)) {
        st_json_open_array(w, key);
        for (; table->name; table++)
                if (!has || has(table->value))
                        st_json_string(w, NULL, table->name);
        st_json_close_array(w);
}

static bool has_action(uint32_t action) {
        return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static bool has_arch(uint32_t token) {
        return rt_seccomp_is_our_order(token) &&
               seccomp_syscall_resolve_name_arch(token, "read") != __NR_SCMP_ERROR;
}

static bool has_flag(uint32_t flag) {
        return kernel_has(flag);
}

void rt_seccomp_write_features(struct st_json_writer *w, const char *key) {
        st_json_open_object(w, key);
        st_json_bool(w, "enabled", has_action(SCMP_ACT_ALLOW));
        write_words(w, "actions", rt_seccomp_actions, has_action);
        write_words(w, "operators", rt_seccomp_operators, NULL);
        write_words(w, "archs", rt_seccomp_archs, has_arch);
        write_words(w, "knownFlags", rt_seccomp_flags, NULL);
        write_words(w, "supportedFlags", rt_seccomp_flags, has_flag);
        st_json_close_object(w);
}
