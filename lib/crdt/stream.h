/* stream.h - joining sorted documents of any size in little memory
 *
 * For files that are canonical already: each is read once, in step with the others, and nothing is
 * kept but a window of each. */
#ifndef RT_CRDT_STREAM_H
#define RT_CRDT_STREAM_H

#include "crdt/crdt.h"

#define STREAM_INPUTS_MAX 16

struct crdt_source {
	/* Reads up to n bytes; 0 at the end, negative on failure. */
	long (*read)(void *arg, char *p, size_t n);
	void *arg;
};

/* Joins the one document of each source (1 to STREAM_INPUTS_MAX) and writes it in the shape wanted
 * (negative: keep). Returns 1 when all is written; 0: this is not for a stream (not sorted, another
 * type, something to report): what was written is to be thrown away; ERR_IO: a source failed.
 *
 * `all`: there is nothing else to join. A causal type is for a stream only then: a part would leave
 * out dots, and what comes later could not tell that one of them is used twice. */
int crdt_stream(const struct crdt_source *sources, size_t n, const struct crdt_options *o,
	int shape, bool all, struct crdt_out *out);

#endif
