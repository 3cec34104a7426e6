#include "fixture.h"
#include "leaks.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(picture, .fini = st_test_no_leaks);

typedef void (*draw)(const struct rt_topology *topology, const struct rt_cpus *taken,
                     const struct rt_cpus *chosen, FILE *out);

static char *drawn(draw draw_it, const struct fixture *f, const char *taken, const char *chosen) {
        struct rt_cpus a = cpus(taken), b = cpus(chosen);
        char *text = NULL;
        size_t length;
        FILE *out = open_memstream(&text, &length);

        cr_assert(out);
        draw_it(f->topology, &a, &b, out);
        cr_assert_eq(fclose(out), 0);
        return text;
}

static unsigned count(const char *text, const char *what) {
        unsigned n = 0;

        for (; (text = strstr(text, what)); text++)
                n++;
        return n;
}

Test(picture, nodes_and_threads_have_lines_of_their_own) {
        FIXTURE(f, "xeon-8490h-snc4");
        st_autofree char *text = drawn(rt_picture_text, &f, "60", "0-14,61-74");

        cr_expect(strstr(text, "NUMA node 3\n"), "%s", text);
        cr_expect(strstr(text, "|###############|\n|x##############|\n"), "%s", text);
}

Test(picture, no_line_is_wider_than_a_terminal) {
        static const char *const machines[] = {"altra-128", "epyc-9654-2s", "i7-12850hx",
                                               "restricted"};

        for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
                FIXTURE(f, machines[i]);
                st_autofree char *text = drawn(rt_picture_text, &f, "", "");

                cr_expect_eq(count(text, "."), rt_cpus_count(&f.topology->cpus) + 1, "%s", text);
                for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
                        cr_expect_lt(strlen(line), 80, "%s: %s", machines[i], line);
        }
}

Test(picture, svg_has_a_cell_for_each_cpu) {
        FIXTURE(f, "epyc-9654-2s");
        st_autofree char *text = drawn(rt_picture_svg, &f, "0-9", "10-12");

        cr_expect_eq(count(text, "<title>CPU "), 384);
        cr_expect_eq(count(text, "#2563eb"), 3);
        cr_expect_eq(count(text, "#9ca3af"), 10);
        cr_expect_eq(count(text, "<rect"), 384 + 24);
        cr_expect_eq(count(text, "L3 "), 24);
}
