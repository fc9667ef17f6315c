/* retry.c - the one rule for coming again */
#include "client/retry.h"

#include "base/clock.h"

#define FIRST_STEP_MS   100 /* before the first connection: doubling to */
#define FIRST_CAP_MS    1000
#define RETRY_WINDOW_MS 5000 /* after an outage: full jitter over a window doubling to */
#define RETRY_CAP_MS    30000
#define SHIFT_MAX       16

static int64_t at_most(int64_t v, int64_t high)
{
	return v > high ? high : v;
}

void retry_outage(struct retry *r)
{
	r->attempt = 0;
	r->outage_at = clock_ms();
}

int64_t retry_left(const struct retry *r, const struct client_conf *conf)
{
	int64_t budget = r->ever_up ? conf->retry_ms : conf->retry_first_ms;
	int64_t lasted = clock_ms() - r->outage_at;

	return budget == INT64_MAX ? INT64_MAX : budget - lasted;
}

static int64_t retry_window(const struct client_conf *conf)
{
	return clock_test_ms("RT_RETRY_WINDOW_MS",
		conf->retry_window_ms ? conf->retry_window_ms : RETRY_WINDOW_MS);
}

int64_t retry_delay(const struct retry *r, const struct client_conf *conf)
{
	unsigned shift = r->attempt - 1 < SHIFT_MAX ? r->attempt - 1 : SHIFT_MAX;

	if (!r->ever_up)
		return r->asked_ms + at_most((int64_t)FIRST_STEP_MS << shift, FIRST_CAP_MS);
	return r->asked_ms +
	       (int64_t)rand_below((uint64_t)at_most(retry_window(conf) << shift, RETRY_CAP_MS) + 1);
}
