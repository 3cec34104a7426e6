/* make-trace: arrivals and ends for `stint place --simulate`, the same ones for the same words.
 *
 *   make-trace waves CPUS STEPS [TENANTS [SEED]]     8-CPU tasks that fill the machine, and all end
 *   make-trace mix-LOAD CPUS STEPS [TENANTS [SEED]]  tasks of 1 to 24 CPUs come and go at random
 * and keep LOAD percent of the CPUs busy */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LIVE = 4096 };

static struct { unsigned id, n_cpus; } live[MAX_LIVE];

static unsigned n_live, n_busy, next_id, tenants = 1;
static uint64_t state;

static unsigned dice(unsigned sides) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (unsigned)(state >> 33) % sides;
}

static void start(unsigned n_cpus) {
        unsigned tenant = dice(tenants);

        printf("{\"event\":\"start\",\"id\":\"t%u\",\"cpus\":%u,\"tenant\":\"%c\",\"job\":\"j%u\"}"
               "\n",
               next_id, n_cpus, 'a' + tenant % 26, dice(8));
        live[n_live].id = next_id++;
        live[n_live++].n_cpus = n_cpus;
        n_busy += n_cpus;
}

static void end(unsigned index) {
        printf("{\"event\":\"end\",\"id\":\"t%u\"}\n", live[index].id);
        n_busy -= live[index].n_cpus;
        live[index] = live[--n_live];
}

/* One of eight tasks lasts into the next wave. */
static void waves(unsigned n_cpus, unsigned n_steps) {
        for (unsigned step = 0; step < n_steps;) {
                for (; n_busy + 8 <= n_cpus && n_live < MAX_LIVE; step++)
                        start(8);
                for (unsigned i = n_live; i-- > 0;) {
                        if (dice(8) > 0)
                                end(i);
                }
        }
}

static void mix(unsigned load, unsigned n_cpus, unsigned n_steps) {
        static const unsigned sizes[] = {1, 1, 2, 2, 4, 4, 8, 8, 16, 24};

        for (unsigned step = 0; step < n_steps; step++) {
                unsigned size = sizes[dice(sizeof sizes / sizeof *sizes)];

                while (size * 2 > n_cpus)
                        size /= 2;
                while (n_live > 0 && (n_live == MAX_LIVE || (n_busy + size) * 100 > n_cpus * load))
                        end(dice(n_live));
                start(size);
        }
}

int main(int argc, char **argv) {
        unsigned load = 0;
        bool mixed = argc > 1 && sscanf(argv[1], "mix-%u", &load) == 1 && load > 0 && load <= 100;

        if (argc < 4 || argc > 6 || (!mixed && strcmp(argv[1], "waves") != 0)) {
                fprintf(stderr, "usage: make-trace waves|mix-LOAD CPUS STEPS [TENANTS [SEED]]\n");
                return 2;
        }
        tenants = argc > 4 && atoi(argv[4]) > 0 ? (unsigned)atoi(argv[4]) : 1;
        state = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
        if (mixed)
                mix(load, (unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
        else
                waves((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
        return fflush(stdout) != 0;
}
