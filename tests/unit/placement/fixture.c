#include "fixture.h"

#include "../../support/topologies/topologies.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stint/fs.h>

struct fixture fixture_make(const char *machine) {
        struct fixture fixture = {.path = "/dev/shm/stint-test.XXXXXX"};

        /* thousands of files: seconds on a slow disk */
        if (access("/dev/shm", W_OK) < 0)
                strcpy(fixture.path, "/tmp/stint-test.XXXXXX");
        cr_assert(mkdtemp(fixture.path));
        fixture.fd = open(fixture.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cr_assert_geq(fixture.fd, 0);
        cr_assert_eq(st_topology_make(machine, fixture.fd), 0);
        return fixture;
}

struct fixture fixture_read(const char *machine) {
        struct fixture fixture = fixture_make(machine);
        struct st_error err = {0};

        cr_assert_eq(rt_topology_read(fixture.path, &fixture.topology, &err), 0, "%s", err.msg);
        return fixture;
}

void fixture_put(const struct fixture *fixture, const char *path, const char *text) {
        st_autoclose int fd =
                openat(fixture->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        cr_assert_geq(fd, 0, "%s", path);
        cr_assert_eq(st_write_all(fd, text, strlen(text)), 0);
}

void fixture_drop(const struct fixture *fixture, const char *path) {
        cr_assert_eq(st_remove_tree_at(fixture->fd, path), 0, "%s", path);
}

void fixture_remove(struct fixture *fixture) {
        rt_topology_free(fixture->topology);
        close(fixture->fd);
        cr_expect_eq(st_remove_tree_at(AT_FDCWD, fixture->path), 0);
}

struct rt_cpus cpus(const char *list) {
        struct rt_cpus set;

        cr_assert_eq(rt_cpus_parse(list, &set), 0, "%s", list);
        return set;
}

const char *show(const struct rt_cpus *set) {
        static char bufs[4][1024];
        static unsigned next;

        next = (next + 1) % 4;
        return rt_cpus_print(set, bufs[next], sizeof bufs[next]);
}
