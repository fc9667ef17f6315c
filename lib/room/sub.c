/* sub.c - where a subscription starts, and how it gets from there into the rings
 *
 *   sub_open -> LOCATING -> (start known) -> QUEUED -> PAGING <-> BACKFILL -> LIVE
 *                  |                           ^                              |
 *                  +-- a bus that cannot replay answers at once ------------> LIVE
 *                                              +------- overrun --------------+
 *
 * What is read from the bus on the way is backfill.c's; delivery and merging are feed.c's. */
#include "room/sub.h"

#include "base/mem.h"
#include "codec/name.h"

const char *gap_reason_name(enum gap_reason r)
{
	static const char *const names[] = { "history", "slow", "bus", "epoch" };
	return names[r];
}

void sub_set_state(struct sub *s, enum sub_state state)
{
	s->feed->n_waiting += (state != SUB_LIVE) - (s->state != SUB_LIVE);
	s->state = (uint8_t)state;
}

static struct gap gap_begin(struct sub *s, enum gap_reason reason, struct pos after)
{
	s->feed->n_gaps++;
	return (struct gap){ .room = str_of(s->name), .after = after, .reason = reason };
}

static void drop_gap(struct sub *s)
{
	s->feed->n_gaps -= s->gap != NULL;
	mem_free(s->gap);
	s->gap = NULL;
}

static void drop_hole(struct sub *s)
{
	s->feed->n_gaps -= s->hole != NULL;
	mem_free(s->hole);
	s->hole = NULL;
}

/* One that was not told yet grows. */
void sub_set_gap(struct sub *s, enum gap_reason reason, struct pos after, struct pos at)
{
	if (!s->gap) {
		s->gap = mem_new(struct gap);
		*s->gap = gap_begin(s, reason, after);
	}
	s->gap->at = at;
}

/* Where the sub starts is not where it was told to: that comes before the announcement. */
static void gap_at_start(struct sub *s, enum gap_reason reason, struct pos at)
{
	sub_set_gap(s, reason, s->since.pos, at);
	s->gap_first = true;
}

/* Rooms of a pattern that are not in memory: what they had up to evicted_floor is unknown. */
static void gap_of_evicted(struct sub *s)
{
	const struct table *t = s->feed->table;

	if (s->pattern && !t->conf.replay && !s->gap && pos_cmp(s->pos, t->evicted_floor) < 0)
		sub_set_gap(s, GAP_HISTORY, s->pos, t->evicted_floor);
}

void sub_gap_told(struct sub *s)
{
	bool first = s->gap_first;
	struct pos at = s->gap->at;

	drop_gap(s);
	s->gap_first = false;
	if (first)
		gap_of_evicted(s);
	if (s->state == SUB_BACKFILL)
		backfill_gap_told(s, at);
}

void sub_hole_told(struct sub *s)
{
	if (s->state == SUB_LIVE)
		s->pos = pos_max(s->pos, s->hole->first_at);
	drop_hole(s);
}

/* --- rooms of a sub ------------------------------------------------------------------------- */

/* Calls fn for the named room, or for every room in memory that the pattern matches. */
static void sub_each_room(
	struct sub *s, void (*fn)(struct sub *s, struct room *r, void *arg), void *arg)
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

struct pos sub_floor(struct sub *s)
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
	r->table->n_cursors++;
	r->table->bytes += sizeof *c;
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
	r->table->n_cursors--;
	r->table->bytes -= sizeof *c;
	if (!r->n_named) /* maybe nobody needs it any more */
		room_touch(r);
	mem_free(c);
}

void sub_attach(struct sub *s, struct room *r)
{
	cursor_new(s, r, pos_max(r->ring.floor, s->pos));
}

void sub_drop_cursors(struct sub *s)
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

void sub_go_live(struct sub *s)
{
	sub_set_state(s, SUB_LIVE);
	sub_each_room(s, attach_at, NULL);
}

/* The start is known: s->pos. The connection's position must be good for this sub too. */
static void start_is(struct sub *s)
{
	struct feed *f = s->feed;

	s->start = s->pos;
	if (f->started && pos_cmp(s->start, f->pos) < 0)
		f->pos = s->start;
	feed_ready(f);
}

static void sub_started(struct sub *s)
{
	start_is(s);
	if (s->feed->table->conf.replay && pos_cmp(s->pos, sub_floor(s)) < 0) {
		backfill_next(s);
		return;
	}
	gap_of_evicted(s);
	sub_go_live(s);
}

/* A bus that cannot replay: the rings are all there is. */
static void sub_start_in_rings(struct sub *s)
{
	struct pos least = s->feed->table->head;

	if (s->pattern && s->since.kind == SINCE_EARLIEST)
		least = s->feed->table->evicted_floor;
	sub_set_state(s, SUB_LIVE);
	sub_each_room(s, attach_since, &least);
	s->pos = least;
	start_is(s);
}

static void lower_to_floor(struct sub *s, struct room *r, void *arg)
{
	struct pos *floor = arg;
	(void)s;
	if (pos_cmp(r->ring.floor, *floor) < 0)
		*floor = r->ring.floor;
}

/* The position is of another epoch. Where the epoch belongs to the data nothing of it was seen yet:
 * go on at the floor; where each worker has its own, anything but the head would double. */
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
	gap_at_start(s, GAP_EPOCH, at);
	s->pos = at;
	sub_started(s);
}

/* Asks the bus. */
static void locate(struct sub *s)
{
	struct table *t = s->feed->table;

	sub_set_state(s, SUB_LOCATING);
	switch (s->since.kind) {
	case SINCE_EARLIEST: t->ops->locate(t, s, LOCATE_EARLIEST, 0); break;
	case SINCE_LAST: t->ops->locate(t, s, LOCATE_LAST, s->since.last); break;
	case SINCE_TIME: t->ops->locate(t, s, LOCATE_TIME, (uint64_t)s->since.wall_ms); break;
	case SINCE_LATEST:
	case SINCE_POS: t->ops->locate(t, s, LOCATE_HEAD, 0); break;
	}
}

static void sub_start_at(struct sub *s, struct pos pos)
{
	s->pos = pos;
	sub_started(s);
}

static void sub_start_pos(struct sub *s)
{
	struct table *t = s->feed->table;

	if (s->since.pos.epoch == t->head.epoch && pos_cmp(s->since.pos, t->head) <= 0) {
		sub_start_at(s, s->since.pos);
	} else if (t->conf.replay) {
		locate(s); /* the table may merely lag, behind the head or behind
		            * a change of epoch */
	} else if (s->since.pos.epoch != t->head.epoch) {
		sub_start_other_epoch(s);
	} else {
		gap_at_start(s, GAP_BUS, t->head);
		sub_start_at(s, t->head);
	}
}

void sub_begin(struct sub *s)
{
	struct table *t = s->feed->table;

	if (s->pattern)
		t->scanned += t->rooms.n;
	switch (s->since.kind) {
	case SINCE_LATEST:
		sub_start_at(s, t->head);
		break;
	case SINCE_POS:
		sub_start_pos(s);
		break;
	case SINCE_EARLIEST:
	case SINCE_LAST:
	case SINCE_TIME:
		if (t->conf.replay)
			locate(s);
		else
			sub_start_in_rings(s);
		break;
	}
}

/* At once, or after those who came first; "from now on" is from now on all the same. */
static void sub_begin_in_turn(struct sub *s)
{
	struct table *t = s->feed->table;

	if (!s->pattern || (table_may_scan(t) && list_empty(&t->starting))) {
		sub_begin(s);
		return;
	}
	if (s->since.kind == SINCE_LATEST)
		s->since = (struct since){ .kind = SINCE_POS, .pos = t->head };
	list_add(&t->starting, &s->queue);
}

void sub_located(struct sub *s, struct pos pos, struct pos head)
{
	struct table *t = s->feed->table;

	if (s->state != SUB_LOCATING)
		return;
	/* The bus is another one than the table knows: this becomes clear with table_reset, until
	 * then there is no answer. */
	if (head.epoch != t->head.epoch) {
		locate(s);
		return;
	}
	if (s->since.kind == SINCE_POS) {
		if (s->since.pos.epoch != head.epoch) {
			sub_start_other_epoch(s);
			return;
		}
		pos = s->since.pos;
		if (pos_cmp(pos, head) > 0) {
			pos = t->head;
			gap_at_start(s, GAP_BUS, pos);
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

unsigned feed_patterns(const struct feed *f)
{
	unsigned n = 0;

	list_for_each(it, &f->subs)
		n += list_entry(it, struct sub, of_feed)->pattern;
	return n;
}

struct sub *sub_open(struct feed *f, struct str name, const struct since *since, uint32_t tag,
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
	/* What the others delivered so far is noted before the merge may go back to an older
	 * start. */
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
	sub_begin_in_turn(s);
	return s;
}

/* Back to how it was before it began: no cursors, no pages, no questions. */
static void sub_clear(struct sub *s)
{
	struct table *t = s->feed->table;

	bool asked = s->state == SUB_PAGING ||
		(s->state == SUB_LOCATING && list_empty(&s->queue));

	if (asked)
		t->ops->forget(t, s);
	backfill_stop(s);
	sub_drop_cursors(s);
	drop_gap(s);
	drop_hole(s);
	s->gap_first = false;
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
	bool started = f->started;

	/* f->pos stays what it is, of the other epoch, until all gaps are told: whoever comes back
	 * with it is told again. */
	f->started = false;
	list_for_each(it, &f->subs) {
		struct sub *s = list_entry(it, struct sub, of_feed);
		/* A position of the connection covers those whose own announcement is still to
		 * come, but not what they missed before they began. */
		bool known = s->announced ||
			(started && s->state != SUB_LOCATING && !s->gap_first);

		if (known)
			s->since = (struct since){ .kind = SINCE_POS, .pos = f->pos };
		sub_clear(s);
		sub_set_state(s, SUB_LOCATING);
		if (known)
			sub_start_other_epoch(s); /* it was of the one before: nothing to ask */
		else
			sub_begin(s);
	}
	f->merged = (struct pos){ .epoch = f->table->head.epoch };
}

void sub_hole(struct sub *s, struct pos from, struct pos at)
{
	struct pos told = pos_max(s->pos, s->feed->merged);

	/* Where the table lags, its subscriber may be past the hole. */
	if (s->state != SUB_LIVE || pos_cmp(told, at) >= 0)
		return;
	if (!s->hole) {
		s->hole = mem_new(struct hole);
		*s->hole = (struct hole){ gap_begin(s, GAP_BUS, told), from, at };
	}
	s->hole->gap.at = at;
	feed_ready(s->feed);
}
