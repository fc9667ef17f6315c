/* ask.h - what subscriptions asked of the bus and wait for
 *
 * A question outlives its subscription: the answer to one that is gone is dropped. */
#ifndef RT_SERVER_ASK_H
#define RT_SERVER_ASK_H

#include "room/sub.h"

struct asks {
	struct list list;
	uint64_t last; /* tag */
};

void asks_init(struct asks *a);
void asks_fini(struct asks *a);
/* The tag of a question of that sub. */
uint64_t ask_new(struct asks *a, struct sub *s);
/* The question is answered: who asked, NULL when he is gone. */
struct sub *ask_take(struct asks *a, uint64_t tag);
/* The sub is going. */
void asks_forget(struct asks *a, const struct sub *s);

#endif
