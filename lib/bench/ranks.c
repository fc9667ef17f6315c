/* ranks.c - ranks, and in how many ways they can be dealt
 *
 * Values that are equal share the mean of their ranks; doubled, ranks are integers. The number of
 * ways to choose n_a of all values with a given sum of ranks follows one value after the other. */
#include "bench/ranks.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

struct ranked {
	double value;
	size_t rank2; /* doubled */
	int of_a;
};

static int by_value(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->value < y->value ? -1 : x->value > y->value;
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double ranks_median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_number);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Returns the sum of t^3 - t over runs of t equal values. */
static double rank(struct ranked *v, size_t n)
{
	double ties = 0;

	qsort(v, n, sizeof(*v), by_value);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && v[end].value <= v[i].value; end++)
			;
		for (size_t k = i; k < end; k++)
			v[k].rank2 = i + 1 + end;
		ties += pow((double)(end - i), 3) - (double)(end - i);
	}
	return ties;
}

/* Of all ways to choose k values, the share whose sum of ranks is as far from the middle. */
static double exact(const struct ranked *v, size_t n, size_t k, size_t sum2)
{
	size_t width = n * (n + 1) + 1, middle2 = k * (n + 1);
	double *ways = mem_zalloc((k + 1) * width * sizeof(*ways)), all = 0, far = 0;
	size_t off = sum2 > middle2 ? sum2 - middle2 : middle2 - sum2;

	ways[0] = 1;
	for (size_t i = 0; i < n; i++) {
		for (size_t chosen = k < i + 1 ? k : i + 1; chosen > 0; chosen--) {
			double *to = ways + chosen * width, *from = to - width;
			for (size_t s = v[i].rank2; s < width; s++)
				to[s] += from[s - v[i].rank2];
		}
	}
	for (size_t s = 0; s < width; s++) {
		double w = ways[k * width + s];
		all += w;
		if ((s > middle2 ? s - middle2 : middle2 - s) >= off)
			far += w;
	}
	mem_free(ways);
	return far / all;
}

static double normal(size_t n_a, size_t n_b, size_t sum2, double ties)
{
	double a = (double)n_a, b = (double)n_b, n = a + b;
	double variance = a * b / 12 * (n + 1 - ties / (n * (n - 1)));
	double off = fabs((double)sum2 / 2 - a * (n + 1) / 2) - 0.5;

	return variance <= 0 || off <= 0 ? 1 : erfc(off / sqrt(2 * variance));
}

double ranks_test(const double *a, size_t n_a, const double *b, size_t n_b)
{
	size_t n = n_a + n_b, sum2 = 0;
	struct ranked *v;
	double ties, p;

	if (!n_a || !n_b)
		return 1;
	v = mem_array(n, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = (struct ranked){ .value = i < n_a ? a[i] : b[i - n_a], .of_a = i < n_a };
	ties = rank(v, n);
	for (size_t i = 0; i < n; i++)
		sum2 += v[i].of_a ? v[i].rank2 : 0;
	p = n <= RANKS_EXACT ? exact(v, n, n_a, sum2) : normal(n_a, n_b, sum2, ties);
	mem_free(v);
	return p;
}
