/* bus.h - what carries messages between instances, and decides their order
 *
 * One interface for every engine. A bus brings *everything* of its prefix to every instance:
 * there is no per-room subscription. Payloads are opaque bytes. Everything is asynchronous on
 * one uv loop: events run from the loop, never inside a call of this interface; `publish` has
 * exactly one outcome.
 *
 * To add an engine: one file with a `const struct bus_ops`, one line in the table of bus.c. */
#ifndef RT_BUS_BUS_H
#define RT_BUS_BUS_H

#include "base/err.h"
#include "base/pos.h"
#include "base/url.h"

#include <uv.h>

enum bus_caps {
	BUS_ORDERED = 1, /* the bus assigns positions; deliver carries them.
	                  * Without: the worker does */
	BUS_REPLAY = 2,  /* replay and locate work */
	BUS_DURABLE = 4, /* an acknowledged message survives the instance */
	BUS_DEDUP = 8,   /* the bus drops repeated `dedup` ids itself */
	BUS_GROUPS = 16, /* durable consumers */
	BUS_LOCAL = 32,  /* nothing leaves the process: no other instance gets any of it */
};

/* What travels beside the payload. Strings are borrowed; n == 0 means absent. */
struct bus_meta {
	struct str key, client, dedup;
	struct str extra;  /* raw JSON members, "\"_attempt\":2,\"_from\":\"a\"" */
	int64_t ts_ms;     /* wall clock of the publishing worker, or of the bus */
	bool live;         /* ephemeral: not stored, no position */
	bool no_echo;      /* not for the publisher's own client */
	uint64_t tag;      /* in deliver: of the publish of *this instance* that this is;
	                    * 0: somebody else's */
};

enum bus_outcome {
	BUS_OK,      /* stored; its position where the bus is ORDERED */
	BUS_DUP,     /* had been stored before; the first one's position */
	BUS_REFUSED, /* certainly not published */
	BUS_UNKNOWN, /* may be published or not */
	BUS_UNAVAILABLE, /* not published, and later it may be: the bus is down, or has no room */
};

enum bus_locate { BUS_EARLIEST, BUS_HEAD, BUS_LAST, BUS_TIME };

enum bus_page { BUS_PAGE_MORE, BUS_PAGE_END, BUS_PAGE_TRIMMED, BUS_PAGE_FAILED };

struct bus_entry {
	struct str room;
	struct pos pos;
	struct str bytes;
	struct bus_meta meta;
};

struct bus_events {
	/* In the order of the bus. `pos` counts where the bus is ORDERED and the
	 * message is not live. */
	void (*deliver)(void *arg, struct str room, struct pos pos, struct str bytes,
		const struct bus_meta *meta);
	/* The outcome of a publish. Where the bus is not ORDERED, BUS_OK is not reported here: the
	 * delivery with that tag is the proof. */
	void (*published)(
		void *arg, uint64_t tag, enum bus_outcome what, struct pos pos, struct str reason);
	/* A page, in order: see sub_page. `oldest` counts for TRIMMED. */
	void (*replayed)(void *arg, uint64_t tag, const struct bus_entry *entries, size_t n,
		enum bus_page end, struct pos oldest);
	/* `head`: the bus's head now. */
	void (*located)(void *arg, uint64_t tag, struct pos pos, struct pos head);
	/* up: connected, `start` is the head from which on everything is delivered (ORDERED), its
	 * epoch the bus's. down: why. Every publish under way got its outcome before. */
	void (*state)(void *arg, bool up, struct pos start, struct str why);
	/* Something between the last delivery and `at` was lost. */
	void (*hole)(void *arg, struct pos at);
	/* Nothing up to `head` is missing, though nothing was delivered. */
	void (*head)(void *arg, struct pos head);
};

struct bus;

struct bus_ops {
	const char *scheme; /* "mem" */
	const char *const *also; /* other schemes of the same engine, NULL last; or NULL */
	const char *what;   /* a line for -V and --check */
	unsigned caps;
	/* Fills *out; connects later (state). `url` is borrowed for the call. */
	int (*open)(struct bus **out, const struct url *url, struct err *e);
	void (*close)(struct bus *b); /* frees; no event follows */
	void (*publish)(struct bus *b, struct str room, struct str bytes,
		const struct bus_meta *meta, uint64_t tag);
	/* Entries of the rooms (names or patterns) with after < position <= upto, at most `max`.
	 * NULL without BUS_REPLAY, like locate. */
	void (*replay)(struct bus *b, const struct str *rooms, size_t n, struct pos after,
		struct pos upto, unsigned max, uint64_t tag);
	void (*locate)(struct bus *b, const struct str *rooms, size_t n, enum bus_locate kind,
		uint64_t arg, uint64_t tag);
	void (*turn)(struct bus *b); /* end of a loop turn, before the flush; NULL: nothing to do */
};

/* What an engine that keeps messages is asked to keep; set by who opened it, at any time. */
struct bus_limits {
	uint64_t history;  /* messages of a room */
	int64_t dedup_ms;
};

/* The base of every engine's own struct: its first member. */
struct bus {
	struct bus_limits limits;
	const struct bus_ops *ops;
	uv_loop_t *loop;
	const struct bus_events *events;
	void *arg;
};

/* Opens the engine of the URL's scheme. ERR_UNSUPPORTED names the schemes that are built in.
 * `events` and `arg` are kept. Nothing is connected before the first bus_turn: without one, `loop`
 * and `events` may be NULL. */
int bus_open(struct bus **out, struct str url, uv_loop_t *loop, const struct bus_events *events,
	void *arg, struct err *e);
void bus_close(struct bus *b); /* NULL is fine */
void bus_publish(struct bus *b, struct str room, struct str bytes, const struct bus_meta *meta,
	uint64_t tag);
/* Runs what the engine can do at the end of a loop turn, before the flush: the memory
 * bus delivers here. */
void bus_turn(struct bus *b);
/* The i-th engine, NULL after the last. */
const struct bus_ops *bus_engine(int i);
/* The engine of a scheme, or NULL. */
const struct bus_ops *bus_find(struct str scheme);

#endif
