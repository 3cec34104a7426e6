/* runtime/pool/journal.h: what a pool has made, written down before it is made.
 *
 * <root>/.pool/<name>-<pid>-<n> holds the cgroup that all of the pool's slots are below, and a lock
 * for as long as its keeper lives. A file whose lock can be had is a dead keeper's: what lives in
 * its cgroups is killed, they are removed, and then the file. */
#pragma once
#include <stint/blueprint.h>
#include <stint/pool.h>

struct rt_journal {
        int dir_fd, file_fd;
        char *file;              /* name of the file: of the group of cgroups, too */
        char *path;              /* of the group, as linux.cgroupsPath has it */
        struct rt_cgroup *group; /* NULL until it is planned */
};

int rt_journal_open(struct rt_runtime *runtime, const struct rt_blueprint *blueprint,
                    const char *name, struct rt_journal *ret_journal,
                    struct st_error *err) st_must_check;
/* All slots are gone: remove the group and the file. What resists stays for the next sweep. */
void rt_journal_close(struct rt_journal *journal, unsigned timeout_msec);
/* Remove what dead keepers left. What resists stays. */
void rt_journal_sweep(int dir_fd, unsigned timeout_msec);
