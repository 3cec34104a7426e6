/* The probe: a static program that runs as a container's process and prints what it sees and holds
 * as lines of JSON, for the tests to judge.
 *
 * probe [REQUEST...]: everything, then an answer to each request (requests.c):
 *   only            nothing but the answers that follow
 *   read=PATH       the text of a file          list=PATH       the names in a directory
 *   stat=PATH       lstat                       open=PATH:FLAGS open with r, w, d(irectory), p(ath)
 *   write=PATH:TEXT write to a file that exists mkdir=PATH, mknod=PATH:TYPE:MAJOR:MINOR
 *   call=NAME,...   a system call with up to six numbers
 *   exit=N          leave with that status      hold            stay; print the signals that arrive
 */
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void report_everything(char **argv) {
        report_arguments(argv);
        report_descriptors(); /* before anything else opens one */
        report_identity();
        report_capabilities();
        report_security();
        report_limits();
        report_scheduling();
        report_namespaces();
        report_mounts();
        report_cgroups();
        report_host();
        report_network();
        report_terminal();
        report_devices();
}

int main(int argc, char **argv) {
        int i = 1;

        if (argc > 1 && strcmp(argv[1], "only") == 0)
                i = 2;
        else
                report_everything(argv);
        for (; i < argc; i++) {
                if (strncmp(argv[i], "exit=", 5) == 0)
                        return atoi(argv[i] + 5);
                if (strcmp(argv[i], "hold") == 0)
                        return hold();
                if (!answer_request(argv[i])) {
                        fprintf(stderr, "probe: unknown request %s\n", argv[i]);
                        return 99;
                }
                fflush(stdout);
        }
        return 0;
}
