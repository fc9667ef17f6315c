/* wheel.h - many deadlines behind one timer
 *
 * A hashed timing wheel (Varghese and Lauck, scheme 6): adding, moving and removing a deadline is
 * O(1) whatever their number. A deadline fires at the first wheel_run at or after its time, at most
 * one tick (50 ms) late. */
#ifndef RT_BASE_WHEEL_H
#define RT_BASE_WHEEL_H

#include "base/list.h"

#include <stddef.h>
#include <stdint.h>

#define WHEEL_TICK_MS 50
#define WHEEL_SLOTS   1024u

struct deadline {
	struct list link; /* in a slot, or none */
	int64_t at_ms;    /* monotonic */
};

struct wheel {
	struct list slots[WHEEL_SLOTS];
	int64_t tick;     /* the last one that ran */
	int64_t next;     /* nothing is due in a tick before it */
	size_t n;
};

void wheel_init(struct wheel *w, int64_t now_ms);
void deadline_init(struct deadline *d);
/* Sets or moves it. */
void wheel_set(struct wheel *w, struct deadline *d, int64_t at_ms);
void wheel_del(struct wheel *w, struct deadline *d);
static inline int deadline_is_set(const struct deadline *d)
{
	return !list_empty(&d->link);
}
/* When to call wheel_run next: not later than the first deadline is due, and often not before.
 * INT64_MAX: nothing is set. */
int64_t wheel_next_ms(const struct wheel *w);
/* Fires what is due: each is removed first, so fn may set it again or free it. */
void wheel_run(
	struct wheel *w, int64_t now_ms, void (*fn)(struct deadline *d, void *arg), void *arg);

#endif
