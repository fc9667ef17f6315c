/* figure.h - numbers for people: three digits that matter, a unit, thousands apart */
#ifndef RT_BENCH_FIGURE_H
#define RT_BENCH_FIGURE_H

#include "base/buf.h"

/* Appends "1,234,567". */
void figure_count(struct buf *out, uint64_t n);
/* The integer next to v >= 0; of what no integer holds, a great one. */
uint64_t figure_round(double v);
/* Appends a value in one of the units of result_metric: "ns" "12.3 ms", "/s" "1,234/s",
 * "%" "99.98 %" (never 100 for what is not whole), "bytes" "12.3 MiB", "" "1,234". */
void figure_value(struct buf *out, double value, const char *unit);

#endif
