/* test_split.c - values run together, cut at every place into feeds */
#include "codec/split.h"
#include "tap.h"

#include "base/buf.h"
#include "codec/scan.h"

#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Values are separated by '|' in `out`; what is unfinished at the end comes after a '~'. The feeds
 * are of `step` bytes, each in a block of exactly its size. */
static void split_all(struct str text, size_t step, struct buf *out)
{
	struct split p = { 0 };
	size_t begin = 0, at = 0;

	out->n = 0;
	while (at < text.n) {
		size_t n = text.n - at < step ? text.n - at : step;
		char *copy = malloc(n);
		long end;
		memcpy(copy, text.p + at, n);
		end = split_feed(&p, str_make(copy, n));
		free(copy);
		if (end < 0) {
			at += n;
			continue;
		}
		at += (size_t)end;
		buf_add(out, text.p + begin, at - begin);
		buf_add_char(out, '|');
		begin = at;
	}
	if (!split_idle(&p)) {
		buf_add_char(out, '~');
		buf_add(out, text.p + begin, text.n - begin);
	}
}

#define T(lit)                       \
	{                            \
		lit, sizeof(lit) - 1 \
	}

static const struct {
	struct str text;
	const char *want;
} cases[] = {
	{ T(""), "" },
	{ T(" \n"), "" },
	{ T("{}"), "{}|" },
	{ T("{}{}"), "{}|{}|" },
	{ T(" {} \n[1]\t"), " {}| \n[1]|" },
	{ T("{\"a\":{\"b\":[{}]}}[[]]"), "{\"a\":{\"b\":[{}]}}|[[]]|" },
	{ T("{\"a\":\"}{][\"}{}"), "{\"a\":\"}{][\"}|{}|" },
	{ T("{\"\\\"}\":1}[\"\\\\\"]"), "{\"\\\"}\":1}|[\"\\\\\"]|" },
	{ T("1 2"), "1|~ 2" },
	{ T("null[true]false{}"), "null|[true]|false|{}|" },
	{ T("\"a b\"\"c\"1\"d\""), "\"a b\"|\"c\"|1|\"d\"|" },
	{ T("\"\\\"\" x\ny"), "\"\\\"\"| x|~\ny" },
	{ T("}]{}"), "}|]|{}|" },
	{ T("12}34]"), "12|}|34|]|" },
	{ T("{}]{\"a\""), "{}|]|~{\"a\"" },
	{ T("[\""), "~[\"" },
	{ T("[}{]"), "[}|{]|" },
	{ T("\xff\0\xfe {}"), "\xff" },
};

static void test_cases(void)
{
	struct buf out = { 0 };

	for (size_t i = 0; i + 1 < COUNT(cases); i++) {
		for (size_t step = 1; step <= cases[i].text.n + 1; step++) {
			split_all(cases[i].text, step, &out);
			if (step <= 2 || !str_eq(buf_str(&out), str_of(cases[i].want)))
				is_text(out.p, out.n, cases[i].want, "case %zu in steps of %zu", i,
					step);
		}
	}
	split_all(cases[COUNT(cases) - 1].text, 1, &out);
	ok(str_eq(buf_str(&out), STR("\xff\0\xfe| {}|")), "bytes of no meaning move on");
	buf_fini(&out);
}

static void test_zero(void)
{
	struct split p = { 0 };

	is_int(split_feed(&p, STR("12")), -1, "a number may go on");
	ok(!split_idle(&p), "... and is begun");
	is_int(split_feed(&p, STR(" {}")), 0, "it ended where the feed before did");
	ok(split_idle(&p), "... and the next begins anew");
	is_int(split_feed(&p, STR(" {}")), 3, "... from the same bytes");
	is_int(split_feed(&p, STR("")), -1, "no bytes, no value");
	is_int(split_feed(&p, STR("\n ")), -1, "whitespace is no value");
	ok(split_idle(&p), "... nor the beginning of one");
}

/* What is found must be what scan_json takes. */
static void test_proved(void)
{
	struct buf text = { 0 };
	struct split p = { 0 };
	static struct scan s;
	uint64_t seed = 7;
	int n = 0, bad = 0;

	for (int i = 0; i < 2000; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		buf_addf(&text, "{\"a\\\"%d\":[{\"}\":\"{\\\\\"},%llu]}%.*s", i,
			(unsigned long long)seed >> 40, (int)(seed >> 62), "\n \t");
	}
	for (struct str rest = buf_str(&text); rest.n; n++) {
		long end = split_feed(&p, rest);
		if (end <= 0)
			break;
		bad += scan_json(&s, str_make(rest.p, (size_t)end), 64, NULL) < 0;
		rest = str_skip(rest, (size_t)end);
	}
	is_int(n, 2000, "2000 objects run together are found");
	is_int(bad, 0, "... and each is one");
	buf_fini(&text);
}

int main(void)
{
	test_cases();
	test_zero();
	test_proved();
	return tap_done();
}
