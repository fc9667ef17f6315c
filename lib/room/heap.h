/* heap.h - the cursors of a feed that have something to read, the least position first
 *
 * feed.heap: an entry's key is that of what its cursor had next when it was placed. Rings move on,
 * so the key is a lower bound; the one on top is looked at again before it is believed (feed.c). */
#ifndef RT_ROOM_HEAP_H
#define RT_ROOM_HEAP_H

#include "room/sub.h"

/* The cursor must not be in the heap yet. */
void heap_add(struct feed *f, struct cursor *c, struct pos key);
/* It must be. */
void heap_del(struct feed *f, struct cursor *c);
/* The key at `i` has grown. */
void heap_down(struct feed *f, uint32_t i);
/* The key of what comes second, or a lower bound; false: there is no second. */
bool heap_second(const struct feed *f, struct pos *key);

#endif
