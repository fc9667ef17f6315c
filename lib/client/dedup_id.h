/* dedup_id.h - deduplication ids of a publisher (rt-wire(7))
 *
 * A line that came out of `rt-sub -m` names its source, so its id is derived from that and is the
 * same in every run: 128 bits of a hash of room, id and n, where n counts consecutive lines with
 * that same pair (jq may make three of one). Any other line gets the random id of this process and
 * a counter, which makes a resend after a reconnect safe. */
#ifndef RT_CLIENT_DEDUP_ID_H
#define RT_CLIENT_DEDUP_ID_H

#include "base/buf.h"

#define DEDUP_ID_MAX 33 /* 32 hex digits and NUL */

struct dedup_id {
	char process[17];
	uint64_t counter;
	struct buf source; /* the pair of the last line */
	uint64_t n;
	char text[64];
};

void dedup_id_init(struct dedup_id *d);
void dedup_id_fini(struct dedup_id *d);
/* The hash alone, as text. */
void dedup_id_hash(char out[DEDUP_ID_MAX], struct str room, struct str id, uint64_t n);
/* Both are valid until the next call. */
struct str dedup_id_of_source(struct dedup_id *d, struct str room, struct str id);
struct str dedup_id_next(struct dedup_id *d);
/* The line between came from nowhere: the next one of a pair counts from 0 again. */
void dedup_id_forget(struct dedup_id *d);

#endif
