/* redis_read.h - what is read of many streams at once, in the order of positions
 *
 *      keys [..128][..128][..]   a script for each part; what came is merged, and cut where one
 *                                stream may have more, or at the most that was asked for
 *
 * Reads wait while Redis is away and begin anew when it is back. */
#ifndef RT_BUS_REDIS_READ_H
#define RT_BUS_REDIS_READ_H

#include "base/list.h"
#include "bus/redis_conn.h"
#include "bus/redis_id.h"
#include "bus/bus.h"

struct read_entry {
	struct pos pos;
	struct str key;      /* of the stream */
	size_t at, n;        /* the envelope, in redis_read.text */
	bool ours;
};

enum read_kind { READ_PAGE, READ_LOCATE };

struct redis_reads;
struct redis_read {
	struct list link;
	struct redis_reads *reads;
	/* Called once; the read is freed after it. */
	void (*done)(void *arg, struct redis_read *r);
	void *arg;
	uint64_t tag;
	uint8_t kind;
	/* asked */
	struct buf names;    /* of the streams, each with its NUL */
	size_t n_keys;
	struct pos after, upto; /* PAGE */
	unsigned max;
	enum bus_locate where;  /* LOCATE */
	uint64_t count;
	/* how far it is */
	size_t at_name, n_part;
	struct buf entries;  /* struct read_entry, by position once it is done */
	struct buf text;
	uint64_t epoch;
	struct pos horizon;  /* what lies above it may be incomplete */
	/* answered */
	enum bus_page end;
	struct pos oldest, pos, head;
};

struct redis_reads {
	struct redis_conn *conn;
	struct list waiting, sent;
	bool wants_scripts;  /* Redis has lost them */
};

void redis_reads_init(struct redis_reads *all, struct redis_conn *conn);
void redis_reads_fini(struct redis_reads *all);
/* A read to be filled with keys and started. */
struct redis_read *redis_read_new(enum read_kind kind,
	void (*done)(void *arg, struct redis_read *r), void *arg, uint64_t tag);
void redis_read_key(struct redis_read *r, struct str prefix, struct str name);
void redis_read_start(struct redis_reads *all, struct redis_read *r);
/* Sends what waits. */
void redis_reads_turn(struct redis_reads *all);
/* The connection is gone: everything waits again. */
void redis_reads_down(struct redis_reads *all);
static inline size_t redis_read_n(const struct redis_read *r)
{
	return r->entries.n / sizeof(struct read_entry);
}
static inline const struct read_entry *redis_read_entry(const struct redis_read *r, size_t i)
{
	return (const struct read_entry *)(const void *)r->entries.p + i;
}

/* 16 hex digits; 0: it is none. */
uint64_t redis_epoch_parse(const redisReply *r);

#endif
