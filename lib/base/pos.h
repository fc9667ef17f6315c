/* pos.h - a position in the order of a bus
 *
 * Ordered per bus, not per room, so that one position resumes any set of rooms on any transport.
 * Not dense: never compute "the next one". Comparable only within an epoch. Printed it is the `_id`
 * of a message: 16 lower-case hex digits of the epoch, '-', hi, '-', lo in decimal, hi and its dash
 * left out when 0: "9f3c5a7d12e4b6c8-47". */
#ifndef RT_BASE_POS_H
#define RT_BASE_POS_H

#include "base/buf.h"

#define POS_TEXT_MAX 64 /* with the NUL */

struct pos {
	uint64_t epoch, hi, lo;
};

/* Within one epoch: negative, 0, positive. */
static inline int pos_cmp(struct pos a, struct pos b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo == b.lo ? 0 : a.lo < b.lo ? -1 : 1;
}

static inline bool pos_eq(struct pos a, struct pos b)
{
	return a.epoch == b.epoch && a.hi == b.hi && a.lo == b.lo;
}

static inline struct pos pos_max(struct pos a, struct pos b)
{
	return pos_cmp(a, b) >= 0 ? a : b;
}

/* Writes the text and its NUL; returns the length without it. */
size_t pos_format(char out[POS_TEXT_MAX], struct pos p);
void buf_add_pos(struct buf *b, struct pos p);
/* 0 or ERR_INVALID. */
int pos_parse(struct str s, struct pos *out);

#endif
