/* verdict.h - what a numbered stream says about whoever carried it
 *
 * A stream is one publisher in one room; its messages are numbered from 0 without holes. A `follow`
 * is one subscriber's view of one stream:
 *
 *      0 ....... start ................ next ...
 *      early     seen, but for `holes`  not yet
 *
 * What a subscriber must get are the numbers from where it was known to listen (start) to where it
 * left; before and after they may come or not. A number that is skipped is a hole; it may still
 * fill (the message was overtaken) until the end, when holes are lost messages. A gap that the
 * server told declares what is missing next; an absence of the subscriber (its connection broke)
 * excuses it. A follow keeps VERDICT_HOLES_MAX holes: of more the oldest is given up, and what of it
 * comes later counts as a duplicate. */
#ifndef RT_BENCH_VERDICT_H
#define RT_BENCH_VERDICT_H

#include "base/str.h"

struct verdict {
	uint64_t expected;   /* messages, summed over subscribers */
	uint64_t received;   /* of these, each counted once */
	uint64_t lost;       /* never came */
	uint64_t undeclared; /* of the lost: no gap was told */
	uint64_t dup;        /* came again */
	uint64_t reordered;  /* came after a later one of the same stream */
	uint64_t phantom;    /* were never sent */
	uint64_t corrupt;    /* came, and were not as they had been sent */
	uint64_t resumed;    /* of the received: made good after the connection had been down */
	uint64_t away;       /* not expected: sent while the subscriber's connection was down, or
	                      * not taken by the server */
	uint64_t early;      /* not expected: came although sent before it listened */
};

#define VERDICT_HOLES_MAX 1024

struct follow {
	uint64_t start, next;
	uint64_t newest; /* the greatest number seen, and one more */
	struct holes *holes; /* NULL: none */
	bool told;           /* a gap was told since the last message */
};

/* RESUMED: it was sent while we were away, so it is no wonder that it is late. */
enum follow_result {
	FOLLOW_NEW,
	FOLLOW_EARLY,
	FOLLOW_LATE,
	FOLLOW_RESUMED,
	FOLLOW_DUP,
	FOLLOW_PHANTOM,
};

/* Listens from the message `number` on. */
void follow_init(struct follow *f, uint64_t number);
void follow_fini(struct follow *f);
/* The message `number` has come; `sent` of the stream exist. */
enum follow_result follow_see(
	struct follow *f, uint64_t number, uint64_t sent, struct verdict *v);
/* The server said that something is missing here. */
void follow_tell_gap(struct follow *f);
/* Was away and listens again from `number` on. */
void follow_return(struct follow *f, uint64_t number, struct verdict *v);
/* That number need not come. */
void follow_excuse(struct follow *f, uint64_t number, struct verdict *v);
/* Leaves: everything below `number` was for it. */
void follow_end(struct follow *f, uint64_t number, struct verdict *v);
/* Nothing below `number` need be waited for: it has come, was declared missing, or is excused. */
bool follow_complete(const struct follow *f, uint64_t number);

void verdict_merge(struct verdict *v, const struct verdict *from);

#endif
