/* limits.h - what a run must hold: --max p99=50ms,lost=0 --min rate=10k/s,received=99% */
#ifndef RT_BENCH_LIMITS_H
#define RT_BENCH_LIMITS_H

#include "bench/result.h"

#define LIMITS_MAX 64

struct limit {
	struct str name; /* points into the text that was parsed */
	bool max;        /* else min */
	double value;    /* as result_metric gives it */
	struct str text; /* the value as written */
};

struct limits {
	struct limit v[LIMITS_MAX];
	int n;
};

/* Adds the limits of `text`, which is kept by reference. 0, or ERR_USAGE with a sentence. */
int limits_parse(struct limits *l, const char *text, bool max, struct err *e);
/* How many were missed; their sentences become r->missed. A metric without samples misses its
 * limit. */
int limits_check(const struct limits *l, struct result *r);

#endif
