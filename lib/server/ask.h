/* ask.h - what subscriptions asked of the bus and wait for
 *
 * A question outlives its subscription: the answer to one that is gone is dropped. */
#ifndef RT_SERVER_ASK_H
#define RT_SERVER_ASK_H

#include "bus/bus.h"
#include "room/sub.h"

struct asks {
	struct list list;
	uint64_t last; /* tag */
};

void asks_init(struct asks *a);
void asks_fini(struct asks *a);

/* For the table of rooms (struct table_ops); its arg is the worker. */
void ask_locate(struct table *t, struct sub *s, enum locate_kind kind, uint64_t arg);
void ask_replay(struct table *t, struct sub *s, struct pos after, struct pos upto);
void ask_forget(struct table *t, struct sub *s);
/* For the bus (struct bus_events); arg is the worker. */
void ask_located(void *arg, uint64_t tag, struct pos pos, struct pos head);
void ask_replayed(void *arg, uint64_t tag, const struct bus_entry *entries, size_t n,
	enum bus_page end, struct pos oldest);

#endif
