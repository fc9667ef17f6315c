/* streams.h - numbered streams of producers that nobody announced
 *
 * A stream begins with the first number that is seen of it, or where it is said that all begin; it
 * ends with the greatest. What lies before the beginning is not known to be missing: where it
 * nevertheless comes, it is reordered (or, where all begin at one number, early). */
#ifndef RT_BENCH_STREAMS_H
#define RT_BENCH_STREAMS_H

#include "base/map.h"
#include "bench/verdict.h"

#define STREAMS_MAX      1000000
#define STREAMS_KEY_MAX  256     /* bytes of a name */

struct streams {
	struct map map;
	bool fixed;    /* all begin at `from` */
	uint64_t from;
};

/* Zeroed before (and `fixed`, `from` set). Frees all of it; nothing is counted. */
void streams_fini(struct streams *s);
/* Message `number` of the producer `key` has come. False when the name is too long or the table
 * full. */
bool streams_see(struct streams *s, struct str key, uint64_t number, struct verdict *v,
	enum follow_result *what);
/* Something was declared missing: of whom is not known. */
void streams_tell_gap(struct streams *s);
/* No more comes: holes are lost. */
void streams_end(struct streams *s, struct verdict *v);

#endif
