/* hlc.h - hybrid logical clocks (Kulkarni et al. 2014)
 *
 * A stamp is physical time in microseconds and a counter of 16 bits. Its text
 * "2026-11-24T04:12:42.123456Z-0003" sorts as the stamp does. Time is an argument. */
#ifndef RT_CRDT_HLC_H
#define RT_CRDT_HLC_H

#include "base/buf.h"
#include "base/err.h"

#define HLC_TEXT_LEN 32

struct hlc {
	int64_t us;   /* since 1970 */
	uint32_t c;   /* 0 to 0xffff */
	struct str node; /* of forms that carry one; borrowed from the text */
};

/* "2026-11-24T04:12:42.123456Z-0003" with 0 to 9 digits of fraction, also with "-node" behind;
 * "{ms}:{count}:{node}"; a packed integer (milliseconds << 16 | counter). ERR_INVALID else. */
int hlc_parse(struct hlc *h, struct str text, struct err *e);
/* Only the first form, without a node: what a state may hold. */
int hlc_parse_stamp(struct hlc *h, struct str text, struct err *e);
void hlc_format(struct buf *out, struct hlc h);
int hlc_cmp(struct hlc a, struct hlc b);
/* The stamp for an event at `now_us`; never one given before. A full counter carries into the
 * microseconds. ERR_TOO_LARGE when the year 9999 ends there: `clock` is then no stamp. */
int hlc_send(struct hlc *clock, int64_t now_us, struct err *e);
/* After a message stamped `seen`; ERR_DENIED when it is more than max_drift_us ahead of now
 * (negative: any is taken). */
int hlc_recv(
	struct hlc *clock, struct hlc seen, int64_t now_us, int64_t max_drift_us, struct err *e);
/* milliseconds << 16 | counter; ERR_TOO_LARGE when the counter does not say all (microseconds are
 * dropped). */
uint64_t hlc_pack(struct hlc h);

#endif
