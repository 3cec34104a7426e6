/* Plain rules by libseccomp, a filter for each architecture, merged; then what is ours behind its
 * code. */
#include "seccomp_private.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <stint/syscall.h>

/* libseccomp 2.5 makes a tree of four calls a leaf; below this a list is as good, and with no rule
 * at all its tree is wrong (up to 2.5.4). */
enum { MIN_NAMES_FOR_TREE = 32 };

#define ROOT "linux.seccomp"

/* ---- the filter of one architecture */

static int set_up(scmp_filter_ctx ctx, const struct rt_seccomp_plan *plan, uint32_t arch,
                  struct st_error *err) {
        int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP,
                                 0); /* we load the code, not libseccomp */

        if (r == 0 && plan->n_names > MIN_NAMES_FOR_TREE)
                r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        if (r < 0)
                return st_error_code(err, r, ROOT ": libseccomp: set attributes");
        if (arch == seccomp_arch_native())
                return 0;
        r = seccomp_arch_add(ctx, arch);
        if (r == 0)
                r = seccomp_arch_remove(ctx, seccomp_arch_native());
        if (r < 0) /* EDOM: the other byte order */
                return st_error_code(err, r, ROOT ".architectures: libseccomp: add %#x", arch);
        return 0;
}

static int add_rule(scmp_filter_ctx ctx, uint32_t action, const struct st_seccomp_rule *rule,
                    struct st_error *err) {
        for (size_t i = 0; i < rule->n_names; i++) {
                const char *name = rule->names[i];
                int r;

                if (rt_seccomp_is_ours(rule, name))
                        continue;
                r = seccomp_rule_add(ctx, action, seccomp_syscall_resolve_name(name), 0);
                if (r < 0)
                        return st_error_code(err, r, "libseccomp: add %s", name);
        }
        return 0;
}

static int add_rules(scmp_filter_ctx ctx, const struct st_seccomp *spec,
                     const struct rt_seccomp_plan *plan, struct st_error *err) {
        for (size_t i = 0; i < spec->n_rules; i++) {
                uint32_t action;
                int r = rt_seccomp_rule_action(spec, i, &action, err);

                if (r == 0 && action != plan->default_action) /* libseccomp refuses what the default
                                                                 says already */
                        r = add_rule(ctx, action, &spec->rules[i], err);
                if (r < 0)
                        return st_error_prefix(err, r, ROOT ".syscalls[%zu]", i);
        }
        return 0;
}

static int make_filter(const struct st_seccomp *spec, const struct rt_seccomp_plan *plan,
                       uint32_t arch, scmp_filter_ctx *ret_ctx, struct st_error *err) {
        scmp_filter_ctx ctx = seccomp_init(plan->default_action);
        int r;

        if (!ctx)
                return st_error_set(err, -EINVAL,
                                    ROOT ".defaultAction: libseccomp or the kernel lacks %s",
                                    spec->default_action);
        r = set_up(ctx, plan, arch, err);
        if (r == 0)
                r = add_rules(ctx, spec, plan, err);
        if (r < 0) {
                seccomp_release(ctx);
                return r;
        }
        *ret_ctx = ctx;
        return 0;
}

/* ---- the code of all of them */

static int merge_filters(const struct st_seccomp *spec, const struct rt_seccomp_plan *plan,
                         scmp_filter_ctx ctx, struct st_error *err) {
        for (size_t i = 1; i < plan->n_archs; i++) {
                scmp_filter_ctx other;
                int r = make_filter(spec, plan, plan->archs[i], &other, err);

                if (r < 0)
                        return r;
                r = seccomp_merge(ctx, other);
                if (r < 0) {
                        seccomp_release(other);
                        return st_error_code(err, r, ROOT ".architectures: libseccomp: merge %#x",
                                             plan->archs[i]);
                }
        }
        return 0;
}

static int append_file(struct rt_bpf *bpf, int fd, struct st_error *err) {
        struct stat st;
        void *code;

        if (fstat(fd, &st) < 0)
                return st_error_sys(err, ROOT ": stat the compiled filter");
        if (st.st_size == 0 || st.st_size % (off_t)sizeof(struct sock_filter))
                return st_error_code(err, -EIO, ROOT ": libseccomp: %lld bytes of code",
                                     (long long)st.st_size);
        code = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (code == MAP_FAILED)
                return st_error_sys(err, ROOT ": map the compiled filter");
        rt_bpf_append(bpf, code, (size_t)st.st_size / sizeof(struct sock_filter));
        (void)munmap(code, (size_t)st.st_size); /* a mapping of our own: cannot fail */
        return 0;
}

/* libseccomp 2.5 writes its code to a descriptor only. */
static int append_export(scmp_filter_ctx ctx, struct rt_bpf *bpf, struct st_error *err) {
        st_autoclose int fd = memfd_create("seccomp", MFD_CLOEXEC);
        int r;

        if (fd < 0)
                return st_error_sys(err, ROOT ": memfd_create");
        r = seccomp_export_bpf(ctx, fd);
        if (r < 0)
                return st_error_code(err, r, ROOT ": libseccomp: generate the filter");
        return append_file(bpf, fd, err);
}

static int compile_plain(const struct st_seccomp *spec, const struct rt_seccomp_plan *plan,
                         struct rt_bpf *bpf, struct st_error *err) {
        scmp_filter_ctx ctx;
        int r = make_filter(spec, plan, plan->archs[0], &ctx, err);

        if (r < 0)
                return r;
        r = merge_filters(spec, plan, ctx, err);
        if (r == 0)
                r = append_export(ctx, bpf, err);
        seccomp_release(ctx);
        return r;
}

static int check_size(const struct rt_bpf *bpf, struct st_error *err) {
        if (bpf->failed)
                return st_error_set(err, -ENOMEM, ROOT ": allocate the filter");
        if (bpf->n > BPF_MAXINSNS)
                return st_error_set(err, -E2BIG, ROOT ": %zu instructions, the kernel takes %d",
                                    bpf->n, BPF_MAXINSNS);
        return 0;
}

int rt_seccomp_compile(const struct st_seccomp *spec, const struct rt_seccomp_plan *plan,
                       struct rt_bpf *ret_bpf, struct st_error *err) {
        struct rt_bpf bpf = {0};
        int r = compile_plain(spec, plan, &bpf, err);

        if (r == 0 && rt_seccomp_append_epilogue(spec, plan, &bpf) < 0)
                r = st_error_set(err, -ENOMEM, ROOT ": allocate the filter");
        if (r == 0)
                r = check_size(&bpf, err);
        if (r < 0) {
                rt_bpf_deinit(&bpf);
                return st_error_kind(err, r, ST_CODE_SECCOMP);
        }
        *ret_bpf = bpf;
        return 0;
}
