/* runtime/cgroup/fs.c: making and limiting a container's cgroups by their files. */
#include "devices.h"
#include "manager.h"
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <stint/cleanup.h>

/* The first limit that somebody asked for, or NULL: rules that every container has do not count. */
static const char *limit_asked_for(const struct rt_cgroup *cgroup, const struct rt_leaf *leaf) {
        for (size_t i = 0; i < cgroup->writes.n_items; i++) {
                const struct rt_write *w = &cgroup->writes.items[i];
                if (w->leaf == leaf && !(w->flags & (RT_WRITE_DEVICE | RT_WRITE_OPTIONAL)))
                        return w->field;
        }
        return NULL;
}

static int make_leaf(struct rt_cgroup *cgroup, struct rt_leaf *leaf, struct st_error *err) {
        struct st_error why = {0};
        int r = rt_leaf_make(cgroup, leaf, RT_LEAF_NEW, &why);
        const char *field;

        if (r >= 0)
                return 0;
        if (err)
                *err = why;
        if (!rt_cgroup_is_denied(cgroup, r))
                return r;
        field = limit_asked_for(cgroup, leaf);
        if (field)
                return st_error_kind(err, st_error_prefix(err, r, "%s", field), ST_CODE_PERMISSION);
        leaf->dropped = true;
        if (err)
                *err = (struct st_error) {0};
        return 0;
}

static int make_leaves(struct rt_cgroup *cgroup, struct st_error *err) {
        bool any = false;

        for (size_t i = 0; i < cgroup->n_leaves; i++) {
                int r = make_leaf(cgroup, &cgroup->leaves[i], err);
                if (r < 0)
                        return r;
                any |= !cgroup->leaves[i].dropped;
        }
        if (!any)
                cgroup->mode = RT_CGROUP_NONE;
        return 0;
}

static int prepare_v2(struct rt_cgroup *cgroup, struct rt_leaf *leaf, enum rt_limits_use use,
                      struct st_error *err) {
        int r = 0;

        /* On hybrid v1 has the usual ones */
        if (cgroup->wanted || cgroup->delegate || cgroup->mode == RT_CGROUP_V2)
                r = rt_controllers_enable(cgroup, leaf, err);
        if (r == 0 && cgroup->delegate && use == RT_LIMITS_CREATE)
                r = rt_leaf_delegate(cgroup, leaf, err);
        if (r == 0 && cgroup->devices && !rt_leaf_of(cgroup, RT_CTL_DEVICES) &&
            !(use == RT_LIMITS_CREATE && rt_device_rules_allow_all(cgroup->devices)))
                r = rt_device_program_attach(cgroup->devices, leaf->dir_fd, use, cgroup->rootless,
                                             err);
        return r;
}

/* What is the same for a leaf that we made and for one that systemd made. */
int rt_cgroup_furnish(struct rt_cgroup *cgroup, struct st_error *err) {
        struct rt_leaf *v2 = rt_leaf_v2(cgroup);
        int r = 0;

        if (v2 && (r = rt_leaf_dir(cgroup, v2)) < 0)
                return st_error_code(err, r, "open %s", v2->path);
        if (v2)
                r = prepare_v2(cgroup, v2, RT_LIMITS_CREATE, err);
        if (r == 0)
                r = rt_writes_apply(cgroup, &cgroup->writes, RT_PASS_EARLY, err);
        return r;
}

static int create(struct rt_cgroup *cgroup, struct st_error *err) {
        int r = rt_cgroup_root_open(cgroup);

        if (r < 0)
                return st_error_code(err, r, "open %s", cgroup->root);
        r = make_leaves(cgroup, err);
        if (r == 0)
                r = rt_cgroup_furnish(cgroup, err);
        if (r == 0)
                r = rt_tasks_open(cgroup, err);
        return r;
}

/* A create that failed leaves no leaf of ours behind; nothing can be in one yet. */
static void unmake(struct rt_cgroup *cgroup) {
        rt_cgroup_close(cgroup);
        RT_FOREACH_LEAF (leaf, cgroup)
                if (leaf->made)
                        (void)rmdir(leaf->path); /* the create's own error is the one to tell */
}

int rt_cgroup_create(struct rt_cgroup *cgroup, struct st_error *err) {
        int r;

        if (cgroup->mode == RT_CGROUP_NONE)
                return 0;
        if (cgroup->driver == RT_CGROUP_SYSTEMD) {
                cgroup->made = true; /* the state may not be saved again after the attach */
                r = rt_cgroup_root_open(cgroup); /* for rt_cgroup_enter_attached() */
                return r < 0 ? st_error_code(err, r, "open %s", cgroup->root) : 0;
        }
        r = create(cgroup, err);
        if (r < 0) {
                unmake(cgroup);
                cgroup->not_ours = true;
                return st_error_kind(err, r, ST_CODE_CGROUP);
        }
        cgroup->made = true;
        return 0;
}

int rt_cgroup_apply_limits(const struct rt_cgroup *cgroup, struct st_error *err) {
        if (cgroup->mode == RT_CGROUP_NONE)
                return 0;
        return st_error_kind(
                err,
                rt_writes_apply((struct rt_cgroup *)cgroup, &cgroup->writes, RT_PASS_LATE, err),
                ST_CODE_CGROUP);
}

enum rt_cgroup_mode rt_cgroup_mode_of(const struct rt_cgroup *cgroup) {
        return cgroup->mode;
}

const char *rt_cgroup_path(const struct rt_cgroup *cgroup, const char *controller) {
        struct rt_leaf *leaf;

        if (!controller)
                leaf = rt_leaf_v2(cgroup);
        else
                leaf = rt_leaf_of(cgroup, rt_controller_bit(controller, strlen(controller)));
        return leaf ? leaf->path : NULL;
}

const char *rt_cgroup_warning(const struct rt_cgroup *cgroup) {
        return cgroup->warning;
}

int rt_cgroup_update(struct rt_cgroup *cgroup, const struct st_resources *resources,
                     struct st_error *err) {
        st_cleanup(st_arena_freep) struct st_arena *arena = st_arena_new(4096);
        struct rt_writes writes = {.arena = arena};
        struct rt_leaf *v2 = rt_leaf_v2(cgroup);
        int r;

        if (!arena)
                return st_error_set(err, -ENOMEM, "plan the cgroup's limits");
        cgroup->wanted = 0;
        cgroup->devices = NULL;
        r = rt_limits_plan(cgroup, resources, RT_LIMITS_UPDATE, &writes, err);
        if (r == 0 && cgroup->driver == RT_CGROUP_SYSTEMD)
                r = rt_unit_update(cgroup, &writes, err);
        if (r == 0 && v2) {
                r = rt_leaf_dir(cgroup, v2);
                r = r < 0 ? st_error_code(err, r, "open %s", v2->path)
                          : prepare_v2(cgroup, v2, RT_LIMITS_UPDATE, err);
        }
        if (r == 0)
                r = rt_writes_apply(cgroup, &writes, RT_PASS_ALL, err);
        return st_error_kind(err, r, ST_CODE_CGROUP);
}
