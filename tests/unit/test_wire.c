/* test_wire.c - batches: gathered once for all who are owed the same, and in steady state without asking for memory */
#include "base/mem.h"
#include "net/wire.h"
#include "tap.h"

#define FEEDS 200
#define ROOMS 4
#define BURST 64

static struct table t;
static struct batches batches;
static struct feed feeds[FEEDS];
static enum wire wires[FEEDS];
static uint64_t delivered, bytes, last_no;

static struct pos pos(uint64_t n)
{
	return (struct pos){ .epoch = 7, .lo = n };
}

/* What a transport does, but for the write. */
static void on_wake(struct table *table, struct feed *f)
{
	enum wire w = wires[f - feeds];
	struct peek p;

	(void)table;
	while (feed_peek(f, &p) == PEEK_RUN || p.kind == PEEK_START) {
		uint64_t to = 0, n = 0;
		if (p.kind == PEEK_RUN) {
			struct str s = batch_get(&batches, w, w != WIRE_WS, f, &p, &to, &n);
			delivered += n;
			bytes += s.n;
		}
		feed_advance(f, &p, to);
	}
}

static const struct table_ops ops = { .wake = on_wake };
static const struct table_conf conf = {
	.limits = { 100, 1 << 20, 60000 }, .memory = 1 << 20, .epoch_of_data = true, .backfills = 1,
	.slow_default = SLOW_SKIP,
};

static struct str room_of(int i)
{
	static const char *const names[ROOMS] = { "a", "b", "c", "d" };

	return str_of(names[i % ROOMS]);
}

static void open_feeds(void)
{
	struct since latest = { .kind = SINCE_LATEST };

	for (int i = 0; i < FEEDS; i++) {
		feed_init(&feeds[i], &t, NULL, STR(""), false);
		wires[i] = i / ROOMS % 2 ? WIRE_SSE : WIRE_WS;
		sub_open(&feeds[i], room_of(i), &latest, 0, 0);
	}
	table_wake(&t);
}

/* One turn: a burst into every room. Returns the allocations made while it was delivered. */
static uint64_t turn(void)
{
	char payload[200];
	uint64_t before;

	memset(payload, ' ', sizeof payload);
	payload[0] = '{';
	payload[sizeof payload - 1] = '}';
	for (int i = 0; i < ROOMS * BURST; i++)
		room_append(&t, room_get(&t, room_of(i), 0),
			entry_new(ENTRY_MESSAGE, pos(++last_no), 0, str_make(payload, sizeof payload), NULL), 0);
	before = mem_count();
	table_wake(&t);
	batches_next_turn(&batches);
	table_trim(&t, 0);
	return mem_count() - before;
}

int main(void)
{
	uint64_t asked = 0;

	table_init(&t, &conf, &ops, NULL, pos(0));
	open_feeds();
	turn();
	is_int((long long)delivered, FEEDS * BURST, "every subscriber is given every message of its room");
	/* However many are owed it. */
	ok(batches.n_spare == 2 * ROOMS, "one batch for each room and wire");
	for (int i = 0; i < 300; i++)
		turn();
	for (int i = 0; i < 300; i++)
		asked += turn();
	is_int((long long)asked, 0, "in steady state %d deliveries ask for no memory", 300 * FEEDS * BURST);
	is_int((long long)delivered, 601LL * FEEDS * BURST, "and none is missing");
	ok(batches.spare_bytes <= BATCH_SPARE_MAX, "what is kept for the next turn is bounded");
	for (int i = 0; i < FEEDS; i++)
		feed_fini(&feeds[i]);
	table_fini(&t);
	batches_fini(&batches);
	return tap_done();
}
