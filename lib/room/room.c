/* room.c - the table of rooms: append, wake, limits, eviction
 *
 * Rooms are freed only when a turn ends (table_trim, table_sweep) or by room_evict, never while
 * something may be looking at them. What a subscriber is owed is not decided here (sub.c). */
#include "room/room.h"

#include "base/mem.h"
#include "codec/name.h"
#include "room/sub.h"

/* What a room costs besides its entries: the struct, its name, its place in the map. */
static size_t room_cost(const struct room *r)
{
	return sizeof *r + r->node.key.n + 1 + 2 * sizeof(void *);
}

void table_init(struct table *t, const struct table_conf *conf, const struct table_ops *ops,
	void *arg, struct pos start)
{
	*t = (struct table){
		.conf = *conf,
		.ops = ops,
		.arg = arg,
		.head = start,
		.evicted_floor = start,
	};
	list_init(&t->busy);
	list_init(&t->idle);
	list_init(&t->dirty);
	list_init(&t->awake);
	list_init(&t->ready);
	list_init(&t->feeds);
	list_init(&t->patterns);
	list_init(&t->starting);
	list_init(&t->backfilling);
	list_init(&t->backfill_queue);
}

static void room_free(struct room *r)
{
	struct table *t = r->table;

	list_for_each_safe(it, &r->cursors)
		cursor_drop(list_entry(it, struct cursor, link));
	t->bytes -= r->ring.bytes + room_cost(r);
	map_del(&t->rooms, &r->node);
	list_del(&r->all);
	list_del(&r->dirty);
	ring_fini(&r->ring);
	mem_free(r);
}

void table_fini(struct table *t)
{
	list_for_each_safe(it, &t->busy)
		room_free(list_entry(it, struct room, all));
	list_for_each_safe(it2, &t->idle)
		room_free(list_entry(it2, struct room, all));
	map_fini(&t->rooms);
}

static enum slow_policy slow_of(const struct table *t, struct str name)
{
	for (int i = 0; i < t->conf.n_slow; i++) {
		const struct slow_rule *rule = &t->conf.slow[i];
		if (!rule->pattern || pattern_match(str_of(rule->pattern), name))
			return rule->policy;
	}
	return t->conf.slow_default;
}

void table_configure(struct table *t, const struct table_conf *conf)
{
	t->conf = *conf;
	map_for_each(node, &t->rooms) {
		struct room *r = map_entry(node, struct room, node);
		r->slow = slow_of(t, room_name(r));
		room_touch(r);
	}
}

struct room *room_find(const struct table *t, struct str name)
{
	struct map_node *node = map_find(&t->rooms, name);
	return node ? map_entry(node, struct room, node) : NULL;
}

struct room *room_get(struct table *t, struct str name, int64_t now_ms)
{
	struct room *r = room_find(t, name);

	if (r)
		return r;
	r = mem_zalloc(sizeof *r + name.n + 1);
	memcpy(r->name, name.p, name.n);
	r->table = t;
	r->slow = slow_of(t, name);
	r->used_ms = now_ms;
	ring_init(&r->ring, t->evicted_floor);
	list_init(&r->cursors);
	list_init(&r->dirty);
	map_add(&t->rooms, &r->node, str_make(r->name, name.n));
	list_init(&r->all);
	list_add(&t->idle, &r->all);
	t->bytes += room_cost(r);
	room_touch(r);
	list_for_each(it, &t->patterns) {
		struct sub *s = list_entry(it, struct sub, of_table);
		if (s->state == SUB_LIVE && pattern_match(str_of(s->name), name))
			sub_attach(s, r);
	}
	if (t->ops->created)
		t->ops->created(t, name);
	return r;
}

void room_touch(struct room *r)
{
	if (list_empty(&r->dirty))
		list_add(&r->table->dirty, &r->dirty);
}

void room_settle(struct room *r)
{
	list_del(&r->all);
	list_add(r->n_named ? &r->table->busy : &r->table->idle, &r->all);
	if (!r->n_named)
		room_touch(r);
}

void room_append(struct table *t, struct room *r, struct entry *e, int64_t now_ms)
{
	uint64_t before = r->ring.bytes;

	r->used_ms = now_ms;
	if (e->kind != ENTRY_EPHEMERAL)
		t->head = pos_max(t->head, e->pos);
	if (e->kind == ENTRY_MESSAGE)
		r->published++;
	ring_append(&r->ring, e);
	t->bytes += r->ring.bytes - before;
	list_splice(&t->awake, &r->cursors);
	room_touch(r);
	if (!r->n_named) { /* most recently used last */
		list_del(&r->all);
		list_add(&t->idle, &r->all);
	}
}

void table_head(struct table *t, struct pos head)
{
	t->head = pos_max(t->head, head);
}

void table_hole(struct table *t, struct pos at, int64_t now_ms)
{
	struct pos from = t->head;

	map_for_each(node, &t->rooms)
		room_append(t, map_entry(node, struct room, node),
			entry_new(ENTRY_HOLE, at, now_ms,
				str_make((const char *)&from, sizeof from), NULL),
			now_ms);
	t->evicted_floor = pos_max(t->evicted_floor, at);
	t->head = pos_max(t->head, at);
	list_for_each(it, &t->patterns)
		sub_hole(list_entry(it, struct sub, of_table), from, at);
}

void table_reset(struct table *t, struct pos start, int64_t now_ms)
{
	t->head = t->evicted_floor = start;
	map_for_each(node, &t->rooms) {
		struct room *r = map_entry(node, struct room, node);
		t->bytes -= r->ring.bytes;
		ring_reset(&r->ring, start);
		r->used_ms = now_ms;
		room_touch(r);
	}
	list_for_each(it, &t->feeds)
		feed_restart(list_entry(it, struct feed, of_table));
}

/* Subscribers are all over memory, and what was read of one is gone from the caches by the time that
 * a thousand others were written to. So while one is looked at the next ones are fetched, each step
 * of the way to them one ahead of the next: its cursor, its sub, its feed, whoever owns that. */
static void fetch_cursors(const struct table *t, const struct list *next)
{
	const struct list *after = next->next;

	if (after != &t->awake)
		mem_prefetch(list_entry(after, struct cursor, link), sizeof(struct cursor));
	if (next != &t->awake)
		mem_prefetch(list_entry(next, struct cursor, link)->sub, 64);
}

static void fetch_feeds(const struct list *ready, const struct list *next)
{
	const struct list *after = next->next;

	if (after != ready)
		mem_prefetch(list_entry(after, struct feed, link), sizeof(struct feed));
	if (next != ready) {
		const struct feed *f = list_entry(next, struct feed, link);
		mem_prefetch(f->owner, TABLE_OWNER_FETCH);
		mem_prefetch(f->heap[0].cursor, sizeof(struct cursor));
	}
}

void table_wake(struct table *t)
{
	struct list *it;
	struct list ready = LIST_INIT(ready);

	while (table_may_scan(t) && (it = list_pop(&t->starting)))
		sub_begin(list_entry(it, struct sub, queue));
	while ((it = list_pop(&t->awake))) {
		fetch_cursors(t, t->awake.next);
		feed_wake_cursor(list_entry(it, struct cursor, link));
	}
	/* A feed that is woken may make itself ready again for the next turn. */
	list_splice(&ready, &t->ready);
	while ((it = list_pop(&ready))) {
		fetch_feeds(&ready, ready.next);
		t->ops->wake(t, list_entry(it, struct feed, link));
	}
}

/* Nobody is here but cursors of patterns with nothing to read. */
static bool room_is_idle(const struct room *r)
{
	uint32_t parked = 0;

	if (r->n_named)
		return false;
	list_for_each(it, &r->cursors)
		parked++;
	return parked == r->n_cursors;
}

bool table_takes_subs(const struct table *t)
{
	uint64_t half = t->conf.memory / 2;

	return t->n_cursors * sizeof(struct cursor) <
		(half > CURSORS_ALWAYS ? half : CURSORS_ALWAYS);
}

bool room_evict(struct table *t, struct room *r)
{
	if (!room_is_idle(r))
		return false;
	t->evicted_floor = pos_max(t->evicted_floor, ring_newest(&r->ring));
	t->n_evicted++;
	room_free(r);
	return true;
}

static void room_trim(struct table *t, struct room *r, int64_t now_ms)
{
	uint64_t before = r->ring.bytes;

	t->n_trimmed += ring_trim(&r->ring, &t->conf.limits, now_ms);
	t->bytes -= before - r->ring.bytes;
}

/* An empty room that nobody is in vanishes at once where that raises no floor, else with
 * its history's age. */
static bool room_is_over(const struct table *t, const struct room *r, int64_t now_ms)
{
	return r->ring.n_kept == 0 && room_is_idle(r) &&
		(pos_cmp(ring_newest(&r->ring), t->evicted_floor) <= 0 ||
			now_ms - r->used_ms >= 2 * t->conf.limits.age_ms);
}

static void room_finish_turn(struct table *t, struct room *r, int64_t now_ms)
{
	room_trim(t, r, now_ms);
	if (room_is_over(t, r, now_ms))
		room_evict(t, r);
}

/* Idle rooms go first, least recently used first; then every room gives an eighth of what it
 * keeps, until it fits. */
static void table_fit(struct table *t)
{
	bool cut = true;

	list_for_each_safe(it, &t->idle) {
		if (t->bytes <= t->conf.memory)
			return;
		room_evict(t, list_entry(it, struct room, all));
	}
	/* Rooms and cursors may be over it by themselves: then there is nothing to cut. */
	while (cut && t->bytes > t->conf.memory) {
		cut = false;
		map_for_each(node, &t->rooms) {
			struct room *r = map_entry(node, struct room, node);
			uint64_t before = r->ring.bytes, n = r->ring.n_kept;
			ring_cut(&r->ring, before - before / 8);
			t->n_trimmed += n - r->ring.n_kept;
			t->bytes -= before - r->ring.bytes;
			cut |= r->ring.bytes < before;
		}
	}
}

void table_trim(struct table *t, int64_t now_ms)
{
	struct list *it;

	t->scanned = 0;
	while ((it = list_pop(&t->dirty)))
		room_finish_turn(t, list_entry(it, struct room, dirty), now_ms);
	if (t->bytes > t->conf.memory && t->bytes >= t->fit_above) {
		table_fit(t);
		t->fit_above = t->bytes > t->conf.memory ? t->bytes + t->conf.memory / 16 : 0;
	}
}

void table_sweep(struct table *t, int64_t now_ms)
{
	t->fit_above = 0;
	list_for_each_safe(it, &t->busy)
		room_finish_turn(t, list_entry(it, struct room, all), now_ms);
	list_for_each_safe(it2, &t->idle)
		room_finish_turn(t, list_entry(it2, struct room, all), now_ms);
}

int64_t table_sweep_every(const struct table *t)
{
	int64_t every = t->conf.limits.age_ms / 10;
	return every < 20 ? 20 : every > 1000 ? 1000 : every;
}
