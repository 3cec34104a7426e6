/* report.h: medians, percentiles and ratios of samples, as a table or as JSON. */
#pragma once
#include "measure.h"

#include <stdio.h>

struct series {
        const char *name;
        struct sample *samples;
        size_t n_samples;
};

/* Ratios are to the first series. */
void report_table(FILE *out, const struct series *series, size_t n_series);
void report_json(FILE *out, const struct series *series, size_t n_series);
