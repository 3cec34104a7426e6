/* report.c: what the samples say. */
#include "report.h"

#include <math.h>
#include <stdlib.h>

static const struct {
        const char *key;
        const char *title;
} metrics[N_METRICS] = {
        [METRIC_WALL] = {"wall_us", "wall, us"},
        [METRIC_CPU] = {"cpu_us", "CPU time, us"},
        [METRIC_USER] = {"user_us", "of it user, us"},
        [METRIC_MAXRSS] = {"maxrss_kib", "peak RSS, KiB"},
        [METRIC_FAULTS] = {"faults", "page faults"},
        [METRIC_SWITCHES] = {"switches", "context switches"},
        [METRIC_TASK_CLOCK] = {"task_clock_us", "task clock, us"},
        [METRIC_CYCLES] = {"cycles", "cycles"},
        [METRIC_INSTRUCTIONS] = {"instructions", "instructions"},
        [METRIC_RATE] = {"rate", "programs a second"},
};

static int compare_doubles(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

/* One metric of a series, sorted; NULL when a sample lacks it. The caller frees it. */
static double *sorted_values(const struct series *series, enum metric metric) {
        double *values = calloc(series->n_samples, sizeof *values);

        if (!values)
                return NULL;
        for (size_t i = 0; i < series->n_samples; i++) {
                values[i] = series->samples[i].value[metric];
                if (isnan(values[i])) {
                        free(values);
                        return NULL;
                }
        }
        qsort(values, series->n_samples, sizeof *values, compare_doubles);
        return values;
}

/* Linear between the two nearest samples. */
static double percentile(const double *sorted, size_t n, double fraction) {
        double position = fraction * (double)(n - 1);
        size_t below = (size_t)position, above = below + 1 < n ? below + 1 : below;

        return sorted[below] + (position - (double)below) * (sorted[above] - sorted[below]);
}

struct summary {
        double median, p10, p90;
};

static bool summarize(const struct series *series, enum metric metric, struct summary *ret) {
        double *values = sorted_values(series, metric);

        if (!values)
                return false;
        *ret = (struct summary) {
                .median = percentile(values, series->n_samples, 0.5),
                .p10 = percentile(values, series->n_samples, 0.1),
                .p90 = percentile(values, series->n_samples, 0.9),
        };
        free(values);
        return true;
}

static void print_ratio(FILE *out, double value, double base) {
        if (base > 0)
                fprintf(out, " %8.3f", value / base);
        else
                fprintf(out, " %8s", "-");
}

void report_table(FILE *out, const struct series *series, size_t n_series) {
        for (size_t metric = 0; metric < N_METRICS; metric++) {
                struct summary base, s;

                if (!summarize(&series[0], metric, &base))
                        continue;
                fprintf(out, "%-18s %12s %12s %12s %8s %8s\n", metrics[metric].title, "median",
                        "p10", "p90", "ratio", "p10");
                for (size_t i = 0; i < n_series; i++) {
                        if (!summarize(&series[i], metric, &s))
                                continue;
                        fprintf(out, "  %-16s %12.1f %12.1f %12.1f", series[i].name, s.median,
                                s.p10, s.p90);
                        print_ratio(out, s.median, base.median);
                        print_ratio(out, s.p10, base.p10);
                        fputc('\n', out);
                }
        }
}

static void json_series(FILE *out, const struct series *series) {
        const char *separator = "";

        fprintf(out, "\"%s\": {", series->name);
        for (size_t metric = 0; metric < N_METRICS; metric++) {
                struct summary s;

                if (!summarize(series, metric, &s))
                        continue;
                fprintf(out, "%s\"%s\": {\"median\": %.3f, \"p10\": %.3f, \"p90\": %.3f}",
                        separator, metrics[metric].key, s.median, s.p10, s.p90);
                separator = ", ";
        }
        fputc('}', out);
}

void report_json(FILE *out, const struct series *series, size_t n_series) {
        fprintf(out, "{");
        for (size_t i = 0; i < n_series; i++) {
                fputs(i ? ",\n " : "", out);
                json_series(out, &series[i]);
        }
        fprintf(out, "}\n");
}
