/* runtime/batch/histogram.h: times by powers of two, four steps each: any quantile within 19 %. */
#pragma once
#include <stdint.h>

enum { RT_HISTOGRAM_STEPS = 4, RT_HISTOGRAM_BUCKETS = 64 * RT_HISTOGRAM_STEPS };

struct rt_histogram {
        uint64_t counts[RT_HISTOGRAM_BUCKETS];
        uint64_t n, max_nsec;
};

void rt_histogram_add(struct rt_histogram *histogram, uint64_t nsec);
/* The time that @part of them (0.5: half) do not exceed; 0 when there are none. */
uint64_t rt_histogram_quantile(const struct rt_histogram *histogram, double part);
