/* test_room.c - the table of rooms: floors, patterns, eviction, budget, holes, another epoch, pins */
#include "base/mem.h"
#include "room/sub.h"
#include "tap.h"

#define E 9

static struct pos pos(uint64_t n)
{
	return (struct pos){ .epoch = E, .lo = n };
}

static struct str name(const char *s)
{
	return str_of(s);
}

static unsigned woken;

static void on_wake(struct table *t, struct feed *f)
{
	struct peek p;
	(void)t;
	woken++;
	while (feed_peek(f, &p) != PEEK_EMPTY && p.kind != PEEK_WAIT)
		feed_advance(f, &p, p.to);
}

static const struct table_ops ops = { .wake = on_wake };
static const struct table_conf plain = {
	.limits = { 100, 1 << 20, 60000 }, .memory = 1 << 20, .epoch_of_data = true, .backfills = 4,
	.slow_default = SLOW_SKIP,
};

static void put(struct table *t, const char *room, uint64_t n, int64_t now)
{
	room_append(t, room_get(t, name(room), now), entry_new(ENTRY_MESSAGE, pos(n), now, STR("{}"), NULL), now);
}

static struct sub *sub_latest(struct feed *f, const char *room)
{
	struct since since = { .kind = SINCE_LATEST };
	return sub_open(f, name(room), &since, 0, 0);
}

/* What the table must count: the costs of rooms are all alike but for the name. */
static uint64_t ring_bytes(const struct table *t)
{
	uint64_t sum = 0;

	map_for_each(node, &t->rooms)
		sum += map_entry(node, struct room, node)->ring.bytes;
	return sum;
}

static void test_floors(void)
{
	struct table t;
	struct room *r;
	uint64_t empty;

	table_init(&t, &plain, &ops, NULL, pos(40));
	r = room_get(&t, name("a"), 0);
	is_int(r->ring.floor.lo, 40, "a new room's floor is where listening began");
	empty = t.bytes;
	ok(room_get(&t, name("a"), 0) == r && room_find(&t, name("a")) == r, "the same room again");
	put(&t, "a", 41, 0);
	put(&t, "b", 50, 0);
	is_int(room_find(&t, name("b"))->ring.floor.lo, 40, "another new room's too");
	is_int(t.head.lo, 50, "the head is what was appended last");
	is_int(t.bytes, 2 * empty + ring_bytes(&t), "bytes: rooms and entries");
	ok(room_evict(&t, r), "an idle room is evicted");
	ok(!room_find(&t, name("a")), "and is gone");
	is_int(t.evicted_floor.lo, 41, "evicted_floor is its newest position");
	r = room_get(&t, name("a"), 0);
	is_int(r->ring.floor.lo, 41, "made again, it begins there");
	table_head(&t, pos(60));
	table_head(&t, pos(55));
	is_int(t.head.lo, 60, "the head does not fall");
	table_trim(&t, 0);
	ok(!room_find(&t, name("a")), "an empty room vanishes when the turn ends");
	is_int(t.evicted_floor.lo, 41, "and raises no floor");
	ok(room_find(&t, name("b")) != NULL, "one with history stays");
	table_sweep(&t, 59999);
	ok(room_find(&t, name("b")) != NULL, "until its age");
	table_sweep(&t, 60000);
	ok(room_find(&t, name("b")) && room_find(&t, name("b"))->ring.n_kept == 0, "then it is empty");
	table_sweep(&t, 120000);
	ok(!room_find(&t, name("b")), "and after as much again it goes");
	is_int(t.evicted_floor.lo, 50, "raising evicted_floor");
	is_int(t.bytes, 0, "no bytes are left");
	table_fini(&t);
}

static void test_patterns(void)
{
	struct table t;
	struct feed f, g;
	struct room *r;

	table_init(&t, &plain, &ops, NULL, pos(0));
	feed_init(&f, &t, NULL, STR(""), false);
	feed_init(&g, &t, NULL, STR(""), false);
	sub_latest(&f, "c.*");
	sub_latest(&g, "d");
	table_wake(&t);
	put(&t, "c.x", 1, 0);
	put(&t, "a", 2, 0);
	r = room_find(&t, name("c.x"));
	is_int(r->n_cursors, 1, "a pattern is attached when the room is made");
	is_int(room_find(&t, name("a"))->n_cursors, 0, "where it matches");
	ok(!room_evict(&t, r), "a room with something to read is not evicted");
	woken = 0;
	table_wake(&t);
	is_int(woken, 1, "only its feed is woken");
	is_int(f.pos.lo, 2, "and stands at the head");
	table_trim(&t, 0);
	ok(room_evict(&t, r), "one with only parked cursors of patterns is");
	is_int(t.evicted_floor.lo, 1, "evicted_floor rises");
	put(&t, "c.x", 3, 0);
	is_int(room_find(&t, name("c.x"))->n_cursors, 1, "and attached again");
	table_wake(&t);
	is_int(f.pos.lo, 3, "nothing was missed");
	ok(!room_evict(&t, room_find(&t, name("d"))), "a room subscribed by name is not evicted");
	table_trim(&t, 1 << 30);
	ok(room_find(&t, name("d")) != NULL, "and does not vanish");
	feed_fini(&g);
	table_trim(&t, 1 << 30);
	ok(!room_find(&t, name("d")), "until nobody is left");
	feed_fini(&f);
	table_fini(&t);
}

static void test_budget(void)
{
	struct table_conf conf = plain;
	struct table t;
	struct feed f;

	conf.memory = 8000 + sizeof(struct cursor);
	table_init(&t, &conf, &ops, NULL, pos(0));
	feed_init(&f, &t, NULL, STR(""), false);
	sub_latest(&f, "busy");
	for (uint64_t n = 1; n <= 60; n++)
		put(&t, n % 3 == 0 ? "busy" : n % 3 == 1 ? "old" : "new", n, (int64_t)n);
	table_wake(&t);
	put(&t, "new", 61, 61);
	ok(t.bytes <= conf.memory, "within the budget so far");
	table_trim(&t, 61);
	ok(room_find(&t, name("old")) && room_find(&t, name("new")), "nobody is evicted");
	for (uint64_t n = 62; n <= 90; n++)
		put(&t, "busy", n, (int64_t)n);
	table_wake(&t);
	table_trim(&t, 90);
	ok(!room_find(&t, name("old")), "over it the idle room used least recently goes");
	ok(room_find(&t, name("new")) != NULL, "not the other");
	is_int(room_find(&t, name("busy"))->ring.n_kept, 49, "and a busy room keeps all");
	for (uint64_t n = 91; n <= 190; n++)
		put(&t, "busy", n, (int64_t)n);
	table_wake(&t);
	table_trim(&t, 190);
	ok(!room_find(&t, name("new")), "then the other");
	ok(t.bytes <= conf.memory && room_find(&t, name("busy"))->ring.n_kept > 20, "then busy ones are cut, not emptied");
	ok(t.n_evicted == 2 && t.n_trimmed > 0, "both are counted");
	is_int(t.bytes - ring_bytes(&t), sizeof(struct room) + 5 + 2 * sizeof(void *) + sizeof(struct cursor),
		"bytes are exact");
	feed_fini(&f);
	table_fini(&t);
}

static void test_holes_and_reset(void)
{
	struct table t;
	struct feed f;
	struct sub *s;
	struct peek p;

	table_init(&t, &plain, &ops, NULL, pos(0));
	feed_init(&f, &t, NULL, STR(""), false);
	s = sub_latest(&f, "c.*");
	put(&t, "a", 1, 0);
	put(&t, "c.x", 2, 0);
	table_wake(&t);
	table_hole(&t, pos(5), 0);
	is_int(room_find(&t, name("a"))->ring.n_holes, 1, "a hole is an entry of a room");
	is_int(room_find(&t, name("c.x"))->ring.n_holes, 1, "of every one");
	is_int(t.evicted_floor.lo, 5, "and raises evicted_floor");
	is_int(t.head.lo, 5, "and the head");
	ok(s->hole && s->hole->gap.at.lo == 5 && s->hole->gap.after.lo == 2, "a pattern is told for rooms not in memory");
	table_wake(&t);
	is_int(f.pos.lo, 5, "all are told");
	table_trim(&t, 0);
	s = sub_latest(&f, "a");
	table_wake(&t);
	table_reset(&t, (struct pos){ .epoch = 77 }, 0);
	is_int(room_find(&t, name("a"))->ring.n_kept, 0, "another epoch empties the rooms");
	is_int(t.bytes - ring_bytes(&t), t.bytes, "and their bytes");
	ok(!f.started && f.pos.epoch == E, "no position is handed out until its gaps are told");
	is_int(feed_peek(&f, &p), PEEK_GAP, "a gap");
	ok(p.gap.reason == GAP_EPOCH && !p.gap.has_id && p.gap.after.lo == 5, "for each subscription");
	feed_advance(&f, &p, 0);
	is_int(feed_peek(&f, &p), PEEK_GAP, "and another");
	ok(p.gap.has_id && p.gap.id.epoch == 77 && !f.started, "the last with a position");
	feed_advance(&f, &p, 0);
	ok(f.started && f.pos.epoch == 77, "which holds from then on");
	feed_fini(&f);
	table_fini(&t);
}

static void test_rules(void)
{
	struct slow_rule rules[] = { { (char *)"vip.*", SLOW_LATEST }, { NULL, SLOW_CLOSE } };
	struct table_conf conf = plain;
	struct table t;
	struct room *r;

	conf.slow = rules;
	conf.n_slow = 2;
	table_init(&t, &conf, &ops, NULL, pos(0));
	r = room_get(&t, name("a"), 0);
	is_int(r->slow, SLOW_CLOSE, "a rule without a pattern is for any room");
	is_int(room_get(&t, name("vip.x"), 0)->slow, SLOW_LATEST, "the first rule wins");
	conf.n_slow = 0;
	table_configure(&t, &conf);
	is_int(r->slow, SLOW_SKIP, "new rules hold for rooms there are");
	table_trim(&t, 0);
	ok(!room_find(&t, name("a")), "an empty room that nobody is in vanishes");
	table_fini(&t);
}

int main(void)
{
	test_floors();
	test_patterns();
	test_budget();
	test_holes_and_reset();
	test_rules();
	return tap_done();
}
