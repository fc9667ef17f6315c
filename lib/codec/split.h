/* split.h - finds where one JSON value ends in a stream of them
 *
 * For request bodies of objects run together ("{..}{..}", pretty-printed or not): counts brackets
 * outside strings, as bytes arrive, in O(1) a byte, and validates nothing else; scan_json proves
 * the value found. */
#ifndef RT_CODEC_SPLIT_H
#define RT_CODEC_SPLIT_H

#include "base/str.h"

struct split {
	uint64_t depth;
	bool started, in_string, escaped, scalar;
};

/* Feeds `s`; returns the count of bytes up to and including the end of the value begun (leading
 * whitespace included), or -1 when it does not end in `s` (all of it was consumed: feed only what
 * follows). An array or object ends with its bracket and a string with its quote; anything else
 * ends before whitespace, a bracket or a quote, or by the end of input, so that 0 means: what was
 * fed before is the whole value. A bracket that closes nothing is a value of its own (scan_json
 * refuses it). After a value the state is reset. */
long split_feed(struct split *p, struct str s);
/* True between values: nothing but whitespace was fed since the last one ended. */
bool split_idle(const struct split *p);

#endif
