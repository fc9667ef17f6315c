/* crowd.h - all subscribers of a run: how they come, and that they come back
 *
 * With a ramp each connects when it is due, whatever became of those before (an open loop); without
 * one as fast as they are accepted, so many unanswered at a time. */
#ifndef RT_BENCH_CROWD_H
#define RT_BENCH_CROWD_H

#include "bench/address.h"
#include "bench/listener.h"
#include "bench/schedule.h"
#include "bench/sources.h"

struct crowd {
	struct listener_conf conf; /* callbacks are ours */
	struct client_conf client;
	const struct addresses *addresses;
	const struct sources *sources;
	unsigned n;                /* wanted */
	unsigned begun;
	unsigned ready;            /* at least once */
	unsigned ended;            /* given up */
	unsigned settled;          /* ready once, or given up */
	struct listener **listeners;
	struct schedule ramp;
	bool has_ramp, closed;
	bool measured;             /* its being late counts */
	uint64_t start_ns;
	struct err err;            /* a bad setting: nobody could even begin */
};

/* `conf`, `client` are copied, what they point to `addresses` and `sources` kept. */
void crowd_init(struct crowd *c, const struct listener_conf *conf, const struct client_conf *client,
	const struct addresses *addresses, const struct sources *sources, unsigned n,
	int64_t ramp_ms);
/* Begins. Returns as crowd_due. */
uint64_t crowd_start(struct crowd *c, uint64_t now_ns);
/* Connects who is due; returns when the next one is, SCHEDULE_END: not by a clock. */
uint64_t crowd_due(struct crowd *c);
/* No more begin. */
void crowd_close(struct crowd *c);
/* Ready once, or given up: all. */
bool crowd_is_settled(const struct crowd *c);
/* Not given up. */
unsigned crowd_alive(const struct crowd *c);
void crowd_drop(struct crowd *c);
bool crowd_is_complete(const struct crowd *c);
void crowd_settle(struct crowd *c);
void crowd_leave(struct crowd *c);
void crowd_fini(struct crowd *c);

#endif
