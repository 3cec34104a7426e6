/* replay: run a fuzz target over files and directories of inputs, where libFuzzer is not at hand.
 * Finding nothing to run is a failure: a corpus that has moved away would pass every test. */
#include "target.h"

#include <fcntl.h>
#include <string.h>

#include <stint/cleanup.h>
#include <stint/fs.h>

static size_t n_inputs;

static int replay_at(int dir_fd, const char *name, const char *shown);

static int replay_directory(int fd, const char *shown) {
        st_autoclosedir DIR *dir = fdopendir(fd);
        const struct dirent *entry;
        int r = 0;

        if (!dir)
                return -errno;
        while ((entry = readdir(dir)) && r == 0)
                if (entry->d_name[0] != '.')
                        r = replay_at(dirfd(dir), entry->d_name, shown);
        return r;
}

static int replay_file(int fd, const char *name) {
        st_autofree char *text = NULL;
        st_autofree uint8_t *input = NULL;
        size_t size;
        int r = st_read_fd(fd, SIZE_MAX / 2, &text, &size);

        if (r < 0)
                return r;
        input = malloc(size ? size : 1); /* exactly as large, so that reading past it is seen */
        if (!input)
                return -ENOMEM;
        memcpy(input, text, size);
        printf("%s: %zu bytes\n", name, size);
        (void)fflush(stdout); /* the last line names the input of a crash */
        (void)LLVMFuzzerTestOneInput(input, size);
        n_inputs++;
        return 0;
}

static int replay_at(int dir_fd, const char *name, const char *shown) {
        int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (fd >= 0)
                return replay_directory(fd, name);
        fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = replay_file(fd, name);
        (void)st_close(fd);
        if (r < 0)
                fprintf(stderr, "%s/%s: %s\n", shown, name, strerror(-r));
        return r;
}

int main(int argc, char **argv) {
        for (int i = 1; i < argc; i++) {
                int r = replay_at(AT_FDCWD, argv[i], ".");
                if (r < 0) {
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
                        return 1;
                }
        }
        printf("%zu inputs\n", n_inputs);
        return n_inputs > 0 ? 0 : 1;
}
