/* html_part.h - parts of the page that html.c puts together */
#ifndef RT_BENCH_HTML_PART_H
#define RT_BENCH_HTML_PART_H

#include "bench/result.h"

/* html.c: text from outside, escaped; a figure with its unit. */
void html_text(struct buf *out, const char *text);
void html_value(struct buf *out, double v, const char *unit);
/* html_curves.c: the figures, where there is something to draw; and those over time in numbers. */
void html_curves(struct buf *out, const struct result *r);
void html_samples(struct buf *out, const struct result *r);

#endif
