/* test_streams.c - streams of producers that nobody announced, lines that carry them, and lists of addresses */
#include "bench/sources.h"
#include "bench/streams.h"
#include "bench/verify.h"

#include "tap.h"

static struct verdict see_all(bool fixed, uint64_t from, const uint64_t *numbers, size_t n)
{
	struct streams s = { .fixed = fixed, .from = from };
	struct verdict v = { 0 };
	enum follow_result what;

	for (size_t i = 0; i < n; i++)
		streams_see(&s, STR("a"), numbers[i], &v, &what);
	streams_end(&s, &v);
	streams_fini(&s);
	return v;
}

static void test_beginning(void)
{
	static const uint64_t late[] = { 1000000, 1000001, 1000003 }, back[] = { 5, 3, 4, 6, 3 };
	struct verdict v = see_all(false, 0, late, 3);

	ok(v.received == 3 && v.lost == 1 && v.away == 0, "a stream begins where it is first seen");
	v = see_all(false, 0, back, 5);
	ok(v.received == 4 && v.lost == 0 && v.reordered == 2 && v.dup == 1 && v.early == 0,
		"what comes from before that is out of order, and known when it comes again");
	v = see_all(true, 1, back, 5);
	ok(v.received == 4 && v.lost == 2 && v.reordered == 2 && v.dup == 1, "or where all begin");
	v = see_all(true, 4, back, 5);
	ok(v.early == 2 && v.received == 3 && v.lost == 0, "before which nothing was to come");
}

/* Against a plain table of what came. */
static void test_model(void)
{
	int bad = 0;

	for (int run = 0; run < 300; run++) {
		struct streams s = { .fixed = true };
		struct verdict v = { 0 };
		unsigned came[3][40] = { 0 };
		uint64_t greatest[3] = { 0 }, received = 0, dup = 0, lost = 0;
		enum follow_result what;

		for (int i = 0; i < 60; i++) {
			unsigned p = (unsigned)rand_below(3), n = (unsigned)rand_below(40);
			char key[2] = { (char)('a' + p), '\0' };
			streams_see(&s, str_of(key), n, &v, &what);
			if (came[p][n]++)
				dup++;
			else
				received++;
			greatest[p] = n + 1u > greatest[p] ? n + 1u : greatest[p];
		}
		for (int p = 0; p < 3; p++) {
			for (uint64_t n = 0; n < greatest[p]; n++)
				lost += !came[p][n];
		}
		streams_end(&s, &v);
		bad += v.received != received || v.dup != dup || v.lost != lost;
		streams_fini(&s);
	}
	is_int(bad, 0, "300 runs of three producers: received, doubled, lost as in a table");
}

static void test_lines(void)
{
	static const struct {
		const char *line;
		int code;
	} lines[] = {
		{ "{\"p\":\"a\",\"n\":1}", 0 },
		{ "{\"_id\":\"1-2\",\"_room\":\"r\",\"p\":\"a\",\"n\":2,\"x\":{\"p\":7}}", 0 },
		{ "{\"x\":[\"p\",\"n\"],\"n\":3,\"p\":\"a\"}", 0 },
		{ "{\"_op\":\"gap\",\"_room\":\"r\",\"reason\":\"slow\"}", 0 },
		{ "{\"p\":\"a\",\"n\":5}", 0 },
		{ "{\"bench\":\"rtb.AAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAA\"}", 0 },
		{ "{\"p\":\"a\"}", ERR_INVALID },
		{ "{\"n\":6}", ERR_INVALID },
		{ "{\"p\":\"a\",\"n\":\"6\"}", ERR_INVALID },
		{ "{\"p\":\"a\",\"n\":6.0}", ERR_INVALID },
		{ "{\"p\":\"a\",\"n\":-6}", ERR_INVALID },
		{ "[1]", ERR_INVALID },
		{ "{\"p\":\"a\",\"n\":6", ERR_INVALID },
	};
	struct result r;
	struct verify v;

	result_init(&r);
	verify_init(&v, &r, UINT64_MAX);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct err e = { 0 };
		is_int(verify_line(&v, str_of(lines[i].line), &e), lines[i].code, "%s", lines[i].line);
	}
	is_int(v.streams.map.n, 2, "two producers, one of them by marks");
	verify_end(&v, 0);
	ok(r.heard == 5 && r.gaps == 1 && r.verdict.lost == 1 && r.verdict.undeclared == 0,
		"the hole behind the gap was declared");
	verify_fini(&v);
	result_fini(&r);
}

static void test_sources(void)
{
	static const char *const bad[] = { "", "x", "127.0.0.1-", "127.0.0.9-127.0.0.2", "10.0.0.0-10.255.255.255",
		"127.0.0.1,,127.0.0.2", "::1-::9", "127.0.0.256", "1.2.3.4.5.6.7.8.9.10.11.12" };
	struct sources s = { 0 };
	struct err e = { 0 };

	is_int(sources_parse(&s, "127.0.0.254-127.0.1.1, ::1,10.0.0.7", &e), 0, "ranges and single ones");
	is_int(s.n, 6, "written out");
	ok(strcmp(sources_of(&s, 2), "127.0.1.0") == 0, "over the end of a byte");
	ok(strcmp(sources_of(&s, 10), "::1") == 0, "in turn");
	sources_fini(&s);
	ok(!sources_of(&s, 3), "none: any");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		is_int(sources_parse(&s, bad[i], &e), ERR_USAGE, "'%s' is refused", bad[i]);
		sources_fini(&s);
	}
}

int main(void)
{
	test_beginning();
	test_model();
	test_lines();
	test_sources();
	return tap_done();
}
