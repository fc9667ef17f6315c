/* pretty.h - canonical text, laid out for people
 *
 * A member or element a line, two spaces a level, as jq does. Text comes in pieces of any size. */
#ifndef RT_CRDT_PRETTY_H
#define RT_CRDT_PRETTY_H

#include "base/buf.h"

/* Zero-initialise. */
struct pretty {
	unsigned depth;
	bool in_string, escaped;
	bool opened; /* a bracket was opened and nothing follows yet */
};

/* Appends what the next piece of a canonical text looks like. */
void pretty_add(struct pretty *p, struct buf *out, struct str text);

#endif
