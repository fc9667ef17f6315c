/* ring.h - what a room remembers: a bounded run of entries in the order of the bus
 *
 *      floor          first                          next
 *        |              |                              |
 *   ---- o -- dropped --[ e ][ e ][ - ][ hole ][ e ][ ~ ]      seq ->
 *                                   |                 |
 *                               tombstone         ephemeral: gone when the turn ends
 *
 * A slot is known by its sequence number `seq`, which counts slots and means nothing outside the
 * process; an entry is known by its position. Invariants: everything of the room after `floor` is
 * in the ring (but what a newer entry of the same key superseded); positions never fall from slot
 * to slot; slots [first, next) exist; n_kept counts slots whose entry is stored or a hole; `bytes`
 * is their sum. Renumbering (ring_compact) raises `generation`: whoever holds a seq finds his place
 * again by position. Pure: no clock, no I/O. */
#ifndef RT_ROOM_RING_H
#define RT_ROOM_RING_H

#include "base/map.h"
#include "base/pos.h"

enum entry_kind { ENTRY_MESSAGE, ENTRY_EPHEMERAL, ENTRY_HOLE };

/* What is told of a message besides its payload. Strings are borrowed. */
struct entry_meta {
	int64_t ts_ms;
	struct str key;    /* n == 0: none */
	struct str client; /* of the publisher, for echo; n == 0: none */
	struct str extra;  /* raw members carried as given: "\"_attempt\":2,\"_from\":\"a\"", no
	                    * comma at either end */
	bool no_echo;      /* never delivered to its own client */
};

struct entry {
	struct pos pos;        /* of an ephemeral one: that of the newest stored before it */
	int64_t ts_ms;         /* wall clock, `_ts` */
	int64_t arrived_ms;    /* monotonic, for age */
	uint64_t total_bytes;  /* of all entries ever appended to the ring, this one included:
	                        * lag is a subtraction */
	uint32_t payload_n, key_n, extra_n; /* what comes from a bus may be long */
	uint8_t client_n, kind;
	bool no_echo;
	uint64_t client_bit;   /* one bit of the client's hash; 0: none */
	char bytes[];          /* payload, key, extra, client */
};

static inline struct str entry_payload(const struct entry *e)
{
	return str_make(e->bytes, e->payload_n);
}
static inline struct str entry_key(const struct entry *e)
{
	return str_make(e->bytes + e->payload_n, e->key_n);
}
static inline struct str entry_extra(const struct entry *e)
{
	return str_make(e->bytes + e->payload_n + e->key_n, e->extra_n);
}
static inline struct str entry_client(const struct entry *e)
{
	return str_make(e->bytes + e->payload_n + e->key_n + e->extra_n, e->client_n);
}

/* Where what a hole is about begins: its payload, if it has one. */
static inline struct pos entry_hole_from(const struct entry *e)
{
	struct pos from = e->pos;

	if (e->payload_n == sizeof from)
		memcpy(&from, e->bytes, sizeof from);
	return from;
}

/* The bit that stands for a client in the masks of batches; 0 for none. */
uint64_t entry_client_bit(struct str client);
/* A new entry; payload and meta are copied. Free with entry_free, or hand it to a ring. `meta` may
 * be NULL for a hole. */
struct entry *entry_new(enum entry_kind kind, struct pos pos, int64_t now_ms, struct str payload,
	const struct entry_meta *meta);
void entry_free(struct entry *e);
/* Bytes it counts for in limits. */
size_t entry_bytes(const struct entry *e);

struct ring_slot {
	struct pos pos;
	struct entry *entry; /* NULL: a tombstone */
};

struct ring {
	struct pos floor;
	struct ring_slot *slots; /* cap of them, a power of two; slot of seq is seq & (cap - 1) */
	uint32_t cap;
	uint32_t generation;
	uint64_t first, next;
	uint64_t n_kept, bytes;
	uint64_t total_bytes;    /* see struct entry */
	uint64_t n_ephemeral;    /* slots to clear when the turn ends */
	uint64_t n_holes;
	struct map keys;         /* key -> the newest entry of that key */
};

struct ring_limits {
	uint64_t count, bytes; /* kept at most */
	int64_t age_ms;
};

void ring_init(struct ring *r, struct pos floor);
void ring_fini(struct ring *r);
/* Takes `e`, whose position is above everything in the ring (ephemeral: is set to the newest). A
 * keyed entry tombstones the older one of its key. */
void ring_append(struct ring *r, struct entry *e);
/* Ends a turn: drops ephemeral entries, then from the front what is over the limits (raising
 * floor), and compacts when tombstones outnumber entries. Returns entries dropped. */
size_t ring_trim(struct ring *r, const struct ring_limits *l, int64_t now_ms);
/* Drops entries from the front until `bytes` or fewer are kept. */
void ring_cut(struct ring *r, uint64_t bytes);
/* Forgets everything; floor as given. */
void ring_reset(struct ring *r, struct pos floor);

static inline struct ring_slot *ring_at(const struct ring *r, uint64_t seq)
{
	return &r->slots[seq & (r->cap - 1)];
}
/* The newest position, kept or dropped. */
struct pos ring_newest(const struct ring *r);
/* The first seq whose position is above `after`; r->next when there is none. */
uint64_t ring_seek(const struct ring *r, struct pos after);
/* Where the first message above `after` is; false: there is none. */
bool ring_message_after(const struct ring *r, struct pos after, struct pos *at);
/* The position just before the n-th entry from the end (messages only; holes and tombstones do not
 * count), or before the first. */
struct pos ring_before_last(const struct ring *r, uint64_t n);
/* The position just before the first message with ts >= wall_ms; newest when there is none. */
struct pos ring_before_time(const struct ring *r, int64_t wall_ms);

#endif
