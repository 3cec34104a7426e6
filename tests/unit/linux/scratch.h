/* tests/unit/linux/scratch.h: a directory that a test may fill, and leaves no trace. */
#pragma once
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stint/fs.h>

struct scratch {
        char path[64];
        int fd;
};

static inline struct scratch scratch_make(void) {
        struct scratch scratch = {.path = "/tmp/stint-test.XXXXXX"};

        cr_assert(mkdtemp(scratch.path));
        scratch.fd = open(scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cr_assert_geq(scratch.fd, 0);
        return scratch;
}

static inline void scratch_remove(struct scratch *scratch) {
        close(scratch->fd);
        cr_expect_eq(st_remove_tree_at(AT_FDCWD, scratch->path), 0);
}

#define SCRATCH(name) __attribute__((cleanup(scratch_remove))) struct scratch name = scratch_make()
