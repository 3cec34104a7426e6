/* runtime/batch/init/report.h: what a task's pid 1 tells the batch when the task has ended: one
 * write(2) to the descriptor in argv[1]. */
#pragma once
#include <stdint.h>

struct rt_init_report {
        int32_t exec_errno; /* not 0: the program could not be executed, and the rest is 0 */
        int32_t status;     /* as wait(2) has it */
        uint64_t first_instruction_nsec, exited_nsec; /* CLOCK_REALTIME */
        uint64_t user_usec, system_usec;              /* of the task and what it waited for */
        uint64_t max_rss_kib;
        uint64_t minor_faults, major_faults;
        uint64_t in_blocks, out_blocks;
        uint64_t voluntary_switches, involuntary_switches;
};
