/* report.h - a result for people */
#ifndef RT_BENCH_REPORT_H
#define RT_BENCH_REPORT_H

#include "bench/limits.h"
#include "bench/result.h"

/* The summary: a page at most, 80 columns. */
void report_table(const struct result *r, struct buf *out);
/* report_connect.c: lines of the summary, where there is something to say. */
void report_connecting(const struct result *r, struct buf *out);
void report_memory(const struct result *r, struct buf *out);
void report_heard(const struct result *r, struct buf *out);
/* One second of a run, for the line that a terminal shows. */
void report_line(const struct result_sample *s, struct buf *out);

#endif
