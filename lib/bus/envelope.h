/* envelope.h - a message and what travels beside it as one JSON object, for buses without headers
 *
 *   {"_origin":"9f3c….17","_ts":1795510522125,"_client":"c7","type":"chat","text":"hi"}
 *    `---------------- metadata, spliced first ---------'`------ the payload, as it is ------'
 *
 * Other programs write there as well: an object of theirs is a payload with or without some of the
 * members; any other JSON becomes {"_data":…}, and what is no JSON {"_b64":"…"}. Reading never
 * fails. Pure. */
#ifndef RT_BUS_ENVELOPE_H
#define RT_BUS_ENVELOPE_H

#include "bus/bus.h"
#include "codec/msg.h"

/* Appends the object. `origin` may be empty. */
void envelope_write(
	struct buf *out, struct str payload, const struct bus_meta *m, struct str origin);

/* Appends those members alone, with a comma behind each. */
void envelope_members(struct buf *out, const struct bus_meta *m, struct str origin);

/* Zero-initialise; used again and again. */
struct envelope {
	struct bus_meta meta;  /* borrowed from here and from what was read */
	struct str payload;
	struct str origin;     /* what _origin says where it is a string; n == 0: none */
	struct buf bytes, text;
	struct msg msg;
};

/* `now_ms`: wall clock, for a message without a time. Everything in `v` is valid until the next
 * call, as long as `bytes` are. */
void envelope_read(struct envelope *v, struct str bytes, int64_t now_ms);
void envelope_fini(struct envelope *v);

#endif
