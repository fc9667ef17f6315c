/* worker.h - one instance of rt-serve: rooms, bus and connections tied together on one loop
 *
 * Open, run the loop, drain, close. Everything it reports goes to stderr (base/log) and to the
 * rooms `_log` and `_stats`. */
#ifndef RT_SERVER_WORKER_H
#define RT_SERVER_WORKER_H

#include "bus/bus.h"
#include "net/net.h"
#include "presence/presence.h"
#include "room/dedup.h"
#include "server/ask.h"
#include "server/conf.h"
#include "server/outcome.h"

struct worker_stats {
	uint64_t published, delivered, duplicates, refused, unknown, skipped;
};

/* Records of one kind in the second that began at `since_ms`, and those that were left out. */
struct say_budget {
	int64_t since_ms;
	unsigned n;
	uint64_t unsaid;
};

struct worker {
	uv_loop_t *loop;
	const struct conf *conf;
	struct table table;
	struct net net;
	struct bus *bus;
	struct presence *presence;
	struct dedup dedup;
	struct pos head;           /* the last position assigned, where the worker assigns them */
	bool bus_up, bus_was_up, flushing, draining;
	struct outcomes outcomes;
	struct asks asks;          /* what subs asked of the bus */
	struct listener **listeners;
	int n_listeners;
	struct buf payload, text, extra; /* scratch of on_publish */
	struct buf key, dedup_id, room;
	uv_prepare_t before_poll;
	uv_check_t after_poll;
	uv_idle_t go_on;
	uv_timer_t sweep_timer, presence_timer, stats_timer;
	int64_t presence_ms;       /* when its timer fires; INT64_MAX: it does not */
	int64_t started_ms;
	struct worker_stats stats;
	unsigned n_deep;           /* rooms of many segments */
	char *down_why;
	struct say_budget refusals, limits;
};

/* What the bus carries beside a payload, as a room keeps it; borrowed as `m` is. */
static inline struct entry_meta entry_meta_of(const struct bus_meta *m)
{
	return (struct entry_meta){
		.ts_ms = m->ts_ms,
		.key = m->key,
		.client = m->client,
		.extra = m->extra,
		.no_echo = m->no_echo,
	};
}

/* Opens the bus, presence and listeners; serves as soon as the loop runs and the bus is up. `conf`
 * is borrowed until worker_close. */
int worker_open(struct worker *w, uv_loop_t *loop, const struct conf *conf, struct err *e);
/* New settings where they can change at run time (limits, slow rules, origins). */
void worker_reload(struct worker *w, const struct conf *conf);
/* Stops accepting and tells every client to come back later; acks finish. */
void worker_drain(struct worker *w);
/* Nothing is left to finish. */
bool worker_is_drained(const struct worker *w);
/* Closes everything, running the loop until nothing of it is left (so: not from a callback). The
 * loop's other handles must be closed before. */
void worker_close(struct worker *w);

/* stats.c */
bool stats_request(void *worker, struct conn *c, const struct head *h, struct str body);
const char *stats_methods(void *worker, const struct head *h);
bool stats_takes_body(void *worker, const struct head *h);
void stats_closed(void *worker, struct conn *c, unsigned code, struct str reason);
void stats_gap(void *worker, struct conn *c, const struct gap *g);
void stats_limited(void *worker, struct str address, const char *limit, uint64_t n);
/* `c` may be NULL: the bus refused it. */
void stats_refused(
	struct worker *w, const struct conn *c, struct str room, int code, struct str reason);
/* members.c: joins, leaves and typing; {"_op":"presence"}; GET and POST /presence. A body
 * {"user_id":"ada"} is a heartbeat, with "type":"typing" it says that she types. */
extern const struct presence_events members_events;
void members_joined(void *worker, struct conn *c, struct str room);
void members_parted(void *worker, struct conn *c, struct str room);
void members_typing(struct worker *w, struct str room, struct str message);
void members_say(void *worker, struct conn *c, struct str room, struct str ref);
void members_get(struct worker *w, struct conn *c, struct str room);
void members_post(
	struct worker *w, struct conn *c, const struct head *h, struct str room, struct str body);

/* The counters as an object, for `_stats`; appended. */
void stats_counters(struct worker *w, struct buf *out);
/* A record for `_log`, and stderr at that level. */
void worker_log(struct worker *w, int level, struct str json);
/* Publishes a message of the server's own. */
void worker_say(
	struct worker *w, struct str room, struct str payload, bool live, struct str client);

#endif
