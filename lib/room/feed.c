/* feed.c - what one connection is owed next, over all its rooms
 *
 * Cursors with something to read are in a heap by the position of what they have next; parked ones
 * cost nothing. A key in the heap is what it was when the cursor was placed: rings move on, so the
 * top is looked at again before it is believed (keys only grow). Backfills and gaps of subs are few
 * and searched in a line. "You lost data" is decided here, in cursor_next, and nowhere else. */
#include "room/heap.h"

#include "base/mem.h"

enum next { NEXT_NOTHING, NEXT_ENTRY, NEXT_HOLE, NEXT_OVERRUN };

/* --- one cursor ------------------------------------------------------------------------------- */

/* What the cursor has next, and the position under which it is merged. Moves over what is to be
 * skipped. An overrun is merged where what is missing begins, not where it ends: a position above
 * that must not be handed out before it is told. */
static enum next cursor_next(struct cursor *c, struct pos *key)
{
	const struct ring *r = &c->room->ring;

	if (cursor_is_overrun(c)) {
		*key = c->pos;
		return NEXT_OVERRUN;
	}
	if (c->generation != r->generation) {
		c->seq = ring_seek(r, c->pos);
		c->generation = r->generation;
	}
	if (c->seq < r->first)
		c->seq = r->first;
	for (; c->seq < r->next; c->seq++) {
		const struct ring_slot *slot = ring_at(r, c->seq);

		if (!slot->entry)
			continue;
		/* Not above where the client says it is already. An ephemeral entry has the
		 * position of another: that it was not looked at is enough. */
		if (slot->entry->kind != ENTRY_EPHEMERAL && pos_cmp(slot->pos, c->pos) <= 0)
			continue;
		*key = slot->pos;
		if (slot->entry->kind != ENTRY_HOLE)
			return NEXT_ENTRY;
		/* Another room may have what lies inside it from the bus: it is told before that,
		 * like an overrun. */
		*key = entry_hole_from(slot->entry);
		return NEXT_HOLE;
	}
	return NEXT_NOTHING;
}

/* --- cursors in the heap, and parked ones ----------------------------------------------------- */

void feed_drop_cursor(struct cursor *c)
{
	if (c->heap_i)
		heap_del(c->sub->feed, c);
}

static void cursor_park(struct cursor *c)
{
	list_del(&c->link);
	list_add(&c->room->cursors, &c->link);
}

void feed_place_cursor(struct cursor *c)
{
	struct feed *f = c->sub->feed;
	struct pos key;

	if (cursor_next(c, &key) == NEXT_NOTHING) {
		cursor_park(c);
		return;
	}
	heap_add(f, c, key);
	feed_ready(f);
}

void feed_wake_cursor(struct cursor *c)
{
	list_del(&c->link);
	feed_place_cursor(c);
}

void feed_ready(struct feed *f)
{
	if (list_empty(&f->link))
		list_add(&f->table->ready, &f->link);
}

/* The cursor that comes first, its key checked; cursors with nothing left are parked. NULL:
 * none. */
static struct cursor *feed_top(struct feed *f, struct pos *key, enum next *what)
{
	while (f->n_heap) {
		struct cursor *c = f->heap[0].cursor;

		*what = cursor_next(c, key);
		if (*what == NEXT_NOTHING) {
			heap_del(f, c);
			cursor_park(c);
		} else if (pos_cmp(*key, f->heap[0].key) != 0) {
			f->heap[0].key = *key;
			heap_down(f, 0);
		} else {
			return c;
		}
	}
	return NULL;
}

/* Among those under the same key as `c`, in the heap from i down, the one of its room that is
 * furthest behind. An ephemeral entry has the key of the message before it, which another
 * subscription of this feed may have yet to read. */
static struct cursor *feed_behind(struct feed *f, uint32_t i, struct cursor *c, struct pos at)
{
	struct cursor *o;
	struct pos key;

	if (i >= f->n_heap || pos_cmp(f->heap[i].key, at) > 0)
		return c;
	o = f->heap[i].cursor;
	if (o->room == c->room && cursor_next(o, &key) == NEXT_ENTRY && pos_eq(key, at) &&
		o->seq < c->seq)
		c = o;
	return feed_behind(f, 2 * i + 2, feed_behind(f, 2 * i + 1, c, at), at);
}

/* --- the feed --------------------------------------------------------------------------------- */

void feed_init(struct feed *f, struct table *t, void *owner, struct str client, bool no_echo)
{
	*f = (struct feed){
		.table = t,
		.owner = owner,
		.pos = { .epoch = t->head.epoch },
		.merged = { .epoch = t->head.epoch },
		.no_echo = no_echo,
		.client_bit = entry_client_bit(client),
		.client = client,
	};
	f->heap = &f->one;
	f->cap_heap = 1;
	list_init(&f->subs);
	list_init(&f->link);
	list_init(&f->of_table);
	list_add(&t->feeds, &f->of_table);
}

void feed_fini(struct feed *f)
{
	if (!f->table)
		return;
	list_for_each_safe(it, &f->subs)
		sub_close(list_entry(it, struct sub, of_feed));
	list_del(&f->link);
	list_del(&f->of_table);
	if (f->heap != &f->one)
		mem_free(f->heap);
	f->heap = NULL;
	f->table = NULL;
}

/* Where the connection starts: the least of the starts. */
static struct pos feed_least(const struct feed *f)
{
	struct pos least = f->pos;
	bool any = false;

	list_for_each(it, &f->subs) {
		const struct sub *s = list_entry(it, struct sub, of_feed);
		if (!any || pos_cmp(s->start, least) < 0)
			least = s->start;
		any = true;
	}
	return least;
}

static void feed_start(struct feed *f)
{
	f->pos = feed_least(f);
	f->started = true;
}

/* Gaps that come before anything else: only the last may carry a position, that of the
 * whole connection. */
static bool peek_first_gap(struct feed *f, struct peek *p)
{
	struct sub *found = NULL;
	unsigned n = 0;

	list_for_each(it, &f->subs) {
		struct sub *s = list_entry(it, struct sub, of_feed);
		if (s->gap && s->gap_first && n++ == 0)
			found = s;
	}
	if (!found)
		return false;
	p->kind = PEEK_GAP;
	p->sub = found;
	p->told = found->gap;
	p->gap = *found->gap;
	p->gap.has_id = n == 1;
	p->gap.id = f->started ? f->pos : feed_least(f);
	return true;
}

static bool any_locating(const struct feed *f)
{
	if (f->n_waiting)
		list_for_each(it, &f->subs)
			if (list_entry(it, struct sub, of_feed)->state == SUB_LOCATING)
				return true;
	return false;
}

/* The first announcement waits for all starts: the connection's position is the least of them. */
static bool peek_start(struct feed *f, struct peek *p)
{
	list_for_each(it, &f->subs) {
		struct sub *s = list_entry(it, struct sub, of_feed);
		if (!s->announced && s->state != SUB_LOCATING) {
			p->kind = PEEK_START;
			p->sub = s;
			return true;
		}
	}
	return false;
}

/* The least among what subs themselves have to say: gaps and backfills. False: none. `*waits`: one
 * of them waits for the bus. */
static bool peek_subs(struct feed *f, struct peek *p, struct pos *key, bool *waits)
{
	bool any = false;

	*waits = false;
	list_for_each(it, &f->subs) {
		struct sub *s = list_entry(it, struct sub, of_feed);
		struct str room = { 0 };
		const struct entry *e = NULL;
		const struct gap *gap = s->gap;
		struct pos k = { 0 }; /* a gap comes at once */

		e = sub_backfill_next(s, &room);
		*waits |= s->state != SUB_LIVE && !e && !gap;
		if (!gap && s->hole && (!e || pos_cmp(s->hole->from, e->pos) <= 0)) {
			gap = &s->hole->gap;
			k = s->hole->from;
		} else if (!gap && e) {
			k = e->pos;
		} else if (!gap) {
			continue;
		}
		/* A gap before an entry of the same position. */
		if (any && (pos_cmp(k, *key) > 0 || (pos_cmp(k, *key) == 0 && p->kind == PEEK_GAP)))
			continue;
		any = true;
		*key = k;
		p->sub = s;
		p->told = gap;
		if (gap) {
			p->kind = PEEK_GAP;
			p->gap = *gap;
		} else if (e->kind == ENTRY_HOLE) {
			p->kind = PEEK_GAP;
			p->gap = (struct gap){
				.room = room, .after = s->pos, .at = e->pos, .reason = GAP_BUS
			};
		} else {
			p->kind = PEEK_ENTRY;
			p->room = room;
			p->entry = e;
		}
	}
	return any;
}

/* The cursor was overrun, or comes to a hole: what now? */
static enum peek_kind peek_lost(struct cursor *c, enum next what, struct pos key, struct peek *p)
{
	enum slow_policy slow = c->room->slow;
	bool latest = what == NEXT_OVERRUN && !c->fresh && slow == SLOW_LATEST;

	p->gap = (struct gap){ .room = room_name(c->room), .after = c->pos, .at = key };
	p->gap.reason = what == NEXT_HOLE ? GAP_BUS : c->fresh ? GAP_HISTORY : GAP_SLOW;
	if (what == NEXT_OVERRUN) {
		p->gap.lost = cursor_lost(c, latest);
		p->gap.at = latest ? c->room->table->head : c->room->ring.floor;
	}
	if (what == NEXT_HOLE)
		p->gap.at = ring_at(&c->room->ring, c->seq)->pos;
	if (p->gap.reason == GAP_SLOW && slow == SLOW_CLOSE)
		return PEEK_CLOSE;
	p->gap.has_next = ring_message_after(&c->room->ring, p->gap.at, &p->gap.next);
	return PEEK_GAP;
}

/* How far the run may go: to a hole, or to where another source comes first. */
static uint64_t run_end(const struct cursor *c, const struct pos *limit)
{
	const struct ring *r = &c->room->ring;
	uint64_t to = r->next;

	if (limit)
		to = ring_seek(r, *limit);
	/* An ephemeral entry or a tie; what follows an ephemeral one may be below where
	 * the cursor stands. */
	if (to <= c->seq || pos_cmp(ring_at(r, c->seq)->pos, c->pos) < 0)
		to = c->seq + 1;
	if (r->n_holes)
		for (uint64_t s = c->seq; s < to; s++) {
			const struct entry *e = ring_at(r, s)->entry;
			if (e && e->kind == ENTRY_HOLE)
				return s;
		}
	return to;
}

/* May `at` be handed out once this gap, of cursor `c` or of a sub, is told? Not if it would pass
 * over something else. */
static bool gap_moves(struct feed *f, const struct peek *p, const struct cursor *c, struct pos at)
{
	struct pos key = { 0 };
	struct str room;

	if (pos_cmp(at, f->table->head) > 0)
		return false;
	list_for_each(it, &f->subs) {
		const struct sub *s = list_entry(it, struct sub, of_feed);
		const struct entry *e = sub_backfill_next(s, &room);

		if (s->gap && s->gap != p->told)
			return false;
		if (s->hole && &s->hole->gap != p->told && pos_cmp(s->hole->from, at) <= 0)
			return false;
		if (s->state != SUB_LIVE && s != p->sub && (!e || pos_cmp(e->pos, at) <= 0))
			return false;
	}
	/* Behind it in the heap: another overrun or hole at the same place, or an entry. */
	if (c)
		return !heap_second(f, &key) || pos_cmp(key, at) > 0;
	return !f->n_heap || pos_cmp(f->heap[0].key, at) > 0;
}

static enum peek_kind peek_merged(struct feed *f, struct peek *p)
{
	struct pos sub_key = { 0 }, key = { 0 }, second;
	enum next what = NEXT_NOTHING;
	bool subs = false, waits = false, limited;
	struct cursor *c;

again:
	if (f->n_waiting || f->n_gaps)
		subs = peek_subs(f, p, &sub_key, &waits);
	if (waits)
		return PEEK_WAIT;
	c = feed_top(f, &key, &what);
	if (c && what == NEXT_OVERRUN && cursor_falls_back(c)) {
		c->sub->pos = pos_max(c->sub->pos, pos_max(c->pos, f->merged));
		sub_fall_back(c->sub);
		goto again;
	}
	if (subs && (!c || pos_cmp(sub_key, key) < 0 ||
			    (pos_cmp(sub_key, key) == 0 && p->kind == PEEK_GAP))) {
		if (p->kind == PEEK_GAP) {
			p->gap.has_id = gap_moves(f, p, NULL, p->gap.at);
			p->gap.id = p->gap.at;
		}
		return p->kind;
	}
	if (!c)
		return PEEK_EMPTY;
	if (what == NEXT_ENTRY && f->n_heap > 1)
		c = feed_behind(f, 0, c, key);
	p->cursor = c;
	p->sub = c->sub;
	p->told = NULL;
	if (what != NEXT_ENTRY) {
		enum peek_kind kind = peek_lost(c, what, key, p);
		p->gap.has_id = gap_moves(f, p, c, p->gap.at);
		p->gap.id = p->gap.at;
		return kind;
	}
	limited = heap_second(f, &second);
	if (subs && (!limited || pos_cmp(sub_key, second) < 0)) {
		second = sub_key;
		limited = true;
	}
	p->room = room_name(c->room);
	p->ring = &c->room->ring;
	p->from = c->seq;
	p->to = run_end(c, limited ? &second : NULL);
	return PEEK_RUN;
}

enum peek_kind feed_peek(struct feed *f, struct peek *p)
{
	struct table *t = f->table;

	/* Not the whole of it, which is large: each kind sets what is its own. */
	p->kind = PEEK_EMPTY;
	p->sub = NULL;
	p->cursor = NULL;
	if (!f->started && any_locating(f))
		return p->kind = PEEK_WAIT;
	if (f->n_gaps && peek_first_gap(f, p))
		return p->kind;
	if (!f->started && f->n_subs)
		feed_start(f);
	if (f->n_unannounced && peek_start(f, p))
		return p->kind;
	p->kind = peek_merged(f, p);
	/* Nothing is owed: the position is the head, unless cursors woke that were
	 * not looked at yet. */
	if (p->kind == PEEK_EMPTY && f->started && list_empty(&t->awake)) {
		f->pos = pos_max(f->pos, t->head);
		f->merged = f->pos;
	}
	return p->kind;
}

static void feed_moved(struct feed *f, struct pos pos)
{
	f->merged = pos_max(f->merged, pos);
	f->pos = pos_max(f->pos, pos);
}

static void cursor_move(struct cursor *c, uint64_t to)
{
	c->fresh = false;
	c->seq = to;
	c->pos = pos_max(c->pos, ring_at(&c->room->ring, to - 1)->pos);
}

/* --- rooms that several subs of one feed have ------------------------------------------------- */

/* A room subscribed to by name and by a pattern has two cursors, which come to the same place
 * sooner or later. What one of them delivered there the others pass over. Since all is merged by
 * position, only ties can be such: a run ends where the next source begins. */

/* Cursors of the same room, in the heap from i down, whose next slot is in the run [from, to) of
 * `done`. The heap's order keeps it short: keys above that of the last entry need no look. */
static void pass_over(
	struct feed *f, uint32_t i, const struct cursor *done, uint64_t from, uint64_t to)
{
	struct cursor *c;
	struct pos key;

	if (i >= f->n_heap)
		return;
	c = f->heap[i].cursor;
	if (c != done) {
		if (pos_cmp(f->heap[i].key, ring_at(&done->room->ring, to - 1)->pos) > 0)
			return;
		if (c->room == done->room && cursor_next(c, &key) == NEXT_ENTRY && c->seq >= from &&
			c->seq < to)
			cursor_move(c, to);
	}
	pass_over(f, 2 * i + 1, done, from, to);
	pass_over(f, 2 * i + 2, done, from, to);
}

/* Backfills that have the same message next. */
static void pass_pages(struct feed *f, struct pos pos)
{
	struct str room;

	if (f->n_waiting == 0)
		return;
	list_for_each(it, &f->subs) {
		struct sub *s = list_entry(it, struct sub, of_feed);
		const struct entry *e = sub_backfill_next(s, &room);
		if (e && e->kind == ENTRY_MESSAGE && pos_eq(e->pos, pos))
			sub_backfill_advance(s);
	}
}

/* The last message of the run. An ephemeral entry only borrows its position, of a message that may
 * be in another room and yet to come. */
static const struct entry *last_message(const struct ring *r, uint64_t from, uint64_t to)
{
	for (; to > from; to--) {
		const struct entry *e = ring_at(r, to - 1)->entry;
		if (e && e->kind == ENTRY_MESSAGE)
			return e;
	}
	return NULL;
}

static void run_taken(struct cursor *c, uint64_t from, uint64_t to)
{
	struct feed *f = c->sub->feed;
	const struct entry *last = last_message(&c->room->ring, from, to);

	cursor_move(c, to);
	if (last)
		feed_moved(f, last->pos);
	if (f->n_subs == 1)
		return;
	pass_over(f, 0, c, from, to);
	if (last)
		pass_pages(f, last->pos);
}

static void gap_told(struct feed *f, const struct peek *p)
{
	struct cursor *c = p->cursor;

	if (c) {
		c->fresh = false;
		c->pos = p->gap.at;
		c->seq = ring_seek(&c->room->ring, c->pos);
		c->generation = c->room->ring.generation;
	} else if (p->told && p->told == p->sub->gap) {
		sub_gap_told(p->sub);
	} else if (p->told) {
		sub_hole_told(p->sub);
	} else {
		sub_backfill_advance(p->sub);
	}
	if (!f->started && p->gap.has_id)
		feed_start(f);
	else if (p->gap.has_id)
		feed_moved(f, p->gap.id);
}

void feed_advance(struct feed *f, const struct peek *p, uint64_t to)
{
	switch (p->kind) {
	case PEEK_RUN:
		if (to > p->from)
			run_taken(p->cursor, p->from, to);
		break;
	case PEEK_ENTRY: {
		struct pos pos = p->entry->pos;
		sub_backfill_advance(p->sub);
		feed_moved(f, pos);
		pass_pages(f, pos);
		break;
	}
	case PEEK_GAP:
		gap_told(f, p);
		break;
	case PEEK_START:
		p->sub->announced = true;
		f->n_unannounced--;
		break;
	case PEEK_EMPTY:
	case PEEK_WAIT:
	case PEEK_CLOSE:
		break;
	}
}

bool feed_at_head(const struct feed *f)
{
	return f->started && f->n_heap == 0 && f->n_waiting == 0 && f->n_gaps == 0 &&
		pos_cmp(f->pos, f->table->head) >= 0;
}
