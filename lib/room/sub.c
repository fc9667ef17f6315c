/* sub.c - where a subscription starts, and how it gets from there into the rings
 *
 *   sub_open -> LOCATING -> (start known) -> QUEUED -> PAGING <-> BACKFILL -> LIVE
 *                  |                           ^                              |
 *                  +-- a bus that cannot replay answers at once ------------> LIVE
 *                                              +------- overrun --------------+
 *
 * A backfill is a page of entries private to one sub. It is read up to the `floor` of the rings (looked at again for each page), and
 * then cursors take over exactly there. Delivery and merging are in feed.c. */
#include "room/sub.h"

#include "base/mem.h"
#include "codec/name.h"

#define PAGE_ENTRIES_MAX 256u

struct backfill {
	struct page_entry *entries;
	char *names;        /* of the rooms of the entries */
	size_t n, at;
	struct pos upto;    /* of the page asked for last */
	enum page_end end;
};

const char *gap_reason_name(enum gap_reason r)
{
	static const char *const names[] = { "history", "slow", "bus", "epoch" };
	return names[r];
}

static void sub_state(struct sub *s, enum sub_state state)
{
	s->feed->n_waiting += (state != SUB_LIVE) - (s->state != SUB_LIVE);
	s->state = (uint8_t)state;
}

static void gap_set(struct sub *s, enum gap_reason reason, struct pos after, struct pos at, bool first)
{
	if (!s->gap) {
		s->gap = mem_new(struct gap);
		s->gap->after = after;
		s->feed->n_gaps++;
	}
	s->gap->room = str_of(s->name);
	s->gap->at = at;
	s->gap->reason = reason;
	s->gap_first = first;
}

/* Rooms of a pattern that are not in memory: what they had up to evicted_floor is unknown. */
static void gap_of_evicted(struct sub *s)
{
	const struct table *t = s->feed->table;

	if (s->pattern && !t->conf.replay && !s->gap && pos_cmp(s->pos, t->evicted_floor) < 0)
		gap_set(s, GAP_HISTORY, s->pos, t->evicted_floor, false);
}

static void page_done(struct sub *s);

void sub_gap_told(struct sub *s)
{
	bool first = s->gap_first;

	s->pos = pos_max(s->pos, s->gap->at);
	mem_free(s->gap);
	s->gap = NULL;
	s->feed->n_gaps--;
	if (first)
		gap_of_evicted(s);
	if (s->state == SUB_BACKFILL && s->backfill->at == s->backfill->n)
		page_done(s);
}

/* --- rooms of a sub ------------------------------------------------------------------------- */

/* Calls fn for the named room, or for every room in memory that the pattern matches. */
static void sub_each_room(struct sub *s, void (*fn)(struct sub *s, struct room *r, void *arg), void *arg)
{
	struct table *t = s->feed->table;
	struct str name = str_of(s->name);

	if (!s->pattern) {
		fn(s, s->room, arg);
		return;
	}
	map_for_each(node, &t->rooms) {
		struct room *r = map_entry(node, struct room, node);
		if (pattern_match(name, room_name(r)))
			fn(s, r, arg);
	}
}

static void raise_to_floor(struct sub *s, struct room *r, void *arg)
{
	struct pos *floor = arg;
	(void)s;
	*floor = pos_max(*floor, r->ring.floor);
}

/* From here on everything of the sub's rooms, in memory or not yet, is or will be in their rings. */
static struct pos sub_floor(struct sub *s)
{
	struct pos floor = { .epoch = s->feed->table->head.epoch };

	if (s->pattern)
		floor = s->feed->table->evicted_floor;
	sub_each_room(s, raise_to_floor, &floor);
	return floor;
}

static struct cursor *cursor_new(struct sub *s, struct room *r, struct pos pos)
{
	struct cursor *c = mem_new(struct cursor);

	list_init(&c->link);
	list_init(&c->of_sub);
	list_add(&s->cursors, &c->of_sub);
	c->room = r;
	c->sub = s;
	c->pos = pos;
	c->seq = ring_seek(&r->ring, pos);
	c->generation = r->ring.generation;
	c->fresh = true;
	r->n_cursors++;
	feed_place_cursor(c);
	return c;
}

void cursor_drop(struct cursor *c)
{
	struct room *r = c->room;

	feed_drop_cursor(c);
	list_del(&c->link);
	list_del(&c->of_sub);
	r->n_cursors--;
	room_settle(r);
	mem_free(c);
}

void sub_attach(struct sub *s, struct room *r)
{
	cursor_new(s, r, pos_max(r->ring.floor, s->pos));
}

static void drop_cursors(struct sub *s)
{
	list_for_each_safe(it, &s->cursors)
		cursor_drop(list_entry(it, struct cursor, of_sub));
}

/* --- the start ------------------------------------------------------------------------------ */

/* Where `since` is in one room's ring, for the kinds that never make a gap. */
static struct pos since_in_ring(const struct sub *s, const struct room *r)
{
	switch (s->since.kind) {
	case SINCE_EARLIEST: return r->ring.floor;
	case SINCE_LAST: return ring_before_last(&r->ring, s->since.last);
	case SINCE_TIME: return ring_before_time(&r->ring, s->since.wall_ms);
	case SINCE_LATEST:
	case SINCE_POS: break;
	}
	return s->pos;
}

static void attach_since(struct sub *s, struct room *r, void *arg)
{
	struct pos *least = arg;
	struct pos at = since_in_ring(s, r);

	if (pos_cmp(at, *least) < 0)
		*least = at;
	cursor_new(s, r, at);
}

static void attach_at(struct sub *s, struct room *r, void *arg)
{
	(void)arg;
	cursor_new(s, r, s->pos);
}

static void sub_live(struct sub *s)
{
	sub_state(s, SUB_LIVE);
	sub_each_room(s, attach_at, NULL);
}

static void page_next(struct sub *s);

/* The start is known: s->pos. */
static void sub_started(struct sub *s)
{
	s->start = s->pos;
	if (!s->feed->table->conf.replay) {
		gap_of_evicted(s);
		sub_live(s);
	} else if (pos_cmp(s->pos, sub_floor(s)) < 0) {
		page_next(s);
	} else {
		sub_live(s);
	}
	feed_ready(s->feed);
}

/* A bus that cannot replay: the rings are all there is. */
static void sub_start_in_rings(struct sub *s)
{
	struct pos least = s->feed->table->head;

	if (s->pattern && s->since.kind == SINCE_EARLIEST)
		least = s->feed->table->evicted_floor;
	sub_state(s, SUB_LIVE);
	sub_each_room(s, attach_since, &least);
	s->pos = s->start = least;
	feed_ready(s->feed);
}

static void lower_to_floor(struct sub *s, struct room *r, void *arg)
{
	struct pos *floor = arg;
	(void)s;
	if (pos_cmp(r->ring.floor, *floor) < 0)
		*floor = r->ring.floor;
}

/* The position is of another epoch. Where the epoch belongs to the data nothing of it was seen yet: go on at the floor; where each
 * worker has its own, anything but the head would double. */
static void sub_start_other_epoch(struct sub *s)
{
	struct table *t = s->feed->table;
	struct pos at = t->head;

	if (t->conf.epoch_of_data) {
		if (s->pattern)
			at = t->evicted_floor;
		else
			at = s->room->ring.floor;
		sub_each_room(s, lower_to_floor, &at);
	}
	gap_set(s, GAP_EPOCH, s->since.pos, at, true);
	s->pos = at;
	sub_started(s);
}

static void locate(struct sub *s, enum locate_kind kind, uint64_t arg)
{
	sub_state(s, SUB_LOCATING);
	s->feed->table->ops->locate(s->feed->table, s, kind, arg);
}

static void sub_start_at(struct sub *s, struct pos pos)
{
	s->pos = pos;
	sub_started(s);
}

static void sub_start_pos(struct sub *s)
{
	struct table *t = s->feed->table;

	if (s->since.pos.epoch != t->head.epoch) {
		sub_start_other_epoch(s);
	} else if (pos_cmp(s->since.pos, t->head) <= 0) {
		sub_start_at(s, s->since.pos);
	} else if (t->conf.replay) {
		locate(s, LOCATE_HEAD, 0); /* ours may merely lag */
	} else {
		gap_set(s, GAP_BUS, s->since.pos, t->head, true);
		sub_start_at(s, t->head);
	}
}

static void sub_begin(struct sub *s)
{
	struct table *t = s->feed->table;

	switch (s->since.kind) {
	case SINCE_LATEST:
		sub_start_at(s, t->head);
		break;
	case SINCE_POS:
		sub_start_pos(s);
		break;
	case SINCE_EARLIEST:
		if (t->conf.replay)
			locate(s, LOCATE_EARLIEST, 0);
		else
			sub_start_in_rings(s);
		break;
	case SINCE_LAST:
		if (t->conf.replay)
			locate(s, LOCATE_LAST, s->since.last);
		else
			sub_start_in_rings(s);
		break;
	case SINCE_TIME:
		if (t->conf.replay)
			locate(s, LOCATE_TIME, (uint64_t)s->since.wall_ms);
		else
			sub_start_in_rings(s);
		break;
	}
}

void sub_located(struct sub *s, struct pos pos, struct pos head)
{
	if (s->state != SUB_LOCATING)
		return;
	if (s->since.kind == SINCE_POS) {
		if (s->since.pos.epoch != head.epoch) { /* it changed while we asked */
			sub_start_other_epoch(s);
			return;
		}
		pos = s->since.pos;
		if (pos_cmp(pos, head) > 0) {
			pos = s->feed->table->head;
			gap_set(s, GAP_BUS, s->since.pos, pos, true);
		}
	}
	sub_start_at(s, pos);
}

/* --- opening and closing --------------------------------------------------------------------- */

struct sub *sub_find(const struct feed *f, struct str name)
{
	list_for_each(it, &f->subs) {
		struct sub *s = list_entry(it, struct sub, of_feed);
		if (str_eq(str_of(s->name), name))
			return s;
	}
	return NULL;
}

struct sub *sub_open(struct feed *f, struct str name, const struct since *since, uint64_t tag,
	int64_t now_ms)
{
	struct table *t = f->table;
	struct sub *s;

	if (sub_find(f, name))
		return NULL;
	s = mem_zalloc(sizeof *s + name.n + 1);
	memcpy(s->name, name.p, name.n);
	s->feed = f;
	s->since = *since;
	s->tag = tag;
	s->pattern = pattern_is(name);
	s->state = SUB_LOCATING;
	list_init(&s->of_table);
	list_init(&s->queue);
	list_init(&s->cursors);
	list_init(&s->of_feed);
	list_add(&f->subs, &s->of_feed);
	/* What the others delivered so far is noted before the merge may go back to an older start. */
	list_for_each(it, &f->subs) {
		struct sub *other = list_entry(it, struct sub, of_feed);
		if (other != s && other->state == SUB_LIVE)
			other->pos = pos_max(other->pos, f->merged);
	}
	f->merged = (struct pos){ .epoch = t->head.epoch };
	f->n_subs++;
	f->n_waiting++;
	f->n_unannounced++;
	t->n_subs++;
	if (s->pattern) {
		list_add(&t->patterns, &s->of_table);
	} else {
		s->room = room_get(t, name, now_ms);
		if (s->room->n_named++ == 0)
			room_settle(s->room);
	}
	sub_begin(s);
	return s;
}

static void backfill_free(struct sub *s)
{
	struct backfill *b = s->backfill;

	if (!b)
		return;
	for (; b->at < b->n; b->at++)
		entry_free(b->entries[b->at].entry);
	mem_free(b->entries);
	mem_free(b->names);
	mem_free(b);
	s->backfill = NULL;
}

static void backfill_leave(struct sub *s);

/* Back to how it was before it began: no cursors, no pages, no questions. */
static void sub_clear(struct sub *s)
{
	struct table *t = s->feed->table;

	if (s->state == SUB_LOCATING || s->state == SUB_PAGING)
		t->ops->forget(t, s);
	backfill_leave(s);
	backfill_free(s);
	drop_cursors(s);
	if (s->gap) {
		mem_free(s->gap);
		s->gap = NULL;
		s->feed->n_gaps--;
	}
}

void sub_close(struct sub *s)
{
	struct feed *f = s->feed;

	sub_clear(s);
	if (s->state != SUB_LIVE)
		f->n_waiting--;
	if (!s->announced)
		f->n_unannounced--;
	f->n_subs--;
	f->table->n_subs--;
	list_del(&s->of_feed);
	list_del(&s->of_table);
	if (s->room && --s->room->n_named == 0)
		room_settle(s->room);
	mem_free(s);
}

void feed_restart(struct feed *f)
{
	struct pos old = f->pos;

	f->started = false;
	f->pos = f->merged = (struct pos){ .epoch = f->table->head.epoch };
	list_for_each(it, &f->subs) {
		struct sub *s = list_entry(it, struct sub, of_feed);
		sub_clear(s);
		sub_state(s, SUB_LOCATING);
		if (s->announced)
			s->since = (struct since){ .kind = SINCE_POS, .pos = old };
		sub_begin(s);
	}
}

void sub_hole(struct sub *s, struct pos at)
{
	if (s->state == SUB_LIVE) {
		gap_set(s, GAP_BUS, pos_max(s->pos, s->feed->merged), at, s->gap && s->gap_first);
		feed_ready(s->feed);
	}
}

/* --- backfill --------------------------------------------------------------------------------- */

static void backfill_start(struct sub *s)
{
	struct table *t = s->feed->table;

	list_del(&s->queue);
	list_add(&t->backfilling, &s->queue);
	t->n_backfilling++;
	sub_state(s, SUB_PAGING);
	s->backfill->upto = sub_floor(s);
	t->ops->replay(t, s, s->pos, s->backfill->upto);
}

/* Gives the turn at the bus to the next in the queue. */
static void backfill_leave(struct sub *s)
{
	struct table *t = s->feed->table;
	struct list *next;

	if (s->state == SUB_PAGING) {
		t->n_backfilling--;
		if (t->n_backfilling < t->conf.backfills && (next = list_pop(&t->backfill_queue)))
			backfill_start(list_entry(next, struct sub, queue));
	}
	list_del(&s->queue);
}

/* Asks for the page after s->pos, or goes live where the rings have all that follows. */
static void page_next(struct sub *s)
{
	struct table *t = s->feed->table;

	if (pos_cmp(s->pos, sub_floor(s)) >= 0) {
		backfill_free(s);
		sub_live(s);
		feed_ready(s->feed);
		return;
	}
	if (!s->backfill)
		s->backfill = mem_new(struct backfill);
	if (t->n_backfilling < t->conf.backfills) {
		backfill_start(s);
	} else {
		sub_state(s, SUB_QUEUED);
		list_del(&s->queue);
		list_add(&t->backfill_queue, &s->queue);
	}
}

/* The page was delivered to its end. */
static void page_done(struct sub *s)
{
	struct backfill *b = s->backfill;

	mem_free(b->entries);
	mem_free(b->names);
	b->entries = NULL;
	b->names = NULL;
	b->n = b->at = 0;
	if (b->end == PAGE_END)
		s->pos = pos_max(s->pos, b->upto);
	page_next(s);
}

static void page_keep(struct backfill *b, const struct page_entry *entries, size_t n)
{
	size_t names_n = 0;
	char *p;

	for (size_t i = 0; i < n; i++)
		names_n += entries[i].room.n;
	b->entries = mem_array(n ? n : 1, sizeof *b->entries);
	p = b->names = mem_alloc(names_n + 1);
	for (size_t i = 0; i < n; i++) {
		memcpy(p, entries[i].room.p, entries[i].room.n);
		b->entries[i] = (struct page_entry){ str_make(p, entries[i].room.n), entries[i].entry };
		p += entries[i].room.n;
	}
	b->n = n;
	b->at = 0;
}

void sub_page(struct sub *s, struct page_entry *entries, size_t n, enum page_end end, struct pos oldest)
{
	struct backfill *b = s->backfill;

	if (s->state != SUB_PAGING) {
		for (size_t i = 0; i < n; i++)
			entry_free(entries[i].entry);
		return;
	}
	backfill_leave(s);
	sub_state(s, SUB_BACKFILL);
	b->end = end;
	page_keep(b, entries, n);
	if (end == PAGE_TRIMMED && pos_cmp(s->pos, oldest) < 0)
		gap_set(s, GAP_HISTORY, s->pos, oldest, s->gap && s->gap_first);
	if (n == 0 && !s->gap)
		page_done(s);
	feed_ready(s->feed);
}

const struct entry *sub_backfill_next(const struct sub *s, struct str *room)
{
	const struct backfill *b = s->backfill;

	if (s->state != SUB_BACKFILL || b->at == b->n)
		return NULL;
	*room = b->entries[b->at].room;
	return b->entries[b->at].entry;
}

void sub_backfill_advance(struct sub *s)
{
	struct backfill *b = s->backfill;

	if (b->at < b->n) {
		s->pos = b->entries[b->at].entry->pos;
		entry_free(b->entries[b->at++].entry);
	}
	if (b->at == b->n)
		page_done(s);
}

void sub_fall_back(struct sub *s)
{
	drop_cursors(s);
	sub_state(s, SUB_BACKFILL);
	page_next(s);
}
