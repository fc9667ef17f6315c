/* dedup.h - deduplication ids seen lately, and the positions they got
 *
 * Ids are scoped to a room. The window is bounded by age and by count: the oldest are forgotten
 * first. Pure: `now` is an argument. */
#ifndef RT_ROOM_DEDUP_H
#define RT_ROOM_DEDUP_H

#include "base/list.h"
#include "base/map.h"
#include "base/pos.h"

struct dedup {
	struct map map;
	struct list order; /* oldest first */
	size_t n, max;
	int64_t window_ms;
};

void dedup_init(struct dedup *d, size_t max, int64_t window_ms);
void dedup_fini(struct dedup *d);
/* The position the id got in that room, or NULL; valid until the next call. */
const struct pos *dedup_find(struct dedup *d, struct str room, struct str id, int64_t now_ms);
/* The id must not be there (dedup_find said NULL). */
void dedup_add(struct dedup *d, struct str room, struct str id, struct pos pos, int64_t now_ms);
/* Positions of another epoch mean nothing. */
void dedup_clear(struct dedup *d);

#endif
