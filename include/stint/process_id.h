/* include/stint/process_id.h: a process for ever: its pid and its start time. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Field 22 of /proc/<pid>/stat; 0, and errno, when there is no such process. */
uint64_t rt_start_time(pid_t pid);
/* It was cloned, and no execve of its own has succeeded. Also told of a zombie. */
bool rt_never_executed(pid_t pid);
/* Its pid in its own pid namespace: the last of NSpid in /proc/<pid>/status (Linux 4.1). 0 when it
 * is gone. */
pid_t rt_pid_inside(pid_t pid);
/* A pidfd for exactly that process, or -ESRCH. */
int rt_pidfd_of(pid_t pid, uint64_t start_time);
