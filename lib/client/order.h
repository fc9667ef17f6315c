/* order.h - what is done in unbroken order
 *
 * Items are added in order, done in any order, and taken in order again: a position may move past
 * an item only when everything before it is done too. With `grouped`, consecutive items of one
 * source (room and id) count as one, and it is done only when an item of another source followed or
 * order_quiet was called: nobody says how many lines jq makes of one.
 *
 *     add ->  [a5 done] [a5 done] [b6] [b7 done]  ->  take gives a5, once; b6 and b7 wait */
#ifndef RT_CLIENT_ORDER_H
#define RT_CLIENT_ORDER_H

#include "base/str.h"

struct order_item {
	uint64_t number;
	bool done;
	uint32_t room_n, id_n;
	char *text; /* room, then id */
};

struct order {
	bool grouped, quiet;
	struct order_item *items; /* [first, n) are in use */
	size_t first, n, cap;
	char *taken;              /* what order_take returned last */
};

void order_init(struct order *o, bool grouped);
void order_fini(struct order *o);
/* Numbers rise from call to call, not necessarily by one. An item without a source has an empty
 * id. */
void order_add(struct order *o, uint64_t number, struct str room, struct str id);
void order_done(struct order *o, uint64_t number);
/* Nothing follows for now: the last source is whole. Until the next order_add. */
void order_quiet(struct order *o);
/* The next source that is done, valid until the next call; false when there is none. */
bool order_take(struct order *o, struct str *room, struct str *id);

#endif
