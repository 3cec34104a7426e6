/* runtime/cgroup/systemd-none.c: in place of systemd.c in a build without it. */
#include "unit.h"

static int not_built(struct st_error *err) {
        return rt_fail(err, ST_CODE_UNSUPPORTED, -EOPNOTSUPP,
                       "this stint was built without the systemd cgroup driver");
}

int rt_unit_plan(struct rt_cgroup *cgroup, const struct rt_cgroup_host *host,
                 const struct rt_cgroup_request *request, const char **ret_path,
                 struct st_error *err) {
        (void)cgroup, (void)host, (void)request, (void)ret_path;
        return not_built(err);
}

int rt_cgroup_attach_systemd(struct rt_cgroup *cgroup, pid_t pid, struct st_error *err) {
        (void)cgroup, (void)pid;
        return not_built(err);
}

int rt_cgroup_finish_systemd(struct rt_cgroup *cgroup, struct st_error *err) {
        (void)cgroup;
        return not_built(err);
}

int rt_unit_update(struct rt_cgroup *cgroup, const struct rt_writes *writes, struct st_error *err) {
        (void)cgroup, (void)writes;
        return not_built(err);
}

int rt_unit_stop(struct rt_cgroup *cgroup, struct st_error *err) {
        (void)cgroup;
        return not_built(err);
}

void rt_unit_save(const struct rt_unit *unit, struct st_json_writer *w) {
        (void)unit, (void)w; /* there is none */
}

int rt_unit_load(struct rt_cgroup *cgroup, const struct st_json *saved, struct st_error *err) {
        (void)cgroup, (void)saved;
        return not_built(err);
}
