/* call.h: a request to criu under construction, and everything that it points to. */
#pragma once
#include "request.h"
#include "swrk.h"

#include <limits.h>

#include <stint/spec.h>

struct call {
        struct st_arena *arena; /* borrowed: everything added is in it */
        CriuReq request;
        CriuOpts opts;
        char images_path[PATH_MAX],
                work_path[PATH_MAX]; /* absolute; the same when no work directory was given */
        char log[PATH_MAX];          /* where criu writes */
        int fds[16]; /* opened for criu, which has them as SWRK_FIRST_FD, SWRK_FIRST_FD + 1, ... */
        size_t n_fds;
        bool out_of_memory; /* remembered until call_check() */
};

/* What dump and restore have in common. @log: the log's name. The images' directory must be there
 * already. */
int call_init(struct call *call, struct st_arena *arena, const struct request *request,
              CriuReqType type, const char *log, struct st_error *err) st_must_check;
void call_deinit(struct call *call);
/* The images' directory: one of fds. */
int call_images_fd(const struct call *call);
/* In criu's process, in a mount namespace of its own: the same directories, as this namespace has
 * them. */
int call_reopen_dirs(struct call *call, struct st_error *err) st_must_check;
/* -ENOMEM when an addition failed. To be asked once, before the call is made. */
int call_check(const struct call *call, struct st_error *err) st_must_check;

/* criu's configuration file: the annotation org.criu.config, as runc has it; else one of our own,
 * or runc's. */
void call_use_config(struct call *call, const struct st_spec *spec);

/* Strings are copied. */
void call_add_mount(struct call *call, const char *key, const char *value);
void call_add_external(struct call *call, const char *name);
void call_add_cgroup_root(struct call *call, const char *controller, const char *path);
void call_add_join(struct call *call, const char *kind, const char *path);
/* @fd: criu's number for it. */
void call_add_inherited(struct call *call, const char *key, int fd);
/* Hand criu a descriptor of ours; the call owns it from now on. -1: there are too many. */
int call_pass_take(struct call *call, int fd);
