/* results.h - files of results: a line of JSON each, as `rt-bench -f json >> FILE` leaves them */
#ifndef RT_BENCH_RESULTS_H
#define RT_BENCH_RESULTS_H

#include "bench/result.h"

struct results {
	struct result **v;
	size_t n, cap;
};

/* Adds the runs of a file ("-": stdin). 0; else a sentence with file and line: ERR_INVALID,
 * ERR_IO. A file without any is ERR_INVALID. */
int results_read(struct results *all, const char *path, struct err *e);
void results_fini(struct results *all);

#endif
