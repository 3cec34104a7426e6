#include <sys/resource.h>

#include <stint/process.h>

static int apply_one(const struct st_rlimit *limit, struct st_error *err) {
        const struct rlimit64 value = {.rlim_cur = limit->soft, .rlim_max = limit->hard};
        const char *hint = "";
        int r;

        if (prlimit64(0, limit->resource, &value, NULL) == 0)
                return 0;
        r = -errno;
        if (r == -EPERM)
                hint = " (a hard limit is raised only with CAP_SYS_RESOURCE, RLIMIT_NOFILE never "
                       "over fs.nr_open)";
        r = st_error_code(err, r, "process.rlimits: set %s to soft %llu, hard %llu%s", limit->name,
                          (unsigned long long)limit->soft, (unsigned long long)limit->hard, hint);
        return st_error_kind(err, r, ST_CODE_LIMIT);
}

int rt_rlimits_apply(const struct st_process *process, struct st_error *err) {
        for (size_t i = 0; i < process->n_rlimits; i++) {
                int r = apply_one(&process->rlimits[i], err);
                if (r < 0)
                        return r;
        }
        return 0;
}
