/* redis_outbox.h - commands that publish, from being handed over to having their outcome
 *
 *      waiting -> sent -> (replied)                 Streams: the reply is the outcome
 *                  `----> undelivered -> (heard)    Pub/Sub: hearing it is
 *
 * At most so much is sent at a time: hiredis moves its whole buffer with each write. */
#ifndef RT_BUS_REDIS_OUTBOX_H
#define RT_BUS_REDIS_OUTBOX_H

#include "bus/bus.h"
#include "bus/origins.h"
#include "bus/redis_link.h"

#define REDIS_OUT_ARGS 28

struct redis_out {
	struct list link;     /* waiting or sent */
	struct list match;    /* undelivered */
	uint64_t tag;         /* 0: nobody asks */
	struct origin origin;
	int argc;
	size_t bytes;
	uint32_t lens[REDIS_OUT_ARGS];
	char text[];
};

struct redis_outbox {
	struct list waiting, sent, undelivered, again;
	size_t n_sent, sent_bytes, waiting_bytes;
};

void redis_outbox_init(struct redis_outbox *o);
void redis_outbox_fini(struct redis_outbox *o);
/* The command is copied. `origin` NULL: it is not waited for. false: it is taken, but there is more
 * than there should be, and the Redis does not keep up. */
bool redis_outbox_add(struct redis_outbox *o, int argc, const struct str *argv, uint64_t tag,
	const struct origin *origin);
/* Sends what the window allows; `fn` gets the replies, in order, and `arg`. */
void redis_outbox_send(
	struct redis_outbox *o, struct redis_link *l, redisCallbackFn *fn, void *arg);
/* The one whose reply this is, taken from `sent`: free it, or put it back (redis_outbox_again). */
struct redis_out *redis_outbox_replied(struct redis_outbox *o);
/* To be sent again, before all that were not sent yet. In order: nothing is sent before everything
 * that was has its reply. */
void redis_outbox_again(struct redis_outbox *o, struct redis_out *r);
/* The one with that origin was heard; its tag, or 0. */
uint64_t redis_outbox_heard(struct redis_outbox *o, const struct origin *origin);
/* It has its reply; frees it, unless it waits to be heard. */
void redis_outbox_done(struct redis_out *r);
/* Empties it: `tell` is called for each in its order; `was_sent`: it may be published. */
void redis_outbox_lose(struct redis_outbox *o,
	void (*tell)(void *arg, uint64_t tag, bool was_sent), void *arg);

#endif
