/* outbox.h - published messages that have no outcome yet, in order
 *
 *      ref:   head ......... next ......... tail
 *             sent, unacked  waiting        (next message)
 *
 * A message's `ref` is its number since the client began; it stays the same when the message is
 * sent again. Texts stand one after the other in one growing buffer, so a message costs no
 * allocation in the steady state. Acks may come out of order; head moves over finished messages. */
#ifndef RT_CLIENT_OUTBOX_H
#define RT_CLIENT_OUTBOX_H

#include "base/buf.h"

struct outbox_item {
	uint64_t tag;
	uint64_t at; /* of its text, counted over the life of the outbox */
	uint32_t n;
	bool done;
};

struct outbox {
	struct buf bytes;
	uint64_t base;             /* what bytes.p[0] is the offset of */
	struct outbox_item *items; /* a ring; item of ref r is items[r & (cap - 1)] */
	size_t cap;                /* 0 or a power of two */
	uint64_t head, next, tail;
	size_t n_open; /* without outcome */
	struct buf scratch, members;
};

void outbox_fini(struct outbox *o);
/* The message as it goes over the wire: `room`, `dedup` ("" each: none) and, with `with_ref`, its
 * ref in front, replacing members of these names. 0, or ERR_INVALID when `text` is not an object.
 * `raw`: the bytes as they are. */
int outbox_add(struct outbox *o, struct str room, struct str text, struct str dedup, uint64_t tag,
	bool with_ref, bool raw);
/* The text of an open message. Valid until the next call. */
struct str outbox_text(const struct outbox *o, uint64_t ref);
/* True and its tag when `ref` is open and was sent; it is finished then. */
bool outbox_finish(struct outbox *o, uint64_t ref, uint64_t *tag);
/* The first from `ref` on that has no outcome; `next` or above where all that was sent has one. */
uint64_t outbox_open(const struct outbox *o, uint64_t ref);
/* Everything without outcome is to be sent again. */
void outbox_rewind(struct outbox *o);
/* Moves `next` over finished messages; true when one is waiting at it. */
bool outbox_waiting(struct outbox *o);

#endif
