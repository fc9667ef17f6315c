/* test_since.c - each form, its limits, and what is none */
#include "codec/since.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW      1795510522125 /* 2026-11-24T08:55:22.125Z */

static void test_forms(void)
{
	struct since s;

	is_int(since_parse(&s, STR("latest"), NOW, NULL), 0, "latest");
	is_int(s.kind, SINCE_LATEST, "... is latest");
	is_int(since_parse(&s, STR("earliest"), NOW, NULL), 0, "earliest");
	is_int(s.kind, SINCE_EARLIEST, "... is earliest");
	is_int(since_parse(&s, STR("last:50"), NOW, NULL), 0, "last:50");
	ok(s.kind == SINCE_LAST && s.last == 50, "... is the last 50");
	is_int(since_parse(&s, STR("last:0"), NOW, NULL), 0, "last:0");
	ok(s.kind == SINCE_LAST && s.last == 0, "... is the last none");
	is_int(since_parse(&s, STR("9f3c5a7d12e4b6c8-47"), NOW, NULL), 0, "a position");
	ok(s.kind == SINCE_POS && s.pos.epoch == 0x9f3c5a7d12e4b6c8 && s.pos.hi == 0 &&
			s.pos.lo == 47,
		"... is that position");
	is_int(since_parse(&s, STR("0000000000000001-1700000000000-3"), NOW, NULL), 0,
		"a long position");
	ok(s.kind == SINCE_POS && s.pos.epoch == 1 && s.pos.hi == 1700000000000 && s.pos.lo == 3,
		"... is that position");
}

static void test_times(void)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{ "10m", NOW - 600000 },
		{ "1h30m", NOW - 5400000 },
		{ "250ms", NOW - 250 },
		{ "0", NOW },
		{ "36000d", 0 },
		{ "forever", 0 },
		{ "2026-11-24T08:55:22.125Z", NOW },
		{ "2026-11-24T09:55:22.125+01:00", NOW },
		{ "1970-01-01T00:00:01Z", 1000 },
		{ "2030-01-01T00:00:00Z", 1893456000000 },
	};
	struct since s;

	for (size_t i = 0; i < COUNT(cases); i++) {
		is_int(since_parse(&s, str_of(cases[i].text), NOW, NULL), 0, "%s", cases[i].text);
		is_int(s.kind, SINCE_TIME, "... is a time");
		is_int(s.wall_ms, cases[i].want, "... that one");
	}
	is_int(since_parse(&s, STR("10m"), 5, NULL), 0, "ten minutes before 1970");
	is_int(s.wall_ms, 0, "... is 1970");
}

static void test_refused(void)
{
	static const char *const cases[] = {
		"",
		" ",
		"Latest",
		"latest ",
		" latest",
		"early",
		"last",
		"last:",
		"last:-1",
		"last:x",
		"last: 1",
		"last:99999999999999999999",
		"10",
		"-10m",
		"10 m",
		"m",
		"9f3c5a7d12e4b6c8",
		"9f3c5a7d12e4b6c8-",
		"9F3C5A7D12E4B6C8-47",
		"2026-11-24",
		"2026-11-24T08:55:22",
		"2026-13-01T00:00:00Z",
		"yesterday",
	};
	static const char most[] =
		"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9";
	struct since s;
	struct err e = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++)
		is_int(since_parse(&s, str_of(cases[i]), NOW, NULL), ERR_INVALID, "refused: '%s'",
			cases[i]);
	since_parse(&s, STR("yesterday"), NOW, &e);
	is_text(e.text, strlen(e.text),
		"since 'yesterday': give an _id, earliest, latest, last:N, a duration "
		"(10m) or an RFC 3339 time",
		"the sentence lists the forms");
	since_parse(&s, str_of(most + 1), NOW, &e);
	ok(strstr(e.text, "...': give") != NULL &&
			str_utf8(str_of(e.text + sizeof("since 'x") - 1)),
		"a long one is cut, not inside a character");
}

int main(void)
{
	test_forms();
	test_times();
	test_refused();
	return tap_done();
}
