/* test_sub.c - what a feed is owed: every kind of `since`, slowness, echo, keys, merging, gaps and their positions
 *
 * The feed is written down as text: "a:1" an entry of a at 1 (b: for one of a backfill "A"), "~a" an ephemeral one, "[a 2-5 slow@5]" a gap
 * with the position it may hand out, "!a@3" the start of a, "?" waiting, "." nothing, "X" closed. */
#include "base/mem.h"
#include "room/sub.h"
#include "tap.h"

#include <stdlib.h>

#define E 9

static struct table t;
static struct feed f;
static struct buf out;
static struct sub *asked; /* by the last locate or replay */
static enum locate_kind asked_kind;
static uint64_t asked_after, asked_upto;
static unsigned woken;

static struct pos pos(uint64_t n)
{
	return (struct pos){ .epoch = E, .lo = n };
}

static void on_locate(struct table *tab, struct sub *s, enum locate_kind kind, uint64_t arg)
{
	(void)tab;
	(void)arg;
	asked = s;
	asked_kind = kind;
}

static void on_replay(struct table *tab, struct sub *s, struct pos after, struct pos upto)
{
	(void)tab;
	asked = s;
	asked_after = after.lo;
	asked_upto = upto.lo;
}

static void on_forget(struct table *tab, struct sub *s)
{
	(void)tab;
	if (asked == s)
		asked = NULL;
}

static void on_wake(struct table *tab, struct feed *feed)
{
	(void)tab;
	(void)feed;
	woken++;
}

static const struct table_ops ops = { on_locate, on_replay, on_forget, on_wake, NULL };

static void begin(bool replay, enum slow_policy slow, uint64_t count, uint64_t start)
{
	struct table_conf conf = {
		.limits = { count, 1 << 20, 1 << 30 }, .memory = 1 << 20, .replay = replay, .epoch_of_data = true,
		.slow_default = slow, .backfills = 1,
	};

	table_init(&t, &conf, &ops, NULL, pos(start));
	feed_init(&f, &t, NULL, STR("me"), false);
	asked = NULL;
}

static void end(void)
{
	feed_fini(&f);
	table_fini(&t);
}

static void put(const char *room, uint64_t n, const char *key, const char *client, enum entry_kind kind)
{
	struct entry_meta meta = { .ts_ms = (int64_t)n * 10, .key = str_of(key), .client = str_of(client), .no_echo = client != NULL };
	struct room *r = room_get(&t, str_of(room), 0);

	room_append(&t, r, entry_new(kind, pos(n), 0, STR("{}"), &meta), 0);
}

/* "a1 b2": entries. */
static void puts_(const char *list)
{
	for (; *list; list++)
		if (*list >= 'a' && *list <= 'z') {
			char room[] = { *list, 0 };
			put(room, strtoull(list + 1, NULL, 10), NULL, NULL, ENTRY_MESSAGE);
		}
}

static struct sub *sub(const char *room, const char *since)
{
	struct since s;

	if (*since >= '0' && *since <= '9')
		s = (struct since){ .kind = SINCE_POS, .pos = pos(strtoull(since, NULL, 10)) };
	else if (*since == 't')
		s = (struct since){ .kind = SINCE_TIME, .wall_ms = strtoll(since + 1, NULL, 10) };
	else if (*since == 'x')
		s = (struct since){ .kind = SINCE_POS, .pos = { .epoch = 5, .lo = 3 } };
	else
		since_parse(&s, str_of(since), 0, NULL);
	return sub_open(&f, str_of(room), &s, 0, 0);
}

static void write_run(const struct peek *p)
{
	for (uint64_t s = p->from; s < p->to; s++) {
		const struct entry *e = ring_at(p->ring, s)->entry;
		if (!e || feed_skips(&f, e))
			continue;
		if (e->kind == ENTRY_EPHEMERAL)
			buf_addf(&out, "~" STR_FMT " ", STR_ARG(p->room));
		else
			buf_addf(&out, STR_FMT ":%d ", STR_ARG(p->room), (int)e->pos.lo);
	}
}

/* Everything until there is nothing more, as text. */
static const char *all(void)
{
	struct peek p;

	out.n = 0;
	table_wake(&t);
	for (;;) {
		switch (feed_peek(&f, &p)) {
		case PEEK_EMPTY:
		case PEEK_WAIT:
		case PEEK_CLOSE:
			buf_addf(&out, "%s", p.kind == PEEK_EMPTY ? "." : p.kind == PEEK_WAIT ? "?" : "X");
			buf_add(&out, "", 1);
			table_trim(&t, 0);
			return out.p;
		case PEEK_RUN:
			write_run(&p);
			break;
		case PEEK_ENTRY:
			buf_addf(&out, "<" STR_FMT ":%d> ", STR_ARG(p.room), (int)p.entry->pos.lo);
			break;
		case PEEK_GAP:
			buf_addf(&out, "[" STR_FMT " %d-%d %s", STR_ARG(p.gap.room), (int)p.gap.after.lo, (int)p.gap.at.lo,
				gap_reason_name(p.gap.reason));
			if (p.gap.has_id)
				buf_addf(&out, "@%d", (int)p.gap.id.lo);
			buf_addf(&out, "] ");
			break;
		case PEEK_START:
			buf_addf(&out, "!%s@%d ", p.sub->name, (int)p.sub->start.lo);
			break;
		}
		feed_advance(&f, &p, p.to);
		if (p.kind == PEEK_GAP && p.gap.has_id && pos_cmp(f.pos, p.gap.id) < 0)
			buf_addf(&out, "(position behind) ");
	}
}

#define owed(want, ...) do { const char *got_ = all(); is_text(got_, strlen(got_), want, __VA_ARGS__); } while (0)

static void page(enum page_end how, uint64_t oldest, const char *list)
{
	struct page_entry e[16];
	char room[16][2];
	size_t n = 0;
	struct sub *s = asked;

	for (; *list; list++)
		if (*list >= 'a' && *list <= 'z') {
			room[n][0] = *list;
			room[n][1] = '\0';
			e[n] = (struct page_entry){ str_of(room[n]), entry_new(ENTRY_MESSAGE,
				pos(strtoull(list + 1, NULL, 10)), 0, STR("{}"), NULL) };
			n++;
		}
	asked = NULL;
	sub_page(s, e, n, how, oldest ? pos(oldest) : (struct pos){ 0 });
}

/* Rooms a 11-16 and b, of each the last three kept; listening began at 10. */
static void history(bool replay)
{
	begin(replay, SLOW_SKIP, 3, 10);
	puts_("a11 b12 a13 a14 b15 a16");
	table_wake(&t);
	table_trim(&t, 0);
}

static void test_since_in_rings(void)
{
	static const struct {
		const char *since, *a, *ab, *any;
	} cases[] = {
		{ "latest", "!a@16 .", "!a@16 !b@16 .", "!*@16 ." },
		{ "16", "!a@16 .", "!a@16 !b@16 .", "!*@16 ." },
		{ "13", "!a@13 a:14 a:16 .", "!a@13 !b@13 a:14 b:15 a:16 .", "!*@13 a:14 b:15 a:16 ." },
		{ "11", "!a@11 a:13 a:14 a:16 .", "!a@11 !b@11 b:12 a:13 a:14 b:15 a:16 .", "!*@11 b:12 a:13 a:14 b:15 a:16 ." },
		{ "10", "!a@10 [a 10-11 history@11] a:13 a:14 a:16 .",
			"!a@10 !b@10 [a 10-11 history@11] b:12 a:13 a:14 b:15 a:16 .",
			"!*@10 [a 10-11 history@11] b:12 a:13 a:14 b:15 a:16 ." },
		{ "earliest", "!a@11 a:13 a:14 a:16 .", "!a@11 !b@10 b:12 a:13 a:14 b:15 a:16 .", "!*@10 b:12 a:13 a:14 b:15 a:16 ." },
		{ "last:1", "!a@14 a:16 .", "!a@14 !b@12 b:15 a:16 .", "!*@12 b:15 a:16 ." },
		{ "t140", "!a@13 a:14 a:16 .", "!a@13 !b@12 a:14 b:15 a:16 .", "!*@12 a:14 b:15 a:16 ." },
		{ "20", "[a 20-16 bus@16] !a@16 .", "[a 20-16 bus] [b 20-16 bus@16] !a@16 !b@16 .", "[* 20-16 bus@16] !*@16 ." },
		{ "x", "[a 3-11 epoch@11] !a@11 a:13 a:14 a:16 .",
			"[a 3-11 epoch] [b 3-10 epoch@10] !a@11 !b@10 b:12 a:13 a:14 b:15 a:16 .",
			"[* 3-10 epoch@10] !*@10 [a 10-11 history@11] b:12 a:13 a:14 b:15 a:16 ." },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		history(false);
		sub("a", cases[i].since);
		owed(cases[i].a, "since %s, a room", cases[i].since);
		end();
		history(false);
		sub("a", cases[i].since);
		sub("b", cases[i].since);
		owed(cases[i].ab, "since %s, two rooms", cases[i].since);
		ok(f.pos.lo == 16 && feed_at_head(&f), "stands at the head");
		end();
		history(false);
		sub("*", cases[i].since);
		owed(cases[i].any, "since %s, a pattern", cases[i].since);
		end();
	}
}

static void test_since_with_replay(void)
{
	history(true);
	sub("a", "5");
	owed("!a@5 ?", "what the ring lost is asked for");
	ok(asked && asked_after == 5 && asked_upto == 11, "from the position to the floor");
	page(PAGE_MORE, 0, "a6 a8");
	owed("<a:6> <a:8> ?", "a page");
	is_int(f.pos.lo, 8, "moves the position");
	page(PAGE_FAILED, 0, "");
	ok(asked && asked_after == 8, "a page that failed is asked for again");
	page(PAGE_END, 0, "a11 a13");
	owed("<a:11> a:13 a:14 a:16 .", "then the ring, and nothing twice");
	end();

	history(true);
	sub("a", "2");
	sub("b", "2");
	owed("!a@2 !b@2 ?", "one at a time");
	page(PAGE_TRIMMED, 7, "a8");
	owed("?", "the second holds the first");
	page(PAGE_END, 0, "b3 b9");
	owed("[a 2-7 history] <b:3> <a:8> ?", "a gap comes before whatever its position would pass over, without one");
	is_int(f.pos.lo, 8, "the position is of both");
	end();

	history(true);
	sub("a", "2");
	all();
	page(PAGE_TRIMMED, 30, "");
	owed("[a 2-11 history@11] a:13 a:14 a:16 .", "what the log lost and the ring has is no gap");
	end();

	history(true);
	sub("a", "2");
	all();
	page(PAGE_MORE, 0, "a9 a11 a13");
	owed("<a:9> <a:11> a:13 a:14 a:16 .", "a page that says too much is cut");
	end();

	history(true);
	sub("*", "earliest");
	owed("?", "earliest asks");
	is_int(asked_kind, LOCATE_EARLIEST, "where it is");
	sub_located(asked, pos(12), pos(20));
	owed("!*@12 a:13 a:14 b:15 a:16 .", "and starts there");
	end();

	history(true);
	sub("a", "19");
	owed("?", "a position above the head");
	is_int(asked_kind, LOCATE_HEAD, "asks for the bus's head");
	sub_located(asked, pos(30), pos(30));
	owed("!a@19 .", "we merely lag");
	puts_("a18 a21");
	owed("a:21 .", "what it has is not delivered again");
	end();

	history(true);
	sub("a", "19");
	all();
	sub_located(asked, pos(17), pos(17));
	owed("[a 19-16 bus@16] !a@16 .", "or the bus lost what it had");
	end();

	history(true);
	sub("a", "x");
	owed("?", "a position of another epoch");
	sub_located(asked, (struct pos){ .epoch = 5, .lo = 9 }, (struct pos){ .epoch = 5, .lo = 9 });
	ok(asked != NULL, "is asked about again if the table is behind");
	table_reset(&t, (struct pos){ .epoch = 5 }, 0);
	owed("?", "until it knows");
	sub_located(asked, (struct pos){ .epoch = 5, .lo = 9 }, (struct pos){ .epoch = 5, .lo = 9 });
	owed("!a@3 .", "then it is no gap");
	end();
}

static void test_slow(void)
{
	static const struct {
		enum slow_policy slow;
		const char *told, *replayed;
	} cases[] = {
		{ SLOW_CLOSE, "X", "X" },
		{ SLOW_SKIP, "[a 11-13 slow@13] a:14 a:15 .", "?" },
		{ SLOW_LATEST, "[a 11-15 slow@15] .", "[a 11-15 slow@15] ." },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int replay = 0; replay < 2; replay++) {
			begin(replay, cases[i].slow, 2, 10);
			sub("a", "latest");
			puts_("a11");
			owed("!a@10 a:11 .", "keeps up");
			puts_("a12 a13 a14 a15");
			table_wake(&t);
			table_trim(&t, 0);
			owed(replay ? cases[i].replayed : cases[i].told, "slow, policy %d, replay %d", cases[i].slow, replay);
			end();
		}
	/* Slow in one room, with others' entries between: told before they move the position over what is missing. */
	begin(false, SLOW_SKIP, 2, 10);
	sub("a", "latest");
	sub("b", "latest");
	puts_("a11");
	all();
	puts_("a12 b13 a14 a15 a16 b17");
	table_wake(&t);
	table_trim(&t, 0);
	owed("[a 11-14 slow] b:13 a:15 a:16 b:17 .", "told at once");
	end();
	begin(true, SLOW_SKIP, 2, 10);
	sub("a", "latest");
	sub("b", "latest");
	puts_("a11");
	all();
	puts_("a12 b13 a14 a15 a16 b17");
	table_wake(&t);
	table_trim(&t, 0);
	owed("?", "or read again");
	ok(asked_after == 11 && asked_upto == 14, "all that is missing");
	page(PAGE_END, 0, "a12 a14");
	owed("<a:12> b:13 <a:14> a:15 a:16 b:17 .", "and merged");
	end();
}

/* A room by name and by a pattern. */
static void test_overlap(void)
{
	begin(false, SLOW_SKIP, 100, 0);
	sub("a", "latest");
	sub("*", "latest");
	sub(">", "latest");
	puts_("a1 b2 a3");
	put("a", 0, NULL, NULL, ENTRY_EPHEMERAL);
	puts_("b4 a5");
	owed("!a@0 !*@0 !>@0 a:1 b:2 a:3 ~a b:4 a:5 .", "once each");
	put("b", 0, NULL, NULL, ENTRY_EPHEMERAL);
	put("b", 0, NULL, NULL, ENTRY_EPHEMERAL);
	owed("~b ~b .", "ephemeral ones too");
	end();

	begin(false, SLOW_SKIP, 100, 0);
	puts_("a1 b2 a3 b4");
	sub("a", "1");
	owed("!a@1 a:3 .", "one that caught up");
	sub(">", "earliest");
	puts_("a5 b6");
	owed("!>@0 a:1 b:2 a:3 b:4 a:5 b:6 .", "and one that begins before: again what it asks for, once what is new");
	end();

	history(true);
	sub("a", "2");
	sub("*", "2");
	all();
	page(PAGE_END, 0, "a3 a11");
	owed("?", "two that read from the bus");
	page(PAGE_END, 0, "a3 b4 a11");
	owed("<a:3> <b:4> <a:11> b:12 a:13 a:14 b:15 a:16 .", "once each");
	end();

	history(true);
	sub("a", "12");
	sub("*", "2");
	all();
	page(PAGE_END, 0, "a3 b4 a11");
	owed("<a:3> <b:4> <a:11> b:12 a:13 a:14 b:15 a:16 .", "one that reads from the bus and one that does not");
	end();
}

/* What is known of one who does not read, before he is told. */
static void test_lag(void)
{
	struct lag lag;
	struct peek p;

	begin(false, SLOW_CLOSE, 4, 0);
	sub("a", "latest");
	puts_("a1");
	all();
	puts_("a2 a3 a4 a5");
	table_wake(&t);
	table_trim(&t, 0);
	lag = feed_lag(&f, 7);
	is_int(lag.entries, 4, "lag: what is kept for him");
	is_int(lag.lost, 0, "lag: nothing is lost");
	is_int(lag.age_ms, 7, "lag: the age of the oldest");
	ok(!feed_is_too_slow(&f), "lag: not too slow");
	puts_("a6 a7 a8");
	table_trim(&t, 0);
	lag = feed_lag(&f, 0);
	is_int(lag.entries, 4, "lag: no more than is kept");
	is_int(lag.lost, 3, "lag: what was dropped before he had it");
	ok(feed_is_too_slow(&f), "lag: too slow, though nobody looked");
	end();

	begin(false, SLOW_SKIP, 4, 0);
	sub("a", "0");
	puts_("a1 a2 a3 a4 a5 a6");
	table_wake(&t);
	table_trim(&t, 0);
	is_int(feed_lag(&f, 0).lost, 0, "lag: what he never came to is history");
	owed("!a@0 [a 0-2 history@2] a:3 a:4 a:5 a:6 .", "lag: and told so");
	puts_("a7 a8 a9 a10 a11 a12");
	table_wake(&t);
	table_trim(&t, 0);
	is_int(feed_lag(&f, 0).lost, 2, "lag: then it is his slowness");
	ok(!feed_is_too_slow(&f), "lag: which the policy permits");
	ok(feed_peek(&f, &p) == PEEK_GAP && p.gap.lost == 2, "lag: he is told the same");
	end();

	begin(true, SLOW_SKIP, 4, 0);
	sub("a", "latest");
	puts_("a1");
	all();
	puts_("a2 a3 a4 a5 a6 a7");
	table_wake(&t);
	table_trim(&t, 0);
	is_int(feed_lag(&f, 0).lost, 0, "lag: what the bus has is not lost");
	end();

	/* Keys: the ring is compacted while he stands in it. */
	begin(false, SLOW_SKIP, 1000, 0);
	sub("a", "latest");
	puts_("a1");
	all();
	for (unsigned i = 2; i <= 300; i++)
		put("a", i, i % 2 ? "x" : "y", NULL, ENTRY_MESSAGE);
	table_wake(&t);
	feed_peek(&f, &p);
	feed_advance(&f, &p, p.from + 150);
	table_trim(&t, 0);
	is_int(feed_lag(&f, 0).entries, 2, "lag: his place in a ring that was compacted");
	owed("a:299 a:300 .", "lag: so much it was");
	end();
}

/* An ephemeral entry of a room that starts above what another was delivered. */
static void test_early_ephemeral(void)
{
	struct peek p;

	begin(false, SLOW_SKIP, 100, 0);
	sub("a", "latest");
	all();
	puts_("a1 a2");
	sub("b", "latest");
	put("b", 0, NULL, NULL, ENTRY_EPHEMERAL);
	table_wake(&t);
	for (int i = 0; i < 2; i++) {
		feed_peek(&f, &p);
		feed_advance(&f, &p, p.to);
	}
	ok(p.kind == PEEK_RUN && ring_at(p.ring, p.from)->entry->kind == ENTRY_EPHEMERAL, "it comes first");
	is_int(f.pos.lo, 0, "and moves nothing");
	owed("a:1 a:2 .", "over what is owed");
	end();
}

static void test_live(void)
{
	begin(false, SLOW_SKIP, 100, 0);
	puts_("a1 b20");
	table_trim(&t, 0);
	sub("a", "latest");
	all();
	put("a", 0, NULL, NULL, ENTRY_EPHEMERAL);
	owed("~a .", "an ephemeral entry of a room that was quiet when it was joined");
	put("a", 0, NULL, NULL, ENTRY_EPHEMERAL);
	table_wake(&t);
	table_trim(&t, 0);
	owed(".", "is not kept");
	put("a", 21, NULL, "me", ENTRY_MESSAGE);
	put("a", 22, NULL, "you", ENTRY_MESSAGE);
	owed("a:22 .", "no echo");
	is_int(f.pos.lo, 22, "moves the position all the same");
	end();

	begin(false, SLOW_SKIP, 100, 0);
	sub("a", "latest");
	sub("b", "latest");
	puts_("b5");
	put("b", 0, NULL, NULL, ENTRY_EPHEMERAL);
	puts_("a6 b7 b8 a9");
	owed("!a@0 !b@0 b:5 ~b a:6 b:7 b:8 a:9 .", "merged by position");
	sub_close(sub_find(&f, STR("b")));
	puts_("b10 a11");
	owed("a:11 .", "and one that left is not");
	ok(sub_open(&f, STR("a"), &(struct since){ 0 }, 0, 0) == NULL, "no second of one name");
	sub("b", "5");
	is_int(f.pos.lo, 5, "one added later takes the position back");
	puts_("a12");
	owed("!b@5 b:7 b:8 b:10 a:12 .", "and is merged from its own");
	is_int(f.pos.lo, 12, "until it caught up");
	end();

	begin(false, SLOW_SKIP, 100, 0);
	put("a", 1, "x", NULL, ENTRY_MESSAGE);
	put("a", 2, "y", NULL, ENTRY_MESSAGE);
	put("a", 3, "x", NULL, ENTRY_MESSAGE);
	put("a", 4, "z", NULL, ENTRY_MESSAGE);
	sub("a", "earliest");
	owed("!a@0 a:2 a:3 a:4 .", "the newest of each key");
	end();
}

static void test_holes(void)
{
	begin(false, SLOW_SKIP, 100, 0);
	sub("a", "latest");
	sub("c.*", "latest");
	puts_("a1 b2");
	table_hole(&t, pos(5), 0);
	puts_("a6");
	owed("!a@0 !c.*@0 a:1 [c.* 0-5 bus] [a 1-5 bus@5] a:6 .", "each is told, the last moves the position");
	feed_fini(&f);
	feed_init(&f, &t, NULL, STR(""), false);
	sub("a", "2");
	sub("d", "2");
	owed("!a@2 !d@2 [a 2-5 bus] [d 2-5 history@5] a:6 .", "who comes back later is told too");
	end();
}

/* Patterns that begin together take turns; the last loses nothing of what comes while it waits. */
static void test_turns(void)
{
	begin(false, SLOW_SKIP, 100, 0);
	t.conf.scan = 1;
	puts_("a1 b2");
	sub("a", "1");
	sub("*", "latest");
	sub("c.*", "latest");
	sub(">", "earliest");
	ok(t.scanned == 2, "one pattern has looked at two rooms");
	owed("?", "the start of a connection waits for all");
	puts_("a3");
	table_trim(&t, 0);
	table_wake(&t);
	owed("?", "one more");
	table_trim(&t, 0);
	table_wake(&t);
	owed("!a@1 !*@2 !c.*@2 !>@0 a:1 b:2 a:3 .", "all have begun, where they were asked to");
	sub_close(sub_find(&f, STR(">")));
	sub("d", "latest");
	sub("b.*", "latest");
	sub("a.*", "latest");
	sub_close(sub_find(&f, STR("a.*")));
	table_trim(&t, 0);
	table_wake(&t);
	owed("!d@3 !b.*@3 .", "who leaves before its turn is forgotten");
	ok(list_empty(&t.starting), "nobody waits");
	end();
}

int main(void)
{
	test_since_in_rings();
	test_since_with_replay();
	test_slow();
	test_overlap();
	test_lag();
	test_early_ephemeral();
	test_live();
	test_holes();
	test_turns();
	buf_fini(&out);
	return tap_done();
}
