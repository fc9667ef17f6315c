#include "crdt/compare.h"
#include "crdt/crdt.h"
#include "crdt/hlc.h"
#include "crdt/number.h"
#include "base/err.h"
#include "base/mem.h"
#include "tap.h"

#include <stdlib.h>

static uint64_t seed = 0x2545f4914f6cdd1d;

static uint64_t below(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void is_number(const char *in, const char *want)
{
	struct buf b = { 0 };

	number_add(&b, str_of(in));
	is_text(b.p, b.n, want, "%s is written %s", in, want);
	buf_fini(&b);
}

static int cmp(const char *a, const char *b)
{
	struct number x, y;

	if (number_parse(&x, str_of(a)) != 0 || number_parse(&y, str_of(b)) != 0)
		return 99;
	return number_cmp(x, y);
}

static void test_numbers(void)
{
	static const char *const rising[] = { "-1e300", "-9223372036854777856.0",
		"-9223372036854775808", "-2.5", "-2", "-1.5", "-1", "-0.5", "0", "1e-300", "0.5",
		"1", "1.5", "9007199254740991", "9007199254740992", "9007199254740993",
		"9007199254740994.0", "9223372036854775807", "9223372036854775808.0",
		"18446744073709551615", "1e300" };
	struct number n;
	bool ordered = true;

	is_number("1E2", "100.0");
	is_number("-0", "0");
	is_number("-0.0", "-0.0");
	is_number("1e16", "1e+16");
	is_number("123456789012345678", "123456789012345678");
	is_number("0.1", "0.1");
	is_number("0.10", "0.1");
	is_number("0.00001", "1e-05");
	is_number("0.0001", "0.0001");
	is_number("5e-324", "5e-324");
	is_number("5.6843418860808015e-14", "5.684341886080802e-14");
	is_number("2.2250738585072014e-308", "2.2250738585072014e-308");
	is_number("1.7976931348623157e308", "1.7976931348623157e+308");
	is_number("9007199254740993.0", "9007199254740992.0");
	is_number("100000000000000000000000", "100000000000000000000000");
	is_number("0.30000000000000004", "0.30000000000000004");
	is_int(number_parse(&n, STR("1e400")), ERR_TOO_LARGE, "not finite");
	is_int(number_parse(&n, STR("18446744073709551616")), ERR_TOO_LARGE, "over 64 bits");
	for (size_t i = 0; i < sizeof(rising) / sizeof(*rising); i++)
		for (size_t j = 0; j < sizeof(rising) / sizeof(*rising); j++) {
			int c = cmp(rising[i], rising[j]), want = (i > j) - (i < j);

			if ((c > 0) - (c < 0) != want) {
				printf("# %s %s: %d\n", rising[i], rising[j], c);
				ordered = false;
			}
		}
	ok(ordered, "integers and reals are ordered exactly");
	/* -2^63 - 1 is no double: it is -2^63. */
	ok(cmp("-9223372036854775809.0", "-9223372036854775808") == 0, "a double is what it is");
	ok(cmp("1", "1.0") == 0 && cmp("0", "-0.0") == 0, "equal by value");
	ok(cmp("9007199254740993", "9007199254740992.0") > 0,
		"an integer is not rounded to compare it");
}

/* --- sorting and keys ------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	return leaf_cmp(a, b);
}

static void test_sort(void)
{
	bool good = true;

	for (int round = 0; round < 400 && good; round++) {
		size_t n = 1 + below(round % 10 ? 60 : 3000), longest = 1 + below(40);
		unsigned letters = 1 + (unsigned)below(3);
		struct crdt_leaves l = { 0 };
		struct crdt_leaf *want = mem_array(n, sizeof(*want));
		char *text = mem_alloc(n * 48);

		for (size_t i = 0; i < n; i++) {
			size_t len = below(longest + 1);

			for (size_t k = 0; k < len; k++)
				text[i * 48 + k] = (char)(below(8) ? 0 : "\0a\xff"[below(letters)]);
			want[i] = (struct crdt_leaf){ .key = text + i * 48,
				.key_n = (uint32_t)len,
				.num = i,
				.val_n = round % 2 ? LEAF_COUNT : 0 };
			leaves_add(&l, want[i]);
		}
		qsort(want, n, sizeof(*want), by_key);
		leaves_sort(&l);
		for (size_t i = 0; i < n; i++)
			good &= leaf_cmp(&want[i], &l.v[i]) == 0;
		leaves_fini(&l);
		mem_free(want);
		mem_free(text);
	}
	ok(good, "sorting agrees with qsort, with NULs, shared beginnings and equal keys");
}

static void test_keys(void)
{
	struct buf a = { 0 }, b = { 0 }, back = { 0 };
	struct crdt_dot dot;

	key_add(&a, str_make("a\0b", 3));
	key_add(&b, STR("a"));
	ok(memcmp(b.p, a.p, b.n) < 0, "a name before the one it begins");
	key_decode(&back, key_head(buf_str(&a)));
	ok(str_eq(buf_str(&back), str_make("a\0b", 3)), "a name comes back");
	key_add_dot(&a, buf_str(&b), 0x0102030405060708);
	is_int(key_dot(buf_str(&a), &dot), 6, "the place before a dot");
	ok(str_eq(dot.node, buf_str(&b)) && dot.seq == 0x0102030405060708, "the dot");
	buf_fini(&a);
	buf_fini(&b);
	buf_fini(&back);
}

/* --- contexts against a bit map --------------------------------------------------------------- */

#define SEQS 12

static const struct str nodes[] = { { "a\0\0", 3 }, { "b\0\0", 3 }, { "bb\0\0", 4 } };

static void fill(struct crdt_ctx *c, bool seen[3][SEQS + 1])
{
	for (int i = (int)below(14); i > 0; i--) {
		struct crdt_dot d = { nodes[below(3)], 1 + below(SEQS) };

		ctx_list_add(&c->cloud, d);
		seen[d.node.n == 4 ? 2 : d.node.p[0] - 'a'][d.seq] = true;
	}
	for (size_t i = 0; i < 3; i++) {
		uint64_t top = below(4) ? 0 : below(SEQS);

		ctx_list_add(&c->vv, (struct crdt_dot){ nodes[i], top });
		for (uint64_t s = 1; s <= top; s++)
			seen[i][s] = true;
	}
	ctx_normalise(c, NULL);
}

static bool agrees(const struct crdt_ctx *c, bool seen[3][SEQS + 1])
{
	bool good = true;

	for (size_t i = 0; i < 3; i++) {
		uint64_t top = 0;

		while (top < SEQS && seen[i][top + 1])
			top++;
		good &= ctx_count(c, nodes[i]) == top;
		for (uint64_t s = 1; s <= SEQS; s++)
			good &= ctx_covers(c, (struct crdt_dot){ nodes[i], s }) == seen[i][s];
	}
	for (size_t i = 0; i < c->cloud.n; i++)
		good &= c->cloud.v[i].seq > ctx_count(c, c->cloud.v[i].node) + 1 &&
		        (i == 0 || dot_cmp(c->cloud.v[i - 1], c->cloud.v[i]) < 0);
	return good;
}

static void test_contexts(void)
{
	bool good = true;

	for (int round = 0; round < 20000 && good; round++) {
		bool x[3][SEQS + 1] = { { 0 } }, y[3][SEQS + 1] = { { 0 } };
		struct crdt_ctx a = { 0 }, b = { 0 };

		fill(&a, x);
		fill(&b, y);
		good &= agrees(&a, x) && agrees(&b, y);
		for (int i = 0; i < 3; i++)
			for (int s = 0; s <= SEQS; s++)
				x[i][s] |= y[i][s];
		ctx_join(&a, &b);
		good &= agrees(&a, x);
		ctx_fini(&a);
		ctx_fini(&b);
	}
	ok(good, "contexts agree with a bit map: normal form, join");
}

/* --- laws ------------------------------------------------------------------------------------- */

static const struct crdt_options options = {
	.max_depth = 64, .max_line = 1 << 20, .max_drift_us = -1
};

/* Any valid state of a type, reachable or not; dots never stand at two places. */
static void random_text(struct buf *b, const char *type)
{
	const char *elems[] = { "\"x\"", "1", "12", "[1]" };
	int vv[2];
	bool causal =
		strchr("oredm", type[0]) && strcmp(type, "max") != 0 && strcmp(type, "min") != 0;

	buf_addf(b, "{\"crdt\":\"%s/1\"", type);
	if (!causal) {
		buf_addf(b, ",\"state\":");
		if (type[0] == 'g' && type[1] == 'c')
			buf_addf(b, "{\"a\":%d,\"b\":%d}}", (int)below(3), (int)below(3));
		else if (type[0] == 'g')
			buf_addf(b, "[%s,%s]}", elems[below(4)], elems[below(4)]);
		else if (type[0] == 'l')
			buf_addf(b, "{\"k%d\":{\"node_id\":\"%c\",\"timestamp\":%d,\"value\":%s}}}",
				(int)below(2), (char)('a' + below(2)), (int)below(3),
				elems[below(4)]);
		else
			buf_addf(b, "%d%s}", (int)below(3), below(2) ? ".0" : "");
		return;
	}
	vv[0] = (int)below(4);
	vv[1] = (int)below(5);
	buf_addf(b, ",\"ctx\":{\"cloud\":[[\"a\",9]],\"vv\":{\"a\":%d,\"b\":%d}},\"state\":[",
		vv[0], vv[1]);
	for (int dot = 1, first = 1; dot <= 6; dot++) {
		int node = dot > 3, seq = node ? dot - 3 : dot;

		if (below(2) || seq > vv[node])
			continue;
		if (!first)
			buf_add_char(b, ',');
		first = 0;
		/* The dot decides the place, so that inputs agree on it. */
		if (strcmp(type, "orset") == 0)
			buf_addf(b, "[%s,[[\"%c\",%d]]]", elems[dot % 4], "ab"[node], seq);
		else if (strcmp(type, "rwset") == 0)
			buf_addf(b, "[%s,{\"%c\":[[\"%c\",%d]]}]", elems[dot % 4], "ar"[dot % 2],
				"ab"[node], seq);
		else if (strcmp(type, "mvreg") == 0)
			buf_addf(b, "[\"%c\",%d,%s]", "ab"[node], seq, elems[below(4)]);
		else
			buf_addf(b, "[\"%c\",%d]", "ab"[node], seq);
	}
	buf_add_text(b, "]}");
}

static void read_state(struct crdt_state *s, struct buf *text, const char *type)
{
	struct crdt_report report = { 0 };
	struct crdt_reader r = { .options = &options, .report = &report };
	struct str rest;

	text->n = 0;
	random_text(text, type);
	rest = buf_str(text);
	if (crdt_read(&r, &rest, s) != 1) {
		printf("# cannot read %s\n", buf_cstr(text));
		exit(1);
	}
	crdt_reader_fini(&r);
}

static struct crdt_state join(const struct crdt_state *a, const struct crdt_state *b)
{
	struct crdt_report quiet = { 0 };
	struct crdt_state to, copy;

	crdt_clone(&to, a);
	crdt_clone(&copy, b);
	crdt_join(&quiet, &to, &copy, NULL);
	crdt_state_fini(&copy);
	return to;
}

static bool same(struct crdt_state x, struct crdt_state y)
{
	bool equal = crdt_equal(&x, &y);

	crdt_state_fini(&x);
	crdt_state_fini(&y);
	return equal;
}

static void test_laws(long triples)
{
	static const char *const types[] = { "gcounter", "gset", "lwwmap", "max", "min", "orset",
		"rwset", "ewflag", "dwflag", "mvreg" };

	for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++) {
		bool commutes = true, associates = true, repeats = true, absorbs = true,
		     least = true;
		bool since = true, mends = !strchr("mgl", types[t][0]);

		for (long i = 0; i < triples; i++) {
			struct buf text[3] = { { 0 } };
			struct crdt_state s[3], ab, bc, d;
			struct crdt_report quiet = { 0 };

			for (int k = 0; k < 3; k++)
				read_state(&s[k], &text[k], types[t]);
			ab = join(&s[0], &s[1]);
			bc = join(&s[1], &s[2]);
			commutes &= same(join(&s[1], &s[0]), join(&s[0], &s[1]));
			associates &= same(join(&ab, &s[2]), join(&s[0], &bc));
			repeats &= same(join(&ab, &ab), join(&s[0], &s[1]));
			absorbs &= same(join(&ab, &s[0]), join(&s[0], &s[1]));
			crdt_delta(&d, &s[0], &s[1]);
			least &= same(join(&s[0], &d), join(&s[0], &s[1]));
			crdt_state_fini(&d);
			if (mends) {
				struct crdt_state more = join(&s[0], &s[2]);

				since &= crdt_delta_since(&quiet, &d, &s[0].ctx, &s[1]) == 0;
				since &= same(join(&s[0], &d), join(&s[0], &s[1]));
				since &= same(join(&more, &d), join(&more, &s[1]));
				crdt_state_fini(&d);
				crdt_state_fini(&more);
			}
			crdt_state_fini(&ab);
			crdt_state_fini(&bc);
			for (int k = 0; k < 3; k++) {
				crdt_state_fini(&s[k]);
				buf_fini(&text[k]);
			}
		}
		ok(commutes, "%s commutes", types[t]);
		ok(associates, "%s associates", types[t]);
		ok(repeats, "%s is idempotent", types[t]);
		ok(absorbs, "%s absorbs", types[t]);
		ok(least, "%s: a delta makes up the difference", types[t]);
		ok(since, "%s: so does one for a context only, or for who has seen more", types[t]);
	}
}

/* --- clocks ----------------------------------------------------------------------------------- */

static void test_hlc(void)
{
	struct hlc clock = { 0 }, last, back;
	struct buf text = { 0 };
	bool rises = true, returns = true;

	for (int i = 0; i < 20000; i++) {
		int64_t now = 1700000000000000 + (int64_t)below(1000) - 500;

		last = clock;
		if (below(2))
			hlc_send(&clock, now, NULL);
		else
			hlc_recv(&clock,
				(struct hlc){ .us = now + (int64_t)below(100),
					.c = (uint32_t)below(0x10000) },
				now, -1, NULL);
		rises &= hlc_cmp(clock, last) > 0;
		text.n = 0;
		hlc_format(&text, clock);
		returns &= hlc_parse_stamp(&back, buf_str(&text), NULL) == 0 &&
		           hlc_cmp(back, clock) == 0 && text.n == HLC_TEXT_LEN;
	}
	ok(rises, "no stamp is given twice, whatever the clock does");
	ok(returns, "a stamp's text is read back");
	clock = (struct hlc){ .us = 5, .c = 0xffff };
	hlc_send(&clock, 1, NULL);
	ok(clock.us == 6 && clock.c == 0, "a full counter carries");
	is_int(hlc_recv(&clock, (struct hlc){ .us = 100 }, 10, 50, NULL), ERR_DENIED,
		"a stamp of the future is refused");
	is_int(hlc_recv(&clock, (struct hlc){ .us = 1 }, 1000000, 50, NULL), 0,
		"one of the past is not");
	buf_fini(&text);
}

/* An argument is the number of triples of each type, for a long run by hand. */
int main(int argc, char **argv)
{
	test_numbers();
	test_sort();
	test_keys();
	test_contexts();
	test_laws(argc > 1 ? atol(argv[1]) : 1000);
	test_hlc();
	return tap_done();
}
