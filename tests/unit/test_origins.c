/* test_origins.c - numbers of publishers: which are holes, and which are not; the rule of retrying */
#include "base/err.h"
#include "bus/origins.h"
#include "bus/reconnect.h"
#include "tap.h"

static void test_text(void)
{
	static const char *const bad[] = { "", "1.1", "9f3c5a7d12e4b6c8", "9f3c5a7d12e4b6c8.",
		"9f3c5a7d12e4b6c8.x", "9F3C5A7D12E4B6C8.1", "9f3c5a7d12e4b6c8.1.", "9f3c5a7d12e4b6c8.1.0",
		"9f3c5a7d12e4b6c8.1.2.3", "9f3c5a7d12e4b6c8.99999999999999999999" };
	struct origin o = { .id = 0x9f3c5a7d12e4b6c8, .n = 17 }, back;
	struct buf b = { 0 };

	origin_format(&b, &o);
	is_text(b.p, b.n, "9f3c5a7d12e4b6c8.17", "a stored message");
	ok(origin_parse(buf_str(&b), &back) == 0 && back.id == o.id && back.n == 17 && back.live == 0,
		"... and back");
	o.live = 2;
	b.n = 0;
	origin_format(&b, &o);
	is_text(b.p, b.n, "9f3c5a7d12e4b6c8.17.2", "an ephemeral one");
	ok(origin_parse(buf_str(&b), &back) == 0 && back.n == 17 && back.live == 2, "... and back");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_int(origin_parse(str_of(bad[i]), &back), ERR_INVALID, "'%s' is none", bad[i]);
	buf_fini(&b);
}

static struct origins all;

static bool heard(uint64_t id, uint64_t n, uint64_t live)
{
	return origins_heard(&all, &(struct origin){ id, n, live });
}

static void test_holes(void)
{
	origins_init(&all);
	ok(!heard(1, 7, 0), "whoever is heard first misses nothing");
	ok(!heard(1, 8, 0), "the next");
	ok(!heard(1, 8, 1) && !heard(1, 8, 3), "ephemeral ones may be lost");
	ok(!heard(1, 9, 0), "... and take no number");
	ok(heard(1, 11, 0), "a number left out");
	ok(!heard(1, 12, 0), "is told once");
	ok(heard(1, 13, 1), "an ephemeral one tells it too");
	ok(!heard(1, 14, 0), "... once");
	ok(!heard(1, 3, 0) && !heard(1, 15, 0), "what comes late is no hole");
	ok(!heard(2, 1, 0) && !heard(2, 2, 0) && !heard(1, 16, 0), "publishers are counted each");
	origins_clear(&all);
	ok(!heard(1, 50, 0), "listening anew, nothing is known");
	for (uint64_t id = 100; id < 20000; id++)
		heard(id, 1, 0);
	ok(all.map.n <= 4096, "as many as were heard lately are remembered");
	ok(heard(19999, 3, 0), "... the newest among them");
	origins_fini(&all);
}

static void test_retry(void)
{
	struct reconnect r = { 0 };
	bool fits = true;
	uint64_t most;

	for (int round = 0; round < 200; round++) {
		fits &= reconnect_next_ms(&r) == 0;
		most = 100;
		for (int i = 0; i < 9; i++) {
			uint64_t ms = reconnect_next_ms(&r);

			fits &= ms <= most && ms >= most / 2;
			most = most * 2 > 2000 ? 2000 : most * 2;
		}
		reconnect_worked(&r);
	}
	ok(fits, "at once, then 100 ms, doubling to 2 s, half of it by chance; anew once it works");
}

int main(void)
{
	test_text();
	test_holes();
	test_retry();
	return tap_done();
}
