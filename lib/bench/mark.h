/* mark.h - what a load generator writes into each message, to know it again
 *
 *      rtb.RRRRRRPPPPNNNNNNNTTTTTTTTTTSSSSSSSS
 *          run   |   number |         sent after, ns
 *                stream     intended, ns
 *
 * A mark is found by its first bytes wherever a server puts the payload: as JSON, as a string
 * inside JSON, beside metadata of its own. Its alphabet is that of base64url, which no
 * encoding of text escapes, and its length is fixed, so finding and reading it costs some tens of
 * nanoseconds. Times are of the monotonic clock of the machine that ran the publisher. */
#ifndef RT_BENCH_MARK_H
#define RT_BENCH_MARK_H

#include "base/buf.h"

#define MARK_BYTES 39

struct mark {
	uint64_t run;      /* below 2^36, drawn once a run; 16 of its bits name the machine */
	uint32_t stream;   /* below 2^24: one publisher in one room */
	uint64_t number;   /* below 2^42, counts from 0 in its stream without holes */
	uint64_t due_ns;   /* when the message was to be sent; below 2^60 */
	uint64_t after_ns; /* it was really sent so much later; below 2^48, more counts as that */
};

void mark_write(char out[MARK_BYTES], const struct mark *m);
/* The first mark in `*text`, which then begins behind it. False when there is none (and `*text` is
 * what could be the beginning of one). */
bool mark_find(struct str *text, struct mark *m);

#endif
