/* sub.h - subscriptions: cursors, their merging by position, and the one place that
 * knows of lost data
 *
 *   feed          one connection: everything it is owed, in the order of positions
 *    +- sub       one room or pattern it subscribed to, with its own `since`
 *        +- cursor    a place in one room's ring (a pattern has one per matching room)
 *        or backfill  a page of what the ring no longer has, read from the bus
 *
 * History replay, live fan-out, batching, conflation and slow-consumer detection are this one
 * mechanism on every transport. A transport calls feed_peek, writes what it says, and tells by
 * feed_advance what was taken. Cursors never pin memory: one that was overrun learns it here (`pos
 * < ring.floor`) and nowhere else. Sources are merged by position, a source that waits holds the
 * others. Pure, as room.h. */
#ifndef RT_ROOM_SUB_H
#define RT_ROOM_SUB_H

#include "codec/since.h"
#include "room/room.h"

enum gap_reason { GAP_HISTORY, GAP_SLOW, GAP_BUS, GAP_EPOCH };
const char *gap_reason_name(enum gap_reason r);

struct gap {
	struct str room;       /* or the pattern, for its rooms that are not in memory */
	struct pos after, at;  /* what lies in (after, at] is gone or unknown; delivery
	                        * goes on after `at` */
	struct pos next;       /* of the oldest kept entry, where there is one: informs only */
	bool has_next;
	enum gap_reason reason;
	uint64_t lost;         /* entries that were in the ring and are no more, as far
	                        * as known; else 0 */
	bool has_id;           /* once it is told, `id` may be handed out as the
	                        * connection's position */
	struct pos id;
};

struct cursor {
	struct list link;      /* room.cursors (parked), table.awake, or none (in
	                        * the feed's heap) */
	struct list of_sub;    /* sub.cursors */
	struct room *room;
	struct sub *sub;
	struct pos pos;        /* everything of the room up to here was
	                        * delivered, skipped or told */
	uint64_t seq;          /* of the next slot to look at, while generation is the ring's */
	uint32_t generation;
	uint32_t heap_i : 31;  /* place in the feed's heap + 1; 0: not there */
	uint32_t fresh : 1;    /* nothing was delivered through it: an overrun is of
	                        * history, not of slowness */
};

enum sub_state {
	SUB_LOCATING,  /* waits for its turn to begin, or for the bus to say where `since` is */
	SUB_QUEUED,    /* waits for its turn to backfill */
	SUB_PAGING,    /* waits for a page of the bus */
	SUB_BACKFILL,  /* has entries of a page to deliver */
	SUB_LIVE,      /* its cursors are in the rooms' rings */
};

struct backfill;

/* Holes of the bus that a pattern was not told yet, for its rooms that are not in memory. */
struct hole {
	struct gap gap;            /* up to the last of them; told where `from` comes in the order */
	struct pos from, first_at; /* of the first of them */
};

struct sub {
	struct list of_feed;     /* feed.subs */
	struct list of_table;    /* table.patterns, for patterns */
	struct list queue;       /* table.starting, backfilling or backfill_queue */
	struct feed *feed;
	struct room *room;       /* NULL for a pattern */
	struct list cursors;     /* struct cursor.of_sub */
	struct backfill *backfill;
	struct pos start;        /* handed out when it was announced */
	struct pos pos;          /* everything of the sub up to here was delivered; its
	                          * cursors may be further */
	struct since since;      /* what was asked for, until it is located */
	struct gap *gap;         /* to tell before any entry; NULL: none */
	struct hole *hole;       /* of a pattern; NULL: none */
	bool gap_first;          /* `gap` comes before the announcement too */
	uint8_t state;
	bool pattern, announced;
	uint32_t tag;            /* of the transport */
	char name[];             /* room or pattern */
};

struct source {
	struct pos key;          /* of what the cursor has next; may have grown
	                          * since: see feed_top */
	struct cursor *cursor;
};

struct feed {
	struct table *table;
	void *owner;             /* of the transport */
	struct list of_table;    /* table.feeds */
	struct list subs;
	struct list link;        /* table.ready, or none */
	struct source *heap;     /* cursors with something to read, least key first; `one`
	                          * while that is enough */
	struct source one;
	uint32_t n_heap, cap_heap;
	uint32_t n_subs, n_waiting; /* subs in a state before SUB_LIVE */
	uint32_t n_unannounced;
	uint32_t n_gaps;         /* of subs, to tell */
	struct pos pos;          /* if started, may be handed out: everything up to it was
	                          * delivered or told, in every announced room (one added later
	                          * takes it back to its start) */
	struct pos merged;       /* of what was delivered last; begins anew with every sub */
	bool started;            /* pos may be handed out; not before the gaps at
	                          * the start are told */
	bool no_echo;            /* skip all of this client's own messages */
	uint64_t client_bit;
	struct str client;       /* borrowed */
};

enum peek_kind {
	PEEK_EMPTY,  /* nothing is owed: everything up to feed.pos was delivered */
	PEEK_WAIT,   /* something may be owed that has yet to come from the bus */
	PEEK_RUN,    /* entries [from, to) of room's ring (tombstones and own
	              * messages among them) */
	PEEK_ENTRY,  /* one entry of a backfill */
	PEEK_GAP,    /* tell it, then feed_advance */
	PEEK_START,  /* sub has its start: announce it, then feed_advance */
	PEEK_CLOSE,  /* too slow, and the policy says close; `gap` says what it missed */
};

struct peek {
	enum peek_kind kind;
	struct str room;           /* of RUN and ENTRY */
	const struct ring *ring;   /* RUN */
	uint64_t from, to;
	const struct entry *entry; /* ENTRY */
	struct gap gap;
	struct sub *sub;
	struct cursor *cursor;
	const struct gap *told;    /* the sub's, for feed_advance */
};

/* `client`: at most 32 bytes, may be empty; borrowed until feed_fini. */
void feed_init(struct feed *f, struct table *t, void *owner, struct str client, bool no_echo);
/* Closes all subs. Safe on a zeroed struct. */
void feed_fini(struct feed *f);

/* Subscribes; the sub is announced by PEEK_START once its start is known. `name` and `since` are
 * valid. A second sub of the same name is refused by returning NULL. */
struct sub *sub_open(
	struct feed *f, struct str name, const struct since *since, uint32_t tag, int64_t now_ms);
/* Puts the feed on the table's ready list: its transport can write again, or has
 * something else to say. */
void feed_ready(struct feed *f);
void sub_close(struct sub *s);
struct sub *sub_find(const struct feed *f, struct str name);
/* How many of its subs are patterns. */
unsigned feed_patterns(const struct feed *f);

/* What comes next. Does not change what is owed until feed_advance. */
enum peek_kind feed_peek(struct feed *f, struct peek *p);
/* RUN: everything of the run below `to` was written. Others: the thing itself was. */
void feed_advance(struct feed *f, const struct peek *p, uint64_t to);
/* Is everything up to feed.pos delivered, and is that the head? */
bool feed_at_head(const struct feed *f);
/* Does this feed skip that entry: its own message, where it must not or does not want to see it? */
static inline bool feed_skips(const struct feed *f, const struct entry *e)
{
	return e->client_bit && e->client_bit == f->client_bit && (f->no_echo || e->no_echo) &&
		str_eq(entry_client(e), f->client);
}

struct lag {
	uint64_t entries, bytes;
	int64_t age_ms;
	uint64_t lost; /* gone from the rooms before it had them because it is slow, and not yet
	                * told to it */
};
struct lag feed_lag(const struct feed *f, int64_t now_ms);
/* Will feed_peek say CLOSE, sooner or later? */
bool feed_is_too_slow(const struct feed *f);

/* --- answers of the bus ------------------------------------------------------------------- */

/* Where `since` is: delivery starts after `pos`; `head` is the bus's head now. For LOCATE_HEAD pos
 * == head. Of another epoch than the table's: it asks again. */
void sub_located(struct sub *s, struct pos pos, struct pos head);

enum page_end { PAGE_MORE, PAGE_END, PAGE_TRIMMED, PAGE_FAILED };
struct page_entry {
	struct str room;
	struct entry *entry; /* taken */
};
/* A page of entries above the position asked for, in order. MORE: there may be more below `upto`;
 * END: there is nothing more up to it; TRIMMED: the bus no longer has what follows `after`:
 * `oldest`, above `after`, is the position after which it is whole (entries, if any, begin there).
 * FAILED: ask again, and so is whatever a bus of another epoch than the table's says: it must
 * answer so, or name its epoch in `oldest` (0: it is the table's). */
void sub_page(
	struct sub *s, struct page_entry *entries, size_t n, enum page_end end, struct pos oldest);

/* --- between room.c, sub.c and feed.c ------------------------------------------------------ */

/* A pattern looks at every room: may another one begin in this turn? */
static inline bool table_may_scan(const struct table *t)
{
	return t->conf.scan == 0 || t->scanned < t->conf.scan;
}
/* Finds the start of a sub that waits for it. */
void sub_begin(struct sub *s);
/* A room appeared that a pattern matches; a cursor at the room's floor. */
void sub_attach(struct sub *s, struct room *r);
/* A hole, for the rooms of a pattern that are not in memory. */
void sub_hole(struct sub *s, struct pos from, struct pos at);
/* The table was reset; every sub starts again from the position of the other epoch. */
void feed_restart(struct feed *f);
static inline bool cursor_is_overrun(const struct cursor *c)
{
	return pos_cmp(c->pos, c->room->ring.floor) < 0;
}
/* Entries that an overrun cursor will not get: those dropped before it read them, with `latest` all
 * that are left, too. */
uint64_t cursor_lost(const struct cursor *c, bool latest);
/* Being overrun, it reads what it missed from a bus that can replay, unless the operator wants slow
 * ones cut or moved on. */
bool cursor_falls_back(const struct cursor *c);
/* Takes the cursor out of its room, its feed and its sub. */
void cursor_drop(struct cursor *c);
/* A cursor with something to read: into the heap; with nothing: parked. */
void feed_place_cursor(struct cursor *c);
/* A parked cursor woke. */
void feed_wake_cursor(struct cursor *c);
void feed_drop_cursor(struct cursor *c);
/* Takes the cursors away and reads what is missing from the bus, from the sub's position on. */
void sub_fall_back(struct sub *s);
void sub_set_state(struct sub *s, enum sub_state state);
/* What follows `after` up to `at` is lost; told before anything else. */
void sub_set_gap(struct sub *s, enum gap_reason reason, struct pos after, struct pos at);
void sub_gap_told(struct sub *s);
void sub_hole_told(struct sub *s);
/* From here on everything of the sub's rooms, in memory or not yet, is or will be in their
 * rings. */
struct pos sub_floor(struct sub *s);
/* Cursors at s->pos in all its rooms. */
void sub_go_live(struct sub *s);
void sub_drop_cursors(struct sub *s);
/* Asks for the page after s->pos, or goes live where the rings have all that follows. */
void backfill_next(struct sub *s);
void backfill_stop(struct sub *s);
void backfill_gap_told(struct sub *s, struct pos at);
/* The entry a backfill has next, and the room it is of; NULL: none. */
const struct entry *sub_backfill_next(const struct sub *s, struct str *room);
/* That entry was taken. */
void sub_backfill_advance(struct sub *s);

#endif
