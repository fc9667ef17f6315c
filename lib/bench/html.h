/* html.h - a result as one page that needs nothing else
 *
 * Light or dark as the reader's screen is, printable, readable without its script, which only shows
 * values under the pointer. All that came from outside is escaped. */
#ifndef RT_BENCH_HTML_H
#define RT_BENCH_HTML_H

#include "bench/result.h"

void html_report(const struct result *r, struct buf *out);

#endif
