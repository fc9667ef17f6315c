/* sources.h - local addresses that connections come from, in turn
 *
 * A machine has some 28,000 ports for one address of a server; from ten addresses of its own it makes
 * ten times as many connections. "127.0.0.2-127.0.0.9,10.0.0.7" */
#ifndef RT_BENCH_SOURCES_H
#define RT_BENCH_SOURCES_H

#include "base/err.h"
#include "base/str.h"

#define SOURCES_MAX 65536

struct sources {
	char **v;
	unsigned n; /* 0: any */
};

/* Zeroed before. 0, or ERR_USAGE with a sentence; sources_fini in any case. */
int sources_parse(struct sources *s, const char *text, struct err *e);
/* The address of the i-th connection; NULL: any, as of no sources. */
const char *sources_of(const struct sources *s, unsigned i);
void sources_fini(struct sources *s);

#endif
