/* The parent's half of mounting: what each entry of `mounts` means, and the trees that only the
 * parent may clone. */
#include <string.h>
#include <sys/mount.h>

#include <stint/cleanup.h>
#include <stint/idmap.h>
#include <stint/mounts.h>
#include <stint/syscall.h>

static int check_idmap(const struct st_spec *spec, const struct rt_mount_step *step,
                       struct st_error *err) {
        const struct st_mount *mount = step->spec;

        if (step->kind != RT_MOUNT_BIND)
                return st_error_set(err, -EINVAL, "an idmapped mount must be a bind mount, not %s",
                                    step->fs);
        if (!mount->uid_mappings.n_items && !spec->linux_.namespaces[ST_NS_USER].wanted)
                return st_error_set(err, -EINVAL,
                                    "options idmap and ridmap need uidMappings and gidMappings, or "
                                    "a user namespace");
        if (!mount->uid_mappings.n_items != !mount->gid_mappings.n_items)
                return st_error_set(err, -EINVAL, "uidMappings and gidMappings go together");
        return 0;
}

static int clone_source(struct rt_mount_step *step, struct st_error *err) {
        unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
                         (step->options.rbind ? AT_RECURSIVE : 0) |
                         (step->options.source_nofollow ? AT_SYMLINK_NOFOLLOW : 0);

        step->source_fd = st_open_tree(AT_FDCWD, step->source, flags);
        if (step->source_fd < 0)
                return st_error_sys(err, "source %s", step->source);
        return 0;
}

static int map_ids(const struct st_spec *spec, struct rt_mount_step *step, struct st_error *err) {
        const struct st_mount *mount = step->spec;
        const bool own = mount->uid_mappings.n_items > 0;
        const struct st_id_mappings *uids = own ? &mount->uid_mappings : &spec->linux_.uid_mappings;
        const struct st_id_mappings *gids = own ? &mount->gid_mappings : &spec->linux_.gid_mappings;
        const char *path = own ? NULL : spec->linux_.namespaces[ST_NS_USER].path;
        struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP};
        st_autoclose int userns_fd = rt_idmap_open_userns(path, uids, gids, err);

        if (userns_fd < 0)
                return userns_fd;
        attr.userns_fd = (uint64_t)userns_fd;
        if (st_mount_setattr(step->source_fd, "",
                             AT_EMPTY_PATH | (step->options.ridmap ? AT_RECURSIVE : 0), &attr) < 0)
                return st_error_kind(err, st_error_sys(err, "idmapped mount of %s", mount->source),
                                     ST_CODE_UNSUPPORTED);
        return 0;
}

static bool wants_idmap(const struct rt_mount_step *step) {
        return step->options.idmap || step->options.ridmap || step->spec->uid_mappings.n_items ||
               step->spec->gid_mappings.n_items;
}

static int plan_one(struct st_arena *arena, const struct st_spec *spec, bool open_sources,
                    const char *bundle, struct rt_mount_step *step, struct st_error *err) {
        const struct st_mount *mount = step->spec;
        int r = rt_mount_options_parse(arena, mount, &step->options, err);

        if (r < 0)
                return r;
        step->fs = mount->type ? mount->type : "none";
        if (step->options.bind || step->options.rbind)
                step->kind = RT_MOUNT_BIND;
        else if (!strcmp(step->fs, "cgroup") || !strcmp(step->fs, "cgroup2"))
                step->kind = RT_MOUNT_CGROUP;
        if (step->kind == RT_MOUNT_CGROUP)
                step->fs = "cgroup2";
        if (step->kind == RT_MOUNT_BIND && !mount->source && !step->options.remount)
                return st_error_set(err, -EINVAL, "a bind mount needs a source");
        if (step->kind == RT_MOUNT_BIND && mount->source) {
                step->source = mount->source[0] == '/'
                                       ? mount->source
                                       : st_arena_printf(arena, "%s/%s", bundle, mount->source);
                if (!step->source)
                        return st_error_set(err, -ENOMEM, "plan the mounts");
        }
        if (step->kind == RT_MOUNT_FS && !mount->type && !step->options.remount)
                return st_error_set(err, -EINVAL, "a mount needs a type or the option bind");
        if (step->options.tmpcopyup && strcmp(step->fs, "tmpfs"))
                return st_error_set(err, -EINVAL, "option tmpcopyup needs type tmpfs, not %s",
                                    step->fs);
        if (wants_idmap(step)) {
                r = check_idmap(spec, step, err);
                if (r < 0)
                        return r;
        }
        if (step->kind != RT_MOUNT_BIND || step->options.remount ||
            (!open_sources && !wants_idmap(step)))
                return 0;
        r = clone_source(step, err);
        if (r < 0 || !wants_idmap(step))
                return r;
        return map_ids(spec, step, err);
}

int rt_mount_plan_make(struct st_arena *arena, const struct st_spec *spec, const char *bundle,
                       bool open_sources, struct rt_mount_plan *ret_plan, struct st_error *err) {
        struct rt_mount_plan plan = {.n_steps = spec->n_mounts, .proc_fd = -1};

        plan.steps = st_arena_array(arena, spec->n_mounts, sizeof *plan.steps);
        if (spec->n_mounts && !plan.steps)
                return st_error_set(err, -ENOMEM, "plan the mounts");
        for (size_t i = 0; i < plan.n_steps; i++) {
                plan.steps[i].spec = &spec->mounts[i];
                plan.steps[i].source_fd = -1;
        }
        for (size_t i = 0; i < plan.n_steps; i++) {
                int r = plan_one(arena, spec, open_sources, bundle, &plan.steps[i], err);
                if (r < 0) {
                        rt_mount_plan_deinit(&plan);
                        return st_error_kind(err,
                                             st_error_prefix(err, r, "mounts[%zu] %s", i,
                                                             spec->mounts[i].destination),
                                             ST_CODE_MOUNT);
                }
        }
        *ret_plan = plan;
        return 0;
}

void rt_mount_plan_deinit(struct rt_mount_plan *plan) {
        for (size_t i = 0; i < plan->n_steps; i++)
                plan->steps[i].source_fd = st_close(plan->steps[i].source_fd);
        plan->n_steps = 0;
}
