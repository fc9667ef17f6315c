/* report.h - a result for people, on a terminal or in a file of text */
#ifndef RT_BENCH_REPORT_H
#define RT_BENCH_REPORT_H

#include "bench/result.h"

struct report_style {
	bool color;
	bool blocks; /* the terminal shows U+2581 to U+2588 */
};

enum report_judgement { REPORT_HELD, REPORT_FAILED, REPORT_VOID };

/* One line for the reader in a hurry: "held: nothing lost, p99 12.3 ms", "LOST 12 of 100,000",
 * "MISSED: p99 is ...", "VOID: ...", "REFUSED: ...". */
enum report_judgement report_verdict(const struct result *r, struct buf *out);
/* The summary, verdict first: a page at most, 80 columns. */
void report_table(const struct result *r, const struct report_style *style, struct buf *out);
/* One second of a run, for the line that a terminal shows; at most `columns` wide. */
void report_line(const struct result_sample *s, int columns, struct buf *out);

#endif
