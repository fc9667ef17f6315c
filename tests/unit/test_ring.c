/* test_ring.c - the ring against an array that does the same in the plainest way
 *
 * test_ring [SEEDS [FIRST]]. Random appends (plain, keyed, ephemeral, holes), trims, cuts and questions; after each of them bytes,
 * counts, floor, order and the places of entries must be those of the array. A cursor walks along as sub.c's do. */
#include "base/mem.h"
#include "room/ring.h"
#include "tap.h"

#include <stdlib.h>

#define OPS 10000
#define MAX 4096

struct plain {
	uint64_t n;         /* position */
	int64_t ts, arrived;
	unsigned key;
	uint8_t kind;
	uint32_t id;
	size_t bytes;
};

static struct plain all[MAX];
static size_t n_all;
static uint64_t floor_n, newest_n, rng;
static uint32_t last_id;
static bool failed;

static uint64_t below(uint64_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng >> 11) % n;
}

static struct pos pos(uint64_t n)
{
	return (struct pos){ 7, n >> 3, n & 7 };
}

static uint64_t n_of(struct pos p)
{
	return p.hi << 3 | p.lo;
}

#define must(cond) do { if (!(cond) && !failed) { failed = true; \
	printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); } } while (0)

static void drop(size_t i)
{
	memmove(&all[i], &all[i + 1], (n_all - i - 1) * sizeof *all);
	n_all--;
}

static void append(struct ring *r, int64_t now)
{
	unsigned kind = (unsigned)below(10), key = below(3) ? 0 : 1 + (unsigned)below(6);
	char text[64] = { 0 }, name[8];
	struct entry_meta meta = { .ts_ms = now + (int64_t)below(20) };
	struct plain p = { .ts = meta.ts_ms, .arrived = now, .id = ++last_id };
	struct entry *e;

	kind = kind == 0 ? ENTRY_HOLE : kind == 1 ? ENTRY_EPHEMERAL : ENTRY_MESSAGE;
	if (kind == ENTRY_MESSAGE && key) {
		snprintf(name, sizeof name, "k%u", key);
		meta.key = str_of(name);
		p.key = key;
	}
	memcpy(text, &p.id, sizeof p.id);
	if (kind != ENTRY_EPHEMERAL)
		newest_n += 1 + below(3);
	e = entry_new((enum entry_kind)kind, pos(newest_n), now, str_make(text, 4 + below(60)), &meta);
	p.kind = (uint8_t)kind;
	p.n = newest_n;
	p.bytes = entry_bytes(e);
	ring_append(r, e);
	if (p.key)
		for (size_t i = 0; i < n_all; i++)
			if (all[i].key == p.key) {
				drop(i);
				break;
			}
	all[n_all++] = p;
}

static void totals(uint64_t *kept, uint64_t *bytes)
{
	*kept = *bytes = 0;
	for (size_t i = 0; i < n_all; i++)
		if (all[i].kind != ENTRY_EPHEMERAL) {
			++*kept;
			*bytes += all[i].bytes;
		}
}

static void drop_front(void)
{
	if (all[0].kind != ENTRY_EPHEMERAL)
		floor_n = all[0].n;
	drop(0);
}

static size_t trim(const struct ring_limits *l, int64_t now)
{
	uint64_t kept, bytes, before;

	for (size_t i = n_all; i-- > 0;)
		if (all[i].kind == ENTRY_EPHEMERAL)
			drop(i);
	totals(&before, &bytes);
	for (;;) {
		totals(&kept, &bytes);
		if (!n_all || (kept <= l->count && bytes <= l->bytes && now - all[0].arrived < l->age_ms))
			return before - kept;
		drop_front();
	}
}

static void cut(uint64_t most)
{
	uint64_t kept, bytes;

	for (totals(&kept, &bytes); kept && bytes > most; totals(&kept, &bytes))
		drop_front();
}

static uint64_t before_last(uint64_t n)
{
	uint64_t at = newest_n;

	for (size_t i = n_all; n && i-- > 0;)
		if (all[i].kind == ENTRY_MESSAGE) {
			at = all[i].n;
			n--;
		}
	return at;
}

/* What is in the ring, slot by slot. */
static void compare(const struct ring *r)
{
	uint64_t kept, bytes, at = floor_n, ephemeral = 0, holes = 0;
	size_t i = 0;

	totals(&kept, &bytes);
	must(r->n_kept == kept);
	must(r->bytes == bytes);
	must(pos_eq(r->floor, pos(floor_n)));
	must(n_of(ring_newest(r)) == newest_n);
	must(r->next - r->first <= r->cap && (r->cap & (r->cap - 1)) == 0);
	for (uint64_t s = r->first; s < r->next && !failed; s++) {
		const struct ring_slot *slot = ring_at(r, s);
		const struct entry *e = slot->entry;
		uint32_t id;

		must(n_of(slot->pos) >= at);
		at = n_of(slot->pos);
		if (!e)
			continue;
		must(i < n_all && e->kind == all[i].kind && pos_eq(e->pos, slot->pos) && at == all[i].n);
		memcpy(&id, entry_payload(e).p, sizeof id);
		must(i < n_all && id == all[i].id);
		ephemeral += e->kind == ENTRY_EPHEMERAL;
		holes += e->kind == ENTRY_HOLE;
		i++;
	}
	must(i == n_all);
	must(r->n_holes == holes && r->n_ephemeral >= ephemeral);
}

static void ask(const struct ring *r, int64_t now)
{
	uint64_t after = floor_n + below(newest_n - floor_n + 3), n = below(6), at, seq = ring_seek(r, pos(after));
	int64_t wall = now - (int64_t)below(60) + 10;
	bool found = false;

	must(seq == r->first || n_of(ring_at(r, seq - 1)->pos) <= after);
	must(seq == r->next || n_of(ring_at(r, seq)->pos) > after);
	/* Exactly n messages lie above it, or all there are. */
	at = n_of(ring_before_last(r, n));
	must(n ? at < before_last(n) || before_last(n) == newest_n : at == newest_n);
	for (size_t i = 0; i < n_all; i++)
		must(!n || all[i].kind != ENTRY_MESSAGE || (all[i].n > at) == (all[i].n >= before_last(n)));
	at = n_of(ring_before_time(r, wall));
	for (size_t i = 0; i < n_all; i++) {
		bool in = all[i].kind == ENTRY_MESSAGE && all[i].ts >= wall;
		found |= in;
		if (all[i].kind == ENTRY_MESSAGE)
			must((all[i].n > at) == found);
	}
	must(found || at == newest_n);
}

static void run(uint64_t seed)
{
	struct ring r;
	int64_t now = 1000;
	uint64_t seen_pos = 0, seq = 0;
	uint32_t generation = 0;

	rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	n_all = 0;
	floor_n = newest_n = 5;
	last_id = 0;
	ring_init(&r, pos(5));
	for (int op = 0; op < OPS && !failed; op++) {
		struct ring_limits l = { 1 + below(100), 200 + below(20000), 50 + (int64_t)below(2000) };
		uint64_t x = below(100);

		now += (int64_t)below(3);
		if (x < 70 && n_all < MAX - 1) {
			append(&r, now);
		} else if (x < 78) {
			must(ring_trim(&r, &l, now) == trim(&l, now));
			must(r.n_ephemeral == 0 && r.next - r.first <= 2 * r.n_kept + 64);
			must(r.cap <= 8 || r.cap <= 16 * (r.next - r.first) + 16);
		} else if (x < 79) {
			uint64_t most = r.bytes - r.bytes / (1 + below(8));
			ring_cut(&r, most);
			cut(most);
		} else if (x < 95) {
			ask(&r, now);
		} else {
			/* A cursor: whatever became of seq, what it finds next is what lies above its position. */
			if (generation != r.generation) {
				seq = ring_seek(&r, pos(seen_pos));
				generation = r.generation;
			}
			seq = seq < r.first ? r.first : seq;
			must(seq <= r.next);
			for (size_t i = 0; i < n_all; i++)
				if (all[i].n > seen_pos && all[i].kind != ENTRY_EPHEMERAL) {
					while (seq < r.next && (!ring_at(&r, seq)->entry ||
							ring_at(&r, seq)->entry->kind == ENTRY_EPHEMERAL))
						seq++;
					must(seq < r.next && n_of(ring_at(&r, seq)->pos) == all[i].n);
					seen_pos = all[i].n;
					seq++;
					break;
				}
		}
		if (op % 5 == 0 || x >= 70)
			compare(&r);
		if (op % 3000 == 2999) {
			ring_reset(&r, pos(newest_n));
			n_all = 0;
			floor_n = newest_n;
		}
	}
	ring_fini(&r);
	if (failed)
		printf("# seed %llu\n", (unsigned long long)seed);
}

static void test_entry(void)
{
	struct entry_meta m = { .key = STR("k"), .extra = STR("\"_from\":\"x\""), .client = STR("me") };
	struct entry *e = entry_new(ENTRY_MESSAGE, pos(1), 5, STR("{}"), &m);
	char *big = mem_zalloc(70000);

	is_text(entry_payload(e).p, entry_payload(e).n, "{}", "payload");
	is_text(entry_key(e).p, entry_key(e).n, "k", "key");
	is_text(entry_extra(e).p, entry_extra(e).n, "\"_from\":\"x\"", "extra");
	is_text(entry_client(e).p, entry_client(e).n, "me", "client");
	ok(e->client_bit && e->client_bit == entry_client_bit(STR("me")), "client bit");
	entry_free(e);
	memset(big, 'x', 70000);
	m.extra = str_make(big, 70000);
	e = entry_new(ENTRY_MESSAGE, pos(1), 5, STR("{}"), &m);
	is_int(entry_extra(e).n, 70000, "extra members of any length");
	is_text(entry_client(e).p, entry_client(e).n, "me", "client behind them");
	entry_free(e);
	m.client = str_make(big, 300);
	e = entry_new(ENTRY_MESSAGE, pos(1), 5, STR("{}"), &m);
	is_int(entry_client(e).n, 0, "a client's name that cannot be one of ours is none");
	entry_free(e);
	mem_free(big);
}

int main(int argc, char **argv)
{
	uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 110;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	test_entry();
	for (uint64_t s = first; s < first + seeds && !failed; s++)
		run(s);
	ok(!failed, "%llu x %d random operations", (unsigned long long)seeds, OPS);
	return tap_done();
}
