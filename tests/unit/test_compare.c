/* test_compare.c - the rank test against every way to deal the values out, and what is worse, better or noise */
#include "bench/compare.h"
#include "bench/ranks.h"
#include "support/result_make.h"
#include "tap.h"

#include <math.h>

/* --- ranks ------------------------------------------------------------------------------------ */

/* U of one deal: pairs in which a is greater, ties count half. */
static double u_of(const double *v, size_t n, unsigned deal)
{
	double u = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			if ((deal >> i & 1) && !(deal >> k & 1))
				u += v[i] > v[k] ? 1 : v[i] >= v[k] ? 0.5 : 0;
	return u;
}

static double brute(const double *a, size_t n_a, const double *b, size_t n_b)
{
	double v[16], middle = (double)(n_a * n_b) / 2, off, far = 0, all = 0;

	for (size_t i = 0; i < n_a + n_b; i++)
		v[i] = i < n_a ? a[i] : b[i - n_a];
	off = fabs(u_of(v, n_a + n_b, (1u << n_a) - 1) - middle);
	for (unsigned deal = 0; deal < 1u << (n_a + n_b); deal++) {
		if ((size_t)__builtin_popcount(deal) != n_a)
			continue;
		all++;
		far += fabs(u_of(v, n_a + n_b, deal) - middle) >= off - 1e-9;
	}
	return far / all;
}

static void test_ranks(void)
{
	double a[80], b[80], exact_p;
	uint64_t seed = 5;
	size_t bad = 0;

	for (int round = 0; round < 400; round++) {
		size_t n_a = 1 + draw_below(&seed, 6), n_b = 1 + draw_below(&seed, 6);
		unsigned spread = round % 2 ? 5 : 100000; /* with ties, and without */
		for (size_t i = 0; i < n_a; i++)
			a[i] = draw_below(&seed, spread);
		for (size_t i = 0; i < n_b; i++)
			b[i] = draw_below(&seed, spread) + (round % 3 ? 0 : spread / 3);
		bad += fabs(ranks_test(a, n_a, b, n_b) - brute(a, n_a, b, n_b)) > 1e-9;
	}
	ok(bad == 0, "400 small samples as the definition has it (%zu are not)", bad);
	for (int i = 0; i < 5; i++) {
		a[i] = i;
		b[i] = 10 + i;
	}
	ok(fabs(ranks_test(a, 5, b, 5) - 2.0 / 252) < 1e-12, "five below five: 2 of 252 ways");
	ok(fabs(ranks_test(a, 4, b, 4) - 2.0 / 70) < 1e-12, "four below four: 2 of 70");
	ok(ranks_test(a, 5, a, 5) >= 1, "the same is no difference");
	ok(ranks_test(a, 0, b, 5) >= 1, "nothing is none either");
	for (int i = 0; i < 80; i++) {
		a[i] = draw_below(&seed, 1000);
		b[i] = draw_below(&seed, 1000) + 60;
	}
	exact_p = ranks_test(a, 50, b, 50);
	ok(exact_p > 0 && exact_p < 1, "a hundred values exactly: %g", exact_p);
	ok(fabs(ranks_test(a, 51, b, 50) - exact_p) < 0.1, "one more by the normal distribution: %g", ranks_test(a, 51, b, 50));
	a[0] = 3, a[1] = 1, a[2] = 2, a[3] = 10;
	ok(ranks_median(a, 3) == 2 && ranks_median(a, 4) == 2.5, "medians");
}

/* --- runs ------------------------------------------------------------------------------------- */

static void add_run(struct results *all, uint64_t ns, uint64_t lost, enum result_end end)
{
	struct result *r = mem_new(struct result);

	result_init(r);
	r->scenario = mem_strdup("fanout");
	r->transport = mem_strdup("ws");
	r->subscribers = 10;
	r->seconds = 10;
	r->rate = 100;
	r->sent = 1000;
	r->opened = 10;
	r->verdict = (struct verdict){ .expected = 10000, .received = 10000 - lost, .lost = lost };
	for (uint64_t i = 0; i < 10000 && ns; i++)
		hist_add(&r->latency, ns + i * ns / 10000);
	for (int i = 0; i < 10; i++)
		hist_add(&r->connect, ns * (uint64_t)(i + 1));
	if (end != END_DONE)
		result_end(r, end, "of something");
	if (all->n == all->cap) {
		all->cap = all->cap ? 2 * all->cap : 8;
		all->v = mem_resize(all->v, all->cap, sizeof(*all->v));
	}
	all->v[all->n++] = r;
}

static struct results runs(size_t n, uint64_t ns, uint64_t step, uint64_t lost)
{
	struct results all = { 0 };

	for (size_t i = 0; i < n; i++)
		add_run(&all, ns + i * step, lost, END_DONE);
	return all;
}

#define ABSENT (-1)

static int change_of(const struct comparison *c, const char *name)
{
	for (int i = 0; i < c->n; i++) {
		if (strcmp(c->rows[i].name, name) == 0)
			return (int)c->rows[i].change;
	}
	return ABSENT;
}

/* Compares, and frees the runs. */
static void compared(struct comparison *c, struct results old, struct results new, double tolerance)
{
	struct err e = { 0 };
	struct buf table = { 0 }, json = { 0 };

	if (compare_make(c, "old", &old, "new", &new, tolerance, &e) < 0)
		printf("# %s\n", e.text);
	compare_table(c, false, &table);
	compare_json(c, &json);
	for (size_t i = 0; i < table.n; i++)
		printf(i == 0 || table.p[i - 1] == '\n' ? "# %c" : "%c", table.p[i]);
	buf_fini(&table);
	buf_fini(&json);
	results_fini(&old);
	results_fini(&new);
}

static void test_few(void)
{
	struct comparison c;

	compared(&c, runs(1, 1000000, 0, 0), runs(1, 1000000, 0, 0), 0.1);
	ok(c.n_worse == 0 && c.n_better == 0 && c.few, "a run and itself");
	compare_fini(&c);
	compared(&c, runs(1, 1000000, 0, 0), runs(1, 1090000, 0, 0), 0.1);
	is_int(change_of(&c, "p99"), CHANGE_NONE, "9 %% more");
	compare_fini(&c);
	compared(&c, runs(4, 1000000, 0, 0), runs(9, 1200000, 0, 0), 0.1);
	ok(change_of(&c, "p99") == CHANGE_WORSE && c.few && c.n_worse > 0, "20 %% more is worse");
	is_int(change_of(&c, "connect_p99"), CHANGE_UNJUDGED, "but not where ten values make a percentile");
	is_int(change_of(&c, "max"), CHANGE_UNJUDGED, "nor the greatest");
	is_int(change_of(&c, "lost"), ABSENT, "faults that nobody has are not shown");
	compare_fini(&c);
	compared(&c, runs(1, 1200000, 0, 0), runs(1, 1000000, 0, 0), 0.1);
	ok(change_of(&c, "p99") == CHANGE_BETTER && c.n_worse == 0, "and the other way it is better");
	compare_fini(&c);
	compared(&c, runs(1, 1000000, 0, 0), runs(1, 1200000, 0, 0), 0.5);
	is_int(c.n_worse, 0, "what is tolerated is not worse");
	compare_fini(&c);
	compared(&c, runs(1, 1000000, 0, 0), runs(1, 0, 0, 0), 0.1);
	is_int(change_of(&c, "p99"), ABSENT, "what only one has is not compared");
	compare_fini(&c);
}

static void test_faults(void)
{
	struct comparison c;
	struct results new = runs(9, 1000000, 0, 0);

	new.v[4]->verdict.lost = 1;
	compared(&c, runs(9, 1000000, 0, 0), new, 10);
	is_int(change_of(&c, "lost"), CHANGE_WORSE, "one lost message in one of nine runs, and before none");
	is_int(c.n_worse, 1, "nothing else");
	compare_fini(&c);
	compared(&c, runs(1, 1000000, 0, 100), runs(1, 1000000, 0, 105), 0.1);
	is_int(change_of(&c, "lost"), CHANGE_NONE, "100 and 105 lost");
	compare_fini(&c);
	compared(&c, runs(1, 1000000, 0, 100), runs(1, 1000000, 0, 0), 0.1);
	is_int(change_of(&c, "lost"), CHANGE_BETTER, "none any more");
	compare_fini(&c);
	new = runs(1, 1000000, 0, 0);
	new.v[0]->sent = 500;
	compared(&c, runs(1, 1000000, 0, 0), new, 0.1);
	is_int(change_of(&c, "rate"), CHANGE_WORSE, "half the rate");
	compare_fini(&c);
}

static void test_noise(void)
{
	struct comparison c;
	struct results new;

	compared(&c, runs(5, 1000000, 10000, 0), runs(5, 1300000, 10000, 0), 0.1);
	ok(change_of(&c, "p99") == CHANGE_WORSE && !c.few, "five runs that are all slower");
	compare_fini(&c);
	/* medians 30 % apart, but all mixed up */
	new = runs(4, 1000000, 500000, 0);
	add_run(&new, 1700000, 0, END_DONE);
	compared(&c, runs(5, 700000, 300000, 0), new, 0.1);
	is_int(change_of(&c, "p50"), CHANGE_NOISE, "runs that differ as much among themselves");
	is_int(c.n_worse, 0, "are not worse");
	compare_fini(&c);
}

static void test_void(void)
{
	struct results old = runs(1, 1000000, 0, 0), new = runs(1, 1000000, 0, 0), none = { 0 };
	struct comparison c;
	struct err e = { 0 };
	double t;

	add_run(&new, 90000000, 50, END_GENERATOR);
	add_run(&new, 0, 0, END_REFUSED);
	add_run(&new, 0, 0, END_DENIED);
	compare_make(&c, "a.json", &old, "b.json", &new, 0.1, &e);
	ok(c.n_worse == 0 && c.new.n == 1 && c.new.n_void == 3, "void runs are left out");
	ok(strcmp(buf_cstr(&c.notes), "'b.json': run 2 is void and left out: of something\n"
			"'b.json': run 3 is void and left out: of something\n"
			"'b.json': run 4 is void and left out: of something\n") == 0, "and named");
	compare_fini(&c);
	add_run(&none, 1000000, 0, END_GENERATOR);
	is_int(compare_make(&c, "a.json", &old, "b.json", &none, 0.1, &e), ERR_INVALID, "nothing else is nothing");
	is_text(e.text, strlen(e.text), "nothing to compare: every run of 'b.json' is void", "and said");
	compare_fini(&c);
	new.v[0]->subscribers = 20;
	mem_free(new.v[0]->transport);
	new.v[0]->transport = mem_strdup("sse");
	compare_make(&c, "a", &old, "b", &new, 0.1, &e);
	ok(strstr(buf_cstr(&c.notes), "the transport differs: ws, and now sse\nsubscribers differ: 10, and now 20\n") != NULL,
		"settings that differ are noted");
	compare_fini(&c);
	results_fini(&old);
	results_fini(&new);
	results_fini(&none);
	ok(compare_tolerance("10%", &t, &e) == 0 && t == 0.1 && compare_tolerance("2.5", &t, &e) == 0 && t == 0.025, "tolerances");
	ok(compare_tolerance("", &t, &e) < 0 && compare_tolerance("x", &t, &e) < 0 && compare_tolerance("-1%", &t, &e) < 0 &&
			compare_tolerance("1%%", &t, &e) < 0 && compare_tolerance("nan", &t, &e) < 0, "and what are none");
}

int main(void)
{
	test_ranks();
	test_few();
	test_faults();
	test_noise();
	test_void();
	return tap_done();
}
