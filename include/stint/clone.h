/* include/stint/clone.h: a child on the way to its execve, which costs no copy of the caller. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

enum { ST_VFORK_STACK = 128 * 1024 };

/* @fn(@data) in a child that shares the caller's memory on a stack of its own; the caller goes on
 * when it has executed or ended (clone(2) with CLONE_VM and CLONE_VFORK). It ends with what @fn
 * returns. Where such a child cannot be (sanitizers) it is a plain fork.
 * @stack  ST_VFORK_STACK bytes, page-aligned
 * Returns the pid, or a negative errno. Async-signal-safe. Not clone3(2): filters tend to refuse
 * it, since they cannot see its flags. */
pid_t st_vfork_call(void *stack, int (*fn)(void *data), void *data);
/* Its flags, to be looked up in a filter. */
unsigned long st_vfork_flags(void);
