/* test_name.c - the grammar of names, and a slow matcher that thinks differently */
#include "codec/name.h"
#include "tap.h"

#include "base/buf.h"

#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const rooms[] = {
	"a",
	"lobby",
	"chat.eu.room1",
	"A.B",
	"0",
	"a-b",
	"a-",
	"_log",
	"__",
	"@me",
	"~",
	"a@b.c~d",
	"a~",
	"a.-b",
	"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16",
	"x_1",
	"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p",
};

static const struct {
	const char *name, *why;
} not_rooms[] = {
	{ "", "room name is empty" },
	{ ".", "room name '.': a segment is empty" },
	{ ".a", "room name '.a': a segment is empty" },
	{ "a.", "room name 'a.': a segment is empty" },
	{ "a..b", "room name 'a..b': a segment is empty" },
	{ "-a", "room name '-a': begins with '-'" },
	{ "a:b", "room name 'a:b': ':' is not allowed (letters, digits, _ - @ ~ and '.')" },
	{ "a b", "room name 'a b': a space is not allowed (letters, digits, _ - @ ~ and '.')" },
	{ "a\n", "room name 'a\n': 0x0a is not allowed (letters, digits, _ - @ ~ and '.')" },
	{ "\xc3\xa9",
		"room name '\xc3\xa9': 0xc3 is not allowed (letters, digits, _ - @ ~ and '.')" },
	{ "*", "room name '*': '*' is not allowed (letters, digits, _ - @ ~ and '.')" },
	{ "a.>", "room name 'a.>': '>' is not allowed (letters, digits, _ - @ ~ and '.')" },
	{ "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17",
		"room name '1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17': over 16 segments" },
	{ "a/b", "room name 'a/b': '/' is not allowed (letters, digits, _ - @ ~ and '.')" },
};

static void test_rooms(void)
{
	char longest[NAME_MAX_BYTES + 1];
	struct err e = { 0 };

	for (size_t i = 0; i < COUNT(rooms); i++)
		is_int(room_name_check(str_of(rooms[i]), &e), 0, "a room: %s", rooms[i]);
	for (size_t i = 0; i < COUNT(not_rooms); i++) {
		is_int(room_name_check(str_of(not_rooms[i].name), &e), ERR_INVALID,
			"no room: case %zu", i);
		is_text(e.text, strlen(e.text), not_rooms[i].why, "... and the sentence says why");
	}
	for (int c = 0; c < 256; c++) {
		char name[3] = { 'a', (char)c, 'b' };
		bool want =
			c &&
			strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-@~.",
				c);
		if ((room_name_check(str_make(name, 3), NULL) == 0) != want)
			ok(false, "byte %d in a name", c);
	}
	memset(longest, 'a', sizeof(longest));
	is_int(room_name_check(str_make(longest, 128), &e), 0, "128 bytes are a name");
	is_int(room_name_check(str_make(longest, 129), &e), ERR_INVALID, "129 are none");
	ok(strstr(e.text, "aaa...': over 128 bytes") != NULL, "... and the sentence is cut");
	memset(longest, '\xc3', sizeof(longest));
	for (size_t i = 0; i + 1 < sizeof(longest); i += 2)
		longest[i + 1] = '\xa9';
	room_name_check(str_make(longest + 1, 100), &e);
	ok(str_utf8(str_of(e.text + sizeof("room name 'x") - 1)), "... not inside a character");
}

static void test_patterns(void)
{
	static const char *const good[] = { "*", ">", "**", "a", "a.*", "a.>", "a.**", "*.*",
		"*.a.*", "a.*.>", "_log", "*.**" };
	static const struct {
		const char *name, *why;
	} bad[] = {
		{ "", "pattern is empty" },
		{ "a*", "pattern 'a*': a wildcard is a whole segment: '*', '>' or '**'" },
		{ "*a", "pattern '*a': a wildcard is a whole segment: '*', '>' or '**'" },
		{ "a.b>", "pattern 'a.b>': a wildcard is a whole segment: '*', '>' or '**'" },
		{ "***", "pattern '***': a wildcard is a whole segment: '*', '>' or '**'" },
		{ ">.a", "pattern '>.a': '>' and '**' come last only" },
		{ "a.**.b", "pattern 'a.**.b': '>' and '**' come last only" },
		{ ">.", "pattern '>.': '>' and '**' come last only" },
		{ "*.", "pattern '*.': a segment is empty" },
		{ "a.*.:",
			"pattern 'a.*.:': ':' is not allowed (letters, digits, _ - @ ~ and '.')" },
	};
	struct err e = { 0 };

	for (size_t i = 0; i < COUNT(good); i++)
		is_int(pattern_check(str_of(good[i]), &e), 0, "a pattern: %s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++) {
		is_int(pattern_check(str_of(bad[i].name), &e), ERR_INVALID, "no pattern: '%s'",
			bad[i].name);
		is_text(e.text, strlen(e.text), bad[i].why, "... and the sentence says why");
	}
	ok(pattern_is(STR("a.*")) && pattern_is(STR(">")) && pattern_is(STR("**")) &&
			pattern_is(STR("*.a")),
		"wildcards are seen");
	ok(!pattern_is(STR("a")) && !pattern_is(STR("a.b")) && !pattern_is(STR("")),
		"... where they are");
}

static void test_match(void)
{
	static const struct {
		const char *pattern, *name;
		bool want;
	} cases[] = {
		{ "a", "a", true },
		{ "a", "b", false },
		{ "a", "a.b", false },
		{ "a.b", "a", false },
		{ "*", "a", true },
		{ "*", "a.b", false },
		{ "*.*", "a.b", true },
		{ "*.*", "a", false },
		{ ">", "a", true },
		{ ">", "a.b.c", true },
		{ ">", "_log", false },
		{ "**", "_a.b", false },
		{ "*.b", "_a.b", false },
		{ "_a.*", "_a.b", true },
		{ "a.*", "a._b", true },
		{ "**", "a.b.c", true },
		{ "a.>", "a", false },
		{ "a.>", "a.b", true },
		{ "a.>", "a.b.c", true },
		{ "a.>", "b.a", false },
		{ "a.**", "a", false },
		{ "a.*.c", "a.b.c", true },
		{ "a.*.c", "a.b.d", false },
		{ "a.*.c", "a.b.c.d", false },
		{ "a.*.>", "a.b", false },
		{ "a.*.>", "a.b.c", true },
		{ "ab", "a", false },
		{ "a", "ab", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		ok(pattern_match(str_of(cases[i].pattern), str_of(cases[i].name)) == cases[i].want,
			"%s %s %s", cases[i].pattern, cases[i].want ? "matches" : "does not match",
			cases[i].name);
}

/* One character a segment: without the dots it is a matcher of strings, by recursion. */
static bool slow_match(const char *p, const char *n)
{
	if (!*p)
		return !*n;
	if (*p == '>')
		return *n != '\0';
	return *n && (*p == '*' || *p == *n) && slow_match(p + 1, n + 1);
}

static void dotted(struct buf *b, const char *s)
{
	b->n = 0;
	for (; *s; s++) {
		buf_add_char(b, *s);
		if (s[1])
			buf_add_char(b, '.');
	}
}

static void test_match_all(void)
{
	struct buf pattern = { 0 }, name = { 0 };
	char p[5], n[5];
	int differ = 0;

	for (int i = 0; i < 4 * 4 * 4 * 4; i++) {
		int np = 0, end = 0;
		for (int k = i; np < 4 && !end; k /= 4) {
			p[np++] = "ab*>"[k % 4];
			end = k % 4 == 3;
		}
		p[np] = '\0';
		for (int j = 0; j < 2 * 2 * 2 * 2 * 4; j++) {
			int nn = j % 4 + 1;
			for (int k = 0; k < nn; k++)
				n[k] = "ab"[j / 4 >> k & 1];
			n[nn] = '\0';
			dotted(&pattern, p);
			dotted(&name, n);
			differ += pattern_match(buf_str(&pattern), buf_str(&name)) !=
			          slow_match(p, n);
		}
	}
	is_int(differ, 0, "all short patterns and names, as by a slow matcher");
	buf_fini(&pattern);
	buf_fini(&name);
}

static void test_others(void)
{
	char most[USER_MAX_BYTES + 1];

	memset(most, 'a', sizeof(most));
	ok(room_name_internal(STR("_log")) && !room_name_internal(STR("a_")) &&
			!room_name_internal(STR("")),
		"rt's own rooms begin with '_'");
	ok(name_segments(STR("a")) == 1 && name_segments(STR("a.b.c")) == 3,
		"segments are counted");

	is_int(user_check(STR("ada"), NULL), 0, "a user");
	is_int(user_check(STR("Ada Lovelace <\xc3\xa9\xf0\x9f\x98\x80>\"\\"), NULL), 0,
		"a user may be any text");
	is_int(user_check(STR("\xc2\xa0"), NULL), 0,
		"... with a no-break space, which is no control");
	is_int(user_check(str_make(most, 128), NULL), 0, "... of 128 bytes");
	is_int(user_check(str_make(most, 129), NULL), ERR_INVALID, "... of no more");
	is_int(user_check(STR(""), NULL), ERR_INVALID, "... and of no less than one");
	is_int(user_check(STR("a\0"), NULL), ERR_INVALID, "no NUL");
	is_int(user_check(STR("a\x1f"), NULL), ERR_INVALID, "no C0");
	is_int(user_check(STR("\x7f"), NULL), ERR_INVALID, "no DEL");
	is_int(user_check(STR("a\xc2\x80"), NULL), ERR_INVALID, "no C1");
	is_int(user_check(STR("\xc2\x9f"
			      "a"),
		       NULL),
		ERR_INVALID, "no C1 at its end");
	is_int(user_check(STR("\xff"), NULL), ERR_INVALID, "no bytes that are not UTF-8");

	is_int(dedup_check(STR("!\"\\~0aZ"), NULL), 0, "a deduplication id");
	is_int(dedup_check(str_make(most, 64), NULL), 0, "... of 64 bytes");
	is_int(dedup_check(str_make(most, 65), NULL), ERR_INVALID, "... of no more");
	is_int(dedup_check(STR(""), NULL), ERR_INVALID, "... of no less than one");
	is_int(dedup_check(STR("a b"), NULL), ERR_INVALID, "... without a space");
	is_int(dedup_check(STR("a\x7f"), NULL), ERR_INVALID, "... without DEL");
	is_int(dedup_check(STR("\xc3\xa9"), NULL), ERR_INVALID, "... in ASCII");

	is_int(client_check(STR("c7f3-{x}"), NULL), 0, "a client id");
	is_int(client_check(str_make(most, 32), NULL), 0, "... of 32 bytes");
	is_int(client_check(str_make(most, 33), NULL), ERR_INVALID, "... of no more");
	is_int(client_check(STR("a\"b"), NULL), ERR_INVALID, "... without a quote");
	is_int(client_check(STR("a\\b"), NULL), ERR_INVALID, "... without a backslash");
	is_int(client_check(STR("a\0"), NULL), ERR_INVALID, "... without NUL");
}

int main(void)
{
	test_rooms();
	test_patterns();
	test_match();
	test_match_all();
	test_others();
	return tap_done();
}
