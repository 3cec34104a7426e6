/* without CALL[,CALL...] PROGRAM [ARG...]: run a program on a kernel that does not know these
 * system calls: a seccomp filter answers them with ENOSYS, as an outer container's does (and as an
 * old kernel does), so that fallbacks can be tested. CALL may be "NAME=ERRNO", with a number, for
 * another answer. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int deny(scmp_filter_ctx filter, char *call) {
        char *error = strchr(call, '=');
        int number;

        if (error)
                *error++ = '\0';
        number = seccomp_syscall_resolve_name(call);
        if (number == __NR_SCMP_ERROR) {
                fprintf(stderr, "without: no system call %s\n", call);
                return -1;
        }
        return seccomp_rule_add(filter, SCMP_ACT_ERRNO(error ? atoi(error) : ENOSYS), number, 0);
}

int main(int argc, char **argv) {
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        char *save = NULL;

        if (argc < 3 || !filter) {
                fprintf(stderr, "usage: without CALL[=ERRNO][,...] PROGRAM [ARG...]\n");
                return 125;
        }
        /* no_new_privs would reach the container and change what is tested */
        seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
        for (char *call = strtok_r(argv[1], ",", &save); call; call = strtok_r(NULL, ",", &save))
                if (deny(filter, call) < 0)
                        return 125;
        if (seccomp_load(filter) < 0) {
                perror("without: seccomp_load");
                return 125;
        }
        seccomp_release(filter);
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        return 127;
}
