/* test_verdict.c - numbered streams over carriers that lose, double, reorder, tell and break, against a list of every message
 *
 * test_verdict [SEED]. The model remembers each message by its number and knows neither holes nor limits. Where a follow has more
 * holes than it keeps, the oldest is given up; what the model then expects is said in model_give_up. */
#include "base/mem.h"
#include "bench/verdict.h"
#include "model.h"
#include "tap.h"

#include <stdlib.h>

/* --- the model -------------------------------------------------------------------------------- */

enum state { NOT_YET, EARLIER, SEEN, MISSING, DECLARED, AWAY, GIVEN_UP };

struct model {
	uint8_t *state; /* of each number */
	uint64_t start, next, floor, newest;
	bool told;
	struct verdict v;
};

static void model_init(struct model *m, size_t n, uint64_t start)
{
	*m = (struct model){ .start = start, .next = start, .floor = start };
	m->state = mem_zalloc(n);
	for (uint64_t i = 0; i < start; i++)
		m->state[i] = EARLIER;
}

static bool is_open(uint8_t state)
{
	return state == MISSING || state == DECLARED || state == AWAY;
}

static void model_settle(struct model *m, uint64_t i)
{
	m->v.away += m->state[i] == AWAY;
	m->v.lost += m->state[i] != AWAY;
	m->v.expected += m->state[i] != AWAY;
	m->v.undeclared += m->state[i] == MISSING;
}

/* Of more holes than are kept the oldest are settled: what comes of them later is no news, and counts as doubled. */
static void model_give_up(struct model *m)
{
	unsigned holes = 0;

	for (uint64_t i = m->floor; i < m->next; i++)
		holes += is_open(m->state[i]) && (i == m->floor || m->state[i - 1] != m->state[i]);
	for (; holes > VERDICT_HOLES_MAX; holes--) {
		while (!is_open(m->state[m->floor]))
			m->floor++;
		for (uint8_t kind = m->state[m->floor]; m->floor < m->next && m->state[m->floor] == kind; m->floor++) {
			model_settle(m, m->floor);
			m->state[m->floor] = GIVEN_UP;
		}
	}
}

static void model_miss(struct model *m, uint64_t to, enum state as)
{
	for (; m->next < to; m->next++)
		m->state[m->next] = (uint8_t)as;
}

static enum follow_result model_see(struct model *m, uint64_t i, uint64_t sent)
{
	enum follow_result r = FOLLOW_NEW;

	if (i >= sent) {
		m->v.phantom++;
		return FOLLOW_PHANTOM;
	}
	if (i < m->start) {
		m->v.early++;
		return FOLLOW_EARLY;
	}
	if (i < m->next && !is_open(m->state[i])) {
		m->v.dup++;
		return FOLLOW_DUP;
	}
	if (i < m->next) {
		r = m->state[i] == AWAY ? FOLLOW_RESUMED : FOLLOW_LATE;
		m->v.resumed += m->state[i] == AWAY;
	} else {
		model_miss(m, i, m->told ? DECLARED : MISSING);
		m->told = false;
		m->next = i + 1;
	}
	m->v.reordered += i < m->newest;
	m->newest = i + 1 > m->newest ? i + 1 : m->newest;
	m->state[i] = SEEN;
	m->v.expected++;
	m->v.received++;
	model_give_up(m);
	return r;
}

static void model_end(struct model *m, uint64_t sent)
{
	model_miss(m, sent, m->told ? DECLARED : MISSING);
	for (uint64_t i = m->floor; i < m->next; i++) {
		if (is_open(m->state[i]))
			model_settle(m, i);
	}
}

static bool model_complete(const struct model *m, uint64_t number)
{
	for (uint64_t i = m->floor; i < m->next; i++) {
		if (m->state[i] == MISSING)
			return false;
	}
	return m->next >= number;
}

static bool same(const struct verdict *a, const struct verdict *b)
{
	return a->expected == b->expected && a->received == b->received && a->lost == b->lost && a->undeclared == b->undeclared &&
		a->dup == b->dup && a->reordered == b->reordered && a->phantom == b->phantom && a->away == b->away && a->resumed == b->resumed && a->early == b->early;
}

static void show(const char *who, const struct verdict *v)
{
	printf("# %s: expected %llu received %llu lost %llu undeclared %llu dup %llu reordered %llu phantom %llu away %llu early %llu\n", who,
		(unsigned long long)v->expected, (unsigned long long)v->received, (unsigned long long)v->lost,
		(unsigned long long)v->undeclared, (unsigned long long)v->dup, (unsigned long long)v->reordered,
		(unsigned long long)v->phantom, (unsigned long long)v->away, (unsigned long long)v->early);
}

/* --- random histories ------------------------------------------------------------------------- */

struct odds { /* of a thousand */
	unsigned lose, dup, hold, tell, leave, phantom, burst;
};

static unsigned long n_ops;
static struct verdict sum;

/* One carrier: messages are sent one after the other; each may be lost, held back for a while, or come twice. */
static bool history(uint64_t seed, size_t n, const struct odds *o)
{
	uint64_t held[64], sent, start = draw_below(&seed, 20);
	size_t n_held = 0, checks = 0;
	struct follow f;
	struct model m;
	struct verdict v = { 0 };
	bool good = true, away = false;

	model_init(&m, n + 64, start);
	follow_init(&f, start);
	for (sent = start; sent < n && good;) {
		uint64_t number, at = sent;
		enum follow_result got, want;

		n_ops++;
		if (away ? draw_below(&seed, 20) == 0 : draw_below(&seed, 1000) < o->leave) {
			away = !away;
			if (!away) {
				follow_return(&f, sent, &v);
				model_miss(&m, sent, AWAY);
				m.told = false;
				model_give_up(&m);
			}
			continue;
		}
		if (away) {
			sent++;
			continue;
		}
		if (draw_below(&seed, 1000) < o->tell) {
			follow_tell_gap(&f);
			m.told = true;
		}
		if (draw_below(&seed, 1000) < o->phantom) {
			number = sent + draw_below(&seed, 3);
		} else if (draw_below(&seed, 1000) < o->dup) {
			number = draw_below(&seed, 2) ? draw(&seed) % (sent + 1) : sent - (draw(&seed) % (sent < 30 ? sent + 1 : 30));
			if (number >= sent)
				continue;
		} else if (n_held && draw_below(&seed, 4) == 0) {
			size_t k = draw_below(&seed, (unsigned)n_held);
			number = held[k];
			held[k] = held[--n_held];
		} else {
			number = sent++;
			at = sent;
			if (draw_below(&seed, 1000) < o->lose) {
				sent += draw_below(&seed, o->burst + 1);
				sent = sent < n ? sent : n;
				continue;
			}
			if (draw_below(&seed, 1000) < o->hold && n_held < 64) {
				held[n_held++] = number;
				continue;
			}
		}
		got = follow_see(&f, number, at, &v);
		want = model_see(&m, number, at);
		good = got == want && same(&v, &m.v);
		if (++checks % 61 == 0)
			good &= follow_complete(&f, sent) == model_complete(&m, sent);
	}
	if (away) {
		follow_return(&f, sent, &v);
		model_miss(&m, sent, AWAY);
		m.told = false;
		model_give_up(&m);
	}
	follow_end(&f, sent, &v);
	model_end(&m, sent);
	good &= same(&v, &m.v) && v.expected == v.received + v.lost && v.undeclared <= v.lost;
	if (!good) {
		printf("# seed %llu, %zu messages\n", (unsigned long long)seed, n);
		show("got", &v);
		show("want", &m.v);
	}
	verdict_merge(&sum, &v);
	mem_free(m.state);
	follow_fini(&f);
	return good;
}

static void test_random(uint64_t seed)
{
	static const struct {
		const char *name;
		size_t n, times;
		struct odds odds;
	} kinds[] = {
		{ "nothing happens", 2000, 20, { .lose = 0 } },
		{ "a little of all", 500, 1200, { 10, 10, 10, 10, 5, 2, 5 } },
		{ "a lot of all", 300, 1500, { 200, 200, 200, 100, 30, 20, 3 } },
		{ "much is held back", 1000, 200, { 20, 20, 600, 20, 2, 0, 2 } },
		{ "mostly away", 500, 300, { 50, 300, 100, 50, 200, 0, 2 } },
		{ "more holes than are kept", 6000, 8, { 400, 300, 100, 20, 1, 1, 0 } },
		{ "more holes of an absence than are kept", 8000, 6, { 5, 600, 50, 10, 30, 0, 30 } },
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		size_t bad = 0;
		for (size_t i = 0; i < kinds[k].times; i++)
			bad += !history(draw(&seed), kinds[k].n, &kinds[k].odds);
		ok(bad == 0, "%s: %zu of %zu histories as the model says", kinds[k].name, kinds[k].times - bad, kinds[k].times);
	}
	show("together", &sum);
	ok(sum.lost > 10000 && sum.undeclared > 10000 && sum.lost > sum.undeclared && sum.dup > 10000 && sum.reordered > 10000 &&
			sum.phantom > 1000 && sum.away > 10000 && sum.early > 1000, "each of the counts was tried");
	ok(n_ops >= 1000000, "%lu operations", n_ops);
}

/* --- single promises -------------------------------------------------------------------------- */

static void test_words(void)
{
	struct verdict v = { 0 };
	struct follow f;

	follow_init(&f, 5);
	is_int(follow_see(&f, 4, 10, &v), FOLLOW_EARLY, "from before it listened");
	is_int(follow_see(&f, 5, 10, &v), FOLLOW_NEW, "the first");
	is_int(follow_see(&f, 5, 10, &v), FOLLOW_DUP, "the first again");
	is_int(follow_see(&f, 7, 10, &v), FOLLOW_NEW, "one is left out");
	ok(!follow_complete(&f, 8), "so it is not complete: the one left out may still come");
	is_int(follow_see(&f, 6, 10, &v), FOLLOW_LATE, "it comes");
	ok(follow_complete(&f, 8), "now it is");
	ok(!follow_complete(&f, 9), "but not up to what has not come");
	is_int(follow_see(&f, 10, 10, &v), FOLLOW_PHANTOM, "one that was never sent");
	follow_tell_gap(&f);
	is_int(follow_see(&f, 9, 10, &v), FOLLOW_NEW, "after a gap that was told");
	ok(follow_complete(&f, 10), "it need not be waited for");
	follow_end(&f, 12, &v);
	ok(same(&v, &(struct verdict){ .expected = 7, .received = 4, .lost = 3, .undeclared = 2, .dup = 1, .reordered = 1, .phantom = 1,
			.early = 1 }), "the verdict");
}

static void test_absence(void)
{
	struct verdict v = { 0 };
	struct follow f;

	follow_init(&f, 0);
	follow_see(&f, 0, 1, &v);
	follow_return(&f, 5, &v);
	ok(follow_complete(&f, 5), "what it was away for is not waited for");
	follow_see(&f, 1, 5, &v);
	follow_see(&f, 2, 5, &v);
	is_int(v.reordered, 0, "made good in order is in order");
	follow_see(&f, 5, 6, &v);
	follow_see(&f, 3, 6, &v);
	is_int(v.reordered, 1, "made good after a later one is not");
	follow_tell_gap(&f);
	follow_return(&f, 8, &v);
	follow_see(&f, 9, 10, &v);
	follow_end(&f, 10, &v);
	is_int(v.undeclared, 1, "a gap told before an absence says nothing of what is missing after it");
	is_int(v.away, 3, "sent while it was away");
	ok(v.expected == 7 && v.received == 6 && v.lost == 1, "the others were expected");
}

static void test_reconnects(void)
{
	struct verdict v = { 0 };
	struct follow f;

	follow_init(&f, 0);
	for (unsigned i = 1; i <= 100000; i++)
		follow_return(&f, i, &v);
	follow_see(&f, 100000, 100001, &v);
	is_int(follow_see(&f, 50000, 100001, &v), FOLLOW_RESUMED, "of 100000 absences in a row none is forgotten: they are one");
	follow_end(&f, 100001, &v);
	is_int(v.away, 99999, "and are counted");
}

/* What the server did not take need not come, wherever it lies. */
static void test_excuse(void)
{
	struct verdict v = { 0 };
	struct follow f;

	follow_init(&f, 10);
	follow_see(&f, 10, 100, &v);
	follow_see(&f, 15, 100, &v);
	for (unsigned i = 9; i <= 12; i++)
		follow_excuse(&f, i, &v);
	follow_excuse(&f, 14, &v);
	follow_excuse(&f, 15, &v);
	follow_excuse(&f, 14, &v);
	follow_excuse(&f, 18, &v);
	follow_end(&f, 20, &v);
	is_int(v.away, 4, "four that had not come");
	is_int(v.received, 2, "two have");
	is_int(v.lost, 4, "and the others are lost: 13, 16, 17, 19");
	is_int(v.expected, 6, "all that are expected");
}

int main(int argc, char **argv)
{
	test_words();
	test_absence();
	test_reconnects();
	test_excuse();
	test_random(argc > 1 ? strtoull(argv[1], NULL, 0) : 1);
	return tap_done();
}
