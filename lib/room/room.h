/* room.h - the rooms of one instance: table, append, wake, limits, eviction
 *
 * Pure: no descriptors, no loop; `now_ms` is an argument. The table knows every room in memory,
 * the floor under those that are not (`evicted_floor`), the head up to which the bus was heard,
 * and who waits for what:
 *
 *      room.parked   cursors that stand at the end of the room           (sub.h)
 *         | room_append: spliced in O(1)
 *         v
 *      table.awake   cursors with something to read
 *         | table_wake, once a turn
 *         v
 *      feeds (one per connection), each drained by its transport, then parked again */
#ifndef RT_ROOM_ROOM_H
#define RT_ROOM_ROOM_H

#include "base/list.h"
#include "base/map.h"
#include "room/ring.h"

enum slow_policy { SLOW_CLOSE, SLOW_SKIP, SLOW_LATEST };

struct slow_rule {
	char *pattern; /* a room name or pattern; NULL: any */
	enum slow_policy policy;
};

struct room {
	struct map_node node;   /* table.rooms */
	struct table *table;
	struct ring ring;
	struct list cursors;    /* parked: at the end, nothing to read */
	struct list all;        /* table.idle when nobody but parked pattern cursors is
	                         * here, else table.busy */
	struct list dirty;      /* table.dirty: touched in this turn */
	uint32_t n_cursors;     /* of every kind */
	uint32_t n_named;       /* subscribed by name, not by pattern */
	enum slow_policy slow;
	uint64_t published;     /* messages ever appended */
	int64_t used_ms;
	char name[];
};

struct table_conf {
	struct ring_limits limits;     /* of each room */
	uint64_t memory;               /* of all rooms together, bytes */
	bool replay;                   /* the bus can replay what a ring no longer has */
	bool epoch_of_data;            /* the epoch belongs to the data, not to a worker: after
	                                * another epoch nothing was seen yet */
	const struct slow_rule *slow;  /* first match wins; n_slow of them */
	int n_slow;
	enum slow_policy slow_default;
	unsigned backfills;            /* at the same time */
	uint64_t scan;                 /* rooms that a turn looks at for patterns that begin: with
	                                * more the next one waits; 0: any */
};

struct feed;
struct sub;

/* What the table asks of the bus, answered later by sub_located and sub_page. Called from any
 * function of sub.h; must not answer before it returns. */
enum locate_kind { LOCATE_EARLIEST, LOCATE_HEAD, LOCATE_LAST, LOCATE_TIME };
struct table_ops {
	void (*locate)(struct table *t, struct sub *s, enum locate_kind kind, uint64_t arg);
	void (*replay)(struct table *t, struct sub *s, struct pos after, struct pos upto);
	void (*forget)(struct table *t, struct sub *s); /* the sub is going: drop answers to it */
	void (*wake)(struct table *t, struct feed *f);  /* from table_wake: the feed has
	                                                 * something to say */
	void (*created)(struct table *t, struct str room); /* a room that was not in
	                                                    * memory; may be NULL */
};

struct table {
	struct table_conf conf;
	const struct table_ops *ops;
	void *arg;                /* of the owner */
	struct map rooms;
	struct list busy, idle;   /* idle: least recently used first */
	struct list dirty;
	struct list awake;        /* cursors */
	struct list ready;        /* feeds */
	struct list feeds;
	struct list patterns;     /* subs on patterns */
	struct list starting;     /* subs on patterns whose turn has yet to come */
	struct list backfilling, backfill_queue;
	unsigned n_backfilling;
	struct pos head;          /* everything of the bus up to here was appended */
	struct pos evicted_floor; /* above the newest of every room that is not in memory */
	uint64_t bytes;           /* of all rings, rooms and cursors: many patterns over many
	                           * rooms are many cursors */
	uint64_t n_evicted, n_trimmed;
	uint64_t n_subs, n_cursors;
	uint64_t scanned;         /* rooms, in this turn */
	uint64_t fit_above;       /* bytes: what there was could not be made to fit, and with less
	                           * than this it is not tried again before the sweep; 0: it is */
};

/* `start`: the head at which listening began (positions of the bus), or {epoch, 0, 0}. `conf` is
 * copied; its rules are borrowed for ever. */
void table_init(struct table *t, const struct table_conf *conf, const struct table_ops *ops,
	void *arg, struct pos start);
/* Every feed must be closed. */
void table_fini(struct table *t);

/* NULL when the room is not in memory. */
struct room *room_find(const struct table *t, struct str name);
/* Makes the room if need be (its floor is evicted_floor) and attaches matching pattern subs. The
 * name must be valid. Never NULL. */
struct room *room_get(struct table *t, struct str name, int64_t now_ms);
/* Takes `e` and wakes the room's subscribers. A stored entry's position becomes the head. */
void room_append(struct table *t, struct room *r, struct entry *e, int64_t now_ms);

/* The bus lost what lay before `at`: an entry of every room, and a gap for every pattern. */
void table_hole(struct table *t, struct pos at, int64_t now_ms);
/* Nothing of the bus up to `head` is missing, though no room got an entry (or it was a
 * duplicate). */
void table_head(struct table *t, struct pos head);
/* The bus is another one now (epoch): rooms are emptied and every subscription is told a gap. */
void table_reset(struct table *t, struct pos start, int64_t now_ms);

/* So many bytes of a feed's owner are fetched ahead of ops->wake. */
#define TABLE_OWNER_FETCH 128
/* Begins what waits for its turn; calls ops->wake for every feed with something to read. */
void table_wake(struct table *t);
/* Ends the turn: limits of the rooms touched in it, and the memory budget. */
void table_trim(struct table *t, int64_t now_ms);
/* Looks for what has become too old in all rooms; to be called every table_sweep_every(). */
void table_sweep(struct table *t, int64_t now_ms);
int64_t table_sweep_every(const struct table *t);
/* Removes the room from memory, raising evicted_floor, if only parked pattern cursors are in it. */
bool room_evict(struct table *t, struct room *r);
/* Do cursors leave memory for another sub? They may take half of it, or CURSORS_ALWAYS where that is
 * more: rooms can be forgotten, subscribers cannot. */
bool table_takes_subs(const struct table *t);
#define CURSORS_ALWAYS (16u << 20) /* bytes */
/* New limits and rules (SIGHUP); applied at the next trim. */
void table_configure(struct table *t, const struct table_conf *conf);

static inline struct str room_name(const struct room *r)
{
	return r->node.key;
}
/* For sub.c: puts the room on the right list after cursors changed; a room nobody needs vanishes
 * when the turn ends. */
void room_settle(struct room *r);
void room_touch(struct room *r);

#endif
