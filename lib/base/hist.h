/* hist.h - a histogram of durations that loses nothing worth keeping
 *
 *      value:   0 1 2 ... 255 | 256 258 ... 510 | 512 516 ... 1020 | ...
 *      width:   1             | 2               | 4                | ...
 *
 * Log-linear buckets (as in G. Tene's HdrHistogram): exact below 256, 128 buckets for each doubling
 * above, so a value is known to 1/128 (0.8 %) over the whole range; least, greatest and the sum (to
 * 2^63) are exact. Recording is O(1) and allocates only when a greater value than ever before arrives. Two
 * histograms added are the histogram of all their values, and the text form loses nothing: so what
 * several machines measured can be merged. The unit is the caller's; rt records nanoseconds. */
#ifndef RT_BASE_HIST_H
#define RT_BASE_HIST_H

#include "base/buf.h"

#define HIST_SUB_BITS 8
#define HIST_MAX      (UINT64_C(1) << 48) /* greater values count as this: 78 hours in ns */

struct hist {
	uint64_t *counts;
	size_t cap; /* buckets that counts has room for */
	uint64_t n, min, max; /* min and max mean nothing while n is 0 */
	long double sum;
};

void hist_fini(struct hist *h); /* it is empty and usable again */
/* Empties it and keeps its memory. */
void hist_clear(struct hist *h);
void hist_add_n(struct hist *h, uint64_t value, uint64_t n);
static inline void hist_add(struct hist *h, uint64_t value)
{
	hist_add_n(h, value, 1);
}
/* Everything of `from` as well. */
void hist_merge(struct hist *h, const struct hist *from);
/* The value that `percent` (0 to 100) of all values do not exceed: the upper end of its bucket,
 * never more than the greatest value seen; 0 when the histogram is empty. */
uint64_t hist_percentile(const struct hist *h, double percent);
double hist_mean(const struct hist *h);

/* Buckets that hold something, in order of value: `*bucket` starts at 0. False after the last. */
bool hist_next(const struct hist *h, size_t *bucket, uint64_t *low, uint64_t *high, uint64_t *n);
/* {"n":..,"min":..,"max":..,"sum":..,"buckets":[[low,count],...]} */
void hist_format(const struct hist *h, struct buf *out);

#endif
