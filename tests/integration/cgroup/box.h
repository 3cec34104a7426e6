/* box.h: a process in cgroups of its own, made as a container's are, on whatever this machine has.
 */
#pragma once
#include <stint/cgroup.h>
#include <stint/cleanup.h>

struct box {
        struct st_arena *arena;
        struct rt_cgroup *cgroup;
        char id[64];
        pid_t pid; /* -1: not started */
        int pidfd;
        int order_fd, answer_fd; /* the child's pipe to wait on, and what it says */
};

/* What the child does when told to go on. What it returns is its exit status. */
typedef int box_work(struct box *box);

/* Plan and create, with resources in single-quoted JSON (NULL: none) and an own cgroupsPath (NULL:
 * by id). */
int box_make(struct box *box, const char *resources, const char *path, struct st_error *err);
/* Clone into it; the child enters, then waits for box_go(). */
void box_start(struct box *box, box_work *work);
/* Both, and the limits, written by the parent; each must work. */
void box_run(struct box *box, const char *resources, box_work *work);
void box_go(struct box *box);
/* Wait for a byte from the child's box_say(). */
void box_hear(struct box *box);
void box_say(struct box *box);
/* The wait status. */
int box_wait(struct box *box);
/* Kill, destroy, free; nothing may be left of it. */
void box_end(struct box *box);

struct st_resources *box_resources(struct box *box, const char *resources);
/* The content of a file of the leaf of @controller (NULL: v2); "" when there is none. */
const char *box_read(struct box *box, const char *controller, const char *file);
/* NULL: no leaf on v1 ("v1") or v2 ("v2") has it. */
const char *box_version_of(struct box *box, const char *controller);
/* /proc/PID/cgroup has the leaf in each line. */
bool box_holds(struct box *box, pid_t pid);
/* No directory of that name below /sys/fs/cgroup. */
bool box_is_gone(const char *id);
