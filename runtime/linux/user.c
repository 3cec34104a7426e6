#include <sys/prctl.h>

#include <stint/process.h>
#include <stint/syscall.h>

static int set_groups(const struct st_user *user, struct st_error *err) {
        if (st_setgroups(user->n_additional_gids, user->additional_gids) < 0)
                return st_error_sys(err, "process.user.additionalGids: setgroups to %zu groups",
                                    user->n_additional_gids);
        return 0;
}

int rt_user_apply(const struct st_user *user, bool keep_groups, struct st_error *err) {
        /* The permitted set would be lost on the way from uid 0 to another. */
        if (user->uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
                return st_error_sys(err, "process.user: prctl PR_SET_KEEPCAPS");
        if (!keep_groups) {
                int r = set_groups(user, err);
                if (r < 0)
                        return r;
        }
        if (st_setresgid(user->gid) < 0)
                return st_error_sys(err, "process.user.gid: setresgid %u", user->gid);
        if (st_setresuid(user->uid) < 0)
                return st_error_sys(err, "process.user.uid: setresuid %u", user->uid);
        return 0;
}
