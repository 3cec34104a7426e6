#include "../../../runtime/linux/seccomp_private.h"
#include "allocations.h"
#include "filters.h"
#include "leaks.h"
#include "scratch.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

TestSuite(seccomp_cache, .fini = st_test_no_leaks);

static struct st_seccomp *spec_with_errno(uint32_t errno_ret) {
        static struct st_seccomp_arg args[] = {{0, 1, 0, "SCMP_CMP_GE"}};
        static struct st_seccomp_rule rules[2];
        static struct st_seccomp spec;
        static char *names[] = {(char *)"read", (char *)"write", NULL}, *words[] = {NULL};

        rules[0] =
                (struct st_seccomp_rule) {.names = names, .n_names = 2, .action = "SCMP_ACT_ALLOW"};
        rules[1] = (struct st_seccomp_rule) {.names = names,
                                             .n_names = 1,
                                             .action = "SCMP_ACT_ERRNO",
                                             .errno_ret = errno_ret,
                                             .has_errno_ret = true,
                                             .args = args,
                                             .n_args = 1};
        spec = (struct st_seccomp) {.default_action = "SCMP_ACT_KILL",
                                    .architectures = words,
                                    .flags = words,
                                    .rules = rules,
                                    .n_rules = 2};
        return &spec;
}

static struct rt_seccomp *prepare(const struct st_seccomp *spec, int dir_fd) {
        struct rt_seccomp *filter = NULL;
        struct st_error err = {0};

        cr_assert_eq(rt_seccomp_prepare(spec, dir_fd, &filter, &err), 0, "%s", err.msg);
        return filter;
}

static bool same_filter(const struct rt_seccomp *a, const struct rt_seccomp *b) {
        return a->n_code == b->n_code && a->flags == b->flags && a->notify == b->notify &&
               !memcmp(a->code, b->code, a->n_code * sizeof *a->code);
}

/* Those whose names do not begin with a dot, or do. */
static size_t count_entries(const struct scratch *scratch, bool hidden, char ret_name[32]) {
        st_autoclosedir DIR *dir = opendir(scratch->path);
        const struct dirent *entry;
        size_t n = 0;

        cr_assert(dir);
        while ((entry = readdir(dir))) {
                if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
                    (entry->d_name[0] == '.') != hidden)
                        continue;
                n++;
                if (ret_name)
                        (void)snprintf(ret_name, 32, "%.31s", entry->d_name);
        }
        return n;
}

Test(seccomp_cache, gives_back_what_was_compiled) {
        SCRATCH(scratch);
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *compiled =
                prepare(spec_with_errno(5), scratch.fd);
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *found =
                prepare(spec_with_errno(5), scratch.fd);

        cr_expect_null(compiled->mapping);
        cr_expect(found->mapping);
        cr_expect(same_filter(compiled, found));
        cr_expect_eq(count_entries(&scratch, false, NULL), 1);
}

Test(seccomp_cache, keeps_flags_and_notify) {
        SCRATCH(scratch);
        char *flags[] = {(char *)"SECCOMP_FILTER_FLAG_LOG", NULL};
        struct st_seccomp spec = {.default_action = "SCMP_ACT_ALLOW",
                                  .architectures = NO_WORDS,
                                  .flags = flags,
                                  .listener_path = "/x",
                                  RULES({NAMES("getpid"), .action = "SCMP_ACT_NOTIFY"})};
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *compiled = prepare(&spec, scratch.fd);
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *found = prepare(&spec, scratch.fd);

        cr_expect(found->mapping);
        cr_expect(found->notify);
        cr_expect_eq(found->flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_NEW_LISTENER);
        cr_expect(same_filter(compiled, found));
}

/* ---- the key */

static void expect_other_key(const struct st_seccomp *a, const struct st_seccomp *b,
                             const char *what) {
        struct rt_seccomp_key key_a, key_b;

        cr_assert_eq(rt_seccomp_key_build(a, &key_a), 0);
        cr_assert_eq(rt_seccomp_key_build(b, &key_b), 0);
        cr_expect(key_a.length != key_b.length || memcmp(key_a.bytes, key_b.bytes, key_a.length),
                  "%s", what);
        rt_seccomp_key_deinit(&key_a);
        rt_seccomp_key_deinit(&key_b);
}

Test(seccomp_cache, tells_every_member_apart) {
        struct st_seccomp base = *spec_with_errno(5);
        struct st_seccomp_rule rules[2];
        struct st_seccomp_arg arg;
        struct st_seccomp other;

#define DIFFERS(change)                                                                            \
        do {                                                                                       \
                other = base;                                                                      \
                memcpy(rules, base.rules, sizeof rules);                                           \
                arg = base.rules[1].args[0];                                                       \
                rules[1].args = &arg;                                                              \
                other.rules = rules;                                                               \
                change;                                                                            \
                expect_other_key(&base, &other, #change);                                          \
        } while (0)

        DIFFERS(other.default_action = "SCMP_ACT_TRAP");
        DIFFERS(other.has_default_errno_ret = true);
        DIFFERS(other.architectures = WORDS("SCMP_ARCH_X86"));
        DIFFERS(other.flags = WORDS("SECCOMP_FILTER_FLAG_LOG"));
        DIFFERS(other.n_rules = 1);
        DIFFERS(rules[0].action = "SCMP_ACT_LOG");
        DIFFERS(rules[1].has_errno_ret = false);
        DIFFERS(rules[1].errno_ret = 6);
        DIFFERS(rules[0].n_names = 1);
        DIFFERS(rules[0].names = WORDS("read", "writev"));
        DIFFERS(rules[0].names = WORDS("write", "read"));
        DIFFERS(rules[1].n_args = 0);
        DIFFERS(arg.index = 1);
        DIFFERS(arg.value = 2);
        DIFFERS(arg.value_two = 1);
        DIFFERS(arg.op = "SCMP_CMP_GT");
#undef DIFFERS
}

Test(seccomp_cache, does_not_mix_lists_up) {
        struct st_seccomp a = *spec_with_errno(5), b = a;

        a.architectures = WORDS("SCMP_ARCH_X86");
        b.flags = WORDS("SCMP_ARCH_X86");
        expect_other_key(&a, &b, "an architecture and a flag of the same name");
}

/* ---- damage */

static int find(const struct scratch *scratch, struct rt_seccomp **ret_filter) {
        struct rt_seccomp_key key;
        int r;

        cr_assert_eq(rt_seccomp_key_build(spec_with_errno(5), &key), 0);
        r = rt_seccomp_cache_find(scratch->fd, &key, ret_filter);
        rt_seccomp_key_deinit(&key);
        return r;
}

static void write_entry(const struct scratch *scratch, const char *name, const char *data,
                        size_t length) {
        struct st_error err = {0};

        cr_assert_eq(st_replace_file_at(scratch->fd, name, data, length, 0600, &err), 0, "%s",
                     err.msg);
}

Test(seccomp_cache, never_gives_the_code_of_a_damaged_entry) {
        SCRATCH(scratch);
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *compiled =
                prepare(spec_with_errno(5), scratch.fd);
        st_autofree char *data = NULL;
        char name[32];
        size_t length, n_found = 0;

        cr_assert_eq(count_entries(&scratch, false, name), 1);
        cr_assert_eq(st_read_file_at(scratch.fd, name, 1 << 20, &data, &length, NULL), 0);
        for (size_t i = 0; i < length; i++) {
                struct rt_seccomp *found = NULL;

                data[i] ^= 0x41;
                write_entry(&scratch, name, data, length);
                data[i] ^= 0x41;
                if (find(&scratch, &found) < 0)
                        continue;
                n_found++;
                cr_expect(same_filter(found, compiled), "byte %zu of %zu", i, length);
                rt_seccomp_free(found);
        }
        cr_expect_leq(n_found, 7, "only the padding behind the key may change unnoticed: %zu",
                      n_found);
}

Test(seccomp_cache, takes_a_cut_or_lengthened_entry_for_none) {
        SCRATCH(scratch);
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *compiled =
                prepare(spec_with_errno(5), scratch.fd);
        st_autofree char *data = NULL;
        struct rt_seccomp *found = NULL;
        char name[32];
        size_t length;

        (void)compiled;
        cr_assert_eq(count_entries(&scratch, false, name), 1);
        cr_assert_eq(st_read_file_at(scratch.fd, name, 1 << 20, &data, &length, NULL), 0);
        for (size_t i = 0; i < length; i += 3) {
                write_entry(&scratch, name, data, i);
                cr_expect_eq(find(&scratch, &found), -ENOENT, "%zu of %zu bytes", i, length);
        }
        write_entry(&scratch, name, data, length + 1); /* st_read_file_at() puts a NUL behind */
        cr_expect_eq(find(&scratch, &found), -ENOENT);
        write_entry(&scratch, name, data, length);
        cr_expect_eq(find(&scratch, &found), 0);
        rt_seccomp_free(found);
}

/* ---- no memory */

static int find_or_store(const struct scratch *scratch, const struct rt_seccomp *filter) {
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *found = NULL;
        struct rt_seccomp_key key;
        int r = rt_seccomp_key_build(spec_with_errno(5), &key);

        if (r < 0)
                return r;
        r = rt_seccomp_cache_find(scratch->fd, &key, &found);
        if (r == -ENOENT)
                r = rt_seccomp_cache_store(scratch->fd, &key, filter);
        rt_seccomp_key_deinit(&key);
        return r;
}

Test(seccomp_cache, survives_running_out_of_memory_anywhere) {
        SCRATCH(scratch);
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *filter = prepare(spec_with_errno(5), -1);
        size_t n_failed = 0;

        for (int round = 0; round < 2; round++) { /* a miss, then a hit */
                bool failed = true;
                for (size_t n = 0; failed; n++) {
                        int r;
                        st_test_fail_allocation(n);
                        r = find_or_store(&scratch, filter);
                        failed = st_test_allocation_failed();
                        n_failed += failed;
                        cr_assert(failed ? r == -ENOMEM || r == 0 : r == 0, "%zu: %d", n, r);
                }
        }
        cr_expect_gt(n_failed, 2);
}

/* socket is multiplexed on one of them */
static int compile(void) {
        struct st_seccomp_rule rules[] = {{NAMES("socket", "read"), .action = "SCMP_ACT_ERRNO"}};
        const struct st_seccomp spec = {.rules = rules, .n_rules = 1};
        const struct rt_seccomp_plan plan = {.default_action = SCMP_ACT_KILL,
                                             .archs = {seccomp_arch_native(), SCMP_ARCH_X86},
                                             .n_archs = 2};
        struct rt_bpf bpf = {0};
        int r = rt_seccomp_compile(&spec, &plan, &bpf, NULL);

        if (r == 0)
                rt_bpf_deinit(&bpf);
        return r;
}

Test(seccomp_cache, compiles_whole_or_not_at_all) {
        bool failed = true;

        for (size_t n = 0; failed; n++) {
                int r;
                st_test_fail_allocation(n);
                r = compile();
                failed = st_test_allocation_failed();
                cr_assert_eq(r, failed ? -ENOMEM : 0);
        }
}

/* ---- whose file it is */

Test(seccomp_cache, trusts_only_files_that_nobody_else_can_write) {
        SCRATCH(scratch);
        st_cleanup(rt_seccomp_freep) struct rt_seccomp *compiled =
                prepare(spec_with_errno(5), scratch.fd);
        struct rt_seccomp *found = NULL;
        char name[32];

        (void)compiled;
        cr_assert_eq(count_entries(&scratch, false, name), 1);
        cr_assert_eq(fchmodat(scratch.fd, name, 0620, 0), 0);
        cr_expect_eq(find(&scratch, &found), -ENOENT, "writable by the group");
        cr_assert_eq(fchmodat(scratch.fd, name, 0602, 0), 0);
        cr_expect_eq(find(&scratch, &found), -ENOENT, "writable by all");
        cr_assert_eq(fchmodat(scratch.fd, name, 0600, 0), 0);
        if (geteuid() == 0) {
                cr_assert_eq(fchownat(scratch.fd, name, 12345, 0, 0), 0);
                cr_expect_eq(find(&scratch, &found), -ENOENT, "of another user");
                cr_assert_eq(fchownat(scratch.fd, name, 0, 0, 0), 0);
        }
        cr_assert_eq(renameat(scratch.fd, name, scratch.fd, "moved"), 0);
        cr_assert_eq(symlinkat("moved", scratch.fd, name), 0);
        cr_expect_eq(find(&scratch, &found), -ENOENT, "a symlink");
        cr_assert_eq(unlinkat(scratch.fd, name, 0), 0);
        cr_assert_eq(mkfifoat(scratch.fd, name, 0600), 0);
        cr_expect_eq(find(&scratch, &found), -ENOENT, "a fifo");
        cr_assert_eq(unlinkat(scratch.fd, name, 0), 0);
        cr_assert_eq(mkdirat(scratch.fd, name, 0700), 0);
        cr_expect_eq(find(&scratch, &found), -ENOENT, "a directory");
        cr_assert_eq(unlinkat(scratch.fd, name, AT_REMOVEDIR), 0);
        cr_assert_eq(renameat(scratch.fd, "moved", scratch.fd, name), 0);
        cr_expect_eq(find(&scratch, &found), 0, "as it was");
        rt_seccomp_free(found);
}

/* ---- how many */

Test(seccomp_cache, holds_64_entries_and_drops_the_oldest) {
        SCRATCH(scratch);
        char first[32], second[32];

        rt_seccomp_free(prepare(spec_with_errno(100), scratch.fd));
        cr_assert_eq(count_entries(&scratch, false, first), 1);
        cr_assert_eq(utimensat(scratch.fd, first,
                               (struct timespec[2]) {{.tv_sec = 1}, {.tv_sec = 1}}, 0),
                     0);
        for (uint32_t i = 1; i < 70; i++)
                rt_seccomp_free(prepare(spec_with_errno(100 + i), scratch.fd));
        cr_expect_eq(count_entries(&scratch, false, second), 64);
        cr_expect_eq(faccessat(scratch.fd, first, F_OK, 0), -1);
}

Test(seccomp_cache, sweeps_what_killed_processes_left) {
        SCRATCH(scratch);

        for (int i = 0; i < 64; i++) {
                char name[32];
                (void)snprintf(name, sizeof name, ".0123.%d", i);
                write_entry(&scratch, name, "x", 1);
                cr_assert_eq(utimensat(scratch.fd, name,
                                       (struct timespec[2]) {{.tv_sec = 1}, {.tv_sec = 1}}, 0),
                             0);
        }
        rt_seccomp_free(prepare(spec_with_errno(5), scratch.fd));
        cr_expect_eq(count_entries(&scratch, false, NULL), 1);
        cr_expect_eq(count_entries(&scratch, true, NULL), 63, "one went for it");
}

Test(seccomp_cache, does_without_a_directory_that_takes_nothing) {
        struct scratch scratch = scratch_make();
        struct rt_seccomp *filter;

        cr_assert_eq(rmdir(scratch.path), 0);
        filter = prepare(spec_with_errno(5), scratch.fd);
        cr_expect_null(filter->mapping);
        rt_seccomp_free(filter);
        close(scratch.fd);
}

Test(seccomp_cache, serves_processes_that_race, .timeout = 30) {
        SCRATCH(scratch);
        enum { N = 8 };
        pid_t pids[N];

        for (int i = 0; i < N; i++) {
                pids[i] = fork();
                cr_assert_geq(pids[i], 0);
                if (pids[i] > 0)
                        continue;
                for (uint32_t j = 0; j < 20; j++) {
                        struct rt_seccomp *filter = NULL;
                        const struct seccomp_data data = {
                                .nr = 0, .arch = seccomp_arch_native(), .args = {1}};
                        if (rt_seccomp_prepare(spec_with_errno(j % 4), scratch.fd, &filter, NULL) <
                            0)
                                _exit(1);
                        if (rt_seccomp_evaluate(filter, &data) != SCMP_ACT_ALLOW)
                                _exit(2);
                        rt_seccomp_free(filter);
                }
                _exit(0);
        }
        for (int i = 0; i < N; i++) {
                int status;
                cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
                cr_expect_eq(status, 0);
        }
        cr_expect_eq(count_entries(&scratch, false, NULL), 4);
}
