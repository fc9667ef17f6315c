/* chart.h - curves as inline SVG inside an HTML figure
 *
 * The SVG holds curves and grid alone, stretched to whatever room there is; the words of the axes are
 * HTML beside it, so that they are as large on a telephone as on a wide screen. Colours, and what is
 * seen of all this, are the style sheet's (html.c). */
#ifndef RT_BENCH_CHART_H
#define RT_BENCH_CHART_H

#include "base/buf.h"

#define CHART_SERIES 4

enum chart_axis {
	CHART_TIME,       /* x in seconds from 0 */
	CHART_PERCENTILE, /* x is log10(1 / (1 - quantile)): 0 is p0, 1 is p90, 2 is p99 ... */
};

struct chart_series {
	const char *name; /* shown; no markup */
	const double *y;  /* n values; NAN where there is none */
};

struct chart {
	const char *title, *caption; /* no markup; caption may be NULL */
	const char *unit;            /* of y, as result_metric's */
	enum chart_axis axis;
	double x_max; /* of the axis; at least that of the last x */
	bool log_y;   /* if values differ enough for it */
	const double *x;
	size_t n;
	struct chart_series series[CHART_SERIES];
	int n_series;
};

/* Appends a <figure>. */
void chart_draw(struct buf *out, const struct chart *c);
/* Appends text from outside; what is no text of one line becomes U+FFFD. */
void chart_escape(struct buf *out, struct str text);

#endif
