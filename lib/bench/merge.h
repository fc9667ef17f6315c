/* merge.h - results of several machines, or of one after the other, as one
 *
 * Counts and histograms are exactly those of one run that did all of it. Samples of the same second,
 * by the machines' clocks, become one: there counts add up, and of a percentile, which cannot be
 * added, the worst stands. */
#ifndef RT_BENCH_MERGE_H
#define RT_BENCH_MERGE_H

#include "bench/result.h"

/* `out` is initialised and empty; the n (> 0) results are put in the order of their time. */
void results_merge(struct result *out, struct result **v, size_t n);

#endif
