/* include/stint/protect.h: keep the running program's file out of a container's reach
 * (CVE-2019-5736). */
#pragma once
#include <stint/error.h>

/**
 * A process that enters a container can be found there through /proc/<pid>/exe, and root of a
 * container without a user namespace could open that file for writing once it runs no more. So such
 * a program executes itself once more from a read-only clone of its mount (open_tree,
 * mount_setattr: Linux 5.12), whose flags nobody inside can change, or from a sealed memfd where it
 * may not clone mounts.
 *
 * To be called by the program at its start, before it opens anything. Returns 0 when it is
 * protected: it is on a read-only mount (which costs two system calls and no second execve), it is
 * the clone, or its file cannot be written by this user anyway. Does not return when it executes
 * itself again.
 */
int rt_protect_self(char *const argv[], struct st_error *err) st_must_check;
