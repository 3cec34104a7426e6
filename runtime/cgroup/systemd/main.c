/* stint-systemd: makes, changes and stops a container's scope for stint, which links no D-Bus
 * itself.
 *
 *     stint-systemd [--user] start UNIT PROPERTY...
 *     stint-systemd [--user] set UNIT PROPERTY...
 *     stint-systemd [--user] stop UNIT
 *
 * The last line on standard output is the answer: "ok CGROUP" or "error ERRNO TEXT". */
#include "scope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
        DEADLINE_SEC = 120
}; /* systemd hangs: an end by SIGALRM, which stint reports as no answer */

static int fail(int r, const char *why) {
        (void)printf("error %d %s\n", -r, why);
        return EXIT_FAILURE;
}

int main(int argc, char **argv) {
        enum scope_bus which = argc > 1 && !strcmp(argv[1], "--user") ? SCOPE_USER : SCOPE_SYSTEM;
        char *const *args = argv + 1 + (which == SCOPE_USER);
        char why[1024] = "", *cgroup = NULL;
        sd_bus *bus = NULL;
        int r;

        if (!args[0] || !args[1])
                return fail(-EINVAL,
                            "usage: stint-systemd [--user] start|set|stop UNIT [PROPERTY...]");
        (void)alarm(DEADLINE_SEC);
        r = scope_connect(which, &bus, why, sizeof why);
        if (r < 0)
                return fail(r, why);
        if (!strcmp(args[0], "start"))
                r = scope_start(bus, args[1], args + 2, &cgroup, why, sizeof why);
        else if (!strcmp(args[0], "set"))
                r = scope_set(bus, args[1], args + 2, why, sizeof why);
        else if (!strcmp(args[0], "stop"))
                r = scope_stop(bus, args[1], why, sizeof why);
        else
                r = -EINVAL, (void)snprintf(why, sizeof why, "no such verb: %s", args[0]);
        sd_bus_flush_close_unref(bus);
        if (r < 0)
                return fail(r, why);
        (void)printf("ok %s\n", cgroup ? cgroup : "/");
        free(cgroup);
        return EXIT_SUCCESS;
}
