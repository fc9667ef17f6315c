/* ranks.h - do two samples come from the same? (Mann and Whitney 1947, on ranks with ties) */
#ifndef RT_BENCH_RANKS_H
#define RT_BENCH_RANKS_H

#include <stddef.h>

/* How probable a difference of ranks at least this great is, to either side, when there is none.
 * Exact, over all ways to deal the values out, up to RANKS_EXACT values together; above that by the
 * normal distribution with its correction for ties. 1 when a side is empty. */
#define RANKS_EXACT 100

double ranks_test(const double *a, size_t n_a, const double *b, size_t n_b);
/* Sorts the values; n > 0. */
double ranks_median(double *v, size_t n);

#endif
