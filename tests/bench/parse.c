/* bench-parse FILE: the median time in microseconds of reading a config.json into its typed form
 * and freeing it. */
#include <fcntl.h>
#include <time.h>

#include <stint/fs.h>
#include <stint/spec.h>

enum { ROUNDS = 1001 };

static double now_usec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static int measure(const char *text, size_t length, double *times, struct st_error *err) {
        for (int i = 0; i < ROUNDS; i++) {
                struct st_spec *spec;
                double begin = now_usec();
                int r = st_spec_parse("config.json", text, length, &spec, err);
                if (r < 0)
                        return r;
                st_spec_free(spec);
                times[i] = now_usec() - begin;
        }
        return 0;
}

int main(int argc, char **argv) {
        st_autofree char *text = NULL;
        static double times[ROUNDS];
        struct st_error err = {0};
        size_t length;

        if (argc != 2) {
                fprintf(stderr, "usage: bench-parse CONFIG\n");
                return 2;
        }
        if (st_read_file_at(AT_FDCWD, argv[1], ST_JSON_MAX_SIZE, &text, &length, &err) < 0 ||
            measure(text, length, times, &err) < 0) {
                fprintf(stderr, "bench-parse: %s\n", err.msg);
                return 1;
        }
        qsort(times, ROUNDS, sizeof *times, compare);
        printf("%.1f\n", times[ROUNDS / 2]);
        return 0;
}
