#include "base/rate.h"
#include "model.h"
#include "tap.h"

/* How many are taken at once from a rate that is new at `now_ms`. */
static int taken_at_once(struct rate *r, double per_second, int64_t now_ms)
{
	int n = 0;

	while (n < 1000 && rate_wait(r, per_second, now_ms) == 0) {
		rate_take(r, per_second, now_ms);
		n++;
	}
	return n;
}

static void test_burst(void)
{
	struct rate fast = { 0 }, slow = { 0 };

	is_int(taken_at_once(&fast, 50, 100000), 50, "those of one second come at once");
	is_int(rate_wait(&fast, 50, 100000), 20, "the next one when its time has come");
	is_int(taken_at_once(&fast, 50, 100019), 0, "not before");
	is_int(taken_at_once(&fast, 50, 100020), 1, "then one");
	is_int(taken_at_once(&fast, 50, 200000), 50, "silence saves one second, not more");
	is_int(taken_at_once(&slow, 0.1, 5), 1, "of a slow rate one comes at once");
	is_int(rate_wait(&slow, 0.1, 5), 10000, "and the next after the whole of its time");
	is_int(taken_at_once(&slow, 0.1, 10005), 1, "as it does");
}

/* Whoever comes when, no more than the rate and its burst are taken. */
static void test_long_run(void)
{
	struct rate r = { 0 };
	uint64_t seed = 7;
	int64_t now_ms = 0;
	double most = 1000 / 3.0 * 7 / 1000;
	int n = 0;

	while (now_ms < 1000000) {
		if (rate_wait(&r, most, now_ms) == 0) {
			rate_take(&r, most, now_ms);
			n++;
		}
		now_ms += (int64_t)draw_below(&seed, 400);
	}
	ok(n <= (int)(most * 1000) + 3, "no more than the rate: %d", n);
	ok(n >= (int)(most * 1000) * 9 / 10, "and hardly less: %d", n);
}

int main(void)
{
	test_burst();
	test_long_run();
	return tap_done();
}
