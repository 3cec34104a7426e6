#include "histogram.h"

/* The power of two, and the two bits below the leading one. */
static unsigned bucket_of(uint64_t nsec) {
        unsigned power;

        if (nsec < RT_HISTOGRAM_STEPS)
                return (unsigned)nsec;
        power = 63 - (unsigned)__builtin_clzll(nsec);
        return power * RT_HISTOGRAM_STEPS + (unsigned)(nsec >> (power - 2) & 3);
}

/* Where the next bucket begins. */
static uint64_t end_of(unsigned bucket) {
        unsigned power = bucket / RT_HISTOGRAM_STEPS, step = bucket % RT_HISTOGRAM_STEPS;

        if (bucket < RT_HISTOGRAM_STEPS)
                return bucket;
        return (UINT64_C(1) << power) + ((uint64_t)(step + 1) << (power - 2)) - 1;
}

void rt_histogram_add(struct rt_histogram *histogram, uint64_t nsec) {
        histogram->counts[bucket_of(nsec)]++;
        histogram->n++;
        if (nsec > histogram->max_nsec)
                histogram->max_nsec = nsec;
}

uint64_t rt_histogram_quantile(const struct rt_histogram *histogram, double part) {
        uint64_t wanted = (uint64_t)(part * (double)histogram->n), seen = 0;

        for (unsigned i = 0; i < RT_HISTOGRAM_BUCKETS; i++) {
                seen += histogram->counts[i];
                if (seen > wanted || (seen == histogram->n && seen > 0))
                        return end_of(i) < histogram->max_nsec ? end_of(i) : histogram->max_nsec;
        }
        return 0;
}
