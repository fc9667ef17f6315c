/* redis_stream.h - the Streams bus, shared by the files it is made of
 *
 *   redis_stream.c    publishing, up and down
 *   redis_heard.c     what is heard, in its order; reading what is missing in it
 *   redis_sweep.c     what other programs add
 *   redis_history.c   replay and places
 */
#ifndef RT_BUS_REDIS_STREAM_H
#define RT_BUS_REDIS_STREAM_H

#include "bus/bus.h"
#include "bus/envelope.h"
#include "bus/redis_conn.h"
#include "bus/redis_outbox.h"
#include "bus/redis_read.h"

#define REDIS_TOKENS "rt:token:" /* channels of redis_conn.c */

struct stream {
	struct map_node node;
	struct pos cur;
	char name[];        /* without the prefix */
};

struct bus_stream {
	struct bus bus;
	struct redis_url url;
	struct redis_conn conn;
	struct redis_outbox out;
	struct redis_reads reads;
	struct envelope envelope;
	struct map streams;
	uint64_t epoch;
	struct pos start;        /* what lies before was there when listening began */
	struct pos head;         /* everything of rt's up to here was delivered */
	struct pos ours, newest; /* the newest delivered: of rt's, of anybody's */
	struct buf held, key, scratch, front, dedup;
	uv_timer_t sweep_timer;
	struct buf sweep;        /* names of streams, each with its NUL, as far as they are to be read */
	size_t sweep_at, sweep_n;
	unsigned n_sweeps;
	bool begun, up, holding, spilled, sweeping;
	int n_open;              /* connection and timer */
};

static inline struct str redis_stream_prefix(const struct bus_stream *b)
{
	return str_of(b->url.prefix);
}

/* The room of a stream's key. */
static inline struct str redis_stream_room(const struct bus_stream *b, struct str key)
{
	return str_skip(key, strlen(b->url.prefix));
}

/* Where there is none yet, one that was delivered up to where listening began. */
struct stream *redis_stream_get(struct bus_stream *b, struct str name);
/* Streams out of a reply of keys, each `step` elements. */
void redis_stream_add(struct bus_stream *b, const redisReply *names, size_t step);
/* What was read or heard is of another log than the one we deliver: begins anew. */
void redis_stream_other_data(struct bus_stream *b);

/* Delivers what is behind the stream's `cur`; `json` is an envelope. */
void redis_heard_deliver(
	struct bus_stream *b, struct stream *s, struct pos pos, bool ours, struct str json);
/* Reads and delivers everything of all streams behind `head`; what is heard meanwhile waits. */
void redis_heard_catch_up(struct bus_stream *b);
void redis_heard(void *bus, struct str channel, struct str bytes);

void redis_sweep(uv_timer_t *timer);

void redis_history_replay(struct bus *bus, const struct str *rooms, size_t n, struct pos after,
	struct pos upto, unsigned max, uint64_t tag);
void redis_history_locate(struct bus *bus, const struct str *rooms, size_t n, enum bus_locate kind,
	uint64_t arg, uint64_t tag);

#endif
