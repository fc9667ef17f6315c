/* instance.h - one instance on a bus: what an rt-serve is to it, without clients
 *
 * It publishes marks, and gets everything that any instance of the run publishes: one follow for each
 * stream says what is missing. Deliveries, outcomes and outages count in the tally. */
#ifndef RT_BENCH_INSTANCE_H
#define RT_BENCH_INSTANCE_H

#include "bench/tally.h"
#include "bus/bus.h"

struct instance;

/* Shared by all instances of a run; kept by reference. */
struct instance_conf {
	uv_loop_t *loop;
	struct tally *tally;
	struct message *message;
	const char *url, *safe; /* of the bus; without secrets */
	const char *const *rooms; /* names */
	uint64_t start_ns;      /* when connecting began */
	/* The outcome of one of the publisher's messages is known. */
	void (*settled)(void *arg, unsigned publisher);
	void *arg;
};

/* Opens the bus, which connects by itself. NULL and a sentence. */
struct instance *instance_new(const struct instance_conf *conf, struct err *e);
bool instance_is_up(const struct instance *in);
/* Nothing leaves this process: it would be alone with another one beside it. */
bool instance_is_alone(const struct instance *in);
/* Why it is not up, as the bus said last; NULL: it said nothing. */
const char *instance_down(const struct instance *in);
/* The next message of the publisher's stream in `room` (an index) is due. Where the bus is down it
 * waits, with the time it was due. */
void instance_send(struct instance *in, unsigned publisher, unsigned room, uint64_t due_ns);
/* The end of a loop turn. */
void instance_turn(struct instance *in);
/* Messages that wait, or have no outcome yet. */
uint64_t instance_open(const struct instance *in);
/* Everything sent until now has come (or it is down, and nothing will). */
bool instance_is_complete(const struct instance *in);
/* What was sent until now was for it, and what has not come is lost: counts. */
void instance_settle(struct instance *in);
/* Not from a callback. NULL is fine. */
void instance_free(struct instance *in);

#endif
