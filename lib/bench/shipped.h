/* shipped.h - the profiles that come with the program */
#ifndef RT_BENCH_SHIPPED_H
#define RT_BENCH_SHIPPED_H

struct shipped {
	const char *name, *json;
};

extern const struct shipped shipped_profiles[]; /* ends with a NULL name */

#endif
