/* publisher.h - one publisher of a load: it sends what is due, or keeps it until it can
 *
 * Messages carry their mark (bench/mark.h) and go out in the order of their numbers. One that
 * cannot go (a full window, a socket that takes no more, a request under way) waits with the time
 * it was due, so that its delay counts. */
#ifndef RT_BENCH_PUBLISHER_H
#define RT_BENCH_PUBLISHER_H

#include "bench/profile.h"
#include "bench/tally.h"
#include "client/client.h"

#define PUBLISHER_SIZE_MIN 64

struct publisher;

/* Shared by all publishers of a run; kept by reference. */
struct publisher_conf {
	uv_loop_t *loop;
	struct tally *tally;
	const struct profile *profile;
	const char *const *rooms; /* names */
	size_t size;              /* bytes of {message}, at least PUBLISHER_SIZE_MIN */
	bool echo;                /* the server sends each message back to whom it came from:
				   * that is its answer, and what is measured */
	uint64_t window;          /* closed loop: so many messages without answer, always; 0:
				   * what publisher_send says */
	/* closed loop: may one more be sent, and in which room? */
	bool (*more)(void *arg, unsigned *room);
	void (*ready)(void *arg); /* for the first time */
	void (*ended)(void *arg); /* it has given up, the error is counted */
	void *arg;
};

/* As listener_new. */
struct publisher *publisher_new(const struct publisher_conf *conf,
	const struct client_conf *client, unsigned index, uint64_t due_ns, struct err *e);
bool publisher_is_ready(const struct publisher *p);
/* A closed loop begins, or goes on. */
void publisher_fill(struct publisher *p);
/* The next message of its stream in `room` (an index) is due. */
void publisher_send(struct publisher *p, unsigned room, uint64_t due_ns);
/* What it needs to be ready; NULL when it is, or has given up. */
const char *publisher_waits_for(const struct publisher *p);
/* Messages that wait or have no acknowledgement yet. */
uint64_t publisher_open(const struct publisher *p);
/* Nothing that was sent has still to come back (echo). */
bool publisher_is_complete(const struct publisher *p);
/* What waits is not sent any more, and what has not come back is lost: counts, and says what had no
 * answer. */
void publisher_settle(struct publisher *p);
/* Not from a callback. NULL is fine. */
void publisher_free(struct publisher *p);

#endif
