/* tests/unit/placement/fixture.h: machines of tests/support/topologies in a directory of their own.
 */
#pragma once
#include <stint/placement.h>

struct fixture {
        char path[64];
        int fd;
        struct rt_topology *topology; /* when asked for */
};

struct fixture fixture_make(const char *machine); /* files only */
struct fixture fixture_read(const char *machine); /* files and topology */
void fixture_put(const struct fixture *fixture, const char *path, const char *text);
void fixture_drop(const struct fixture *fixture, const char *path);
void fixture_remove(struct fixture *fixture);

#define FIXTURE(name, machine)                                                                     \
        __attribute__((cleanup(fixture_remove))) struct fixture name = fixture_read(machine)
#define FILES(name, machine)                                                                       \
        __attribute__((cleanup(fixture_remove))) struct fixture name = fixture_make(machine)

/* A set from a list that is well formed. */
struct rt_cpus cpus(const char *list);
/* Its list, in one of a few static buffers. */
const char *show(const struct rt_cpus *set);
