#include "base/err.h"
#include "base/pos.h"
#include "model.h"
#include "tap.h"

static void test_text(void)
{
	static const struct pos longest = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
	struct pos p = { 0x9f3c5a7d12e4b6c8, 0, 47 };
	struct buf b = { 0 };
	char text[POS_TEXT_MAX];

	is_text(text, pos_format(text, p), "9f3c5a7d12e4b6c8-47", "without hi");
	p.hi = 1700000000000;
	is_text(text, pos_format(text, p), "9f3c5a7d12e4b6c8-1700000000000-47", "with hi");
	is_text(text, pos_format(text, (struct pos){ 0 }), "0000000000000000-0", "all zero");
	is_text(text, pos_format(text, longest),
		"ffffffffffffffff-18446744073709551615-18446744073709551615", "the longest");
	is_int(strlen(text), 58, "is terminated");
	buf_add_text(&b, "id: ");
	buf_add_pos(&b, p);
	is_text(b.p, b.n, "id: 9f3c5a7d12e4b6c8-1700000000000-47", "appended");
	buf_fini(&b);
}

static void test_refused(void)
{
	static const char *const bad[] = { "", "-", "47", "9f3c5a7d12e4b6c8", "9f3c5a7d12e4b6c8-",
		"9f3c5a7d12e4b6c-47", "9f3c5a7d12e4b6c80-47", "9F3C5A7D12E4B6C8-47",
		"9f3c5a7d12e4b6cg-47", "9f3c5a7d12e4b6c8-047", "9f3c5a7d12e4b6c8-0-47",
		"9f3c5a7d12e4b6c8--47", "9f3c5a7d12e4b6c8-1-", "9f3c5a7d12e4b6c8-1-2-3",
		"9f3c5a7d12e4b6c8-1-02", "9f3c5a7d12e4b6c8-18446744073709551616",
		"9f3c5a7d12e4b6c8-+1", "9f3c5a7d12e4b6c8-1 ", " 9f3c5a7d12e4b6c8-1",
		"9f3c5a7d12e4b6c8_1" };
	struct pos p = { 1, 2, 3 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(pos_parse(str_of(bad[i]), &p), ERR_INVALID, "'%s' is refused", bad[i]);
	is_int(pos_parse((struct str){ NULL, 0 }, &p), ERR_INVALID, "nothing is refused");
	is_int(pos_parse(str_make("9f3c5a7d12e4b6c8-1\0", 19), &p), ERR_INVALID,
		"a NUL is refused");
	ok(p.epoch == 1 && p.hi == 2 && p.lo == 3, "a failure leaves the target");
}

static void test_round_trip(void)
{
	uint64_t seed = 3;
	char text[POS_TEXT_MAX];
	struct pos back;
	int i;

	for (i = 0; i < 20000; i++) {
		struct pos p = { draw(&seed), draw(&seed) >> draw_below(&seed, 64),
			draw(&seed) >> draw_below(&seed, 64) };
		if (draw_below(&seed, 2))
			p.hi = 0;
		size_t n = pos_format(text, p);
		if (pos_parse(str_make(text, n), &back) != 0 || !pos_eq(p, back))
			break;
		/* Any one byte changed is refused or another position. */
		text[draw_below(&seed, (unsigned)n)] ^= (char)(1 + draw_below(&seed, 255));
		if (pos_parse(str_make(text, n), &back) == 0 && pos_eq(p, back))
			break;
	}
	is_int(i, 20000, "round trips, and no two texts for one position (seed 3)");
}

int main(void)
{
	struct pos a = { 1, 0, UINT64_MAX }, b = { 1, 1, 0 };

	ok(pos_cmp(a, b) < 0 && pos_cmp(b, a) > 0 && pos_cmp(a, a) == 0, "hi before lo");
	ok(pos_eq(pos_max(a, b), b) && pos_eq(pos_max(b, a), b), "the later of two");
	ok(!pos_eq(a, (struct pos){ 2, 0, UINT64_MAX }), "another epoch is another position");
	test_text();
	test_refused();
	test_round_trip();
	return tap_done();
}
