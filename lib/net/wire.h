/* wire.h - entries as bytes: one encoding for each way a transport writes a message
 *
 * codec x framing -> frame. A wire is a small number, so that what was encoded for one subscriber
 * serves all who stand at the same place (struct batches). */
#ifndef RT_NET_WIRE_H
#define RT_NET_WIRE_H

#include "base/buf.h"
#include "room/sub.h"

enum wire {
	WIRE_WS,             /* a text frame, metadata in front */
	WIRE_WS_BARE,        /* a text frame, the payload alone */
	WIRE_SSE,            /* an event, payload alone (one room) */
	WIRE_SSE_ROOM,       /* an event, `_room` in front (several) */
	WIRE_SSE_NAMED,      /* the same with `event:` from `type` */
	WIRE_SSE_ROOM_NAMED,
	WIRE_NDJSON,         /* a line, metadata in front */
	WIRES
};

/* Appends the entry. Frame and line ends included; no chunk framing. */
void wire_entry(struct buf *out, enum wire w, struct str room, const struct entry *e);
/* Appends the gap object: {"_op":"gap",...}. */
void wire_gap_json(struct buf *out, const struct gap *g);

/* HTTP chunk framing around what was appended since `at`; `at` must be the out->n before. */
#define CHUNK_HEAD_MAX 10
void wire_chunk_begin(struct buf *out, size_t *at);
void wire_chunk_end(struct buf *out, size_t at);

/* What many subscribers of one room are owed is gathered once. Valid within one flush: entries do
 * not change while it runs. */
#define BATCH_BYTES_MAX 65536
#define BATCH_SLOTS     128
#define BATCH_SPARE_MAX (1u << 20)

struct batch {
	const struct ring *ring;
	uint64_t from, to;
	uint64_t turn;        /* batches.turn + 1 when it was gathered; 0: never */
	enum wire wire;
	bool chunked;
	uint64_t clients;     /* bits of the publishers in it */
	uint64_t no_echo;     /* of those that must not see it themselves */
	uint64_t entries;
	struct buf bytes;
};

struct batches {
	struct batch slot[BATCH_SLOTS];
	uint64_t turn;
	uint8_t used[BATCH_SLOTS];     /* slots of this turn */
	struct buf spare[BATCH_SLOTS]; /* memory for the next batches: the last one used first */
	unsigned n_used, n_spare;
	size_t spare_bytes;
	struct buf own;       /* for a subscriber that skips its own messages */
};

/* The bytes of entries [from, p->to) as far as 64 KiB go; `*to` is where they end, `*n_entries` how
 * many messages. Valid until the next call. */
struct str batch_get(struct batches *b, enum wire w, bool chunked, const struct feed *f,
	const struct peek *p, uint64_t *to, uint64_t *n_entries);
void batches_next_turn(struct batches *b);
void batches_fini(struct batches *b);

#endif
