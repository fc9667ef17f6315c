/* rate.c - takes and waits of one rate; time is an argument */
#include "base/rate.h"

void rate_take(struct rate *r, double per_second, int64_t now_ms)
{
	double now = (double)now_ms;

	r->due_ms = (r->due_ms > now ? r->due_ms : now) + 1000 / per_second;
}

int64_t rate_wait(const struct rate *r, double per_second, int64_t now_ms)
{
	double one = 1000 / per_second, burst = one > RATE_BURST_MS ? one : RATE_BURST_MS;
	double ahead = r->due_ms + one - burst - (double)now_ms;
	int64_t ms = ahead > 0 ? (int64_t)ahead : 0;

	/* A millionth is what adding up fractions leaves behind. */
	return ahead > (double)ms + 1e-6 ? ms + 1 : ms;
}
