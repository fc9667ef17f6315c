/* dedup.h - deduplication ids of a publisher (rt-wire(7))
 *
 * A line that came out of `rt-sub -m` names its source, so its id is derived from that and is the same in every run: 128
 * bits of a hash of room, id and n, where n counts consecutive lines with that same pair (jq may make three of one). Any
 * other line gets the random id of this process and a counter, which makes a resend after a reconnect safe. */
#ifndef RT_CLIENT_DEDUP_H
#define RT_CLIENT_DEDUP_H

#include "base/buf.h"

#define DEDUP_HASH_MAX 33 /* 32 hex digits and NUL */

struct dedup {
	char process[17];
	uint64_t counter;
	struct buf source; /* the pair of the last line */
	uint64_t n;
	char text[64];
};

void dedup_init(struct dedup *d);
void dedup_fini(struct dedup *d);
/* The hash alone, as text. */
void dedup_hash(char out[DEDUP_HASH_MAX], struct str room, struct str id, uint64_t n);
/* Both are valid until the next call. */
struct str dedup_of_source(struct dedup *d, struct str room, struct str id);
struct str dedup_next(struct dedup *d);
/* The line between came from nowhere: the next one of a pair counts from 0 again. */
void dedup_forget(struct dedup *d);

#endif
