/* load.h - one run: connect, publish by the clock, count, wait for the rest
 *
 *      CONNECT --all ready or given up--> RUN --schedule over--> DRAIN --all came, or quiet--> END
 *         +--> STORM: all are dropped --all back--^
 *
 * Nothing is sent before every subscriber is ready. In DRAIN what was sent may still arrive: until
 * everything has, or nothing has for a while.
 *
 * All scenarios are this one, with other counts and plans: those that only connect have no
 * publishers and a schedule of silence, those that only publish have no subscribers. */
#ifndef RT_BENCH_LOAD_H
#define RT_BENCH_LOAD_H

#include "bench/profile.h"
#include "bench/result.h"
#include "bench/schedule.h"
#include "bench/sources.h"
#include "client/client.h"

struct load;

enum plan {
	PLAN_CONNECT = 1, /* connecting is what is measured: the line of time begins with it */
	PLAN_STORM = 2,   /* once all are ready, all are dropped, and come back */
	PLAN_ECHO = 4,    /* publishers get their own messages back: no subscribers */
	PLAN_LISTEN = 8,  /* subscribers count whatever comes, of others */
	PLAN_BUS = 16,    /* no server at all: bench/busload.h */
};

struct load_conf {
	unsigned plan; /* of enum plan */
	const char *scenario;
	struct client_conf client; /* url, identity, TLS; the rest is set here */
	const struct sources *sources; /* of subscribers and publishers, in turn */
	const struct profile *profile;
	enum transport transport;
	const char *room;      /* name, or prefix where there are several; NULL: drawn */
	unsigned subscribers;  /* in all rooms together */
	unsigned publishers, rooms;
	size_t size;           /* of a message */
	struct schedule schedule;
	unsigned window;       /* closed loop: each publisher has so many messages without answer
				* all the time, while the schedule lasts; 0: open loop */
	uint64_t count;        /* messages at most, of all publishers (LISTEN: heard); 0: what the
				* schedule says */
	int64_t retry_window_ms; /* as the client's */
	int64_t ramp_ms;       /* connections are spread over that time; 0: as fast as they are
	                        * accepted */
	int64_t connect_ms;    /* and may take so long in all */
	bool keep;             /* connections stay at the end, for load_again */
	pid_t pid;             /* of the server, to be sampled; 0: none */
};

struct load_events {
	void (*sampled)(void *arg, const struct result_sample *s); /* each second of RUN; may be NULL */
	void (*ended)(void *arg);
};

/* `conf`, `events` and what they point to are kept by reference. NULL and a sentence on a bad
 * setting; the limit of open files is raised as far as it goes. */
struct load *load_new(uv_loop_t *loop, const struct load_conf *conf,
	const struct load_events *events, void *arg, struct result *result, struct err *e);
void load_start(struct load *l);
/* After `ended`, of a run with `keep` whose subscribers and publishers were ready: once more with the
 * same connections, into another result, which is initialised. */
void load_again(struct load *l, const struct schedule *schedule, struct result *result);
/* Ends before its time: no more is sent, what was sent may arrive for 2 s. Twice: at once. */
void load_stop(struct load *l);
/* Not from a callback. NULL is fine. Run the loop until it is empty afterwards. */
void load_free(struct load *l);

#endif
