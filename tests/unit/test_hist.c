/* test_hist.c - a histogram against the sorted values themselves */
#include "base/hist.h"
#include "base/mem.h"
#include "model.h"
#include "tap.h"

#include <math.h>
#include <stdlib.h>

#define N 20000

/* Of a thousandth of a percent, so that the model can reckon in integers. */
static const uint64_t points[] = { 0, 1, 1000, 10000, 25000, 33333, 50000, 66667, 75000, 90000, 95000, 99000, 99900, 99990,
	99999, 100000 };

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Spread evenly over the magnitudes, or all of one. */
static uint64_t any_value(uint64_t *seed, unsigned kind)
{
	switch (kind) {
	case 0: return draw(seed) >> draw_below(seed, 64);
	case 1: return draw_below(seed, 256);
	case 2: return 1000000 + draw_below(seed, 1000);
	case 3: return UINT64_C(1) << draw_below(seed, 64);
	default: return (UINT64_C(1) << draw_below(seed, 64)) - 1;
	}
}

static bool near_enough(uint64_t got, uint64_t want)
{
	return got >= want && got - want <= want / 128;
}

static bool same(const struct hist *a, const struct hist *b)
{
	struct buf x = { 0 }, y = { 0 };
	bool equal;

	hist_format(a, &x);
	hist_format(b, &y);
	equal = str_eq(buf_str(&x), buf_str(&y));
	buf_fini(&x);
	buf_fini(&y);
	return equal;
}

static void test_random(unsigned kind, size_t n)
{
	uint64_t seed = kind * 100 + n, *v = mem_array(n, sizeof(*v)), worst = 0;
	struct hist whole = { 0 }, parts[3] = { { 0 } }, merged = { 0 };
	long double sum = 0;
	size_t bad = 0, counted = 0;
	uint64_t low, high, count, last = 0;

	for (size_t i = 0; i < n; i++) {
		v[i] = any_value(&seed, kind);
		hist_add(&whole, v[i]);
		hist_add(&parts[draw_below(&seed, 3)], v[i]);
		v[i] = v[i] < HIST_MAX ? v[i] : HIST_MAX;
		sum += (long double)v[i];
	}
	qsort(v, n, sizeof(*v), by_value);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		uint64_t rank = (points[i] * n + 99999) / 100000, want = v[rank ? rank - 1 : 0];
		uint64_t got = hist_percentile(&whole, (double)points[i] / 1000);
		if (!near_enough(got, want))
			worst = points[i], bad++;
	}
	ok(bad == 0, "kind %u, %zu values: every percentile within 1/128 (%zu are not, as of %llu/1000)", kind, n, bad,
		(unsigned long long)worst);
	ok(whole.n == n && whole.min == v[0] && whole.max == v[n - 1] && whole.sum == sum, "number, least, greatest and sum are exact");
	ok(fabs(hist_mean(&whole) - (double)(sum / (long double)n)) < 1e-6 * (double)sum / (double)n + 1e-9, "so is the mean");
	bad = 0;
	for (size_t b = 0; hist_next(&whole, &b, &low, &high, &count); last = high) {
		bad += low > high || (counted && low <= last) || !count;
		for (; count; count--, counted++)
			bad += v[counted] < low || v[counted] > high;
	}
	ok(bad == 0 && counted == n, "the buckets, in order, hold the values");
	for (size_t i = 0; i < 3; i++)
		hist_merge(&merged, &parts[i]);
	ok(same(&merged, &whole), "the sum of its parts is the whole");
	hist_clear(&merged);
	ok(!merged.n && hist_percentile(&merged, 50) == 0, "cleared it is empty");
	hist_merge(&merged, &whole);
	ok(same(&merged, &whole), "and can be used again");
	hist_fini(&whole);
	hist_fini(&merged);
	for (size_t i = 0; i < 3; i++)
		hist_fini(&parts[i]);
	mem_free(v);
}

static void format_is(struct hist *h, const char *want, const char *what)
{
	struct buf b = { 0 };

	hist_format(h, &b);
	is_text(b.p, b.n, want, "%s", what);
	buf_fini(&b);
}

static void test_edges(void)
{
	static const uint64_t values[] = { 0, 1, 127, 128, 255, 256, 257, 258, 511, 512, (UINT64_C(1) << 48) - 1, UINT64_C(1) << 48 };
	struct hist h = { 0 };

	is_int(hist_percentile(&h, 99), 0, "empty: percentile");
	ok(hist_mean(&h) == 0, "empty: mean");
	format_is(&h, "{\"n\":0,\"min\":0,\"max\":0,\"sum\":0,\"buckets\":[]}", "empty: as text");
	hist_merge(&h, &(struct hist){ 0 });
	is_int(h.n, 0, "nothing and nothing is nothing");
	hist_add_n(&h, 7, 0);
	is_int(h.n, 0, "a value that came no time");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		hist_clear(&h);
		hist_add(&h, values[i]);
		ok(hist_percentile(&h, 0) == values[i] && hist_percentile(&h, 50) == values[i] && hist_percentile(&h, 100) == values[i],
			"%llu alone is every percentile", (unsigned long long)values[i]);
	}
	hist_clear(&h);
	hist_add(&h, UINT64_MAX);
	ok(h.max == HIST_MAX && h.sum == (long double)HIST_MAX && hist_percentile(&h, 50) == HIST_MAX, "more than it knows counts as the most");
	hist_clear(&h);
	hist_add(&h, 255);
	hist_add(&h, 256);
	hist_add(&h, 257);
	hist_add(&h, 258);
	format_is(&h, "{\"n\":4,\"min\":255,\"max\":258,\"sum\":1026,\"buckets\":[[255,1],[256,2],[258,1]]}", "256 and 257 are one");
	hist_clear(&h);
	hist_add_n(&h, 3, UINT64_C(5000000000));
	format_is(&h, "{\"n\":5000000000,\"min\":3,\"max\":3,\"sum\":15000000000,\"buckets\":[[3,5000000000]]}", "many of one");
	hist_clear(&h);
	for (unsigned i = 0; i < 999; i++)
		hist_add(&h, 1);
	hist_add(&h, 100);
	is_int(hist_percentile(&h, 99.9), 1, "99.9 %% of 1000 are 999, not 1000");
	is_int(hist_percentile(&h, 99.91), 100, "and a little more is 1000");
	hist_clear(&h);
	hist_add_n(&h, HIST_MAX, 40000);
	format_is(&h, "{\"n\":40000,\"min\":281474976710656,\"max\":281474976710656,\"sum\":1.125899906842624e+19,"
		"\"buckets\":[[281474976710656,40000]]}", "a sum that no integer of JSON holds");
	hist_fini(&h);
}

int main(void)
{
	for (unsigned kind = 0; kind < 5; kind++) {
		test_random(kind, 1);
		test_random(kind, 2);
		test_random(kind, 1000);
		test_random(kind, N);
	}
	test_edges();
	return tap_done();
}
