#include "base/err.h"
#include "base/str.h"
#include "model.h"
#include "tap.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct str none = { NULL, 0 };

static void test_views(void)
{
	struct str rest, s;

	ok(str_eq(none, STR("")), "nothing equals nothing");
	ok(!str_eq(STR("a"), STR("b")) && !str_eq(STR("a"), STR("ab")),
		"other bytes, other length");
	ok(str_eq(str_make("a\0b", 3), str_make("a\0b", 3)), "NUL is a byte");
	ok(!str_eq(str_make("a\0b", 3), str_make("a\0c", 3)), "also behind a NUL");
	ok(str_starts(STR("abc"), none) && str_starts(none, none),
		"everything starts with nothing");
	ok(!str_starts(STR("ab"), STR("abc")), "a prefix is not longer");
	is_int(str_skip(STR("abc"), 9).n, 0, "skipping past the end");
	is_int(str_skip(none, 1).n, 0, "skipping nothing");
	ok(str_of(NULL).n == 0, "no text is nothing");
	ok(str_case_eq(STR("Upgrade"), STR("uPGRADE")), "case does not matter");
	ok(!str_case_eq(STR("a@"), STR("a`")), "only letters have case");
	ok(!str_case_eq(STR("["), STR("{")), "nor do brackets");
	s = str_trim(STR(" \t a b \t"));
	is_text(s.p, s.n, "a b", "trim");
	is_int(str_trim(STR(" \t ")).n, 0, "trim of blanks only");
	is_int(str_trim(STR("\na\n")).n, 3, "line ends are not blanks");
	s = str_cut(STR("a,b,c"), ',', &rest);
	ok(str_eq(s, STR("a")) && str_eq(rest, STR("b,c")), "cut at the first");
	s = str_cut(STR("abc"), ',', &rest);
	ok(str_eq(s, STR("abc")) && rest.p == NULL, "cut without one");
	s = str_cut(STR("abc,"), ',', &rest);
	ok(str_eq(s, STR("abc")) && rest.p != NULL && rest.n == 0, "cut with nothing behind it");
	s = str_cut(none, ',', &rest);
	ok(s.n == 0 && rest.p == NULL, "cut of nothing");
	s = str_cut(STR("a,b"), ',', NULL);
	is_text(s.p, s.n, "a", "cut for the front only");
	is_int(str_find(STR("aab"), STR("ab")), 1, "find");
	is_int(str_find(STR("ab"), STR("abc")), -1, "find what is longer");
	is_int(str_find(none, none), 0, "find nothing");
	is_int(str_find(none, STR("a")), -1, "find in nothing");
	is_int(str_find(str_make("a\0bc", 4), STR("bc")), 2, "find behind a NUL");
}

static void test_head(void)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"; /* 1 + 2 + 3 + 4 + 1 */
	static const int want[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };

	for (size_t max = 0; max < sizeof(want) / sizeof(want[0]); max++)
		is_int(str_head(STR(text), max).n, want[max], "head of at most %zu", max);
	is_int(str_head(STR("\x80\x80\x80\x80\x80\x80"), 5).n, 1, "head of broken bytes ends");
}

static void test_numbers(void)
{
	uint64_t v = 7;

	is_int(str_u64(STR("18446744073709551615"), &v), 0, "2^64 - 1");
	ok(v == UINT64_MAX, "its value");
	is_int(str_u64(STR("18446744073709551616"), &v), ERR_INVALID, "2^64 overflows");
	is_int(str_u64(STR("99999999999999999999"), &v), ERR_INVALID, "so do twenty nines");
	ok(v == UINT64_MAX, "a failure leaves the target");
	is_int(str_u64(STR("000"), &v), 0, "zeros");
	is_int(v, 0, "are 0");
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "1a", "0x1", "1.0",
		"\xd9\xa1" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(str_u64(str_of(bad[i]), &v), ERR_INVALID, "'%s' is no number", bad[i]);
	is_int(str_u64(none, &v), ERR_INVALID, "nothing is no number");
	is_int(str_u64(str_make("1\0", 2), &v), ERR_INVALID, "nor is a NUL");
}

/* RFC 3629 by its table, over all of one, two and three bytes and the edges of four. */
static bool naive_utf8(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		unsigned long r;
		size_t len = p[i] < 0x80             ? 1
		             : (p[i] & 0xe0) == 0xc0 ? 2
		             : (p[i] & 0xf0) == 0xe0 ? 3
		             : (p[i] & 0xf8) == 0xf0 ? 4
		                                     : 0;
		static const unsigned long least[] = { 0, 0, 0x80, 0x800, 0x10000 };

		if (len == 0 || i + len > n)
			return false;
		r = len == 1 ? p[i] : p[i] & (0xffu >> (len + 1));
		for (size_t k = 1; k < len; k++) {
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
			r = r << 6 | (p[i + k] & 0x3f);
		}
		if (r < least[len] || r > 0x10ffff || (r >= 0xd800 && r <= 0xdfff))
			return false;
		i += len;
	}
	return true;
}

static void test_utf8(void)
{
	unsigned char b[32];
	unsigned long wrong = 0;
	uint64_t seed = 11;

	for (unsigned i = 0; i < 1u << 24; i++) {
		b[0] = (unsigned char)(i >> 16);
		b[1] = (unsigned char)(i >> 8);
		b[2] = (unsigned char)i;
		if (b[0] < 0x80 && b[1] < 0x80)
			i |= 0xff; /* nothing new in the third byte */
		for (size_t n = 1; n <= 3; n++)
			wrong += str_utf8(str_make((char *)b, n)) != naive_utf8(b, n);
	}
	is_int(wrong, 0, "all of three bytes");
	for (unsigned i = 0; i < 1u << 20; i++) {
		static const unsigned char edges[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
			0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5 };
		for (int k = 0; k < 4; k++)
			b[k] = edges[i >> (4 * k) & 15];
		b[4] = edges[i >> 16 & 15];
		wrong += str_utf8(str_make((char *)b, 5)) != naive_utf8(b, 5);
	}
	is_int(wrong, 0, "all edges over five bytes");
	for (int i = 0; i < 200000; i++) {
		size_t n = draw_below(&seed, sizeof(b));
		for (size_t k = 0; k < n; k++)
			b[k] = draw_below(&seed, 8) ? 'a' : (unsigned char)draw(&seed);
		wrong += str_utf8(str_make((char *)b, n)) != naive_utf8(b, n);
	}
	is_int(wrong, 0, "mostly ASCII with a few other bytes, at every offset");
	ok(str_utf8(none), "nothing is UTF-8");
	ok(str_utf8(str_make("a\0b", 3)), "NUL is UTF-8");
}

static void test_rune(void)
{
	static const struct {
		struct str s;
		uint32_t rune;
		size_t n;
	} cases[] = {
		{ { "", 1 }, 0, 1 },
		{ { "\x7f", 1 }, 0x7f, 1 },
		{ { "\xc2\x80", 2 }, 0x80, 2 },
		{ { "\xe2\x82\xac", 3 }, 0x20ac, 3 },
		{ { "\xf0\x9f\x98\x80", 4 }, 0x1f600, 4 },
		{ { "\xf4\x8f\xbf\xbf", 4 }, 0x10ffff, 4 },
		{ { "\xf4\x90\x80\x80", 4 }, STR_BROKEN, 1 },
		{ { "\xed\xa0\x80", 3 }, STR_BROKEN, 1 },
		{ { "\xe2\x82", 2 }, STR_BROKEN, 2 },
		{ { "\xe2\x82z", 3 }, STR_BROKEN, 2 },
		{ { "\xf0\x9f\x98", 3 }, STR_BROKEN, 3 },
		{ { "\xff", 1 }, STR_BROKEN, 1 },
		{ { "\x80", 1 }, STR_BROKEN, 1 },
		{ { "\xc0\xaf", 2 }, STR_BROKEN, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t rune;
		size_t n = str_rune(cases[i].s, &rune);
		ok(n == cases[i].n && rune == cases[i].rune, "rune %zu: %zu bytes", i, cases[i].n);
	}
}

/* Values of CPython 3.11 with PYTHONHASHSEED=0, whose hash of bytes is SipHash-1-3 under a zero
 * key. */
static void test_hash(void)
{
	static const uint64_t key[2] = { 0, 0 }, other[2] = { 0, 1 };
	struct str nine = STR("abcdefghi");

	ok(str_siphash(key, STR("abc")) == (uint64_t)-4594863902769663758, "siphash of 3 bytes");
	ok(str_siphash(key, STR("abcdefgh")) == 4574395652268504554u, "siphash of 8 bytes");
	ok(str_siphash(key, nine) == (uint64_t)-532774252720507163, "siphash of 9 bytes");
	ok(str_siphash(key, nine) != str_siphash(other, nine), "the key matters");
	ok(str_hash(nine) == str_hash(STR("abcdefghi")), "equal bytes, equal hash");
	ok(str_hash(nine) != str_siphash(key, nine), "the process has a key");
	ok(str_hash(none) == str_hash(STR("")), "nothing has a hash");
	ok(str_hash(str_make("\0", 1)) != str_hash(str_make("\0\0", 2)), "NULs are counted");
}

static uint64_t in_child(void)
{
	uint64_t v = 0;
	int p[2];

	if (pipe(p) < 0)
		return 0;
	if (fork() == 0) {
		v = rand_below(UINT64_MAX);
		_exit(write(p[1], &v, sizeof(v)) != sizeof(v));
	}
	if (read(p[0], &v, sizeof(v)) != sizeof(v))
		v = 0;
	wait(NULL);
	close(p[0]);
	close(p[1]);
	return v;
}

static void test_random(void)
{
	unsigned char a[300] = { 0 }, zero[64] = { 0 };
	int seen[7] = { 0 };
	bool in_range = true;

	rand_bytes(a, sizeof(a));
	ok(memcmp(a, zero, sizeof(zero)) != 0, "random bytes are not all zero");
	ok(memcmp(a + sizeof(a) - 64, zero, 64) != 0, "up to the last");
	rand_bytes(a, 0);
	for (int i = 0; i < 70000; i++) {
		uint64_t v = rand_below(7);
		in_range &= v < 7;
		if (v < 7)
			seen[v]++;
	}
	ok(in_range, "below 7");
	for (int i = 0; i < 7; i++) /* 10000 expected, deviation 93: ten of them */
		ok(seen[i] > 9000 && seen[i] < 11000, "%d comes as often as others (%d)", i,
			seen[i]);
	is_int(rand_below(1), 0, "below 1 is 0");
	for (int i = 0; i < 1000; i++)
		in_range &= rand_below(UINT64_C(1) << 63 | 1) <= UINT64_C(1) << 63;
	ok(in_range, "where most of the range is refused");
	uint64_t c1 = in_child(), c2 = in_child();
	ok(c1 != c2 && c1 != rand_below(UINT64_MAX), "children draw numbers of their own");
}

static void test_brief(void)
{
	char space[STR_BRIEF], long_text[5000];
	size_t n;

	str_brief(none, space, sizeof(space));
	is_text(space, strlen(space), "", "nothing, quoted");
	str_brief(STR("a\xc3\xa9"), space, sizeof(space));
	is_text(space, strlen(space), "a\xc3\xa9", "what is short");
	memset(long_text, 'a', sizeof(long_text));
	n = strlen(str_brief(str_make(long_text, STR_BRIEF - 1), space, sizeof(space)));
	is_int(n, STR_BRIEF - 1, "what just fits");
	str_brief(str_make(long_text, STR_BRIEF), space, sizeof(space));
	ok(strstr(space, "a… (120 bytes)") && strlen(space) == STR_BRIEF - 1, "what does not");
	memset(long_text, '\x80', sizeof(long_text));
	str_brief(str_make(long_text, sizeof(long_text)), space, sizeof(space));
	ok(strstr(space, "… (5000 bytes)"), "what is no text");
	for (size_t i = 0; i < 4998; i += 3)
		memcpy(long_text + i, "\xe2\x82\xac", 3);
	for (n = 64; n < 70; n++)
		ok(str_utf8(str_of(str_brief(str_make(long_text, 4998), space, n))),
			"no character is cut in %zu bytes", n);
}

int main(void)
{
	test_views();
	test_head();
	test_brief();
	test_numbers();
	test_utf8();
	test_rune();
	test_hash();
	test_random();
	return tap_done();
}
