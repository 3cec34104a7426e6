/* make-topology: write the sysfs tree of a machine into a new directory, or list the machines. */
#include "topologies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
        int fd, r;

        if (argc == 1) {
                for (const char *const *name = st_topologies(); *name; name++)
                        puts(*name);
                return 0;
        }
        if (argc != 3 || (mkdir(argv[2], 0755) < 0 && errno != EEXIST)) {
                fprintf(stderr, "usage: make-topology [MACHINE DIR]\n");
                return 2;
        }
        fd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = fd < 0 ? -errno : st_topology_make(argv[1], fd);
        if (r < 0)
                fprintf(stderr, "make-topology: %s %s: %s\n", argv[1], argv[2], strerror(-r));
        return r < 0;
}
