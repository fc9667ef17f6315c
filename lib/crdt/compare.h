/* compare.h - two states side by side, and many: order, differences, least delta, who won */
#ifndef RT_CRDT_COMPARE_H
#define RT_CRDT_COMPARE_H

#include "crdt/crdt.h"

enum crdt_order { ORDER_EQUAL, ORDER_BEFORE, ORDER_AFTER, ORDER_CONCURRENT };

extern const char *const crdt_order_names[];

/* Of a to b in the lattice; negative: reported, they cannot be joined. */
int crdt_order(struct crdt_report *r, const struct crdt_state *a, const struct crdt_state *b);
/* A line of NDJSON for every slot that differs. */
void crdt_diff(struct buf *out, const struct crdt_state *a, const struct crdt_state *b);
/* A least d with a join d = a join b, which can be joined. In a context of many new dots it repeats
 * what both hold, where that is shorter than to name the others. d borrows from b. */
void crdt_delta(struct crdt_state *d, const struct crdt_state *a, const struct crdt_state *b);
/* The delta for whoever has seen the context `ctx`, or more, and whose state is not known: what it
 * holds of b's dots stays, what b has removed goes. Of the deltas that are right for all of them it
 * is the shortest one to write. d borrows from b. 0, or E_TYPE: reported, b has no context. */
int crdt_delta_since(struct crdt_report *r, struct crdt_state *d, const struct crdt_ctx *ctx,
	const struct crdt_state *b);
/* A line of NDJSON for every slot on which the states (n of them, all of one type) do not agree:
 * who won, by which rule. */
void crdt_explain(struct buf *out, const struct crdt_state *s, size_t n);

#endif
