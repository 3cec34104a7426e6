/* picture.c: the node as boxes, for people. */
#include <string.h>

#include <stint/placement.h>

enum {
        WIDTH = 79,
        MAX_COLUMNS = 64, /* cores beside each other; more go below */
        MAX_BOXES = WIDTH / 4,
        CELL = 12, /* of the SVG, in pixels */
        SVG_WIDTH = 960
};

/* A domain as a grid of cells. */
struct box {
        unsigned domain, n_columns, n_rows, n_threads, width;
        char title[32];
};

struct picture {
        const struct rt_topology *t;
        const struct rt_cpus *taken, *chosen;
        FILE *out; /* NULL: only measure (SVG) */
};

/* The @n-th thread of the @k-th core of a domain; RT_MAX_CPUS when it has none. */
static unsigned cpu_at(const struct picture *p, unsigned domain, unsigned k, unsigned n) {
        const struct rt_groups *cores = &p->t->levels[RT_LEVEL_CORE];
        unsigned i = 0;

        RT_FOREACH_CPU(cpu, &p->t->domains.sets[domain]) {
                const struct rt_cpus *core = &cores->sets[cores->of[cpu]];
                unsigned thread = 0;

                if (rt_cpus_next(core, 0) != cpu || i++ != k)
                        continue;
                RT_FOREACH_CPU(sibling, core) {
                        if (thread++ == n)
                                return sibling;
                }
                return RT_MAX_CPUS;
        }
        return RT_MAX_CPUS;
}

static struct box measure(const struct picture *p, unsigned domain) {
        const struct rt_groups *cores = &p->t->levels[RT_LEVEL_CORE];
        struct box box = {.domain = domain};
        unsigned n_cores = 0, title;

        RT_FOREACH_CPU(cpu, &p->t->domains.sets[domain]) {
                const struct rt_cpus *core = &cores->sets[cores->of[cpu]];
                unsigned n_threads = rt_cpus_count(core);

                n_cores += rt_cpus_next(core, 0) == cpu;
                box.n_threads = n_threads > box.n_threads ? n_threads : box.n_threads;
        }
        title = (unsigned)snprintf(box.title, sizeof box.title, "%s %u", /* fits */
                                   rt_level_name(p->t->domain_level), domain);
        box.n_columns = n_cores < MAX_COLUMNS ? n_cores : MAX_COLUMNS;
        box.n_rows = (n_cores + MAX_COLUMNS - 1) / MAX_COLUMNS * box.n_threads;
        box.width = (box.n_columns > title ? box.n_columns : title) + 2;
        return box;
}

/* The CPU of a cell; RT_MAX_CPUS for none. */
static unsigned cell(const struct picture *p, const struct box *box, unsigned row,
                     unsigned column) {
        if (row >= box->n_rows || column >= box->n_columns)
                return RT_MAX_CPUS;
        return cpu_at(p, box->domain, row / box->n_threads * MAX_COLUMNS + column,
                      row % box->n_threads);
}

static unsigned node_of(const struct picture *p, unsigned domain) {
        return p->t->levels[RT_LEVEL_NODE].of[rt_cpus_next(&p->t->domains.sets[domain], 0)];
}

/* ---- text ---- */

static char letter(const struct picture *p, unsigned cpu) {
        if (cpu == RT_MAX_CPUS)
                return ' ';
        if (rt_cpus_has(p->chosen, cpu))
                return '#';
        return rt_cpus_has(p->taken, cpu) ? 'x' : '.';
}

static void dashes(FILE *out, unsigned n) {
        for (; n > 0; n--)
                fputc('-', out);
}

/* One line of a box: its upper border, a row, or its lower one; empty below. */
static void print_line(const struct picture *p, const struct box *box, unsigned line) {
        unsigned inner = box->width - 2;

        if (line == 0) {
                fprintf(p->out, "+%s", box->title);
                dashes(p->out, inner - (unsigned)strlen(box->title));
                fputc('+', p->out);
        } else if (line <= box->n_rows) {
                fputc('|', p->out);
                for (unsigned column = 0; column < inner; column++)
                        fputc(letter(p, cell(p, box, line - 1, column)), p->out);
                fputc('|', p->out);
        } else if (line == box->n_rows + 1) {
                fputc('+', p->out);
                dashes(p->out, inner);
                fputc('+', p->out);
        } else {
                fprintf(p->out, "%*s", (int)box->width, "");
        }
}

static void print_boxes(const struct picture *p, const struct box *boxes, unsigned n) {
        unsigned n_lines = 0;

        for (unsigned i = 0; i < n; i++)
                n_lines = boxes[i].n_rows + 2 > n_lines ? boxes[i].n_rows + 2 : n_lines;
        for (unsigned line = 0; line < n_lines; line++) {
                for (unsigned i = 0; i < n; i++) {
                        fputs(i ? " " : "", p->out);
                        print_line(p, &boxes[i], line);
                }
                fputc('\n', p->out);
        }
}

/* The domains of a node, as many beside each other as fit. */
static void print_node(const struct picture *p, unsigned node) {
        struct box boxes[MAX_BOXES];
        unsigned n = 0, width = 0;

        for (unsigned i = 0; i < p->t->domains.n; i++) {
                struct box box;

                if (node_of(p, i) != node)
                        continue;
                box = measure(p, i);
                if (n == MAX_BOXES || (n > 0 && width + box.width > WIDTH)) {
                        print_boxes(p, boxes, n);
                        n = width = 0;
                }
                boxes[n++] = box;
                width += box.width + 1;
        }
        print_boxes(p, boxes, n);
}

void rt_picture_text(const struct rt_topology *topology, const struct rt_cpus *taken,
                     const struct rt_cpus *chosen, FILE *out) {
        struct picture p = {topology, taken, chosen, out};

        for (unsigned i = 0; i < topology->levels[RT_LEVEL_NODE].n; i++) {
                if (rt_cpus_is_empty(&topology->levels[RT_LEVEL_NODE].sets[i]))
                        continue;
                fprintf(out, "NUMA node %u\n", topology->node_ids[i]);
                print_node(&p, i);
        }
        fputs("# chosen   x taken   . free;  a column is a core, a row its threads\n", out);
}

/* ---- SVG ---- */

static const char *colour(const struct picture *p, unsigned cpu) {
        if (rt_cpus_has(p->chosen, cpu))
                return "#2563eb";
        return rt_cpus_has(p->taken, cpu) ? "#9ca3af" : "#e5e7eb";
}

static void text_at(FILE *out, unsigned x, unsigned y, const char *text) {
        if (out)
                fprintf(out, "<text x=\"%u\" y=\"%u\">%s</text>\n", x, y, text);
}

static unsigned svg_width(const struct box *box) {
        unsigned columns = box->n_columns > 5 ? box->n_columns : 5; /* the title needs as much */

        return (columns + 1) * CELL;
}

static unsigned svg_height(const struct box *box) {
        return (box->n_rows + 2) * CELL;
}

static void draw_box(const struct picture *p, const struct box *box, unsigned x, unsigned y) {
        fprintf(p->out,
                "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"none\" "
                "stroke=\"#374151\"/>\n",
                x, y, svg_width(box), svg_height(box));
        text_at(p->out, x + CELL / 2, y + CELL, box->title);
        for (unsigned row = 0; row < box->n_rows; row++) {
                for (unsigned column = 0; column < box->n_columns; column++) {
                        unsigned cpu = cell(p, box, row, column);

                        if (cpu == RT_MAX_CPUS)
                                continue;
                        fprintf(p->out,
                                "<rect x=\"%u\" y=\"%u\" width=\"%d\" height=\"%d\" fill=\"%s\">"
                                "<title>CPU %u</title></rect>\n",
                                x + CELL / 2 + column * CELL, y + CELL * 3 / 2 + row * CELL,
                                CELL - 1, CELL - 1, colour(p, cpu), cpu);
                }
        }
}

/* Returns where the next node begins. */
static unsigned draw_node(const struct picture *p, unsigned node, unsigned y) {
        unsigned x = CELL, tallest = 0;
        char title[32];

        (void)snprintf(title, sizeof title, "NUMA node %u", p->t->node_ids[node]); /* fits */
        text_at(p->out, x, y + CELL, title);
        y += CELL * 3 / 2;
        for (unsigned i = 0; i < p->t->domains.n; i++) {
                struct box box;

                if (node_of(p, i) != node)
                        continue;
                box = measure(p, i);
                if (x > CELL && x + svg_width(&box) > SVG_WIDTH) {
                        x = CELL;
                        y += tallest + CELL;
                        tallest = 0;
                }
                if (p->out)
                        draw_box(p, &box, x, y);
                x += svg_width(&box) + CELL;
                tallest = svg_height(&box) > tallest ? svg_height(&box) : tallest;
        }
        return y + tallest + CELL;
}

/* Returns the height. */
static unsigned draw_nodes(const struct picture *p) {
        unsigned y = CELL;

        for (unsigned i = 0; i < p->t->levels[RT_LEVEL_NODE].n; i++) {
                if (!rt_cpus_is_empty(&p->t->levels[RT_LEVEL_NODE].sets[i]))
                        y = draw_node(p, i, y);
        }
        text_at(p->out, CELL, y + CELL, "blue: chosen, grey: taken, light: free");
        return y + 2 * CELL;
}

void rt_picture_svg(const struct rt_topology *topology, const struct rt_cpus *taken,
                    const struct rt_cpus *chosen, FILE *out) {
        struct picture p = {topology, taken, chosen, NULL};

        fprintf(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" "
                "font-family=\"sans-serif\" font-size=\"%d\">\n",
                SVG_WIDTH + CELL, draw_nodes(&p), CELL - 2);
        p.out = out;
        st_ignore((int)draw_nodes(&p)); /* as high as before */
        fputs("</svg>\n", out);
}
