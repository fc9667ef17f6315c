/* compare.h - is the new worse than the old?
 *
 * Of each metric the medians over the runs of a side stand against each other. Worse is what is worse
 * by more than the tolerance and, with COMPARE_RUNS runs on both sides or more, beyond what noise
 * explains (ranks.h). A fault that no old run has and a new one has is always worse. Void runs are
 * left out. A percentile with fewer than COMPARE_BEYOND values above it is shown and not judged. */
#ifndef RT_BENCH_COMPARE_H
#define RT_BENCH_COMPARE_H

#include "base/err.h"
#include "bench/results.h"

#define COMPARE_RUNS   5
#define COMPARE_BEYOND 10
#define COMPARE_NOISE  0.01 /* a change as improbable as that is no noise */
#define COMPARE_ROWS   32

enum change { CHANGE_NONE, CHANGE_NOISE, CHANGE_BETTER, CHANGE_WORSE, CHANGE_UNJUDGED };

extern const char *const change_names[]; /* "", "noise", "better", "WORSE", "not judged" */

struct compare_row {
	const char *name, *unit;
	double old, new, ratio; /* medians, new / old; ratio < 0: old is 0 and new is not */
	double p;               /* of the rank test; < 0: too few runs */
	enum change change;
};

struct compare_side {
	const char *name; /* of its file */
	size_t n, n_void; /* runs that count, and not */
	const struct result *first;
};

struct comparison {
	struct compare_row rows[COMPARE_ROWS];
	int n, n_worse, n_better;
	struct compare_side old, new;
	bool few;
	double tolerance; /* 0.1: 10 % */
	struct buf notes; /* lines: void runs, settings that differ */
};

/* "10%" or "10"; 0 or ERR_USAGE. */
int compare_tolerance(const char *text, double *tolerance, struct err *e);
/* Names and results are kept by reference. 0; ERR_INVALID when a side has no run that counts. */
int compare_make(struct comparison *c, const char *old_name, const struct results *old,
	const char *new_name, const struct results *new, double tolerance, struct err *e);
void compare_fini(struct comparison *c);
/* A line for each metric, the verdict first; `color`: with escape sequences. */
void compare_table(const struct comparison *c, bool color, struct buf *out);
/* One line of JSON. */
void compare_json(const struct comparison *c, struct buf *out);

#endif
