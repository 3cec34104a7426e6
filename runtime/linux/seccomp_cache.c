/* Compiled filters by content: DIR/<hash of the key>. A file is
 *
 *      struct entry | the key, padded to 8 bytes | the code
 *
 * Compiling takes milliseconds, a hit some tens of microseconds. The key is compared byte for byte,
 * so that the hash is only a name; a second one over header and code finds a file that was cut or
 * damaged. Whoever can write these files decides what containers may call, so an entry counts only
 * when it belongs to us and nobody else can write it. Entries appear by rename. */
#include "seccomp_private.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <stint/fs.h>
#include <stint/syscall.h>

enum {
        FORMAT = 3, /* of the file and of the code: a change of either is another number */
        MAX_ENTRIES = 64,
        MAX_KEY = 256 << 10,
        FIRST_ROOM = 16 << 10
};

struct entry {
        char magic[8];
        uint32_t format, key_length, n_code, flags, notify, unused;
        uint64_t check; /* over all this but itself, and the code */
};

static const char magic[8] = {'s', 't', 'i', 'n', 't', 'b', 'p', 'f'};

/* ---- key */

static void put(struct rt_seccomp_key *key, const void *data, size_t length) {
        if (key->failed)
                return;
        if (key->room - key->length < length) {
                size_t room = (key->room ? key->room * 2 : FIRST_ROOM) + length;
                unsigned char *bytes = realloc(key->bytes, room);
                if (!bytes) {
                        key->failed = true;
                        return;
                }
                key->bytes = bytes;
                key->room = room;
        }
        memcpy(key->bytes + key->length, data, length);
        key->length += length;
}

static void put_u64(struct rt_seccomp_key *key, uint64_t value) {
        put(key, &value, sizeof value);
}

/* With its NUL, so that no two lists of texts give the same bytes. */
static void put_text(struct rt_seccomp_key *key, const char *text) {
        put(key, text ? text : "", text ? strlen(text) + 1 : 1);
}

static void put_list(struct rt_seccomp_key *key, char **texts) {
        for (; *texts; texts++)
                put_text(key, *texts);
        put_text(key, NULL); /* no member is empty */
}

static void put_errno(struct rt_seccomp_key *key, bool has, uint32_t value) {
        put_u64(key, has ? value : UINT64_MAX);
}

static void put_rule(struct rt_seccomp_key *key, const struct st_seccomp_rule *rule) {
        put_text(key, rule->action);
        put_errno(key, rule->has_errno_ret, rule->errno_ret);
        put_u64(key, rule->n_names);
        for (size_t i = 0; i < rule->n_names; i++)
                put_text(key, rule->names[i]);
        put_u64(key, rule->n_args);
        for (size_t i = 0; i < rule->n_args; i++) {
                put_u64(key, rule->args[i].index);
                put_u64(key, rule->args[i].value);
                put_u64(key, rule->args[i].value_two);
                put_text(key, rule->args[i].op);
        }
}

/* The libseccomp that compiles, and the kernel whose support it and we probed. */
static void put_world(struct rt_seccomp_key *key) {
        const struct scmp_version *version = seccomp_version();
        struct utsname uts = {0};

        (void)uname(&uts); /* fails on a bad pointer only */
        put_u64(key, FORMAT);
        put_u64(key, (uint64_t)version->major << 32 | version->minor << 16 | version->micro);
        put_text(key, uts.release);
        put_text(key, uts.machine);
        put_u64(key, seccomp_arch_native());
}

int rt_seccomp_key_build(const struct st_seccomp *spec, struct rt_seccomp_key *ret_key) {
        struct rt_seccomp_key key = {0};

        put_world(&key);
        put_text(&key, spec->default_action);
        put_errno(&key, spec->has_default_errno_ret, spec->default_errno_ret);
        put_u64(&key, spec->n_rules);
        for (size_t i = 0; i < spec->n_rules; i++)
                put_rule(&key, &spec->rules[i]);
        put_list(&key, spec->architectures);
        put_list(&key, spec->flags);
        if (key.failed) {
                rt_seccomp_key_deinit(&key);
                return -ENOMEM;
        }
        *ret_key = key;
        return 0;
}

void rt_seccomp_key_deinit(struct rt_seccomp_key *key) {
        free(key->bytes);
        *key = (struct rt_seccomp_key) {0};
}

/* ---- names and checks */

/* Eight bytes a step: not to resist anybody, but to spread and to notice damage. */
static uint64_t hash(uint64_t seed, const void *data, size_t length) {
        const unsigned char *p = data;
        uint64_t h = seed ^ 0x9e3779b97f4a7c15 ^ length;

        while (length > 0) {
                uint64_t word = 0;
                size_t n = length < 8 ? length : 8;

                memcpy(&word, p, n);
                h = (h ^ word) * 0xff51afd7ed558ccd;
                h ^= h >> 32;
                p += n;
                length -= n;
        }
        return h;
}

static void entry_name(const struct rt_seccomp_key *key, char name[static 17]) {
        (void)snprintf(name, 17, "%016llx", (unsigned long long)hash(0, key->bytes, key->length));
}

static uint64_t check_of(const struct entry *entry, const void *code) {
        return hash(hash(0, entry, offsetof(struct entry, check)), code,
                    entry->n_code * sizeof(struct sock_filter));
}

static size_t padded(size_t length) {
        return (length + 7) & ~(size_t)7;
}

static bool ours_alone(const struct stat *st) {
        return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
               !(st->st_mode & (S_IWGRP | S_IWOTH));
}

bool rt_seccomp_entry_fits(const void *data, size_t size, const struct rt_seccomp_key *key) {
        const struct entry *entry = data;
        const unsigned char *key_bytes = (const unsigned char *)data + sizeof *entry;

        if (size < sizeof *entry || memcmp(entry->magic, magic, sizeof magic) ||
            entry->format != FORMAT)
                return false;
        if (entry->key_length != key->length || entry->n_code == 0 ||
            entry->n_code > BPF_MAXINSNS || entry->notify > 1)
                return false;
        if (size !=
            sizeof *entry + padded(key->length) + entry->n_code * sizeof(struct sock_filter))
                return false;
        return !memcmp(key_bytes, key->bytes, key->length) &&
               check_of(entry, key_bytes + padded(key->length)) == entry->check;
}

/* ---- find */

static int from_mapping(void *data, size_t size, const struct rt_seccomp_key *key,
                        struct rt_seccomp **ret_filter) {
        const struct entry *entry = data;
        struct rt_seccomp *filter;

        if (!rt_seccomp_entry_fits(data, size, key))
                return -ENOENT;
        filter = calloc(1, sizeof *filter);
        if (!filter)
                return -ENOMEM;
        filter->code = (struct sock_filter *)((char *)data + sizeof *entry + padded(key->length));
        filter->n_code = entry->n_code;
        filter->flags = entry->flags;
        filter->notify = entry->notify;
        filter->mapping = data;
        filter->mapping_size = size;
        *ret_filter = filter;
        return 0;
}

int rt_seccomp_cache_find(int dir_fd, const struct rt_seccomp_key *key,
                          struct rt_seccomp **ret_filter) {
        st_autoclose int fd = -1;
        char name[17];
        struct stat st;
        void *data;
        int r;

        entry_name(key, name);
        fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !ours_alone(&st) || st.st_size <= 0)
                return -ENOENT;
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
        if (data == MAP_FAILED)
                return -ENOENT;
        r = from_mapping(data, (size_t)st.st_size, key, ret_filter);
        if (r < 0)
                (void)munmap(data, (size_t)st.st_size); /* a mapping of our own: cannot fail */
        return r;
}

/* ---- store */

static bool older(const struct stat *a, const struct stat *b) {
        if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
                return a->st_mtim.tv_sec < b->st_mtim.tv_sec;
        return a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* Count the entries; the oldest one's name. */
static size_t survey(DIR *dir, char oldest[static NAME_MAX + 1]) {
        const struct dirent *dirent;
        struct stat st, oldest_st = {0};
        size_t n = 0;

        rewinddir(dir);
        while ((dirent = readdir(dir))) {
                if (!strcmp(dirent->d_name, ".") || !strcmp(dirent->d_name, ".."))
                        continue;
                if (fstatat(dirfd(dir), dirent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                    !S_ISREG(st.st_mode))
                        continue;
                if (n++ > 0 && !older(&st, &oldest_st))
                        continue;
                oldest_st = st;
                (void)snprintf(oldest, NAME_MAX + 1, "%s", dirent->d_name);
        }
        return n;
}

/* Temporary files that a killed process left count as well, so they go too. */
static int make_place(int dir_fd) {
        st_autoclosedir DIR *dir = NULL;
        char oldest[NAME_MAX + 1];
        int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                int r = -errno;
                (void)st_close(fd);
                return r;
        }
        while (survey(dir, oldest) >= MAX_ENTRIES)
                if (unlinkat(dir_fd, oldest, 0) < 0 && errno != ENOENT)
                        return -errno;
        return 0;
}

int rt_seccomp_cache_store(int dir_fd, const struct rt_seccomp_key *key,
                           const struct rt_seccomp *filter) {
        size_t code_size = filter->n_code * sizeof *filter->code;
        size_t size = sizeof(struct entry) + padded(key->length) + code_size;
        st_autofree unsigned char *data = NULL;
        struct entry *entry;
        char name[17];
        int r;

        if (key->length > MAX_KEY)
                return -EFBIG;
        r = make_place(dir_fd);
        if (r < 0)
                return r;
        data = calloc(1, size);
        if (!data)
                return -ENOMEM;
        entry = (struct entry *)data;
        *entry = (struct entry) {
                .format = FORMAT,
                .key_length = (uint32_t)key->length,
                .n_code = (uint32_t)filter->n_code,
                .flags = filter->flags,
                .notify = filter->notify,
        };
        memcpy(entry->magic, magic, sizeof magic);
        entry->check = check_of(entry, filter->code);
        memcpy(data + sizeof *entry, key->bytes, key->length);
        memcpy(data + sizeof *entry + padded(key->length), filter->code, code_size);
        entry_name(key, name);
        return st_replace_file_at(dir_fd, name, data, size, 0600, NULL);
}
