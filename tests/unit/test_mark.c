/* test_mark.c - marks in whatever a server puts around them */
#include "bench/mark.h"
#include "model.h"
#include "tap.h"

static struct mark any_mark(uint64_t *seed)
{
	unsigned few = draw_below(seed, 3) ? 0 : 40; /* often small, often great */

	return (struct mark){
		.run = draw(seed) >> 28 >> (few ? 30 : 0),
		.stream = (uint32_t)(draw(seed) >> 40 >> (few ? 20 : 0)),
		.number = draw(seed) >> 22 >> few,
		.due_ns = draw(seed) >> 4 >> few,
		.after_ns = draw(seed) >> 16 >> few,
	};
}

static bool same(const struct mark *a, const struct mark *b)
{
	return a->run == b->run && a->stream == b->stream && a->number == b->number && a->due_ns == b->due_ns && a->after_ns == b->after_ns;
}

static void test_surroundings(void)
{
	static const char *const around[][2] = {
		{ "", "" },
		{ "{\"bench\":\"", "\"}" },
		{ "{\"_id\":\"0123456789abcdef-1\",\"bench\":\"", "\",\"pad\":\"xxxx\"}" },
		{ "{\"push\":{\"pub\":{\"data\":\"{\\\"bench\\\":\\\"", "\\\"}\"}}}" },
		{ "data: {\"bench\":\"", "\"}\n\n" },
		{ "rtb", "rtb." },
		{ "rtb.", "" },
		{ "rtb.rtb.rtb.", "rtb" },
		{ "rtb.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", "" },
		{ "r r. rt. rtb, RTB.", "\xff\xfe" },
		{ "\xc3\xa9\xf0\x9f\x98\x80", "\xc3" },
	};
	uint64_t seed = 1;

	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		struct mark m = any_mark(&seed), got = { 0 };
		struct buf b = { 0 };
		struct str rest;
		size_t n = strlen(around[i][0]);
		bool cut = true;

		buf_add_text(&b, around[i][0]);
		mark_write(buf_reserve(&b, MARK_BYTES), &m);
		b.n += MARK_BYTES;
		buf_add_text(&b, around[i][1]);
		rest = buf_str(&b);
		ok(mark_find(&rest, &got) && same(&m, &got), "found between '%s' and '%s'", around[i][0], around[i][1]);
		is_text(rest.p, rest.n, around[i][1], "what follows it is left");
		ok(!mark_find(&rest, &got), "and holds no other");
		for (size_t k = 0; k < n + MARK_BYTES; k++) {
			/* of its own, for a sanitizer to see what is read behind it */
			struct buf part = { 0 };
			buf_add(&part, b.p, k);
			rest = buf_str(&part);
			cut &= !mark_find(&rest, &got);
			/* what is left and what comes later hold it */
			size_t left = rest.n;
			struct buf joined = { 0 };
			buf_add_str(&joined, rest);
			buf_add(&joined, b.p + k, b.n - k);
			rest = buf_str(&joined);
			cut &= mark_find(&rest, &got) && same(&m, &got) && left < MARK_BYTES;
			buf_fini(&joined);
			buf_fini(&part);
		}
		ok(cut, "cut at every byte before its end it is none, and with the rest it is there");
		buf_fini(&b);
	}
}

static void test_near(void)
{
	struct mark m = { .run = 1, .stream = 2, .number = 3, .due_ns = 4, .after_ns = 5 }, got;
	char text[MARK_BYTES];
	bool none = true, some = true;
	struct str s;

	for (size_t i = 0; i < MARK_BYTES; i++) {
		for (unsigned c = 0; c < 256; c++) {
			bool digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
			bool changed;
			mark_write(text, &m);
			changed = text[i] != (char)c;
			text[i] = (char)c;
			s = str_make(text, sizeof(text));
			if (i < 4 ? changed : !digit)
				none &= !mark_find(&s, &got);
			else
				some &= mark_find(&s, &got);
		}
	}
	ok(none, "with one byte that cannot be in it, it is none");
	ok(some, "with any that can it is one");
	s = str_make(NULL, 0);
	ok(!mark_find(&s, &got) && s.n == 0, "nothing holds none");
}

static void test_edges(void)
{
	static const struct mark marks[] = {
		{ 0 },
		{ (UINT64_C(1) << 36) - 1, (1u << 24) - 1, (UINT64_C(1) << 42) - 1, (UINT64_C(1) << 60) - 1, (UINT64_C(1) << 48) - 1 },
	};
	struct mark m = { 0 }, got;
	char text[MARK_BYTES];
	struct str s;

	for (size_t i = 0; i < 2; i++) {
		mark_write(text, &marks[i]);
		s = str_make(text, sizeof(text));
		ok(mark_find(&s, &got) && same(&got, &marks[i]), i ? "all at their most" : "all zero");
	}
	m.after_ns = UINT64_MAX;
	mark_write(text, &m);
	s = str_make(text, sizeof(text));
	ok(mark_find(&s, &got) && got.after_ns == (UINT64_C(1) << 48) - 1, "a delay of more is the most");
}

/* Marks, halves of marks and noise in any order: exactly the whole ones are found, in order. */
static void test_random(void)
{
	static const char *const noise[] = { "rtb.", "rtb\"", ".", "\"", "{\"a\":1}", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA\\", "\n", "rtb.AAAA " };
	uint64_t seed = 3;
	size_t found = 0, bad = 0;

	for (int round = 0; round < 20000; round++) {
		struct mark want[8], got;
		struct buf b = { 0 };
		struct str rest;
		unsigned n = 0;

		for (unsigned parts = draw_below(&seed, 12); parts > 0; parts--) {
			char text[MARK_BYTES];
			if (draw_below(&seed, 2) && n < 8) {
				want[n] = any_mark(&seed);
				mark_write(text, &want[n++]);
				buf_add(&b, text, sizeof(text));
			} else if (draw_below(&seed, 3)) {
				buf_add_text(&b, noise[draw_below(&seed, sizeof(noise) / sizeof(noise[0]))]);
			} else { /* a half; letters behind it would complete it */
				mark_write(text, &(struct mark){ .number = n });
				buf_add(&b, text, draw_below(&seed, MARK_BYTES));
				buf_add_char(&b, ' ');
			}
		}
		rest = buf_str(&b);
		for (unsigned i = 0; i < n && !bad; i++, found++)
			bad += !mark_find(&rest, &got) || !same(&got, &want[i]);
		buf_fini(&b);
		if (bad)
			break;
	}
	ok(bad == 0 && found > 10000, "%zu marks among noise, each found in its turn", found);
}

int main(void)
{
	test_surroundings();
	test_near();
	test_edges();
	test_random();
	return tap_done();
}
